#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converts the two real models into each peer's own format, with each peer's own tool and its usual settings.

Usage: convert.py MODELS [STEP...]      all steps that are not done yet, or the named ones

What is there is left alone; a step that fails is reported and does not stop the others: why stands in MODELS/NAME.failed,
where engine.py looks for it, and the exit code is 1. Results carry their final name only when they are whole. Its packages
are those of requirements.txt (test/tools/peers.py compares).
"""
import ctypes
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import traceback
import typing

os.environ.setdefault("HF_HUB_OFFLINE", "1")
PROGRAMS = pathlib.Path(sys.executable).parent
GGUF_TYPES = {"smol-q8_0.gguf": 7, "smol-q4_0.gguf": 2}  # LLAMA_FTYPE_MOSTLY_*


def llama_gguf(models, target):
    import llama_cpp
    silent = llama_cpp.llama_log_callback(lambda *_: None)  # a line a tensor says nothing to anyone here
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(None))
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = next(number for name, number in GGUF_TYPES.items() if target.name.endswith(name))
    options.allow_requantize = True
    failed = llama_cpp.llama_model_quantize(os.fsencode(models / "smol.gguf"), os.fsencode(target), ctypes.byref(options))
    if failed:
        raise RuntimeError(f"llama_model_quantize returned {failed}")


def smol_float(models, target):
    """The GGUF file as a Hugging Face directory in f32. Its tokenizer is not faithful: peers are fed ids, never text."""
    import accelerate  # noqa: F401  transformers opens GGUF files with it and with gguf
    import gguf  # noqa: F401
    import torch
    import transformers
    source = dict(pretrained_model_name_or_path=str(models), gguf_file="smol.gguf")
    transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32).save_pretrained(target)
    transformers.AutoTokenizer.from_pretrained(**source).save_pretrained(target)


def ctranslate2(source):
    def make(models, target):
        subprocess.run([PROGRAMS / "ct2-transformers-converter", "--model", models / source, "--output_dir", target,
                        "--quantization", "int8"], check=True)
    return make


def openvino_decoder(*weights):
    def make(models, target):
        subprocess.run([PROGRAMS / "optimum-cli", "export", "openvino", "--model", models / "smol-f32", "--task",
                        "text-generation-with-past", *weights, target], check=True)
    return make


def minilm_onnx(models, target):
    """Token vectors before pooling: pooling is a small sum that every engine leaves to its caller."""
    import torch
    import transformers
    model = transformers.AutoModel.from_pretrained(models / "minilm", attn_implementation="eager").eval()

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, input_ids, attention_mask):
            types = torch.zeros_like(input_ids)
            return self.inner(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=types).last_hidden_state

    ids = torch.ones((2, 16), dtype=torch.int64)
    axes = {0: torch.export.Dim("batch", min=1, max=256), 1: torch.export.Dim("length", min=2, max=512)}
    torch.onnx.export(Encoder(), (ids, torch.ones_like(ids)), str(target), dynamo=True, external_data=False,
                      input_names=["input_ids", "attention_mask"], output_names=["vectors"],
                      dynamic_shapes={"input_ids": axes, "attention_mask": axes})


def minilm_onnx_int8(models, target):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(models / "minilm-f32.onnx", target, weight_type=QuantType.QInt8, per_channel=True)


def minilm_openvino(models, target):
    import openvino
    openvino.save_model(openvino.convert_model(models / "minilm-f32.onnx"), target, compress_to_fp16=False)


def minilm_openvino_int8(models, target):
    """Static quantization, OpenVINO's way to int8 activations; random ids calibrate it, which is fair to speed only."""
    import nncf
    import numpy
    import openvino
    random = numpy.random.default_rng(1)
    samples = [{"input_ids": random.integers(1000, 30000, (1, 128)), "attention_mask": numpy.ones((1, 128), numpy.int64)}
               for _ in range(64)]
    model = nncf.quantize(openvino.convert_model(models / "minilm-f32.onnx"), nncf.Dataset(samples),
                          model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples))
    openvino.save_model(model, target)


@dataclasses.dataclass
class Step:
    make: typing.Callable  # (models, target)
    needs: str = ""        # what another step makes


# In order: some start from what others made.
STEPS = {
    "smol-q8_0.gguf": Step(llama_gguf),
    "smol-q4_0.gguf": Step(llama_gguf),
    "smol-f32": Step(smol_float),
    "smol-ctranslate2": Step(ctranslate2("smol-f32"), needs="smol-f32"),
    "smol-openvino-int8": Step(openvino_decoder("--weight-format", "int8"), needs="smol-f32"),
    "smol-openvino-int4": Step(openvino_decoder("--weight-format", "int4", "--sym", "--group-size", "64"), needs="smol-f32"),
    "minilm-f32.onnx": Step(minilm_onnx),
    "minilm-int8.onnx": Step(minilm_onnx_int8, needs="minilm-f32.onnx"),
    "minilm-f32.xml": Step(minilm_openvino, needs="minilm-f32.onnx"),
    "minilm-int8.xml": Step(minilm_openvino_int8, needs="minilm-f32.onnx"),
    "minilm-ctranslate2": Step(ctranslate2("minilm")),
}


def convert(models, name):
    step = STEPS[name]
    if step.needs and not (models / step.needs).exists():
        raise RuntimeError(f"it is made from {step.needs}, which could not be made")
    partial = models / f"partial-{name}"
    shutil.rmtree(partial, ignore_errors=True)
    step.make(models, partial)
    for file in models.glob(f"{partial.stem}.*"):  # OpenVINO writes NAME.bin beside NAME.xml
        if file != partial:
            file.rename(models / file.name.removeprefix("partial-"))
    partial.rename(models / name)


def attempt(models, name):
    """Whether the result is there now. Whatever a foreign tool may throw: the other peers can still be measured."""
    why = models / f"{name}.failed"
    why.unlink(missing_ok=True)
    if (models / name).exists():
        return True
    print(f"peers: converting {name}", flush=True)
    try:
        convert(models, name)
        return True
    except Exception as error:
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        why.write_text(reason + "\n")
        print(f"peers: {name} could not be made: {reason}", file=sys.stderr)
        return False


def main():
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(STEPS):
        sys.exit(f"{__doc__}\nsteps: {' '.join(STEPS)}")
    models = pathlib.Path(sys.argv[1]).resolve()
    made = [attempt(models, name) for name in sys.argv[2:] or STEPS]
    sys.exit(not all(made))


if __name__ == "__main__":
    main()
