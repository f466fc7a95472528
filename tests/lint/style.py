#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no other tool checks: sizes, banned words, header guards.

Prints file:line: message for each breach; exit 1 when there is one.  tests/lint/style.py [ROOT]
"""
import pathlib
import re
import subprocess
import sys

FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
CODE_COLUMNS_MAX = 100
PROSE_COLUMNS_MAX = 125
# Debt is an issue, not a comment; the words stand apart here so that this file passes its own check.
BANNED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
# Links, long and raw strings, rows of Markdown tables, and rows of macro tables, which hold a sentence.
LONG_BY_NATURE = re.compile(r"https?://|R\"|\"(?:[^\"\\]|\\.){50,}\"|^\s*\||^\s*X\(|\\$")
CODE = {".h", ".cc"}
TEXT = {".h", ".cc", ".py", ".sh", ".md", ".yaml", ".yml", ".txt", ".build"}


def files(root):
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True).stdout.decode()
    for name in sorted(set(filter(None, listing.split("\0")))):
        path = root / name
        if path.is_file() and "corpus" not in path.parts and "golden" not in path.parts:
            yield name, path


def is_text(name, path):
    if pathlib.Path(name).suffix in TEXT:
        return True
    if "." in pathlib.Path(name).name:
        return False
    return path.read_bytes()[:2] == b"#!"


def check_lines(name, lines):
    suffix = pathlib.Path(name).suffix
    prose = suffix in {".md", ".yaml", ".yml", ".txt"} or suffix not in CODE
    limit = PROSE_COLUMNS_MAX if prose else CODE_COLUMNS_MAX
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and suffix != ".md":
            yield number, "blanks at the end of the line"
        if "\t" in line and suffix not in {".txt"}:
            yield number, "a tab"
        # Documents that a test quotes in a raw string keep their own lines.
        quoted = name.startswith("tests/") and line.lstrip().startswith(('{"', '"', "- {"))
        if len(line) > limit and not LONG_BY_NATURE.search(line) and suffix != ".txt" and not quoted:
            yield number, f"{len(line)} columns, at most {limit}"
        if BANNED.search(line):
            yield number, "debt belongs in an issue, not in a comment"


def check_functions(lines):
    """As clang-format lays them out: a definition begins and ends in the first column."""
    begin = None
    for number, line in enumerate(lines, 1):
        if re.match(r"[^\s#/].*\{$", line):
            is_function = re.search(r"\)[^()]*\{$", line) and not line.startswith("namespace")
            begin = number if is_function else None
        elif line.startswith("}"):
            if begin is not None and number - begin + 1 > FUNCTION_LINES_MAX:
                yield begin, f"a function of {number - begin + 1} lines, at most {FUNCTION_LINES_MAX}"
            begin = None


def check_code(name, lines):
    if len(lines) >= FILE_LINES_MAX:
        yield len(lines), f"{len(lines)} lines, below {FILE_LINES_MAX} asked"
    yield from check_functions(lines)
    if not name.endswith(".h"):
        return
    if "#pragma once" not in lines[:30]:
        yield 1, "a header without #pragma once"
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*using namespace\b", line):
            yield number, "`using namespace` in a header reaches everybody who includes it"


def check(name, path):
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield 1, f"not UTF-8: {error.reason}"
        return
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no line end at the end of the file"
    if "\r" in text:
        yield 1, "carriage returns"
    lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
    yield from check_lines(name, lines)
    if pathlib.Path(name).suffix in CODE:
        yield from check_code(name, lines)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if root.is_file():
        root = root.parents[2]
    bad = count = 0
    for name, path in files(root):
        if not is_text(name, path):
            continue
        count += 1
        for number, message in check(name, path):
            print(f"{name}:{number}: {message}")
            bad += 1
    if not bad:
        print(f"style: {count} files keep the house rules")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
