#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixture gguf/mixtral-k: a tiny Mixtral as a file in Q4_K_M, and what transformers computes with the numbers of the file.

Experts are stacks [EXPERT, OUT, IN], gates and ups in Q4_K, downs in Q6_K; all matrices are random blocks (k_blocks.py), the router F32.
Usage: make_mixtral_k.py MODELS_DIR. Needs gguf, numpy, torch, transformers, tokenizers.
"""
import pathlib
import sys

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf_tokenizer import add_vocabulary
from k_blocks import random_k_blocks
from make_decoders import MIXTRAL, randomize
from make_decoders_gguf import add_llama
from make_mixtures_gguf import dense_name
from transformers import MixtralConfig, MixtralForCausalLM

import common
import mixtures

SETTINGS = dict(MIXTRAL, hidden_size=256, num_attention_heads=4, num_key_value_heads=1, intermediate_size=256, num_hidden_layers=1,
                num_local_experts=3, vocab_size=259, tie_word_embeddings=True)
KINDS = {"attn_v": Type.Q6_K, "token_embd": Type.Q6_K, "ffn_down": Type.Q6_K}


def kind_of(name):
    return next((kind for part, kind in KINDS.items() if part in name), Type.Q4_K)


def add_blocks(writer, rng, name, shape):
    """A tensor of that shape; its numbers."""
    kind = kind_of(name)
    blocks = random_k_blocks(rng, (int(np.prod(shape[:-1])), shape[-1]), kind)
    numbers = np.array(gguf.quants.dequantize(blocks, kind), np.float32).reshape(shape)
    writer.add_tensor(name, blocks.reshape(*shape[:-1], -1), raw_dtype=kind)
    return numbers


def halves(value, heads):
    """Rows of each head as transformers has them, whose parts of a number lie beside each other in the file."""
    return value.reshape(heads, len(value) // heads // 2, 2, -1).swapaxes(1, 2).reshape(value.shape)


def write_tensors(writer, rng, model):
    """Puts the numbers of the file into the model."""
    heads = {"q_proj": SETTINGS["num_attention_heads"], "k_proj": SETTINGS["num_key_value_heads"]}
    for name, value in model.named_parameters():
        shape = tuple(value.shape)
        if name.endswith("experts.gate_up_proj"):
            half = (shape[0], shape[1] // 2, shape[2])
            numbers = np.concatenate([add_blocks(writer, rng, f"blk.0.ffn_{part}_exps.weight", half) for part in ("gate", "up")], 1)
        elif name.endswith("experts.down_proj"):
            numbers = add_blocks(writer, rng, "blk.0.ffn_down_exps.weight", shape)
        elif value.ndim == 1 or name.endswith("gate.weight"):
            numbers = value.numpy().astype(np.float32)
            writer.add_tensor(dense_name(name), numbers)
        else:
            numbers = add_blocks(writer, rng, dense_name(name), shape)
            count = heads.get(name.split(".")[-2])
            numbers = halves(numbers, count) if count else numbers
        value.copy_(torch.from_numpy(np.ascontiguousarray(numbers)))


def write(path, model, tokenizer, rng):
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny mixtral-k")
    add_llama(writer, "llama", model.config.to_dict())
    writer.add_expert_count(SETTINGS["num_local_experts"])
    writer.add_expert_used_count(SETTINGS["num_experts_per_tok"])
    add_vocabulary(writer, tokenizer)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    write_tensors(writer, rng, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1]) / "gguf" / "mixtral-k"
    folder.mkdir(parents=True, exist_ok=True)
    rng = common.seeded(folder.name)
    config = MixtralConfig(**SETTINGS)
    config._attn_implementation, config._experts_implementation = "eager", "eager"
    model = MixtralForCausalLM(config).eval()
    randomize(model)
    model.tie_weights()
    tokenizer = common.byte_level_tokenizer("smollm", SETTINGS["vocab_size"])
    with torch.no_grad():
        write(folder / "model.gguf", model, tokenizer, rng)
    expected = common.decoder_cases(model, rng, [1, 2, 7, 17, 33], 8, tokenizer, mixtures.draw)
    mixtures.check(model, expected)
    expected.write(folder)
    print(f"{folder.name}: {sum(path.stat().st_size for path in folder.iterdir()) // 1000} kB, tolerance {expected.json['tolerance']}")


if __name__ == "__main__":
    main()
