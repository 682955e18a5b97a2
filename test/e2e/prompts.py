#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lmopt embed` puts the prompts of a model before its texts as sentence-transformers does, and gives zeros for a text without tokens where
the library does: the default prompt unasked, another one by its name, none by an empty name; an unknown name is an error.

Usage: prompts.py BIN_DIR MODELS_DIR WORK_DIR
"""
import json
import pathlib
import subprocess
import sys

import common


def check_prompts(programs, folder, checks):
    expected = common.load_json(folder / "expected.json")
    stored, width = common.read_floats(folder / "expected.bin"), expected["width"]
    model = programs.compile(folder, "f32", programs.work / "prompts.so")
    for case in expected["prompts"]:
        name = ["--prompt-name", case["name"]] if case["name"] else []
        if not case["text"] and case["name"] in ("passage", "document"):
            continue  # a text without tokens, behind which the model has linears: refused, below
        vector = json.loads(programs.run("lmopt", "embed", model, *name, "--text", case["text"]))
        wanted = stored[case["offset"]:case["offset"] + width]
        checks.at_most(f"{case['name']!r}: {case['text']!r}", common.largest_difference(vector, wanted), expected["tolerance"])
    for options, part in ((["--prompt-name", "nobody", "--text", "a"], b"'passage', 'query'"),
                          (["--prompt-name", "", "--text", ""], b"a text has no tokens")):
        done = subprocess.run([str(programs.folder / "lmopt"), "embed", str(model), *options], capture_output=True, check=False)
        checks.equal(f"exit code of {options}", done.returncode, 2)
        checks.equal(f"message of {options}", part in done.stderr, True)


def check_zeros(programs, folder, checks):
    model = programs.compile(folder, "f32", programs.work / "zeros.so")
    rows = [json.loads(line) for line in programs.run("lmopt", "embed", model, "--text", "cat", "--text", "", "--text", "dog").splitlines()]
    checks.equal("a vector for each text", len(rows), 3)
    checks.equal("nothing is zero", set(rows[1]), {0})
    checks.equal("the others are not", [any(row) for row in rows], [True, False, True])


def main():
    programs, checks = common.Programs(sys.argv[1], sys.argv[3]), common.Checks()
    models = pathlib.Path(sys.argv[2])
    check_prompts(programs, models / "static-sentence", checks)
    check_zeros(programs, models / "static-words", checks)
    checks.finish()


if __name__ == "__main__":
    main()
