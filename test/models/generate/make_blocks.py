#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixture gguf-blocks: Llama in the block formats of GGUF that the Python package gguf reads and no other fixture has.

Q2_K, Q3_K, IQ4_NL, IQ4_XS and MXFP4, width 256, a head of its own. The blocks are random bytes with scales of a sensible size, so every
bit pattern of codes occurs; what they decode to the package says, and what the model computes NumPy (make_qwen2.py's Model, which is
first held against what PyTorch computed for llama-tied).
Usage: make_blocks.py MODELS_DIR. Needs numpy, gguf, tokenizers and MODELS_DIR/llama-tied.
"""
import json
import pathlib
import sys
import zlib

import gguf
import make_qwen2
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf_tokenizer import add_vocabulary
from tokenizers import Tokenizer

CONFIG = {"hidden_size": 256, "intermediate_size": 256, "max_position_embeddings": 128, "num_attention_heads": 4, "num_hidden_layers": 1,
          "num_key_value_heads": 1, "rms_norm_eps": 1e-05, "rope_theta": 10000.0}
WIDTH, FFN, HEADS, KV_HEADS, HEAD = 256, 256, 4, 1, 64
# Of each part: format and rows; columns are the width but for `down`.
LAYER = {"self_attn.q_proj": (Type.IQ4_NL, WIDTH), "self_attn.k_proj": (Type.Q2_K, KV_HEADS * HEAD), "self_attn.v_proj": (Type.Q3_K, KV_HEADS * HEAD),
         "self_attn.o_proj": (Type.MXFP4, WIDTH), "mlp.gate_proj": (Type.IQ4_XS, FFN), "mlp.up_proj": (Type.Q2_K, FFN), "mlp.down_proj": (Type.Q3_K, WIDTH)}
# Where the halves lie in a block, and the scale that gives a standard deviation of about 1/16.
SCALES = {Type.Q2_K: ([80, 82], 4.5e-3), Type.Q3_K: ([108], 1.45e-3), Type.IQ4_NL: ([0], 8.6e-4), Type.IQ4_XS: ([0], 4.6e-5)}


def random_blocks(rng, rows, columns, kind):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * columns // block, size), dtype=np.uint8)
    if kind == Type.MXFP4:
        blocks[:, 0] = rng.integers(120, 123, len(blocks))
        return blocks.reshape(rows, -1)
    places, scale = SCALES[kind]
    for place, factor in zip(places, (1, 1.5)):  # the minima of q2_k: so that the mean is near 0
        halves = (factor * scale * (1 + rng.random(len(blocks)))).astype("<f2")
        blocks[:, place:place + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def halve(weight, heads):
    """Rows of each head from pairs (2i, 2i+1), as GGUF has them, to halves (i, i + d/2)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def add_settings(writer):
    writer.add_name("tiny gguf-blocks")
    writer.add_context_length(CONFIG["max_position_embeddings"])
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(CONFIG["num_hidden_layers"])
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(CONFIG["rms_norm_eps"])
    writer.add_rope_freq_base(CONFIG["rope_theta"])


def main():
    models = pathlib.Path(sys.argv[1])
    base, folder = models / "llama-tied", models / "gguf-blocks"
    make_qwen2.check_with_pytorch(base)
    make_qwen2.CONFIG, make_qwen2.LENGTHS = CONFIG, [1, 2, 19, 40]
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(b"gguf-blocks"))
    vocabulary = json.loads((base / "config.json").read_text())["vocab_size"]
    writer = gguf.GGUFWriter(str(folder / "model.gguf"), "llama")
    add_settings(writer)
    add_vocabulary(writer, Tokenizer.from_file(str(base / "tokenizer.json")))
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    tensors = {}

    def add_matrix(name, file_name, kind, rows, columns, heads=0):
        data = random_blocks(rng, rows, columns, kind)
        writer.add_tensor(file_name, data, raw_dtype=kind)
        value = np.array(gguf.quants.dequantize(data, kind), dtype=np.float32).reshape(rows, columns)
        tensors[name] = halve(value, heads) if heads else value

    def add_norm(name, file_name):
        tensors[name] = rng.normal(1, 0.2, WIDTH).astype(np.float32)
        writer.add_tensor(file_name, tensors[name])

    add_matrix("model.embed_tokens.weight", "token_embd.weight", Type.Q2_K, vocabulary, WIDTH)
    add_matrix("lm_head.weight", "output.weight", Type.IQ4_XS, vocabulary, WIDTH)
    add_norm("model.norm.weight", "output_norm.weight")
    for number in range(CONFIG["num_hidden_layers"]):
        for part, (kind, rows) in LAYER.items():
            heads = {"self_attn.q_proj": HEADS, "self_attn.k_proj": KV_HEADS}.get(part, 0)
            add_matrix(f"model.layers.{number}.{part}.weight", f"blk.{number}.{make_qwen2.NAMES[part]}.weight", kind, rows,
                       FFN if part == "mlp.down_proj" else WIDTH, heads)
        for part in ("input_layernorm", "post_attention_layernorm"):
            add_norm(f"model.layers.{number}.{part}.weight", f"blk.{number}.{make_qwen2.NAMES[part]}.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    cases = json.loads((base / "expected.json").read_text())["tokenizer"]
    make_qwen2.write_expected(folder, *make_qwen2.expectations(tensors, rng, vocabulary, cases))


if __name__ == "__main__":
    main()
