#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py BULK DOCUMENT [COUNT [SEED]]: random policies of both languages and random claims, judged
by libcella (the program BULK) and by model.py; whatever they say differently is printed, and fails.

Policies are made in their grammar and full of near misses: of types, names, issuers, punctuation. COUNT is
how many (4000 unless given), SEED where they start: the same numbers make the same policies.
"""
import itertools
import json
import random
import struct
import subprocess
import sys

import model




# ---- claims ----

NAMES = ["a", "b", "c", "a.b", "a.b.c", "b.", ".a", "iss", "debug", "mrenclave", "x-ms-isolation-tee",
         "x-ms-runtime", "x-ms-sgx-svn", "x-ms-sgx-is-debuggable", "x-ms-sgx-mrenclave", "posture", "ä",
         "posture_proof", "x-ms-isolation-tee.debug", "attester_tcb_status"]
ISSUERS = ["i", "https://i", "i/", "https://i/", "http://i", "I", "https://", "https://https://i", "i//", ""]
TEXTS = ["x", "X", "", "1", "true", "false", "null", "x ", "ab" * 32, "AB" * 32, "ä", "a\"b\\c", "1.0"]
NUMBERS = [0, 1, 2, -1, 2**63 - 1, -2**63, 3]


def scalar(rng):
    return rng.choice([rng.choice(TEXTS), rng.choice(NUMBERS), True, False])


def claim_value(rng, depth=2):
    kind = rng.randrange(13)
    if kind < 8 or depth == 0:
        return scalar(rng)
    if kind == 8:
        return None
    if kind == 9:
        return rng.choice([1.0, 1.5, 0.0, -1e300])
    if kind == 10:
        return [claim_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(NAMES): claim_value(rng, depth - 1) for _ in range(rng.randrange(1, 4))}


def near(rng, claims, name):
    """What the claim is, or nearly."""
    value = claims.get(name)
    if name.startswith(("posture_proof", "attester")) and rng.randrange(2):
        return rng.choice(["proved", "asserted", "Proved", "UpToDate", "Revoked", "Revokd"])
    if name.endswith("mrenclave") and rng.randrange(2):
        return rng.choice(["ab" * 32, "AB" * 32, "ab" * 31, "ab" * 32 + "a", "ab" * 33, "0x" + "ab" * 31, ""])
    if rng.randrange(3) == 0 or model.type_of(value) not in model.COMPARABLE:
        return scalar(rng)
    if rng.randrange(4) == 0:
        return {"integer": lambda: min(value, 2**63 - 2) + 1, "boolean": lambda: not value,
                "string": lambda: value + "x"}[model.type_of(value)]()
    if rng.randrange(6) == 0:
        return str(value).lower()
    return value


def claims_object(rng, names):
    claims = {}
    if rng.randrange(10):
        claims["iss"] = rng.choice(ISSUERS[:4]) if rng.randrange(6) else rng.choice(ISSUERS + [1, None, True])
    for name in names:
        if rng.randrange(3):
            claims[name] = claim_value(rng)
    if "a.b" in names and rng.randrange(2):  # one name, several ways to it
        claims["a"] = {inner: claim_value(rng) for inner in rng.sample(["b.c", "b", "c"], 2)}
        claims["a.b"] = {"c": claim_value(rng)}
    if rng.randrange(25) == 0:
        claims["iss"] = "https://"  # of which nothing is left
    return claims


# ---- key release policies ----

EXPECTED_WRONG = [None, 1.0, [], ["x"], {}, {"x": 1}]
OPERATORS = model.EQUALITY + model.ORDER + ("exists",)


def release_claim(rng, claims, names, wrong):
    name = rng.choice(names)
    if rng.randrange(4) == 0:
        name += "." + rng.choice(NAMES)
    operator = rng.choice(OPERATORS + ("equals", "equals", "exists"))
    value = near(rng, claims, name)
    if operator in model.ORDER and model.type_of(value) != "integer":
        value = rng.choice(NUMBERS)
    if operator == "exists":
        value = rng.randrange(10) > 0 if claims.get(name) is not None else rng.random() < 0.4
    condition = {"claim": name, operator: value}
    if wrong():
        kind = rng.randrange(8)
        if kind < 2:
            condition[operator] = rng.choice(EXPECTED_WRONG + [scalar(rng)])
        elif kind == 7:
            condition[rng.choice(OPERATORS)] = scalar(rng)
        elif kind == 2:
            del condition[operator]
        elif kind == 3:
            condition[rng.choice(["Equals", "equal", "note", "anyOf", "authority"])] = rng.choice(["x", []])
        elif kind == 4:
            condition["claim"] = rng.choice(["", 1, None, "n" * 250, "n" * 251, "ä" * 125, "ä" * 126])
        elif kind == 6:
            condition[operator] = rng.choice(["s" * 4096, "s" * 4097, 2**63, -2**63 - 1])
        else:  # 5
            condition = rng.choice([[], "x", None, {}])
    return condition


def release_list(rng, owner, entry, wrong):
    entries = [entry() for _ in range(rng.choice([1, 1, 2, 2, 3]))]
    owner[rng.choice(["anyOf", "allOf"])] = [] if wrong() else entries
    if wrong():
        owner[rng.choice(["anyOf", "allOf", "anyof", "claim", "version", "oneOf"])] = entries
    return owner


def release_condition(rng, claims, names, wrong, depth):
    if depth > 0 and rng.randrange(5) < 2:
        return release_list(rng, {}, lambda: release_condition(rng, claims, names, wrong, depth - 1), wrong)
    return release_claim(rng, claims, names, wrong)


def release_policy(rng, claims, names, wrong):
    def authority():
        owner = {"authority": rng.choice(ISSUERS[:4]) if rng.randrange(8) else rng.choice(ISSUERS[:9])}
        if claims.get("iss") == "https://":
            owner["authority"] = rng.choice(["https://", "/", "https:///"])
        if wrong():
            owner["authority"] = rng.choice(["", 1, None, "a" * 251])
        depth = 11 if rng.randrange(30) == 0 else 3
        return release_list(rng, owner, lambda: release_condition(rng, claims, names, wrong, depth), wrong)
    policy = {"version": "1.0.0"}
    if wrong():
        policy["version"] = rng.choice(["1.0", "1.0.1", 1, None, "0.2"])
    return release_list(rng, policy, authority, wrong)


def deep_release(rng):
    """Lists inside one another about as deep as is allowed."""
    condition = {"claim": "a", "exists": True}
    for _ in range(rng.randrange(8, 12)):
        condition = {rng.choice(["anyOf", "allOf"]): [condition]}
    return {"version": "1.0.0", "anyOf": [{"authority": "i", "anyOf": [condition]}]}


def damaged(rng, data):
    """A byte of it altered, dropped or doubled."""
    data = bytearray(data)
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        data[at] = rng.choice(b'"{}[]:,;()=<>&.!\\0aZ \n\0\xff\x80')
    elif kind == 1:
        del data[at]
    elif kind == 2:
        data.insert(at, rng.choice(b'"{}[]:,;()=<>&.!-\\0a_ \n\xc3'))
    else:
        del data[at:]
    return bytes(data)


def release_bytes(rng, claims, names, wrong):
    policy = deep_release(rng) if rng.randrange(40) == 0 else release_policy(rng, claims, names, wrong)
    text = json.dumps(policy, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, None, 1]))
    if wrong():
        # a member twice, which a dict cannot hold
        text = text.replace('"exists":', rng.choice(['"exists": true, "exists":', '"claim": "a", "exists":']), 1)
    return rng.choice(["", "", " \r\n\t", "\ufeff" if wrong() else ""]).encode() + text.encode()


# ---- attestation policies ----

KNOWN_TYPES = ["$svn", "$is-debuggable", "$sgx-mrenclave", "x-ms-sgx-svn", "x-ms-sgx-is-debuggable"]
KINDS = ["String", "Integer", "Boolean", "JSON", "string"]
ISSUED_BY = ["AttestationService", "AttestationPolicy", "CustomClaim"]


class Text:
    """An attestation policy as text, with space wherever it may stand."""

    def __init__(self, rng, claims, names, wrong):
        self.rng, self.wrong, self.claims = rng, wrong, claims
        self.types = names + rng.sample(KNOWN_TYPES, 2)

    def space(self, *words):
        spaces = ["", "", "", " ", "\n", "\t", "\r\n", "  "]
        return "".join(self.rng.choice(spaces) + word for word in words)

    def string(self, text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def literal(self, value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return self.string(value) if isinstance(value, str) else str(value)

    def operand(self, attribute, bound):
        rng = self.rng
        if self.wrong():
            return rng.choice(["x", "1.5", "99999999999999999999", "True", "f(1)", '"open', "-", "00x",
                               "null", '"\\n"', "'a'", self.literal(scalar(rng))])
        if bound and rng.randrange(3) == 0:
            same = attribute if rng.randrange(3) else rng.choice(model.PROPERTIES)
            return self.space(rng.choice(bound), ".", same)
        if attribute == "value":
            return self.literal(near(rng, self.claims, rng.choice(self.types)))
        return self.string(rng.choice({"type": self.types, "valueType": KINDS, "issuer": ISSUED_BY}[attribute]))

    def test(self, attribute, bound):
        rng = self.rng
        operator = rng.choice(["==", "==", "==", "!="])
        operand = self.operand(attribute, bound)
        if attribute == "value" and rng.randrange(3) == 0:
            operator = rng.choice(["<", "<=", ">", ">="])
            if not self.wrong():
                operand = self.space(rng.choice(bound), ".", rng.choice(["value", "type"])) \
                    if bound and rng.randrange(3) == 0 else str(rng.choice(NUMBERS))
        if self.wrong():
            operator = rng.choice(["=", "=>", "===", "<>", "!", "<"])
        return self.space(attribute, operator, operand)

    def condition(self, bound):
        rng = self.rng
        tests = [self.test("type", bound)] if rng.randrange(6) else []
        for attribute in rng.choices(["value", "value", "valueType", "issuer", "type"], k=rng.choice([0, 1, 1, 1, 2])):
            tests.append(self.test(attribute, bound))
        if not tests or self.wrong():
            tests = [self.test("value", bound)] * (9 if self.wrong() else rng.choice([1, 8]))
        text = self.space("[", self.space(",").join(tests), "]")
        if rng.randrange(2) and len(bound) < 3:
            name = rng.choice("cdef") + str(len(bound))
            if self.wrong():
                name = rng.choice(bound + ["c0", "n" * 32, "n" * 33, "0c", "type", "true"])
            bound.append(name)
            text = self.space(name, ":", text)
        return ("!" if self.wrong() else "") + text

    def made(self, bound):
        """What add() and the like take."""
        rng = self.rng
        if bound and rng.randrange(3) == 0:
            return self.space("claim", "=", rng.choice(bound if not self.wrong() else ["zz", '"c"']))
        name = self.string(rng.choice(self.types + ["made"]))
        if bound and rng.randrange(3) == 0:
            name = self.space(rng.choice(bound), ".", rng.choice(["type", "issuer", "value", "value"]))
        parts = [self.space("type", "=", name), self.space("value", "=", self.operand("value", bound))]
        rng.shuffle(parts)
        if self.wrong():
            parts = rng.choice([parts[:1], parts + parts[:1], parts + ['issuer="x"'], parts + ["claim=c0"]])
        return self.space(",").join(parts)

    def rule(self, section):
        rng = self.rng
        bound, conditions = [], []
        for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]) if not self.wrong() else rng.choice([8, 9])):
            conditions.append(self.condition(bound))
        among = sorted(model.ACTIONS[section])
        if section == "authorizationrules":
            among += ["permit", "permit"]
        action = rng.choice(among)
        if self.wrong():
            action = rng.choice(["permit", "issue", "Permit", "add", "issueproperty", "deny"])
        inside = "" if action in ("permit", "deny") else self.made(bound)
        return self.space(self.space("&&").join(conditions), "=>", action, "(", inside, ")",
                          ";" if not self.wrong() else "")

    def policy(self):
        rng = self.rng
        version = rng.choice(["1.0", "1.0", "1.1"])
        sections = ["authorizationrules"]
        if version == "1.1" and rng.randrange(2):
            sections.insert(0, "configurationrules")
        if rng.randrange(3):
            sections.append("issuancerules")
        if self.wrong():
            rng.shuffle(sections)
        if self.wrong():
            sections = rng.choice([sections + sections[:1], ["issuancerules"], ["configurationrules"] + sections, []])
        if self.wrong():
            version = rng.choice(["1.2", "2", "1", "", "1.0.0", "1.", "x"])
        text = self.space("version", "=", version, ";")
        for section in sections:
            rules = [self.rule(section) for _ in range(rng.choice([0, 1, 1, 2, 3, 4]))]
            if not rules and section == "authorizationrules":
                rules = ["=>permit();"]
            text += self.space(section if not self.wrong() else section[:-1], "{", "".join(rules), "}", ";")
        return (text + self.space("")).encode()


# ---- one case ----

def mistakes(first):
    """Good until it was asked `first` times, then wrong once: what else is in the policy hides nothing."""
    asked = itertools.count()
    return lambda: next(asked) == first


def make(seed):
    rng = random.Random(seed)
    wrong = rng.choice([lambda: False, mistakes(rng.randrange(40)), lambda: rng.random() < 0.03])
    names = rng.sample(NAMES, rng.randrange(2, 6)) + rng.choice([[], [], ["a", "a.b", "a.b.c"]])
    object = claims_object(rng, names)
    claims = json.dumps(object, ensure_ascii=rng.random() < 0.5).encode()
    data = Text(rng, object, names, wrong).policy() if rng.randrange(2) else release_bytes(rng, object, names, wrong)
    if wrong():
        data = damaged(rng, data)
    if wrong():
        claims = damaged(rng, claims)
    return data, claims


# ---- what each says ----

def judged(data, claims, schema):
    """By the model, in BULK's form."""
    try:
        policy = model.read(data)
    except model.Unsupported:
        return {"read": "unsupported"}
    except model.Malformed:
        return {"read": "invalid"}
    answer = {"read": "ok", "check": "ok" if policy.check(schema) else "invalid"}
    try:
        said = policy.evaluate(model.strict_json(claims))
    except model.Malformed:
        return {**answer, "evaluate": "invalid"}
    return {**answer, "evaluate": "ok" if said["verdict"] == "permit" else "refused",
            "language": policy.language, **said}


STATUSES = {}


def library(answer):
    """BULK's answer in the same form."""
    told = {key: STATUSES.get(answer[key], answer[key]) for key in ("read", "check", "evaluate") if key in answer}
    trace = answer.get("trace")
    if trace:
        told.update({key: trace[key] for key in ("language", "verdict", "conditions", "reasons", "issued",
                                                 "properties")})
    return told


def differences(mine, theirs):
    for key in sorted(set(mine) | set(theirs)):
        one, other = mine.get(key), theirs.get(key)
        if key in ("conditions", "properties") and mine.get("conditions", ()) is None:
            continue  # evaluation was ended: only that is told
        if key == "reasons" and one is not None and other is not None:
            if len(one) != len(other) or not all(text.startswith(start) for text, start in zip(other, one)):
                yield key, one, other
            continue
        if key == "conditions" and one is not None and other is not None:
            other = [{part: told[part] for part in told if part != "note"} for told in other]
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            one, other = zip(*([pair for pair in zip(one, other)
                                if model.exactly(pair[0]) != model.exactly(pair[1])] or [(None, None)]))
        if model.exactly(one) != model.exactly(other):
            yield key, one, other


# ---- all ----

def frame(data):
    return struct.pack("<I", len(data)) + data


def statuses(bulk):
    """The numbers of the statuses, of policies whose fate is clear."""
    permits = b"version=1.0;authorizationrules{[type==\"a\"]=>permit();};"
    asked = [(permits, b'{"a":1}', "ok"), (permits, b"{}", "refused"), (b"version=3;", b"{}", "unsupported"),
             (b"x", b"{}", "invalid")]
    answers = ask(bulk, [case[:2] for case in asked])
    for (_, _, name), answer in zip(asked, answers):
        STATUSES[answer.get("evaluate", answer["read"])] = name
    assert len(STATUSES) == 4, STATUSES


def ask(bulk, cases):
    given = b"".join(frame(data) + frame(claims) for data, claims in cases)
    out = subprocess.run([bulk], input=given, stdout=subprocess.PIPE, check=True).stdout
    lines = out.decode().splitlines()
    assert len(lines) == len(cases), f"{len(lines)} answers to {len(cases)} questions"
    return [json.loads(line) for line in lines]


def main():
    bulk, document = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 4000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    with open(document, encoding="utf-8") as file:
        schema = model.Schema(file.read())
    statuses(bulk)
    happened, wrong = {}, 0
    for start in range(seed, seed + count, 500):
        seeds = range(start, min(start + 500, seed + count))
        cases = [make(one) for one in seeds]
        for one, (data, claims), answer in zip(seeds, cases, ask(bulk, cases)):
            mine, theirs = judged(data, claims, schema), library(answer)
            outcome = (data.lstrip()[:1] == b"{" and "release" or "attestation",
                       mine.get("evaluate", mine["read"]))
            happened[outcome] = happened.get(outcome, 0) + 1
            different = list(differences(mine, theirs))
            wrong += bool(different)
            if different and wrong <= 10:
                print(f"seed {one}: {answer['error']}\n{data.decode(errors='backslashreplace')}\n"
                      f"{claims.decode(errors='backslashreplace')}")
                for key, model_has, library_has in different:
                    print(f"  {key}:\n    model   {model_has}\n    library {library_has}")
    for outcome, times in sorted(happened.items()):
        print(*outcome, times)
    for language in ("release", "attestation"):  # each happens often enough to mean something
        for outcome in ("ok", "refused", "invalid"):
            if count >= 1000 and happened.get((language, outcome), 0) < count // 100:
                print(f"{language} policies: {outcome} happens too seldom")
                wrong += 1
    print(f"{count} policies, {wrong} differences")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
