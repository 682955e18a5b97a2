#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A decoder with a certified head (lm-factorize-softmax) against the same decoder without: by single steps, and as `lmopt run`.

The K greatest logits of a step are those of the whole head, bit for bit, the others -infinity, for K from 1 to what was compiled,
with one thread and with two; beyond that the model computes all. Whole logits, prompts and tokens, greedy or drawn from the
top_k, are the same as without the pass.
Usage: top.py BIN_DIR FIXTURE_DIR RECIPE WORK_DIR
"""
import json
import math
import sys

import common

COUNT = 20  # that the artifact is compiled for
# The passes of the recipes that matter for the head.
PASSES = {"f32": "", "bf16": "lm-narrow-weights,lm-narrow-attention,"}


def compile_model(programs, source, passes, output):
    programs.run("lmopt", "--quiet", "compile", source, "--passes", passes, "-o", output)
    return output


def check_steps(programs, plain, certified, sequences, width):
    options = ["--split", "1"]
    whole = common.rows_of(programs.dump(plain, sequences, *options), width)
    assert common.rows_of(programs.dump(certified, sequences, *options), width) == whole, "the whole logits have changed"
    sparse = 0
    for count in (1, 2, 7, COUNT, COUNT + 1):
        expected = [common.kept(row, count) if count <= COUNT else row for row in whole]
        for threads in (1, 2):
            found = common.rows_of(programs.dump(certified, sequences, *options, "--top", count, "--threads", threads), width)
            assert found == expected, f"top {count}, {threads} threads: other logits than the greatest of the whole head"
        sparse += sum(row.count(-math.inf) for row in expected)
    assert sparse > 0
    assert common.rows_of(programs.dump(plain, sequences, *options, "--top", 3), width) == whole, "a model without it computes all"


def check_run(programs, plain, certified):
    for options in (["--temp", "0"], ["--temp", "1", "--top-k", "5", "--seed", "3"], ["--temp", "1", "--top-k", "0"]):
        texts = [programs.run("lmopt", "--quiet", "run", model, "-p", "a b", "-n", "24", "--format", "json", *options)
                 for model in (plain, certified)]
        assert texts[0] == texts[1], f"lmopt run {' '.join(options)}: other tokens"
        assert json.loads(texts[0])["tokens"]


def main():
    folder, fixture, recipe, work = sys.argv[1:]
    programs = common.Programs(folder, work)
    passes = PASSES[recipe]
    plain = compile_model(programs, fixture, passes + "verify-lm-optimized", programs.work / "plain.so")
    certify = f"lm-factorize-softmax{{count={COUNT}}},verify-lm-optimized"
    certified = compile_model(programs, fixture, passes + certify, programs.work / "certified.so")
    manifest = json.loads(programs.run("lmopt", "inspect", certified, "--format", "json"))["manifest"]
    assert manifest["top"] == COUNT
    width = manifest["vocabulary"]
    sequences = [[(7 * i + 3 * s) % width for i in range(20)] for s in range(3)]
    check_steps(programs, plain, certified, sequences, width)
    check_run(programs, plain, certified)
    print(f"{fixture}: {recipe} with a certified head as without")


if __name__ == "__main__":
    main()
