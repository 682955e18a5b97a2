#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Damaged and hostile artifacts through the commands, as a user runs them.

Damaged: copies of compiled fixture models with a few bytes changed, cut, or zeroed in each of their parts. Every command
refuses them with exit code 3 and a message that names the file, and none crashes; only damage of the weights waits for
`inspect --verify`, which names it. The same for weights in a file of their own, which are found through links.
Hostile: an artifact whose constructor leaves a mark. Commands that need no code leave none.
Thousands more go through the runtime alone: test/unit/runtime/DamageTest.cpp.
Usage: hostile.py LMOPT MODELS_DIR HOSTILE.so
"""
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from artifact_checksums import parts, reseal

DAMAGED_COPIES = 24

lmopt, models, hostile = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
work = pathlib.Path(tempfile.mkdtemp(prefix="lmopt-hostile-"))
text = work / "text.txt"
text.write_text("the cat sat on the mat and looked at the moon " * 40)
failures = []
runs = 0


def run(*arguments, **environment):
    global runs
    runs += 1
    return subprocess.run([lmopt, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


def check(good, *what):
    if not good:
        failures.append(" ".join(map(str, what)))


def commands(model, decoder):
    """Every command that takes an artifact; the first three need none of its code."""
    yield "tokenize", model, "--text", "the cat"
    yield "inspect", model
    yield "inspect", "--verify", model
    if decoder:
        yield "run", model, "-p", "the cat", "-n", 2, "-t", 1
        yield "eval", model, "--text", text, "--ctx", 8, "--chunks", 1, "-t", 1
        yield "bench", model, "--prompt", 4, "-r", 1, "-t", 1
    else:
        yield "embed", model, "--text", "the cat", "-t", 1


def expect_refused(result, arguments, names):
    check(result.returncode == 3, "exit", result.returncode, "instead of 3:", *arguments, result.stderr)
    check(names in result.stderr and result.stderr.count("lmopt: error:") == 1, "message of", *arguments, result.stderr)
    check(not result.stdout, "output of", *arguments, result.stdout)


def damaged_copies(data, generator):
    """(bytes, name of the only part that is damaged or None) of each copy."""
    tiles = list(parts(data))
    for _ in range(DAMAGED_COPIES):
        copy = bytearray(data)
        for _ in range(generator.randint(1, 4)):
            copy[generator.randrange(len(copy))] ^= generator.randint(1, 255)
        yield bytes(copy), None
    for name, offset, size, _ in tiles:
        copy = bytearray(data)
        copy[offset + generator.randrange(size)] ^= 1 << generator.randrange(8)
        yield bytes(copy), name
        yield data[:offset + size // 2], None
    for page in range(0, len(data), max(4096, len(data) // 8 // 4096 * 4096)):
        if any(data[page:page + 4096]):
            yield data[:page] + bytes(len(data[page:page + 4096])) + data[page + 4096:], None


def only_weights(data, copy):
    """Whether nothing but the weights differs."""
    offset, size = next((offset, size) for name, offset, size, _ in parts(data) if name == ".lmopt.weights")
    return len(copy) == len(data) and copy[:offset] == data[:offset] and copy[offset + size:] == data[offset + size:]


def try_damaged(model, decoder, seed):
    data = model.read_bytes()
    whole = {arguments[:2]: run(*arguments) for arguments in commands(model, decoder)}
    for name, result in whole.items():
        check(result.returncode == 0, "undamaged:", *name, result.stderr)
    path = work / "damaged.so"
    for number, (copy, name) in enumerate(damaged_copies(data, random.Random(seed))):
        path.unlink(missing_ok=True)
        path.write_bytes(copy)
        # All commands for some, and for the others one that runs code and those that do not.
        chosen = list(commands(path, decoder)) if number % 3 == 0 else list(commands(path, decoder))[:4]
        for arguments in chosen:
            verifies = "--verify" in arguments
            if only_weights(data, copy) and not verifies:
                continue  # what the weights compute is another question
            expect_refused(run(*arguments), arguments, "damaged.so")
        if name == ".lmopt.weights":
            result = run("inspect", "--verify", path)
            check("section .lmopt.weights, the weights," in result.stderr, "names the weights:", result.stderr)
            check(run("inspect", path).returncode == 0, "inspect reads no weights")


def try_split(source):
    store, links = work / "store", work / "links"
    store.mkdir()
    links.mkdir()
    model, weights = store / "m.so", store / "m.so.weights"
    check(run("--quiet", "compile", source, "-o", model, "--weights-file").returncode == 0, "compile --weights-file")
    first = run("run", model, "-p", "the cat", "-n", 4, "-t", 1, "--format", "json")
    check(first.returncode == 0 and first.stdout, "run with split weights", first.stderr)
    (links / "absolute.so").symlink_to(model)
    (links / "relative.so").symlink_to("../store/m.so")
    for name in ("absolute.so", "relative.so"):
        result = run("run", links / name, "-p", "the cat", "-n", 4, "-t", 1, "--format", "json")
        check(result.stdout == first.stdout, "run through a link:", name, result.stderr)
    check(run("inspect", "--verify", links / "relative.so").returncode == 0, "verify through a link")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 4
    weights.write_bytes(data)
    expect_refused(run("inspect", "--verify", model), ("inspect", "--verify", "split"), "m.so.weights are damaged")
    check(run("inspect", model).returncode == 0, "inspect reads no split weights")
    weights.write_bytes(data[:-1])
    expect_refused(run("run", model, "-p", "a"), ("run", "short weights"), "m.so.weights has")
    # Weights of the same size that belong to another compilation.
    other = work / "other"
    shutil.copytree(source, other / "source")
    data = bytearray((other / "source" / "model.safetensors").read_bytes())
    data[-2] ^= 1
    (other / "source" / "model.safetensors").write_bytes(data)
    check(run("--quiet", "compile", other / "source", "-o", other / "m.so", "--weights-file").returncode == 0, "compile")
    shutil.copy(other / "m.so.weights", weights)
    expect_refused(run("run", model, "-p", "a"), ("run", "other weights"), "holds the weights of another model")
    weights.unlink()
    result = run("run", model, "-p", "a")
    check(result.returncode == 5 and "m.so.weights" in result.stderr, "weights are gone:", result.stderr)


def manifest_of(data):
    """Where it lies: an entry of section .lmopt.meta (abi.h)."""
    meta = next(offset for name, offset, _, _ in parts(data) if name == ".lmopt.meta")
    for index in range(struct.unpack_from("<Q", data, meta + 8)[0]):
        name, offset, size = struct.unpack_from("<32sQQ", data, meta + 16 + 48 * index)
        if name.rstrip(b"\0") == b"manifest":
            return meta + offset, meta + offset + size


def try_manifest(model):
    """Metadata whose checksums are right and whose contents are not meant well."""
    data = model.read_bytes()
    begin, end = manifest_of(data)
    path = work / "manifest.so"

    def inspect(manifest, *options):
        path.unlink(missing_ok=True)
        path.write_bytes(reseal(data[:begin] + manifest + data[end:]))
        return run("inspect", path, *options)

    room = (end - begin - 6) // 2
    deep = b'{"a":' + b"[" * room + b"]" * room + b"}"
    for options in ((), ("--format", "json")):
        result = inspect(deep.ljust(end - begin), *options)
        check(result.returncode == 3 and "64" in result.stderr, "deep manifest:", result.returncode, result.stderr)
    result = inspect(data[begin:end].replace(b'"layers.0', b'"\\u001b[0'))
    check(result.returncode == 0 and "\\x1b[0" in result.stdout and "\x1b" not in result.stdout, "escapes:", result.stdout)


def try_constructor():
    mark = work / "mark"
    for arguments in (("tokenize", hostile, "--text", "abc"), ("inspect", hostile), ("inspect", "--verify", hostile)):
        result = run(*arguments, LMOPT_TEST_MARK=str(mark))
        check(result.returncode == 0, *arguments, result.stderr)
        check(not mark.exists(), "code ran in", *arguments)
    damaged = work / "hostile.so"
    for name, offset, size, _ in parts(hostile.read_bytes()):
        data = bytearray(hostile.read_bytes())
        data[offset + size // 2] ^= 1
        damaged.unlink(missing_ok=True)
        damaged.write_bytes(data)
        if name != ".lmopt.weights":
            expect_refused(run("run", damaged, "-p", "abc", LMOPT_TEST_MARK=str(mark)), ("run", name), "hostile.so")
            check(not mark.exists(), "code ran in spite of damage in", name)
    run("run", hostile, "-p", "abc", "-n", 1, "-t", 1, LMOPT_TEST_MARK=str(mark))
    check(mark.exists(), "the mark of the constructor: without it nothing above means anything")


try:
    for seed, (fixture, decoder) in enumerate((("llama-tied", True), ("bert-mean", False))):
        artifact = work / f"{fixture}.so"
        compiled = run("--quiet", "compile", models / fixture, "-o", artifact)
        check(compiled.returncode == 0, "compile", fixture, compiled.stderr)
        try_damaged(artifact, decoder, seed)
    try_manifest(work / "llama-tied.so")
    try_split(models / "llama-tied")
    try_constructor()
finally:
    shutil.rmtree(work)
for failure in failures[:20]:
    print("FAILED:", failure, file=sys.stderr)
print(f"{runs} commands, {len(failures)} failures")
sys.exit(1 if failures or runs < 300 else 0)
