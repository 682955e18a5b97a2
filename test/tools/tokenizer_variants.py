#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes test/unit/tokenizer/golden/variants.json: what transformers makes of the files of a tokenizer when they disagree.

In: transformers 5.24.0 with tokenizers 0.23.3 (no network). Out: JSON on stdout.
    test/tools/tokenizer_variants.py > test/unit/tokenizer/golden/variants.json

Each variant is a change to one of three small tokenizers (byte-level BPE, WordPiece, BPE with a mark where words end) and to the files beside it: a merge patch of
tokenizer.json, and tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json as they are. `ids` are those of
AutoTokenizer for TEXTS; with `max_length`, truncated to it as sentence-transformers asks for it. Models that version 4 wrote are
read as version 4 does: in the variants here, tokenizer.json as it is, so those ids are those of `tokenizers`.
Read by test/unit/tokenizer/ClassTest.cpp.

    test/tools/tokenizer_variants.py --harmless
asks transformers instead whether the fields of tokenizer_config.json that frontends/tokenizer/TokenizerFields.cpp calls harmless are.
"""
import json
import os
import pathlib
import re
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

assert transformers.__version__ == "5.24.0", transformers.__version__
assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

CORPUS = ["the cat sat on the mat, the cat's hat 2024 2024 12 Größe café naïve CAFE Hello hello world World"] * 4
TEXTS = ["hello world", "Hello CAFÉ Größe", "the cat's 2024", " cat <|end|>cat<|new|> x", "[CLS] cat [MASK] [NEW]  cat", "猫cat naïve",
         "the cat sat on the mat the cat sat on the mat", "<s>the</s> [PAD]<|endoftext|>", ""]


def byte_pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|end|>", "<|start|>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tokenizer


def word_pieces():
    """Not trained, which would give other ids each time. Capitals and accents have pieces, so that every switch shows."""
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789HCAFEGÉöéïß'<>/|"))
    words = ["the", "cat", "sat", "on", "mat", "hat", "hello", "world", "cafe", "caf", "naive", "##ive", "Hello", "Caf", "##AF", "猫", "##猫", "猫cat"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = special + letters + ["##" + letter for letter in letters] + words
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def marked_pairs():
    """As GPT-1 has it. Capitals and accents have pieces, so that lower case shows."""
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789HCAFEGÉöéïß'<>/|.[]"))
    pieces, merges = ["<unk>", "<end>", *letters, *(letter + "</w>" for letter in letters)], []
    for word in ("the", "cat", "sat", "hello", "world", "cafe", "caf", "Hello", "猫"):
        parts = [*word[:-1], word[-1] + "</w>"]
        pieces += [part for part in parts if part not in pieces]
        while len(parts) > 1:
            merges += [(parts[0], parts[1])] if (parts[0], parts[1]) not in merges else []
            parts[:2] = [parts[0] + parts[1]]
            pieces += [parts[0]] if parts[0] not in pieces else []
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    return tokenizer


def token(content, **settings):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **settings}


def prefixed(value, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": value, "trim_offsets": True, "use_regex": regex}


def frame(first, number):
    return {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": first, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {first: {"id": first, "ids": [number], "tokens": [first]}}}


DIGITS = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, prefixed(False)]}
BERT = {"tokenizer_class": "BertTokenizer", "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
        "mask_token": "[MASK]"}
FAST = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|start|>", "eos_token": "<|end|>"}


def normalizer(**settings):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True, **settings}


def variants(size_bpe, size_word):
    """name, base, and what differs."""
    bert = lambda **config: {"config": {**BERT, **config}}
    gpt2 = lambda **config: {"config": {"tokenizer_class": "GPT2Tokenizer", "unk_token": "<|end|>", "bos_token": "<|end|>", "eos_token": "<|end|>",
                                        **config}}
    fast = lambda **config: {"config": {**FAST, **config}}
    # tokenizer_config.json of BERT's classes
    yield "bert-plain", "word", bert()
    yield "bert-cased", "word", bert(do_lower_case=False)
    yield "bert-cased-file-only", "word", {**bert(), "tokenizer": {"normalizer": normalizer(lowercase=False)}}
    yield "bert-strip-accents", "word", bert(do_lower_case=False, strip_accents=True)
    yield "bert-keep-accents", "word", bert(do_lower_case=True, strip_accents=False)
    yield "bert-no-chinese", "word", bert(tokenize_chinese_chars=False)
    yield "bert-by-model-type", "word", {"config": {k: v for k, v in bert(do_lower_case=False)["config"].items() if k != "tokenizer_class"}}
    yield "bert-no-config", "word", {"tokenizer": {"normalizer": normalizer(lowercase=False)}}
    yield "bert-generic-class", "word", bert(tokenizer_class="PreTrainedTokenizerFast", do_lower_case=False)
    yield "bert-class-in-config-json", "word", {"config": {"do_lower_case": False}, "model": {"tokenizer_class": "ElectraTokenizer"}}
    yield "distilbert-cased", "word", bert(tokenizer_class="DistilBertTokenizerFast", do_lower_case=False)
    yield "electra-cased", "word", bert(tokenizer_class="ElectraTokenizer", do_lower_case=False)
    yield "unknown-class", "word", bert(tokenizer_class="SomethingOfMineTokenizer", do_lower_case=False)
    for version in ("5.1.0", "4.40.0"):
        old = "-4" if version[0] == "4" else ""
        yield "bert-sequence" + old, "word", {
            **bert(), "model": {"transformers_version": version},
            "tokenizer": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]}}}
        yield "bert-no-frame" + old, "word", {**bert(), "model": {"transformers_version": version}, "tokenizer": {"post_processor": None}}
    yield "bert-sequence-of-one", "word", {**bert(), "tokenizer": {"normalizer": {"type": "Sequence", "normalizers": [normalizer()]}}}
    yield "generic-sequence", "word", {
        **bert(tokenizer_class="PreTrainedTokenizerFast"),
        "tokenizer": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}}}
    yield "bert-max-chars-5", "word", {**bert(), "model": {"transformers_version": "5.2.0"}, "tokenizer": {"model": {"max_input_chars_per_word": 3}}}
    yield "mpnet-class", "word", {**bert(tokenizer_class="MPNetTokenizer", bos_token="[CLS]", eos_token="[SEP]"), "model": {"transformers_version": "5.2.0"}}
    yield "roberta-class-word", "word", {**bert(tokenizer_class="FunnelTokenizer"), "model": {"transformers_version": "5.2.0"}}
    # truncation
    for side in ("left", "right"):
        yield "truncation-" + side, "word", {**bert(truncation_side=side), "max_length": 6}
    for direction in ("Left", "Right"):
        stored = {"direction": direction, "max_length": 4, "strategy": "LongestFirst", "stride": 0}
        yield "truncation-stored-" + direction.lower(), "word", {**bert(), "tokenizer": {"truncation": stored}, "max_length": 6}
        yield "truncation-stored-unasked-" + direction.lower(), "word", {**bert(), "tokenizer": {"truncation": stored}}
    yield "truncation-overridden", "word", {**bert(truncation_side="right"), "max_length": 6, "tokenizer": {
        "truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}}}
    yield "padding-stored", "word", {**bert(), "tokenizer": {"padding": {
        "strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}}}
    yield "truncation-left-bpe", "bpe", {**fast(truncation_side="left"), "max_length": 6}
    # tokens that only another file names
    decoder = {"0": token("<|end|>"), "1": token("<|start|>")}
    yield "added-decoder", "bpe", fast(added_tokens_decoder={**decoder, str(size_bpe): token("<|new|>")})
    yield "added-decoder-plain", "bpe", fast(added_tokens_decoder={**decoder, str(size_bpe): token("<|new|>", special=False, normalized=True)})
    yield "added-decoder-strips", "bpe", fast(added_tokens_decoder={**decoder, str(size_bpe): token("<|new|>", lstrip=True, rstrip=True)})
    yield "added-decoder-changes", "bpe", fast(added_tokens_decoder={**decoder, "0": token("<|end|>", lstrip=True)})
    yield "added-decoder-wrong-id", "bpe", fast(added_tokens_decoder={**decoder, str(size_bpe + 7): token("<|new|>")})
    yield "added-json", "bpe", {**fast(), "added": {"<|new|>": size_bpe}}
    yield "added-json-special", "bpe", {**fast(additional_special_tokens=["<|new|>"]), "added": {"<|new|>": size_bpe}}
    yield "added-json-beside-decoder", "bpe", {**fast(added_tokens_decoder=decoder), "added": {"<|new|>": size_bpe}}
    yield "additional-special", "bpe", fast(additional_special_tokens=["<|new|>"])
    yield "extra-special", "bpe", fast(extra_special_tokens=["<|new|>"])
    yield "extra-special-named", "bpe", fast(extra_special_tokens={"image_token": "<|new|>"})
    yield "other-token", "bpe", fast(image_token="<|new|>")
    yield "pad-not-in-vocabulary", "bpe", fast(pad_token="[PAD]")
    yield "eos-in-vocabulary", "bpe", fast(eos_token="x")
    yield "special-map", "bpe", {**fast(), "special": {"eos_token": "<|end|>", "pad_token": token("<|new|>", lstrip=True, special=None)}}
    yield "special-map-beside-decoder", "bpe", {**fast(added_tokens_decoder=decoder), "special": {"pad_token": "<|new|>"}}
    yield "special-map-only", "bpe", {"special": {"pad_token": "<|new|>", "additional_special_tokens": ["[NEW]"]}}
    yield "bert-added-decoder", "word", bert(added_tokens_decoder={
        **{str(i): token(t) for i, t in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))}, str(size_word): token("[NEW]", special=False)})
    yield "bert-additional", "word", bert(additional_special_tokens=["[NEW]"])
    yield "role-with-settings", "bpe", fast(eos_token={"__type": "AddedToken", **token("<|new|>", lstrip=True, rstrip=True)})
    yield "role-of-a-known-token", "bpe", fast(eos_token={"__type": "AddedToken", **token("<|end|>", lstrip=True)})
    yield "extra-with-settings", "bpe", fast(extra_special_tokens=[{"__type": "AddedToken", **token("<|new|>", special=False, rstrip=True)}])
    yield "extra-before-additional", "bpe", fast(extra_special_tokens=["<|new|>"], additional_special_tokens=["[NEW]"])
    yield "extra-empty", "bpe", fast(extra_special_tokens=[], additional_special_tokens=["[NEW]"])
    yield "extra-empty-object", "bpe", fast(extra_special_tokens={}, additional_special_tokens=["[NEW]"])
    yield "several-new", "bpe", fast(pad_token="[PAD]", additional_special_tokens=["<|new|>", "[NEW]"], image_token="[MASK]")
    yield "single-word", "bpe", fast(added_tokens_decoder={**decoder, str(size_bpe): token("cat", single_word=True, special=False)})
    yield "normalized-word", "word", bert(added_tokens_decoder={
        **{str(i): token(t) for i, t in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))},
        str(size_word): token("CAFÉ", special=False, normalized=True)})
    yield "no-class", "bpe", {"config": {"eos_token": "<|end|>"}}
    yield "class-in-config-json", "bpe", {"config": {"eos_token": "<|end|>", "unk_token": "<|end|>", "bos_token": "<|end|>", "add_prefix_space": True},
                                          "model": {"tokenizer_class": "GPT2TokenizerFast"}}
    yield "bert-other-roles", "word", {**bert(cls_token="[MASK]", sep_token="[PAD]"), "model": {"transformers_version": "5.2.0"}}
    yield "bert-other-unknown", "word", {**bert(unk_token="[MASK]"), "model": {"transformers_version": "5.2.0"}}
    yield "bert-null-switches", "word", bert(strip_accents=None)
    yield "split-special", "bpe", fast(split_special_tokens=True)
    yield "split-special-word", "word", bert(split_special_tokens=True)
    yield "split-special-plain", "bpe", fast(split_special_tokens=True, added_tokens_decoder={
        **decoder, str(size_bpe): token("<|new|>", special=False)})
    # the space in front, and classes that build their own rules
    for value in (True, False):
        name = "prefix" if value else "no-prefix"
        yield "gpt2-" + name, "bpe", gpt2(add_prefix_space=value)
        yield "gpt2-fast-" + name, "bpe", gpt2(tokenizer_class="GPT2TokenizerFast", add_prefix_space=value)
        yield "gpt2-stored-" + name, "bpe", {**gpt2(), "tokenizer": {"pre_tokenizer": prefixed(value)}}
        yield "generic-stored-" + name, "bpe", {**fast(), "tokenizer": {"pre_tokenizer": prefixed(value)}}
        yield "generic-" + name, "bpe", {**fast(add_prefix_space=value), "model": {"transformers_version": "5.3.0"}}
        yield "qwen2-" + name, "bpe", {**gpt2(tokenizer_class="Qwen2Tokenizer", pad_token="<|end|>", add_prefix_space=value),
                                       "model": {"transformers_version": "5.3.0"}}
        yield "codegen-" + name, "bpe", gpt2(tokenizer_class="CodeGenTokenizer", add_prefix_space=value)
        yield "roberta-" + name, "bpe", {
            **gpt2(tokenizer_class="RobertaTokenizer", cls_token="<|start|>", sep_token="<|end|>", pad_token="<|end|>", mask_token="<|end|>",
                   add_prefix_space=value), "model": {"transformers_version": "5.3.0"}}
    yield "gpt2-digits", "bpe", {**gpt2(), "tokenizer": {"pre_tokenizer": DIGITS}, "model": {"transformers_version": "5.3.0"}}
    yield "gpt2-digits-4", "bpe", {**gpt2(), "tokenizer": {"pre_tokenizer": DIGITS}, "model": {"transformers_version": "4.42.3"}}
    yield "gpt2-digits-unknown", "bpe", {**gpt2(), "tokenizer": {"pre_tokenizer": DIGITS}}
    yield "gpt2-digits-backend", "bpe", {**gpt2(backend="tokenizers"), "tokenizer": {"pre_tokenizer": DIGITS}}
    yield "gpt2-nfc", "bpe", {**gpt2(), "tokenizer": {"normalizer": {"type": "NFC"}}, "model": {"transformers_version": "5.3.0"}}
    yield "generic-digits", "bpe", {**fast(), "tokenizer": {"pre_tokenizer": DIGITS}}
    yield "neox", "bpe", {**gpt2(tokenizer_class="GPTNeoXTokenizerFast", pad_token="<|end|>"), "tokenizer": {"post_processor": frame("<|start|>", 1)},
                          "model": {"transformers_version": "5.3.0"}}
    yield "cohere", "bpe", {**gpt2(tokenizer_class="CohereTokenizerFast", pad_token="<|end|>", cls_token="<|end|>", sep_token="<|end|>",
                                   mask_token="<|end|>"), "model": {"transformers_version": "5.3.0"}}
    yield "whisper-class", "bpe", {**gpt2(tokenizer_class="WhisperTokenizer"), "model": {"transformers_version": "5.3.0"}}
    # words with a mark at their end
    gpt = lambda version=None, **files: {"config": {"tokenizer_class": "OpenAIGPTTokenizer", "unk_token": "<unk>"},
                                         **({"model": {"transformers_version": version}} if version else {}), **files}
    cased = {"normalizer": normalizer(lowercase=False)}
    yield "openaigpt", "marked", gpt()
    yield "openaigpt-fast", "marked", {"config": {"tokenizer_class": "OpenAIGPTTokenizerFast"}}
    yield "openaigpt-by-config", "marked", {"config": {}, "model": {"tokenizer_class": "OpenAIGPTTokenizer"}}
    yield "openaigpt-end-token", "marked", {"config": {"tokenizer_class": "OpenAIGPTTokenizer", "unk_token": "<unk>", "eos_token": "<end>"}}
    yield "openaigpt-cased", "marked", gpt("5.3.0", tokenizer=cased)
    yield "openaigpt-cased-4", "marked", gpt("4.40.0", tokenizer=cased)
    yield "openaigpt-cased-unknown", "marked", gpt(tokenizer=cased)
    yield "openaigpt-framed", "marked", gpt("5.3.0", tokenizer={"post_processor": frame("<end>", 1)})
    yield "openaigpt-fused", "marked", gpt("5.3.0", tokenizer={"model": {"fuse_unk": True}})
    yield "openaigpt-other-suffix", "marked", gpt("5.3.0", tokenizer={"model": {"end_of_word_suffix": "e</w>"}})
    yield "generic-cased-marked", "marked", {**gpt(tokenizer=cased), "config": {"tokenizer_class": "PreTrainedTokenizerFast"}}
    # tokens around the text
    for add in ({"add_bos_token": True}, {"add_eos_token": True}, {"add_bos_token": False}, {"add_bos_token": True, "add_eos_token": True}):
        name = "-".join(f"{key[4:7]}-{str(value).lower()}" for key, value in add.items())
        yield "generic-" + name, "bpe", fast(**add)
        yield "generic-framed-" + name, "bpe", {**fast(**add), "tokenizer": {"post_processor": frame("<|start|>", 1)}}
        yield "llama-" + name, "bpe", {**fast(tokenizer_class="LlamaTokenizerFast", **add), "model": {"transformers_version": "5.3.0"}}
        yield "llama-framed-" + name, "bpe", {**fast(tokenizer_class="LlamaTokenizer", **add), "tokenizer": {"post_processor": frame("<|start|>", 1)},
                                              "model": {"transformers_version": "5.3.0"}}
    yield "llama-unknown", "bpe", fast(tokenizer_class="LlamaTokenizerFast")
    yield "llama-framed-unknown", "bpe", {**fast(tokenizer_class="LlamaTokenizerFast", add_bos_token=True),
                                          "tokenizer": {"post_processor": frame("<|start|>", 1)}}


def merged(base, patch):
    """RFC 7396, but null is a value: the files have nulls that matter."""
    if not isinstance(patch, dict) or not isinstance(base, dict) or "type" in patch:
        return patch
    return {**base, **{key: merged(base.get(key), value) for key, value in patch.items()}}


def answer(variant, tokenizer, model_type):
    with tempfile.TemporaryDirectory() as folder:
        files = {"tokenizer.json": merged(tokenizer, variant.get("tokenizer", {})), "tokenizer_config.json": variant.get("config"),
                 "special_tokens_map.json": variant.get("special"), "added_tokens.json": variant.get("added"),
                 "config.json": {"model_type": model_type, **variant.get("model", {})}}
        for name, content in files.items():
            if content is not None:
                with open(os.path.join(folder, name), "w", encoding="utf8") as out:
                    json.dump(content, out)
        if variant.get("model", {}).get("transformers_version", "").startswith("4."):
            loaded = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
            return {"class": "tokenizer.json", "ids": [loaded.encode(text).ids for text in TEXTS]}
        try:
            loaded = transformers.AutoTokenizer.from_pretrained(folder)
            options = {"truncation": True, "max_length": variant["max_length"]} if "max_length" in variant else {}
            return {"class": type(loaded).__name__, "ids": [loaded(text, **options)["input_ids"] for text in TEXTS]}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:200]}


# Values that would show, for fields that do not take any text, number or switch.
VALUES = {"padding_side": ["left"], "pad_to_multiple_of": [8], "pad_token_type_id": [1], "max_length": [4], "stride": [2],
          "truncation_strategy": ["only_first"], "model_input_names": [["input_ids"]], "do_basic_tokenize": [False],
          "never_split": [["cat"]], "max_len_single_sentence": [3], "init_inputs": [[]], "sp_model_kwargs": [{"a": 1}],
          "chat_control_tokens": [["<|end|>"]], "use_fast": [False], "legacy": [True, False]}


def check_harmless():
    """Every field with some values, in both tokenizers: the ids must stay."""
    source = (pathlib.Path(__file__).parents[2] / "frontends/tokenizer/TokenizerFields.cpp").read_text(encoding="utf8")
    table = source[source.index("lmopt::tokenizerConfigFields()"):source.index("lmopt::specialTokensFields()")]
    names = re.findall(r'\{"(\w+)",\s*kHarmless', table)
    wrong = []
    for tokenizer, config, model_type in ((byte_pairs(), FAST, "llama"), (word_pieces(), BERT, "bert")):
        file = json.loads(tokenizer.to_str())
        plain = answer({"config": config}, file, model_type)["ids"]
        wrong += [(name, value) for name in names for value in VALUES.get(name, ["x", 3, True])
                  if answer({"config": {**config, name: value}}, file, model_type).get("ids") != plain]
    print(f"{len(names)} fields; not harmless: {wrong}")
    return len(names) < 40 or wrong


def main():
    if "--harmless" in sys.argv:
        sys.exit(bool(check_harmless()))
    transformers.logging.set_verbosity_error()
    bases = {"bpe": json.loads(byte_pairs().to_str()), "word": json.loads(word_pieces().to_str()), "marked": json.loads(marked_pairs().to_str())}
    types = {"bpe": "llama", "word": "bert", "marked": "openai-gpt"}
    result = {"source": f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}", "texts": TEXTS, "bases": bases,
              "variants": []}
    sizes = [len(bases[name]["model"]["vocab"]) for name in ("bpe", "word")]
    for name, base, variant in variants(*sizes):
        found = answer(variant, bases[base], types[base])
        result["variants"].append({"name": name, "base": base, "model_type": types[base], **variant, **found})
        print(name, found.get("class"), found.get("error", ""), file=sys.stderr)
    lines = ",\n".join(json.dumps(variant, ensure_ascii=False) for variant in result.pop("variants"))
    print(json.dumps(result, ensure_ascii=False)[:-1] + ',\n"variants": [\n' + lines + "]}")


if __name__ == "__main__":
    main()
