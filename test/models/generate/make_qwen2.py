#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixtures qwen2-bias, gguf-qwen2-bias and mistral-tied: decoders of Llama's shape under other names.

qwen2-bias: random weights with biases on queries, keys and values; gguf-qwen2-bias: the same in a GGUF file, as llama.cpp's converter writes it
(heads as they are). What they compute NumPy says, in float32 and float64, from the definition of transformers' modeling_qwen2.py; the same
code is first held against what PyTorch computed for llama-tied. mistral-tied: llama-tied re-labelled, with its expectations; it is no
checkpoint of that family, but computes what one would.
Usage: make_qwen2.py MODELS_DIR. Needs numpy, gguf, tokenizers and MODELS_DIR/llama-tied.
"""
import json
import pathlib
import shutil
import sys
import zlib

import gguf
import numpy as np
from gguf_tokenizer import add_vocabulary
from make_qat import read_safetensors, write_safetensors
from tokenizers import Tokenizer

CONFIG = {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "silu",
          "hidden_size": 64, "initializer_range": 0.02, "intermediate_size": 72, "max_position_embeddings": 128, "max_window_layers": 2,
          "model_type": "qwen2", "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
          "rope_scaling": None, "rope_theta": 1000000.0, "sliding_window": 32, "tie_word_embeddings": True, "torch_dtype": "float32",
          "transformers_version": "4.47.0", "use_cache": True, "use_sliding_window": False}
LENGTHS, NEW_TOKENS = [1, 2, 7, 33, 64], 8


class Model:
    """Llama's shape in one type of floats; biases where the checkpoint has them."""

    def __init__(self, tensors, config, dtype):
        self.tensors = {name: value.astype(dtype) for name, value in tensors.items()}
        self.config, self.dtype = config, dtype

    def linear(self, name, x):
        y = x @ self.tensors[name + ".weight"].T
        return y + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else y

    def norm(self, name, x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.dtype(self.config["rms_norm_eps"])) * self.tensors[name + ".weight"]

    def turned(self, x):
        """Rotary positions of [tokens, heads, width]: halves of a head are the two parts of a number."""
        half = x.shape[-1] // 2
        base = self.config.get("rope_theta") or self.config["rope_parameters"]["rope_theta"]
        angles = np.arange(len(x))[:, None, None] * base ** (-np.arange(half) / half)
        cos, sin = np.cos(angles).astype(self.dtype), np.sin(angles).astype(self.dtype)
        return np.concatenate([x[..., :half] * cos - x[..., half:] * sin, x[..., half:] * cos + x[..., :half] * sin], -1)

    def attention(self, layer, x):
        heads, shared = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        q, k, v = (self.linear(f"{layer}.self_attn.{part}_proj", x).reshape(len(x), count, -1)
                   for part, count in (("q", heads), ("k", shared), ("v", shared)))
        q, k, v = self.turned(q), self.turned(k).repeat(heads // shared, 1), v.repeat(heads // shared, 1)
        scores = np.einsum("ihd,jhd->hij", q, k) / self.dtype(np.sqrt(q.shape[-1]))
        scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return self.linear(f"{layer}.self_attn.o_proj", np.einsum("hij,jhd->ihd", p, v).reshape(len(x), -1))

    def run(self, ids):
        x = self.tensors["model.embed_tokens.weight"][ids]
        for number in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{number}"
            x = x + self.attention(layer, self.norm(f"{layer}.input_layernorm", x))
            h = self.norm(f"{layer}.post_attention_layernorm", x)
            gate = self.linear(f"{layer}.mlp.gate_proj", h)
            x = x + self.linear(f"{layer}.mlp.down_proj", gate / (1 + np.exp(-gate)) * self.linear(f"{layer}.mlp.up_proj", h))
        head = self.tensors.get("lm_head.weight", self.tensors["model.embed_tokens.weight"])
        return self.norm("model.norm", x) @ head.T

    def greedy(self, ids):
        ids, tokens, margins = list(ids), [], []
        for _ in range(NEW_TOKENS):
            last = self.run(ids)[-1]
            second, best = np.argsort(last)[-2:]
            tokens.append(int(best))
            margins.append(round(float(last[best] - last[second]), 5))
            ids.append(int(best))
        return tokens, margins


def check_with_pytorch(folder):
    config, expected = json.loads((folder / "config.json").read_text()), json.loads((folder / "expected.json").read_text())
    numbers = np.frombuffer((folder / "expected.bin").read_bytes(), "<f4")
    model = Model(read_safetensors(folder / "model.safetensors"), config, np.float64)
    for case in expected["cases"]:
        wanted = numbers[case["offset"]:][:len(case["rows"]) * expected["width"]].reshape(len(case["rows"]), -1)
        assert np.abs(model.run(case["ids"])[case["rows"]] - wanted).max() < expected["tolerance"], case["ids"]


def random_tensors(rng, vocabulary):
    width, ffn, heads, shared = (CONFIG[name] for name in ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"))
    head = width // heads
    matrix = lambda rows, columns, gain=1.0: rng.normal(0, gain / columns ** 0.5, (rows, columns))  # noqa: E731
    tensors = {"model.embed_tokens.weight": rng.normal(0, 0.2, (vocabulary, width)), "model.norm.weight": rng.normal(1, 0.2, width)}
    for number in range(CONFIG["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        for part, rows, gain in (("q", heads * head, 1.6), ("k", shared * head, 1.6), ("v", shared * head, 1.0)):
            tensors[f"{layer}self_attn.{part}_proj.weight"] = matrix(rows, width, gain)
            tensors[f"{layer}self_attn.{part}_proj.bias"] = rng.normal(0, 0.3, rows)
        tensors[layer + "self_attn.o_proj.weight"] = matrix(width, heads * head)
        for part, rows, columns in (("gate", ffn, width), ("up", ffn, width), ("down", width, ffn)):
            tensors[f"{layer}mlp.{part}_proj.weight"] = matrix(rows, columns)
        for part in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{layer}{part}.weight"] = rng.normal(1, 0.2, width)
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def expectations(tensors, rng, vocabulary, tokenizer_cases):
    fp32, fp64 = Model(tensors, CONFIG, np.float32), Model(tensors, CONFIG, np.float64)
    data, cases, largest, error = b"", [], 0.0, 0.0
    for length in LENGTHS:
        ids = rng.integers(0, vocabulary, length).tolist()
        value, exact = fp32.run(ids), fp64.run(ids)
        rows = sorted({row for row in (0, 1, 2, 15, 16, 31, 47, 63, length - 2, length - 1) if 0 <= row < length})
        tokens, margins = fp64.greedy(ids)
        cases.append({"ids": ids, "rows": rows, "offset": len(data) // 4, "greedy": tokens, "margins": margins})
        data += exact[rows].astype("<f4").tobytes()
        largest, error = max(largest, float(np.abs(exact).max())), max(error, float(np.abs(value - exact).max()))
    tolerance = float(f"{16 * max(error, largest * 2.0 ** -24):.3g}")
    return {"kind": "decoder", "tolerance": tolerance, "largest": largest, "cases": cases, "width": vocabulary,
            "tokenizer": tokenizer_cases}, data


def write_expected(folder, expected, data):
    (folder / "expected.bin").write_bytes(data)
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf8")


NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_name(name):
    part, _, kind = name.rpartition(".")
    if part.startswith("model.layers."):
        number, part = part[len("model.layers."):].split(".", 1)
        return f"blk.{number}.{NAMES[part]}.{kind}"
    return f"{NAMES[part]}.{kind}"


def write_gguf(path, tensors, tokenizer):
    writer = gguf.GGUFWriter(str(path), "qwen2")
    writer.add_name("tiny qwen2")
    writer.add_context_length(CONFIG["max_position_embeddings"])
    writer.add_embedding_length(CONFIG["hidden_size"])
    writer.add_block_count(CONFIG["num_hidden_layers"])
    writer.add_feed_forward_length(CONFIG["intermediate_size"])
    writer.add_head_count(CONFIG["num_attention_heads"])
    writer.add_head_count_kv(CONFIG["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(CONFIG["rms_norm_eps"])
    writer.add_rope_freq_base(CONFIG["rope_theta"])
    add_vocabulary(writer, tokenizer)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    for name, value in tensors.items():
        writer.add_tensor(gguf_name(name), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_mistral(models):
    folder, base = models / "mistral-tied", models / "llama-tied"
    shutil.copytree(base, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config.update(architectures=["MistralForCausalLM"], model_type="mistral", sliding_window=None)
    for name in ("attention_bias", "mlp_bias", "pretraining_tp", "rope_interleaved"):
        config.pop(name, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    models = pathlib.Path(sys.argv[1])
    base = models / "llama-tied"
    check_with_pytorch(base)
    make_mistral(models)
    rng = np.random.default_rng(zlib.crc32(b"qwen2"))
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    vocabulary = json.loads((base / "config.json").read_text())["vocab_size"]
    tensors = random_tensors(rng, vocabulary)
    expected, data = expectations(tensors, rng, vocabulary, json.loads((base / "expected.json").read_text())["tokenizer"])
    folder, other = models / "qwen2-bias", models / "gguf-qwen2-bias"
    for path in (folder, other):
        path.mkdir(exist_ok=True)
        write_expected(path, expected, data)
    (folder / "config.json").write_text(json.dumps({**CONFIG, "vocab_size": vocabulary}, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        if (base / name).exists():
            shutil.copy(base / name, folder / name)
    write_safetensors(folder / "model.safetensors", tensors)
    write_gguf(other / "model.gguf", tensors, tokenizer)


if __name__ == "__main__":
    main()
