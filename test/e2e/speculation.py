#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Guesses change no token: sessions of a compiled fixture that look up, or have a draft, give to the bit what single steps give, on
one, two and three threads, greedily and drawn, with keys and values in every format, behind the first round of a ring and over the switch
of angles; and some guesses are accepted, others not.
Usage: speculation.py BIN_DIR FIXTURE_DIR RECIPE|i8-cache|ring WORK_DIR
"""
import array
import pathlib
import re
import sys

import common
import rings

# Sequences of rings are as long as same-generation takes; others fit the shortest fixture.
PROMPTS = {"ring": 1020}


def source_of(programs, fixture, way):
    gguf = fixture / "model.gguf"
    return gguf if gguf.exists() else rings.longer(fixture, programs.work) if way == "ring" else fixture


def compile_way(programs, source, way):
    model = programs.work / "model.so"
    if way == "i8-cache":
        programs.run("lmopt", "--quiet", "compile", source, "--passes", "lm-narrow-attention{element=i8}", "-o", model)
        return model
    return programs.compile(source, "f32" if way == "ring" else way, model)


def main():
    bin_dir, fixture, way, work = sys.argv[1:]
    programs, checks = common.Programs(bin_dir, work), common.Checks()
    source = source_of(programs, pathlib.Path(fixture), way)
    model = compile_way(programs, source, way)
    draft = programs.compile(source, "int8", programs.work / "draft.so")  # near: the same weights in 8 bits
    length, prompt = PROMPTS.get(way, 20), programs.work / "prompt.bin"
    prompt.write_bytes(array.array("i", [i * i % 13 + 3 for i in range(length)]).tobytes())
    if way == "ring":
        manifest = programs.json("lmopt", "inspect", model, "--format", "json")["manifest"]
        checks.equal("positions of the ring", manifest["ring_positions"], 1024)
    accepted = proposed = 0
    for threads in (1, 2, 3):
        for guesses in (("--lookup", 3), ("--lookup", 15), ("--draft", draft), ("--lookup", 6, "--draft", draft)):
            told = programs.run("same-generation", model, prompt, "--threads", threads, "--count", 40, *guesses)
            checks.equal(f"texts that differ: {threads} threads, {guesses[0]}", told.endswith(" 0 texts differ\n"), True)
            counts = re.match(r"(\d+) of (\d+) guesses", told)
            accepted, proposed = accepted + int(counts[1]), proposed + int(counts[2])
    checks.equal(f"some of {proposed} guesses accepted, some not: {accepted}", 0 < accepted < proposed, True)
    checks.finish()


if __name__ == "__main__":
    main()
