#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feeds, policy and workloads change under traffic: not one of the numbered datagrams is lost, what changed is
in force, and a change that is refused leaves the old generation running and says why and where."""

import json

from labkit import ECHO_PORT, Gateway, Lab, at, finish, run, select, wait_until

RATE = 2000
ROUNDS = 10
STEADY = "198.51.100.30"  # what the counted flow talks to, never denied
TOGGLED = "198.51.100.201"
CLOSED = "        nets: [198.51.100.200/32]\n"
NEW_NAME = "fresh.vendor.example"


def set_policy(lab, closed):
    path = lab.dir / "policy/payments.yaml"
    text = (lab.dir / "policy.first").read_text()
    path.write_text(text.replace(CLOSED, f"        nets: [198.51.100.200/32, {TOGGLED}/32]\n") if closed else text)


def set_feed(lab, listed):
    text = (lab.dir / "feed.first").read_text()
    (lab.dir / "feeds/blocklist.txt").write_text(text + ("vendor.example\n" if listed else ""))


def set_workloads(lab, service):
    """Relabels the api pods, so that events tell which generation named them."""
    objects = json.loads((lab.dir / "pods.json").read_text())
    for item in objects["items"]:
        if item["kind"] == "Pod" and item["metadata"]["labels"]["app"] == "api":
            item["metadata"]["labels"]["release"] = service
    (lab.dir / "pods.json").write_text(json.dumps(objects))


def check_round(checks, lab, gateway, number):
    closed = number % 2 == 1
    set_policy(lab, closed)
    set_feed(lab, closed)
    set_workloads(lab, f"r{number}")
    code, out, error = gateway.reload()
    checks.ok(f"round {number}: reload accepted", code == 0, f"{code}: {out}{error}")
    answer = lab.traffic_result("api-2", "udp-once", TOGGLED, ECHO_PORT)["answer"]
    checks.ok(f"round {number}: the new policy is in force", answer == ("icmp" if closed else "echo"), answer)
    status, _ = lab.dig("web-2", "updates.vendor.example")
    checks.ok(f"round {number}: the new feed is in force", status == ("NXDOMAIN" if closed else "NOERROR"), status)
    label = f"release:r{number}"
    seen = wait_until(lambda: any(label in (at(event, "orchestrator.resource.label") or [])
                                  for event in select(lab.events(), destination__ip=TOGGLED)), 10, 0.3)
    checks.ok(f"round {number}: the new workloads are in force", seen, f"no event to {TOGGLED} with label {label}")


def check_refused(checks, lab, gateway, name, path, text, expected):
    before = gateway.status_json()
    good = path.read_text()
    path.write_text(text)
    code, out, error = gateway.reload()
    path.write_text(good)
    checks.ok(f"{name}: refused with exit status 1", code == 1, f"{code}: {out}{error}")
    checks.ok(f"{name}: place named", expected in out + error, f"{expected!r} not in {out + error!r}")
    after = gateway.status_json()
    checks.ok(f"{name}: the old generation runs", after.get("generation") == before.get("generation"),
              f"{before.get('generation')} became {after.get('generation')}")


def check_refusals(checks, lab, gateway):
    policy, feed, pods = lab.dir / "policy/payments.yaml", lab.dir / "feeds/blocklist.txt", lab.dir / "pods.json"
    check_refused(checks, lab, gateway, "broken policy", policy,
                  policy.read_text().replace("action: Allow", "action: Maybe"), "payments.yaml:")
    check_refused(checks, lab, gateway, "feed of web page", feed, "<!DOCTYPE html><html></html>\n", "blocklist.txt")
    check_refused(checks, lab, gateway, "broken workloads", pods, "{\"items\": [", "pods.json")
    checks.ok("refusals are on record", wait_until(
        lambda: len(select(lab.events(), event__action="generation-refused")) >= 3, 10, 0.3),
        f"{len(select(lab.events(), event__action='generation-refused'))} events")
    code, out, error = gateway.reload()
    checks.ok("the repaired files are accepted", code == 0, f"{code}: {out}{error}")


def test(checks):
    with Lab() as lab:
        (lab.dir / "policy.first").write_text((lab.dir / "policy/payments.yaml").read_text())
        (lab.dir / "feed.first").write_text((lab.dir / "feeds/blocklist.txt").read_text())
        with Gateway(lab) as gateway:
            flow = lab.traffic("api-1", "udp-sequence", STEADY, ECHO_PORT, RATE)
            for number in range(1, ROUNDS + 1):
                check_round(checks, lab, gateway, number)
            check_refusals(checks, lab, gateway)
            result = finish(flow)
            checks.ok(f"{ROUNDS + 1} reloads and 3 refusals: not one of {result['sent']} datagrams lost",
                      result["lost"] == 0 and result["errors"] == 0, result)
            checks.ok("none doubled", result["doubled"] == 0, result)
            # A generation boundary must not cost the flow its mapping.
            ports = {at(event, "source.nat.port") for event in
                     select(lab.events(), destination__ip=STEADY, source__port=result["source_port"])}
            checks.ok("the flow kept its egress port", len(ports) == 1, ports)


if __name__ == "__main__":
    run(test)
