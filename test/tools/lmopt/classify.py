#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lmopt classify` on small models with known answers: logits are a table by token id, plus one by token type.

Usage: classify.py LMOPT MODELS
The modules are written here; their tokenizer is that of the fixture bert-mean.
"""
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

lmopt, models = sys.argv[1], pathlib.Path(sys.argv[2])
scratch = pathlib.Path(tempfile.mkdtemp())
failures = []
sys.excepthook = lambda kind, error, trace: print(*failures, f"{kind.__name__}: {error}", sep="\n")


def run(*arguments, code=0, text=None):
    result = subprocess.run([lmopt, *map(str, arguments)], capture_output=True, text=True, input=text)
    if result.returncode != code:
        failures.append(f"{arguments} ended with {result.returncode}, expected {code}: {result.stderr}")
    return result.stderr if code else result.stdout


def check(found, wanted, what):
    if found != wanted:
        failures.append(f"{what}: found {found}, expected {wanted}")


def near(found, wanted, what):
    if abs(found - wanted) > 2e-4:
        failures.append(f"{what}: found {found}, expected {wanted}")


def dense(rows):
    return '"0x' + struct.pack(f"<{sum(map(len, rows))}f", *[v for row in rows for v in row]).hex().upper() + '"'


def compile(name, table, config, pooled=False, types=None):
    """A model whose first result is table[id] + types[type], or its mean over the sequence."""
    rows, width = len(table), len(table[0])
    folder = scratch / name
    folder.mkdir()
    shutil.copy(scratch / "base" / "tokenizer.bin", folder)
    wide, flat = f"tensor<?x?x{width}xf32>", f"tensor<?x{width}xf32>"
    types = types or [[0.0] * width] * 2
    last = (f"%p = lm.pool %y, %n {{kind = mean}} : ({wide}, tensor<?xi32>) -> {flat}\n return %p : {flat}" if pooled
            else f"return %y : {wide}")
    (folder / "model.mlir").write_text(f"""
module attributes {{lm.config = {{architecture = "table", vocabulary = {rows} : i64, max_positions = 24 : i64, {config}}}, lm.tokenizer = "tokenizer.bin"}} {{
  lm.param @table : tensor<{rows}x{width}xf32> = dense<{dense(table)}>
  lm.param @types : tensor<2x{width}xf32> = dense<{dense(types)}>
  func.func @encode(%i: tensor<?x?xi32>, %n: tensor<?xi32>, %t: tensor<?x?xi32> {{lm.input = "token_types"}}) -> {flat if pooled else wide} {{
    %x = lm.embedding %i, @table : (tensor<?x?xi32>) -> {wide}
    %u = lm.embedding %t, @types : (tensor<?x?xi32>) -> {wide}
    %y = lm.add %x, %u : {wide}
    {last}
  }}
}}
""")
    artifact = scratch / f"{name}.so"
    run("compile", folder, "-o", artifact, "--passes", "")
    return artifact


def ids(text):
    return json.loads(run("tokenize", scratch / "base.so", "--text", text))["tokens"]


run("import", models / "bert-mean", "-o", scratch / "base")
run("compile", scratch / "base", "-o", scratch / "base.so")
VOCABULARY = 251
LABELS = ["O", "B-X", "I-X"]
QUOTED = ", ".join(f'"{label}"' for label in LABELS)
BY_ID = [[5.0 if id % 3 == label else 0.0 for label in range(3)] for id in range(VOCABULARY)]
TEXT = "the  caf\u00e9, a B"

# Classes of words: that of the first token, whose score is a softmax of (5, 0, 0).
tokens = compile("tokens", BY_ID, f'task = "token_classification", labels = [{QUOTED}], score_activation = "softmax"')
found = json.loads(run("classify", tokens, "--text", TEXT, "--json"))
raw = TEXT.encode()
check([raw[w["begin"]:w["end"]].decode() for w in found["words"]], ["the", "caf\u00e9", ",", "a", "B"], "words")
check([w["text"] for w in found["words"]], ["the", "caf\u00e9", ",", "a", "B"], "texts of words")
for word in found["words"]:
    first = ids(word["text"])[1]
    check(word["label"], LABELS[first % 3], word["text"])
    near(word["score"], math.exp(5) / (math.exp(5) + 2), word["text"])
outside = [w["text"] for w in found["words"] if w["label"] == "O"]
check([s for s in found["spans"] if s["text"] in outside], [], "words outside are no spans")
lines = run("classify", tokens, "--text", TEXT, "--text", "a")
check(lines.count("\n\n") + lines.startswith("\n"), 2, "a blank line ends each text")

# Classes of texts and of pairs: the mean over all tokens; the second text has another token type.
MARK = [[0.0, 0.0, 0.0], [0.0, 0.0, 30.0]]
texts = compile("texts", BY_ID, f'task = "sequence_classification", labels = [{QUOTED}], score_activation = "none"', True, MARK)
found = json.loads(run("classify", texts, "--text", "the", "--json"))["labels"]
own = ids("the")
for label in found:
    near(label["score"], sum(BY_ID[id][LABELS.index(label["label"])] for id in own) / len(own), label)
check([label["score"] for label in found], sorted((label["score"] for label in found), reverse=True), "best first")
pair = json.loads(run("classify", texts, "--pair", "--text", "the\ta", "--json"))["labels"]
first, second = ids("the"), ids("a")[1:]
near(pair[0]["score"], (sum(BY_ID[id][2] for id in first + second) + 30 * len(second)) / len(first + second), "a pair has types")
check(len(run("classify", texts, "--file", "-", "--top", "1", text="the\na\n").splitlines()), 2, "a line for each text")
check(len(run("classify", texts, "--text", "a", "--top", "2").split("\t")), 4, "--top")

# Gaps: the best tokens where the mask stands.
mask = ids("[MASK]")[1]
gaps = compile("gaps", [[4.0 if (id * 7 + 1) % VOCABULARY == v else 0.0 for v in range(VOCABULARY)] for id in range(VOCABULARY)],
               'task = "masked_lm", score_activation = "softmax"')
found = json.loads(run("classify", gaps, "--text", "the [MASK] a", "--json"))["gaps"]
check(len(found), 1, "gaps")
check((found[0]["begin"], found[0]["end"]), (4, 10), "place of a gap")
check(found[0]["candidates"][0]["id"], (mask * 7 + 1) % VOCABULARY, "best token")
check(len(found[0]["candidates"]), 5, "five of them")
if "no gap" not in run("classify", gaps, "--text", "the", code=2):
    failures.append("a text without a gap should be refused")

# Questions: the answer lies in the second text.
start, end = ids("the")[1], ids(",")[1]
answers = compile("answers", [[9.0 if id == start else 0.0, 9.0 if id == end else 0.0] for id in range(VOCABULARY)],
                  'task = "question_answering"')
found = json.loads(run("classify", answers, "--pair", "--text", "the , a\ta  the b,", "--json"))["answer"]
check((found["begin"], found["end"], found["text"]), (3, 9, "the b,"), "answer")
check(run("classify", answers, "--pair", "--text", "the\ta the ,").split("\t")[3], "the ,\n", "answer as a line")

# What is refused.
for code, part, arguments in [
        (2, "--text or --file", [texts]), (2, "with a tab between", [answers, "--text", "a"]), (2, "expected two texts", [texts, "--pair", "--text", "a"]),
        (2, "use `lmopt embed`", [scratch / "base.so", "--text", "a"]), (5, "No such file", [scratch / "none.so", "--text", "a"])]:
    message = run("classify", *arguments, code=code)
    if part not in message:
        failures.append(f"{arguments} should say '{part}': {message}")

shutil.rmtree(scratch)
print("\n".join(failures) or "as expected")
sys.exit(bool(failures))
