#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the results of one `meson test` run: each gtest case is one, any other test is one.

  tests/support/junit_counts.py BUILD        prints: PASSED FAILED SKIPPED, then a line a failure or skip

meson asks gtest for its own report, which says nothing of what happens after the last case (a leak, a
crash in a destructor): a test that meson calls failed counts as failed whatever its cases say.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree


def main():
    logs = pathlib.Path(sys.argv[1]) / "meson-logs"
    # `meson test --setup NAME` puts the name into the file's.
    report = max(logs.glob("testlog*.junit.xml"), key=lambda path: path.stat().st_mtime)
    journal = report.with_name(report.name.replace(".junit.xml", ".json"))
    passed = failed = skipped = 0
    notes = []
    said = set()
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        for case in suite.findall("testcase"):
            name = ".".join(filter(None, (suite.get("name"), case.get("name"))))
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                said.add(suite.get("name", ""))
                notes.append(f"failed: {name}")
            elif case.find("skipped") is not None or case.get("result") in ("skipped", "suppressed"):
                skipped += 1
                notes.append(f"skipped: {name}")
            else:
                passed += 1
    for line in journal.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        if test["result"] in ("FAIL", "ERROR", "TIMEOUT", "UNEXPECTEDPASS", "INTERRUPT"):
            if not any(name in suite for suite in said) and not any(name in note for note in notes):
                failed += 1
                notes.append(f"failed: {name}: {test['result'].lower()}, exit {test.get('returncode')}")
    print(passed, failed, skipped)
    print("\n".join(notes))


if __name__ == "__main__":
    main()
