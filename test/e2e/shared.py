#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights that layers share stand once in an artifact, whatever the recipe: no matrix twice, and in f32 not more bytes than the file has,
but for the rounding of rows to whole panels, which widths as small as a fixture's feel.

Usage: shared.py BIN_DIR FIXTURE_DIR WORK_DIR
"""
import collections
import json
import pathlib
import struct
import sys

import common

PANELS = 1.3  # rows of 48 and 72 in panels of 16 and columns beside their biases; two copies of a layer would be 1.7 or more
UNUSED = ("__metadata__", "albert.pooler", "predictions.", "sop_classifier.")


def bytes_of_file(path):
    """Of the tensors that an encoder needs."""
    data = path.read_bytes()
    size, = struct.unpack_from("<Q", data)
    tensors = json.loads(data[8:8 + size])
    return sum(tensor["data_offsets"][1] - tensor["data_offsets"][0] for name, tensor in tensors.items() if not name.startswith(UNUSED))


def main():
    programs, checks = common.Programs(sys.argv[1], sys.argv[3]), common.Checks()
    folder = pathlib.Path(sys.argv[2])
    for recipe in ("f32", "bf16", "int8"):
        model = programs.compile(folder, recipe, programs.work / f"{recipe}.so")
        facts = programs.json("lmopt", "inspect", "--format", "json", model)
        names = collections.Counter(weight["name"] for weight in facts["manifest"]["weights"])
        checks.equal(f"{recipe}: weights that stand twice", [name for name, count in names.items() if count > 1], [])
        if recipe == "f32":
            checks.at_most("bytes of weights", facts["weight_bytes"], PANELS * bytes_of_file(folder / "model.safetensors"))
    checks.finish()


if __name__ == "__main__":
    main()
