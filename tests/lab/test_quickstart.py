#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/quickstart as a user runs it, with Kafka and without: what it shows, and that it leaves nothing running."""

import os
import pathlib
import re
import shutil
import subprocess

from labkit import BINARY, KAFKA_TOOLS, ROOT, Skip, note, run

SECONDS_MAX = 400
QUICKSTART = ROOT / "deploy/quickstart"


def check_output(checks, name, text):
    shown = {
        "a clean name is served from the payments pool": r"api\.partner\.example here; you come from 192\.0\.2\.1[6-9]",
        "frontend leaves by its own pool": r"cdn\.clean\.example here; you come from 192\.0\.2\.3[2-5]",
        "a listed name is NXDOMAIN": r"status: NXDOMAIN",
        "curl tells of the reset": r"curl: \(35\)",
        "a listed address is refused": r"curl: \(7\)|curl: \(56\)",
        "frontend may reach the paste site": r"paste\.leak\.example here; you come from 192\.0\.2\.3[2-5]",
        "an allowed flow with workload and egress address":
            r"flow-end +payments/api +api-\S+ +api\.partner\.example:443 tls +allow .* 192\.0\.2\.1[6-9]:\d+",
        "a threat match with its feed": r"threat-match +payments/api .*c2\.malware\.example.* deny .*feed blocklist",
        "a policy's denial with its rule": r"payments/api .*paste\.leak\.example:443 tls +deny +payments-egress",
        "an alert that was let through": r"threat-match +frontend/edge-cache .*tracker\.ads\.example.* allow .*watchlist",
        "what to try next": r"What to try next",
    }
    for what, pattern in shown.items():
        checks.ok(f"{name}: {what}", re.search(pattern, text), f"no line matches {pattern}")


def check_run(checks, name, *options):
    done = subprocess.run([QUICKSTART, *options], capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
                          env={**os.environ, "NO_COLOR": "1"})
    if not checks.ok(f"{name}: exit 0", done.returncode == 0, f"{done.returncode}: {done.stderr[-600:]}"):
        note(done.stdout[-3000:])
    check_output(checks, name, done.stdout)
    left = [str(path) for pattern in ("/run/netns/sp-quick-*", "/tmp/sallyport-lab-quick*", "/tmp/sallyport-quickstart*")
            for path in pathlib.Path("/").glob(pattern[1:])]
    checks.ok(f"{name}: nothing left", not left, left)


def test(checks):
    if os.geteuid() != 0:
        raise Skip("quickstart needs root")
    if not BINARY.exists():
        raise Skip(f"{BINARY} is not built")
    if pathlib.Path("/run/netns/sp-quick-gw").exists():
        raise Skip("a quickstart lab is up; take it down first")
    check_run(checks, "file sink", "--no-kafka")
    if not all(map(shutil.which, KAFKA_TOOLS)):
        raise Skip("no Java or kcat for Kafka")
    check_run(checks, "Kafka")


if __name__ == "__main__":
    run(test)
