#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spool and Kafka sink alone (no gateway, no root) against a real broker: the broker is killed with SIGKILL
and started again four times while 1 000 events a second enter the spool, and the exporting process is killed
three times in between; test_kafka_outage.py does the same to a whole gateway, ten times. Every event the spool
holds must be on Kafka: no hole in a sequence, nothing doubled once repeats are removed by event.id, order kept
under each key (K1, K8)."""

import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KAFKA_SCRIPT = ROOT / "deploy/lab/kafka.sh"
BUILDS = ("build/debug", "build", "build/asan")
KILLS = int(os.environ.get("SALLYPORT_LAB_KILLS", "4"))
RATE = int(os.environ.get("SALLYPORT_LAB_RATE", "1000"))
EXPORTER_KILLED_AFTER = {1, 2, 3}
UP_SECONDS, DOWN_SECONDS = 3, 2
EXIT_SKIPPED = 77


class Skip(Exception):
    """A facility this machine lacks."""


def load_program():
    named = os.environ.get("SALLYPORT_SPOOL_LOAD")
    candidates = [pathlib.Path(named)] if named else [ROOT / build / "tests/lab/spool_load" for build in BUILDS]
    for path in candidates:
        if path.exists():
            return path
    raise Skip("spool_load is not built (ninja -C build/debug tests/lab/spool_load)")


def free_port():
    """A port whose neighbour is free too: the controller listens there."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise Skip("no two free neighbouring ports")


class Broker:
    def __init__(self, work):
        for tool in ("java", "kcat"):
            if not shutil.which(tool):
                raise Skip(f"{tool} not installed (deploy/packages.txt, section lab)")
        self.dir, self.log = work / "kafka", work / "kafka.log"
        fetched = subprocess.run([KAFKA_SCRIPT, "fetch"], capture_output=True, text=True, check=False)
        if fetched.returncode != 0:
            raise Skip(f"Kafka cannot be fetched: {fetched.stderr.strip()}")
        self.port = free_port()

    def script(self, *arguments):
        with open(self.log, "ab") as log:
            subprocess.run([KAFKA_SCRIPT, *map(str, arguments)], stdout=log, stderr=log, check=True)

    def __enter__(self):
        self.script("start", self.dir, self.port)
        return self

    def __exit__(self, *_):
        self.script("stop", self.dir)

    def kill_and_restart(self):
        self.script("kill9", self.dir)
        time.sleep(DOWN_SECONDS)
        self.script("restart", self.dir)

    def messages(self):
        """(topic, partition, key, event id) of everything, in the order of each partition."""
        address = f"127.0.0.1:{self.port}"
        for name in ("flow", "dns", "threat"):
            topic = f"egress.{name}.v1"
            reader = subprocess.Popen(
                ["kcat", "-q", "-C", "-b", address, "-t", topic, "-o", "beginning", "-e", "-f", "%p\t%k\t%h\n"],
                stdout=subprocess.PIPE, text=True)
            for line in reader.stdout:
                partition, key, headers = line.rstrip("\n").split("\t")
                pairs = dict(pair.split("=", 1) for pair in headers.split(","))
                yield topic, partition, key, pairs["event-id"]
            if reader.wait() != 0:
                raise RuntimeError(f"kcat could not read {topic}")


class Exporter:
    def __init__(self, program, spool, broker):
        self.arguments = [str(program), str(spool), f"127.0.0.1:{broker.port}", str(RATE)]
        self.boot, self.process = 0, None

    def start(self):
        self.boot += 1
        self.process = subprocess.Popen([*self.arguments, str(self.boot)], stdout=subprocess.PIPE, text=True)

    def kill_and_restart(self):
        self.process.kill()
        self.process.communicate()
        self.start()

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=90)
        return json.loads(out) if self.process.returncode == 0 else {"status": self.process.returncode}


class Ledger:
    def __init__(self):
        self.seen = collections.defaultdict(set)
        self.latest, self.repeats, self.disorder = {}, 0, []

    def add(self, topic, partition, key, event_id):
        stream, number = event_id.rsplit(":", 1)
        number = int(number)
        if number in self.seen[stream]:
            self.repeats += 1
            return
        self.seen[stream].add(number)
        boot = int(stream.split(":")[1], 16)
        place = (topic, partition, key)
        if self.latest.get(place, (0, 0)) > (boot, number):
            self.disorder.append((event_id, self.latest[place]))
        self.latest[place] = (boot, number)

    def holes(self):
        return {stream: max(numbers) - len(numbers) for stream, numbers in self.seen.items()
                if max(numbers) != len(numbers)}


def ok(results, name, condition, reason):
    results.append(bool(condition))
    print(f"ok {name}" if condition else f"not ok {name}: {reason}", flush=True)


def test(work):
    results = []
    program = load_program()
    with Broker(work) as broker:
        exporter = Exporter(program, work / "spool", broker)
        exporter.start()
        for number in range(1, KILLS + 1):
            time.sleep(UP_SECONDS)
            broker.kill_and_restart()
            if number in EXPORTER_KILLED_AFTER:
                exporter.kill_and_restart()
            print(f"# kill {number} of {KILLS}", file=sys.stderr, flush=True)
        time.sleep(UP_SECONDS)
        report = exporter.finish()
        print(f"# {report}", file=sys.stderr, flush=True)
        ledger = Ledger()
        for message in broker.messages():
            ledger.add(*message)
    total = sum(len(numbers) for numbers in ledger.seen.values())
    print(f"# {total} events of {len(ledger.seen)} boots, {ledger.repeats} repeats", file=sys.stderr, flush=True)
    ok(results, "the drain ended with nothing left", report.get("behind") == 0 and report.get("lost") == 0, report)
    ok(results, "missing: 0", not ledger.holes(), ledger.holes())
    last = ledger.seen[f"egw-1:{exporter.boot:08x}:3"]
    ok(results, "the last process sent all it had", len(last) == report.get("appended"), f"{len(last)} of {report}")
    ok(results, "every process was heard", len(ledger.seen) == exporter.boot, sorted(ledger.seen))
    ok(results, "order kept under each key", not ledger.disorder, f"{len(ledger.disorder)}: {ledger.disorder[:3]}")
    ok(results, "at least the rate for as long as it ran", total > RATE * KILLS * UP_SECONDS, total)
    return 0 if all(results) else 1


def main():
    try:
        with tempfile.TemporaryDirectory(prefix="sallyport-kills-") as work:
            return test(pathlib.Path(work))
    except Skip as reason:
        print(f"skipped: {reason}")
        return 1 if os.environ.get("CI") == "true" else EXIT_SKIPPED


if __name__ == "__main__":
    sys.exit(main())
