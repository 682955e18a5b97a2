#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixtures gguf/{mixtral,mixtral-blocks,qwen3moe,olmoe}: those of make_decoders.py as llama.cpp's converter writes them.

Mixtral has the architecture `llama` there. Experts are stacked, [EXPERT, OUT, IN]; in gguf/mixtral-blocks each has tensors of its own, as the
first converters wrote them, in Q8_0, and the expectations are of those numbers. Routers are F32.
llama.cpp (0.3.36 of llama-cpp-python) finds the same logits in the stacked ones: it differs by 0.013, 0.007 and 0.011, of 4.0, 3.7 and 4.0, in which its
halves of the cache and its activations show; it no longer reads tensors of single experts.
Usage: make_mixtures_gguf.py MODELS_DIR [NAME...]. Needs gguf, numpy, torch, transformers, tokenizers and the models of make_decoders.py.
"""
import json
import pathlib
import re
import shutil
import sys

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from gguf_tokenizer import add_vocabulary
from make_decoders_gguf import LLAMA, add_llama, neighbours
from make_qat import read_safetensors
from tokenizers import Tokenizer

import common
import mixtures

NAMES = {**LLAMA, "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate": "ffn_gate_inp",
         "block_sparse_moe.gate": "ffn_gate_inp"}
EXPERT = re.compile(r"model\.layers\.(\d+)\.\w+\.experts\.(\d+)\.(\w+)\.weight")
PARTS = {"w1": "gate", "w3": "up", "w2": "down", "gate_proj": "gate", "up_proj": "up", "down_proj": "down"}
# folder: (architecture, source, how experts stand)
FIXTURES = {"mixtral": ("llama", "mixtral-experts", "stacked"), "mixtral-blocks": ("llama", "mixtral-experts", "each"),
            "qwen3moe": ("qwen3moe", "qwen3moe-norms", "stacked"), "olmoe": ("olmoe", "olmoe-shares", "stacked")}


def dense_name(name):
    part, _, kind = name.rpartition(".")
    if not part.startswith("model.layers."):
        return f"{NAMES[part]}.{kind}"
    number, part = part[len("model.layers."):].split(".", 1)
    return f"blk.{number}.{NAMES[part]}.{kind}"


def expert_tensors(experts, way):
    """(layer, part) -> matrices in order, as (name, numbers) of a file."""
    for (layer, part), matrices in sorted(experts.items()):
        if way == "each":
            yield from ((f"blk.{layer}.ffn_{part}.{number}.weight", matrix) for number, matrix in enumerate(matrices))
        else:
            yield f"blk.{layer}.ffn_{part}_exps.weight", np.stack(matrices)


def split(tensors):
    dense, experts = {}, {}
    for name, value in tensors.items():
        if found := EXPERT.fullmatch(name):
            layer, number, part = found.groups()
            experts.setdefault((int(layer), PARTS[part]), {})[int(number)] = value
        else:
            dense[name] = value
    return dense, {key: [matrices[i] for i in range(len(matrices))] for key, matrices in experts.items()}


def add_dense(writer, architecture, config, dense):
    for name, value in dense.items():
        if architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            value = neighbours(value, config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"])
        is_matrix = value.ndim == 2 and "ffn_gate_inp" not in dense_name(name)
        writer.add_tensor(dense_name(name), value.astype(np.float16 if is_matrix else np.float32))


def add_experts(writer, experts, way):
    for name, value in expert_tensors(experts, way):
        if way == "each":
            writer.add_tensor(name, gguf.quants.quantize(value.astype(np.float32), Type.Q8_0), raw_dtype=Type.Q8_0)
        else:
            writer.add_tensor(name, value.astype(np.float16))


def write(architecture, source, way, path):
    config = json.loads((source / "config.json").read_text())
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name(f"tiny {path.parent.name}")
    add_llama(writer, architecture, config)
    writer.add_expert_count(config.get("num_local_experts") or config["num_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    if architecture == "qwen3moe":
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    add_vocabulary(writer, Tokenizer.from_file(str(source / "tokenizer.json")))
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    dense, experts = split(read_safetensors(source / "model.safetensors"))
    add_dense(writer, architecture, config, dense)
    add_experts(writer, experts, way)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expect_blocks(source, folder):
    """Of the experts' numbers as Q8_0 has them."""
    model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager",
                                                              experts_implementation="eager").eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if ".experts." in name:
                blocks = gguf.quants.quantize(value.numpy(), Type.Q8_0)
                value.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, Type.Q8_0)))
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    expected = common.decoder_cases(model, common.seeded(folder.name), [1, 2, 7, 17, 33], 8, tokenizer, mixtures.draw)
    mixtures.check(model, expected)
    expected.write(folder)


def main():
    models = pathlib.Path(sys.argv[1])
    for name, (architecture, source, way) in FIXTURES.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        source, folder = models / source, models / "gguf" / name
        folder.mkdir(parents=True, exist_ok=True)
        write(architecture, source, way, folder / "model.gguf")
        if way == "each":
            expect_blocks(source, folder)
        else:
            for file in ("expected.bin", "expected.json"):
                shutil.copy(source / file, folder / file)
        print(f"gguf/{folder.name}", sum(path.stat().st_size for path in folder.iterdir()) // 1000, "kB")


if __name__ == "__main__":
    main()
