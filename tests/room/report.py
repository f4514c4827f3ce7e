#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py CELLA: `cella room report` writes whole pages. Each is read as XML, and has the values that R
found (reference-logistic.json); what is no result writes nothing."""
import json
import math
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

CELLA = os.path.abspath(sys.argv[1])
HTML = "{http://www.w3.org/1999/xhtml}"
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference-logistic.json")) as file:
    REFERENCE = json.load(file)
failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print(f"FAILED: {what}")


def report(folder, *arguments):
    done = subprocess.run([CELLA, "room", "report", *arguments], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stderr


def write_result(folder, name, alter=lambda rows: None):
    model = REFERENCE[name]
    whole = {key: model[key] for key in ("n", "events", "auc", "log_likelihood")}
    rows = [dict(row, **whole) for row in model["coefficients"]]
    alter(rows)
    with open(os.path.join(folder, f"{name}.json"), "w") as output:
        json.dump(rows, output)


def read_page(folder, name):
    root = ElementTree.parse(os.path.join(folder, name)).getroot()
    return root, ["".join(cell.itertext()) for cell in root.iter(f"{HTML}td")]


def whole_page(folder):
    for name in ("joint", "rotterdam", "gbsg"):
        write_result(folder, name)
    status, said = report(folder, "both <hospitals>&=joint.json", "rotterdam.json", "gbsg.json", "-o", "a.html")
    check(status == 0, f"a report of three results: {said}")
    root, cells = read_page(folder, "a.html")
    for name in ("joint", "rotterdam", "gbsg"):
        for row in REFERENCE[name]["coefficients"][1:]:
            estimate, spread = row["estimate"], 1.959963984540054 * row["standard_error"]
            ratio, low, high = (math.exp(estimate + sign * spread) for sign in (0, -1, 1))
            check(f"{ratio:.2f} ({low:.2f} to {high:.2f})" in cells, f"{name}: {row['term']}")
        check(f"{REFERENCE[name]['log_likelihood']:.2f}" in cells, f"{name}: log-likelihood")
    headings = ["".join(cell.itertext()) for cell in root.iter(f"{HTML}th")]
    check("both <hospitals>&" not in open(os.path.join(folder, "a.html")).read(), "a label is markup")
    check(any(heading.startswith("both <hospitals>&") for heading in headings), "the first label")
    check(root.get("lang") == "en" and root.find(f".//{HTML}title").text, "language and title")
    for forbidden in ("script", "link", "img", "iframe", "a"):
        check(root.find(f".//{HTML}{forbidden}") is None, f"<{forbidden}> in a page that is whole in itself")


def no_page(folder):
    def alter(rows):
        rows[1]["p"] = 2
    write_result(folder, "joint", alter)
    status, said = report(folder, "joint.json", "-o", "b.html")
    check(status == 125 and "joint.json: " in said, f"a p of 2: {said}")
    check(not os.path.exists(os.path.join(folder, "b.html")), "a page of what is no result")
    check(report(folder, "nothing.json")[0] == 125, "a file that is not there")
    check(report(folder)[0] == 2, "no result")
    check(report(folder, *["joint.json"] * 7)[0] == 2, "seven results")


with tempfile.TemporaryDirectory() as temporary:
    whole_page(temporary)
    no_page(temporary)
print(f"{1 - bool(failures)} passed, {bool(failures):d} failed")
sys.exit(failures > 0)
