#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what `meson test` left in a build folder, shows the output of tests that failed, says why others
were skipped, and ends with `N passed, N failed[, N skipped]`.

  sum-tests.py FOLDER [FAILED-BEFORE]

A test program that counts its cases (cmocka's lines, or `N passed, N failed, N skipped`) counts as
that many; any other as one. Folder/hosts.log, from tests/hosts/all, counts too.
"""
import json
import os
import re
import sys

PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?(?:;.*)?$", re.M)
CMOCKA = {"passed": re.compile(r"^\[  PASSED  \] (\d+) test", re.M),
          "failed": re.compile(r"^\[  FAILED  \] (\d+) test", re.M),
          "skipped": re.compile(r"^\[  SKIPPED \] (\d+) test", re.M)}


def count(output):
    """(passed, failed, skipped) that the output itself says."""
    totals = [0, 0, 0]
    for match in PLAIN.finditer(output):
        for i in range(3):
            totals[i] += int(match.group(i + 1) or 0)
    for i, kind in enumerate(("passed", "failed", "skipped")):
        totals[i] += sum(int(n) for n in CMOCKA[kind].findall(output))
    return totals


def main():
    folder = sys.argv[1]
    totals = [0, int(sys.argv[2]) if len(sys.argv) > 2 else 0, 0]
    path = os.path.join(folder, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    failures = []
    for test in tests:
        output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        passed, failed, skipped = count(output)
        result = test["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            passed += not passed + failed + skipped
        elif result == "SKIP":
            skipped += not skipped
        else:
            failed += not failed
            # What it complained of first: a log of this may be cut short.
            lines = (test.get("stderr") or "").strip().splitlines()[-40:]
            lines += (test.get("stdout") or "").strip().splitlines()[-40:]
            failures.append(f"FAILED {test['name']}: {result}\n" + "\n".join("    " + line for line in lines))
        for line in output.splitlines():
            if re.match(r"(skipped|SKIPPED|\[  SKIPPED \]) \D", line):
                print(line)
        totals = [a + b for a, b in zip(totals, (passed, failed, skipped))]
    hosts = os.path.join(folder, "hosts.log")
    if os.path.exists(hosts):
        with open(hosts, encoding="utf-8", errors="replace") as log:
            output = log.read()
        print(output, end="")
        totals = [a + b for a, b in zip(totals, count(output))]
    print("\n".join(failures), end="\n" if failures else "")
    if not tests:
        print("no test ran")
        totals[1] += 1
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] else 0


sys.exit(main())
