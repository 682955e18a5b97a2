#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SmolLM2 on a GPU, without one: a prompt of 32 tokens and 8 steps of decoding over the fake driver (test/ptx/fake), beside the artifact
for CPUs. Token by token: the same bits of all logits where products are of integers (int8, native). The prompt in one step, by tiles on
tensor cores: the same greedy tokens, near ties aside, and near distributions. MiniLM: vectors of two sentences.

The models are where script/fetch-models puts them: $LMOPT_MODELS, else build/models.
TOKENS: how many go one by one (usual: 6, some two seconds each).
Usage: device_models.py BIN_DIR FAKE_DRIVER WORK_DIR {smollm2,minilm} RECIPE [TOKENS]
"""
import math
import os
import pathlib
import sys

import common

PROMPT = ("The harbour was quiet that morning, and the boats lay still at their moorings while the keeper of the light walked down the "
          "stone steps to see what the tide had left")
# Mean divergence in nats, of a prompt in one step. Codes of activations make much of little: whatever adds in another order is some 0.003
# away in int8, as codes flip; both are 0.005 from f32.
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


def check_smollm2(programs, cpu, gpu, recipe, checks, count=6):
    if recipe == "int8":
        check_forecast(programs, gpu, checks)
    tokens = programs.json("lmopt", "tokenize", cpu, "--text", PROMPT)["tokens"][:32]
    width = None
    for step in range(8):  # the continuation is the CPU's
        logits = programs.dump(cpu, [tokens], "--first", len(tokens) - 1)
        width = width or len(logits)
        tokens.append(common.best(logits))

    def rows_of(model, split, *device):
        values = programs.dump(model, [tokens[:-1]], "--first", 31, "--split", split, *device)
        return [values[i:i + width] for i in range(0, len(values), width)]

    if recipe != "f32":
        alone, found = (programs.dump(model, [tokens[:count]], "--split", "1", *device) for model, device in ((cpu, ()), (gpu, ("--device", "cuda"))))
        checks.equal("bits of the CPU, token by token", found.tobytes() == alone.tobytes(), True)
    expected, found = rows_of(cpu, "32,1"), rows_of(gpu, "32,1", "--device", "cuda")
    pairs = list(zip(expected, found))
    checks.equal("rows", (len(expected), len(found)), (8, 8))
    distance = mean_divergence(pairs)
    print(f"mean divergence of the CPU's distribution from the GPU's, the prompt in one step: {distance:.2g}")
    checks.at_most("mean divergence of the CPU's distribution from the GPU's", distance, KL_LIMITS[recipe])
    for index, (p, q) in enumerate(pairs):
        checks.at_most(f"greedy token {index}: how far from the CPU's best", max(p) - p[common.best(q)], MARGINS[recipe])


def check_minilm(programs, cpu, gpu, recipe, checks):
    for text in SENTENCES:
        expected, found = (programs.json("lmopt", "embed", model, "--text", text, *device)
                           for model, device in ((cpu, ()), (gpu, ("--device", "cuda"))))
        checks.at_least(f"cosine of {text!r}", common.cosine(expected, found), COSINE[recipe])


def main():
    bin_dir, driver, work, model, recipe, *count = sys.argv[1:]
    os.environ["LMOPT_LIBCUDA"] = driver
    models = pathlib.Path(os.environ.get("LMOPT_MODELS", "build/models"))
    programs = common.Programs(bin_dir, work)
    source = models / ("smol.gguf" if model == "smollm2" else "minilm")
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.compile(source, recipe, cpu)
    programs.run("lmopt", "--quiet", "compile", source, "--recipe", recipe, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    checks = common.Checks()
    (check_smollm2 if model == "smollm2" else check_minilm)(programs, cpu, gpu, recipe, checks, *map(int, count))
    checks.finish()


if __name__ == "__main__":
    main()
