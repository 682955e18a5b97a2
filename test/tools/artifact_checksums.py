#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The checksums of an artifact, written from the words in runtime/include/lmopt/abi.h and nothing else.

As a module: parts(data), checksum(data), reseal(data), for tests that change artifacts. As a program:
  artifact_checksums.py FILE           says whether every part matches, one line a part; exit 1 when one does not
  artifact_checksums.py --reseal FILE  makes the checksums right again, in place
  artifact_checksums.py --values       the values that test/unit/runtime/ChecksumTest.cpp expects
"""
import pathlib
import struct
import sys

MASK = (1 << 64) - 1
FACTOR = 0xD6E8FEB86659FD93
MAGIC = b"LMOPCK01"
HEADER = struct.Struct("<8sQQQ")
ENTRY = struct.Struct("<40sQQQ")


def mix(state, word):
    x = (state ^ word) * FACTOR & MASK
    return x ^ x >> 29


def checksum(data):
    padded = bytes(data) + bytes(-len(data) % 64)
    lanes = list(range(1, 9))
    for index, (word,) in enumerate(struct.iter_unpack("<Q", padded)):
        lanes[index % 8] = mix(lanes[index % 8], word)
    total = len(data)
    for lane in lanes:
        total = mix(total, lane)
    return total


def place_of(data):
    """Where the list begins: it is the end of the file, so the last magic is its."""
    return data.rindex(MAGIC)


def parts(data):
    """(name, offset, size, checksum) of each part."""
    place = place_of(data)
    count = HEADER.unpack_from(data, place)[1]
    for index in range(count):
        name, offset, size, stored = ENTRY.unpack_from(data, place + HEADER.size + index * ENTRY.size)
        yield name.rstrip(b"\0").decode(), offset, size, stored


def reseal(data):
    data = bytearray(data)
    place = place_of(data)
    magic, count, weights, _ = HEADER.unpack_from(data, place)
    for index, (name, offset, size, _) in enumerate(list(parts(data))):
        ENTRY.pack_into(data, place + HEADER.size + index * ENTRY.size, name.encode(), offset, size,
                        checksum(data[offset:offset + size]))
    HEADER.pack_into(data, place, magic, count, weights, 0)
    HEADER.pack_into(data, place, magic, count, weights, checksum(data[place:place + HEADER.size + count * ENTRY.size]))
    return bytes(data)


def some_bytes(size, seed=7):
    result = bytearray()
    for _ in range(size):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        result.append(seed >> 24)
    return bytes(result)


def main():
    if sys.argv[1:] == ["--values"]:
        for name, data in (("empty", b""), ("a", b"a"), ("64 zeros", bytes(64)), ("1000 bytes", some_bytes(1000))):
            print(f"{name}: 0x{checksum(data):016x}")
        return 0
    path = pathlib.Path(sys.argv[-1])
    data = path.read_bytes()
    if sys.argv[1] == "--reseal":
        path.write_bytes(reseal(data))
        return 0
    wrong = 0
    for name, offset, size, stored in parts(data):
        matches = checksum(data[offset:offset + size]) == stored
        wrong += not matches
        print(f"{'ok     ' if matches else 'DAMAGED'} {offset:>12} {size:>12}  {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
