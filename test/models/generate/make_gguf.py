#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes tiny Llama models as GGUF files, one for each tensor format, with tokenizer metadata, and what transformers computes.

Weights are quantized by the Python package `gguf`, read back by it, and put into a transformers model; so the expectation
holds for the file as it is. K-quants, which the package only reads, are random blocks of a sensible size. GGUF keeps the rows
of Q and K of each head interleaved, Hugging Face in halves; both orders are made here. Every file is also run by llama.cpp, an
independent reader, which must find the same (its own arithmetic is coarser for quantized files).
Usage: make_gguf.py OUT_DIR [NAME...]. Needs torch, transformers, tokenizers, gguf, llama-cpp-python.
"""
import ctypes
import pathlib
import sys

import gguf
import llama_cpp
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from transformers import LlamaConfig, LlamaForCausalLM

import common
from gguf_tokenizer import add_vocabulary
from k_blocks import KINDS as K_QUANTS, random_k_blocks

BASE = dict(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=96, num_hidden_layers=1,
            vocab_size=277, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=0,
            eos_token_id=0, pad_token_id=None)
WIDE = dict(BASE, hidden_size=256, num_attention_heads=4, num_key_value_heads=1, head_dim=64, intermediate_size=256,
            vocab_size=259)
# name: (config, types: default and exceptions by a part of the tensor's name, options)
MODELS = {
    "gguf-f32": (dict(BASE, vocab_size=261), {"": Type.F32}, {}),
    "gguf-f16": (dict(BASE), {"": Type.F16}, {"scaling": {"rope_type": "linear", "factor": 2.0}}),
    "gguf-bf16": (dict(BASE), {"": Type.BF16}, {}),
    "gguf-q8_0": (dict(BASE, tie_word_embeddings=False), {"": Type.Q8_0}, {}),
    "gguf-q4_0": (dict(BASE), {"": Type.Q4_0, "token_embd": Type.Q8_0}, {}),
    "gguf-q4_1": (dict(BASE), {"": Type.Q4_1, "token_embd": Type.Q8_0}, {}),
    "gguf-q5_0": (dict(BASE), {"": Type.Q5_0}, {}),
    "gguf-q5_1": (dict(BASE), {"": Type.Q5_1}, {}),
    "gguf-k": (WIDE, {"": Type.Q4_K, "attn_v": Type.Q6_K, "ffn_down": Type.Q6_K, "attn_output": Type.Q5_K, "ffn_up": Type.Q5_K,
                      "token_embd": Type.Q6_K}, {}),
    "gguf-rope-freqs": (dict(BASE, num_attention_heads=1, num_key_value_heads=1, head_dim=64), {"": Type.Q8_0},
                        {"scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                     "original_max_position_embeddings": 32}}),
}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm"}
CHAT = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"


def gguf_name(name):
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in fixed:
        return fixed[name]
    _, _, layer, inner = name.split(".", 3)
    return f"blk.{layer}.{NAMES[inner.removesuffix('.weight')]}.weight"


def interleave(weight, heads):
    """Rows of each head from halves (i, i + d/2) to pairs (2i, 2i+1)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def halve(weight, heads):
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def kind_of(name, value, types):
    if value.ndim == 1:
        return Type.F32
    return next((kind for part, kind in types.items() if part and part in name), types[""])


def write(path, model, types, scaling, tokenizer, rng):
    """Writes the file; puts the weights as the file holds them into `model`."""
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny " + path.stem)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    if scaling.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    if scaling.get("rope_type") == "llama3":  # llama.cpp's converter keeps this as a tensor of divisors
        plain = config.rope_parameters["rope_theta"] ** -(np.arange(0, config.head_dim, 2, dtype=np.float64) / config.head_dim)
        writer.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq.double().numpy()).astype(np.float32))
    add_tokenizer(writer, tokenizer)
    state = model.state_dict()
    for name, tensor in state.items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        value, kind = tensor.float().numpy(), kind_of(gguf_name(name), tensor, types)
        value = interleave(value, heads) if heads else value
        k_quant = kind in K_QUANTS
        data = random_k_blocks(rng, value.shape, kind) if k_quant else gguf.quants.quantize(np.ascontiguousarray(value), kind)
        writer.add_tensor(gguf_name(name), data, raw_dtype=kind)
        decoded = np.array(gguf.quants.dequantize(data, kind), dtype=np.float32).reshape(value.shape)
        state[name] = torch.from_numpy(np.ascontiguousarray(halve(decoded, heads) if heads else decoded))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)


def add_tokenizer(writer, tokenizer):
    add_vocabulary(writer, tokenizer)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT)


def run_llama_cpp(path, ids):
    """Logits of all positions."""
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 256
    context = llama_cpp.llama_init_from_model(model, params)
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for index, token in enumerate(ids):
        batch.token[index], batch.pos[index], batch.n_seq_id[index] = token, index, 1
        batch.seq_id[index][0], batch.logits[index] = 0, 1
    assert llama_cpp.llama_decode(context, batch) == 0
    width = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits(context), shape=(len(ids), width)).copy()
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return logits


def check_with_llama_cpp(name, path, expected, tokenizer):
    """Logits agree within what 8-bit activations and half-precision caches of llama.cpp explain; tokens exactly."""
    stored = np.frombuffer(bytes(expected.data), "<f4")
    worst = 0.0
    for case in expected.json["cases"]:
        rows = case["rows"]
        mine = stored[case["offset"]:case["offset"] + len(rows) * expected.json["width"]].reshape(len(rows), -1)
        worst = max(worst, float(np.abs(run_llama_cpp(path, case["ids"])[rows] - mine).max()))
    assert worst < 0.05 * expected.json["largest"], (name, worst)
    vocabulary = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    for entry in expected.json["tokenizer"]:
        ids = vocabulary.tokenize(entry["text"].encode(), add_bos=False, special=True)
        assert ids == entry["ids"] == tokenizer.encode(entry["text"]).ids, (name, entry["text"], ids, entry["ids"])
    return worst


def make(name, folder):
    settings, types, options = MODELS[name]
    rng = common.seeded(name)
    scaling = options.get("scaling", {})
    config = LlamaConfig(**settings, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, **scaling})
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).eval()
    common.randomize(model)
    model.tie_weights()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.gguf"
    tokenizer = common.byte_level_tokenizer("smollm", settings["vocab_size"])
    write(path, model, types, scaling, tokenizer, rng)
    expected = common.decoder_cases(model, rng, [1, 2, 19, 40], 8, tokenizer)
    expected.write(folder)
    worst = check_with_llama_cpp(name, path, expected, tokenizer)
    print(f"{name}: {sum(entry.stat().st_size for entry in folder.iterdir()) / 1000:.0f} kB; llama.cpp differs by {worst:.2g} "
          f"of {expected.json['largest']:.3g}, tolerance {expected.json['tolerance']}")


if __name__ == "__main__":
    QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(QUIET, ctypes.c_void_p(0))
    out = pathlib.Path(sys.argv[1])
    for wanted in sys.argv[2:] or MODELS:
        make(wanted, out / wanted)
