#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A directory of static embeddings against model2vec: vectors of texts by `lmopt embed`, and the ids of some of them.

Run by hand, since it needs the package model2vec. The texts are the paragraphs of a file, cut to 1500 characters, and a few in other scripts.
Says how many vectors are near (a token more or less moves one by far more) and the largest difference of a number; ends with 1 if one is not.
Usage: reference_static.py LMOPT FOLDER TEXT [--recipe RECIPE]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from model2vec import StaticModel

MORE = ["A man is eating food.", "O mercado de ações caiu hoje.", "Кошка сидит на коврике.", "猫坐在垫子上。", "ｆｕｌｌｗｉｄｔｈ ① ﬁ", "", "😀👍🏽 e\u0301"]


NEAR = {"f32": 1e-4, "bf16": 0.02, "int8": 0.02}  # of the length of a vector


def ask(options, texts):
    """The ids of the few, and all vectors."""
    with tempfile.TemporaryDirectory() as folder:
        file, artifact = pathlib.Path(folder) / "texts", pathlib.Path(folder) / "model.so"
        file.write_text("\n".join(texts) + "\n", encoding="utf8")

        def run(*arguments):
            return subprocess.run([options.lmopt, "--quiet", *map(str, arguments)], capture_output=True, text=True, check=True).stdout
        run("compile", options.folder, "--recipe", options.recipe, "-o", artifact)
        ids = [json.loads(run("tokenize", artifact, "--text", text))["tokens"] for text in MORE]
        return ids, np.array([json.loads(line) for line in run("embed", artifact, "--file", file).splitlines()], np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmopt")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--recipe", default="f32")
    options = parser.parse_args()
    paragraphs = options.text.read_text(encoding="utf8").split("\n\n")
    texts = MORE + [" ".join(paragraph.split())[:1500] for paragraph in paragraphs if paragraph.strip()]
    model = StaticModel.from_pretrained(options.folder)
    ids, found = ask(options, texts)
    wanted = np.asarray(model.encode(texts, use_multiprocessing=False), np.float32)
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    same = sum(ours == theirs for ours, theirs in zip(ids, model.tokenize(MORE)))
    errors = np.linalg.norm(found - wanted, axis=1) / np.maximum(np.linalg.norm(wanted, axis=1), 1e-9)
    near = int((errors <= NEAR[options.recipe]).sum())
    print(f"{options.folder.name} {options.recipe}: {same} of {len(MORE)} texts have the same ids; {near} of {len(texts)} vectors are near, "
          f"numbers differ by at most {np.abs(found - wanted).max():.2g}, a vector by {errors.max():.2g} of its length")
    sys.exit(same < len(MORE) or near < len(texts))


if __name__ == "__main__":
    main()
