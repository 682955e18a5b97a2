#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""rope_values.py: what Hugging Face transformers computes for each kind of rotary scaling, as the table in RopeTest.cpp.

Run by hand with transformers installed; its numbers are float32, hence the tolerance of the test.
"""
import warnings

import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

warnings.filterwarnings("ignore")
HEAD = 16
CASES = [
    ("linear", dict(rope_type="linear", factor=4.0), None),
    ("dynamic", dict(rope_type="dynamic", factor=2.0), None),
    ("dynamic", dict(rope_type="dynamic", factor=2.0), 8192),
    ("yarn", dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=4096), None),
    ("yarn", dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=4096, beta_fast=16.0, beta_slow=2.0,
                  attention_factor=1.25), None),
    ("llama3", dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                    original_max_position_embeddings=4096), None),
    ("longrope", dict(rope_type="longrope", factor=4.0, short_factor=[1 + i / 8 for i in range(8)],
                      long_factor=[2 + i / 4 for i in range(8)], original_max_position_embeddings=4096), None),
    ("longrope", dict(rope_type="longrope", factor=4.0, short_factor=[1 + i / 8 for i in range(8)],
                      long_factor=[2 + i / 4 for i in range(8)], original_max_position_embeddings=4096), 8192),
]
for kind, parameters, length in CASES:
    # longrope and yarn models state their stretched length, the others the original one
    maximum = 16384 if kind in ("longrope", "yarn", "llama3") else 4096
    parameters = dict(parameters, rope_theta=10000.0)
    config = LlamaConfig(hidden_size=HEAD, num_attention_heads=1, max_position_embeddings=maximum,
                         rope_parameters=parameters)
    frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    print(f"{kind} {length} factor {factor!r}: " + ", ".join(f"{x:.9g}" for x in frequencies.to(torch.float64).tolist()))
