#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the functional cases: every directory with an expect.yaml is one.

  tests/functional/run.py [--binary build/sallyport] [--jobs N] [--update] [--keep] [--list] [CASE...]

Prints `ok CASE`, `not ok CASE: reason` or `skip CASE: reason`, one line a case, and exits 1 when one
failed. --update rewrites the golden events.ndjson of cases that have one; --keep leaves the working
directories and names them. What a case may hold is told in README.md.
"""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.dont_write_bytecode = True  # a test leaves nothing in the tree
sys.path.insert(0, str(HERE))
import craft  # noqa: E402  (a case's packets.py imports it by this name)

REPLAY_SECONDS_MAX = 120  # under sanitizers on a busy machine; a case takes well under a second
KEYS = {"args", "config", "events", "exit", "golden", "inputs", "needs", "order", "packets", "repeat",
        "run", "stderr", "stdout"}


class Failure(Exception):
    """A case did not do what it says."""


# ---- what was seen -------------------------------------------------------------------------------

def dotted(document, path):
    """Value at a dotted path of an ECS document; label keys may hold dots themselves."""
    if not path:
        return document
    if not isinstance(document, dict):
        return None
    parts = path.split(".")
    for size in range(1, len(parts) + 1):
        key = ".".join(parts[:size])
        if key in document:
            return dotted(document[key], ".".join(parts[size:]))
    return None


def agrees(actual, expected):
    """null: absent; /re/: matches; a list: each is there; a scalar: equal, or one of an actual list."""
    if expected is None:
        return actual is None
    if isinstance(expected, list):
        return isinstance(actual, list) and all(agrees(actual, item) for item in expected)
    if isinstance(actual, list):
        return any(agrees(item, expected) for item in actual)
    if isinstance(expected, str) and len(expected) > 1 and expected[0] == expected[-1] == "/":
        return actual is not None and re.search(expected[1:-1], str(actual)) is not None
    return actual == expected


def count_agrees(seen, wanted):
    """A number, or the text of a comparison: ">=1"."""
    if isinstance(wanted, int):
        return seen == wanted
    operator, number = re.fullmatch(r"(>=|<=)\s*(\d+)", wanted).groups()
    return seen >= int(number) if operator == ">=" else seen <= int(number)


def packet_field(packet, path):
    """LAYER.field of a sent frame, as Scapy names them (IP.src, TCP.flags, ICMP.type, DNS.rcode)."""
    layer_name, field = path.split(".", 1)
    layer = packet.getlayer(layer_name)
    if layer is None:
        return None
    value = getattr(layer, field)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, (int, str)) and not hasattr(value, "flagrepr") else str(value)


def read_capture(path):
    from scapy.utils import rdpcap  # slow to import, and only these cases want it
    return list(rdpcap(str(path))) if path.exists() and path.stat().st_size > 24 else []


def wrong_checksum(packet):
    """Name of a layer whose checksum is wrong: every frame we send is held to that, asked or not."""
    kind = type(packet)  # Ethernet from `run`, bare IP from `replay`
    for layer in ("IP", "TCP", "UDP", "ICMP"):
        if packet.haslayer(layer):
            again = kind(bytes(packet))
            seen = again.getlayer(layer).chksum
            if layer == "UDP" and seen == 0:
                continue
            del again.getlayer(layer).chksum
            if kind(bytes(again)).getlayer(layer).chksum != seen:
                return layer
    return None


# ---- one case ------------------------------------------------------------------------------------

class Case:
    def __init__(self, name, options):
        self.name = name
        self.source = HERE / name
        self.options = options
        self.expect = yaml.safe_load((self.source / "expect.yaml").read_text()) or {}
        unknown = set(self.expect) - KEYS
        if unknown:
            raise Failure(f"expect.yaml: unknown keys {sorted(unknown)}")
        self.work = None

    # Inputs.

    def prepare(self, work):
        self.work = work
        shutil.copytree(HERE / "common", work, dirs_exist_ok=True)
        shutil.copytree(self.source, work, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("__pycache__", "events.ndjson"))

    def module(self):
        path = self.source / "packets.py"
        if not path.exists():
            return None
        spec = importlib.util.spec_from_file_location(f"packets_{self.name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def write_captures(self, module, sent):
        """packets(), or packets(sent) where a case answers what the gateway sent in the pass before."""
        if module is None:
            return
        made = module.packets(sent) if getattr(module, "ANSWERS", False) else module.packets()
        captures = made if isinstance(made, dict) else {"input.pcap": made}
        for name, packets in captures.items():
            if not getattr(module, "TIMED", False):
                craft.timed(packets)
            data = craft.capture_bytes(packets, getattr(module, "LINK", "ethernet"),
                                       getattr(module, "FORMAT", "pcap"))
            mangle = getattr(module, "mangle", None)
            (self.work / name).write_bytes(mangle(data) if mangle else data)

    # The program.

    def command(self):
        inputs = self.expect.get("inputs", ["input.pcap"])
        command = [str(self.options.binary), "replay", *inputs]
        if (self.work / "sallyport.yaml").exists():
            command += ["-c", "sallyport.yaml"]
        else:
            command += ["--workloads", "workloads.json"]
        for feed in sorted((self.work / "feeds").glob("*.txt")):
            # feeds/NAME.ACTION.txt
            if len(feed.suffixes) == 2 and not (self.work / "sallyport.yaml").exists():
                command += ["--feed", f"{feed.name.split('.')[0]}=feeds/{feed.name},action={feed.suffixes[0][1:]}"]
        if (self.work / "policy").is_dir() and not (self.work / "sallyport.yaml").exists():
            command += ["--policy", "policy"]
        return command + ["--events", "events.ndjson", "--pcap-out", "out.pcap"] + self.expect.get("args", [])

    def replay(self):
        for name in ("events.ndjson", "out.pcap"):
            (self.work / name).unlink(missing_ok=True)
        command = self.command()
        (self.work / "command").write_text(" ".join(command) + "\n")
        try:
            done = subprocess.run(command, cwd=self.work, capture_output=True, timeout=REPLAY_SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"still running after {REPLAY_SECONDS_MAX} s") from error
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def run_gateway(self):
        """`sallyport run` on net_pcap devices until the file sink holds what is expected, then SIGTERM."""
        settings = self.expect["run"]
        command = [str(self.options.binary), "run", "-c", "sallyport.yaml"]
        (self.work / "command").write_text(" ".join(command) + "\n")
        with open(self.work / "stdout", "wb") as out, open(self.work / "stderr", "wb") as err, \
                subprocess.Popen(command, cwd=self.work, stdout=out, stderr=err) as process:
            deadline = time.monotonic() + settings.get("seconds_max", 60)
            try:
                while process.poll() is None and time.monotonic() < deadline and not self.run_is_done(settings):
                    time.sleep(0.1)
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                status = process.wait(timeout=30)
            except subprocess.TimeoutExpired as error:
                raise Failure("did not end within 30 s of SIGTERM") from error
            finally:
                if process.poll() is None:
                    process.kill()
        return status, (self.work / "stdout").read_text(errors="replace"), (self.work / "stderr").read_text(errors="replace")

    def run_is_done(self, settings):
        events = self.work / "events.ndjson"
        lines = events.read_bytes().count(b"\n") if events.exists() else 0
        sent = self.work / "out.pcap"
        bytes_sent = sent.stat().st_size if sent.exists() else 0
        return lines >= settings.get("until_events", 0) and bytes_sent >= settings.get("until_bytes_sent", 0)

    # Expectations.

    def check_process(self, status, stdout, stderr):
        wanted = self.expect.get("exit", 0)
        told = stderr.strip().splitlines()[-8:]
        if wanted == "nonzero":
            if status <= 0:
                raise Failure(f"exit {status}, not zero was wanted; standard error: {told}")
        elif status != wanted:
            raise Failure(f"exit {status}, {wanted} was wanted; standard error: {told}")
        for stream, text in (("stdout", stdout), ("stderr", stderr)):
            for pattern in self.expect.get(stream, []):
                if not re.search(pattern, text, re.MULTILINE):
                    raise Failure(f"{stream} has no match of {pattern!r}: {text.strip()[-600:]!r}")

    def read_events(self):
        path = self.work / "events.ndjson"
        if not path.exists():
            return []
        try:
            return [json.loads(line) for line in path.read_text().splitlines()]
        except json.JSONDecodeError as error:
            raise Failure(f"events.ndjson: not JSON: {error}") from error

    def check_events(self, events):
        for row in self.expect.get("events", []):
            found = [event for event in events
                     if all(agrees(dotted(event, path), value) for path, value in row.get("match", {}).items())]
            if not count_agrees(len(found), row["count"]):
                raise Failure(f"{len(found)} events, {row['count']} wanted, with {row.get('match', {})}; seen: "
                              + "; ".join(event.get("message", "?") for event in events)[:800])
        wanted = self.expect.get("order")
        if wanted:
            actions = [dotted(event, "event.action") for event in events]
            position = -1
            for action in wanted:
                if action not in actions[position + 1:]:
                    raise Failure(f"event actions {actions} do not hold {wanted} in this order")
                position = actions.index(action, position + 1)

    def check_packets(self):
        rows = self.expect.get("packets")
        packets = read_capture(self.work / "out.pcap")
        for number, packet in enumerate(packets, 1):
            layer = wrong_checksum(packet)
            if layer:
                raise Failure(f"sent packet {number} has a wrong {layer} checksum: {packet.summary()}")
        for row in rows or []:
            found = [packet for packet in packets
                     if all(agrees(packet_field(packet, path), value) for path, value in row.get("match", {}).items())]
            if not count_agrees(len(found), row["count"]):
                raise Failure(f"{len(found)} packets sent, {row['count']} wanted, with {row.get('match', {})}; sent: "
                              + "; ".join(packet.summary() for packet in packets)[:800])
        return packets

    def check_schema(self):
        checker = ROOT / "tests" / "support" / "check_ecs.py"
        path = self.work / "events.ndjson"
        if not checker.exists() or not path.exists() or path.stat().st_size == 0:
            return
        done = subprocess.run([sys.executable, str(checker), str(path)], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 77):  # 77: the schema is not on this machine
            raise Failure("not valid ECS: " + (done.stdout + done.stderr).strip()[-600:])

    def check_golden(self):
        golden = self.source / "events.ndjson"
        if not golden.exists() and not (self.options.update and self.expect.get("golden")):
            return
        seen = portable((self.work / "events.ndjson").read_text())
        if self.options.update:
            golden.write_text(seen)
        elif seen != golden.read_text():
            pairs = zip(seen.splitlines() + ["(no event)"], golden.read_text().splitlines() + ["(no event)"])
            different = next(((ours, theirs) for ours, theirs in pairs if ours != theirs), ("", ""))
            raise Failure(f"events differ from the golden file: {different[0]} instead of {different[1]}")

    def once(self, module):
        self.write_captures(module, [])
        result = self.run_gateway() if "run" in self.expect else self.replay()
        if module is not None and getattr(module, "ANSWERS", False):
            self.write_captures(module, read_capture(self.work / "out.pcap"))
            result = self.replay()
        return result

    def run(self):
        for need in self.expect.get("needs", []):
            if need == "root" and os.getuid() != 0:
                return "needs root"
        module = self.module()
        outputs = set()
        for _ in range(self.expect.get("repeat", 1)):
            self.check_process(*self.once(module))
            path = self.work / "events.ndjson"
            outputs.add(path.read_bytes() if path.exists() else b"")
        if len(outputs) != 1:
            raise Failure("the same input gave different events")
        self.check_events(self.read_events())
        self.check_packets()
        self.check_schema()
        self.check_golden()
        return None


def portable(text):
    """Golden files hold what is the same on every machine: not its name, not the program's version."""
    lines = []
    for line in text.splitlines():
        document = json.loads(line)
        observer = document.get("observer", {})
        observer.update({key: "*" for key in ("hostname", "version") if key in observer})
        lines.append(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")
    return "".join(lines)


def run_case(name, options):
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"sallyport-{name}-"))
    try:
        case = Case(name, options)
        case.prepare(work)
        reason = case.run()
        verdict = f"skip {name}: {reason}" if reason else f"ok {name}"
    except Failure as failure:
        verdict = f"not ok {name}: {failure}"
    except Exception as error:  # a mistake in a case is that case's failure, not the end of the run
        verdict = f"not ok {name}: {type(error).__name__}: {error}"
    if options.keep:
        print(f"# {name}: {work}", flush=True)
    else:
        shutil.rmtree(work, ignore_errors=True)
    return verdict.replace("\n", " ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build" / "sallyport")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    names = sorted(path.parent.name for path in HERE.glob("*/expect.yaml"))
    if options.list:
        print("\n".join(names))
        return 0
    unknown = set(options.cases) - set(names)
    if unknown:
        print(f"no such case: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if not options.binary.exists():
        print(f"not ok functional: {options.binary} is not built")
        return 1
    failed = False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for verdict in pool.map(lambda name: run_case(name, options), options.cases or names):
            print(verdict, flush=True)
            failed |= verdict.startswith("not ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
