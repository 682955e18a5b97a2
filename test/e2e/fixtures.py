#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""End to end on one fixture model (test/models): compile it, run it, compare with what transformers computed.

f32:  logits and vectors within the fixture's derived tolerance.
int8: near the reference interpreter run after the same recipe (rounding may flip a code here and there, so 1 % of error is
      allowed where the recipe itself costs some percent).
Both: the same bits for any thread count and in whatever pieces a prompt comes; the driver's tokenize, run and embed agree
      with the C interface; compiling twice gives the same bytes.
Usage: fixtures.py BIN_DIR FIXTURE_DIR RECIPE WORK_DIR
"""
import json
import re
import sys

import common

SPLITS = ["1", "5,1,2", "16,3"]
# What rounding may do to an int8 model: a code that flips moves an activation by 1/255 of its range.
INT8_RELATIVE_ERROR = 0.01


class Fixture:
    def __init__(self, folder):
        folder = common.pathlib.Path(folder)
        self.name = folder.name
        self.source = folder / "model.gguf" if (folder / "model.gguf").exists() else folder
        self.json = common.load_json(folder / "expected.json")
        self.decoder, self.width, self.cases = self.json["kind"] == "decoder", self.json["width"], self.json["cases"]
        stored = common.read_floats(folder / "expected.bin")
        rows = [len(case["rows"]) if self.decoder else 1 for case in self.cases]
        self.expected = [x for case, count in zip(self.cases, rows)
                         for x in stored[case["offset"]:case["offset"] + count * self.width]]

    def sequences(self):
        return [case["ids"] for case in self.cases]

    def chosen(self, values):
        """Of all rows that were computed, those that expectations exist for."""
        if not self.decoder:
            return list(values)
        result, start = [], 0
        for case in self.cases:
            for row in case["rows"]:
                result += values[(start + row) * self.width:(start + row + 1) * self.width]
            start += len(case["ids"])
        return result


def interpreted(programs, fixture, recipe):
    """The same recipe under the reference interpreter."""
    imported = programs.work / "imported"
    programs.run("lmopt", "--quiet", "import", fixture.source, "-o", imported)
    optimized = programs.work / "optimized.mlir"
    programs.run("lmopt-opt", imported / "model.mlir", f"--lm-recipe-{recipe}", "-o", optimized)
    values = []
    for case in fixture.cases:
        entry = "forward" if fixture.decoder else "encode"
        out = programs.run("lmopt-opt", optimized, f"--lm-interpret=entry={entry} ids={','.join(map(str, case['ids']))} "
                           f"directory={imported}", "-o", "/dev/null")
        line = next(line for line in out.splitlines() if line.startswith(f"@{entry}: tensor<"))
        values += map(float, re.findall(r"-?(?:nan|inf|[0-9.]+(?:e[-+]?[0-9]+)?)", line.split(">", 1)[1]))
    return fixture.chosen(values)


def check_numbers(programs, fixture, model, recipe, checks):
    whole = programs.dump(model, fixture.sequences())
    exact = recipe == "f32"
    expected = fixture.expected if exact else interpreted(programs, fixture, recipe)

    def near(what, values):
        if exact:
            checks.at_most(what, common.largest_difference(fixture.chosen(values), expected), fixture.json["tolerance"])
        else:
            checks.at_most(what, common.relative_error(fixture.chosen(values), expected), INT8_RELATIVE_ERROR)

    near("all at once", whole)
    if not exact:
        checks.at_most(f"{recipe} against transformers", common.relative_error(fixture.chosen(whole), fixture.expected), 0.1)
    for split in SPLITS:
        again = programs.dump(model, fixture.sequences(), "--split", split)
        checks.equal(f"bits in pieces of {split}", again.tobytes() == whole.tobytes(), True)
    for threads in (2, 3):
        again = programs.dump(model, fixture.sequences(), "--threads", threads)
        checks.equal(f"bits with {threads} threads", again.tobytes() == whole.tobytes(), True)


def check_greedy(programs, fixture, model, checks):
    """Fed the continuation that transformers chose, every decided next token is the same."""
    for case in fixture.cases:
        ids = case["ids"] + case["greedy"][:-1]
        logits = programs.dump(model, [ids])
        for index, (token, margin) in enumerate(zip(case["greedy"], case["margins"])):
            row = len(case["ids"]) - 1 + index
            if margin > 2 * fixture.json["tolerance"]:
                checks.equal(f"greedy token {index} after {len(case['ids'])}",
                             common.best(logits[row * fixture.width:(row + 1) * fixture.width]), token)


def check_driver(programs, fixture, model, checks):
    for entry in fixture.json["tokenizer"][:6]:
        found = json.loads(programs.run("lmopt", "tokenize", model, "--text", entry["text"]))["tokens"]
        limit = fixture.json.get("limit")
        checks.equal(f"tokens of {entry['text']!r}", found,
                     entry["ids"] if not limit or len(entry["ids"]) <= limit else entry["ids"][:limit - 1] + entry["ids"][-1:])
    if fixture.decoder:
        entry = fixture.json["tokenizer"][1]
        result = json.loads(programs.run("lmopt", "run", model, "-p", entry["text"], "-n", 5, "--temp", 0, "--format", "json", "-t", 1))
        checks.equal("prompt tokens", result["prompt_tokens"], entry["ids"])
        logits = programs.dump(model, [entry["ids"] + result["tokens"]])
        for index, token in enumerate(result["tokens"]):
            row = logits[(len(entry["ids"]) - 1 + index) * fixture.width:(len(entry["ids"]) + index) * fixture.width]
            # Prefill and decode may round differently: a near tie is no fault.
            checks.at_most(f"token {index} of run is the best one", max(row) - row[token], 0.01 * fixture.json["largest"])
    else:
        texts = [case for case in fixture.cases if "text" in case]
        for case in texts[:4]:
            vector = json.loads(programs.run("lmopt", "embed", model, "--prompt-name", "", "--text", case["text"]))
            found = programs.dump(model, [case["ids"]])
            checks.at_most(f"embed {case['text']!r}", common.largest_difference(vector, found), fixture.json["tolerance"])


def main(bin_dir, folder, recipe, work):
    programs, fixture, checks = common.Programs(bin_dir, work), Fixture(folder), common.Checks()
    model = programs.compile(fixture.source, recipe, programs.work / "model.so")
    again = programs.compile(fixture.source, recipe, programs.work / "again.so")
    checks.equal("the same bytes when compiled twice", model.read_bytes() == again.read_bytes(), True)
    check_numbers(programs, fixture, model, recipe, checks)
    if fixture.decoder and recipe == "f32":
        check_greedy(programs, fixture, model, checks)
    check_driver(programs, fixture, model, checks)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:5])
