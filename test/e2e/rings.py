#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rings on GPUs, without one: a fixture with windows, as it is made for longer sequences, gives on a GPU over the fake driver what the CPU's
artifact gives (test-models-rings compares that with the interpreter) behind the first round of its ring, prompts and single tokens, in
strict mode, too. The driver refuses what was never written and what two threads write and read without order, so a ring that is too short
for a step does not pass.
Usage: rings.py BIN_DIR FAKE_DRIVER FIXTURE_DIR RECIPE WORK_DIR
"""
import json
import pathlib
import shutil
import sys

import common
import devices

# 1024 positions of a ring: a prompt in steps of 512, then single tokens behind its first round.
PROMPT, TOKENS = 1030, 6


def longer(fixture, work):
    """The fixture with room for sequences of 4096 tokens; its angles are computed, so nothing else depends on that."""
    folder = work / "longer"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(fixture, folder)
    config = common.load_json(folder / "config.json")
    config["max_position_embeddings"] = 4096
    (folder / "config.json").write_text(json.dumps(config), encoding="utf8")
    return folder


def main():
    bin_dir, driver, fixture, recipe, work = sys.argv[1:]
    programs, checks = common.Programs(bin_dir, work), common.Checks()
    folder = longer(pathlib.Path(fixture), programs.work)
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.compile(folder, recipe, cpu)
    programs.run("lmopt", "--quiet", "compile", folder, "--recipe", recipe, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    manifest = programs.json("lmopt", "inspect", gpu, "--format", "json")["manifest"]
    checks.equal("positions of the ring", manifest["ring_positions"], 1024)
    tokens = [[i * i % 251 + i % 7 for i in range(PROMPT + TOKENS)]]
    width = manifest["vocabulary"]

    def last(values):
        return values[-(TOKENS + 3) * width:]

    split = ("--split", f"{PROMPT},1")
    with common.environment(LMOPT_LIBCUDA=driver):
        expected, found = last(programs.dump(cpu, tokens, *split)), last(devices.on_gpu(programs, gpu, tokens, *split))
        if recipe == "f32":
            limit = devices.F32_LIMIT * max(map(abs, expected))
            checks.at_most("difference from the CPU", common.largest_difference(found, expected), limit)
        else:
            checks.at_most("relative error", common.relative_error(found, expected), devices.CODES_LIMIT)
        with common.environment(FAKE_CUDA_STRICT="1"):
            late = last(devices.on_gpu(programs, gpu, tokens, *split))
        checks.equal("bits in strict mode", late.tobytes() == found.tobytes(), True)
    checks.finish()


if __name__ == "__main__":
    main()
