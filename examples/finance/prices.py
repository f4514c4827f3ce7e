#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vendor's file: real prices (scripts/datasets.py dowjones), each with its change since the day
before.

  prices.py dowjones.csv > prices.csv
"""
import csv
import sys

writer = csv.writer(sys.stdout, lineterminator="\n")
writer.writerow(["date", "symbol", "price", "change"])
before = {}
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        symbol, price = row["symbol"], float(row["price"])
        change = round(price - before[symbol], 6) if symbol in before else ""
        writer.writerow([row["date"], symbol, row["price"], change])
        before[symbol] = price
