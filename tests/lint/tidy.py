#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every source of the project, in parallel, within a budget, remembering what was clean.

  tests/lint/tidy.py BUILD [--minutes N] [--jobs N] [--cache DIR] [FILE...]

BUILD has a compile_commands.json. A file is looked at again only when it, a header of ours that it
reaches, its command or .clang-tidy changed. Files that the budget leaves out are counted and named;
sources changed last come first. Exit 1 when something was found.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

FOLDERS = ("gateway", "classifier", "feeds", "exporters", "tests")
# clang-tidy names a file as the compiler was told it, from inside the build directory.
PLACE = re.compile(r"^\S*?(?=(?:" + "|".join(FOLDERS) + r")/\S*:\d+:\d+: )")
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


class Tree:
    """Our sources and what they reach through #include "..."."""

    def __init__(self, root):
        self.root = root
        self.reached = {}

    def reach(self, name):
        if name not in self.reached:
            self.reached[name] = {name}
            path = self.root / name
            for target in INCLUDE.findall(path.read_bytes()) if path.is_file() else ():
                self.reached[name] |= self.reach(target.decode())
        return self.reached[name]

    def key(self, name, command):
        digest = hashlib.sha256(command.encode())
        digest.update((self.root / ".clang-tidy").read_bytes())
        for reached in sorted(self.reach(name)):
            path = self.root / reached
            digest.update(reached.encode() + b"\0" + (path.read_bytes() if path.is_file() else b""))
        return digest.hexdigest()


def commands(root, build):
    entries = json.loads((build / "compile_commands.json").read_text())
    found = {}
    for entry in entries:
        path = pathlib.Path(os.path.normpath(pathlib.Path(entry["directory"]) / entry["file"]))
        try:
            name = str(path.relative_to(root))
        except ValueError:
            continue
        if name.split("/")[0] in FOLDERS and path.is_file():
            found.setdefault(name, entry["command"])
    return found


def changed_last_first(root):
    """Rank of a name by its latest commit, and by time of change on disk where git does not know better."""
    listing = subprocess.run(["git", "-C", str(root), "log", "--name-only", "--format=", "-n", "300"],
                             capture_output=True, text=True, check=False).stdout
    edited = subprocess.run(["git", "-C", str(root), "diff", "--name-only", "HEAD"],
                            capture_output=True, text=True, check=False).stdout
    order = {}
    for name in edited.split() + listing.split():
        order.setdefault(name, len(order))
    return lambda name: (order.get(name, len(order)), -(root / name).stat().st_mtime)


def tidy(name, root, build):
    done = subprocess.run(
        ["clang-tidy-14", "--quiet", "-p", str(build), "--extra-arg=-Wno-unknown-warning-option",
         str(root / name)],
        capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 and not lines:
        lines = done.stderr.splitlines()
    return done.returncode == 0, [PLACE.sub("", line) for line in lines]


def findings(lines):
    """Groups of lines, each beginning with file:line:column."""
    group = []
    for line in lines:
        if re.match(r"\S+:\d+:\d+: (error|warning):", line) and group:
            yield "\n".join(group)
            group = []
        group.append(line)
    if group:
        yield "\n".join(group)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("files", nargs="*", help="only these")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sallyport" / "tidy")
    return parser.parse_args()


def main():
    options = arguments()
    root = pathlib.Path(__file__).resolve().parents[2]
    build = options.build.resolve()
    tree = Tree(root)
    wanted = {name: tree.key(name, command) for name, command in commands(root, build).items()
              if not options.files or name in options.files}
    options.cache.mkdir(parents=True, exist_ok=True)
    due = [name for name, key in wanted.items() if not (options.cache / key).exists()]
    due.sort(key=changed_last_first(root))
    deadline = time.monotonic() + options.minutes * 60
    bad, left = 0, []
    told = set()  # a header's finding comes once, not once for each file that includes it

    def look(name):
        return (name, None, []) if time.monotonic() > deadline else (name, *tidy(name, root, build))

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, clean, lines in pool.map(look, due):
            if clean is None:
                left.append(name)
            elif clean:
                (options.cache / wanted[name]).touch()
            else:
                bad += 1
                fresh = [finding for finding in findings(lines) if finding not in told]
                told.update(fresh)
                print("\n".join(fresh or [f"{name}: only what is told above"]), flush=True)
    for name in left:
        print(f"{name}: not looked at, the budget of {options.minutes:g} minutes was over")
    print(f"tidy: {len(wanted)} files, {len(wanted) - len(due)} known to be clean, "
          f"{len(due) - len(left)} looked at, {len(left)} left, {bad} with findings")
    return 1 if bad or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
