#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny static embeddings (a random vector for each token) and the vectors that model2vec and sentence-transformers compute.

static-words: model2vec's older layout, fp16, WordPiece, unknown tokens that must not count, a limit of 16 tokens, a tokenizer.json with a
    frame and a class that must not matter; the modules.json that model2vec writes beside it.
static-clusters: the newer layout, a config.json without a class: clusters of tokens (I8), a weight for each token, Unigram; not
    normalized.
static-sentence: sentence-transformers' module without a config.json, behind it two Dense and a Normalize; the limit is tokenizer.json's;
    prompts.
Usage: make_static.py OUT_DIR [NAME...]. Needs torch, tokenizers, sentence-transformers, model2vec.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding

import common

WIDTH = 36
PROMPTS = {"query": "Find: ", "passage": "", "Größe": "Größe café: "}


def tokenizer_of(name):
    """The tokenizer, and how many tokens it has."""
    if name == "static-words":
        return common.wordpiece_tokenizer(251)
    tokenizer = common.unigram_tokenizer("albert" if name == "static-clusters" else "xlm-roberta", 119 if name == "static-clusters" else 131)
    return tokenizer


CUT = {"static-words": 16, "static-sentence": 20}  # tokens of a text, at most


def make_words(folder, rng, tokenizer):
    vectors = rng.normal(0, 1, (tokenizer.get_vocab_size(), WIDTH)).astype(np.float16)
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "tokenizer_name": "none", "apply_pca": WIDTH, "apply_zipf": True,
              "sif_coefficient": 1e-4, "hidden_dim": WIDTH, "seq_length": 1000000}
    StaticModel(vectors, tokenizer, config, normalize=True, max_length=CUT["static-words"]).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", "model_max_length": 3}) + "\n")
    return StaticModel.from_pretrained(folder)


def make_clusters(folder, rng, tokenizer):
    tokens, clusters = tokenizer.get_vocab_size(), 40
    StaticModel(rng.integers(-127, 128, (clusters, WIDTH)).astype(np.int8), tokenizer, {}, normalize=False,
                weights=rng.uniform(0.1, 2, tokens).astype(np.float32), token_mapping=rng.integers(0, clusters, tokens),
                max_length=None).save_pretrained(folder)
    (folder / "modules.json").unlink()
    return StaticModel.from_pretrained(folder)


def make_sentence(folder, rng, tokenizer):
    vectors = rng.normal(0, 1, (tokenizer.get_vocab_size(), WIDTH)).astype(np.float32)
    tokenizer.enable_truncation(CUT["static-sentence"], direction="left")
    modules = [StaticEmbedding(tokenizer, embedding_weights=vectors), Dense(WIDTH, 24, activation_function=torch.nn.Tanh()),
               Dense(24, 40, bias=False, activation_function=torch.nn.Identity()), Normalize()]
    model = SentenceTransformer(modules=modules, prompts=PROMPTS, default_prompt_name="query", device="cpu")
    model.save_pretrained(str(folder))
    return SentenceTransformer(str(folder), device="cpu")


def run(name, model, ids):
    """The vector of tokens, in this precision."""
    if name == "static-sentence":
        features = {"input_ids": torch.tensor(ids, dtype=torch.long), "offsets": torch.tensor([0])}
        return model(features)["sentence_embedding"][0].numpy()
    return None


def by_numpy(model, ids, kind):
    """What StaticModel does with tokens, in this precision: its own interface takes texts only, and gives fp16 for fp16."""
    rows = model.embedding[model.token_mapping[ids] if model.token_mapping is not None else ids].astype(kind)
    if model.weights is not None:
        rows = rows * model.weights[ids][:, None].astype(kind)
    vector = rows.mean(axis=0)
    return vector / np.linalg.norm(vector) if model.normalize else vector


def of_text(name, model, text):
    if name == "static-sentence":
        return model.encode([text], prompt="", show_progress_bar=False)[0]
    return model.encode([text], use_multiprocessing=False)[0]


def ids_of(name, model, text):
    if name == "static-sentence":
        return model[0].tokenizer.encode(text, add_special_tokens=False).ids
    return model.tokenize([text])[0]


def expect(name, folder, model, rng, vocabulary):
    expected = common.Expectations("encoder")
    lengths = (1, 2, 3, 7, 15, 16, 17, 33) if name != "static-words" else (1, 2, 3, 7, 15, 16)
    cases = [{"ids": rng.integers(0, vocabulary, length).tolist()} for length in lengths]
    texts = [{"text": text, "ids": ids_of(name, model, text)} for text in common.TEXTS]
    cases += [{"ids": entry["ids"], "text": entry["text"]} for entry in texts if entry["ids"]]
    for case in cases:
        if name == "static-sentence":
            with torch.inference_mode():
                single = run(name, model.float(), case["ids"])
                double = run(name, model.double(), case["ids"])
                model.float()
        else:
            single, double = (by_numpy(model, case["ids"], kind) for kind in (np.float32, np.float64))
        # The whole way from the text agrees; model2vec itself computes fp16 models in fp16, and cuts texts by characters first.
        limit = (model.max_length or 0) * model.median_token_length if name != "static-sentence" else 0
        if "text" in case and (not limit or len(case["text"]) <= limit):
            bound = 2e-3 if name == "static-words" else 1e-5 * np.abs(single).max()
            assert np.abs(of_text(name, model, case["text"]) - single).max() <= bound, case
        expected.tolerance(single, double)
        case["offset"] = expected.append(single)
    if name == "static-sentence":
        expected.json["prompts"] = [{"name": prompt, "text": text, "offset": expected.append(
            model.encode([text], **({"prompt_name": prompt} if prompt else {}), show_progress_bar=False)[0])}
            for prompt in ("", *PROMPTS) for text in ("Hello world", "")]
    expected.json.update(cases=cases, width=len(single), tokenizer=texts)
    if name in CUT:  # as they become tokens: there is nothing left to cut
        expected.json["cut"] = CUT[name]
    expected.write(folder)


MAKERS = {"static-words": make_words, "static-clusters": make_clusters, "static-sentence": make_sentence}


def make(name, folder):
    rng = common.seeded(name)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer_of(name)
    model = MAKERS[name](folder, rng, tokenizer)
    (folder / "README.md").unlink(missing_ok=True)
    expect(name, folder, model, rng, tokenizer.get_vocab_size())
    print(f"{name}: {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1000:.0f} kB")


if __name__ == "__main__":
    for wanted in sys.argv[2:] or MAKERS:
        make(wanted, pathlib.Path(sys.argv[1]) / wanted)
