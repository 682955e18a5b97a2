#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decoders with other heads (lm-factorize-softmax) on GPUs, without one: classes of words, an adaptive softmax, previews, and certified
heads, which find the greatest logits by a program of their own.

Over the fake driver: logits are near those of the CPU's artifact, whole prompts and in pieces, and `lmopt run` says the same tokens,
greedy and drawn; the greatest logits alone are those of whole rows, bit for bit, for one sequence and for as many together as take
the other way (kTopRows of codegen/ptx/PlanPrograms.h); so are steps that are walked in one launch, generated on end, and in strict mode.
Usage: device_heads.py BIN_DIR FAKE_DRIVER FIXTURE_DIR PASSES WORK_DIR EXPECTED_KERNEL...
`{}` in a pipeline stands for statistics, which are made on the way.
"""
import os
import sys

import common
from classes import TEXT
from device_passes import check_kernels
from devices import CODES_LIMIT, F32_LIMIT, check_generation, check_greatest, check_recordings, check_walks, on_gpu, strictly
from fixtures import Fixture


def prepare(programs, source, passes):
    stats = programs.work / "stats"
    if "{}" in passes:
        text = programs.work / "text.txt"
        text.write_text(TEXT)
        programs.run("lmopt", "--quiet", "calibrate", source, "--text", text, "--tokens", 300, "--head-rows", 300, "-o", stats)
    return passes.replace("{}", str(stats)) + ",verify-lm-optimized"


def check_together(programs, gpu, width, checks):
    """Some sequences at once, decoded token by token: the greatest logits of each."""
    for count in (3, 9):
        sequences = [[(7 * i + 3 * s) % width for i in range(4)] for s in range(count)]
        rows = common.rows_of(on_gpu(programs, gpu, sequences, "--together", count), width)
        for top in (1, 7):
            found = common.rows_of(on_gpu(programs, gpu, sequences, "--together", count, "--top", top), width)
            checks.equal(f"the {top} greatest logits of {count} together", found == [common.kept(row, top) for row in rows], True)


def check_run(programs, cpu, gpu, checks):
    for options in (["--temp", "0"], ["--temp", "1", "--top-k", "5", "--seed", "3"]):
        said = [programs.run("lmopt", "--quiet", "run", model, "-p", "a b", "-n", "16", "--format", "json", *options, *device)
                for model, device in ((cpu, []), (gpu, ["--device", "cuda"]))]
        checks.equal(f"lmopt run {' '.join(options)}", said[1], said[0])


def main():
    bin_dir, driver, folder, passes, work = sys.argv[1:6]
    os.environ["LMOPT_LIBCUDA"] = driver
    programs, fixture, checks = common.Programs(bin_dir, work), Fixture(folder), common.Checks()
    pipeline = prepare(programs, fixture.source, passes)
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.run("lmopt", "--quiet", "compile", fixture.source, "--passes", pipeline, "-o", cpu)
    programs.run("lmopt", "--quiet", "compile", fixture.source, "--passes", pipeline, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    check_kernels(programs, gpu, sys.argv[6:], checks)
    limit = CODES_LIMIT if "quantize" in passes or "narrow" in passes else F32_LIMIT
    found = on_gpu(programs, gpu, fixture.sequences())
    checks.at_most("difference from the CPU", common.relative_error(found, programs.dump(cpu, fixture.sequences())), limit)
    pieces = programs.dump(cpu, fixture.sequences(), "--split", "5,1,2")
    checks.at_most("in pieces", common.relative_error(on_gpu(programs, gpu, fixture.sequences(), "--split", "5,1,2"), pieces), limit)
    check_greatest(programs, fixture, gpu, checks)
    check_together(programs, gpu, fixture.width, checks)
    check_recordings(programs, fixture, gpu, checks)
    check_generation(programs, fixture, gpu, checks)
    check_walks(programs, fixture, gpu, range(1, 2), checks)
    check_run(programs, cpu, gpu, checks)
    checks.equal("bits in strict mode", strictly(programs, gpu, fixture, 1).tobytes() == found.tobytes(), True)
    checks.finish()


if __name__ == "__main__":
    main()
