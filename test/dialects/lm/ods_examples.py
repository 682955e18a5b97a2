#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ods_examples.py FOLDER: runs every example of the op descriptions in FOLDER/*/*.td, so that none can grow stale.

Each ```mlir block parses and prints to a fixed point, as custom and as generic text, and what `lmopt-opt --lm-interpret`
prints is what its comments `// @...` say. Each op has a block in its description that uses it.
"""
import difflib
import pathlib
import re
import subprocess
import sys
import textwrap


def lmopt_opt(text, *arguments):
    run = subprocess.run(["lmopt-opt", "-", "--split-input-file", *arguments], input=text, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"lmopt-opt {' '.join(arguments)} failed:\n{run.stderr}")
    return run.stdout


examples = []
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*.td")):
    for op, body in re.findall(r'^def LM_\w+Op\s*:\s*LM_Op<"(\w+)"(.*?)^}', path.read_text(), re.M | re.S):
        blocks = [textwrap.dedent(block) for block in re.findall(r"```mlir\n(.*?)```", body, re.S)]
        if not any(f"lm.{op} " in block for block in blocks):
            sys.exit(f"{path.name}: lm.{op} has no example that uses it")
        examples += blocks
text = "// -----\n".join(examples)

printed = lmopt_opt(text)
for argument in ("--mlir-print-op-generic", "--mlir-print-local-scope"):
    if lmopt_opt(lmopt_opt(printed, argument)) != printed:
        sys.exit(f"an example does not survive {argument}")
said = re.findall(r"^// (@.*)$", text, re.M)
computed = lmopt_opt(text, "--lm-interpret").splitlines()
if said != computed:
    sys.exit("the examples say and compute:\n" + "\n".join(difflib.unified_diff(said, computed, lineterm="")))
print(f"{len(examples)} examples hold, {len(said)} results")
