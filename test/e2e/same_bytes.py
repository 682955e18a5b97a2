#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same bytes as before: fixtures by every recipe for every kind of CPU, compared with stored hashes.

A change of the compiler that is meant to change nothing (moved, renamed, rewritten) shows here that it does not: the
compiler is deterministic, so equal code and equal weights need no timing and no numerics. A change that is meant to
change artifacts regenerates the list (--update) in the same commit and says why. With --part K/N one fixture of N is looked at, and those of
QUICK: ctest has each part as a test.

Four hashes a row: the module as it is lowered (all kernels and entry points, before LLVM sees them), and of the artifact
its code (what the loader maps), its weights, and its manifest without what a version of lmopt says of itself. LLVM takes
ten times as long as all that is ours, so ctest compares the lowered module of every row, and whole artifacts of some
rows (QUICK); --full compares all of all rows in about a quarter of an hour.
The list is made by one version of LLVM. With another one both text and code may differ by right: then two compiles must
agree, and the weights, which LLVM has no part in, must be those of the list.
In: the programs, test/models, same_bytes.txt. Out: what differs, by name.
Usage: same_bytes.py BIN_DIR MODELS_DIR LIST WORK_DIR LLVM_VERSION [--full] [--update [--changed]] [--fixture NAME | --part K/N]
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import struct
import subprocess

import common

RECIPES = ["f32", "bf16", "int8", "int4", "native"]
CPUS = ["x86-64", "x86-64-v3", "znver3", "icelake-server", "znver5"]
# A decoder, an encoder, native groups; two shapes of registers. What LLVM makes of equal lowered modules is equal: these
# show that what comes after the lowered module (options of LLVM, the linker, the manifest) is as it was.
QUICK = {"llama-gqa-9-3", "bert-mean", "gguf-q4_1"}
QUICK_CPUS = {"x86-64-v3", "icelake-server"}
# What no recipe can do is said by these exit codes; that must not change either.
REFUSED = {2: "usage", 4: "unsupported"}
COLUMNS = ["lowered", "code", "weights", "manifest"]


def sections(data):
    """Name -> contents of the sections of a 64-bit little-endian ELF file."""
    table, = struct.unpack_from("<Q", data, 40)
    entry, count, names = struct.unpack_from("<3H", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + index * entry) for index in range(count)]
    start = headers[names][4]
    return {data[start + name:data.index(b"\0", start + name)].decode(): data[offset:offset + size]
            for name, _, _, _, offset, size in headers}


def digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()[:16]


class Compiler:
    def __init__(self, programs, full, known=None):
        """`known`: rows of a list; those whose lowered module is still theirs stay, and nothing of them is compiled."""
        self.programs, self.full, self.known = programs, full, known or {}

    def compile(self, source, recipe, cpu, output, *options):
        """Bytes of what was compiled, or the name of the refusal."""
        command = [str(self.programs.folder / "lmopt"), "--quiet", "compile", str(source), "--recipe", recipe,
                   "--target-cpu", cpu, "-o", str(output), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode in REFUSED:
            return REFUSED[done.returncode]
        assert done.returncode == 0, f"exit {done.returncode} of {' '.join(command)}\n{done.stderr}"
        return output.read_bytes()

    def manifest(self, model):
        facts = json.loads(self.programs.run("lmopt", "--quiet", "inspect", model, "--format", "json"))["manifest"]
        for version in ("lmopt_version", "abi"):
            facts.pop(version, None)
        return json.dumps(facts, sort_keys=True).encode()

    def row(self, job):
        """Column -> hash; without those of the artifact where none was made."""
        name, source, recipe, cpu = job
        output = self.programs.work / f"{name}-{recipe}-{cpu}"
        lowered = self.compile(source, recipe, cpu, output.with_suffix(".mlir"), "--stop-after=lower")
        if isinstance(lowered, str):
            return {"refused": lowered}
        row = {"lowered": digest(lowered)}
        output.with_suffix(".mlir").unlink()
        known = self.known.get(" ".join((name, recipe, cpu)), {})
        if known.get("lowered") == row["lowered"] and not (name in QUICK and cpu in QUICK_CPUS):
            return known
        if not self.full and not (name in QUICK and cpu in QUICK_CPUS):
            return row
        model = output.with_suffix(".so")
        found = sections(self.compile(source, recipe, cpu, model))
        row["code"] = digest(*(found.get(part, b"") for part in (".text", ".rodata", ".data.rel.ro")))
        row["weights"] = digest(found.get(".lmopt.weights", b""))
        row["manifest"] = digest(self.manifest(model))
        model.unlink()
        return row


def fixtures(models):
    for folder in sorted(pathlib.Path(models).iterdir()):
        if (folder / "expected.json").exists():
            yield folder.name, folder / "model.gguf" if (folder / "model.gguf").exists() else folder


def choose(all_fixtures, options):
    if options.part:
        number, parts = map(int, options.part.split("/"))
        return [pair for index, pair in enumerate(all_fixtures) if index % parts == number or pair[0] in QUICK]
    return [pair for pair in all_fixtures if options.fixture in (None, pair[0])]


def read_list(path):
    """(LLVM version, "fixture recipe cpu" -> row)."""
    lines = pathlib.Path(path).read_text(encoding="utf8").splitlines()
    rows = {}
    for line in lines[2:]:
        words = line.split()
        rows[" ".join(words[:3])] = {"refused": words[4]} if words[3] == "refused" else dict(zip(COLUMNS, words[3:]))
    return lines[0].split()[-1], rows


def write_list(path, llvm, rows):
    lines = [f"# made by same_bytes.py --full --update with LLVM {llvm}", "# fixture recipe cpu " + " ".join(COLUMNS)]
    for name, row in sorted(rows.items()):
        lines.append(" ".join([name, *(["refused"] if "refused" in row else []), *row.values()]))
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf8")


def compare(checks, compiler, job, found, expected, same_llvm):
    name = " ".join((job[0], *job[2:]))
    if same_llvm or "refused" in found or "refused" in expected:
        checks.equal(name, found, {column: expected.get(column) for column in found})
        return
    if "weights" in found:
        checks.equal(name + ": weights", found["weights"], expected.get("weights"))
    checks.equal(name + ": compiled again", compiler.row(job), found)


def main():
    parser = argparse.ArgumentParser()
    for name in ("bin_dir", "models", "list", "work", "llvm"):
        parser.add_argument(name)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--changed", action="store_true",
                        help="with --update: only rows whose lowered module is another one, and those of QUICK (a few minutes)")
    parser.add_argument("--fixture", help="only this one; with --update its rows join the list")
    parser.add_argument("--part", help="K/N: each N-th fixture from number K on, and those of QUICK")
    options = parser.parse_args()
    programs = common.Programs(options.bin_dir, options.work)
    llvm, stored = read_list(options.list) if os.path.exists(options.list) else (options.llvm, {})
    compiler = Compiler(programs, options.full or options.update, stored if options.changed else None)
    chosen = choose(list(fixtures(options.models)), options)
    jobs = [(name, source, recipe, cpu) for name, source in chosen for recipe in RECIPES for cpu in CPUS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip((" ".join((job[0], *job[2:])) for job in jobs), pool.map(compiler.row, jobs)))
    if options.update:
        write_list(options.list, options.llvm, {**stored, **found} if options.fixture else found)
        return
    checks = common.Checks()
    if llvm != options.llvm:
        print(f"the list was made with LLVM {llvm}, this is {options.llvm}: what is compiled here is compared with a second compile")
    names = {name for name, _ in chosen}
    if options.part is None and options.fixture is None:
        names |= {row.split()[0] for row in stored}  # none of which may be gone
    checks.equal("rows of the list", sorted(found), sorted(row for row in stored if row.split()[0] in names))
    for job in jobs:
        name = " ".join((job[0], *job[2:]))
        compare(checks, compiler, job, found[name], stored.get(name, {}), llvm == options.llvm)
    checks.finish()


if __name__ == "__main__":
    main()
