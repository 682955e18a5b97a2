#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A decoder whose head has classes of words (lm-factorize-softmax, method=classes), in several formats.

The greatest logits of a step, found best first over the classes, are those of all logits, bit for bit, and so are the tokens that
`lmopt run` chooses, greedy or drawn (as top.py checks it of the certified head). Whole logits are logarithms of probabilities, and
those of a prompt at once are those token by token.
Usage: classes.py BIN_DIR FIXTURE_DIR FORMAT WORK_DIR
"""
import json
import math
import sys

import common
import top

# What comes between the two runs of the pass.
FORMATS = {
    "f32": "",
    "bf16": "lm-narrow-weights,lm-narrow-attention,",
    "int8": "lm-quantize-weights,",
    "int4": "lm-quantize-groups{{bits=4 group=32}},",
}
TEXT = "the classes of words that a head has are few and the words of a class are many; a b c d e f g 1 2 3. " * 12


def main():
    folder, fixture, format_, work = sys.argv[1:]
    programs = common.Programs(folder, work)
    text, stats = programs.work / "text.txt", programs.work / "stats"
    text.write_text(TEXT)
    programs.run("lmopt", "--quiet", "calibrate", fixture, "--text", text, "--tokens", 400, "--head-rows", 400, "-o", stats)
    divide = f"lm-factorize-softmax{{method=classes classes=12 limit=100 stats={stats}}},{FORMATS[format_].format()}"
    find = f"lm-factorize-softmax{{count={top.COUNT}}},"
    plain = top.compile_model(programs, fixture, divide + "verify-lm-optimized", programs.work / "plain.so")
    fast = top.compile_model(programs, fixture, divide + find + "verify-lm-optimized", programs.work / "fast.so")
    manifest = json.loads(programs.run("lmopt", "inspect", fast, "--format", "json"))["manifest"]
    assert manifest["top"] == top.COUNT
    width = manifest["vocabulary"]
    sequences = [[(7 * i + 3 * s) % width for i in range(20)] for s in range(3)]
    top.check_steps(programs, plain, fast, sequences, width)
    top.check_run(programs, plain, fast)
    whole = programs.dump(plain, sequences)
    assert list(whole) == list(programs.dump(plain, sequences, "--split", "1")), "a prompt at once differs from its tokens"
    for row in common.rows_of(whole, width):
        assert abs(sum(map(math.exp, row)) - 1) < 1e-4, "probabilities do not add up to 1"
    print(f"{fixture}: {format_} with classes, the greatest as all")


if __name__ == "__main__":
    main()
