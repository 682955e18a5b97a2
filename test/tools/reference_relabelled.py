#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two real models under the names and layouts of other families, which compute the same: does lmopt read them so?

SmolLM2 becomes Mistral (names), Phi-3 (fused matrices) and Qwen2 (biases of zero); MiniLM becomes DistilBERT (no segments: their row is added
to the positions), RoBERTa (positions begin behind the padding's) and ELECTRA (names). Such a folder is no checkpoint of that family: it shows that
trained weights go where they belong, which random ones show as well, at numbers as they are in practice. Each is saved by transformers, compiled in
f32, and its logits or vectors are compared with the donor's artifact and with transformers' own of the re-labelled model.
Usage: reference_relabelled.py BUILD_DIR MODELS [NAME...]      MODELS: as script/fetch-models makes it. Needs torch and transformers.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

PROMPT = [504, 3575, 282, 4649, 314, 1343, 2, 30, 1500, 282, 260, 5005, 3216, 418, 253, 17]
SENTENCE = [101, 1996, 4937, 2938, 2006, 1996, 13523, 1010, 1998, 1996, 3899, 2001, 2200, 4248, 1012, 102]
DISTILBERT = [("encoder.layer.", "transformer.layer."), ("attention.self.query", "attention.q_lin"), ("attention.self.key", "attention.k_lin"),
              ("attention.self.value", "attention.v_lin"), ("attention.output.dense", "attention.out_lin"),
              ("attention.output.LayerNorm", "sa_layer_norm"), ("intermediate.dense", "ffn.lin1"), ("output.dense", "ffn.lin2"),
              ("output.LayerNorm", "output_layer_norm")]


def mistral(weights, sizes):
    return transformers.MistralForCausalLM(transformers.MistralConfig(**sizes, sliding_window=None, head_dim=64)), weights


def phi3(weights, sizes):
    made = {}
    for name, value in weights.items():
        if ".q_proj." in name:
            parts = [value, weights[name.replace("q_proj", "k_proj")], weights[name.replace("q_proj", "v_proj")]]
            made[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif ".gate_proj." in name:
            made[name.replace("gate_proj", "gate_up_proj")] = torch.cat([value, weights[name.replace("gate_proj", "up_proj")]])
        elif not any(part in name for part in ("k_proj", "v_proj", "up_proj")):
            made[name] = value
    return transformers.Phi3ForCausalLM(transformers.Phi3Config(**sizes, pad_token_id=2, sliding_window=None)), made


def qwen2(weights, sizes):
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**sizes))
    biases = {name: torch.zeros_like(value) for name, value in model.state_dict().items() if name.endswith("_proj.bias")}
    return model, {**weights, **biases}


def distilbert(weights, sizes):
    made = {}
    for name, value in weights.items():
        for theirs, ours in DISTILBERT:
            name = name.replace(theirs, ours)
        made[name] = value
    made["embeddings.position_embeddings.weight"] = (weights["embeddings.position_embeddings.weight"] +
                                                     made.pop("embeddings.token_type_embeddings.weight")[0])
    return transformers.DistilBertModel(transformers.DistilBertConfig(
        vocab_size=sizes["vocab_size"], dim=384, n_layers=6, n_heads=12, hidden_dim=1536)), made


def roberta(weights, sizes):
    places = weights["embeddings.position_embeddings.weight"]
    made = dict(weights)
    made["embeddings.position_embeddings.weight"] = torch.cat([torch.zeros(1, 384), places])
    made["embeddings.token_type_embeddings.weight"] = weights["embeddings.token_type_embeddings.weight"][:1]
    config = transformers.RobertaConfig(**{**sizes, "max_position_embeddings": 513, "type_vocab_size": 1}, pad_token_id=0)
    return transformers.RobertaModel(config, add_pooling_layer=False), made


def electra(weights, sizes):
    return transformers.ElectraModel(transformers.ElectraConfig(**sizes, embedding_size=384)), weights


DECODERS, ENCODERS = {"mistral": mistral, "phi3": phi3, "qwen2": qwen2}, {"distilbert": distilbert, "roberta": roberta, "electra": electra}


class Donor:
    """A real model: its weights and sizes, what else a folder needs, and what its artifact computes of some ids."""

    def __init__(self, build, work, source, ids, model, names, files):
        self.build, self.work, self.ids, self.files = build, work, ids, files
        self.weights = {name: value for name, value in model.state_dict().items() if not name.startswith("pooler.")}
        self.sizes = {name: getattr(model.config, name) for name in names}
        self.found = self.run(source, "donor")

    def run(self, source, name):
        artifact, ids, out = self.work / f"{name}.so", self.work / "ids", self.work / "out"
        subprocess.run([self.build / "bin/lmopt", "--quiet", "compile", source, "--recipe", "f32", "-o", artifact], check=True)
        np.array(self.ids, "<i4").tofile(ids)
        subprocess.run([self.build / "bin/dump-logits", artifact, ids, out], check=True)
        return np.fromfile(out, "<f4")

    def compare(self, name, relabel, expected_of):
        model, weights = relabel(self.weights, self.sizes)
        left = model.load_state_dict(weights, strict=False)
        assert not left.unexpected_keys and all("position_ids" in key for key in left.missing_keys), left
        folder = self.work / name
        model.eval().save_pretrained(folder)
        for file in self.files:
            (folder / file.name).parent.mkdir(exist_ok=True)
            shutil.copytree(file, folder / file.name) if file.is_dir() else shutil.copy(file, folder)
        found, expected = self.run(folder, name), expected_of(model, self.ids)
        print(f"{name}: from its donor's artifact {np.abs(found - self.found).max():.2g}, from transformers "
              f"{np.abs(found - expected).max():.2g}, of {np.abs(expected).max():.3g}", flush=True)
        return np.abs(found - self.found).max() <= 1e-6 * np.abs(self.found).max()


def logits(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].numpy().reshape(-1)


def vector(model, ids):
    with torch.inference_mode():
        mean = model(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
    return mean / np.linalg.norm(mean)


def main():
    build, models, *names = sys.argv[1:]
    build, models = pathlib.Path(build), pathlib.Path(models)
    agree = True
    with tempfile.TemporaryDirectory() as work:
        if chosen := [name for name in DECODERS if not names or name in names]:
            model = transformers.AutoModelForCausalLM.from_pretrained(models, gguf_file="smol.gguf", dtype=torch.float32).eval()
            sizes = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                     "max_position_embeddings", "rms_norm_eps", "rope_parameters", "tie_word_embeddings"]
            donor = Donor(build, pathlib.Path(work), models / "smol.gguf", PROMPT, model, sizes, [])
            agree &= all([donor.compare(name, DECODERS[name], logits) for name in chosen])
        if chosen := [name for name in ENCODERS if not names or name in names]:
            folder = models / "minilm"
            model = transformers.AutoModel.from_pretrained(folder).eval()
            sizes = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings",
                     "type_vocab_size", "layer_norm_eps"]
            files = [folder / name for name in ("tokenizer.json", "tokenizer_config.json", "modules.json", "1_Pooling", "sentence_bert_config.json")]
            donor = Donor(build, pathlib.Path(work), folder, SENTENCE, model, sizes, files)
            agree &= all([donor.compare(name, ENCODERS[name], vector) for name in chosen])
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
