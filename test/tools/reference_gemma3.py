#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A real Gemma 3 (a GGUF file) against Hugging Face transformers in fp32: tokens of a text, logits before, at and behind the edge of its
windows, perplexity, greedy continuations.

Run by hand, since it needs what only packages have: torch, transformers, accelerate, gguf, numpy. Ends with 1 if a token differs, or a logit
by more than 1e-4 of the largest.
Usage: reference_gemma3.py BUILD MODEL.gguf TEXT [--tokens 700]    BUILD: the build folder, for bin/lmopt and bin/dump-logits
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

PROMPTS = ["The capital of France is", "Water boils at 100 degrees Celsius because", "1, 1, 2, 3, 5, 8, 13,"]
NEW_TOKENS = 24


def log_softmax(logits):
    return torch.log_softmax(torch.from_numpy(logits).double(), -1).numpy()


def perplexity(logits, ids):
    return float(np.exp(-log_softmax(logits)[np.arange(len(ids) - 1), ids[1:]].mean()))


def logits_of(build, artifact, ids, width, folder):
    ids.astype("<i4").tofile(folder / "ids")
    subprocess.run([build / "bin/dump-logits", artifact, folder / "ids", folder / "logits"], check=True)
    return np.fromfile(folder / "logits", "<f4").reshape(-1, width)


def same_continuations(model, tokenizer, build, artifact):
    same = True
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        theirs = tokenizer.decode(model.generate(torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)[0, len(ids):].tolist())
        run = subprocess.run([build / "bin/lmopt", "run", artifact, "-p", prompt, "-n", str(NEW_TOKENS)], check=True, capture_output=True)
        ours = run.stdout.decode().removeprefix(prompt).rstrip("\n")
        same &= ours == theirs.rstrip("\n")
        print(f"{prompt!r}: {'the same' if ours == theirs.rstrip(chr(10)) else f'{ours!r}, but theirs {theirs!r}'}")
    return same


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "model", "text"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=700)
    given = parser.parse_args()
    folder, file = str(given.model.resolve().parent), given.model.name
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager").eval()
    ids = np.array(tokenizer(given.text.read_text()[20000:])["input_ids"][:given.tokens])
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
        artifact = pathlib.Path(temporary) / "model.so"
        subprocess.run([given.build / "bin/lmopt", "compile", given.model, "-o", artifact, "--recipe", "f32"], check=True)
        theirs = model(torch.from_numpy(ids)[None]).logits[0].float().numpy()
        ours = logits_of(given.build, artifact, ids, theirs.shape[1], pathlib.Path(temporary))
        distance, largest = np.abs(ours - theirs).max(), np.abs(theirs).max()
        print(f"{len(ids)} tokens: largest logit {largest:.2f}, distance {distance:.1e}; best tokens "
              f"{np.mean(ours.argmax(-1) == theirs.argmax(-1)):.2%} the same; perplexity {perplexity(ours, ids):.5f}, theirs {perplexity(theirs, ids):.5f}")
        same = same_continuations(model, tokenizer, given.build, artifact)
    return 0 if same and distance <= 1e-4 * largest else 1


if __name__ == "__main__":
    sys.exit(main())
