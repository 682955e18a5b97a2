#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare.py BEFORE AFTER --relative R [--different]: are two outputs of `lmopt-opt --lm-interpret -o /dev/null` the same numbers?

Each line is `@function: type [numbers]`. Fails unless lines, types and counts agree and |a - b| <= R * max|a| in every
tensor. With --different it also fails when all numbers are equal, for a pass that must change something.
R comes from the rounding of f32 (2^-24) times the length of the sums and the depth of the model; each caller says it.
"""
import argparse
import re
import sys

NUMBER = r"-?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan)"


def read(path):
    result = []
    for line in open(path):
        if not line.strip():
            continue
        head, numbers = re.match(r"(@[\w.]+: tensor<[^>]*>)(.*)", line).groups()
        result.append((head, [float(n) for n in re.findall(NUMBER, numbers)]))
    return result


parser = argparse.ArgumentParser()
parser.add_argument("before")
parser.add_argument("after")
parser.add_argument("--relative", type=float, required=True)
parser.add_argument("--different", action="store_true")
args = parser.parse_args()
before, after = read(args.before), read(args.after)
if not before or [h for h, _ in before] != [h for h, _ in after]:
    sys.exit(f"not the same results: {[h for h, _ in before]} and {[h for h, _ in after]}")
worst = 0.0
for (head, a), (_, b) in zip(before, after):
    if not a or len(a) != len(b):
        sys.exit(f"{head}: {len(a)} and {len(b)} numbers")
    distance = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))
    if not distance <= args.relative:
        sys.exit(f"{head}: relative distance {distance:g} is above {args.relative:g}")
    worst = max(worst, distance)
print(f"greatest relative distance {worst:g}")
if args.different and worst == 0:
    sys.exit("nothing changed")
