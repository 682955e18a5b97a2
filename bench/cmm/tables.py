#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tables.py: the tables of conditional layers of docs/performance.md. Runs bench-cmm, one shape after the other, each in turns with lmopt's
dense layer and the libraries that are named, and prints markdown. The machine should do nothing else meanwhile; the layer of GPT-3 takes 14 GB.

    cmake --build build --target bench-cmm
    bench/cmm/tables.py build/bin/bench-cmm --blas DIR/libopenblas.so.0 --blas DIR/libmkl_rt.so.2
"""
import argparse
import os
import subprocess

LARGE = ["--batch", "16384"]
# What a row is, its options, whether the libraries take part.
SHAPES = [
    ("one tree of 12 levels", LARGE, True),
    ("the same, two threads", [*LARGE, "--threads", "2"], False),
    ("4 trees of 10 levels", [*LARGE, "--trees", "4", "--levels", "10"], False),
    ("128 trees of 5 levels", ["--batch", "4096", "--trees", "128", "--levels", "5"], False),
    ("8 levels, leaves of 32", [*LARGE, "--levels", "8", "--leaf-width", "32"], False),
    ("batch 1, weights from memory", ["--batch", "1", "--cold", "--rounds", "9"], False),
    ("batch 16, weights from memory", ["--batch", "16", "--cold", "--turns", "16", "--rounds", "5"], False),
    ("batch 128", ["--batch", "128"], False),
    ("batch 512", ["--batch", "512"], False),
]
GPT3 = ("layer of GPT-3, batch 1", ["--width", "12288", "--levels", "16", "--format", "bf16", "--batch", "1", "--dense-neurons",
                                   "49152", "--cold", "--turns", "1", "--rounds", "9"], False)
FORMATS = [("f32", []), ("bf16", []), ("s8", []), ("bf16, ways of f32", ["--exact"]), ("s8, ways of f32", ["--exact"])]


def run(program, options):
    """Names and milliseconds (least, middle), and how many multiplications are saved."""
    done = subprocess.run([program, *options], check=True, capture_output=True, text=True).stdout.splitlines()
    promised = float(next(line for line in done if line.startswith("dense multiplications")).split()[-1])
    rows = [line.rsplit(None, 3) for line in done if line.endswith("x")]
    return {name.strip(): (float(least), float(middle)) for name, least, middle, _ in rows}, promised


def time_of(options, times):
    return times[1] if "--cold" in options else times[0]


def layers(program, shapes, libraries):
    print("| | conditional, ms | dense, ms | ratio | multiplications saved |\n|---|---|---|---|---|")
    for name, options, with_libraries in shapes:
        blas = [word for library in libraries if with_libraries for word in ("--blas", library)]
        found, promised = run(program, options + blas)
        conditional = time_of(options, found.pop("lmopt conditional"))
        for other, times in found.items():
            other_time = time_of(options, times)
            who = "" if other == "lmopt dense" else f", beside {os.path.basename(other.split()[0])} {other.split()[-1]}"
            saved = f"{promised:.0f} x" if "dense" in other else ""
            print(f"| {name}{who} | {conditional:.4g} | {other_time:.4g} | **{other_time / conditional:.1f}** | {saved} |", flush=True)


def formats(program):
    print("\n| rows | ms | of f32 |\n|---|---|---|")
    times = {}
    for _ in range(3):  # in turns
        for name, options in FORMATS:
            found, _ = run(program, [*LARGE, "--no-dense", "--format", name.split(",")[0], *options, "--rounds", "4"])
            times[name] = min(times.get(name, 1e9), found["lmopt conditional"][0])
    for name, best in times.items():
        print(f"| {name} | {best:.2f} | {best / times['f32']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="build/bin/bench-cmm")
    parser.add_argument("--blas", action="append", default=[], metavar="LIBRARY", help="a library with CBLAS functions")
    parser.add_argument("--no-gpt3", action="store_true", help="leaves out the layer of GPT-3")
    arguments = parser.parse_args()
    layers(arguments.program, SHAPES + ([] if arguments.no_gpt3 else [GPT3]), arguments.blas)
    formats(arguments.program)


if __name__ == "__main__":
    main()
