#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures the figures of docs/quality.md: compiled models against transformers in fp32.

In: the folder with the built programs (lmopt, dump-logits) and the folder that reference_smollm2.py and reference_minilm.py
filled. Out: one line a figure, "name: value", so that two runs can be compared with diff.
  compile  SOURCE RECIPE OUT.so  seconds, peak memory, size, same bytes when repeated
  smollm2  MODEL.so              ppl, its ratio to fp32, KL(fp32 || model) in nats, share of equal best tokens, greedy tokens
  minilm   MODEL.so              cosine to sentence-transformers: least, mean; ids of the tokenizer
  invariance MODEL.so            thread counts (same bits?) and splits of a prompt (largest difference of logits, KL)
Everything but KL and perplexity is read from raw logits; `lmopt eval` is not used, so that it can be checked against this.
Usage: compare_quality.py BIN_DIR REFERENCE_DIR COMMAND ... [--threads 2] [--work DIR]. Needs numpy.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

import numpy as np

CHUNK, HALF = 512, 256
SPLITS = ["1", "128,1", "37,64", "255,1,13", "512"]


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def kl(reference, other):
    """Of log-probabilities, a value for each row."""
    return (np.exp(reference) * (reference - other)).sum(-1)


class Tool:
    def __init__(self, args):
        self.bin, self.reference = pathlib.Path(args.bin), pathlib.Path(args.reference)
        self.work, self.threads = pathlib.Path(args.work), args.threads
        self.work.mkdir(parents=True, exist_ok=True)

    def lmopt(self, *arguments):
        command = [str(self.bin / "lmopt"), "--quiet", *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode("utf8")

    def dump(self, model, sequences, width, *options, threads=None):
        """Rows of logits or vectors of all sequences, by the C interface."""
        ids, lengths, out = (self.work / name for name in ("ids.bin", "lengths.bin", "out.bin"))
        np.concatenate([np.asarray(row, np.int32) for row in sequences]).tofile(ids)
        np.array([len(row) for row in sequences], np.int32).tofile(lengths)
        command = [self.bin / "dump-logits", model, ids, out, "--lengths", lengths, "--threads", threads or self.threads, *options]
        subprocess.run(list(map(str, command)), check=True)
        result = np.fromfile(out, np.float32).reshape(-1, width)
        out.unlink()
        return result


def measure_compile(tool, args):
    contents = []
    for attempt in range(2):
        start = time.monotonic()
        tool.lmopt("compile", args.source, "--recipe", args.recipe, "-o", args.out)
        seconds = time.monotonic() - start
        contents.append(pathlib.Path(args.out).read_bytes())
        if attempt == 0:  # of the first child: nothing bigger has run before
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"seconds: {seconds:.1f}\npeak megabytes: {peak:.0f}\nartifact megabytes: {len(contents[0]) / 1e6:.1f}")
    print(f"same bytes when repeated: {contents[0] == contents[1]}")


def measure_smollm2(tool, args):
    chunks = np.load(tool.reference / "smol_eval_ids.npy")
    stored = np.load(tool.reference / "smol_ref_logprobs.npy", mmap_mode="r")
    losses, reference_losses, divergences, same, worst = [], [], [], [], 0.0
    for chunk, reference in zip(chunks, stored):
        found = log_softmax(tool.dump(args.model, [chunk[:-1]], stored.shape[-1], "--first", HALF - 1))
        reference = reference.astype(np.float64)
        rows = np.arange(HALF)
        losses.append(-found[rows, chunk[HALF:]])
        reference_losses.append(-reference[rows, chunk[HALF:]])
        divergences.append(kl(reference, found))
        same.append(found.argmax(-1) == reference.argmax(-1))
        worst = max(worst, float(np.abs(found - reference).max()))
    ppl, reference_ppl = np.exp(np.mean(losses)), np.exp(np.mean(reference_losses))
    print(f"ppl: {ppl:.4f}\nreference ppl: {reference_ppl:.4f}\nratio: {ppl / reference_ppl:.6f}\nkl: {np.mean(divergences):.3e}\n"
          f"top1: {np.mean(same):.4f}\nlargest difference of log-probabilities: {worst:.3e}")
    measure_greedy(tool, args.model, stored.shape[-1])


def measure_greedy(tool, model, width):
    """Fed what transformers chose, is the best next token the same? A miss counts when transformers' margin is 1e-3 or more."""
    total, ties, misses = 0, 0, 0
    for record in json.loads((tool.reference / "smol_greedy.json").read_text(encoding="utf8")):
        ids = record["prompt_tokens"] + record["tokens"]
        logits = tool.dump(model, [ids[:-1]], width, "--first", len(record["prompt_tokens"]) - 1)
        wrong = logits.argmax(-1) != np.array(record["tokens"])
        tied = np.array(record["margins"]) < 1e-3
        total, ties, misses = total + len(wrong), ties + int((wrong & tied).sum()), misses + int((wrong & ~tied).sum())
    print(f"greedy tokens: {total}, other choice at a tie: {ties}, wrong: {misses}")


def measure_minilm(tool, args):
    records = json.loads((tool.reference / "minilm_sentences.json").read_text(encoding="utf8"))
    vectors = np.load(tool.reference / "minilm_vectors.npy").astype(np.float64)
    texts = tool.work / "sentences.txt"
    texts.write_text("".join(record["text"] + "\n" for record in records), encoding="utf8")
    lines = tool.lmopt("embed", args.model, "--file", texts, "-t", tool.threads).splitlines()
    by_driver = np.array([json.loads(line) for line in lines])
    by_ids = tool.dump(args.model, [record["ids"] for record in records], vectors.shape[1]).astype(np.float64)
    for name, found in (("of ids", by_ids), ("of texts", by_driver)):
        cosines = (found * vectors).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(vectors, axis=-1)
        worst = int(cosines.argmin())
        print(f"cosine {name}: least {cosines.min():.7f}, mean {cosines.mean():.7f}, sentences {len(cosines)}, "
              f"least at {records[worst]['text'][:40]!r} of {len(records[worst]['ids'])} tokens")
    packed = tool.dump(args.model, [record["ids"] for record in records], vectors.shape[1], "--split", "1")
    print(f"one sentence a call, largest difference to packed: {np.abs(packed - by_ids).max():.3e}")


def measure_invariance(tool, args):
    chunks = np.load(tool.reference / "smol_eval_ids.npy")[:args.chunks]
    width = np.load(tool.reference / "smol_ref_logprobs.npy", mmap_mode="r").shape[-1]
    whole = tool.dump(args.model, chunks, width, threads=1)
    for threads in (2, 3, 4):
        again = tool.dump(args.model, chunks, width, threads=threads)
        print(f"threads {threads}: same bits: {bool((again.view(np.uint32) == whole.view(np.uint32)).all())}")
    log_probabilities = log_softmax(whole)
    largest = np.abs(whole).max(-1)
    for split in SPLITS:
        again = tool.dump(args.model, chunks, width, "--split", split)
        apart = (np.abs(again - whole).max(-1) / largest).max()
        print(f"split {split}: largest difference of logits, as a share of the row's largest: {apart:.3e}, "
              f"kl: {kl(log_probabilities, log_softmax(again)).mean():.3e}, "
              f"other best token: {int((again.argmax(-1) != whole.argmax(-1)).sum())} of {len(whole)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("reference")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "lmopt-quality"))
    commands = parser.add_subparsers(required=True)
    compile_command = commands.add_parser("compile")
    for name in ("source", "recipe", "out"):
        compile_command.add_argument(name)
    compile_command.set_defaults(run=measure_compile)
    for name, run in (("smollm2", measure_smollm2), ("minilm", measure_minilm), ("invariance", measure_invariance)):
        command = commands.add_parser(name)
        command.add_argument("model")
        command.set_defaults(run=run)
    command.add_argument("--chunks", type=int, default=2)
    args = parser.parse_args()
    args.run(Tool(args), args)


if __name__ == "__main__":
    main()
