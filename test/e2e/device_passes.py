#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What passes leave of a fixture, on GPUs, without one: pruned heads, narrow values, few keys and values for many, codebooks, weights
without zeros. The artifact for GPUs over the fake driver gives the numbers of that for CPUs, in whatever pieces a prompt comes, and the
same bits in strict mode (devices.py).

Statistics that passes want are made on the way. `{}` in a pipeline stands for the folder of the imported model, its statistics and
`project.safetensors`, a pair of learned projections.
Usage: device_passes.py BIN_DIR FAKE_DRIVER FIXTURE_DIR PASSES WORK_DIR EXPECTED_KERNEL...
"""
import json
import math
import os
import pathlib
import struct
import sys

import common
from devices import CODES_LIMIT, F32_LIMIT, on_gpu, strictly
from fixtures import Fixture

TEXT = pathlib.Path(__file__).resolve().parents[1] / "passes/prune-heads/Inputs/text.txt"  # one that does not change
RANK, COLUMNS = 20, 24


def write_projections(path):
    """Two matrices of which no rows are alike."""
    header, data = {}, b""
    for name in "ef":
        numbers = [math.sin(1 + 3 * r + 0.7 * r * c + ord(name)) / 4 for r in range(RANK) for c in range(COLUMNS)]
        header[name] = {"dtype": "F32", "shape": [RANK, COLUMNS], "data_offsets": [len(data), len(data) + 4 * len(numbers)]}
        data += struct.pack(f"<{len(numbers)}f", *numbers)
    text = json.dumps(header).encode("utf8")
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def prepare(programs, source, passes):
    """The imported model, and the pipeline for it."""
    model = programs.work / "model"
    programs.run("lmopt", "--quiet", "import", source, "-o", model)
    if "stats" in passes:
        programs.run("lmopt", "--quiet", "calibrate", model, "--text", TEXT, "--ctx", 24, "--tokens", 1000, "-o", model / "stats")
    write_projections(model / "project.safetensors")
    return model, passes.replace("{}", str(model)) + ",verify-lm-optimized"


def check_kernels(programs, gpu, kernels, checks):
    """That the artifact has what it is tested for."""
    text = gpu.read_bytes()
    for name in kernels:
        checks.equal(f"there is a kernel {name}", name.encode("utf8") in text, True)


def main():
    bin_dir, driver, folder, passes, work = sys.argv[1:6]
    os.environ["LMOPT_LIBCUDA"] = driver
    programs, fixture, checks = common.Programs(bin_dir, work), Fixture(folder), common.Checks()
    model, pipeline = prepare(programs, fixture.source, passes)
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.run("lmopt", "--quiet", "compile", model, "--passes", pipeline, "-o", cpu)
    programs.run("lmopt", "--quiet", "compile", model, "--passes", pipeline, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    check_kernels(programs, gpu, sys.argv[6:], checks)
    limit = CODES_LIMIT if "quantize" in passes or "narrow-attention" in passes else F32_LIMIT
    found = on_gpu(programs, gpu, fixture.sequences())
    checks.at_most("difference from the CPU", common.relative_error(found, programs.dump(cpu, fixture.sequences())), limit)
    for split in ["1", "5,1,2"] if fixture.decoder else []:
        pieces = programs.dump(cpu, fixture.sequences(), "--split", split)
        checks.at_most(f"in pieces of {split}", common.relative_error(on_gpu(programs, gpu, fixture.sequences(), "--split", split), pieces),
                       limit)
    for seed in (1, 2):
        checks.equal(f"bits in strict mode, seed {seed}", strictly(programs, gpu, fixture, seed).tobytes() == found.tobytes(), True)
    checks.finish()


if __name__ == "__main__":
    main()
