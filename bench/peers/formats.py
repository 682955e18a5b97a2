#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF files as they are: each compiled with --recipe native and timed in turns with llama.cpp on the same file.

In: files in any block formats (maker's own, quantized by llama.cpp, recoded by test/tools/recode_gguf.py). Out: a markdown table, for each
file and number of threads the best rates of all rounds, tokens/s of a prompt of 512 and of 64 single steps after it, and their ratios.
Usage: formats.py DIR GGUF... [--lmopt build/bin/lmopt] [--threads T]... [--rounds R]      DIR: as bench/peers/setup makes it
"""
import argparse
import pathlib
import subprocess
import tempfile

import compare

RATES = compare.RATES["decoder"]


def entries_of(args, source, work, threads):
    """lmopt and llama.cpp on one file."""
    artifact = work / f"{source.stem}.so"
    if not artifact.exists():
        subprocess.run([args.lmopt, "--quiet", "compile", source, "--recipe", "native", "-o", artifact], check=True)
    ours = compare.ours(args.lmopt, {"native": artifact}, threads)[0]
    command = [args.folder / "venv/bin/python", compare.ENGINE, args.folder, "--file", source, "--threads", str(threads)]
    return [ours, compare.Entry("llama.cpp", command, False)]


def row(source, threads, entries):
    ours, peer = entries
    cells = [source.stem, str(threads)]
    for rate in RATES:
        found = [entry.best.get(rate) for entry in entries]
        cells += [f"{value:.4g}" if value else "-" for value in found]
        cells.append(f"**{found[0] / found[1]:.2f}**" if all(found) else (ours.problem or peer.problem))
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("files", metavar="GGUF", type=pathlib.Path, nargs="+")
    parser.add_argument("--lmopt", default="build/bin/lmopt")
    parser.add_argument("--threads", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    head = ["file", "threads"] + [cell for rate in RATES for cell in (f"{rate} lmopt", "llama.cpp", "ratio")]
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    with tempfile.TemporaryDirectory() as work:
        for source in args.files:
            for threads in args.threads or [1, 2]:
                entries = entries_of(args, source, pathlib.Path(work), threads)
                compare.measure(entries, args.rounds)
                print(row(source, threads, entries), flush=True)


if __name__ == "__main__":
    main()
