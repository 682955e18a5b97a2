#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/recipe.schema.json says what `lmopt compile --recipe` takes: both are asked about the same texts.

In: lmopt, the schema, a model. The part of JSON Schema that the schema uses is checked here; another keyword is an error, so that the
schema cannot say more than is tested. Usage: recipe_schema.py LMOPT SCHEMA MODEL
"""
import json
import re
import subprocess
import sys
import tempfile

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float)}
KNOWN = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties", "items", "minLength", "pattern", "anyOf"}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "number" and isinstance(value, bool))


def accepts(schema, value):
    if schema is False:
        return False
    unknown = set(schema) - KNOWN
    assert not unknown, f"the schema uses {unknown}, which is not tested"
    if "anyOf" in schema and not any(accepts(one, value) for one in schema["anyOf"]):
        return False
    if "type" in schema and not is_type(value, schema["type"]):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return all(key in value for key in schema.get("required", [])) and all(
            accepts(known.get(key, schema.get("additionalProperties", {})), each) for key, each in value.items())
    if isinstance(value, list):
        return all(accepts(schema["items"], each) for each in value)
    if isinstance(value, str):
        return len(value) >= schema.get("minLength", 0) and re.search(schema.get("pattern", ""), value) is not None
    return True


GOOD = [
    {"name": "x", "passes": []},
    {"name": "x", "passes": [{"pass": "lm-rotate"}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": 64}}, {"pass": "lm-rotate", "options": {"layers": "layers.0.*,head"}}]},
    {"name": "x", "passes": [{"pass": "lm-quantize-groups", "options": {"min": True, "bits": "4"}}]},
]
BAD = [
    [], "x", 3, {}, {"name": "x"}, {"passes": []}, {"name": "", "passes": []}, {"name": 3, "passes": []}, {"name": "x", "passes": {}},
    {"name": "x", "passes": [], "more": 1}, {"name": "x", "passes": ["lm-rotate"]}, {"name": "x", "passes": [{}]},
    {"name": "x", "passes": [{"pass": 3}]}, {"name": "x", "passes": [{"pass": "lm-rotate", "option": {}}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": []}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": [64]}}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": None}}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"layers": "a'b"}}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"layers": "{a}"}}]},
    {"name": "x", "passes": [{"pass": "lm-rotate", "options": {"layers": "a\\b"}}]},
]


def main(lmopt, schema_file, model):
    with open(schema_file, encoding="utf8") as file:
        schema = json.load(file)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for expected, recipes in ((True, GOOD), (False, BAD)):
            for recipe in recipes:
                path = folder + "/recipe.json"
                with open(path, "w", encoding="utf8") as file:
                    json.dump(recipe, file)
                ran = subprocess.run([lmopt, "compile", model, "--quiet", "--recipe", path, "--stop-after", "import", "-o", folder + "/out"],
                                     capture_output=True, text=True, check=False)
                taken = {0: True, 3: False}.get(ran.returncode)
                if not (taken == expected == accepts(schema, recipe)):
                    faults += 1
                    print(f"{json.dumps(recipe)}: lmopt ends with {ran.returncode}, the schema says {accepts(schema, recipe)}, "
                          f"expected {expected}; {ran.stderr.strip()}")
    print(f"{len(GOOD) + len(BAD)} recipes, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
