#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""End to end on the two real models: SmolLM2's greedy tokens and its perplexity, MiniLM's vectors and similarities.

What is expected was computed by transformers and sentence-transformers in fp32 (test/models/real); the bounds are those of the
project's quality table (docs/quality.md). The models are where script/fetch-models puts them: $LMOPT_MODELS, else build/models.
Usage: real_models.py BIN_DIR EXPECTED_DIR WORK_DIR {smollm2,minilm} {f32,bf16,int8,native}
"""
import json
import os
import pathlib
import sys

import common

COSINE = {"f32": (0.99999, 0.99999), "bf16": (0.9998, 0.9999), "int8": (0.996, 0.998)}  # least and mean
RATIO = {"f32": 1.0005, "bf16": 1.001, "int8": 1.010, "native": 1.010}
MEGABYTES = {"f32": 700, "bf16": 280, "int8": 150, "native": 105}  # SmolLM2
REFERENCE_PPL = 14.619694772079162  # transformers fp32 on 16 chunks of 512, see test/tools/reference_smollm2.py
FIRST, LAST = 20000, 120000         # characters of developers-reference.txt


def check_smollm2(programs, model, models, records, recipe, checks):
    for record in records:
        ids, tokens = record["prompt_tokens"], record["tokens"]
        found = json.loads(programs.run("lmopt", "tokenize", model, "--text", record["prompt"]))["tokens"]
        checks.equal(f"tokens of {record['prompt'][:20]!r}", found, ids)
        if recipe == "f32":  # every margin of these continuations exceeds 0.02
            result = json.loads(programs.run("lmopt", "run", model, "-p", record["prompt"], "-n", len(tokens), "--temp", 0,
                                             "--format", "json"))
            checks.equal(f"continuation of {record['prompt'][:20]!r}", until_end(result["tokens"]), until_end(tokens))
        shown = programs.run("example-generate", model, record["prompt"], len(tokens))
        checks.equal(f"example-generate on {record['prompt'][:20]!r}", shown.strip(),
                     json.loads(programs.run("lmopt", "run", model, "-p", record["prompt"], "-n", len(tokens), "--temp", 0,
                                             "--format", "json"))["text"].strip())
    text = programs.work / "evaluate.txt"
    text.write_bytes((models / "text" / "developers-reference.txt").read_text(encoding="utf8")[FIRST:LAST].encode("utf8"))
    result = json.loads(programs.run("lmopt", "--quiet", "eval", model, "--text", text, "--chunks", 16, "--format", "json"))
    checks.at_most("perplexity as a share of fp32", result["ppl"] / REFERENCE_PPL, RATIO[recipe])
    checks.at_least("perplexity as a share of fp32", result["ppl"] / REFERENCE_PPL, 2 - RATIO[recipe])


def until_end(tokens):
    """`run` stops at the end of a turn (token 2, <|im_end|>), transformers was asked to go on."""
    return tokens[:tokens.index(2)] if 2 in tokens else tokens


def check_minilm(programs, model, record, recipe, checks):
    entries = record["sentences"]
    texts = programs.work / "sentences.txt"
    texts.write_text("".join(entry["text"] + "\n" for entry in entries), encoding="utf8")
    for entry in entries:
        found = json.loads(programs.run("lmopt", "tokenize", model, "--text", entry["text"]))["tokens"]
        checks.equal(f"tokens of {entry['text']!r}", found, entry["ids"])
    vectors = [json.loads(line) for line in programs.run("lmopt", "embed", model, "--file", texts).splitlines()]
    checks.equal("vectors", len(vectors), len(entries))
    cosines = [common.cosine(vector, entry["vector"]) for vector, entry in zip(vectors, entries)]
    checks.at_least("least cosine", min(cosines), COSINE[recipe][0])
    checks.at_least("mean cosine", sum(cosines) / len(cosines), COSINE[recipe][1])
    shown = programs.run("example-embed", model, *[entry["text"] for entry in entries]).split("\n")
    for line, vector, entry in zip(shown, vectors[1:], entries[1:]):  # the first text is what the others are compared to
        similarity, text = line.split("  ", 1)
        checks.equal("text of example-embed", text, entry["text"])
        checks.at_most(f"example-embed on {text!r}", abs(float(similarity) - common.cosine(vectors[0], vector)), 1e-4)
    # Unit vectors at cosine c to the truth lie sqrt(2 - 2c) away; a similarity moves by twice that at most.
    bound = 2 * (2 - 2 * COSINE[recipe][0]) ** 0.5
    for first, row in zip(vectors, record["similarity"]):
        for second, expected in zip(vectors, row):
            checks.at_most("similarity", abs(common.cosine(first, second) - expected), bound)


def main(bin_dir, expected, work, name, recipe):
    programs, checks = common.Programs(bin_dir, work), common.Checks()
    models = pathlib.Path(os.environ.get("LMOPT_MODELS") or pathlib.Path(bin_dir).parent / "models")
    record = common.load_json(pathlib.Path(expected) / f"{name}.json")
    source = models / ("smol.gguf" if name == "smollm2" else "minilm")
    assert source.exists(), f"{source} is missing: run script/fetch-models, or leave these tests out with ctest -LE models"
    model = programs.compile(source, recipe, programs.work / f"{name}-{recipe}.so")
    if name == "smollm2":
        checks.at_most("megabytes of the artifact", model.stat().st_size / 1e6, MEGABYTES[recipe])
        check_smollm2(programs, model, models, record, recipe, checks)
    else:
        check_minilm(programs, model, record, recipe, checks)
    model.unlink()  # up to 540 MB
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:6])
