#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Hugging Face checkpoint of Llama's kind with its linears in codes as GPTQ, AWQ or compressed-tensors store them, for measuring: what does
--recipe native lose in each?

Codes are the plain ones (extremes of a group, to nearest), not what these methods search for: what a maker loses by quantizing is not what is
measured, but what lmopt loses against the file as it then is. Packing is the tools' own (test/models/generate/make_packed.py).
In: a GGUF file that transformers reads. Out: a folder.
Usage: recode_packed.py IN.gguf OUT_DIR {gptq,awq,compressed} GROUP. Needs what make_packed.py needs.
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models" / "generate"))
import make_packed

CONFIGS = {"gptq": {"quant_method": "gptq", "checkpoint_format": "gptq", "bits": 4, "desc_act": False},
           "awq": {"quant_method": "awq", "version": "gemm", "bits": 4, "zero_point": True},
           "compressed": {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed"}}


def main(source, folder, method, group):
    folder, group = pathlib.Path(folder), int(group)
    source = pathlib.Path(source)
    model = transformers.AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float16)
    settings = {key: value for key, value in model.config.to_dict().items() if key not in ("quantization_config", "_model_name_or_path")}
    plain = type(model)(type(model.config).from_dict(settings)).to(torch.float16)  # one that does not remember the GGUF file
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors = {}
    quantize = {"gptq": make_packed.gptq, "awq": make_packed.awq, "compressed": make_packed.compressed}[method]
    for tensor, value in load_file(folder / "model.safetensors").items():
        module = tensor.removesuffix(".weight")
        if module.rsplit(".", 1)[-1] in make_packed.LINEARS:
            quantize(module, value.float(), tensors, group)
        else:
            tensors[tensor] = value
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(dict(config, quantization_config=CONFIGS[method]), indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
