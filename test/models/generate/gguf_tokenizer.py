# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A byte-level tokenizer as GGUF metadata, for the generators of fixtures. Needs the package gguf."""
import json

import gguf


def add_vocabulary(writer, tokenizer):
    """Tokens, their types and merges, of the `smollm` pre-tokenizer."""
    data = json.loads(tokenizer.to_str())
    tokens = sorted(data["model"]["vocab"], key=data["model"]["vocab"].get)
    special = {entry["content"] for entry in data["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in data["model"]["merges"]])
