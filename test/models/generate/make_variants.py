#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes variants.json and variants.bin: the fixtures with their JSON files written in other ways, and what the makers' libraries
make of them (logits and greedy tokens of transformers, ids and vectors of sentence-transformers).

A variant is a fixture and edits, which the C++ test (test/unit/models/VariantsTest.cpp) makes too:
  file: {field: value, ...}   fields replaced at the top level ("$delete": removed); the file may be new
  file: [...]                 a whole file that is a list
  file: {"$insert": text}     text put behind the first brace, for what Python's json writes and a parser does not
  file: "$delete"             the file removed;  "$file": {name: text, ...}  any other file
  "$tensors": {name: [of, factor]}   tensors of model.safetensors, each `factor` times another one; factor 0: removed
What lmopt does is said here, not asked of the oracle: the same numbers, the same numbers with a warning that contains `warns`, or a
refusal with an exit code and a message that contains `says` (`late`: when the graph is built, not when the configuration is read).
`oracle` tells what the library does with what lmopt refuses.
Usage: make_variants.py MODELS_DIR [FIXTURE...]. With names of fixtures, variants of these, of which there were none, are added behind the others, whose
numbers stay as they are. Needs torch, transformers, sentence-transformers.
"""
import json
import logging
import pathlib
import shutil
import sys
import tempfile
import warnings

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.utils import logging as transformers_logging

PROMPT = [(7 * i + 3) % 250 for i in range(80)]  # long enough for every rotary scaling to matter
TEXTS = ["The compiler reads a model and writes a library. " * 4, "Hello world"]
CONFIG, GENERATION, SETTINGS = "config.json", "generation_config.json", "sentence_bert_config.json"
MODEL, POOLING, TOKENIZER = "config_sentence_transformers.json", "1_Pooling/config.json", "tokenizer_config.json"
VARIANTS = []


def same(name, fixture, edits, warns=None):
    VARIANTS.append({"name": name, "of": fixture, "edits": edits, **({"warns": warns} if warns else {})})


def refused(name, fixture, edits, says, code=4, **more):
    VARIANTS.append({"name": name, "of": fixture, "edits": edits, "code": code, "says": says, **more})


def rope(**parameters):
    return {CONFIG: {"rope_parameters": None, "rope_scaling": parameters, "rope_theta": 10000.0}}


def llama():
    of = "llama-tied"
    same("nulls", of, {CONFIG: {name: None for name in (
        "rope_scaling", "rope_parameters", "head_dim", "sliding_window", "quantization_config", "pretraining_tp",
        "an_unknown_field", "eos_token_id", "cross_attention_hidden_size")}})
    same("harmless-fields", of, {CONFIG: {
        "is_decoder": True, "pretraining_tp": 2, "use_cache": False, "output_hidden_states": True,
        "chunk_size_feed_forward": 3, "attention_dropout": 0.5, "initializer_range": 0.5, "torch_dtype": "float16",
        "id2label": {"0": "a"}, "task_specific_params": {"x": {"temperature": 2.0}}, "pad_token_id": 5, "bos_token_id": 9,
        "sliding_window": 128, "layer_types": ["full_attention"] * 2, "partial_rotary_factor": 1, "unsloth_version": "2025.1",
        "tokenizer_class": "X", "transformers_version": "3.0", "architectures": ["LlamaForCausalLM"], "is_causal": True,
        "use_bidirectional_attention": False}})
    same("no-architectures", of, {CONFIG: {"architectures": "$delete"}})
    same("empty-architectures", of, {CONFIG: {"architectures": []}})
    same("python-json", of, {CONFIG: {"$insert": '"hidden_size": 8, "temperature": NaN, "top_p": -Infinity, "prefix": "NaN {\\" ,",'}})
    settings = {"repetition_penalty": 5.0, "suppress_tokens": [1, 2], "min_length": 40, "num_beams": 3}
    same("generation-in-both", of, {CONFIG: settings, GENERATION: {"eos_token_id": 0}})
    VARIANTS.append({"name": "generation-in-config", "of": of, "edits": {CONFIG: {"repetition_penalty": 3.0}},
                     "warns": "'repetition_penalty'", "differs": True})
    refused("generation-in-config-refused", of, {CONFIG: {"suppress_tokens": [1, 2]}}, "'suppress_tokens'")
    for kind in ("gelu_python", "gelu_accurate", "gelu_fast", "gelu_new", "relu"):
        same("act-" + kind, of, {CONFIG: {"hidden_act": kind}})

    same("rope-default-factor-1", of, rope(type="default", factor=1))
    same("rope-default-factor-4", of, rope(rope_type="default", factor=4.0), warns="'rope_scaling.factor' is ignored")
    same("rope-empty-scaling", of, {CONFIG: {"rope_scaling": {}, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}})
    same("rope-theta-inside", of, {CONFIG: {"rope_theta": 300.0, "rope_parameters": {"rope_type": "default", "rope_theta": 700.0}}})
    same("rope-theta-outside", of, {CONFIG: {"rope_theta": 300, "rope_parameters": {"rope_type": "default"}}})
    same("rope-both", of, {CONFIG: {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_theta": 900.0,
                                    "rope_parameters": {"rope_type": "default", "rope_theta": 55.0}}},
         warns="'rope_parameters' is ignored beside rope_scaling")
    same("rope-linear", of, rope(type="linear", factor=2))
    same("rope-type-and-rope-type", of, rope(type="dynamic", rope_type="linear", factor=2.0))
    same("rope-linear-with-beta", of, rope(rope_type="linear", factor=2.0, beta_fast=16), warns="'rope_scaling.beta_fast' is ignored")
    same("rope-llama3-outer-length", of, {CONFIG: {"original_max_position_embeddings": 32, "rope_parameters": None, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}})
    same("rope-yarn-null-factor", of, rope(rope_type="yarn", factor=None, original_max_position_embeddings=32))
    same("rope-yarn-mscale", of, rope(rope_type="yarn", factor=4.0, mscale=1.0, mscale_all_dim=0.5, original_max_position_embeddings=32))
    same("rope-yarn-betas", of, rope(rope_type="yarn", factor=4.0, beta_fast=8, beta_slow=2, original_max_position_embeddings=32))
    same("rope-yarn-beta-0", of, rope(rope_type="yarn", factor=4.0, beta_fast=0, original_max_position_embeddings=32))
    same("rope-yarn-attention", of, rope(rope_type="yarn", factor=4.0, attention_factor=1.5, original_max_position_embeddings=32))
    refused("rope-linear-no-factor", of, rope(rope_type="linear"), "'rope_scaling.factor': is missing", 3)
    refused("rope-llama3-no-bounds", of, rope(rope_type="llama3", factor=8.0), "'rope_scaling.low_freq_factor': is missing", 3)
    refused("rope-text-factor", of, rope(rope_type="linear", factor="2"), "'rope_scaling.factor': expected a number", 3)
    refused("rope-yarn-truncate", of, rope(rope_type="yarn", factor=4.0, truncate=False), "'rope_scaling.truncate'")
    refused("rope-partial", of, {CONFIG: {"partial_rotary_factor": 0.5}}, "'partial_rotary_factor': only 1 is supported")
    refused("rope-unknown-type", of, rope(rope_type="proportional"), "'proportional' is not supported")
    refused("rope-unknown-field", of, rope(rope_type="default", mrope_section=[2, 3, 3]), "'rope_scaling.mrope_section'")

    table, head = "model.embed_tokens.weight", "lm_head.weight"
    same("tied-equal-tables", of, {"$tensors": {head: [table, 1.0]}})
    same("tied-two-tables", of, {"$tensors": {head: [table, -0.5]}}, warns="tie_word_embeddings is true, but")
    same("tied-head-only", of, {"$tensors": {head: [table, 1.0], table: [table, 0]}})
    same("untied-two-tables", of, {CONFIG: {"tie_word_embeddings": False}, "$tensors": {head: [table, -0.5]}})
    refused("untied-without-head", of, {CONFIG: {"tie_word_embeddings": False}}, "'lm_head.weight'", 3, late=True)
    refused("tied-no-table", of, {"$tensors": {table: [table, 0]}}, "'model.embed_tokens.weight'", 3, late=True)

    refused("unknown-field", of, {CONFIG: {"residual_multiplier": 0.5}}, "'residual_multiplier': not known")
    refused("sliding-window", of, {CONFIG: {"sliding_window": 16}}, "'sliding_window': attention to a window of 16 of 128")
    refused("layer-types", of, {CONFIG: {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 128}}, "'layer_types'")
    refused("not-causal", of, {CONFIG: {"is_causal": False}}, "'is_causal'")
    refused("per-layer-config", of, {CONFIG: {"per_layer_config": {"0": {"intermediate_size": 8}}}}, "'per_layer_config': not known")
    refused("own-code", of, {CONFIG: {"auto_map": {"AutoModelForCausalLM": "modeling.Llama"}}}, "runs no code of a checkpoint")
    refused("other-weights-file", of, {CONFIG: {"transformers_weights": "other.safetensors"}}, "'transformers_weights'")
    refused("other-type", of, {CONFIG: {"model_type": "stablelm"}}, "model_type 'stablelm' is not supported")
    refused("other-architecture", of, {CONFIG: {"architectures": ["MistralForCausalLM"]}}, "architecture 'MistralForCausalLM'")
    refused("disagreeing", of, {CONFIG: {"architectures": ["BertModel"]}}, "is not of model_type 'llama'")
    refused("encoder-decoder", of, {CONFIG: {"is_encoder_decoder": True}}, "'is_encoder_decoder'")
    refused("pruned", of, {CONFIG: {"pruned_heads": {"0": [1]}}}, "'pruned_heads': only {} is supported")
    refused("float-for-integer", of, {CONFIG: {"num_hidden_layers": 2.0}}, "'num_hidden_layers': expected an integer", 3)
    refused("text-for-integer", of, {CONFIG: {"hidden_size": "48"}}, "'hidden_size': expected an integer", 3)
    refused("true-for-integer", of, {CONFIG: {"num_hidden_layers": True}}, "'num_hidden_layers': expected an integer", 3)
    refused("one-for-true", of, {CONFIG: {"tie_word_embeddings": 1}}, "'tie_word_embeddings': expected true or false", 3)
    refused("no-size", of, {CONFIG: {"vocab_size": None}}, "'vocab_size': is missing", 3)
    refused("unknown-act", of, {CONFIG: {"hidden_act": "mish"}}, "'hidden_act': 'mish' is not supported")
    for method, settings in {
            "bitsandbytes": {"load_in_4bit": True}, "fp8": {"activation_scheme": "dynamic"}, "mxfp4": {}, "torchao": {},
            "hqq": {}, "finegrained_fp8": {}, "quanto": {}, "aqlm": {}, "bitnet": {}}.items():
        refused("quantized-" + method, of, {CONFIG: {"quantization_config": {"quant_method": method, **settings}}},
                f"quantized by '{method}'")
    refused("quantized-mlx", of, {CONFIG: {"quantization": {"group_size": 64, "bits": 4}}}, "quantized by MLX")
    refused("adapter", of, {"$file": {"adapter_config.json": '{"peft_type": "LORA"}'}}, "merge_and_unload")
    refused("sentence-model-over-llama", of, {"modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}],
        POOLING: {"word_embedding_dimension": 48, "pooling_mode_lasttoken": True}}, "sentence models over a decoder")

    same("generation-harmless", of, {GENERATION: {
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "max_length": 4096,
        "do_sample": True, "transformers_version": "5.24.0", "_from_model_config": True, "cache_implementation": "dynamic",
        "repetition_penalty": 1.0, "num_beams": 1, "min_length": 0, "suppress_tokens": [], "no_repeat_ngram_size": 0}})
    same("generation-nulls", of, {GENERATION: {"bad_words_ids": None, "forced_eos_token_id": None, "stop_strings": None, "eos_token_id": 0}})
    # Greedy tokens of transformers would differ: that is what the warning says.
    VARIANTS.append({"name": "generation-penalty", "of": of, "edits": {GENERATION: {"repetition_penalty": 3.0, "eos_token_id": 0}},
                     "warns": "'repetition_penalty' is '3.0'", "differs": True})
    for field, value in {"suppress_tokens": [3], "begin_suppress_tokens": [3], "bad_words_ids": [[3]], "min_length": 100,
                         "min_new_tokens": 5, "no_repeat_ngram_size": 2, "forced_bos_token_id": 3, "forced_eos_token_id": 3,
                         "sequence_bias": [[[3], 5.0]], "exponential_decay_length_penalty": [1, 2.0], "guidance_scale": 2.0,
                         "encoder_repetition_penalty": 2.0, "token_healing": True, "stop_strings": ["a"], "an_unknown_field": 1}.items():
        refused("generation-" + field.replace("_", "-"), of, {GENERATION: {field: value, "eos_token_id": 0}}, f"'{field}'")


def modules(*types, **replace):
    names = {"Transformer": "base.modules.transformer", "Pooling": "sentence_transformer.modules.pooling",
             "Normalize": "base.modules.normalize", "Dropout": "sentence_transformer.modules.dropout", "Dense": "base.modules.dense",
             "LayerNorm": "sentence_transformer.modules.layer_norm", "Router": "base.modules.router"}
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    return {"modules.json": [{"idx": index, "name": str(index), "path": paths.get(kind, f"{index}_{kind}"),
                              "type": f"sentence_transformers.{names[kind]}.{kind}", **replace.get(kind, {})}
                             for index, kind in enumerate(types)]}


def bert(models):
    of = "bert-mean"
    saved = {}  # what the installed version itself writes
    with tempfile.TemporaryDirectory() as folder:
        SentenceTransformer(str(models / of), device="cpu").save(folder, create_model_card=False)
        for path in sorted(pathlib.Path(folder).rglob("*.json")):
            if path.name != "tokenizer.json":
                saved[str(path.relative_to(folder))] = path.read_text()
    same("as-saved-today", of, {"$file": saved})
    limit = json.loads(saved[TOKENIZER])["model_max_length"]
    assert "max_seq_length" not in json.loads(saved[SETTINGS]) and limit == 24, saved

    same("limit-of-tokenizer", of, {SETTINGS: {"max_seq_length": "$delete"}, TOKENIZER: {"model_max_length": 11}})
    same("limit-null", of, {SETTINGS: {"max_seq_length": None}, TOKENIZER: {"model_max_length": 12}})
    same("limit-null-everywhere", of, {SETTINGS: {"max_seq_length": None}, TOKENIZER: {"model_max_length": None}})
    same("limit-of-settings", of, {SETTINGS: {"max_seq_length": 13}, TOKENIZER: {"model_max_length": 7}})
    same("limit-above-positions", of, {SETTINGS: {"max_seq_length": "$delete"}, TOKENIZER: {"model_max_length": 512}})
    same("limit-huge", of, {SETTINGS: {"max_seq_length": "$delete"}, TOKENIZER: {"model_max_length": 1000000000000000019884624838656}})
    same("limit-infinite", of, {SETTINGS: {"max_seq_length": "$delete"}, TOKENIZER: {"$insert": '"model_max_length": Infinity,'}})
    same("limit-max-len", of, {SETTINGS: {"max_seq_length": "$delete"}, TOKENIZER: {"max_len": 10}})
    same("limit-of-arguments", of, {SETTINGS: {"tokenizer_args": {"model_max_length": 9, "trust_remote_code": True}}})
    same("limit-of-new-arguments", of, {SETTINGS: {"processor_kwargs": {"model_max_length": 8}}})
    same("limit-of-both-arguments", of, {SETTINGS: {"processor_kwargs": {"model_max_length": 8},
                                                    "tokenizer_args": {"model_max_length": 14}}})
    same("settings-roberta", of, {SETTINGS: "$delete", "sentence_roberta_config.json": {"max_seq_length": 15}})
    same("settings-empty-then-distilbert", of, {SETTINGS: {"max_seq_length": "$delete", "do_lower_case": "$delete"},
                                                "sentence_distilbert_config.json": {"max_seq_length": 16}})
    same("settings-lower-case", of, {SETTINGS: {"do_lower_case": True}})
    same("settings-arguments", of, {SETTINGS: {"model_args": {"add_pooling_layer": False, "attn_implementation": "eager"},
                                               "config_args": {"trust_remote_code": True}, "unpad_inputs": False,
                                               "processing_kwargs": {}, "query_length": None}})
    same("settings-modality", of, {SETTINGS: {
        "transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
        "modality_config": {"text": {"method_output_name": "last_hidden_state", "method": "forward"}}}})
    bare = {"modules.json": "$delete", TOKENIZER: {"model_max_length": 17}}
    same("bare-bert", of, bare)
    same("bare-bert-settings-do-not-count", of, {**bare, SETTINGS: {"max_seq_length": 5}, POOLING: {"pooling_mode_cls_token": True},
                                                 MODEL: {"prompts": {"q": "x"}, "default_prompt_name": "q"}})

    same("pooling-list-of-one", of, {POOLING: {"pooling_mode": ["cls"]}})
    same("pooling-name-counts", of, {POOLING: {"pooling_mode": "max"}})
    same("pooling-flags-off", of, {POOLING: {"pooling_mode_mean_tokens": False}})
    same("pooling-flags-0-1", of, {POOLING: {"pooling_mode_mean_tokens": 0, "pooling_mode_lasttoken": 1}})
    same("pooling-nulls", of, {POOLING: {"pooling_mode_max_tokens": None, "include_prompt": True}})
    same("pooling-square-root", of, {POOLING: {"pooling_mode_mean_tokens": False, "pooling_mode_mean_sqrt_len_tokens": True}})
    same("pooling-new-width", of, {POOLING: {"word_embedding_dimension": "$delete", "embedding_dimension": 48}})
    same("path-slash", of, modules("Transformer", "Pooling", "Normalize", Pooling={"path": "1_Pooling/"}))
    same("path-dot", of, modules("Transformer", "Pooling", Pooling={"path": "./1_Pooling"}, Transformer={"path": "."}))
    same("types-of-version-5", of, modules("Transformer", "Pooling", "Normalize", Normalize={
        "type": "sentence_transformers.sentence_transformer.modules.normalize.Normalize"}, Pooling={
            "type": "sentence_transformers.sentence_transformer.modules.Pooling", "kwargs": []}))
    same("normalize-settings", of, {"2_Normalize/config.json": {"module_input_name": "sentence_embedding", "module_output_name": None}})
    same("model-harmless", of, {MODEL: {
        "__version__": {"sentence_transformers": "2.0.0"}, "prompts": {"query": "query: ", "p": "x"}, "default_prompt_name": None,
        "similarity_fn_name": "dot", "truncate_dim": 48, "model_type": "SentenceTransformer"}})
    same("model-empty-default-prompt", of, {MODEL: {"prompts": {"p": ""}, "default_prompt_name": "p"}})
    same("model-default-prompt", of, {MODEL: {"prompts": {"q": "query: "}, "default_prompt_name": "q"}})
    same("model-missing-default-prompt", of, {MODEL: {"prompts": {}, "default_prompt_name": "query"}})
    same("bert-harmless-fields", of, {CONFIG: {
        "chunk_size_feed_forward": 2, "classifier_dropout": 0.3, "id2label": {"0": "x", "1": "y", "2": "z"}, "use_cache": False,
        "pooler_type": "x", "tie_word_embeddings": False, "pad_token_id": 3, "sliding_window": None, "directionality": "bidi",
        "problem_type": "regression", "hidden_dropout_prob": 0.9, "position_embedding_type": "absolute"}})
    same("bert-integer-eps", of, {CONFIG: {"layer_norm_eps": 1e-05}})

    refused("dense-without-settings", of, modules("Transformer", "Pooling", "Dense"), "2_Dense/config.json", 5)
    refused("layer-norm", of, modules("Transformer", "Pooling", "LayerNorm"), "module 'LayerNorm' is not supported")
    refused("router", of, modules("Router"), "module 'Router' is not supported")
    refused("order", of, modules("Transformer", "Normalize", "Pooling"), "not supported in this order")
    refused("no-pooling", of, modules("Transformer"), "no module Pooling")
    refused("own-module", of, modules("Transformer", "Pooling", Pooling={"type": "custom_pooling.Pooling"}), "runs no code of a checkpoint")
    refused("module-field", of, modules("Transformer", "Pooling", Pooling={"weight": 2}), "'weight': not known")
    refused("module-names", of, modules("Transformer", "Pooling", Pooling={"name": "0"}), "two modules have the name '0'", 3)
    refused("path-outside", of, modules("Transformer", "Pooling", Pooling={"path": "../1_Pooling"}), "does not stay inside", 3)
    same("pooling-two", of, {POOLING: {"pooling_mode": ["cls", "mean"]}})
    same("pooling-two-flags", of, {POOLING: {"pooling_mode_max_tokens": True}})
    same("pooling-weighted", of, {POOLING: {"pooling_mode": "weightedmean"}})
    same("pooling-square-root-alone", of, {**modules("Transformer", "Pooling"), POOLING: {"pooling_mode": "mean_sqrt_len_tokens"}})
    refused("pooling-none", of, {POOLING: {"pooling_mode": []}}, "pooling mode ''")
    refused("pooling-prompt", of, {POOLING: {"include_prompt": False}}, "'include_prompt'")
    refused("pooling-unknown", of, {POOLING: {"temperature": 2}}, "'temperature': not known")
    refused("normalize-tokens", of, {"2_Normalize/config.json": {"module_input_name": "token_embeddings"}}, "'module_input_name'")
    for field, value in {"transformer_task": "fill-mask", "module_output_name": "scores", "query_length": 8, "document_length": 8,
                         "processing_kwargs": {"text": {"max_length": 5}}, "query_expansion": {"strategy": "fixed", "length": 8},
                         "modality_config": {"message": {"method": "forward", "method_output_name": "last_hidden_state"}},
                         "tokenizer_name_or_path": "x", "padding": True}.items():
        refused("settings-" + field.replace("_", "-"), of, {SETTINGS: {field: value}}, f"'{field}'")
    refused("settings-config-args", of, {SETTINGS: {"config_args": {"num_hidden_layers": 1}}}, "'config_args.num_hidden_layers'")
    refused("settings-model-args", of, {SETTINGS: {"model_kwargs": {"is_decoder": True}}}, "'model_kwargs.is_decoder'")
    refused("settings-tokenizer-args", of, {SETTINGS: {"tokenizer_args": {"padding_side": "left"}}}, "'tokenizer_args.padding_side'")
    refused("default-prompt-unknown", of, {MODEL: {"prompts": {}, "default_prompt_name": "q"}}, "there is no prompt", 3)
    refused("truncate-dim", of, {MODEL: {"truncate_dim": 8}}, "'truncate_dim': vectors cut to 8 of 48")
    refused("sparse-encoder", of, {MODEL: {"model_type": "SparseEncoder"}}, "'model_type'")
    refused("model-unknown", of, {MODEL: {"score_scale": 2}}, "'score_scale': not known")
    refused("bert-decoder", of, {CONFIG: {"is_decoder": True}}, "'is_decoder'")
    refused("bert-relative", of, {CONFIG: {"position_embedding_type": "relative_key"}}, "'position_embedding_type'")
    refused("bert-heads", of, {CONFIG: {"num_attention_heads": 5}}, "does not divide hidden_size", 3)


def bloom():
    of = "bloom-tied"
    old = {"n_embed": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "seq_length": 128, "offset_alibi": 100, "n_inner": None,
           "attention_softmax_in_fp32": True, "masked_softmax_fusion": True, "bias_dropout_fusion": True, "skip_bias_add": True,
           "skip_bias_add_qkv": False}
    same("bloom-old-names", of, {CONFIG: {**old, "hidden_size": "$delete", "n_layer": "$delete", "n_head": "$delete"}})
    same("bloom-both-names", of, {CONFIG: {"n_embed": 48, "hidden_size": 64, "num_hidden_layers": 2, "n_layer": 5,
                                           "num_attention_heads": 3, "n_head": 4}})
    same("bloom-residual-of-norms", of, {CONFIG: {"apply_residual_connection_post_layernorm": True}})
    same("bloom-pretraining-tp", of, {CONFIG: {"pretraining_tp": 2}})
    same("bloom-eps", of, {CONFIG: {"layer_norm_epsilon": 0.01}})
    refused("bloom-slow-but-exact", of, {CONFIG: {"slow_but_exact": True, "pretraining_tp": 2}}, "'slow_but_exact'")
    refused("bloom-unknown-field", of, {CONFIG: {"alibi": False}}, "'alibi': not known")


def mpnet():
    of = "mpnet-mean"
    same("mpnet-pad-token", of, {CONFIG: {"pad_token_id": 5}})
    same("mpnet-token-types", of, {CONFIG: {"type_vocab_size": 2}})
    same("mpnet-relu", of, {CONFIG: {"hidden_act": "relu", "layer_norm_eps": 0.01}})
    refused("mpnet-buckets", of, {CONFIG: {"relative_attention_num_buckets": 64}}, "'relative_attention_num_buckets': only 32 is supported")


def write_edits(folder, edits):
    for name, change in edits.items():
        path = folder / name
        if name == "$tensors":
            old = load_file(folder / "model.safetensors")
            new = {**old, **{key: (old[of] * factor).contiguous() for key, (of, factor) in change.items()}}
            save_file({key: value for key, value in new.items() if change.get(key, [0, 1])[1] != 0}, folder / "model.safetensors",
                      metadata={"format": "pt"})
            continue
        if name == "$file":
            for other, text in change.items():
                (folder / other).parent.mkdir(exist_ok=True)
                (folder / other).write_text(text)
            continue
        path.parent.mkdir(exist_ok=True)
        if change == "$delete":
            path.unlink()
        elif isinstance(change, list):
            path.write_text(json.dumps(change))
        elif "$insert" in change:
            path.write_text(path.read_text().replace("{", "{" + change["$insert"], 1))
        else:
            value = {**(json.loads(path.read_text()) if path.exists() else {}), **change}
            path.write_text(json.dumps({key: field for key, field in value.items() if field != "$delete"}))


class Answers:
    def __init__(self):
        self.floats = []

    def store(self, values):
        offset = sum(len(part) for part in self.floats)
        self.floats.append(np.asarray(values, dtype="<f4").ravel())
        return offset


def ask_decoder(folder, answers):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.inference_mode():
        logits = model(torch.tensor([PROMPT]), return_dict=True).logits[0]
        # As lmopt run does by default: no sampling, a length that the caller gives.
        tokens = model.generate(torch.tensor([PROMPT]), attention_mask=torch.ones(1, len(PROMPT)), do_sample=False, max_new_tokens=6,
                                generation_config=GenerationConfig.from_pretrained(folder) if (folder / GENERATION).exists() else None)
    return {"ids": PROMPT, "offset": answers.store(logits[-1].numpy()), "greedy": getattr(tokens, "sequences", tokens)[0, len(PROMPT):].tolist()}


def ask_encoder(folder, answers):
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager", "dtype": torch.float32}).eval()
    cases = []
    for text in TEXTS:
        ids = model.tokenize([text])["input_ids"][0].tolist()
        cases.append({"text": text, "ids": ids, "offset": answers.store(model.encode([text], prompt="", show_progress_bar=False)[0])})
    return {"limit": min(model.max_seq_length, model[0].config.max_position_embeddings), "cases": cases}


def ask(models, variant, answers):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / "model"
        shutil.copytree(models / variant["of"], folder)
        write_edits(folder, variant["edits"])
        try:
            result = (ask_decoder if variant["of"].startswith(("llama", "bloom")) else ask_encoder)(folder, answers)
        except Exception as error:  # that they refuse, too, is worth knowing
            result = {"error": type(error).__name__}
            print("   ", str(error)[:200].replace("\n", " "))
    return result


def main(models, added):
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.set_verbosity_error()
    llama()
    bert(models)
    bloom()
    mpnet()
    answers, wrong, kept = Answers(), [], []
    if added:
        kept = json.loads((models / "variants.json").read_text())
        answers.store(np.fromfile(models / "variants.bin", dtype="<f4"))
        assert not any(variant["of"] in added for variant in kept), "there are such variants already"
    asked = [variant for variant in VARIANTS if not added or variant["of"] in added]
    for variant in asked:
        if "code" in variant:
            variant["oracle"] = ask(models, variant, Answers())  # numbers are of no use to a test of the refusal
            variant["oracle"] = variant["oracle"].get("error", "accepts")
        else:
            variant["oracle"] = ask(models, variant, answers)
            wrong += ["error" in variant["oracle"]]
        print(variant["name"], str(variant["oracle"])[:60], flush=True)
    assert not any(wrong), "an oracle refuses what lmopt is to accept"
    lines = ",\n".join(json.dumps(variant) for variant in kept + asked)
    (models / "variants.json").write_text("[\n" + lines + "\n]\n")
    (models / "variants.bin").write_bytes(np.concatenate(answers.floats).tobytes())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
