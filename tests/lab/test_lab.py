#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab itself, without a gateway: two stand side by side, nothing is left when they are gone, also when what
made them was killed, and the broker keeps what it acknowledged through a SIGKILL."""

import pathlib
import subprocess

from labkit import KAFKA_PORT, Broker, Checks, Lab, at, run


def namespaces(lab):
    folder = pathlib.Path("/run/netns")
    return [path.name for path in folder.glob(f"sp-{lab.name}-*")] if folder.exists() else []


def links():
    return sorted(path.name for path in pathlib.Path("/sys/class/net").iterdir())


def second_lab():
    lab = Lab()
    lab.name += "b"
    lab.dir = pathlib.Path(f"/tmp/sallyport-lab-{lab.name}")
    return lab


def check_objects(checks, lab):
    pods = lab.pods()
    checks.ok("running pods by address", len(pods) == 9, f"{len(pods)}: {sorted(pods)}")
    checks.ok("a completed pod does not take a running pod's address",
              at(pods["10.42.1.10"], "metadata.labels.app") == "api", pods["10.42.1.10"])


def check_isolation(checks, lab):
    before = pathlib.Path("/etc/resolv.conf").read_text()
    inside = lab.run("api-1", "cat", "/etc/resolv.conf").stdout
    checks.ok("a pod has the lab's resolver", "198.51.100.53" in inside, inside)
    checks.ok("the machine keeps its own", pathlib.Path("/etc/resolv.conf").read_text() == before, "it changed")
    reached = lab.run("api-1", "ping", "-c", "1", "-W", "2", "10.42.2.20").returncode
    checks.ok("pods reach each other across nodes", reached == 0, f"ping {reached}")
    out = lab.run("api-1", "ping", "-c", "1", "-W", "1", "192.0.2.1").returncode
    checks.ok("nothing leaves without a gateway", out != 0, "the internet answered")


def check_broker(checks, lab):
    with Broker(lab) as broker:
        sent = "".join(f'k{n}\t{{"event": {{"id": "g:b:0:{n}"}}}}\n' for n in range(100))
        subprocess.run(lab.command("gateway", "kcat", "-q", "-P", "-b", f"127.0.0.1:{KAFKA_PORT}", "-t",
                                   "egress.flow.v1", "-K", "\t", "-X", "acks=all"), input=sent, text=True, check=True)
        broker.kill9()
        broker.restart()
        kept = {message.event["event"]["id"] for message in broker.messages()}
        checks.ok("a killed broker keeps what it acknowledged", len(kept) == 100, f"{len(kept)} of 100")


def test(checks: Checks):
    before = links()
    with Lab() as lab:
        with second_lab() as other:
            checks.ok("two labs side by side", namespaces(lab) and namespaces(other), "one is missing")
        checks.ok("the second is gone, the first is not", namespaces(lab) and not namespaces(other), namespaces(other))
        check_objects(checks, lab)
        check_isolation(checks, lab)
        check_broker(checks, lab)
    checks.ok("no namespace left", not namespaces(lab), namespaces(lab))
    checks.ok("no file left", not lab.dir.exists(), str(lab.dir))
    checks.ok("no link left or lost", links() == before, f"{before} became {links()}")
    with Lab() as lab:
        stray = lab.start("api-1", "sleep", "1000")
    checks.ok("what ran in a pod is ended with the lab", stray.poll() is not None, "it still runs")


if __name__ == "__main__":
    run(test)
