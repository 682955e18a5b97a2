# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What script/gpu-check compiles, and the folder that keeps it: artifacts for GPUs, the same models for CPUs, and list.json, which
says of each what made it and what failed. Artifacts for CPUs are for any with AVX2, because the folder may be carried to another."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import time

import common
from fixtures import Fixture

from gpu_check import candidates, carry, kernels
from gpu_check import synthetic as checkpoints
from gpu_check.programs import Failure, Programs

# The formats of each fixture that CI runs, too (test/e2e/CMakeLists.txt); narrower ones where a file or a width has them.
EVERYWHERE = ("f32", "int8", "bf16")
MORE = {"llama-tied": ["int4"], "bert-mean": ["int4"], "gguf-q4_0": ["native"], "gguf-q4_1": ["native"], "gguf-q8_0": ["native"]}
QUICK = [("llama-tied", "int8"), ("bert-mean", "f32")]
SUBJECT = ("llama-tied", "int8")  # of opening, of the hunt for hangs, of the sanitizer
REAL = [("minilm", "int8"), ("smollm2", "int8"), ("smollm2", "native"), ("smollm2", "bf16")]
# Random numbers at well-known sizes (llama-135m is SmolLM2's): the quickest to make and to tell first.
SYNTHETIC = [("llama-135m", "int8"), ("llama-135m", "native"), ("llama-135m", "bf16"), ("llama-1b", "native"), ("llama-1b", "int8"), ("llama-7b", "native"), ("llama-7b", "int8"), ("llama-1b", "bf16"),
             ("llama-7b", "bf16")]
ARCHITECTURES = ("sm_80", "sm_90a")
CPU = "x86-64-v3"
DEVICE = ("--device", "cuda")
COMPILE_SECONDS = 3600


class Artifact:
    """One file of the folder: the name, and how it is made."""

    def __init__(self, name, source, recipe, *options):
        self.name, self.source, self.recipe, self.options = name, source, recipe, options

    def arguments(self, output):
        return ["compile", self.source, "--recipe", self.recipe, *self.options, "-o", output]


def synthetic_wanted(quick):
    return [("tiny", "native")] if quick else SYNTHETIC


def write_synthetic(path, shape, recipe):
    checkpoints.write(path, shape, "bf16" if recipe == "bf16" else "q4_0")


def synthetic_bytes(shape, recipe):
    """Of its weights, nearly: what a card must have room for."""
    return checkpoints.parameters(shape) * {"native": 9 / 16, "int8": 1, "bf16": 2}[recipe]


def synthetic(shape, recipe, source):
    return Artifact(f"{shape}-{recipe}.gpu.so", source, recipe, "--target", "nvptx", "--ptxas", "none")


def pair(name, source, recipe):
    """The same model for both."""
    yield Artifact(f"{name}-{recipe}.gpu.so", source, recipe, "--target", "nvptx", "--ptxas", "none")
    yield Artifact(f"{name}-{recipe}.cpu.so", source, recipe, "--target-cpu", CPU)


class Models:
    def __init__(self, root, folder, build, quick, ptxas):
        self.root, self.folder, self.build, self.quick, self.ptxas = root, folder, build, quick, ptxas
        self.real = [] if quick else REAL
        self.list = {"made_by": None, "failed": {}, "options": {}}
        path = folder / "list.json"
        if path.exists():
            self.list = json.loads(path.read_text(encoding="utf8"))

    def fixtures(self):
        """Names and formats."""
        if self.quick:
            return QUICK
        names = sorted(path.parent.name for path in (self.root / "test/models").glob("*/expected.json"))
        return [(name, recipe) for name in names for recipe in (*EVERYWHERE, *MORE.get(name, []))]

    def fixture(self, name):
        return Fixture(self.root / "test/models" / name)

    def real_source(self, name):
        models = pathlib.Path(os.environ.get("LMOPT_MODELS") or self.build / "models")
        return models / ("smol.gguf" if name == "smollm2" else "minilm")

    def wanted(self):
        for name, recipe in self.fixtures():
            yield from pair(name, self.fixture(name).source, recipe)
        name, recipe = SUBJECT
        for architecture in ARCHITECTURES:
            for kind, ptxas in [("ptx", "none"), *([("cubin", self.ptxas)] if self.ptxas else [])]:
                yield Artifact(f"{name}-{recipe}.{architecture}.{kind}.so", self.fixture(name).source, recipe,
                               "--target", f"nvptx:{architecture}", "--ptxas", ptxas)
        for name, recipe in self.real:
            if self.real_source(name).exists():
                yield from pair(name, self.real_source(name), recipe)

    def path(self, name):
        """Where the artifact is, or None."""
        path = self.folder / name
        return path if path.exists() else None

    def needed(self, name):
        path = self.path(name)
        if not path:
            raise Failure(f"{name} is missing: {self.list['failed'].get(name, 'it was not prepared')}")
        return path

    def prepare(self, out):
        """Compiles what is missing or was made by another compiler; how many, and how many failed. Without a compiler what is in the
        folder counts."""
        compiler = self.build / "bin" / "lmopt-compiler"
        if not compiler.exists():
            return 0, 0
        stamp = hashlib.sha256(compiler.read_bytes()).hexdigest()
        if self.list["made_by"] != stamp:
            self.list = {"made_by": stamp, "failed": {}, "options": {}}
            for old in self.folder.glob("*.runs"):
                old.unlink()
        missing = [each for each in self.wanted() if not self.is_made(each)]
        self.folder.mkdir(parents=True, exist_ok=True)
        programs = Programs(self.build, out / "work", out / "compile.log", time.monotonic() + COMPILE_SECONDS, COMPILE_SECONDS)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(lambda each: self.make(programs, each), missing))
        failed = kernels.record(self) + candidates.record(self)
        (self.folder / "list.json").write_text(json.dumps(self.list, indent=1) + "\n", encoding="utf8")
        return len(missing), len([each for each in missing if each.name in self.list["failed"]]) + len(failed)

    def leave_out_large(self):
        """What is too large to be carried: SmolLM2 has half a gigabyte, MiniLM 22 MB that nothing makes smaller."""
        self.real = []

    def prepare_synthetic(self, out):
        """As runs, a few megabytes each, for a machine without a compiler; what failed."""
        programs, failed = Programs(self.build, out / "work", out / "compile.log", time.monotonic() + COMPILE_SECONDS, COMPILE_SECONDS), []
        for shape, recipe in synthetic_wanted(self.quick):
            source, artifact = out / "work" / f"{shape}.gguf", out / "work" / f"{shape}-{recipe}.gpu.so"
            packed = self.folder / (artifact.name + ".runs")
            try:
                write_synthetic(source, shape, recipe)
                programs.lmopt(*synthetic(shape, recipe, source).arguments(artifact))
                carry.shrink(artifact, packed)
            except (Failure, OSError) as fault:
                failed.append(f"{artifact.name}: {fault}")
            for path in (source, artifact):
                path.unlink(missing_ok=True)
        return failed

    def is_made(self, artifact):
        return self.path(artifact.name) and self.list["options"].get(artifact.name) == list(artifact.options)

    def make(self, programs, artifact):
        output = self.folder / artifact.name
        output.unlink(missing_ok=True)
        self.list["failed"].pop(artifact.name, None)
        try:
            programs.lmopt(*artifact.arguments(output))
            self.list["options"][artifact.name] = list(artifact.options)
        except Failure as fault:
            self.list["failed"][artifact.name] = str(fault)


def real_sequences(root, name):
    """Token ids: SmolLM2: one text of 200; MiniLM: the sentences."""
    record = common.load_json(root / "test/models/real" / f"{name}.json")
    if name == "minilm":
        return [entry["ids"] for entry in record["sentences"]]
    return [[token for entry in record for token in entry["prompt_tokens"] + entry["tokens"]][:200]]
