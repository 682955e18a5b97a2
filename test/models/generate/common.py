# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all fixture generators share: random weights that make every part of a model matter, tiny tokenizers, expectations.

Expectations of one model are two files beside it (README.md of test/models describes them): expected.json and expected.bin,
so that C++ and plain Python can read them without packages.
"""
import json
import zlib

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = """The compiler reads a model and writes a library. It's small, it isn't slow, and they've tested it 100 times!
def main(argc, argv):\n    return 0x2A + 1234567890  # comment\n\n\tTabs\tand  double  spaces   here.\r\n
Die Größe der Übung; où est le café? Кошка сидит на коврике. 猫坐在垫子上。😀👍🏽 e\u0301 \u00a0 hidden layers hold vectors.
A cat sat on the mat. The dog barked at the moon. Models, layers, heads, tokens, weights and biases are read from files."""
TEXTS = ["Hello world", "The compiler reads 1234567890 layers.", "  leading and  double spaces", "it's they've WE'LL don't",
         "tab\there\nnewline\r\n\r\nend ", "Größe café e\u0301", "Кошка 猫坐 😀👍🏽", "a", "", "def f(x):\n    return x**2", "<|end|>special<|end|>",
         "\u00a0nbsp\u2003em\u200bzero", "MiXeD CaSe ÀÉÎ", "[CLS] tok [SEP]", "word" * 30]
LLAMA3_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
                  r"|\s+(?!\S)|\s+")


def seeded(name):
    """The seed is a fixed function of the fixture's name, so that adding one changes no other."""
    torch.manual_seed(zlib.crc32(name.encode()))
    return np.random.default_rng(zlib.crc32(name.encode()))


def randomize(model):
    """Unit-gain matrices, norm gains around one, real biases: no part may vanish, logits spread over several units."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "embed" in name and value.dim() == 2:
                # Small beside what the layers add: else a tied head would only repeat the last token.
                value.normal_(0, 0.2)
            elif value.dim() == 2:
                # Queries and keys get more, so that attention is peaked and a wrong position shows.
                gain = 1.6 if any(part in name for part in ("q_proj", "k_proj", "query", "key")) else 1.0
                value.normal_(0, gain / value.shape[1] ** 0.5)
            elif "norm" in name.lower() and name.endswith("weight"):
                value.normal_(1, 0.2)
            else:
                value.normal_(0, 0.3)


def byte_level_tokenizer(kind, size):
    """Byte-level BPE with the smollm, gpt2 or llama-3 pre-tokenizer and one special token <|end|>, or that of roberta."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=kind == "llama3"))
    if kind == "smollm":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                           pre_tokenizers.ByteLevel(add_prefix_space=False)])
    elif kind == "llama3":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated"),
                                                           pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if kind == "roberta" else ["<|end|>"]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([CORPUS], trainer)
    if kind == "llama3":
        tokenizer.post_processor = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
    if kind == "roberta":
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    assert tokenizer.get_vocab_size() == size, tokenizer.get_vocab_size()
    return tokenizer


def wordpiece_tokenizer(size, kind="bert"):
    """Of BERT, or of MPNet, which has RoBERTa's special tokens and frame."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] if kind == "bert" else ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    tokenizer.train_from_iterator([CORPUS], trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False))
    frame = dict(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    if kind == "mpnet":
        frame = dict(single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.post_processor = processors.TemplateProcessing(**frame)
    return tokenizer


def word_end_tokenizer(size):
    """As GPT-1 has it: words of BERT, BPE of characters whose last one in a word is marked."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    tokenizer.train_from_iterator([CORPUS], trainers.BpeTrainer(vocab_size=size, special_tokens=["<|end|>", "<unk>"], show_progress=False,
                                                                end_of_word_suffix="</w>"))
    assert tokenizer.get_vocab_size() <= size, tokenizer.get_vocab_size()  # the corpus has no more pairs
    return tokenizer


SPACE = "\u2581"


def unigram_tokenizer(kind, size):
    """Unigram as transformers has it in the classes of ALBERT and XLM-R, without a charsmap (sentencepiece_parity.py has those)."""
    tokenizer = Tokenizer(models.Unigram())
    if kind == "albert":
        special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                                     normalizers.StripAccents(), normalizers.Lowercase()])
        frame = dict(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    else:
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        frame = dict(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(SPACE, "always")])
    tokenizer.decoder = decoders.Metaspace(SPACE, "always")
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([CORPUS], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(**frame)
    assert tokenizer.get_vocab_size() == size, tokenizer.get_vocab_size()
    return tokenizer


def tokenizer_cases(tokenizer):
    """Texts with their ids as the model is fed (special tokens added and recognised)."""
    return [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]


class Expectations:
    """Collects float arrays into expected.bin and their description into expected.json."""

    def __init__(self, kind):
        self.data = bytearray()
        self.json = {"kind": kind, "tolerance": 0.0, "largest": 0.0, "cases": []}

    def append(self, array):
        offset = len(self.data) // 4
        self.data += np.ascontiguousarray(array, dtype="<f4").tobytes()
        return offset

    def tolerance(self, fp32, fp64):
        """The bound for another fp32 implementation: 16 times the rounding error that Hugging Face's own fp32 run shows
        against the same model in fp64 (the largest over all cases), but at least 16 ulp of the largest value: sums in
        another order, FMA, and a polynomial exp make errors of that size, a wrong formula far larger ones."""
        self.json["largest"] = max(self.json["largest"], float(np.abs(fp64).max()))
        error = 16 * max(float(np.abs(fp32 - fp64).max()), self.json["largest"] * 2.0 ** -24)
        self.json["tolerance"] = max(self.json["tolerance"], float(f"{error:.3g}"))

    def write(self, folder):
        (folder / "expected.bin").write_bytes(self.data)
        (folder / "expected.json").write_text(json.dumps(self.json, ensure_ascii=False) + "\n", encoding="utf8")


def decoder_cases(model, rng, lengths, new_tokens, tokenizer, draw=None):
    """Logits at some positions of random prompts, and greedy continuations with the margin between the two best logits. `draw` makes a
    prompt of some length where not any will do."""
    draw = draw or (lambda model, rng, length: rng.integers(0, model.config.vocab_size, length).tolist())
    expected = Expectations("decoder")
    with torch.inference_mode():
        prompts = [draw(model, rng, length) for length in lengths]
        model.float()
        fp32 = [model(torch.tensor([ids])).logits[0].numpy() for ids in prompts]
        greedy = [greedy_tokens(model, ids, new_tokens) for ids in prompts]
        model.double()
        exact = [model(torch.tensor([ids])).logits[0].numpy() for ids in prompts]
        model.float()
    for ids, value, double, (tokens, margins) in zip(prompts, fp32, exact, greedy):
        rows = some_rows(len(ids))
        expected.tolerance(value, double)
        expected.json["cases"].append({"ids": ids, "rows": rows, "offset": expected.append(value[rows]), "greedy": tokens,
                                       "margins": margins})
    expected.json["width"] = model.config.vocab_size
    expected.json["tokenizer"] = tokenizer_cases(tokenizer)
    return expected


def greedy_tokens(model, ids, count):
    ids, tokens, margins = list(ids), [], []
    for _ in range(count):
        best = model(torch.tensor([ids])).logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        margins.append(round(float(best.values[0] - best.values[1]), 5))
        ids.append(tokens[-1])
    return tokens, margins


def perplexities(model, tokenizer, contexts):
    """As `lmopt eval` counts: chunks of so many tokens, each one pass; their second halves are scored."""
    ids = tokenizer.encode(CORPUS, add_special_tokens=False).ids
    result = {"text": CORPUS, "of": []}
    for context in contexts:
        losses = []
        for begin in range(0, len(ids) - context + 1, context):
            chunk = torch.tensor([ids[begin:begin + context]])
            with torch.inference_mode():
                scores = torch.log_softmax(model(chunk).logits[0].double(), dim=-1)
            losses += [-float(scores[i - 1, chunk[0, i]]) for i in range(context // 2, context)]
        result["of"].append({"context": context, "tokens": len(losses), "perplexity": float(np.exp(np.mean(losses)))})
    return result


def continuation(model, tokenizer, text, count):
    """What follows a text, token by token, each from a pass over all tokens before it."""
    ids = tokenizer.encode(text).ids
    with torch.inference_mode():
        tokens, margins = greedy_tokens(model, ids, count)
    return {"text": text, "ids": ids, "tokens": tokens, "margins": margins}


def some_rows(length):
    """First, around powers of two, last: enough to see a wrong position without storing every row."""
    return sorted({row for row in (0, 1, 2, 15, 16, 17, 31, 47, 63, 64, 65, length - 2, length - 1) if 0 <= row < length})
