#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what each hospital learned: odds ratios of the joint model beside its own.

  show.py NORTH-RESULTS SOUTH-RESULTS
"""
import csv
import json
import math
import os
import sys


def model(folder, name):
    with open(os.path.join(folder, f"{name}.json"), encoding="utf-8") as file:
        rows = json.load(file)
    return {row["term"]: row for row in rows}, rows[0]


def interval(row):
    low, high = (row["estimate"] + sign * 1.959964 * row["standard_error"] for sign in (-1, 1))
    return f"{math.exp(row['estimate']):.2f} ({math.exp(low):.2f} to {math.exp(high):.2f})"


north, south = sys.argv[1:3]
models = [model(north, "joint"), model(north, "north_alone"), model(south, "south_alone")]
print(f"   {'odds ratio (95 % interval)':<27}{'both hospitals':>22}{'north alone':>22}{'south alone':>22}")
for term in models[0][0]:
    if term != "constant":
        print(f"   {term:<27}" + "".join(f"{interval(rows[term]):>22}" for rows, _ in models))
for label, text in (("patients", "{n}"), ("of these again, or dead", "{events}"),
                    ("area under the curve", "{auc:.3f}"), ("log-likelihood", "{log_likelihood:.3f}")):
    print(f"   {label:<27}" + "".join(f"{text.format(**whole):>22}" for _, whole in models))
with open(os.path.join(north, "by_grade.csv"), newline="") as file:
    print("   By grade: " + "; ".join(f"{row['grade']}: {row['patients']} patients, "
                                      f"{float(row['recurrence']):.0%}" for row in csv.DictReader(file)))
