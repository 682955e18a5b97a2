#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the fixtures of weights in codes of other tools: a small Llama of random weights, quantized and packed by the tools' own code
(auto-gptq, autoawq, compressed-tensors), and what transformers computes with the numbers that this code unpacks.

  packed-gptq        codes of 4 bits, groups of 16 with zero points (stored less one), biases of zeros, g_idx as usual; the head, too
  packed-awq         codes of 4 bits, groups of 16 with zero points; the head, too
  packed-compressed  pack-quantized, 4 bits, groups of 32, symmetric; down_proj int-quantized, 8 bits, a scale a row

Usage: make_packed.py OUT_DIR. Needs torch, transformers, tokenizers, safetensors, and on PYTHONPATH the unpacked packages auto-gptq 0.7.1,
autoawq 0.2.9 and compressed-tensors 0.20 (pip download --no-deps; nothing of them is imported but packing).
"""
import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

import common
from make_decoders import LLAMA, randomize

SETTINGS = dict(LLAMA, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96, vocab_size=320, num_hidden_layers=1, tie_word_embeddings=False)
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def load(path):
    """A module of a package without the rest of the package, whose imports want GPUs."""
    for folder in sys.path:
        if (found := pathlib.Path(folder) / path).exists():
            spec = importlib.util.spec_from_file_location(found.stem, found)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise FileNotFoundError(path)


def affine(weight, group):
    """Codes 0 to 15, scales and zero points of each group of a matrix [OUT, IN]."""
    grouped = weight.reshape(weight.shape[0], -1, group)
    low, high = grouped.amin(-1).clamp(max=0), grouped.amax(-1).clamp(min=0)
    scales = ((high - low) / 15).half()
    zeros = (-low / scales.float()).round().clamp(1, 15).int()  # less one must not be negative: gptq cannot store that
    codes = (grouped / scales.float()[..., None] + zeros[..., None]).round().clamp(0, 15).int()
    return codes.reshape(weight.shape), scales, zeros


def symmetric(weight, group, bits):
    grouped = weight.reshape(weight.shape[0], -1, group)
    scales = (grouped.abs().amax(-1) / (2 ** (bits - 1) - 1)).bfloat16()
    codes = (grouped / scales.float()[..., None]).round().clamp(-2 ** (bits - 1), 2 ** (bits - 1) - 1).to(torch.int8)
    return codes.reshape(weight.shape), scales


def numbers(codes, scales, zeros=None):
    grouped = codes.reshape(*scales.shape, -1).float()
    if zeros is not None:
        grouped = grouped - zeros[..., None]
    return (grouped * scales.float()[..., None]).reshape(codes.shape)


def gptq(name, weight, tensors, group=16):
    module = load("auto_gptq/nn_modules/qlinear/qlinear_cuda_old.py")
    codes, scales, zeros = affine(weight, group)
    outputs, inputs = weight.shape
    linear = torch.nn.Linear(inputs, outputs, bias=False)
    linear.weight.data = numbers(codes, scales, zeros)
    packed = module.QuantLinear(4, group, inputs, outputs, bias=True)
    packed.pack(linear.half(), scales, zeros.half(), None)
    tensors.update({f"{name}.{key}": value for key, value in packed.state_dict().items()})
    unpacked = packed.float()(torch.eye(inputs)).t().float()  # its numbers are rounded to f16
    assert torch.allclose(unpacked, numbers(codes, scales, zeros), rtol=2.0 ** -10, atol=2.0 ** -24)
    return numbers(codes, scales, zeros)


def awq(name, weight, tensors, group=16):
    utils = load("awq/utils/packing_utils.py")
    codes, scales, zeros = affine(weight, group)
    place = lambda rows: sum(rows.reshape(rows.shape[0], -1, 8)[..., source].long() << (4 * i) for i, source in enumerate(utils.AWQ_ORDER))
    words = [torch.from_numpy(place(rows.t().contiguous()).numpy().astype(np.uint32).astype(np.int32)) for rows in (codes, zeros)]
    for tensor, value in zip(("qweight", "qzeros"), words):
        tensors[f"{name}.{tensor}"] = value
    tensors[name + ".scales"] = scales.t().contiguous()
    unpacked = utils.dequantize_gemm(*words, scales.t().float(), 4, group).t()
    assert torch.equal(unpacked, numbers(codes, scales, zeros))
    return unpacked


def compressed(name, weight, tensors, group=32):
    if name.endswith("down_proj"):
        codes, scales = symmetric(weight, weight.shape[1], 8)
        tensors[name + ".weight"] = codes
    else:
        helpers = load("compressed_tensors/compressors/pack_quantized/helpers.py")
        codes, scales = symmetric(weight, group, 4)
        tensors[name + ".weight_packed"] = helpers.pack_to_int32(codes, 4)
        tensors[name + ".weight_shape"] = torch.tensor(weight.shape)
        assert torch.equal(helpers.unpack_from_int32(tensors[name + ".weight_packed"], 4, weight.shape), codes)
    tensors[name + ".weight_scale"] = scales
    return numbers(codes, scales)


def scheme(bits, **more):
    return {"targets": more.pop("targets"), "input_activations": more.pop("inputs", None), "output_activations": None,
            "weights": {"num_bits": bits, "type": "int", "symmetric": True, "dynamic": False, **more}}


FIXTURES = {
    "packed-gptq": (gptq, LINEARS + ("lm_head",), {"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": False, "sym": False, "lm_head": True, "damp_percent": 0.01,
                                   "true_sequential": True, "static_groups": False, "checkpoint_format": "gptq"}),
    "packed-awq": (awq, LINEARS + ("lm_head",), {"quant_method": "awq", "bits": 4, "group_size": 16, "zero_point": True, "version": "gemm",
                                                "modules_to_not_convert": None}),
    "packed-compressed": (compressed, LINEARS, {
        "quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed", "ignore": ["lm_head"],
        "kv_cache_scheme": None, "config_groups": {
            "group_0": scheme(4, targets=["Linear"], strategy="group", group_size=32),
            "group_1": scheme(8, targets=["re:.*down_proj"], strategy="channel", group_size=None,
                              inputs={"num_bits": 8, "type": "int", "symmetric": True, "dynamic": True, "strategy": "token"})}})}


def make(name, folder):
    quantize, modules, config = FIXTURES[name]
    rng = common.seeded(name)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SETTINGS)).eval()
    randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.to(torch.float16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors, plain = {}, load_file(folder / "model.safetensors")
    for tensor, value in plain.items():
        module = tensor.removesuffix(".weight")
        if module.rsplit(".", 1)[-1] in modules:
            plain[tensor] = quantize(module, value.float(), tensors)
        else:
            tensors[tensor] = value
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SETTINGS)).eval()  # whose angles were never f16
    model.load_state_dict({key: value.float() for key, value in plain.items()})
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(dict(written, quantization_config=config), indent=2) + "\n")
    tokenizer = common.byte_level_tokenizer("smollm", SETTINGS["vocab_size"])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|end|>", "eos_token": "<|end|>"}) + "\n")
    common.decoder_cases(model, rng, [1, 2, 7, 17, 33], 8, tokenizer).write(folder)


if __name__ == "__main__":
    for fixture in FIXTURES:
        make(fixture, pathlib.Path(sys.argv[1]) / fixture)
