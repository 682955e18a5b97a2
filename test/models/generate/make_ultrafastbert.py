#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the UltraFastBERT fixtures (random weights) and the vectors that NumPy computes from the definition of their makers' classes.

The model is that of pbelcak/UltraFastBERT (crammed_bert.py, components.py, embeddings.py, attention.py, fff.py) and the layer at its leaves
that of pbelcak/fastfeedforward (fff.py, eval_forward), written down here as they read there: every neuron of a tree is computed, and a map of
those on the way multiplies the others with zero. In float32 and in float64. Token ids are such that no node decides by a number near to zero:
another order of sums, or bf16, must not take another way. The vectors were compared once with those of the makers' classes themselves in
PyTorch, also of padded batches: they agree to 1e-6, and all names of tensors do.
Usage: make_ultrafastbert.py MODELS_DIR [NAME...]. Needs NumPy and MODELS_DIR/bert-mean, whose tokenizer the fixtures have.
"""
import json
import math
import pathlib
import shutil
import sys
import zlib

import numpy as np

from make_qat import write_safetensors

BASE = "bert-mean"
LENGTHS, TEXTS = [1, 2, 3, 5, 8, 13], 3
MARGIN = 0.02  # of numbers with a spread of 1
f32 = np.float32
erf = np.vectorize(math.erf)
ACTIVATIONS = {"GELU": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, "ReLU": lambda x: np.maximum(x, 0), "SiLU": lambda x: x / (1 + np.exp(-x))}
# `kind`: intermed_type; `size`: trees or neurons of a leaf; `class`: of transformers; `table`: which of the two equal ones is in the file.
MODELS = {
    "ultrafastbert-1x3": {"kind": "fff", "size": 1, "depth": 3, "nonlin": "GELU", "class": "ScriptableLMForPreTraining", "table": "both",
                          "store": f32, "pooling": "mean", "normalize": True, "limit": 24},
    "ultrafastbert-3x2": {"kind": "fff", "size": 3, "depth": 2, "nonlin": "GELU", "class": "ScriptableLM", "table": "embedding",
                          "store": np.float16, "pooling": "mean", "normalize": False, "limit": 40, "factors": [0.25, 0.375]},
    "ultrafastbert-leaves": {"kind": "fastfeedforward", "size": 5, "depth": 2, "nonlin": "ReLU", "class": "ScriptableLMForPreTraining",
                             "table": "decoder", "store": f32, "pooling": "cls", "normalize": False, "limit": 24},
}
WIDTH, HEADS, LAYERS, VOCABULARY, POSITIONS, EPS = 48, 3, 2, 251, 40, 1e-12


def config_of(options):
    """config.json as crammedBertConfig is saved, with the settings of crammed-bert-fff.yaml."""
    arch = {"architectures": ["ScriptableCrammedBERT"], "num_transformer_layers": LAYERS, "intermed_type": options["kind"],
            "hidden_size": WIDTH, "intermed_size": options["size"], "intermed_depth": options["depth"], "hidden_dropout_prob": 0.1,
            "norm": "LayerNorm", "norm_eps": EPS, "norm_scheme": "pre", "nonlin": options["nonlin"], "tie_weights": True,
            "decoder_bias": False, "sparse_prediction": 0.25, "loss": "cross-entropy", "objective_layout": "MLM",
            "embedding": {"vocab_size": VOCABULARY, "pos_embedding": "scaled-sinusoidal", "dropout_prob": 0.1, "pad_token_id": 0,
                          "max_seq_length": POSITIONS, "embedding_dim": WIDTH, "normalization": True, "stable_low_precision": False},
            "attention": {"type": "self-attention", "causal_attention": False, "num_attention_heads": HEADS, "dropout_prob": 0.1,
                          "skip_output_projection": False, "qkv_bias": False, "rotary_embedding": False, "seq_op_in_fp32": False,
                          "sequence_op": "torch-softmax"},
            "init": {"type": "normal", "std": 0.02}, "ffn_layer_frequency": 1, "skip_head_transform": True, "use_bias": False,
            "final_norm": True, "num_labels": None,
            "classification_head": {"pooler": "avg", "include_ff_layer": True, "head_dim": 1024, "nonlin": "Tanh", "classifier_dropout": 0.1}}
    if options["kind"] == "fastfeedforward":
        arch.update(dropout=0.0, train_hardened=True, region_leak=0.1, usage_mode="hard")
    return {"arch": arch, "architectures": [options["class"]], "model_type": "crammedBERT", "torch_dtype": "float32",
            "transformers_version": "4.34.0"}


def norm_weights(random, name):
    return {name + ".weight": random.normal(1, 0.2, WIDTH), name + ".bias": random.normal(0, 0.3, WIDTH)}


def tree_weights(random, ffn, options):
    """linear_in and linear_out of fff.py: the neurons of tree 0, then those of tree 1, ..."""
    depth, trees = options["depth"], options["size"]
    nodes = trees * (2 ** (depth + 1) - 1)
    return {ffn + "linear_in.weight": random.normal(0, WIDTH**-0.5, (nodes, WIDTH)), ffn + "linear_in.bias": random.normal(0, 0.3, nodes),
            ffn + "linear_out.weight": random.normal(0, (trees * (depth + 1)) ** -0.5, (WIDTH, nodes))}


def leaf_weights(random, ffn, options):
    """The parameters of fastfeedforward's FFF, with the depth, which is one of them, and what it counts while it is trained."""
    leaves, neurons = 2 ** options["depth"], options["size"]
    nodes, small = leaves - 1, WIDTH**-0.5
    return {ffn + "depth": np.array(options["depth"], np.int64), ffn + "node_weights": random.normal(0, small, (nodes, WIDTH)),
            ffn + "node_biases": random.normal(0, 0.3, (nodes, 1)), ffn + "w1s": random.normal(0, small, (leaves, WIDTH, neurons)),
            ffn + "b1s": random.normal(0, 0.3, (leaves, neurons)), ffn + "w2s": random.normal(0, neurons**-0.5, (leaves, neurons, WIDTH)),
            ffn + "b2s": random.normal(0, 0.3, (leaves, WIDTH)), ffn + "node_usage": random.uniform(0, 9, nodes),
            ffn + "leaf_usage": random.uniform(0, 9, leaves)}


def layer_weights(random, number, options):
    layer = f"layers.{number}."
    qkv = random.normal(0, WIDTH**-0.5, (HEADS, 3, WIDTH // HEADS, WIDTH))
    qkv[:, :2] *= 1.6  # attention that is peaked shows a wrong row
    factor = options.get("factors", [(WIDTH // HEADS) ** -0.5] * LAYERS)[number]
    ffn = tree_weights if options["kind"] == "fff" else leaf_weights
    return {layer + "attn.self_attention.query_key_value.weight": qkv.reshape(3 * WIDTH, WIDTH),
            layer + "attn.self_attention.norm_factor": np.array(factor),
            layer + "attn.dense.weight": random.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)), **norm_weights(random, layer + "norm1"),
            **norm_weights(random, layer + "norm2"), **ffn(random, layer + "ffn.", options)}


def weights_of(random, options):
    weights = {"embedding.word_embedding.weight": random.normal(0, 0.2, (VOCABULARY, WIDTH)),
               "embedding.pos_embedding.scale_factor": np.array([0.3]), **norm_weights(random, "embedding.norm"),
               **norm_weights(random, "final_norm")}
    for number in range(LAYERS):
        weights.update(layer_weights(random, number, options))
    return {name: value if value.dtype == np.int64 else value.astype(options["store"]) for name, value in weights.items()}


class Model:
    def __init__(self, weights, options):
        self.weights, self.options, self.margin = weights, options, 1.0

    def tensor(self, name, dtype):
        return self.weights[name].astype(dtype)

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + x.dtype.type(EPS))
        return y * self.tensor(name + ".weight", x.dtype) + self.tensor(name + ".bias", x.dtype)

    def positions(self, count, dtype):
        """SinusoidalPositional: sines at even places, cosines at odd ones."""
        position = np.arange(count, dtype=dtype)[:, None]
        term = np.exp(np.arange(0, WIDTH, 2).astype(dtype) * dtype(-math.log(10000.0) / WIDTH))
        table = np.zeros((count, WIDTH), dtype)
        table[:, 0::2], table[:, 1::2] = np.sin(position * term), np.cos(position * term)
        return self.tensor("embedding.pos_embedding.scale_factor", dtype) * table

    def attention(self, name, x):
        """Each head has its rows of queries, keys and values one behind the other."""
        mixed = x @ self.tensor(name + "self_attention.query_key_value.weight", x.dtype).T
        q, k, v = np.split(mixed.reshape(len(x), HEADS, 3 * WIDTH // HEADS), 3, axis=2)
        scores = np.einsum("ihd,jhd->hij", q, k) * self.tensor(name + "self_attention.norm_factor", x.dtype)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return np.einsum("hij,jhd->ihd", p, v).reshape(x.shape) @ self.tensor(name + "dense.weight", x.dtype).T

    def activation(self, x):
        return ACTIVATIONS[self.options["nonlin"]](x).astype(x.dtype)

    def decided(self, logits):
        self.margin = min(self.margin, float(np.abs(logits).min()))
        return logits

    def trees(self, ffn, x):
        depth, trees = self.options["depth"], self.options["size"]
        logits = x @ self.tensor(ffn + "linear_in.weight", x.dtype).T + self.tensor(ffn + "linear_in.bias", x.dtype)
        shape = (len(x), trees, 2 ** (depth + 1) - 1)
        activations, logits = self.activation(logits).reshape(shape), logits.reshape(shape)
        rows, columns = np.arange(len(x))[:, None], np.arange(trees)[None]
        visited, node = np.zeros(shape, x.dtype), np.zeros((len(x), trees), int)
        visited[rows, columns, node] = 1
        for level in range(depth):
            moves = (self.decided(logits[rows, columns, node]) > 0).astype(int)
            node = (node - (2**level - 1)) * 2 + moves + (2 ** (level + 1) - 1)
            visited[rows, columns, node] = 1
        return (activations * visited).reshape(len(x), -1) @ self.tensor(ffn + "linear_out.weight", x.dtype).T

    def leaves(self, ffn, x):
        weights, biases = self.tensor(ffn + "node_weights", x.dtype), self.tensor(ffn + "node_biases", x.dtype)
        depth, node = self.options["depth"], np.zeros(len(x), int)
        for level in range(depth):
            score = self.decided((x * weights[node]).sum(-1) + biases[node, 0])
            node = (node - (2**level - 1)) * 2 + (score >= 0) + (2 ** (level + 1) - 1)
        w1s, b1s, w2s, b2s = (self.tensor(ffn + name, x.dtype) for name in ("w1s", "b1s", "w2s", "b2s"))
        # b2s is added as training_forward does, and eval_forward up to version 0.2.0; that of 0.2.1 has lost the line.
        leaf = node - (2**depth - 1)
        return np.stack([self.activation(row @ w1s[n] + b1s[n]) @ w2s[n] + b2s[n] for row, n in zip(x, leaf)])

    def run(self, ids, dtype):
        x = self.tensor("embedding.word_embedding.weight", dtype)[ids] + self.positions(len(ids), dtype)
        x = self.norm("embedding.norm", x)
        ffn = self.trees if self.options["kind"] == "fff" else self.leaves
        for number in range(LAYERS):
            layer = f"layers.{number}."
            x = x + self.attention(layer + "attn.", self.norm(layer + "norm1", x))
            x = x + ffn(layer + "ffn.", self.norm(layer + "norm2", x))
        x = self.norm("final_norm", x)
        vector = x.mean(0) if self.options["pooling"] == "mean" else x[0]
        return vector / np.sqrt((vector**2).sum()) if self.options["normalize"] else vector


def compute(model, ids):
    """float32 and float64 vectors, or nothing when a way is not certain."""
    model.margin = 1.0
    fp64 = model.run(ids, np.float64)
    return (model.run(ids, f32), fp64) if model.margin > MARGIN else None


def find_cases(model, base, random):
    found = []
    for length in LENGTHS:
        draws = ({"ids": random.integers(5, VOCABULARY, length).tolist()} for _ in range(100000))
        found.append(next((case, vectors) for case in draws if (vectors := compute(model, case["ids"]))))
    texts = [{"ids": case["ids"], "text": case["text"]} for case in base["cases"] if case.get("text")]
    return found + [(case, vectors) for case in texts if (vectors := compute(model, case["ids"]))][:TEXTS]


def write_weights(folder, weights, options):
    """In the layout of the class: behind a prefix, and one table under two names."""
    prefix = "" if options["class"] == "ScriptableLM" else "encoder."
    tensors = {prefix + name: value for name, value in weights.items()}
    table = prefix + "embedding.word_embedding.weight"
    if options["table"] != "embedding":
        tensors["decoder.weight"] = tensors[table]
    if options["table"] == "decoder":
        del tensors[table]
    write_safetensors(folder / "model.safetensors", tensors)


def write_files(folder, base, options):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, folder / name)
    (folder / "config.json").write_text(json.dumps(config_of(options), indent=1) + "\n")
    if options["limit"] == POSITIONS:
        return  # a bare encoder: the mean, not normalized, as long as the positions reach
    stages = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if options["normalize"] else [])
    modules = [{"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
               for index, (path, kind) in enumerate(stages)]
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": options["pooling"] == "cls",
               "pooling_mode_mean_tokens": options["pooling"] == "mean", "pooling_mode_max_tokens": False}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules, indent=1) + "\n")
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=1) + "\n")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": options["limit"], "do_lower_case": False}, indent=1) + "\n")


def make(models, name):
    options, folder, random = MODELS[name], models / name, np.random.default_rng(zlib.crc32(name.encode()))
    folder.mkdir(exist_ok=True)
    weights = weights_of(random, options)
    write_weights(folder, weights, options)
    write_files(folder, models / BASE, options)
    base = json.loads((models / BASE / "expected.json").read_text())
    cases, vectors = zip(*find_cases(Model(weights, options), base, random))
    largest = max(float(np.abs(double).max()) for _, double in vectors)
    error = max(float(np.abs(single - double).max()) for single, double in vectors)
    for number, case in enumerate(cases):
        case["offset"] = number * WIDTH
    expected = {"kind": "encoder", "tolerance": float(f"{16 * max(error, largest * 2.0**-24):.3g}"), "largest": largest,
                "cases": list(cases), "width": WIDTH, "limit": options["limit"], "tokenizer": base["tokenizer"]}
    (folder / "expected.bin").write_bytes(np.concatenate([single for single, _ in vectors]).astype("<f4").tobytes())
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf8")
    print(f"{name}: {len(cases)} cases, tolerance {expected['tolerance']}")


if __name__ == "__main__":
    for wanted in sys.argv[2:] or MODELS:
        make(pathlib.Path(sys.argv[1]), wanted)
