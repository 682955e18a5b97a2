#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixture bert-qat: the weights of bert-mean with ranges of quantization-aware training, and the vectors that NumPy computes.

Layer 0 has its ranges as NVIDIA's tools write them (of weights, and of what linears read), layer 1 as PyTorch does (of weights, and of what
linears and norms make), one of those switched off. Ranges are narrower than what they are of, so that codes are clamped, and reach -128.
The model is computed here from its definition, with codes by the formulas of the tools' kernels, in float32 and in float64. The token ids
are such that no number is so near the middle between two codes that another order of sums would choose the other one.
Usage: make_qat.py MODELS_DIR. Needs NumPy and MODELS_DIR/bert-mean.
"""
import json
import math
import pathlib
import shutil
import sys
import zlib

import numpy as np

NAME, BASE = "bert-qat", "bert-mean"
LENGTHS, TEXTS = [1, 2, 5, 9, 16], 2
MARGIN = 1e-4  # of a step: a hundred roundings of float32 of the greatest codes
f32 = np.float32
erf = np.vectorize(math.erf)


def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, start = json.loads(data[8:8 + size]), 8 + size
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
    return {name: np.frombuffer(data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]],
                                kinds[entry["dtype"]]).reshape(entry["shape"]) for name, entry in header.items()}


def write_safetensors(path, tensors):
    kinds = {"<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "|u1": "U8"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in sorted(tensors.items()):
        raw = np.asarray(array, order="C").tobytes()
        header[name] = {"dtype": kinds[np.asarray(array).dtype.str], "shape": list(np.shape(array)), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


class Range:
    """code = clamp(rint(x * factor) + zero, least, greatest); the factor as the kernels compute it, in float32."""

    def __init__(self, number, steps, zero, least, greatest):
        number = np.asarray(number, f32)
        self.factor, self.step = f32(steps) / number, number / f32(steps)
        self.zero, self.least, self.greatest = zero, least, greatest

    def __call__(self, x, model=None):
        scaled = x * self.factor.astype(x.dtype)
        if model:
            inside = (scaled > self.least - self.zero) & (scaled < self.greatest - self.zero)
            distance = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5)[inside]
            model.margin = min(model.margin, float(distance.min(initial=1)))
        codes = np.clip(np.rint(scaled) + self.zero, self.least, self.greatest)
        return (codes - self.zero) * self.step.astype(x.dtype)


class Model:
    def __init__(self, tensors, config):
        self.tensors, self.config = tensors, config
        self.weights, self.inputs, self.outputs = {}, {}, {}  # ranges by module
        self.seen, self.margin = {}, 1.0

    def tensor(self, name, like):
        return self.tensors[name].astype(like.dtype)

    def ranged(self, ranges, module, x):
        self.seen.setdefault((ranges is self.inputs, module), []).append((float(x.min()), float(x.max())))
        return ranges[module](x, self) if module in ranges else x

    def linear(self, module, x):
        weight = self.tensors[module + ".weight"].astype(f32)
        weight = (self.weights[module](weight) if module in self.weights else weight).astype(x.dtype)
        y = self.ranged(self.inputs, module, x) @ weight.T + self.tensor(module + ".bias", x)
        return self.ranged(self.outputs, module, y)

    def norm(self, module, x):
        centred = x - x.mean(-1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + x.dtype.type(self.config["layer_norm_eps"]))
        return self.ranged(self.outputs, module, y * self.tensor(module + ".weight", x) + self.tensor(module + ".bias", x))

    def attention(self, layer, x):
        heads = self.config["num_attention_heads"]
        q, k, v = (self.linear(f"{layer}.attention.self.{part}", x).reshape(len(x), heads, -1) for part in ("query", "key", "value"))
        scores = np.einsum("ihd,jhd->hij", q, k) / x.dtype.type(math.sqrt(q.shape[-1]))
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return self.linear(f"{layer}.attention.output.dense", np.einsum("hij,jhd->ihd", p, v).reshape(x.shape))

    def run(self, ids, dtype):
        table = lambda name: self.tensors[f"embeddings.{name}_embeddings.weight"].astype(dtype)  # noqa: E731
        x = table("word")[ids] + table("token_type")[0] + table("position")[:len(ids)]
        x = self.norm("embeddings.LayerNorm", x)
        for number in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{number}"
            x = self.norm(f"{layer}.attention.output.LayerNorm", x + self.attention(layer, x))
            h = self.linear(f"{layer}.intermediate.dense", x)
            h = (h * (1 + erf(h / math.sqrt(2))) / 2).astype(dtype)
            x = self.norm(f"{layer}.output.LayerNorm", x + self.linear(f"{layer}.output.dense", h))
        vector = x.mean(0)
        return vector / np.sqrt((vector**2).sum())

    def seen_of(self, is_input, module):
        low, high = zip(*self.seen[is_input, module])
        return f32(min(low)), f32(max(high))


def modules(layer):
    return [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")] + [
        f"{layer}.attention.output.dense", f"{layer}.intermediate.dense", f"{layer}.output.dense"]


def add_nvidia(model, extra, layer):
    for number, module in enumerate(modules(layer)):
        top = f32(0.97) * np.abs(model.tensors[module + ".weight"].astype(f32)).max(-1, keepdims=True)
        if number == 4:
            top = np.array(top.max(), f32)  # one for all rows
        low, high = model.seen_of(True, module)
        whole = np.array(f32(0.9) * max(-low, high), f32)
        prefix = "_" if number % 2 == 0 else ""  # both tools' spellings
        extra[f"{module}.{prefix}weight_quantizer._amax"], extra[f"{module}.{prefix}input_quantizer._amax"] = top, whole
        model.weights[module], model.inputs[module] = Range(top, 127, 0, -128, 127), Range(whole, 127, 128, 0, 255)


def add_fake_quantize(extra, prefix, scale, zero, low, high, on=1):
    flags = {"fake_quant_enabled": np.array([on], np.uint8), "observer_enabled": np.array([0], np.uint8)}
    extra.update({prefix + name: value for name, value in flags.items()})
    extra[prefix + "scale"], extra[prefix + "zero_point"] = np.atleast_1d(scale), np.atleast_1d(zero).astype(np.int32)
    observed = {"min_val": low, "max_val": high, "eps": np.array([np.finfo(f32).eps], f32)}
    extra.update({prefix + "activation_post_process." + name: np.asarray(value, f32) for name, value in observed.items()})


def add_pytorch(model, extra, layer):
    for module in modules(layer):
        weight = model.tensors[module + ".weight"].astype(f32)
        low, high = np.minimum(weight.min(-1), 0), np.maximum(weight.max(-1), 0)
        scale = np.maximum(-low, high) / f32(127.5)
        add_fake_quantize(extra, module + ".weight_fake_quant.", scale, np.zeros(len(scale)), low, high)
        model.weights[module] = Range(scale[:, None], 1, 0, -128, 127)
    made = [*modules(layer), f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for number, module in enumerate(made):
        low, high = (f32(0.9) * bound for bound in model.seen_of(False, module))
        codes = 127 if number % 2 else 255  # with and without reduce_range
        scale = (max(high, f32(0)) - min(low, f32(0))) / f32(codes)
        zero = int(np.clip(-np.rint(low / scale), 0, codes))
        is_off = module.endswith("key")
        add_fake_quantize(extra, module + ".activation_post_process.", scale, zero, low, high, on=0 if is_off else 1)
        if not is_off:
            model.outputs[module] = Range(scale, 1, zero, 0, codes)


def compute(model, ids):
    """float32 and float64 vectors, or nothing when a code is not certain."""
    model.margin = 1.0
    fp64 = model.run(ids, np.float64)
    return (model.run(ids, f32), fp64) if model.margin > MARGIN else None


def find_cases(model, base, config):
    """Random ids of each length, and the first texts, that are certain; with their vectors."""
    random, found = np.random.default_rng(zlib.crc32(NAME.encode())), []
    for length in LENGTHS:
        draws = ({"ids": random.integers(5, config["vocab_size"], length).tolist()} for _ in range(10000))
        found.append(next((case, vectors) for case in draws if (vectors := compute(model, case["ids"]))))
    texts = ({"ids": case["ids"], "text": case["text"]} for case in base["cases"] if case.get("text") and len(case["ids"]) < 12)
    return found + [(case, vectors) for case in texts if (vectors := compute(model, case["ids"]))][:TEXTS]


def make(models):
    base, folder = models / BASE, models / NAME
    shutil.copytree(base, folder, dirs_exist_ok=True)
    config, expected = json.loads((base / "config.json").read_text()), json.loads((base / "expected.json").read_text())
    tensors = {name: value for name, value in read_safetensors(base / "model.safetensors").items() if "pooler" not in name}
    model, extra = Model(tensors, config), {}
    for case in expected["cases"]:
        model.run(case["ids"], np.float64)
    add_nvidia(model, extra, "encoder.layer.0")
    add_pytorch(model, extra, "encoder.layer.1")
    write_safetensors(folder / "model.safetensors", {**tensors, **extra})
    cases, vectors = zip(*find_cases(model, expected, config))
    largest = max(float(np.abs(double).max()) for _, double in vectors)
    error = max(float(np.abs(single - double).max()) for single, double in vectors)
    for number, case in enumerate(cases):
        case["offset"] = number * config["hidden_size"]
    expected.update(cases=list(cases), largest=largest, tolerance=float(f"{16 * max(error, largest * 2.0**-24):.3g}"))
    (folder / "expected.bin").write_bytes(np.concatenate([single for single, _ in vectors]).astype("<f4").tobytes())
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf8")
    print(f"{NAME}: {len(cases)} cases, tolerance {expected['tolerance']}")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
