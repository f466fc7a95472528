#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks ECS documents (one a line) against the schema: every field exists, has the right type, and
category and type of an event fit together. Ours (kubernetes.*, sallyport.*) are checked for form only.

    check_ecs.py [--schema ecs_flat.yml] [--unique] FILE.ndjson...     (- is standard input)

Exit 0 all good, 1 problems (at most 50 are printed), 2 wrong use, 77 the schema is not there.
"""
import argparse
import ipaddress
import json
import os
import re
import sys

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OURS = ("kubernetes.", "sallyport.")
REQUIRED = ("@timestamp", "ecs.version", "event.id", "event.kind", "event.category", "event.type",
            "event.action", "event.outcome", "event.module", "event.dataset", "message", "observer.name")
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")
TEXT_TYPES = {"keyword", "wildcard", "text", "constant_keyword", "match_only_text", "version"}
INTEGER_TYPES = {"long", "integer", "short", "byte", "unsigned_long"}
FLOAT_TYPES = {"float", "double", "half_float", "scaled_float"}
# Elasticsearch guesses dates from such names (events reference, 2.7).
DATE_LIKE = {"start", "end", "timestamp", "ts"}
LARGEST_EXACT = 2 ** 53


def default_schema():
    data = os.environ.get("SALLYPORT_SHARED_DATA")
    if not data:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        data = os.path.join(root, "..", "shared", "data")
    return os.path.join(data, "schemas", "ecs", "ecs_flat.yml")


def load_schema(path):
    with open(path, encoding="utf-8") as file:
        fields = yaml.load(file, Loader=LOADER)
    objects = {}
    for name in fields:
        parts = name.split(".")
        for size in range(1, len(parts)):
            objects[".".join(parts[:size])] = True
    return fields, objects


class Checker:
    def __init__(self, fields, objects):
        self.fields = fields
        self.objects = objects
        self.kinds = self.allowed("event.kind")
        self.categories = self.allowed("event.category")

    def allowed(self, name):
        return {value["name"]: set(value.get("expected_event_types") or [])
                for value in self.fields[name].get("allowed_values") or []}

    def document(self, doc):
        problems = []
        if not isinstance(doc, dict):
            return ["is not an object"]
        seen = {}
        self.walk("", doc, seen, problems)
        for name in REQUIRED:
            if name not in seen:
                problems.append(f"{name}: is missing")
        self.category_and_type(doc.get("event", {}), problems)
        return problems

    def walk(self, prefix, value, seen, problems):
        for key, inner in value.items():
            name = f"{prefix}{key}"
            if "." in key:
                problems.append(f"{name}: dotted key, expected nested objects")
            elif name.startswith(OURS) or name + "." in OURS:
                self.ours(name, inner, problems)
                seen[name] = True
            elif name in self.fields:
                seen[name] = True
                self.field(name, inner, seen, problems)
            elif name in self.objects and isinstance(inner, dict):
                if not inner:
                    problems.append(f"{name}: empty object")
                self.walk(name + ".", inner, seen, problems)
            else:
                problems.append(f"{name}: no such field in ECS")

    def ours(self, name, value, problems):
        if isinstance(value, dict):
            if not value:
                problems.append(f"{name}: empty object")
            for key, inner in value.items():
                if "." in key or key in DATE_LIKE:
                    problems.append(f"{name}.{key}: key that mappings trip over")
                self.ours(f"{name}.{key}", inner, problems)
        elif isinstance(value, list):
            if not value:
                problems.append(f"{name}: empty array")
            for inner in value:
                self.ours(name, inner, problems)
        else:
            self.scalar(name, value, problems)

    @staticmethod
    def scalar(name, value, problems):
        if value is None or value == "":
            problems.append(f"{name}: empty, expected to be left out")
        elif isinstance(value, int) and not isinstance(value, bool) and value > LARGEST_EXACT:
            problems.append(f"{name}: {value} loses digits in JSON readers, expected a text")

    def field(self, name, value, seen, problems):
        schema = self.fields[name]
        is_array = "array" in (schema.get("normalize") or [])
        if is_array != isinstance(value, list):
            if not (schema["type"] in ("object", "nested") and isinstance(value, dict)):
                problems.append(f"{name}: expected {'an array' if is_array else 'one value'}")
                return
        values = value if isinstance(value, list) else [value]
        if not values:
            problems.append(f"{name}: empty array")
        for one in values:
            self.one(name, schema, one, seen, problems)

    def one(self, name, schema, value, seen, problems):
        kind = schema["type"]
        if kind in ("object", "nested"):
            if isinstance(value, dict):
                self.walk(name + ".", value, seen, problems)
            else:
                problems.append(f"{name}: expected an object")
            return
        self.scalar(name, value, problems)
        if not self.fits(kind, value):
            problems.append(f"{name}: {value!r} is no {kind}")
        allowed = {v["name"] for v in schema.get("allowed_values") or []}
        allowed |= set(schema.get("expected_values") or [])
        if allowed and value not in allowed:
            problems.append(f"{name}: {value!r}, expected one of {sorted(allowed)}")
        if schema.get("pattern") and not re.fullmatch(schema["pattern"], str(value)):
            problems.append(f"{name}: {value!r} does not match {schema['pattern']}")

    @staticmethod
    def fits(kind, value):
        if kind in TEXT_TYPES:
            return isinstance(value, str)
        if kind in INTEGER_TYPES:
            return isinstance(value, int) and not isinstance(value, bool)
        if kind in FLOAT_TYPES:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind == "boolean":
            return isinstance(value, bool)
        if kind == "date":
            return isinstance(value, str) and bool(DATE.match(value))
        if kind == "ip":
            try:
                ipaddress.ip_address(value)
                return True
            except ValueError:
                return False
        return True

    def category_and_type(self, event, problems):
        categories = event.get("category") or []
        legal = set()
        for category in categories:
            legal |= self.categories.get(category, set())
        for one in event.get("type") or []:
            if one not in legal:
                problems.append(f"event.type: {one!r} is not allowed by category {categories}")
        if event.get("kind") not in self.kinds:
            problems.append(f"event.kind: {event.get('kind')!r} is not allowed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schema", default=default_schema())
    parser.add_argument("--unique", action="store_true", help="event.id occurs once")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.schema):
        print(f"skipped: no schema at {arguments.schema}", file=sys.stderr)
        return 77
    checker = Checker(*load_schema(arguments.schema))
    documents = found = 0
    ids = set()
    for path in arguments.files:
        with (sys.stdin if path == "-" else open(path, encoding="utf-8")) as file:
            for line_number, line in enumerate(file, 1):
                documents += 1
                try:
                    doc = json.loads(line)
                    problems = checker.document(doc)
                except ValueError as error:
                    doc, problems = {}, [f"not JSON: {error}"]
                identity = doc.get("event", {}).get("id") if isinstance(doc, dict) else None
                if arguments.unique and identity in ids:
                    problems.append(f"event.id: {identity} occurs twice")
                ids.add(identity)
                for problem in problems:
                    found += 1
                    if found <= 50:
                        print(f"{path}:{line_number}: {problem}")
    print(f"{documents} documents, {found} problems")
    return 1 if found or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
