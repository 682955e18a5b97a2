#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny Llama fixtures (Hugging Face folders with random weights) and what transformers computes from them.

Each is hostile to a code generator in its own way: head widths 16, 32, 64, 80, head_dim * heads != width, one kv head, head
counts that are no power of two, a vocabulary and FFN widths that are no multiple of 16, all storage types, shards, and all
RoPE scaling variants. Usage: make_llama.py OUT_DIR [NAME...]. Needs torch, transformers, tokenizers, safetensors.
"""
import json
import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import common

BASE = dict(hidden_size=48, num_attention_heads=3, num_key_value_heads=1, head_dim=16, intermediate_size=72, num_hidden_layers=2,
            vocab_size=301, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=True, attention_bias=False,
            mlp_bias=False, bos_token_id=0, eos_token_id=0, pad_token_id=None)
ROPE = dict(hidden_size=64, num_attention_heads=1, num_key_value_heads=1, head_dim=64, intermediate_size=40, vocab_size=269,
            num_hidden_layers=1)
LONGROPE = {"rope_type": "longrope", "factor": 4.0, "long_factor": [1.0 + 0.5 * i for i in range(16)],
            "short_factor": [1.0 + 0.0625 * i for i in range(16)], "original_max_position_embeddings": 16}
CHAT = ("{% for message in messages %}{{ '<|end|>' + message['role'] + '\n' + message['content'] | trim + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|end|>assistant\n' }}{% endif %}")

# name: (config, storage, options). `old`: config.json as transformers 4 wrote it (rope_theta, rope_scaling, torch_dtype).
MODELS = {
    "llama-tied": (dict(BASE), "float32", {"tokenizer": "smollm"}),
    "llama-untied-bias": (dict(BASE, hidden_size=96, head_dim=32, attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
                               num_hidden_layers=1, vocab_size=275), "float16", {"old": True, "tokenizer": "llama3"}),
    "llama-head-dim": (dict(BASE, hidden_size=40, num_attention_heads=5, num_key_value_heads=5, head_dim=32, num_hidden_layers=1,
                            rms_norm_eps=1e-6, vocab_size=267), "bfloat16", {"tokenizer": "gpt2"}),
    "llama-head-80": (dict(BASE, num_attention_heads=3, num_key_value_heads=3, head_dim=80, intermediate_size=100, vocab_size=263,
                           num_hidden_layers=1, hidden_act="gelu_pytorch_tanh"), "float16", {"old": True}),
    "llama-gqa-9-3": (dict(BASE, hidden_size=72, num_attention_heads=9, num_key_value_heads=3, intermediate_size=88,
                           num_hidden_layers=1, vocab_size=257), "float16", {}),
    "llama-sharded": (dict(BASE, num_hidden_layers=3, vocab_size=259, tie_word_embeddings=False), "bfloat16", {"shards": "40KB"}),
    "llama-rope-linear": (dict(BASE, **ROPE), "float16", {"rope": {"rope_type": "linear", "factor": 4.0}, "old": True}),
    "llama-rope-dynamic": (dict(BASE, **ROPE), "float16", {"rope": {"rope_type": "dynamic", "factor": 2.0}}),
    "llama-rope-llama3": (dict(BASE, **ROPE), "float16", {
        "rope": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                 "original_max_position_embeddings": 64, "rope_theta": 500000.0}, "old": True}),
    "llama-rope-yarn": (dict(BASE, **ROPE), "float16", {
        "rope": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}}),
    # Sequences of more than 16 tokens are turned by the long factors from their first token on. Two layers: what the upper one
    # keeps depends on how the lower one was turned.
    "llama-rope-longrope": (dict(BASE, **dict(ROPE, num_attention_heads=2, head_dim=32, num_hidden_layers=2,
                                              max_position_embeddings=64)), "float16",
                            {"rope": LONGROPE, "lengths": [8, 12, 16, 17, 40], "perplexity": [16, 17, 40]}),
}


def to_old_style(path, rope):
    """config.json as transformers 4 wrote it, which is what most folders in the world look like."""
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"} or None
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.47.0"
    path.write_text(json.dumps(config, indent=2) + "\n")


def make(name, folder):
    settings, storage, options = MODELS[name]
    rng = common.seeded(name)
    rope = dict(options.get("rope", {}))
    config = LlamaConfig(**settings, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, **rope})
    model = LlamaForCausalLM(config).eval()
    common.randomize(model)
    model.tie_weights()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.to(getattr(torch, storage)).save_pretrained(folder, max_shard_size=options.get("shards", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if options.get("old"):
        to_old_style(folder / "config.json", rope)
    # The rounded weights, read back, are the model; all computing is fp32.
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = common.byte_level_tokenizer(options.get("tokenizer", "gpt2"), settings["vocab_size"])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|end|>", "eos_token": "<|end|>", "chat_template": CHAT}) + "\n")
    lengths = options.get("lengths", [3, 80] if rope else [1, 2, 7, 17, 33])
    expected = common.decoder_cases(model, rng, lengths, 8, tokenizer)
    if "perplexity" in options:
        expected.json["perplexity"] = common.perplexities(model, tokenizer, options["perplexity"])
        expected.json["continuation"] = common.continuation(model, tokenizer, "The dog barked", 30)
    expected.write(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for wanted in sys.argv[2:] or MODELS:
        make(wanted, out / wanted)
