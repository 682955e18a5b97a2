#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny fixtures of the decoder families beside Llama, Mistral and Qwen2 (Hugging Face folders with random weights) and what
transformers computes from them; make_decoders_gguf.py and make_mixtures_gguf.py make GGUF files of some.

Usage: make_decoders.py OUT_DIR [NAME...]. Needs torch, transformers, tokenizers, safetensors.
"""
import json
import pathlib
import sys

import torch
import transformers

import common
import mixtures

SPECIAL = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
GPT2 = dict(SPECIAL, n_embd=48, n_head=3, n_layer=2, n_positions=128, n_inner=72, vocab_size=301)
NEOX = dict(SPECIAL, hidden_size=64, num_attention_heads=2, num_hidden_layers=2, intermediate_size=72, max_position_embeddings=128,
            vocab_size=301, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25})
OPT = dict(SPECIAL, hidden_size=48, num_attention_heads=3, num_hidden_layers=2, ffn_dim=72, max_position_embeddings=128, vocab_size=301)
LLAMA = dict(SPECIAL, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, intermediate_size=72, num_hidden_layers=2, vocab_size=301,
             max_position_embeddings=128, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75, "original_max_position_embeddings": 16,
            "long_factor": [1.0 + 0.5 * i for i in range(12)], "short_factor": [1.0 + 0.0625 * i for i in range(12)]}

MIXTRAL = dict(LLAMA, hidden_size=64, intermediate_size=32, num_local_experts=4, num_experts_per_tok=2)
QWEN3MOE = dict(LLAMA, hidden_size=48, head_dim=32, num_attention_heads=2, num_key_value_heads=1, moe_intermediate_size=24, num_experts=6,
                num_experts_per_tok=2)
# Experts one after another: torch's grouped products take no fp64.
ROUTED = {"draw": mixtures.draw, "load": {"experts_implementation": "eager"}}

GEMMA = dict(SPECIAL, hidden_size=48, num_attention_heads=2, num_key_value_heads=1, head_dim=16, intermediate_size=72, num_hidden_layers=2,
             vocab_size=301, max_position_embeddings=128)
# Three heads: slopes of two and one between.
BLOOM = dict(SPECIAL, hidden_size=48, n_head=3, n_layer=2, vocab_size=301)
WINDOWS = {"lengths": [1, 5, 8, 9, 40]}

# name: (class, config, options)
MODELS = {
    "gpt2-tied": ("GPT2LMHeadModel", GPT2, {}),
    "openaigpt-tied": ("OpenAIGPTLMHeadModel", dict(SPECIAL, n_embd=48, n_head=3, n_layer=2, n_positions=128, vocab_size=301),
                       {"tokenizer_class": "OpenAIGPTTokenizer"}),
    "gptneo-local": ("GPTNeoForCausalLM", dict(SPECIAL, hidden_size=48, num_heads=3, num_layers=2, intermediate_size=72, vocab_size=301,
                                               max_position_embeddings=128, window_size=8, attention_types=[[["global", "local"], 1]]),
                     {"lengths": [1, 5, 8, 9, 40]}),
    "gptneox-parallel": ("GPTNeoXForCausalLM", NEOX, {}),
    "opt-tied": ("OPTForCausalLM", OPT, {}),
    "opt-norms-last": ("OPTForCausalLM", dict(OPT, do_layer_norm_before=False, word_embed_proj_dim=32, num_hidden_layers=1, enable_bias=False), {}),
    "bloom-tied": ("BloomForCausalLM", BLOOM, {}),
    "phi3-fused": ("Phi3ForCausalLM", dict(LLAMA, tie_word_embeddings=False), {}),
    # Rotary positions depend on the length of the sequence, as in llama-rope-longrope.
    "phi3-longrope": ("Phi3ForCausalLM", dict(LLAMA, num_attention_heads=3, num_key_value_heads=1, hidden_size=96, max_position_embeddings=64,
                                              original_max_position_embeddings=16, tie_word_embeddings=True, rope_parameters=LONGROPE),
                      {"lengths": [8, 12, 16, 17, 40]}),
    # One layer: a code of int8 that flips moves a normed branch as a whole.
    "olmo2-norms": ("Olmo2ForCausalLM", dict(LLAMA, tie_word_embeddings=False, num_hidden_layers=1), {}),
    "granite-tied": ("GraniteForCausalLM", dict(LLAMA, tie_word_embeddings=True, embedding_multiplier=12.0, residual_multiplier=0.22,
                                                attention_multiplier=0.0625, logits_scaling=2.0), {}),
    "smollm3-tied": ("SmolLM3ForCausalLM", dict(LLAMA, hidden_size=48, num_attention_heads=3, num_key_value_heads=1, intermediate_size=56,
                                                num_hidden_layers=4, rope_parameters={"rope_type": "default", "rope_theta": 2000000.0}), {}),
    # Windows of 5 to 8 positions: prompts below, at and above.
    "mistral-window": ("MistralForCausalLM", dict(LLAMA, hidden_size=48, num_attention_heads=3, num_key_value_heads=1, sliding_window=8,
                                                  tie_word_embeddings=True), WINDOWS),
    "qwen3-norms": ("Qwen3ForCausalLM", dict(LLAMA, hidden_size=48, head_dim=32, num_attention_heads=2, num_key_value_heads=1,
                                             tie_word_embeddings=True), {}),
    "qwen3-windows": ("Qwen3ForCausalLM", dict(LLAMA, hidden_size=64, head_dim=32, num_attention_heads=2, num_key_value_heads=1,
                                               use_sliding_window=True, sliding_window=8, max_window_layers=1, tie_word_embeddings=False),
                      WINDOWS),
    "mixtral-experts": ("MixtralForCausalLM", dict(MIXTRAL, tie_word_embeddings=False), ROUTED),
    # The tensors as transformers has them in memory; a width that no vector register divides; three of five experts, a window.
    "mixtral-stacked": ("MixtralForCausalLM", dict(MIXTRAL, hidden_size=48, num_attention_heads=3, num_key_value_heads=1, intermediate_size=20,
                                                   num_local_experts=5, num_experts_per_tok=3, sliding_window=8, tie_word_embeddings=True),
                        dict(ROUTED, **WINDOWS, save={"save_original_format": False})),
    "qwen3moe-dense": ("Qwen3MoeForCausalLM", dict(QWEN3MOE, mlp_only_layers=[0], norm_topk_prob=False, tie_word_embeddings=False), ROUTED),
    "qwen3moe-norms": ("Qwen3MoeForCausalLM", dict(QWEN3MOE, norm_topk_prob=True, tie_word_embeddings=True), ROUTED),
    "olmoe-shares": ("OlmoeForCausalLM", dict(LLAMA, num_key_value_heads=4, intermediate_size=32, num_experts=4, num_experts_per_tok=2,
                                              tie_word_embeddings=False), ROUTED),
    "gemma-tied": ("GemmaForCausalLM", GEMMA, {}),
    "gemma2-caps": ("Gemma2ForCausalLM", dict(GEMMA, sliding_window=8, query_pre_attn_scalar=16, attn_logit_softcapping=3.0,
                                              final_logit_softcapping=4.0), WINDOWS),
    "gemma3-windows": ("Gemma3ForCausalLM", dict(GEMMA, sliding_window=5, query_pre_attn_scalar=16,
                                                 layer_types=["sliding_attention", "full_attention"],
                                                 rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0},
                                                                  "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}),
                       WINDOWS),
}


def randomize(model):
    """As common.randomize, by what a module is: names differ from family to family. Norms of one lie around one."""
    with torch.no_grad():
        for path, module in model.named_modules():
            kind = type(module).__name__
            for name, value in module.named_parameters(recurse=False):
                if isinstance(module, torch.nn.Embedding):
                    value.normal_(0, 0.2)
                elif "Norm" in kind and name == "weight":
                    value.normal_(0 if kind.startswith("Gemma") else 1, 0.2)
                elif kind.endswith("TopKRouter"):
                    value.normal_(0, mixtures.ROUTER_GAIN / value.shape[1] ** 0.5)
                elif value.dim() == 3:  # experts, each of which is [outputs, inputs]
                    value.normal_(0, 1 / value.shape[2] ** 0.5)
                elif value.dim() == 2:
                    peaked = any(part in path for part in ("q_proj", "k_proj", "c_attn", "query_key_value", "qkv_proj"))
                    inputs = value.shape[0] if kind == "Conv1D" else value.shape[1]
                    value.normal_(0, (1.6 if peaked else 1.0) / inputs ** 0.5)
                else:
                    value.normal_(0, 0.3)


def write_tokenizer(folder, size, name):
    own = name == "OpenAIGPTTokenizer"
    tokenizer = common.word_end_tokenizer(size) if own else common.byte_level_tokenizer("smollm", size)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    roles = {"unk_token": "<unk>", "eos_token": "<|end|>"} if own else {"bos_token": "<|end|>", "eos_token": "<|end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **roles}) + "\n")
    return tokenizer


def make(name, folder):
    architecture, settings, options = MODELS[name]
    rng = common.seeded(name)
    family = getattr(transformers, architecture)
    model = family(family.config_class(**settings)).eval()
    randomize(model)
    model.tie_weights()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.to(torch.float16).save_pretrained(folder, **options.get("save", {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    # The rounded weights, read back, are the model; all computing is fp32.
    model = family.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **options.get("load", {})).eval()
    tokenizer = write_tokenizer(folder, settings["vocab_size"], options.get("tokenizer_class", "PreTrainedTokenizerFast"))
    expected = common.decoder_cases(model, rng, options.get("lengths", [1, 2, 7, 17, 33]), 8, tokenizer, options.get("draw"))
    if "draw" in options:
        mixtures.check(model, expected)
    expected.write(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size / 1000:.0f} kB, tolerance {expected.json['tolerance']}, largest {expected.json['largest']:.3f}")


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for wanted in sys.argv[2:] or MODELS:
        make(wanted, out / wanted)
