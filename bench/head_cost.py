#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a product costs a token by its number of rows: the cost model of an adaptive softmax, fitted and checked.

In: bench-kernels' JSON. Out, for each format: call and flat of `lm-factorize-softmax{method=adaptive}` (in rows, see
passes/factorize-softmax/Cuts.h), microseconds of a row, and how far the model is from what was measured: on the sizes of the
fit (every other one, and the last), and on the others.

    g(k) = unit (call + max(k, flat))

fitted to the least sum of squares of relative errors: flat by trying each, unit and unit * call by two normal equations.

    bench-kernels --benchmark_filter=head_cost --benchmark_repetitions=5 --benchmark_out=costs.json
    head_cost.py costs.json
    head_cost.py --check
"""
import argparse
import collections
import json
import re


def medians(path):
    times = collections.defaultdict(lambda: collections.defaultdict(list))
    for one in json.load(open(path))["benchmarks"]:
        found = re.match(r"head_cost_(\w+)/outputs:(\d+)", one["name"])
        if found and one.get("run_type") != "aggregate":
            scale = {"ns": 1e-3, "us": 1, "ms": 1e3}[one["time_unit"]]
            times[found[1]][int(found[2])].append(one["real_time"] * scale)
    return {name: {k: sorted(t)[len(t) // 2] for k, t in sorted(sizes.items())} for name, sizes in times.items()}


def solve(points, flat):
    """Least sum over k of ((a + b x) / t - 1)^2 with x = max(k, flat); a is not negative."""
    xs = [(max(k, flat) / t, 1 / t) for k, t in points]
    bb, ba, aa = (sum(p * q for p, q in pairs) for pairs in
                  ([(x, x) for x, _ in xs], xs, [(y, y) for _, y in xs]))
    b1, a1 = sum(x for x, _ in xs), sum(y for _, y in xs)
    determinant = bb * aa - ba * ba
    a = (bb * a1 - ba * b1) / determinant if determinant > 1e-18 * bb * aa else 0
    a = max(a, 0)
    b = (b1 - a * ba) / bb
    return a, b, sum((a * y + b * x - 1) ** 2 for x, y in xs)


def fit(points):
    flat = min([0] + [k for k, _ in points if k <= 4096], key=lambda flat: solve(points, flat)[2])
    a, b, _ = solve(points, flat)
    return a / b, flat, b


def worst(points, call, flat, unit):
    return max(abs(unit * (call + max(k, flat)) / t - 1) for k, t in points)


def check():
    for call, flat, unit in (200, 48, 0.001), (0, 0, 0.2), (30, 0, 0.5):
        points = [(k, unit * (call + max(k, flat))) for k in (16, 48, 128, 384, 1024, 4096, 49152)]
        found = fit(points)
        assert all(abs(a - b) < 1e-6 * max(1, b) for a, b in zip(found, (call, flat, unit))), found
        assert worst(points, *found) < 1e-9
    print("as expected")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("costs", nargs="?")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.check or not args.costs:
        return check()
    print("format | call | flat | us a row | worst error, sizes of the fit | worst error, other sizes")
    for name, sizes in medians(args.costs).items():
        points = list(sizes.items())
        chosen = points[::2] + points[-1:] if len(points) % 2 == 0 else points[::2]
        model = fit(chosen)
        others = [p for p in points if p not in chosen]
        print(f"{name} | {model[0]:.0f} | {model[1]} | {model[2]:.4f} | {worst(chosen, *model):.3f} | {worst(others, *model):.3f}")
        print("   " + ", ".join(f"{k}: {t:.2f}" for k, t in points) + " us")


if __name__ == "__main__":
    main()
