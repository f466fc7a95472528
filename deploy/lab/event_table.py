#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ECS events as a table: event_table.py [--rows N] [FILE...] (standard input without a file)

One row a flow that ended or was denied, a DNS query that was denied, and a threat match; lines that are not
JSON objects are skipped, so what a console consumer says beside the events does no harm.
"""

import argparse
import fileinput
import json
import os
import sys

SHOWN = ("flow-end", "flow-denied", "threat-match", "verdict")
HEADERS = ("TIME", "EVENT", "WORKLOAD", "POD", "DESTINATION", "VERDICT", "RULE OR FEED", "EGRESS ADDRESS")
OWNERS = ("deployment", "statefulset", "daemonset", "cronjob", "job")
RED, GREEN, BOLD, PLAIN = "\033[31m", "\033[32m", "\033[1m", "\033[0m"


def at(document, path, default=""):
    for part in path.split("."):
        if not isinstance(document, dict) or part not in document:
            return default
        document = document[part]
    return document


def workload(event):
    namespace = at(event, "kubernetes.namespace") or at(event, "orchestrator.namespace")
    name = at(event, "sallyport.workload.name") or next(
        (at(event, f"kubernetes.{kind}.name") for kind in OWNERS if at(event, f"kubernetes.{kind}.name")), "")
    return f"{namespace}/{name}" if namespace else at(event, "source.ip", "-")


def destination(event):
    name = at(event, "destination.domain") or at(event, "dns.question.name") or at(event, "destination.ip", "-")
    port = at(event, "destination.port")
    protocol = at(event, "network.protocol") or at(event, "network.transport")
    return f"{name}:{port} {protocol}" if port else f"{name} {protocol}"


def because(event):
    rule = "/".join(part for part in (at(event, "rule.ruleset"), at(event, "rule.name")) if part)
    feed = at(event, "threat.feed.name")
    return ", ".join(part for part in (rule, f"feed {feed}" if feed else "") if part) or "-"


def row(event):
    egress = at(event, "source.nat.ip")
    return (at(event, "@timestamp")[11:23], at(event, "event.action"), workload(event),
            at(event, "kubernetes.pod.name", "-"), destination(event), at(event, "sallyport.verdict", "-"),
            because(event), f"{egress}:{at(event, 'source.nat.port')}" if egress else "-")


def read(paths):
    for line in fileinput.input(paths):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and at(event, "event.action") in SHOWN:
            yield event


def main():
    parser = argparse.ArgumentParser(description="ECS events as a table.")
    parser.add_argument("--rows", type=int, default=40, help="at most this many, the newest (default 40)")
    parser.add_argument("file", nargs="*")
    arguments = parser.parse_args()
    events = sorted(read(arguments.file), key=lambda event: at(event, "@timestamp"))[-arguments.rows:]
    rows = [HEADERS, *map(row, events)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADERS))]
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for number, cells in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
        if colour:
            paint = BOLD if number == 0 else RED if cells[5] == "deny" else GREEN if cells[5] == "allow" else ""
            line = f"{paint}{line}{PLAIN}"
        print(line)
    return 0 if events else 1


if __name__ == "__main__":
    sys.exit(main())
