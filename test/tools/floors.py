#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The floors of the house: which room may include the headers of which other one, and no circle of rooms.

In: the folder of the project. Out: every include that leads upwards, with file and line.
The rule (docs/architecture.md): files -> dialects -> passes, codegen, frontends -> tools. The three in the middle do not
know each other, the runtime knows nothing of the compiler, and the compiler may use the runtime (the border of abi.h, the
tokenizer that builds its own blob).
Usage: floors.py SOURCE_DIR
"""
import pathlib
import re
import sys

ROOMS = {
    "runtime": set(),
    "files": {"runtime"},
    "dialects": {"runtime", "files"},
    "passes": {"runtime", "files", "dialects"},
    "codegen": {"runtime", "files", "dialects"},
    "frontends": {"runtime", "files", "dialects"},
    "tools": {"runtime", "files", "dialects", "passes", "codegen", "frontends"},
}
INCLUDE = re.compile(r'^\s*#?\s*include\s+["<]([^">]+)[">]')
SOURCES = {".h", ".c", ".cpp", ".td"}


def room_of(include):
    first = include.split("/")[0]
    return "runtime" if first == "lmopt" else first if first in ROOMS else None


def faults(root):
    seen = 0
    for room, below in ROOMS.items():
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in SOURCES:
                continue
            for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
                found = INCLUDE.match(line)
                other = found and room_of(found.group(1))
                seen += bool(other)
                if other and other != room and other not in below:
                    yield f"{path.relative_to(root)}:{number}: {room} may not include {found.group(1)}"
    if seen < 100: # the rule of reading includes no longer fits the sources
        yield f"only {seen} includes of rooms found"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "the floors hold")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
