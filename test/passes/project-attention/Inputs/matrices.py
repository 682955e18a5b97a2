# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a safetensors file with matrices of ones: matrices.py FILE NAME=TYPE:ROWSxCOLUMNS ..."""
import json
import struct
import sys

BYTES = {"F32": struct.pack("<f", 1.0), "F16": b"\x00\x3c", "BF16": b"\x80\x3f", "I8": b"\x01", "F64": struct.pack("<d", 1.0)}

header, data = {}, b""
for argument in sys.argv[2:]:
    name, kind = argument.split("=")
    kind, sizes = kind.split(":")
    shape, count = [int(size) for size in sizes.split("x")], 1
    for size in shape:
        count *= size
    header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + count * len(BYTES[kind])]}
    data += BYTES[kind] * count
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
