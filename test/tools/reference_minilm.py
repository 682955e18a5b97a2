#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the reference vectors of all-MiniLM-L6-v2 (any sentence-transformers BERT folder) in fp32.

In:  the model folder and two texts (.txt or .txt.gz) to take sentences from. Out, in one folder:
  minilm_sentences.json    [{"text": ..., "ids": [...]}, ...]: one word to far more than max_seq_length tokens, many scripts
  minilm_sentences.txt     the same texts, one a line, for `lmopt embed --file`
  minilm_vectors.npy       float32 [sentences, width] by sentence-transformers, each sentence encoded alone (no padding)
  minilm_layers.npz        one sentence: ids, what every module of every layer computes (named as in the lm dialect), vector
Needs torch, sentence-transformers, numpy: at development time only, never for script/test.
Usage: reference_minilm.py MODEL_DIR TEXT1 TEXT2 OUT_DIR [--threads 2]
"""
import argparse
import gzip
import json
import pathlib
import re

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

SHORT = "A small sentence, just for debugging."
OWN = [
    "Hello", "a", ".", "I", "unbelievable", "Supercalifragilisticexpialidocious", "42", "é", "你好", "😀", "C++", "'", "#",
    "Two words", "The cat sits on the mat.", "A cat is sitting on a mat.", "Dogs bark loudly at night.",
    "The quick brown fox jumps over the lazy dog.", "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG.",
    "How do I reset my password?", "I forgot my password, what should I do?", "What is the weather like today?",
    "The stock market fell sharply on Monday.", "Shares dropped steeply at the start of the week.",
    "Compilers translate programs into machine code.", "An optimizing compiler makes programs faster.",
    "Die Katze sitzt auf der Matte.", "Le chat est assis sur le tapis.", "El gato está sentado en la alfombra.",
    "Кошка сидит на коврике.", "猫坐在垫子上。", "猫がマットの上に座っています。", "고양이가 매트 위에 앉아 있다.", "القطة تجلس على السجادة.",
    "Γάτα κάθεται στο χαλί.", "बिल्ली चटाई पर बैठी है।", "แมวนั่งอยู่บนเสื่อ", "החתול יושב על השטיח.", "Pisica stă pe covoraș.",
    "Kedi paspasın üzerinde oturuyor.", "Mačka sjedi na prostirci.", "Con mèo ngồi trên tấm thảm.", "naïve café résumé coöperate",
    "naive cafe resume cooperate", "ﬁne ligature and ｆｕｌｌｗｉｄｔｈ", "e\u0301 combining versus \u00e9 composed", "İstanbul'da IŞIK",
    "zero\u200bwidth\u200dspace and soft\u00adhyphen", "tabs\tand   many    spaces", "emoji 👩‍👩‍👧‍👦 family and 🇫🇷 flag",
    "int main(void) { return printf(\"%d\\n\", 42) < 0; }", "for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];",
    "SELECT name, COUNT(*) FROM users WHERE age >= 18 GROUP BY name;", "https://example.org/a/b?c=d&e=f#g",
    "user.name+tag@example.co.uk", "3.14159265358979323846", "1,000,000 dollars and 50% off", "2026-11-23T04:56:42Z",
    "E = mc^2", "∑_{i=1}^{n} i = n(n+1)/2", "$ sudo apt-get install -y build-essential", "- [ ] a list item", "[CLS] literal specials [SEP]",
    "x" * 90, "x" * 150, "a b c d e f g h i j k l m n o p q r s t u v w x y z", "?!?!?!", "... --- ...", "no", "yes", "No.", "Yes!",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis", "the the the the the the the the",
]


def read_text(path):
    data = pathlib.Path(path).read_bytes()
    return (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf8", "replace")


def sentences(texts):
    """The own list, then 90 sentences and 40 pieces of growing length (up to about 500 words, to be truncated)."""
    words = " ".join(" ".join(re.sub(r"[\x00-\x1f]", " ", text).split()) for text in texts)
    found = [s for s in re.split(r"(?<=[.!?]) ", words[30000:]) if 15 < len(s) < 400]
    chosen = OWN + found[:: max(1, len(found) // 90)][:90]
    all_words = words.split()[4000:]
    position = 0
    for index in range(40):
        length = 2 + index * index * 500 // (39 * 39)
        chosen.append(" ".join(all_words[position:position + length]))
        position += length
    return chosen


def layer_outputs(model, ids):
    """Runs one sentence and keeps what each module gives, under the dialect's names ("layers.3.attn.q")."""
    names = {"attention.self.query": "attn.q", "attention.self.key": "attn.k", "attention.self.value": "attn.v",
             "attention.output.dense": "attn.o", "attention.output.LayerNorm": "attn_norm", "intermediate.dense": "ffn.up",
             "output.dense": "ffn.down", "output.LayerNorm": "ffn_norm"}
    found = {"ids": np.array(ids, np.int32)}

    def keep(name):
        def hook(module, inputs, output):
            found[name] = output.numpy()[0].copy()
        return hook

    handles = [model.embeddings.register_forward_hook(keep("embed_norm"))]
    for index, layer in enumerate(model.encoder.layer):
        handles += [layer.get_submodule(inner).register_forward_hook(keep(f"layers.{index}.{name}"))
                    for inner, name in names.items()]
    model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    for handle in handles:
        handle.remove()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts", nargs=2)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    model = SentenceTransformer(args.model, device="cpu", model_kwargs={"attn_implementation": "eager"}).eval()
    chosen = sentences([read_text(path) for path in args.texts])
    with torch.inference_mode():
        ids = [model.tokenize([text])["input_ids"][0].tolist() for text in chosen]
        vectors = np.stack([model.encode([text], show_progress_bar=False)[0] for text in chosen])
        short = layer_outputs(model[0].auto_model, model.tokenize([SHORT])["input_ids"][0].tolist())
        short["vector"] = model.encode([SHORT], show_progress_bar=False)[0]
    assert max(map(len, ids)) == model.max_seq_length and len(chosen) >= 200, (max(map(len, ids)), len(chosen))
    records = [{"text": text, "ids": row} for text, row in zip(chosen, ids)]
    (args.out / "minilm_sentences.json").write_text(json.dumps(records, ensure_ascii=False) + "\n", encoding="utf8")
    (args.out / "minilm_sentences.txt").write_text("\n".join(chosen) + "\n", encoding="utf8")
    np.save(args.out / "minilm_vectors.npy", vectors.astype(np.float32))
    np.savez(args.out / "minilm_layers.npz", **short)
    lengths = np.array([len(row) for row in ids])
    print(f"{len(chosen)} sentences, {lengths.min()}..{lengths.max()} tokens, {(lengths == model.max_seq_length).sum()} truncated")


if __name__ == "__main__":
    main()
