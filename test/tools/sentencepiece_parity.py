#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares lmopt's SentencePiece tokenizers with the programs that define them, id by id. Not run by script/test.

    pip install tokenizers sentencepiece gguf [transformers] [llama-cpp-python]
    ninja -C build tokenize-lines
    test/tools/sentencepiece_parity.py [--gguf FILE ...] [--hf DIRECTORY ...] [--megabytes 8]

A vocabulary of BPE with byte fallback is trained (sentencepiece, fixed texts) and written as a GGUF file (kind `llama`)
and as tokenizer.json in the forms in which transformers writes it: with a normalizer (Llama 2), with Metaspace (Llama of
version 5, Mistral), without a prefix (Gemma). A unigram vocabulary with the replacements nmt_nfkc is written in the forms of
XLM-R, ALBERT and others, and as a GGUF file (kind `t5`). Models of both types are taken as they are (tokenizer.model), with
all settings that decide about ids. Oracles: sentencepiece for these and, where it is installed, llama.cpp for the GGUF files,
`tokenizers` for the others, and where it is installed transformers for what its classes make of tokenizer.json. Kind `t5`, where
llama.cpp is not installed: the normalizer of sentencepiece and then the Unigram model of `tokenizers`, whose double precision
llama.cpp has, too. --gguf, --hf: real models
beside these; GGUF files need llama.cpp.
Texts: tokenizer_texts.py. Prints one line for each comparison; the exit code is the number of comparisons that differ.
"""

import argparse
import io
import json
import os
import sys
import tempfile

import gguf
import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizer_texts import EDGES, bad_bytes, code_points, compare, running_texts
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

try:
    import llama_cpp
except ImportError:
    llama_cpp = None
try:
    import transformers
except ImportError:
    transformers = None

SPACE = "\u2581"
USER = ["<user>", "\n\n", f"{SPACE}{SPACE}"]


def train(texts, fallback, kind="bpe", rule="identity", **settings):
    """`rule`: what is done to characters first; nothing but to blanks by "identity"."""
    settings = {"remove_extra_whitespaces": False, **settings}
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in texts for line in text.split("\n") if line.strip()]),
        model_writer=model,
        model_type=kind,
        vocab_size=6000,
        byte_fallback=fallback,
        character_coverage=0.9995,
        normalization_rule_name=rule,
        max_sentence_length=1 << 16,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    return model.getvalue()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]


def types_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    kinds = []
    for i in range(processor.get_piece_size()):
        kinds.append(2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1)
    return kinds


def write_gguf(path, model, prefix, kind="llama", squeeze=False):
    writer = gguf.GGUFWriter(path, "llama")
    for name in ("block_count", "context_length", "embedding_length", "feed_forward_length"):
        writer.add_uint32("llama." + name, 64)
    writer.add_uint32("llama.attention.head_count", 1)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    pieces = pieces_of(model)
    writer.add_tokenizer_model(kind)
    writer.add_token_list([piece for piece, _ in pieces])
    writer.add_token_scores([score for _, score in pieces])
    writer.add_token_types(types_of(model))
    writer.add_add_space_prefix(prefix)
    if kind == "t5":
        spec = sentencepiece_model_pb2.ModelProto.FromString(model).normalizer_spec
        writer.add_remove_extra_whitespaces(squeeze)
        writer.add_precompiled_charsmap(spec.precompiled_charsmap)
        writer.add_unk_token_id(0)
        writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def merges_of(pieces):
    """As transformers makes them: every way to cut a piece into two, the pieces by their scores."""
    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    merges = []
    for piece, score in pieces:
        cuts = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in ids and piece[i:] in ids]
        merges += [(*cut, score) for cut in sorted(cuts, key=lambda cut: (ids[cut[0]], ids[cut[1]]))]
    return [(left, right) for left, right, _ in sorted(merges, key=lambda merge: merge[2], reverse=True)]


def write_json(folder, model, form, fallback):
    pieces = pieces_of(model)
    vocabulary = {piece: i for i, (piece, _) in enumerate(pieces)}
    bpe = models.BPE(vocabulary, merges_of(pieces), unk_token="<unk>", fuse_unk=True, byte_fallback=fallback)
    made = Tokenizer(bpe)
    made.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    made.add_tokens([AddedToken(t, normalized=False) for t in USER])
    replace = normalizers.Replace(" ", SPACE)
    if form == "normalizer":
        made.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), replace])
    elif form == "gemma":
        made.normalizer = replace
        made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    else:
        scheme, _, cut = form.partition(" ")
        made.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme=scheme, split=cut == "cut")
    steps = [decoders.Replace(SPACE, " ")] + [decoders.ByteFallback()] * fallback + [decoders.Fuse()]
    made.decoder = decoders.Sequence(steps)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    os.makedirs(folder)
    made.save(folder + "/tokenizer.json")
    return made


def unigram_forms(charsmap):
    """What transformers writes for XLM-R, ALBERT and T5, and what its converter writes for others."""
    space = lambda scheme, cut=True: pre_tokenizers.Metaspace(SPACE, prepend_scheme=scheme, split=cut)
    words = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), space("always")])
    table = normalizers.Precompiled(charsmap)
    quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    plain = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    runs = normalizers.Replace(Regex(" {2,}"), " ")
    return {
        "xlm-roberta": (table, words),
        "albert": (normalizers.Sequence([*quotes, *plain, table]), words),
        "converter": (normalizers.Sequence([table, normalizers.Strip(False, True), runs]), space("always")),
        "whole": (normalizers.Sequence([table, runs]), space("first", False)),
        "NFKC": (normalizers.NFKC(), space("never", False)),
    }


def write_unigram(folder, model, form, charsmap, fallback):
    made = Tokenizer(models.Unigram(pieces_of(model), unk_id=0, byte_fallback=fallback))
    made.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    made.normalizer, made.pre_tokenizer = unigram_forms(charsmap)[form]
    made.decoder = decoders.Metaspace(SPACE)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    os.makedirs(folder)
    made.save(folder + "/tokenizer.json")
    return made


def compare_unigram(texts, every, folder, fallback):
    model = train(texts[::5], fallback, "unigram", "nmt_nfkc")
    charsmap = sentencepiece_model_pb2.ModelProto.FromString(model).normalizer_spec.precompiled_charsmap
    failures = 0
    for form in unigram_forms(charsmap):
        name = f"unigram {form}, byte fallback {fallback}"
        where = os.path.join(folder, name)
        made = write_unigram(where, model, form, charsmap, fallback)
        failures += compare_tokenizers(name, where, made, texts, every)
    return failures


def plain_texts(texts):
    """sentencepiece knows no special tokens in a text and cuts at a zero."""
    return [text for text in texts if text.strip() and "\0" not in text]


def compare_t5(texts, every, folder):
    """Kind `t5`, with and without the squeezing of blanks."""
    failures = 0
    for squeeze in (True, False):
        model = train(texts[::5], False, "unigram", "nmt_nfkc", remove_extra_whitespaces=squeeze)
        path = write_gguf(os.path.join(folder, f"t5 {squeeze}.gguf"), model, True, "t5", squeeze)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        double = Tokenizer(models.Unigram(pieces_of(model), unk_id=0))
        oracle = lambda text: double.encode(processor.normalize(text.decode())).ids
        name = f"GGUF kind t5, blanks squeezed {squeeze}"
        flags = ["--no-add", "--no-parse"]
        failures += compare(ARGS, name, [path, *flags], plain_texts(texts + EDGES), oracle)
        failures += compare(ARGS, name + ", all code points", [path, *flags], plain_texts(every), oracle)
        if llama_cpp:
            failures += compare_llama(path, texts, every)
    return failures


USER_DEFINED = {"user_defined_symbols": ["<user>", "\u2581\u2581\u2581", "::", "ing"]}
MODEL_FILES = [
    ("bpe", "identity", True, {}),
    ("bpe", "identity", True, {"add_dummy_prefix": False, **USER_DEFINED}),
    ("bpe", "nmt_nfkc", False, {"remove_extra_whitespaces": True}),
    ("bpe", "identity", False, {"escape_whitespaces": False, "add_dummy_prefix": False}),
    ("unigram", "nmt_nfkc", False, {"remove_extra_whitespaces": True}),
    ("unigram", "nmt_nfkc_cf", True, {"remove_extra_whitespaces": True, **USER_DEFINED}),
    ("unigram", "identity", False, USER_DEFINED),
    ("unigram", "nfkc", True, {}),
]


def compare_model_file(texts, every, folder, number):
    kind, rule, fallback, settings = MODEL_FILES[number]
    escape = settings.get("escape_whitespaces", True)
    if "user_defined_symbols" in settings and rule.startswith("nmt"):  # there U+2581 is a blank
        settings = {**settings, "user_defined_symbols": ["<user>", "::", "ing"]}
    trainer = {name: value for name, value in settings.items() if name != "escape_whitespaces"}
    proto = sentencepiece_model_pb2.ModelProto.FromString(train(texts[::5], fallback, kind, rule, **trainer))
    proto.normalizer_spec.escape_whitespaces = escape
    where = os.path.join(folder, f"model {number}")
    os.makedirs(where)
    with open(where + "/tokenizer.model", "wb") as file:
        file.write(proto.SerializeToString())
    with open(where + "/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": "LlamaTokenizer"}, file)
    processor = sentencepiece.SentencePieceProcessor(model_file=where + "/tokenizer.model")
    oracle = lambda text: processor.encode(text.decode())
    name = f"tokenizer.model {number}, {kind}, {rule}, byte fallback {fallback}, {settings}"
    flags = [where, "--no-add", "--no-parse"]
    usable = [text for text in texts + EDGES + SPACE_EDGES if "\0" not in text]
    failures = compare(ARGS, name, flags, usable, oracle)
    return failures + compare(ARGS, name + ", all code points", flags, [t for t in every if "\0" not in t], oracle)


SPACE_EDGES = ["  ", " a", "a ", "  a  b  ", SPACE, f" {SPACE} ", f"a{SPACE}", f"{SPACE}a", "\t", "a<user>b", "a <user> b", "<user>", "\u200b", "\x01"]

CLASSES = [
    ("LlamaTokenizer", "llama", "normalizer", {}),
    ("LlamaTokenizer", "llama", "normalizer", {"legacy": True}),
    ("LlamaTokenizer", "llama", "first whole", {"add_prefix_space": False}),
    ("GemmaTokenizer", "gemma", "gemma", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}),
    ("XLMRobertaTokenizer", "xlm-roberta", "xlm-roberta", {}),
    ("CamembertTokenizer", "camembert", "xlm-roberta", {}),
    ("AlbertTokenizer", "albert", "albert", {}),
    ("AlbertTokenizer", "albert", "albert", {"keep_accents": True, "do_lower_case": False}),
]
CLASS_EDGES = ["Hello <s> a", "  hi", " <s> x", f"{SPACE}a b", "Hello</s>World", "É ﬁ ½ ①", "naïve  café\t\nx", "", "[CLS] [MASK] q", "``q''"]


def name_tokens(folder):
    """The classes of encoders want these; ids 3 to 7."""
    path = folder + "/tokenizer.json"
    file = json.load(open(path, encoding="utf-8"))
    file["model"]["vocab"][3:8] = [[token, 0.0] for token in ("<pad>", "<mask>", "[CLS]", "[SEP]", "[MASK]")]
    json.dump(file, open(path, "w", encoding="utf-8"))


def compare_classes(texts, folder):
    """What version 5 of transformers builds of the same files."""
    bpe, unigram = train(texts[::5], True), train(texts[::5], False, "unigram", "nmt_nfkc")
    charsmap = sentencepiece_model_pb2.ModelProto.FromString(unigram).normalizer_spec.precompiled_charsmap
    failures = 0
    for number, (name, model_type, form, settings) in enumerate(CLASSES):
        where = os.path.join(folder, f"class {number}")
        if form in unigram_forms(charsmap):
            write_unigram(where, unigram, form, charsmap, False)
            name_tokens(where)
        else:
            write_json(where, bpe, form, True)
        json.dump({"tokenizer_class": name, "backend": "tokenizers", **settings}, open(where + "/tokenizer_config.json", "w"))
        json.dump({"model_type": model_type}, open(where + "/config.json", "w"))
        made = transformers.AutoTokenizer.from_pretrained(where)
        oracle = lambda text: made(text.decode())["input_ids"]
        title = f"transformers, {type(made).__name__} {settings or ''}"
        failures += compare(ARGS, title, [where], texts[::8] + EDGES + CLASS_EDGES, oracle)
    return failures


def compare_llama(path, texts, every):
    failures = 0
    for add, special in [(True, True), (False, False)]:
        flags = ([] if add else ["--no-add"]) + ([] if special else ["--no-parse"])
        model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
        oracle = lambda text: model.tokenize(text, add_bos=add, special=special)
        name = f"llama.cpp, {os.path.basename(path)}, special tokens {special}"
        failures += compare(ARGS, name, [path, *flags], texts + EDGES, oracle)
        failures += compare(ARGS, name + ", bad UTF-8", [path, *flags], list(bad_bytes(1_000_000, 2)), oracle)
        failures += compare(ARGS, name + ", all code points", [path, *flags], every, oracle)
    return failures


def compare_tokenizers(name, folder, made, texts, every):
    oracle = lambda text: made.encode(text.decode()).ids
    failures = compare(ARGS, f"tokenizers, {name}", [folder], texts + EDGES, oracle)
    return failures + compare(ARGS, f"tokenizers, {name}, all code points", [folder], every, oracle)


def compare_trained(texts, every, folder, fallback):
    model = train(texts[::5], fallback)
    word = "byte fallback" if fallback else "unknown characters"
    failures = 0
    if fallback:  # without a token for each byte llama.cpp ends with an exception
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        path = write_gguf(os.path.join(folder, "prefix.gguf"), model, True)
        oracle = lambda text: processor.encode(text.decode())
        plain = [text for text in texts + EDGES if text and "\0" not in text]
        failures += compare(ARGS, "sentencepiece", [path, "--no-add", "--no-parse"], plain, oracle)
    if llama_cpp and fallback:
        failures += compare_llama(path, texts, every)
        failures += compare_llama(write_gguf(os.path.join(folder, "no prefix.gguf"), model, False), texts[::4], every)
    for form in ("normalizer", "gemma", "always whole", "first whole", "never whole", "always cut", "first cut"):
        where = os.path.join(folder, f"{word}, {form}")
        made = write_json(where, model, form, fallback)
        failures += compare_tokenizers(f"{word}, {form}", where, made, texts, every)
    return failures


def main():
    texts, every = running_texts(ARGS.megabytes * 1_000_000), list(code_points())
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for fallback in (True, False):
            failures += compare_trained(texts, every, folder, fallback)
            failures += compare_unigram(texts, every, folder, fallback)
        failures += compare_t5(texts, every, folder)
        for number in range(len(MODEL_FILES)):
            failures += compare_model_file(texts, every, folder, number)
        failures += compare_classes(texts, folder) if transformers else 0
    for path in ARGS.gguf:
        failures += compare_llama(path, texts, every)
    for folder in ARGS.hf:
        made = Tokenizer.from_file(folder + "/tokenizer.json")
        made.no_padding()
        made.no_truncation()
        failures += compare_tokenizers(os.path.basename(folder), folder, made, texts, every)
    version = lambda module: module.__version__ if module else "missing"
    print(
        f"sentencepiece {sentencepiece.__version__}, tokenizers {tokenizers.__version__}, "
        f"transformers {version(transformers)}, llama-cpp-python {version(llama_cpp)}; "
        f"{failures} comparisons differ"
    )
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", nargs="*", default=[])
    parser.add_argument("--hf", nargs="*", default=[])
    parser.add_argument("--megabytes", type=int, default=8)
    parser.add_argument("--only", default="", help="do the comparisons whose name holds this")
    parser.add_argument("--tool", default="build/bin/tokenize-lines")
    parser.add_argument("--show", type=int, default=3, help="differences printed for each comparison")
    ARGS = parser.parse_args()
    sys.exit(main())
