#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completes an example's contract with what differs from place to place, and prints it.

  complete.py CONTRACT.json MRENCLAVE TEE PLATFORM-ROOT KEY.pub... > contract.json

Each KEY.pub (`cella key new`) gives the keys of the party of its name.
"""
import datetime
import json
import sys

FORMAT = "%Y-%m-%dT%H:%M:%SZ"

path, mrenclave, tee, root = sys.argv[1:5]
with open(path, encoding="utf-8") as file:
    contract = json.load(file)
keys = {}
for path in sys.argv[5:]:
    with open(path, encoding="utf-8") as file:
        key = json.load(file)
    keys[key["name"]] = {field: key[field] for field in ("signing_key", "receiving_key")}
for party in contract["parties"]:
    party.update(keys[party["name"]])
today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0)
contract.update(program={"mrenclave": [mrenclave]}, tee=[tee], platform_roots=[root], posture={},
                not_before=today.strftime(FORMAT),
                not_after=(today + datetime.timedelta(days=365)).strftime(FORMAT))
json.dump(contract, sys.stdout, indent=1)
print()
