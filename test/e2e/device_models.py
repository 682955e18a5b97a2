#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SmolLM2 on a GPU, without one: a prompt of 32 tokens and 8 steps of decoding over the fake driver (test/ptx/fake), beside the artifact
for CPUs: the same greedy tokens, near ties aside, and near distributions. MiniLM: vectors of two sentences.

The models are where script/fetch-models puts them: $LMOPT_MODELS, else build/models.
With a CPU's name: also how far the artifact for that CPU is from the one for this.
Usage: device_models.py BIN_DIR FAKE_DRIVER WORK_DIR {smollm2,minilm} RECIPE [CPU]
"""
import math
import os
import pathlib
import sys

import common

PROMPT = ("The harbour was quiet that morning, and the boats lay still at their moorings while the keeper of the light walked down the "
          "stone steps to see what the tide had left")
# Mean divergence in nats. Codes of activations make much of little: two CPUs' artifacts of this model in int8 (znver5 and x86-64-v3, which add
# in other orders) are 0.0025 apart on these tokens, as far as either is from the GPU's; both are 0.005 from f32.
KL_LIMITS = {"f32": 1e-4, "int8": 0.01, "native": 0.01}
# What the GPU's greedy token may lack of the CPU's best logit: nothing, or a near tie by the same reasoning (logits are some 0.1 apart).
MARGINS = {"f32": 0, "int8": 0.2, "native": 0.2}
COSINE = {"f32": 0.999999, "int8": 0.9999}
FORECAST = {"bytes": 147913728, "launches": 152, "floor_microseconds": 34}  # SmolLM2, int8, 512 positions
SENTENCES = ["A man is playing a guitar on the street.", "The stock market fell sharply after the announcement."]


def softmax(row):
    most = max(row)
    weights = [math.exp(x - most) for x in row]
    total = sum(weights)
    return [w / total for w in weights]


def divergence(p_logits, q_logits):
    p, q = softmax(p_logits), softmax(q_logits)
    return sum(a * math.log(a / b) for a, b in zip(p, q) if a > 0)


def mean_divergence(pairs):
    distances = [divergence(p, q) for p, q in pairs]
    return sum(distances) / len(distances)


def check_forecast(programs, gpu, checks):
    """What `inspect` foresees for one token: a change of the plan that costs launches or bytes shows here."""
    facts = {row["name"]: row for row in programs.json("lmopt", "inspect", gpu, "--format", "json")["forecast"]}
    checks.equal("forecast for H200", {key: facts["H200"][key] for key in FORECAST}, FORECAST)


def check_smollm2(programs, cpu, gpu, other, recipe, checks):
    if recipe == "int8":
        check_forecast(programs, gpu, checks)
    tokens = programs.json("lmopt", "tokenize", cpu, "--text", PROMPT)["tokens"][:32]
    width = None
    for step in range(8):  # the continuation is the CPU's
        logits = programs.dump(cpu, [tokens], "--first", len(tokens) - 1)
        width = width or len(logits)
        tokens.append(common.best(logits))

    def rows_of(model, *device):
        values = programs.dump(model, [tokens[:-1]], "--first", 31, "--split", "32,1", *device)
        return [values[i:i + width] for i in range(0, len(values), width)]

    expected, found = rows_of(cpu), rows_of(gpu, "--device", "cuda")
    pairs = list(zip(expected, found))
    checks.equal("rows", (len(expected), len(found)), (8, 8))
    distance = mean_divergence(pairs)
    print(f"mean divergence of the CPU's distribution from the GPU's: {distance:.2g}")
    if other:
        print(f"from that of {other.stem}: {mean_divergence(zip(expected, rows_of(other))):.2g}")
    checks.at_most("mean divergence of the CPU's distribution from the GPU's", distance, KL_LIMITS[recipe])
    for index, (p, q) in enumerate(pairs):
        checks.at_most(f"greedy token {index}: how far from the CPU's best", max(p) - p[common.best(q)], MARGINS[recipe])


def check_minilm(programs, cpu, gpu, other, recipe, checks):
    for text in SENTENCES:
        expected, found = (programs.json("lmopt", "embed", model, "--text", text, *device)
                           for model, device in ((cpu, ()), (gpu, ("--device", "cuda"))))
        checks.at_least(f"cosine of {text!r}", common.cosine(expected, found), COSINE[recipe])


def main():
    bin_dir, driver, work, model, recipe = sys.argv[1:6]
    os.environ["LMOPT_LIBCUDA"] = driver
    models = pathlib.Path(os.environ.get("LMOPT_MODELS", "build/models"))
    programs = common.Programs(bin_dir, work)
    source = models / ("smol.gguf" if model == "smollm2" else "minilm")
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.compile(source, recipe, cpu)
    programs.run("lmopt", "--quiet", "compile", source, "--recipe", recipe, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    other = programs.work / f"{sys.argv[6]}.so" if len(sys.argv) > 6 else None
    if other:
        programs.run("lmopt", "--quiet", "compile", source, "--recipe", recipe, "--target-cpu", sys.argv[6], "-o", other)
    checks = common.Checks()
    (check_smollm2 if model == "smollm2" else check_minilm)(programs, cpu, gpu, other, recipe, checks)
    checks.finish()


if __name__ == "__main__":
    main()
