#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixtures gguf/{gpt2,gptneox,bloom,phi3,olmo2,granite,smollm3,qwen3,gemma,gemma2,gemma3}: those of make_decoders.py as llama.cpp's converter writes them, with their
expectations. What it does to tensors: GPT-2's matrices are turned the usual way round; GPT-NeoX's and BLOOM's queries, keys and values come one after
the other; heads of Granite and SmolLM3 have the two parts of each number beside each other; weights of
Gemma's norms are one greater. llama.cpp takes GELU by tanh whatever the
checkpoint says: gguf/gptneox has expectations of its own, of the checkpoint with gelu_new.
Usage: make_decoders_gguf.py MODELS_DIR [ARCHITECTURE...]. Needs gguf, numpy, torch, transformers, tokenizers and the models of make_decoders.py.
"""
import json
import math
import pathlib
import shutil
import sys

import gguf
import numpy as np
import torch
from gguf_tokenizer import add_vocabulary
from make_qat import read_safetensors
from tokenizers import Tokenizer
from transformers import GPTNeoXForCausalLM

import common

LLAMA = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
NAMES = {
    "gpt2": {"transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm", "ln_1": "attn_norm",
             "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"},
    "gptneox": {"gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output", "input_layernorm": "attn_norm",
                "post_attention_layernorm": "ffn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
                "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
    "bloom": {"transformer.word_embeddings": "token_embd", "transformer.word_embeddings_layernorm": "token_embd_norm",
              "transformer.ln_f": "output_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
              "self_attention.query_key_value": "attn_qkv", "self_attention.dense": "attn_output",
              "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
    "phi3": {**LLAMA, "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
    "olmo2": {**LLAMA, "post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm",
              "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"},
    "granite": LLAMA, "smollm3": LLAMA, "gemma": LLAMA,
    "qwen3": {**LLAMA, "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"},
}
NAMES["gemma2"] = NAMES["gemma3"] = {**NAMES["olmo2"], "pre_feedforward_layernorm": "ffn_norm"}
SOURCES = {"gpt2": "gpt2-tied", "gptneox": "gptneox-parallel", "bloom": "bloom-tied", "phi3": "phi3-longrope", "olmo2": "olmo2-norms", "granite": "granite-tied",
           "smollm3": "smollm3-tied", "qwen3": "qwen3-norms", "gemma": "gemma-tied", "gemma2": "gemma2-caps", "gemma3": "gemma3-windows"}


def tensor_name(architecture, name):
    part, _, kind = name.rpartition(".")
    for layers in ("transformer.h.", "gpt_neox.layers.", "model.layers."):
        if part.startswith(layers):
            number, part = part[len(layers):].split(".", 1)
            return f"blk.{number}.{NAMES[architecture][part]}.{kind}"
    return f"{NAMES[architecture][part]}.{kind}"


def neighbours(value, heads):
    """Rows of each head: the two parts of a number beside each other."""
    return value.reshape(heads, 2, len(value) // heads // 2, -1).swapaxes(1, 2).reshape(value.shape)


def converted(architecture, config, name, value):
    part = name.rpartition(".")[0]
    if architecture == "gpt2" and value.ndim == 2 and part.split(".")[-1] in ("c_attn", "c_proj", "c_fc"):
        return np.ascontiguousarray(value.T)
    if part.endswith("query_key_value"):
        heads = config["num_attention_heads" if architecture == "gptneox" else "n_head"]
        return value.reshape(heads, 3, len(value) // heads // 3, -1).swapaxes(0, 1).reshape(value.shape)
    if architecture in ("granite", "smollm3") and part.endswith(("q_proj", "k_proj")):
        return neighbours(value, config["num_attention_heads" if part.endswith("q_proj") else "num_key_value_heads"])
    if architecture.startswith("gemma") and part.endswith("norm"):
        return value.astype(np.float32) + 1
    return value


def add_gpt(writer, architecture, config):
    gpt2 = architecture == "gpt2"
    writer.add_context_length(config["n_positions" if gpt2 else "max_position_embeddings"])
    writer.add_embedding_length(config["n_embd" if gpt2 else "hidden_size"])
    writer.add_block_count(config["n_layer" if gpt2 else "num_hidden_layers"])
    writer.add_feed_forward_length(config["n_inner" if gpt2 else "intermediate_size"])
    writer.add_head_count(config["n_head" if gpt2 else "num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon" if gpt2 else "layer_norm_eps"])
    if not gpt2:
        part = config["rope_parameters"]["partial_rotary_factor"]
        writer.add_rope_dimension_count(int(part * config["hidden_size"] // config["num_attention_heads"]))
        writer.add_parallel_residual(config["use_parallel_residual"])


def add_bloom(writer, architecture, config):
    writer.add_context_length(config.get("seq_length", 2048))
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(4 * config["hidden_size"])
    writer.add_head_count(config["n_head"])
    writer.add_head_count_kv(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])


def add_llama(writer, architecture, config):
    heads, rope = config["num_attention_heads"], config["rope_parameters"]
    rope = rope.get("full_attention", rope)
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(int(rope.get("partial_rotary_factor", 1) * size))
    if size != config["hidden_size"] // heads:
        writer.add_key_length(size)
        writer.add_value_length(size)
    if architecture in ("gemma2", "gemma3"):
        writer.add_sliding_window(config["sliding_window"])
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if architecture == "gemma3":
        writer.add_uint32("gemma3.attention.sliding_window_pattern", 2)
        writer.add_float32("gemma3.rope.freq_base_swa", config["rope_parameters"]["sliding_attention"]["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if architecture == "granite":
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])
    if architecture == "phi3":
        original = config["original_max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(config["max_position_embeddings"] / original) / math.log(original)))
        for kind in ("long", "short"):
            writer.add_tensor(f"rope_factors_{kind}.weight", np.array(rope[f"{kind}_factor"], dtype=np.float32))


def write(architecture, source, path):
    config = json.loads((source / "config.json").read_text())
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name(f"tiny {architecture}")
    {"gpt2": add_gpt, "gptneox": add_gpt, "bloom": add_bloom}.get(architecture, add_llama)(writer, architecture, config)
    add_vocabulary(writer, Tokenizer.from_file(str(source / "tokenizer.json")))
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    for name, value in read_safetensors(source / "model.safetensors").items():
        value = converted(architecture, config, name, value)
        writer.add_tensor(tensor_name(architecture, name), value.astype(np.float16 if value.ndim == 2 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expect_tanh(source, folder):
    model = GPTNeoXForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager", hidden_act="gelu_new").eval()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    common.decoder_cases(model, common.seeded(folder.name), [1, 2, 7, 17, 33], 8, tokenizer).write(folder)


def main():
    models = pathlib.Path(sys.argv[1])
    for architecture, name in SOURCES.items():
        if sys.argv[2:] and architecture not in sys.argv[2:]:
            continue
        source, folder = models / name, models / "gguf" / architecture
        folder.mkdir(parents=True, exist_ok=True)
        write(architecture, source, folder / "model.gguf")
        if architecture == "gptneox":
            expect_tanh(source, folder)
        else:
            for file in ("expected.bin", "expected.json"):
                shutil.copy(source / file, folder / file)
        print(f"gguf/{folder.name}", sum(path.stat().st_size for path in folder.iterdir()) // 1000, "kB")


if __name__ == "__main__":
    main()
