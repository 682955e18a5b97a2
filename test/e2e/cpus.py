#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One fixture model compiled for CPUs of every kind, run here where this CPU can, else under qemu-user where that can, else
in the instructions of a lesser CPU (--spell-for), which gives the same bits: where this CPU has both, both are compared.

f32: each within the fixture's tolerance of what transformers computed; other recipes: near the native one.
All CPUs with fused multiply-add give the same bits, whatever the width of their registers, the instruction that multiplies
bytes (vpmaddwd, vpdpbusd in both encodings) and that for bf16: sums are in one order everywhere. (But for subnormal numbers
in bf16, which vdpbf16ps takes as zero.)
The spellings of one shape give the same bits: of AVX-512 with bf16, its own, with AVX2 and (two rows) with AVX, FMA and F16C.
One artifact with several versions of its code gives, here and under qemu, the bits of the version that fits.
The x86-64 artifact must have no instruction beyond SSE2; it also runs under qemu as a CPU that has nothing more.
Usage: cpus.py BIN_DIR FIXTURE_DIR RECIPE WORK_DIR OBJDUMP
"""
import json
import re
import shutil
import subprocess
import sys

import common
import fixtures

# What qemu pretends to be; None where qemu-user 7.2 lacks the instructions.
CPUS = {
    "x86-64": "qemu64,-sse3,-cx16",
    "x86-64-v2": "Nehalem",
    "x86-64-v3": "Haswell",
    "alderlake": None,
    "skylake-avx512": None,
    "icelake-server": None,
    "znver5": None,
    "native": None,
}
# Shapes that all run here, and the lesser CPUs whose instructions they are also written in. (That of skylake-avx512 is that
# of icelake-server, that of alderlake that of x86-64-v3.)
SPELLED = {"icelake-server": ["x86-64-v3"], "znver5": ["x86-64-v3"]}
# AVX, FMA and F16C alone: half a minute of compiling, most of it for code that the other models have too; so for these alone.
SPELLED_IN_AVX = {("llama-gqa-9-3", "bf16"), ("llama-gqa-9-3", "int8")}
SEVERAL = ["x86-64", "x86-64-v3", "icelake-server"]
WITH_FMA = ["x86-64-v3", "alderlake", "skylake-avx512", "icelake-server", "znver5"]
# SSE3, SSSE3, SSE4, AVX and later (all begin with v), bit manipulation, big-endian moves.
BEYOND_SSE2 = re.compile(
    r"v[a-z0-9]+|haddp[sd]|hsubp[sd]|addsubp[sd]|movs[lh]dup|movddup|lddqu|fisttp\w*|pabs[bwd]|palignr|phadd\w+|phsub\w+|"
    r"pmaddubsw|pmulhrsw|pshufb|psign[bwd]|blendv?p[sd]|pblendvb|pblendw|dpp[sd]|extractps|insertps|movntdqa|mpsadbw|"
    r"packusdw|pcmpeqq|pcmpgtq|pextr[bdq]|pinsr[bdq]|phminposuw|pmax(sb|sd|uw|ud)|pmin(sb|sd|uw|ud)|pmov[sz]x\w+|pmuldq|"
    r"pmulld|ptest|rounds?[sp][sd]|pcmp[ei]str[im]|crc32\w*|popcnt\w*|[lt]zcnt\w*|andn\w?|bextr\w*|bls\w+|bzhi\w*|"
    r"mulx\w*|pdep\w*|pext[lq]?|rorx\w*|sarx\w*|shlx\w*|shrx\w*|movbe\w*|k[a-z]+[bwdq]")


def instructions(objdump, model):
    """All mnemonics of the code, without prefixes."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", str(model)], capture_output=True, text=True, check=True).stdout
    return {match.group(1) for match in re.finditer(r"^\s+[0-9a-f]+:\s+(?:(?:rep|repne|lock|data16) )*([a-z][a-z0-9]*)", text, re.M)}


def missing_here(programs, model):
    """The features that the model needs and this CPU lacks, as the runtime names them; "" when it runs here."""
    missing = json.loads(programs.run("lmopt", "inspect", model, "--format", "json"))["missing_here"]
    return "" if missing == "nothing" else missing


class Emulated(common.Programs):
    """The same programs under qemu-user; `lmopt` itself is not needed there."""

    def __init__(self, programs, cpu):
        super().__init__(programs.folder, programs.work)
        self.prefix = [shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static"), "-cpu", cpu]

    def run(self, name, *arguments):
        done = subprocess.run(self.prefix + [str(self.folder / name), *map(str, arguments)], capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode} of {name} under qemu: {done.stderr.decode('utf8', 'replace')}")
        return done.stdout.decode("utf8")


def check_several(programs, fixture, recipe, found, have_qemu, checks):
    """One artifact for all of SEVERAL."""
    model = programs.work / "several.so"
    programs.run("lmopt", "--quiet", "compile", fixture.source, "--recipe", recipe, "--target-cpu", ",".join(SEVERAL), "-o", model)
    facts = json.loads(programs.run("lmopt", "inspect", model, "--format", "json"))
    checks.equal("versions of the code", [version["cpu"] for version in facts["manifest"]["versions"]], SEVERAL)
    here = SEVERAL[facts["version_here"]]
    checks.equal(f"several versions give the bits of {here} here",
                 programs.dump(model, fixture.sequences()).tobytes() == found[here].tobytes(), True)
    for cpu in SEVERAL if have_qemu else []:
        if CPUS[cpu]:
            emulated = Emulated(programs, CPUS[cpu]).dump(model, fixture.sequences())
            checks.equal(f"several versions give the bits of {cpu} under qemu", emulated.tobytes() == found[cpu].tobytes(), True)


def check_spelled(programs, fixture, recipe, found, checks):
    """Fills in what was not found: the result of a CPU in the instructions of lesser ones."""
    for cpu, lesser in SPELLED.items():
        in_avx = cpu == "znver5" and (fixture.name, recipe) in SPELLED_IN_AVX
        for spelling in lesser + (["bdver2"] if in_avx else []):
            model = programs.work / f"{cpu}-{spelling}.so"
            programs.run("lmopt", "--quiet", "compile", fixture.source, "--recipe", recipe, "--target-cpu", cpu,
                         "--spell-for", spelling, "-o", model)
            facts = json.loads(programs.run("lmopt", "inspect", model, "--format", "json"))
            target = facts["manifest"]["target"]
            checks.equal("shape and spelling in the manifest", (target["cpu"], target["spelled_for"]), (cpu, spelling))
            if facts["missing_here"] != "nothing":
                print(f"{cpu} in the instructions of {spelling}: not run, this CPU lacks {facts['missing_here']}")
                continue
            values = programs.dump(model, fixture.sequences())
            checks.equal(f"{cpu} in the instructions of {spelling} gives the same bits",
                         values.tobytes() == found.setdefault(cpu, values).tobytes(), True)


def main(bin_dir, folder, recipe, work, objdump):
    programs, fixture, checks = common.Programs(bin_dir, work), fixtures.Fixture(folder), common.Checks()
    have_qemu = bool(shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static"))
    found = {}
    for cpu, pretended in CPUS.items():
        model = programs.work / f"{cpu}.so"
        programs.run("lmopt", "--quiet", "compile", fixture.source, "--recipe", recipe, "--target-cpu", cpu, "-o", model)
        if cpu == "x86-64":
            beyond = sorted(name for name in instructions(objdump, model) if BEYOND_SSE2.fullmatch(name))
            checks.equal("instructions beyond SSE2 in the x86-64 artifact", beyond, [])
        missing = missing_here(programs, model)
        if not missing:
            found[cpu] = programs.dump(model, fixture.sequences())
        else:
            print(f"{cpu}: not run natively, this CPU lacks {missing}")
        if pretended and have_qemu:
            emulated = Emulated(programs, pretended).dump(model, fixture.sequences())
            if not missing:
                checks.equal(f"{cpu} under qemu gives the same bits", emulated.tobytes() == found[cpu].tobytes(), True)
            found[cpu] = emulated
        elif pretended:
            print(f"{cpu}: not run under qemu, which is not installed")
    check_spelled(programs, fixture, recipe, found, checks)
    for cpu, values in found.items():
        if recipe == "f32":
            difference = common.largest_difference(fixture.chosen(values), fixture.expected)
            checks.at_most(f"{cpu} against transformers", difference, fixture.json["tolerance"])
        else:
            checks.at_most(f"{cpu} against native", common.relative_error(values, found["native"]),
                           fixtures.INT8_RELATIVE_ERROR)
    check_several(programs, fixture, recipe, found, have_qemu, checks)
    for cpu in WITH_FMA:
        if cpu in found:
            checks.equal(f"{cpu} gives the bits of {WITH_FMA[0]}", found[cpu].tobytes() == found[WITH_FMA[0]].tobytes(), True)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:6])
