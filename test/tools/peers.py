#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks bench/peers without any peer: every package that its programs import is in requirements.txt, pinned; and what is
missing is named with its reason and exit code 1, also when everything is.

Usage: peers.py REPOSITORY
"""
import ast
import json
import pathlib
import re
import subprocess
import sys
import tempfile

# Names of packages that differ from those of their modules, and programs that convert.py starts.
PACKAGES = {"llama_cpp": "llama-cpp-python"}
PROGRAMS = {"ct2-transformers-converter": ["ctranslate2", "transformers"],
            "optimum-cli": ["optimum", "optimum-intel", "nncf", "openvino", "openvino-tokenizers"]}
# What torch.onnx.export(dynamo=True) and onnxruntime.quantization import.
HIDDEN = {"onnx", "onnxscript"}


def needed(folder):
    """What the programs import or start, as names of packages."""
    names = set(HIDDEN)
    for file in ("convert.py", "engine.py", "compare.py", "formats.py"):
        text = (folder / file).read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
        names |= {package for program, packages in PROGRAMS.items() if f'"{program}"' in text for package in packages}
    own = {file.stem for file in folder.glob("*.py")} | {file.stem for file in folder.parent.glob("*.py")}
    return {PACKAGES.get(name, name) for name in names - own - set(sys.stdlib_module_names)}


def pinned(path):
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    loose = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9-]+==[0-9][0-9.]*", line)]
    assert not loose, f"not pinned: {loose}"
    return {line.split("==")[0] for line in lines}


def run(*command):
    """With the standard library only: no peer is found, whatever this machine has."""
    return subprocess.run([sys.executable, "-I", "-S", "-B", *map(str, command)], text=True, capture_output=True)


def check_missing(folder):
    with tempfile.TemporaryDirectory() as scratch:
        models = pathlib.Path(scratch) / "models"
        models.mkdir()
        (models / "smol.gguf").touch()
        converted = run(folder / "convert.py", models, "smol-f32", "smol-ctranslate2", "smol-q8_0.gguf")
        assert converted.returncode == 1, converted
        assert "smol-f32 could not be made: ModuleNotFoundError: No module named 'accelerate'" in converted.stderr, converted
        assert "smol-ctranslate2 could not be made: RuntimeError: it is made from smol-f32" in converted.stderr, converted
        checked = run(folder / "engine.py", scratch, "--check")
        assert checked.returncode == 1, checked
        lines = checked.stdout.splitlines()
        listed = [json.loads(line) for line in run(folder / "engine.py", scratch, "--list").stdout.splitlines()]
        assert lines[0] == "peers: ready: none" and len(lines) == 1 + len(listed) > 10, lines
        for line, entry in zip(lines[1:], listed):
            assert line == f"peers: missing: {entry['name']}: {entry['missing']}" and entry["missing"], line
        # A package without its model: the reason of the conversion is told.
        (pathlib.Path(scratch) / "ctranslate2.py").touch()
        told = subprocess.run([sys.executable, "-S", "-B", "-c", TOLD, str(folder), scratch], text=True, capture_output=True)
        assert "smol-ctranslate2 is not there: RuntimeError: it is made from smol-f32" in told.stdout, told
        # What is there is left alone and counts as made.
        (models / "smol-f32").mkdir()
        assert run(folder / "convert.py", models, "smol-f32").returncode == 0
        assert not (models / "smol-f32.failed").exists()


TOLD = """
import pathlib, sys
sys.path[:0] = sys.argv[1:]
import engine
print(engine.ENGINES["CTranslate2 int8"].missing(pathlib.Path(sys.argv[2]) / "models"))
"""


def main():
    folder = pathlib.Path(sys.argv[1]) / "bench" / "peers"
    absent = needed(folder) - pinned(folder / "requirements.txt")
    assert not absent, f"requirements.txt lacks {sorted(absent)}"
    check_missing(folder)


if __name__ == "__main__":
    main()
