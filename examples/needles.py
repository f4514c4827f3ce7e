#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What look.c looks for: each patient as a line of text, as SQLite keeps the row, and as cella-query keeps a
column.

  needles.py FILE.csv [CONTRACT.json INPUT] > needles

Prints the patient's number and up to 24 bytes in hexadecimal. The columns and their types are the
contract's input's; without one every column is a number.
"""
import csv
import json
import struct
import sys

LENGTH, LEAST = 24, 14


def stored(text, kind):
    """A value's serial type and bytes (SQLite's file format, 2.1)."""
    if text == "":
        return 0, b""
    if kind in ("text", "date"):
        data = text.encode()
        return 13 + 2 * len(data), data
    number = float(text)
    if not number.is_integer():
        return 7, struct.pack(">d", number)
    if number in (0, 1):
        return 8 + int(number), b""
    for serial, size in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)):
        if -(1 << 8 * size - 1) <= number < 1 << 8 * size - 1:
            return serial, int(number).to_bytes(size, "big", signed=True)
    return 7, struct.pack(">d", number)


def record(row, columns):
    parts = [stored(row[place], kind) for place, kind in columns]
    return bytes([1 + len(parts)] + [serial for serial, _ in parts]) + b"".join(data for _, data in parts)


def cells(rows, columns):
    """Each patient's value behind those of the two before, 8 bytes each, in the column that tells patients apart best."""
    numbers = [place for place, kind in columns if kind == "integer" and
               all(row[place].lstrip("-").isdigit() for row in rows) and
               len({row[place] for row in rows}) < len(rows)]  # a plain count of rows stands anywhere
    best = max(numbers, key=lambda place: len({row[place] for row in rows}))
    values = [int(row[best]) for row in rows]
    for patient in range(len(rows)):
        at = max(patient, 2)
        last = values[at].to_bytes(8, "little", signed=True).rstrip(b"\0")
        if last:  # else it would be found among zeros
            yield patient, struct.pack("<qq", *values[at - 2:at]) + last


def columns_of(header):
    if len(sys.argv) < 4:
        return [(place, "real") for place in range(len(header))]
    with open(sys.argv[2], encoding="utf-8") as file:
        inputs = {entry["name"]: entry for entry in json.load(file)["inputs"]}
    return [(header.index(column["name"]), column["type"]) for column in inputs[sys.argv[3]]["columns"]
            if column["role"] != "hidden"]


with open(sys.argv[1], newline="", encoding="utf-8") as file:
    lines = file.read().splitlines()
rows = list(csv.reader(lines))
columns = columns_of(rows[0] if len(sys.argv) > 3 else rows[1])
for patient, (line, row) in enumerate(zip(lines[1:], rows[1:])):
    for needle in (line.encode()[:LENGTH], record(row, columns)[-LENGTH:]):
        if len(needle) >= LEAST:
            print(patient, needle.hex())
if len(sys.argv) > 3:
    for patient, needle in cells(rows[1:], columns):
        print(patient, needle.hex())
