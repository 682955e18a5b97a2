#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lmopt classify` on the fixtures that classify texts and pairs (test/models/heads): labels and scores, from the text, as transformers has
them. The numbers of all heads are compared by test-models-compiled; here it is the way from a text, or two, to a score.

Usage: heads.py BIN_DIR HEADS_DIR WORK_DIR
"""
import json
import math
import pathlib
import sys

import common


def scores(row, how):
    if how == "softmax":
        powers = [math.exp(x - max(row)) for x in row]
        return [x / sum(powers) for x in powers]
    return [1 / (1 + math.exp(-x)) for x in row] if how == "sigmoid" else list(row)


def main():
    programs, checks = common.Programs(sys.argv[1], sys.argv[3]), common.Checks()
    for folder in sorted(pathlib.Path(sys.argv[2]).iterdir()):
        expected = common.load_json(folder / "expected.json")
        if expected["task"] != "sequence_classification":
            continue
        model = programs.compile(folder, "f32", programs.work / (folder.name + ".so"))
        stored = common.read_floats(folder / "expected.bin")
        for case in expected["cases"]:
            if "text" not in case or (not case["text"] and "pair" not in case):
                continue
            pair = ["--pair"] if "pair" in case else []
            text = case["text"] + ("\t" + case["pair"] if pair else "")
            found = json.loads(programs.run("lmopt", "--quiet", "classify", model, "--json", *pair, "--text", text))["labels"]
            row = scores(stored[case["offset"]:case["offset"] + expected["width"]], expected["score"])
            wanted = dict(zip(expected["labels"], row))
            name = f"{folder.name}: {text!r}"
            checks.equal(name + ": labels", sorted(each["label"] for each in found), sorted(wanted))
            worst = max(abs(each["score"] - wanted.get(each["label"], math.inf)) for each in found)
            checks.equal(name + ": scores", worst <= expected["tolerance"] + 1e-6, True)  # six digits are printed
    checks.finish()


if __name__ == "__main__":
    main()
