# SPDX-License-Identifier: Apache-2.0
"""docs/policy.md once more, in Python: slow, without regard to memory, and written from the document
and not from attest/policy, so that compare.py can hold one against the other.

A policy is bytes, claims are bytes of JSON. read() gives a policy or raises Malformed (Unsupported: of
a version that is not known); evaluate() gives what the trace has to say.
"""
import json
import math
import re

LEAST, MOST = -2**63, 2**63 - 1
DEPTH = 24


class Malformed(Exception):
    pass


class Unsupported(Malformed):
    pass


def demand(good, why):
    if not good:
        raise Malformed(why)


# ---- JSON, strictly ----

def strict_json(data):
    """One object: UTF-8, no member twice, nothing beyond 64 bits, no NUL, at most DEPTH deep."""
    def pairs(members):
        demand(len(dict(members)) == len(members), "a member twice")
        return dict(members)

    def integer(text):
        demand(LEAST <= int(text) <= MOST, "an integer beyond 64 bits")
        return int(text)

    def fraction(text):
        demand(math.isfinite(float(text)), "a number beyond a double")
        return float(text)

    def constant(_):
        raise Malformed("NaN or Infinity")

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_int=integer,
                           parse_float=fraction, parse_constant=constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair has none
    except (ValueError, RecursionError) as wrong:
        raise Malformed(str(wrong)) from None
    demand(isinstance(value, dict), "no object")
    demand("\\u0000" not in json.dumps(value), "a NUL")
    demand(depth(value) <= DEPTH, "too deep")
    return value


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


# ---- types ----

def type_of(value):
    if value is None:
        return "nothing"
    if isinstance(value, bool):  # before int, of which Python holds it to be one
        return "boolean"
    return {str: "string", int: "integer", float: "fraction", list: "array", dict: "object"}[type(value)]


COMPARABLE = ("string", "integer", "boolean")
EQUALITY = ("equals", "notEquals")
ORDER = ("less", "lessOrEquals", "greater", "greaterOrEquals")


def met(operator, found, expected):
    if operator == "exists":
        return (found is not None) == expected
    if type_of(found) not in COMPARABLE or type_of(found) != type_of(expected):
        return False
    if operator == "equals":
        return found == expected
    if operator == "notEquals":
        return found != expected
    if type_of(found) != "integer":
        return False
    return {"less": found < expected, "lessOrEquals": found <= expected,
            "greater": found > expected, "greaterOrEquals": found >= expected}[operator]


# ---- key release policies ----

class Release:
    def __init__(self, data):
        self.policy = strict_json(data)
        demand(set(self.policy) <= {"version", "anyOf", "allOf"}, "an unknown key")
        demand(isinstance(self.policy.get("version"), str), "version")
        if self.policy["version"] != "1.0.0":
            raise Unsupported("version")
        self.read_list(self.policy, self.read_authority)

    language = "release-1.0.0"

    @staticmethod
    def read_list(owner, read):
        demand(("anyOf" in owner) != ("allOf" in owner), "one of anyOf and allOf")
        entries = owner.get("anyOf", owner.get("allOf"))
        demand(isinstance(entries, list) and entries, "a list with an entry")
        for entry in entries:
            demand(isinstance(entry, dict), "an object")
            read(entry)

    @staticmethod
    def read_name(name):
        demand(isinstance(name, str) and 1 <= len(name.encode()) <= 250, "a name")

    def read_authority(self, authority):
        demand(set(authority) <= {"authority", "anyOf", "allOf"}, "an unknown key")
        self.read_name(authority.get("authority"))
        self.read_list(authority, self.read_condition)

    def read_condition(self, condition):
        if "claim" not in condition:
            demand(set(condition) <= {"anyOf", "allOf"}, "an unknown key")
            self.read_list(condition, self.read_condition)
            return
        self.read_name(condition["claim"])
        demand(len(condition) == 2, "exactly one operator")
        operator, = set(condition) - {"claim"}
        expected = condition[operator]
        demand(operator in EQUALITY + ORDER + ("exists",), "an operator")
        demand(type_of(expected) in COMPARABLE, "what compares")
        demand(type_of(expected) != "string" or len(expected.encode()) <= 4096, "a long string")
        demand(operator not in ORDER or type_of(expected) == "integer", "an integer")
        demand(operator != "exists" or type_of(expected) == "boolean", "a boolean")

    # -- against the table of claims --

    def conditions(self, owner=None):
        for entry in self.entries(owner or self.policy):
            if "claim" in entry:
                operator, = set(entry) - {"claim"}
                yield entry["claim"], operator, entry[operator]
            else:
                yield from self.conditions(entry)

    def check(self, schema):
        return all(schema.fits(*condition) for condition in self.conditions())

    # -- evaluating --

    @staticmethod
    def entries(owner):
        return owner.get("anyOf", owner.get("allOf"))

    @staticmethod
    def find(claims, name):
        if name in claims:
            return claims[name]
        dots = [i for i, letter in enumerate(name) if letter == "."]
        for dot in reversed(dots):
            if isinstance(claims.get(name[:dot]), dict):
                return Release.find(claims[name[:dot]], name[dot + 1:])
        return None

    def evaluate(self, claims):
        conditions = []

        def one(place, claim, operator, expected, found, good):
            conditions.append({"place": place, "claim": claim, "operator": operator,
                               "expected": expected, "found": found, "met": good})
            return good, [] if good else [f"{claim} {operator} "]

        def listed(owner, place, judge):
            name = "anyOf" if "anyOf" in owner else "allOf"
            before = place + "." if place else ""
            answers = [judge(entry, f"{before}{name}[{i}]") for i, entry in enumerate(owner[name])]
            good = (any if name == "anyOf" else all)(answer for answer, _ in answers)
            return good, [] if good else [reason for _, reasons in answers for reason in reasons]

        def condition(entry, place):
            if "claim" not in entry:
                return listed(entry, place, condition)
            operator, = set(entry) - {"claim"}
            found = self.find(claims, entry["claim"])
            return one(place, entry["claim"], operator, entry[operator], found,
                       met(operator, found, entry[operator]))

        def authority(entry, place):
            issuer = claims.get("iss")
            good, reasons = one(place, "iss", "authority", entry["authority"], issuer,
                                isinstance(issuer, str) and same_issuer(issuer, entry["authority"]))
            inner, others = listed(entry, place, condition)
            return good and inner, reasons + others

        good, reasons = listed(self.policy, "", authority)
        return {"verdict": "permit" if good else "deny", "conditions": conditions, "reasons": reasons,
                "issued": {}, "properties": {}}


def same_issuer(one, other):
    def bare(text):
        return text.removeprefix("https://").removesuffix("/")
    return bare(one) != "" and bare(one) == bare(other)


# ---- attestation policies: reading ----

TOKEN = re.compile(r"""
      (?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\\r\n]|\\["\\])*")
    | (?P<number>-?[0-9]+(?![0-9A-Za-z_.]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>=>|==|!=|<=|>=|&&|[=<>;:,.()\[\]{}])
    """, re.VERBOSE)
VERSION = re.compile(r"[ \t\r\n]*version[ \t\r\n]*=[ \t\r\n]*([0-9.]+)")

OPERATORS = {"==": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater",
             ">=": "greaterOrEquals"}
PROPERTIES = ("type", "value", "valueType", "issuer")
SECTIONS = ("configurationrules", "authorizationrules", "issuancerules")
ACTIONS = {"configurationrules": {"issueproperty"},
           "authorizationrules": {"permit", "deny", "add"},
           "issuancerules": {"add", "issue", "issueproperty"}}


class Words:
    """The policy as a list of tokens."""

    def __init__(self, text, line):
        self.tokens, at = [], 0
        while at < len(text):
            match = TOKEN.match(text, at)
            demand(match, f"no token: {text[at:at + 10]!r}")
            if match.lastgroup != "space":
                self.tokens.append((match.lastgroup, match.group(), line))
            line += match.group().count("\n")
            at = match.end()
        self.tokens.append(("end", "", line))

    def kind(self):
        return self.tokens[0][0]

    def text(self):
        return self.tokens[0][1]

    def line(self):
        return self.tokens[0][2]

    def take(self):
        return self.tokens.pop(0)[1]

    def takes(self, mark):
        if self.kind() == "mark" and self.text() == mark:
            self.take()
            return True
        return False

    def expect(self, mark):
        demand(self.takes(mark), f"{mark} is wanted, not {self.text()!r}")

    def word(self, among):
        demand(self.kind() == "word" and self.text() in among, f"not {self.text()!r}")
        return self.take()


class Reference:
    def __init__(self, condition, attribute):
        self.condition, self.attribute = condition, attribute

    def __str__(self):
        return f"{self.condition}.{self.attribute}"


class Attestation:
    def __init__(self, data):
        text = data.decode("utf-8", "surrogateescape")
        demand("\0" not in text, "a NUL")
        match = VERSION.match(text)
        demand(match, "version")
        if match.group(1) not in ("1.0", "1.1"):
            raise Unsupported("version")
        demand(not re.search("[\udc80-\udcff]", text), "no UTF-8")
        self.language = "attestation-" + match.group(1)
        self.sections = {}
        self.count = 0
        words = Words(text[match.end():], 1 + match.group().count("\n"))
        words.expect(";")
        while words.kind() != "end":
            name = words.word(SECTIONS)
            demand(all(SECTIONS.index(name) > SECTIONS.index(before) for before in self.sections), "order")
            demand(name != SECTIONS[0] or match.group(1) == "1.1", "configurationrules in 1.0")
            self.sections[name] = self.read_section(words, name)
        demand("authorizationrules" in self.sections, "no authorizationrules")

    def read_section(self, words, section):
        rules = []
        words.expect("{")
        while not words.takes("}"):
            rules.append(self.read_rule(words, section))
            self.count += 1
            demand(self.count <= 512, "rules")
        words.expect(";")
        return rules

    def read_rule(self, words, section):
        rule = {"line": words.line(), "section": section, "conditions": []}
        if not words.takes("=>"):
            self.read_condition(words, rule)
            while words.takes("&&"):
                self.read_condition(words, rule)
            words.expect("=>")
        rule["action"] = words.word(ACTIONS[section])
        words.expect("(")
        if rule["action"] not in ("permit", "deny"):
            self.read_claim(words, rule)
        words.expect(")")
        words.expect(";")
        return rule

    @staticmethod
    def names(rule):
        return [condition["name"] for condition in rule["conditions"] if condition["name"]]

    def read_condition(self, words, rule):
        condition = {"name": "", "tests": []}
        if not words.takes("["):
            demand(words.kind() == "word" and words.text() not in self.names(rule), "a name")
            condition["name"] = words.take()
            demand(len(condition["name"]) <= 32, "a long name")
            words.expect(":")
            words.expect("[")
        while True:
            condition["tests"].append(self.read_test(words, rule))
            if not words.takes(","):
                break
        words.expect("]")
        demand(len(condition["tests"]) <= 8 and len(rule["conditions"]) < 8, "too many")
        rule["conditions"].append(condition)

    def read_test(self, words, rule):
        attribute = words.word(PROPERTIES)
        demand(words.kind() == "mark" and words.text() in OPERATORS, "an operator")
        operator = OPERATORS[words.take()]
        operand = self.read_operand(words, rule)
        if operator in ORDER:
            demand(attribute == "value", "order of what is no value")
            demand(isinstance(operand, Reference) or type_of(operand) == "integer", "order")
        if attribute != "value":
            demand(isinstance(operand, (Reference, str)), "a string")
        return attribute, operator, operand

    def read_operand(self, words, rule):
        kind, text, _ = words.tokens[0]
        if kind == "string":
            words.take()
            bare = re.sub(r"\\(.)", r"\1", text[1:-1])
            demand(len(bare.encode()) <= 4096, "a long string")
            return bare
        if kind == "number":
            demand(LEAST <= int(text) <= MOST, "64 bits")
            return int(words.take())
        demand(kind == "word", "a value")
        words.take()
        if text in ("true", "false"):
            return text == "true"
        demand(text in self.names(rule), "a name that is not there")
        words.expect(".")
        return Reference(text, words.word(PROPERTIES))

    def read_claim(self, words, rule):
        given = {}
        while True:
            key = words.word(("type", "value", "claim"))
            demand(key not in given, "twice")
            words.expect("=")
            if key == "claim":
                demand(words.kind() == "word" and words.text() in self.names(rule), "a name")
                given[key] = words.take()
            else:
                given[key] = self.read_operand(words, rule)
            if not words.takes(","):
                break
        demand(set(given) in ({"type", "value"}, {"claim"}), "type and value, or claim")
        demand(isinstance(given.get("type", ""), (str, Reference)), "a type that is no string")
        rule["claim"] = given

    # -- against the table of claims --

    def check(self, schema):
        made = set()
        for section in SECTIONS:
            for rule in self.sections.get(section, []):
                for condition in rule["conditions"]:
                    if not self.condition_fits(schema, condition, made):
                        return False
                if isinstance(rule.get("claim", {}).get("type"), str):
                    made.add(rule["claim"]["type"])
        return True

    @staticmethod
    def condition_fits(schema, condition, made):
        literal = [test for test in condition["tests"] if not isinstance(test[2], Reference)]
        if any(value not in GIVEN.get(attribute, [value]) for attribute, _, value in literal):
            return False
        if ("issuer", "equals", "CustomClaim") in literal:
            return True
        for attribute, operator, name in literal:
            if attribute != "type" or name in made:
                continue
            name = DEPRECATED.get(name, name)
            if name not in schema.rows:
                return False
            for other, relation, value in literal:
                if operator == "equals" and other == "value" and not schema.fits(name, relation, value):
                    return False
        return True

    # -- evaluating --

    def evaluate(self, claims):
        return Run(self, claims).answer()


# ---- attestation policies: evaluating ----

DEPRECATED = {"$is-debuggable": "x-ms-sgx-is-debuggable", "$product-id": "x-ms-sgx-product-id",
              "$sgx-mrsigner": "x-ms-sgx-mrsigner", "$sgx-mrenclave": "x-ms-sgx-mrenclave",
              "$svn": "x-ms-sgx-svn", "$tee": "x-ms-attestation-type", "$maa-ehd": "x-ms-sgx-ehd",
              "$aas-ehd": "x-ms-sgx-ehd", "$maa-attestationcollateral": "x-ms-sgx-collateral"}


GIVEN = {"valueType": ("String", "Integer", "Boolean", "JSON"),
         "issuer": ("AttestationService", "AttestationPolicy", "CustomClaim")}


class Ended(Exception):
    """Evaluation cannot go on: denied."""


def claim_of(name, value, issuer):
    kind = {"string": "String", "integer": "Integer", "boolean": "Boolean"}.get(type_of(value), "JSON")
    return {"type": name, "value": value, "valueType": kind, "issuer": issuer}


def exactly(value):
    """Python holds 1, 1.0 and True to be equal; as texts they are not."""
    return json.dumps(value, sort_keys=True)


class Run:
    def __init__(self, policy, claims):
        self.policy = policy
        # null is nothing
        self.claims = [claim_of(name, value, "AttestationService") for name, value in claims.items()
                       if value is not None]
        self.issued, self.properties = {}, {}
        self.permitted, self.denials, self.unmet, self.conditions = False, [], [], []
        self.cost = 0

    def answer(self):
        try:
            self.run("configurationrules")
            self.run("authorizationrules")
            if self.permitted and not self.denials:
                self.run("issuancerules")
        except Ended:
            return {"verdict": "deny", "conditions": None, "reasons": ["the policy was not evaluated"],
                    "issued": {}, "properties": None}
        good = self.permitted and not self.denials
        reasons = list(self.denials)
        if not self.permitted:
            reasons += ["no permit()"] + self.unmet
        return {"verdict": "permit" if good else "deny", "conditions": self.conditions,
                "reasons": reasons, "issued": self.shown(self.issued) if good else {},
                "properties": self.shown(self.properties)}

    @staticmethod
    def shown(several):
        return {name: values[0] if len(values) == 1 else values for name, values in several.items()}

    def run(self, section):
        for rule in self.policy.sections.get(section, []):
            self.run_rule(rule)

    # -- conditions --

    @staticmethod
    def operand(operand, bound):
        return bound[operand.condition][operand.attribute] if isinstance(operand, Reference) else operand

    def test_met(self, test, claim, bound):
        attribute, operator, operand = test
        expected = self.operand(operand, bound)
        if attribute == "type" and operator == "equals" and isinstance(expected, str):
            return claim["type"] in (expected, DEPRECATED.get(expected, expected))
        return met(operator, claim[attribute], expected)

    def condition_met(self, condition, claim, bound):
        self.cost += 1
        return all(self.test_met(test, claim, bound) for test in condition["tests"])

    def choices(self, conditions, before, bound=None):
        """Each way to give every one of the conditions a claim that meets it."""
        bound = bound or {}
        if not conditions:
            yield bound
        for claim in before if conditions else []:
            if self.condition_met(conditions[0], claim, bound):
                yield from self.choices(conditions[1:], before, {**bound, conditions[0]["name"]: claim})

    # -- rules --

    def run_rule(self, rule):
        before = list(self.claims)
        conditions = rule["conditions"]
        named = [condition for condition in conditions if condition["name"]]
        reached = [any(True for _ in self.choices(conditions[:k + 1], before))
                   for k in range(len(conditions))]
        acts = all(reached)
        if acts:
            # Of conditions without a name any claim will do; with names, each choice counts.
            done = []
            for bound in self.choices(conditions, before):
                choice = [bound[condition["name"]] for condition in named]
                if not any(all(one is other for one, other in zip(choice, old)) for old in done):
                    done.append(choice)
                    self.act(rule, bound)
        if acts and rule["action"] == "deny":
            self.denials.append(f"authorizationrules line {rule['line']}: deny()")
        self.tell(rule, before, reached, acts)

    def act(self, rule, bound):
        action = rule["action"]
        if action == "permit":
            self.permitted = True
        elif action != "deny":
            if "claim" in rule["claim"]:
                chosen = bound[rule["claim"]["claim"]]
                name, value = chosen["type"], chosen["value"]
            else:
                name = self.operand(rule["claim"]["type"], bound)
                value = self.operand(rule["claim"]["value"], bound)
            if not isinstance(name, str):
                raise Ended
            if action != "add":
                values = (self.issued if action == "issue" else self.properties).setdefault(name, [])
                if exactly(value) not in map(exactly, values):
                    values.append(value)
            claim = claim_of(name, value, "AttestationPolicy")
            if exactly(claim) not in map(exactly, self.claims):
                self.claims.append(claim)

    # -- the trace --

    def tell(self, rule, before, reached, acts):
        for condition, good in zip(rule["conditions"], reached):
            refers = any(isinstance(test[2], Reference) for test in condition["tests"])
            meeting = [] if refers else [claim for claim in before if self.condition_met(condition, claim, {})]
            types = [test for test in condition["tests"] if test[0] == "type"][:1]
            values = [test for test in condition["tests"] if test[0] == "value"][:1]
            named = types and not isinstance(types[0][2], Reference)
            written = {name: mark for mark, name in OPERATORS.items()}
            near = [claim for claim in before if named and self.test_met(types[0], claim, {})]
            about = (meeting + near)[:1]
            good = good or bool(meeting)
            told = {"place": f"{rule['section']} line {rule['line']}: {rule['action']}()",
                    "claim": types[0][2] if named else "any claim",
                    "operator": written[values[0][1]] if values else "exists",
                    "expected": True if not values else str(values[0][2])
                    if isinstance(values[0][2], Reference) else values[0][2],
                    "found": about[0]["value"] if about else None, "met": good}
            self.conditions.append(told)
            if not good and rule["action"] == "permit" and not acts:
                self.unmet.append(f"{told['claim']} ")


# ---- the table of claims ----

class Schema:
    """Of the table in the document itself."""

    def __init__(self, document):
        table = document.split("\n## Known claims\n")[1]
        listed = re.findall(r"^\| `([^`]+)` \| ([a-z0-9 ]+?)(?::| whose members are)?((?:,? `[^`]+`)*) \|", table, re.M)
        self.rows = {name: kind for name, kind, _ in listed}
        self.values = {name: re.findall("`([^`]+)`", values) for name, _, values in listed if values}
        demand(len(self.rows) > 100, "the document has no table")

    def kind(self, name):
        """Of the claim that is meant, and all its values or None; "inside": of something in an object;
        None: not known."""
        if name in self.rows:
            return self.rows[name], self.values.get(name)
        for i, letter in enumerate(name):
            if letter == "." and self.rows.get(name[:i]) == "object of claims":
                return self.kind(name[i + 1:])
            if letter == "." and self.rows.get(name[:i]) == "object":
                return "inside", self.values.get(name[:i])
        return None, None

    def fits(self, name, operator, expected):
        kind, values = self.kind(name)
        if kind is None:
            return False
        if operator == "exists":
            return True
        if values is not None and kind in ("inside", "string"):
            return expected in values
        if kind == "inside":
            return True
        if kind.endswith(" bytes"):
            return type_of(expected) == "string" and \
                re.fullmatch(f"[0-9a-f]{{{2 * int(kind.split()[0])}}}", expected) is not None
        return type_of(expected) == kind and kind in COMPARABLE


def read(data):
    demand(len(data) <= 262144, "too long")
    return (Release if data.lstrip(b" \t\r\n").startswith(b"{") else Attestation)(data)
