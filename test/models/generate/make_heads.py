#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny models with heads (test/models/heads) and the numbers that PyTorch computes of single texts and of pairs.

Every family has every head; the settings that decide about labels and scores differ from one to the next. README.md of test/models
describes what is written. Usage: make_heads.py OUT_DIR [NAME...]. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

import numpy as np
import torch
import transformers
from sentence_transformers import CrossEncoder
from tokenizers import processors

import common
import make_albert
import make_bert
import make_mpnet
import make_roberta

FAMILIES = {
    "bert": ("Bert", dict(hidden_size=32, num_attention_heads=2, intermediate_size=48, num_hidden_layers=1, vocab_size=251,
                          max_position_embeddings=40, type_vocab_size=2, hidden_act="gelu")),
    "distilbert": ("DistilBert", dict(dim=32, n_heads=2, hidden_dim=48, n_layers=1, vocab_size=251, max_position_embeddings=40,
                                      activation="relu")),
    "roberta": ("Roberta", dict(hidden_size=32, num_attention_heads=2, intermediate_size=48, num_hidden_layers=1, vocab_size=301,
                                max_position_embeddings=42, type_vocab_size=1, layer_norm_eps=1e-5, hidden_act="relu", pad_token_id=1,
                                bos_token_id=0, eos_token_id=2)),
    "mpnet": ("MPNet", dict(hidden_size=32, num_attention_heads=2, intermediate_size=48, num_hidden_layers=1, vocab_size=251,
                            max_position_embeddings=42, layer_norm_eps=1e-5, hidden_act="relu")),
    "modernbert": ("ModernBert", dict(hidden_size=32, num_attention_heads=2, intermediate_size=48, num_hidden_layers=2, vocab_size=251,
                                      max_position_embeddings=40, local_attention=10, global_attn_every_n_layers=2, pad_token_id=0,
                                      bos_token_id=None, eos_token_id=None, cls_token_id=None, sep_token_id=None)),
    "electra": ("Electra", dict(hidden_size=32, embedding_size=24, num_attention_heads=2, intermediate_size=48, num_hidden_layers=1,
                                vocab_size=251, max_position_embeddings=40, type_vocab_size=2, hidden_act="relu")),
    "albert": ("Albert", dict(hidden_size=32, embedding_size=24, num_attention_heads=2, intermediate_size=48, num_hidden_layers=3,
                              vocab_size=119, max_position_embeddings=40, type_vocab_size=2, hidden_act="gelu_new", pad_token_id=0)),
}
HEADS = {"sequence": ("ForSequenceClassification", "sequence_classification"),
         "tokens": ("ForTokenClassification", "token_classification"),
         "masked": ("ForMaskedLM", "masked_lm"),
         "question": ("ForQuestionAnswering", "question_answering")}
TAGS = {"id2label": {0: "O", 1: "B-NAME", 2: "I-NAME", 3: "B-PLACE"}}
# What config.json says beside the sizes, and what makes scores of the numbers.
SETTINGS = {
    "bert-sequence": ({"id2label": {0: "negative", 1: "neutral", 2: "positive"}}, "softmax"),
    "distilbert-sequence": ({"num_labels": 4, "problem_type": "multi_label_classification"}, "sigmoid"),
    "roberta-sequence": ({"num_labels": 1, "problem_type": "regression"}, "none"),
    "albert-sequence": ({"id2label": {0: "no", 1: "yes"}}, "softmax"),
    "electra-sequence": ({"num_labels": 1, "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, "none"),
    "mpnet-sequence": ({"id2label": {0: "low", 1: "middle", 2: "high"}}, "softmax"),
    "modernbert-sequence": ({"id2label": {0: "no", 1: "perhaps", 2: "yes"}}, "softmax"),
    "modernbert-sequence-mean": ({"num_labels": 1, "classifier_pooling": "mean", "classifier_bias": True, "norm_bias": True,
                                  "classifier_activation": "silu"}, "sigmoid"),
    "modernbert-masked-own": ({"tie_word_embeddings": False, "decoder_bias": False, "classifier_activation": "relu"}, "softmax"),
    "bert-sequence-cross": ({"num_labels": 1}, "sigmoid"),
    "roberta-masked": ({"tie_word_embeddings": False}, "softmax"),
    **{f"{family}-tokens": (TAGS, "softmax") for family in FAMILIES},
    **{f"{family}-question": ({}, "none") for family in FAMILIES},
}
PAIRS = [("Where did the cat sit?", "A cat sat on the mat."), ("a", "Кошка сидит"), ("The dog barked", "")]


def tokenizer_of(family, size):
    """With the frame of two texts."""
    if family == "roberta":
        return common.byte_level_tokenizer("roberta", size), make_roberta.TOKENIZER
    if family == "mpnet":
        return common.wordpiece_tokenizer(size, "mpnet"), make_mpnet.TOKENIZER
    if family == "albert":
        return common.unigram_tokenizer("albert", size), make_albert.TOKENIZER
    tokenizer = common.wordpiece_tokenizer(size)
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", first), ("[SEP]", last)])
    names = {"distilbert": "DistilBertTokenizer", "electra": "ElectraTokenizer"}
    return tokenizer, dict(make_bert.WORDPIECE, tokenizer_class=names.get(family, "BertTokenizer"))


def cases_of(tokenizer, rng, vocabulary, pairs, mask):
    """Random ids of some lengths, texts, and pairs of texts."""
    cases = [{"ids": rng.integers(5, vocabulary, length).tolist()} for length in (1, 2, 16, 17, 40)]
    texts = ["Hello world", "", "The compiler reads 1234567890 layers."] + ([f"A {mask} sat on the {mask}."] if mask else [])
    cases += [{"text": text, "ids": tokenizer.encode(text).ids[:40]} for text in texts]
    if pairs:
        encoded = [(pair, tokenizer.encode(*pair)) for pair in PAIRS]
        cases += [{"text": pair[0], "pair": pair[1], "ids": found.ids, "types": found.type_ids} for pair, found in encoded]
    return cases


def expect(folder, model, head, task, tokenizer, rng, score):
    expected = common.Expectations("head")
    config = model.config
    pairs = head in ("sequence", "question")
    typed = pairs and getattr(config, "type_vocab_size", 1) > 1
    cases = cases_of(tokenizer, rng, config.vocab_size, pairs, tokenizer.id_to_token(4) if head == "masked" else None)

    def run(case):
        inputs = {"input_ids": torch.tensor([case["ids"]])}
        if typed and "types" in case:
            inputs["token_type_ids"] = torch.tensor([case["types"]])
        found = model(**inputs)
        return np.stack([found.start_logits[0], found.end_logits[0]], -1) if head == "question" else found.logits[0].numpy()

    with torch.inference_mode():
        fp32 = [run(case) for case in cases]
        model.double()
        fp64 = [run(case) for case in cases]
        model.float()
    for case, single, double in zip(cases, fp32, fp64):
        if not typed:
            case.pop("types", None)
        expected.tolerance(single, double)
        if head != "sequence":
            case["rows"] = common.some_rows(len(case["ids"]))
            single = single[case["rows"]]
        case["offset"] = expected.append(single)
    labels = list(config.id2label.values()) if head in ("sequence", "tokens") else []
    expected.json.update(cases=cases, width=fp32[0].shape[-1], task=task, labels=labels, score=score, types=typed)
    expected.write(folder)


def cross_encoder(folder):
    """The folder as sentence-transformers saves a cross-encoder; what it predicts is what the model's numbers become."""
    model = CrossEncoder(str(folder), device="cpu")
    model.save_pretrained(str(folder))
    (folder / "README.md").unlink()


def make(name, folder):
    family, head = name.split("-")[:2]
    prefix, sizes = FAMILIES[family]
    suffix, task = HEADS[head]
    more, score = SETTINGS.get(name, ({}, "softmax"))
    rng = common.seeded(name)
    config = getattr(transformers, prefix + "Config")(**sizes, **more)
    model = getattr(transformers, prefix + suffix)(config).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    tokenizer, settings = tokenizer_of(family, sizes["vocab_size"])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    make_bert.write_json(folder / "tokenizer_config.json", settings)
    if name.endswith("-cross"):
        cross_encoder(folder)
    model = getattr(transformers, prefix + suffix).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expect(folder, model, head, task, tokenizer, rng, score)
    print(f"{name}: {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1000:.0f} kB")


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    everything = [f"{family}-{head}" for family in FAMILIES for head in HEADS]
    everything += ["bert-sequence-cross", "modernbert-sequence-mean", "modernbert-masked-own"]
    for wanted in sys.argv[2:] or everything:
        make(wanted, out / wanted)
