#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""models.py: whole encoders, conditional and dense, for docs/performance.md. Makes a crammed BERT of random numbers (12 layers of 768, trees of
12 levels; test/models/generate/make_ultrafastbert.py says what it is), compiles it as it is and with a dense block of as many
neurons in the place of each tree (the module's text, edited: the same weights), and measures both in turns with `lmopt bench`. Prints sequences a second, and
the blocks' share of the time (`--profile`, in the first round).

    bench/cmm/models.py build/bin/lmopt DIR [--threads N] [--rounds N] [--layers N]      needs NumPy, 1.5 GB in DIR
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/models/generate"))
import make_ultrafastbert as checkpoint  # noqa: E402
import numpy as np  # noqa: E402

OPTIONS = {"kind": "fff", "size": 1, "depth": 11, "nonlin": "GELU", "class": "ScriptableLM", "table": "embedding", "store": np.float32,
           "pooling": "mean", "normalize": False, "limit": 512}


def make_checkpoint(folder, layers):
    checkpoint.WIDTH, checkpoint.HEADS, checkpoint.LAYERS, checkpoint.POSITIONS = 768, 12, layers, 512
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.write_weights(folder, checkpoint.weights_of(np.random.default_rng(1), OPTIONS), OPTIONS)
    checkpoint.write_files(folder, ROOT / "test/models/bert-mean", OPTIONS)


def dense_text(text):
    """Each tree as the product with all its neurons, the activation, and the product with what they add."""
    value = re.compile(r"lm\.param @(\S+\.tree\.values) : tensor<(\d+)x(\d+)xf32> = #lm\.transpose<(.*)>$", re.M)
    text = value.sub(r"lm.param @\1 : tensor<\3x\2xf32> = \4", text)
    tree = re.compile(r"(%[\w#]+) = lm\.neuron_tree (%[\w#]+), (@\S+) bias (@\S+) to (@\S+) {kind = +gelu}.*: \((tensor<(.*)x\d+xf32>)\) -> (\S+)")
    neurons = re.search(r"\.tree\.bias : tensor<(\d+)xf32>", text)[1]

    def dense(found):
        result, x, weight, bias, values, before, rows, after = found.groups()
        wide, name = f"tensor<{rows}x{neurons}xf32>", result[1:]
        return (f"%up{name} = lm.linear {x}, {weight} bias {bias} : ({before}) -> {wide}\n"
                f"    %h{name} = lm.activation %up{name} {{kind = gelu}} : {wide}\n"
                f"    {result} = lm.linear %h{name}, {values} : ({wide}) -> {after}")
    text, count = tree.subn(dense, text)
    if not count:
        sys.exit("models.py: found no tree in the module")
    return text


def compile_both(lmopt, folder, layers):
    make_checkpoint(folder / "checkpoint", layers)
    trees, dense = folder / "trees", folder / "dense"
    for module in (trees, dense):  # the folder has the tokenizer, too
        subprocess.run([lmopt, "import", "-q", folder / "checkpoint", "-o", module], check=True)
    (dense / "model.mlir").write_text(dense_text((trees / "model.mlir").read_text()))
    for module in (trees, dense):
        subprocess.run([lmopt, "compile", "-q", module / "model.mlir", "--recipe", "f32", "-o", f"{module}.so"], check=True)


def bench(lmopt, artifact, threads, profile):
    options = [lmopt, "bench", artifact, "-t", str(threads), "-r", "3", "--format", "json"] + (["--profile"] if profile else [])
    return json.loads(subprocess.run(options, check=True, capture_output=True, text=True).stdout)


def is_block(row):
    """Steps of a feed-forward block: the tree, or the two products and what is between."""
    return "neuron_tree" in row["kernel"] or "4095" in row["kernel"]


def block_share(runs, phase):
    rows = [row for row in runs[0]["profile"]["rows"] if row["phase"] == phase]
    return sum(row["ms"] for row in rows if is_block(row)) / sum(row["ms"] for row in rows)


def table(results):
    lines = ["| batch x tokens | trees | dense | ratio | share of the blocks' time, trees / dense |", "|---|---|---|---|---|"]
    for phase in ("1x16", "1x128", "32x128"):
        trees, dense = (max(run[phase] for run in results[name]) for name in ("trees", "dense"))
        shares = " / ".join(f"{100 * block_share(results[name], phase):.1f} %" for name in ("trees", "dense"))
        lines.append(f"| {phase} | {trees:.4g} | {dense:.4g} | **{trees / dense:.1f}** | {shares} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lmopt")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--keep", action="store_true", help="takes what is in the folder already")
    arguments = parser.parse_args()
    if not arguments.keep:
        compile_both(arguments.lmopt, arguments.folder, arguments.layers)
    results = {"trees": [], "dense": []}
    for round_ in range(arguments.rounds):
        for name, runs in results.items():
            runs.append(bench(arguments.lmopt, arguments.folder / f"{name}.so", arguments.threads, round_ == 0))
    print(table(results))


if __name__ == "__main__":
    main()
