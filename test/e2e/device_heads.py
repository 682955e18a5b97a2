#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decoders with other heads (lm-factorize-softmax) on GPUs, without one: classes of words, an adaptive softmax, previews, and certified
heads, which find the greatest logits by a program of their own.

Over the fake driver: logits are near those of the CPU's artifact, whole prompts and token by token, and `lmopt run` says the same tokens,
greedy and drawn; the greatest logits alone are those of whole rows, bit for bit, for one sequence, for three together and for nine, which
take the other way (kTopRows of codegen/ptx/PlanPrograms.h), also where steps are walked in one launch, and in strict mode; several tokens
on end are those of single steps.
Usage: device_heads.py BIN_DIR FAKE_DRIVER FIXTURE_DIR PASSES WORK_DIR EXPECTED_KERNEL...
`{}` in a pipeline stands for statistics, which are made on the way.
"""
import array
import os
import sys

import common
from classes import TEXT
from device_passes import check_kernels
from devices import CODES_LIMIT, F32_LIMIT, on_gpu
from fixtures import Fixture

TOKENS = 5  # of a sequence
STEPS = ["--split", "1"]


def prepare(programs, source, passes):
    stats = programs.work / "stats"
    if "{}" in passes:
        text = programs.work / "text.txt"
        text.write_text(TEXT)
        programs.run("lmopt", "--quiet", "calibrate", source, "--text", text, "--tokens", 300, "--head-rows", 300, "-o", stats)
    return passes.replace("{}", str(stats)) + ",verify-lm-optimized"


def sequences_of(count, width):
    return [[(7 * i + 11 * s + 3) % width for i in range(TOKENS)] for s in range(count)]


def check_greatest(programs, gpu, width, checks):
    """Of each row of `together` sequences; `how` they are computed is told by the environment."""
    whole = {count: common.rows_of(on_gpu(programs, gpu, sequences_of(count, width), "--together", count), width)
             for count in (1, 3, 9)}
    for together, top, how in [(1, 1, {}), (1, 64, {}), (3, 7, {}), (9, 7, {}), (1, 7, {"LMOPT_CUDA_PERSISTENT": "1"}),
                               (3, 1, {"FAKE_CUDA_STRICT": "1"})]:
        sequences, options = sequences_of(together, width), ["--together", together]
        with common.environment(**how):
            found = common.rows_of(on_gpu(programs, gpu, sequences, *options, "--top", top), width)
        expected = [common.kept(row, top) for row in whole[together]]
        checks.equal(f"the {top} greatest logits of {together} together {how}", found == expected, True)


def check_numbers(programs, cpu, gpu, sequences, limit, checks):
    found, expected = on_gpu(programs, gpu, sequences), programs.dump(cpu, sequences)
    checks.at_most("difference from the CPU", common.relative_error(found, expected), limit)
    steps, expected = on_gpu(programs, gpu, sequences, *STEPS), programs.dump(cpu, sequences, *STEPS)
    checks.at_most("token by token", common.relative_error(steps, expected), limit)
    with common.environment(FAKE_CUDA_STRICT="1"):
        checks.equal("bits in strict mode", on_gpu(programs, gpu, sequences).tobytes() == found.tobytes(), True)


def check_tokens(programs, cpu, gpu, checks):
    """What is chosen, step by step and on end."""
    for options in (["--temp", "0"], ["--temp", "1", "--top-k", "5", "--seed", "3"]):
        said = [programs.run("lmopt", "--quiet", "run", model, "-p", "a b", "-n", "8", "--format", "json", *options, *device)
                for model, device in ((cpu, []), (gpu, ["--device", "cuda"]))]
        checks.equal(f"lmopt run {' '.join(options)}", said[1], said[0])
    prompt = programs.work / "prompt.bin"
    prompt.write_bytes(array.array("i", [5, 9]).tobytes())
    common.check_same_generation(programs, gpu, prompt, 6, "generation", checks)


def main():
    bin_dir, driver, folder, passes, work = sys.argv[1:6]
    os.environ["LMOPT_LIBCUDA"] = driver
    programs, fixture, checks = common.Programs(bin_dir, work), Fixture(folder), common.Checks()
    pipeline = prepare(programs, fixture.source, passes)
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    for output, target in ((cpu, []), (gpu, ["--target", "nvptx:sm_80", "--ptxas", "none"])):
        programs.run("lmopt", "--quiet", "compile", fixture.source, "--passes", pipeline, *target, "-o", output)
    check_kernels(programs, gpu, sys.argv[6:], checks)
    limit = CODES_LIMIT if "quantize" in passes or "narrow" in passes else F32_LIMIT
    check_numbers(programs, cpu, gpu, sequences_of(2, fixture.width), limit, checks)
    check_greatest(programs, gpu, fixture.width, checks)
    check_tokens(programs, cpu, gpu, checks)
    checks.finish()


if __name__ == "__main__":
    main()
