#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes up a fund's holdings: SYNTHETIC, from a seed. Every position's id begins with SYNTHETIC.

  holdings.py SEED > FUND.csv
"""
import csv
import random
import sys

SECTORS = {
    "technology": ["HWP", "IBM", "INTC", "MSFT"], "telecommunication": ["SBC", "T"],
    "financials": ["AXP", "C", "JPM"], "health": ["JNJ", "MRK"], "energy": ["XOM"],
    "consumer": ["DIS", "EK", "HD", "KO", "MCD", "MO", "PG", "WMT"],
    "industry": ["AA", "BA", "CAT", "DD", "GE", "GM", "HON", "IP", "MMM", "UTX"],
}

random.seed(int(sys.argv[1]))
writer = csv.writer(sys.stdout, lineterminator="\n")
writer.writerow(["position", "symbol", "sector", "shares"])
symbols = [(symbol, sector) for sector, members in SECTORS.items() for symbol in members]
random.shuffle(symbols)
for number in range(400):
    symbol, sector = symbols[min(int(random.expovariate(0.08)), len(symbols) - 1)]
    writer.writerow([f"SYNTHETIC-{sys.argv[1]}-{number:04d}", symbol, sector,
                     100 * random.randint(1, 80) * random.choice([1, 1, 1, -1])])
