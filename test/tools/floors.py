#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The floors of the house: which room may include the headers of which other one, and no circle of rooms.

In: the folder of the project. Out: every include that leads upwards, with file and line.
The rule (docs/architecture.md): files -> dialects -> passes, codegen, frontends -> tools. The three in the middle do not
know each other, the runtime knows nothing of the compiler, and the compiler may use the runtime (the border of abi.h, the
tokenizer that builds its own blob). Inside the runtime: platform -> artifact, device -> session; artifact, tokenizer -> chat.
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
RUNTIME_ROOMS = {
    "platform": set(),
    "tokenizer": set(),
    "device": {"platform"},
    "artifact": {"platform"},
    "session": {"platform", "device", "artifact"},
    "chat": {"platform", "tokenizer", "artifact"},
}
INCLUDE = re.compile(r'^\s*#?\s*include\s+["<]([^">]+)[">]')
SOURCES = {".h", ".c", ".cpp", ".td"}


def room_of(include):
    first = include.split("/")[0]
    return "runtime" if first == "lmopt" else first if first in ROOMS else None


def runtime_room_of(include):
    parts = include.split("/")
    return parts[2] if parts[:2] == ["runtime", "src"] and len(parts) > 3 else None


def includes(folder):
    """(path, line number, header) of every include below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SOURCES:
            for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
                if found := INCLUDE.match(line):
                    yield path, number, found.group(1)


def faults(root, folder, rooms, room_of_include, least):
    seen = 0
    for room, below in rooms.items():
        for path, number, header in includes(root / folder / room):
            other = room_of_include(header)
            seen += bool(other)
            if other and other != room and other not in below:
                yield f"{path.relative_to(root)}:{number}: {room} may not include {header}"
            if header.startswith("../"):
                yield f"{path.relative_to(root)}:{number}: {header} hides its room; begin at the root"
    if seen < least: # the rule of reading includes no longer fits the sources
        yield f"only {seen} includes of rooms found below {folder or 'the root'}"


def main():
    root = pathlib.Path(sys.argv[1])
    found = [*faults(root, "", ROOMS, room_of, 100), *faults(root, "runtime/src", RUNTIME_ROOMS, runtime_room_of, 20)]
    print("\n".join(found) or "the floors hold")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
