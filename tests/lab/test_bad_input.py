#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: each a clear message with its place and an exit status, from `check`, from `run`, and from the
`reload` of a running gateway, which keeps running."""

import pathlib
import subprocess

from labkit import BINARY, ECHO_PORT, Gateway, Lab, Skip, at, finish, run, wait_until

EXIT_SAID_NO = 1
FLOOD_SECONDS, FLOOD_FLOWS_PER_SECOND = 15, 800
DISK_MIB, SPOOL_MIB = 32, 16  # the spool sets 2 MiB aside and begins a segment of 2 MiB; the rest is filled


def line_of(path, text):
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if text in line:
            return number
    raise ValueError(f"{text!r} is not in {path}")


def bad_configurations(lab):
    """(name, file, what it says, texts that must stand in the message); the text names place and value."""
    def write(name, *replace):
        return lab.write_config(replace=replace, name=name)

    unknown = write("unknown.yaml", ("  workers: 1", "  wokers: 1"))
    yield "unknown key", unknown, (f"unknown.yaml:{line_of(unknown, 'wokers')}:3:", "wokers", "workers")
    kind = write("type.yaml", ("  flows_max: 262144", "  flows_max: plenty"))
    yield "wrong type", kind, (f"type.yaml:{line_of(kind, 'plenty')}:", "flows_max", "plenty")
    value = write("range.yaml", ("  flows_max: 262144", "  flows_max: 1"))
    yield "value out of range", value, (f"range.yaml:{line_of(value, 'flows_max')}:", "flows_max", '"1"')
    feed = write("feed.yaml", ("feeds/blocklist.txt", "feeds/absent.txt"))
    yield "unreadable feed", feed, ("feeds/absent.txt", "No such file")
    broken = lab.dir / "feeds/broken.txt"
    broken.write_text("good.example\n" * 5 + "".join(f"not a name {n}\n" for n in range(50)))
    lines = write("lines.yaml", ("feeds/blocklist.txt", "feeds/broken.txt"))
    yield "malformed feed lines", lines, ("broken.txt:6", "not a name 0")
    pool = write("pool.yaml", ("      addresses: [192.0.2.16/30]", "      addresses: [198.18.7.0/30]"))
    yield "pool address outside the link", pool, (f"pool.yaml:{line_of(pool, '198.18.7.0')}:", "198.18.7.0")
    who = write("assign.yaml", ("{selector: all(), pool: default}", "{selector: all(), pool: defualt}"))
    yield "assignment to no pool", who, (f"assign.yaml:{line_of(who, 'defualt')}:", "defualt", "default")
    yaml = lab.dir / "syntax.yaml"
    yaml.write_text(lab.config.read_text() + "events: [\n")
    yield "malformed YAML", yaml, ("syntax.yaml:",)
    later = write("later.yaml", ("admin: {socket: admin.sock}", "admin: {socket: admin.sock, listen: 127.0.0.1:9470}"))
    yield "key of a later version", later, (f"later.yaml:{line_of(later, '9470')}:", "not supported")


def spoken(*arguments, place=None, lab=None, seconds_max=30):
    command = [str(BINARY), *map(str, arguments)]
    if place:
        command = lab.command(place, *command)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds_max)
    return done.returncode, done.stdout + done.stderr


def check_says(checks, name, code, text, expected):
    checks.ok(f"{name}: exit status 1", code == EXIT_SAID_NO, f"{code}: {text[-300:]}")
    absent = [piece for piece in expected if piece not in text]
    checks.ok(f"{name}: place and value named", not absent, f"{absent} not in {text[-300:]!r}")


def check_commands(checks, lab):
    for name, path, expected in bad_configurations(lab):
        check_says(checks, f"check, {name}", *spoken("check", "-c", path), expected)
        check_says(checks, f"run, {name}", *spoken("run", "-c", path, place="gateway", lab=lab), expected)
    code, text = spoken("check", "-c", lab.dir / "nowhere.yaml")
    checks.ok("absent configuration named", code != 0 and "nowhere.yaml" in text, f"{code}: {text}")
    both = lab.write_config(name="both.yaml", replace=[("  workers: 1", "  wokers: 1"),
                                                       ("flows_max: 262144", "flows_max: plenty"),
                                                       ("{selector: all(), pool: default}", "{pool: nil}")])
    _, text = spoken("check", "-c", both)
    checks.ok("all problems in one run", all(piece in text for piece in ("wokers", "plenty", "nil")), text)
    code, text = spoken("check", "-c", lab.config)
    checks.ok("a good configuration passes check", code == 0, f"{code}: {text}")


def check_port(checks, lab):
    path = lab.write_config(name="port.yaml", replace=[("iface=gw-in", "iface=gw-nowhere")])
    code, text = spoken("run", "-c", path, place="gateway", lab=lab)
    checks.ok("port that does not exist: exit status 1", code == EXIT_SAID_NO, f"{code}: {text[-300:]}")
    checks.ok("port that does not exist: named", "gw-nowhere" in text and "inside" in text, text[-300:])


def check_running(checks, lab):
    with Gateway(lab) as gateway:
        flow = lab.traffic("api-1", "udp-sequence", "198.51.100.30", ECHO_PORT, 500)
        good = lab.config.read_text()
        for name, path, expected in bad_configurations(lab):
            lab.config.write_text(path.read_text())
            code, out, error = gateway.reload()
            wanted = [piece.replace(path.name, "sallyport.yaml") for piece in expected]
            check_says(checks, f"reload, {name}", code, out + error, wanted)
        lab.config.write_text(good)
        checks.ok("still running after every refusal", gateway.alive(), "it ended")
        result = finish(flow)
        checks.ok("refusals cost no packet", result["lost"] == 0 and result["sent"] > 0, result)


def check_dead_broker(checks, lab):
    """Nothing listens on the port: the gateway runs, says so, and loses nothing that a start cannot deliver."""
    path = lab.write_config(sinks=("kafka", "file"), name="dead.yaml")
    with Gateway(lab, path) as gateway:
        got = lab.traffic_result("api-1", "udp-once", "198.51.100.30", ECHO_PORT)
        checks.ok("broker that refuses: packets pass", got["answer"] == "echo", got)
        code = wait_until(lambda: gateway.status()[0] == 1, 20, 0.5)
        _, out, error = gateway.status()
        checks.ok("broker that refuses: status is degraded, exit status 1", code, out + error)
        checks.ok("broker that refuses: status names it", f"127.0.0.1:{9092}" in out or "refused" in out.lower(), out)
        status, seconds = gateway.stop()
        checks.ok("broker that refuses: SIGTERM still drains in time", status == 0, f"{status} after {seconds:.1f} s")


def fill(path):
    """Takes what is left of a file system, to the last page."""
    with open(path, "wb", buffering=0) as filler:
        for size in (1 << 20, 4096):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


def check_full_disk(checks, lab):
    """Somebody else fills the spool's file system: packets go on, the loss is counted and announced, and with
    room again so are events. The Kafka sink has no broker, so nothing that is delivered makes room."""
    small = lab.dir / "small"
    small.mkdir()
    path = lab.write_config(sinks=("kafka", "file"), name="full.yaml",
                            replace=[("{directory: spool, size: 1GiB}",
                                      f"{{directory: small/spool, size: {SPOOL_MIB}MiB}}")])
    # In the gateway's own mount namespace, so nothing is left mounted.
    script = f"mount -t tmpfs -o size={DISK_MIB}m tmpfs {small} && mkdir {small}/spool && exec \"$@\""
    gateway = Gateway(lab, path)
    gateway.wrap = ("unshare", "--mount", "bash", "-c", script, "bash")

    def spool():
        return gateway.status_json()["spool"]

    with gateway:
        pids = subprocess.run(["pgrep", "-f", f"^{BINARY} run -c {path}"], capture_output=True, text=True, check=True)
        filler = pathlib.Path(f"/proc/{pids.stdout.split()[0]}/root{small}/filler")
        fill(filler)
        result = lab.traffic_result("web-1", "udp-flows", "203.0.113.0/26", ECHO_PORT, FLOOD_FLOWS_PER_SECOND,
                                    FLOOD_SECONDS)
        checks.ok("full disk: packets pass", result["echoed"] >= 0.99 * result["flows"], result)
        checks.ok("full disk: the gateway runs", gateway.alive(), "it ended")
        seen = spool()
        checks.ok("full disk: the spool's state names it", str(small) in seen["state"] and "No space" in seen["state"], seen)
        checks.ok("full disk: what is lost is counted", seen["events_lost"] > 0, seen)
        code, out, error = gateway.status()
        checks.ok("full disk: status is degraded, exit status 1", code == 1, out + error)
        code, out, error = gateway.reload()
        checks.ok("full disk: a reload is still taken", code == 0, out + error)
        got = lab.traffic_result("api-1", "udp-once", "198.51.100.30", ECHO_PORT)
        checks.ok("full disk: new flows still pass", got["answer"] == "echo", got)

        filler.unlink()
        checks.ok("room again: the spool takes events", wait_until(lambda: spool()["state"] == "ok", 40, 0.5), spool())
        announced = wait_until(lambda: sum(at(event, "sallyport.loss.count", 0) for event in lab.events()), 20, 0.5)
        lost = spool()["events_lost"]
        checks.ok("room again: the loss is announced, to the last event", announced == lost, f"{announced} of {lost}")
        status, seconds = gateway.stop()
        checks.ok("room again: SIGTERM drains", status == 0, f"{status} after {seconds:.1f} s")


def test(checks):
    if not BINARY.exists():
        raise Skip(f"{BINARY} is not built")
    with Lab() as lab:
        check_commands(checks, lab)
        check_port(checks, lab)
        check_running(checks, lab)
        check_dead_broker(checks, lab)
    with Lab() as lab:
        check_full_disk(checks, lab)


if __name__ == "__main__":
    run(test)
