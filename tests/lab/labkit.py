# SPDX-License-Identifier: Apache-2.0
"""What the lab's tests share: a lab, a gateway in it, a broker, the events, and the lines they print.

A test is a function given to `run`. It calls `checks.ok(name, condition, reason)`; every call prints one
line, `ok NAME` or `not ok NAME: reason`. Exit status: 0 all passed, 77 skipped (1 with CI=true), 1 otherwise.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB_SCRIPT = ROOT / "deploy/lab/lab.sh"
KAFKA_SCRIPT = ROOT / "deploy/lab/kafka.sh"
TRAFFIC = ROOT / "tests/lab/traffic.py"
BINARY = pathlib.Path(os.environ.get("SALLYPORT_BINARY", ROOT / "build/sallyport"))

EXIT_SKIPPED = 77  # meson's and automake's skip code
READY_SECONDS_MAX = 40
DRAIN_SECONDS_MAX = 20
KAFKA_PORT = 9092
ECHO_PORT = 9999
PAYMENTS_POOL = {f"192.0.2.{last}" for last in range(16, 20)}
DEFAULT_POOL = {f"192.0.2.{last}" for last in range(32, 36)}
TOOLS = ("ip", "nsenter", "unshare", "ethtool", "nginx", "dnsmasq", "openssl", "dig", "curl")
KAFKA_TOOLS = ("java", "kcat")


class Skip(Exception):
    """A facility this machine lacks; the text says which."""


class Failed(Exception):
    """The test cannot go on; the text says why."""


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def ok(self, name, condition, reason=""):
        if condition:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name}: {reason}", flush=True)
        return bool(condition)


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def wait_until(condition, seconds_max, step=0.1):
    """The condition's first true value, or its last false one after `seconds_max`."""
    end = time.monotonic() + seconds_max
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(step)
    return value


def read_ndjson(path):
    """Complete lines only: the writer may be in the middle of the last."""
    try:
        text = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def at(document, path, default=None):
    """The value at a dotted path of a nested document."""
    for part in path.split("."):
        if not isinstance(document, dict) or part not in document:
            return default
        document = document[part]
    return document


def select(events, **wanted):
    """Events whose values equal `wanted`; `__` in a keyword is a dot: event__action="flow-start"."""
    pairs = [(key.replace("__", "."), value) for key, value in wanted.items()]
    return [event for event in events if all(at(event, path) == value for path, value in pairs)]


class Lab:
    """One lab of its own name, taken down at the end whatever happens."""

    def __init__(self):
        self.name = f"t{os.getpid()}"
        self.dir = pathlib.Path(f"/tmp/sallyport-lab-{self.name}")
        self.config = self.dir / "sallyport.yaml"
        self.ca = self.dir / "ca.pem"
        self.running = []

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            raise Skip(f"{', '.join(missing)} not installed (deploy/packages.txt, section lab)")
        self.script("up")
        return self

    def __exit__(self, kind, *_):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
        if kind and kind is not Skip:
            self.show_logs()
        if not os.environ.get("SALLYPORT_LAB_KEEP"):
            subprocess.run([LAB_SCRIPT, "-n", self.name, "down"], check=False)

    def show_logs(self):
        for log in sorted(self.dir.glob("gateway*.log")) + sorted(self.dir.glob("kafka/broker.log")):
            lines = log.read_text(errors="replace").splitlines()[-15:]
            note(f"the end of {log.name}:\n#   " + "\n#   ".join(lines))

    def script(self, *arguments):
        done = subprocess.run([LAB_SCRIPT, "-n", self.name, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"lab.sh {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def command(self, place, *arguments):
        """`place` is a pod's handle, or `gateway`, or `internet`."""
        where = [place] if place in ("gateway", "internet") else ["exec", place]
        return [str(LAB_SCRIPT), "-n", self.name, *where, *map(str, arguments)]

    def run(self, place, *arguments, seconds_max=60):
        return subprocess.run(self.command(place, *arguments), capture_output=True, text=True, check=False,
                              timeout=seconds_max)

    def start(self, place, *arguments, **options):
        process = subprocess.Popen(self.command(place, *arguments), **options)
        self.running.append(process)
        return process

    def traffic(self, pod, *arguments):
        """Starts traffic.py in a pod; `finish` stops it and gives its result."""
        return self.start(pod, TRAFFIC, *arguments, stdout=subprocess.PIPE, text=True)

    def traffic_result(self, pod, *arguments):
        done = self.run(pod, TRAFFIC, *arguments, seconds_max=120)
        if done.returncode != 0:
            raise Failed(f"traffic.py {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def curl(self, pod, url, *options):
        """(exit status, body, curl's own error text)"""
        done = self.run(pod, "curl", "-sS", "-m", "15", "--cacert", self.ca, *options, url)
        return done.returncode, done.stdout, done.stderr.strip()

    def dig(self, pod, name, *options):
        """(status, first address)"""
        done = self.run(pod, "dig", "+time=3", "+tries=2", *options, name)
        status = re.search(r"status: (\w+)", done.stdout)
        address = re.search(r"\d\s+IN\s+A\s+(\S+)", done.stdout)
        return status.group(1) if status else "none", address.group(1) if address else ""

    def served(self):
        """What nginx logged: one object a request."""
        return read_ndjson(self.dir / "nginx/access.log")

    def write_config(self, sinks=("file",), replace=(), name="sallyport.yaml"):
        """sallyport.yaml from the lab's template, with some text replaced; each piece must be there once."""
        lines = {"file": "    - file: {path: events.ndjson, encoding: ecs}",
                 "kafka": f'    - kafka: {{brokers: ["127.0.0.1:{KAFKA_PORT}"], topics: {{prefix: egress}}}}'}
        text = (ROOT / "deploy/lab/sallyport.yaml.in").read_text()
        text = text.replace("@SINKS@", "\n".join(lines[sink] for sink in sinks))
        for old, new in replace:
            if text.count(old) != 1:
                raise Failed(f"the lab's configuration holds {old!r} {text.count(old)} times")
            text = text.replace(old, new)
        path = self.dir / name
        path.write_text(text)
        return path

    def events(self):
        return read_ndjson(self.dir / "events.ndjson")

    def pods(self):
        """Pod objects by the address that stands in pods.txt."""
        items = json.loads((self.dir / "pods.json").read_text())["items"]
        return {item["status"]["podIP"]: item for item in items
                if item["kind"] == "Pod" and item["status"]["phase"] == "Running"}


def finish(process, seconds_max=40):
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=seconds_max)
    return json.loads(out)


class Gateway:
    """`sallyport run` in the lab's gateway namespace."""

    def __init__(self, lab, config=None):
        if not BINARY.exists():
            raise Skip(f"{BINARY} is not built")
        self.lab, self.config = lab, config or lab.config
        self.log = lab.dir / "gateway.log"
        self.wrap = ()  # a command to start it with, as `unshare ...`
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = self.lab.start("gateway", *self.wrap, BINARY, "run", "-c", self.config, stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or self.status()[0] in (0, 1), READY_SECONDS_MAX)
        if self.process.poll() is not None:
            raise Failed(f"the gateway ended at start with status {self.process.returncode}")
        if self.status()[0] not in (0, 1):
            raise Failed(f"the gateway did not come up in {READY_SECONDS_MAX} s: {self.status()[1]}")
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.alive():
            self.stop()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds_max=DRAIN_SECONDS_MAX):
        """SIGTERM; (exit status, seconds it took). None when it did not end in time."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds_max), time.monotonic() - begin
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None, time.monotonic() - begin

    def say(self, *arguments, seconds_max=60):
        """A command to the running gateway: (exit status, output, error text)."""
        done = subprocess.run([BINARY, *arguments, "--socket", self.lab.dir / "admin.sock"], capture_output=True,
                              text=True, check=False, timeout=seconds_max)
        return done.returncode, done.stdout, done.stderr

    def status(self):
        return self.say("status")

    def status_json(self):
        return json.loads(self.say("status", "-o", "json")[1])

    def reload(self):
        return self.say("reload")


class Broker:
    """Apache Kafka on the loopback of the gateway's namespace."""

    def __init__(self, lab):
        missing = [tool for tool in KAFKA_TOOLS if not shutil.which(tool)]
        if missing:
            raise Skip(f"{', '.join(missing)} not installed (deploy/packages.txt, section lab)")
        self.lab, self.dir = lab, lab.dir / "kafka"
        fetched = subprocess.run([KAFKA_SCRIPT, "fetch"], capture_output=True, text=True, check=False)
        if fetched.returncode != 0:
            raise Skip(f"Kafka cannot be fetched: {fetched.stderr.strip()}")

    def script(self, *arguments):
        # Not captured: the broker inherits the descriptors, and a pipe would never reach its end.
        with open(self.lab.dir / "kafka.log", "ab") as log:
            done = subprocess.run(self.lab.command("gateway", KAFKA_SCRIPT, *arguments), stdout=log, stderr=log,
                                  check=False)
        if done.returncode != 0:
            raise Failed(f"kafka.sh {arguments[0]}: {(self.lab.dir / 'kafka.log').read_text()[-500:]}")

    def __enter__(self):
        self.script("start", self.dir, str(KAFKA_PORT))
        return self

    def __exit__(self, *_):
        self.script("stop", self.dir)

    def kill9(self):
        self.script("kill9", self.dir)

    def restart(self):
        self.script("restart", self.dir)

    def topics(self):
        done = self.lab.run("gateway", "kcat", "-b", f"127.0.0.1:{KAFKA_PORT}", "-L", "-J")
        names = [topic["topic"] for topic in json.loads(done.stdout)["topics"]] if done.returncode == 0 else []
        return sorted(name for name in names if name.startswith("egress."))

    def messages(self):
        """Everything on our topics, read from the beginning: Message(topic, partition, offset, key, event)."""
        for topic in self.topics():
            reader = self.lab.start("gateway", "kcat", "-q", "-C", "-b", f"127.0.0.1:{KAFKA_PORT}", "-t", topic,
                                    "-o", "beginning", "-e", "-f", "%p\t%o\t%k\t%s\n", stdout=subprocess.PIPE)
            for line in reader.stdout:
                partition, offset, key, value = line.split(b"\t", 3)
                yield Message(topic, int(partition), int(offset), key, json.loads(value))
            if reader.wait() != 0:
                raise Failed(f"kcat could not read {topic}")


Message = collections.namedtuple("Message", "topic partition offset key event")


class SequenceLedger:
    """Proves what is missing or doubled: sequence numbers have no holes per (gateway, boot, worker)."""

    def __init__(self):
        self.seen = collections.defaultdict(set)
        self.repeats = 0
        self.last_of_key = {}
        self.disorder = []
        self.announced_lost = 0

    def add(self, event, key=None):
        stream, number = event["event"]["id"].rsplit(":", 1)
        number = int(number)
        if number in self.seen[stream]:
            self.repeats += 1
            return
        self.seen[stream].add(number)
        self.announced_lost += at(event, "sallyport.loss.count", 0)
        if key is not None:
            last = self.last_of_key.get((key, stream), -1)
            if number < last:
                self.disorder.append(f"{stream}:{number} after {last} under key {key}")
            self.last_of_key[(key, stream)] = max(last, number)

    def total(self):
        return sum(map(len, self.seen.values()))

    def missing(self):
        """Numbers between a stream's first and last that never came, as text."""
        gaps = []
        for stream, numbers in self.seen.items():
            if len(numbers) != max(numbers) - min(numbers) + 1:
                absent = sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)
                gaps.append(f"{stream}: {len(absent)} from {absent[0]}")
        return gaps

    def identities(self):
        return {f"{stream}:{number}" for stream, numbers in self.seen.items() for number in numbers}


def run(test):
    """Runs `test(checks)` and ends the process as tests/run expects."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    checks = Checks()
    name = pathlib.Path(sys.argv[0]).stem
    try:
        test(checks)
    except Skip as reason:
        if os.environ.get("CI") == "true":
            checks.ok(name, False, f"{reason} (CI=true: nothing may be missing)")
        else:
            print(f"skip {name}: {reason}", flush=True)
            sys.exit(EXIT_SKIPPED if not checks.failed else 1)
    except (Failed, OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        checks.ok(name, False, f"{type(error).__name__}: {error}")
    sys.exit(1 if checks.failed else 0)
