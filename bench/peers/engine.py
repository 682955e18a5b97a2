#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one peer on one model, in a process of its own, by the same words as `lmopt bench`.

Usage: engine.py DIR NAME --threads T [--rounds R]     one JSON object with the rates
       engine.py DIR --file GGUF --threads T [--rounds R] [--prompt P]   the same of llama.cpp on any file
       engine.py DIR --list [--kind decoder|encoder]   what there is and what lacks: {"name", "kind", "missing"} a line
       engine.py DIR --check                           the same for people; exit code 1 when anything lacks

DIR is what bench/peers/setup filled. Decoder (SmolLM2-135M): pp512 = tokens/s of a prompt of 512 random tokens, tg64 =
tokens/s of 64 single steps after it; with --prompt P the keys are those of `lmopt bench --prompt P`. Encoder (MiniLM-L6): sequences/s for 1x16, 1x128 and 32x128 (batch x tokens). Each the
best of several rounds after one that does not count. Ids are random; no tokenizer takes part.
"""
import argparse
import dataclasses
import importlib.util
import json
import os
import pathlib
import sys
import time
import typing

PROMPT, STEPS = 512, 64
SHAPES = [(1, 16), (1, 128), (32, 128)]
LEAST_SECONDS = 0.3  # shorter work is repeated for at least so long, as lmopt bench does


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(work, rounds):
    """The shortest of at least `rounds` runs after one that warms up."""
    seconds(work)
    times = []
    while len(times) < rounds or sum(times) < LEAST_SECONDS:
        times.append(seconds(work))
    return min(times)


def random_ids(shape, vocabulary):
    import numpy
    return numpy.random.default_rng(1).integers(1000, vocabulary, shape)  # special tokens come first in both vocabularies


def time_decoder(reset, feed, rounds, prompt=PROMPT):
    """`reset()` forgets everything, `feed(ids, position)` runs ids from there on and waits for the last one's logits."""
    ids = random_ids(prompt + STEPS, 49152).tolist()
    prompts, steps = [], []
    for _ in range(rounds + 1):
        reset()
        prompts.append(seconds(lambda: feed(ids[:prompt], 0)))
        steps.append(seconds(lambda: [feed(ids[i:i + 1], i) for i in range(prompt, prompt + STEPS)]))
    return {f"pp{prompt}": prompt / min(prompts[1:]), "tg64" if prompt == PROMPT else f"tg64_at{prompt}": STEPS / min(steps[1:])}


def time_encoder(encode, rounds):
    rates = {}
    for batch, length in SHAPES:
        ids = random_ids((batch, length), 30522)
        rates[f"{batch}x{length}"] = batch / best(lambda: encode(ids), rounds)
    return rates


# One function for each engine: (model file or folder, threads, rounds) -> rates.

def llama_cpp(path, threads, rounds, prompt=PROMPT):
    import ctypes
    import llama_cpp as api
    silent = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(silent, ctypes.c_void_p(None))
    api.llama_backend_init()
    model = api.llama_model_load_from_file(os.fsencode(path), api.llama_model_default_params())
    options = api.llama_context_default_params()
    options.n_ctx = prompt + max(STEPS, PROMPT)
    options.n_batch, options.n_ubatch = prompt, min(prompt, PROMPT)
    options.n_threads = options.n_threads_batch = threads
    options.flash_attn_type = 1  # on: the faster way on CPUs, too
    context = api.llama_init_from_model(model, options)

    def feed(ids, position):
        array = (api.llama_token * len(ids))(*ids)  # the batch only points to it
        if api.llama_decode(context, api.llama_batch_get_one(array, len(ids))):
            raise RuntimeError(f"llama_decode failed at position {position}")
        api.llama_synchronize(context)
    return time_decoder(lambda: api.llama_memory_clear(api.llama_get_memory(context), True), feed, rounds, prompt)


def compile_openvino(path, threads, **more):
    import openvino
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", **more}
    return openvino.Core().compile_model(path, "CPU", options).create_infer_request()


def openvino_decoder(path, threads, rounds):
    import numpy
    request = compile_openvino(path / "openvino_model.xml", threads)

    def feed(ids, position):
        end = position + len(ids)
        request.infer({"input_ids": numpy.array([ids], numpy.int64), "beam_idx": numpy.zeros(1, numpy.int32),
                       "attention_mask": numpy.ones((1, end), numpy.int64),
                       "position_ids": numpy.arange(position, end, dtype=numpy.int64)[None]})
    return time_decoder(request.reset_state, feed, rounds)


def ctranslate2_decoder(path, threads, rounds):
    """It has no single steps: generation of 65 tokens less generation of one is 64 steps."""
    import ctranslate2
    generator = ctranslate2.Generator(str(path), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads)
    vocabulary = json.loads((path / "vocabulary.json").read_text())
    prompt = [vocabulary[i] for i in random_ids(PROMPT, len(vocabulary))]

    def generate(count):
        generator.generate_batch([prompt], min_length=count, max_length=count, sampling_topk=1,
                                 include_prompt_in_result=False)
    first = best(lambda: generate(1), rounds)
    return {"pp512": PROMPT / first, "tg64": STEPS / (best(lambda: generate(1 + STEPS), rounds) - first)}


def onnxruntime(path, threads, rounds):
    import numpy
    import onnxruntime as runtime
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return time_encoder(
        lambda ids: session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}), rounds)


def openvino_encoder(precision):
    def run(path, threads, rounds):
        import numpy
        request = compile_openvino(path, threads, INFERENCE_PRECISION_HINT=precision)
        return time_encoder(
            lambda ids: request.infer({"input_ids": ids, "attention_mask": numpy.ones_like(ids)}), rounds)
    return run


def ctranslate2_encoder(path, threads, rounds):
    import ctranslate2
    encoder = ctranslate2.Encoder(str(path), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads)
    return time_encoder(lambda ids: encoder.forward_batch(ids.tolist()), rounds)


@dataclasses.dataclass
class Engine:
    kind: str
    package: str  # that must be importable
    model: str    # in DIR/models
    run: typing.Callable

    def missing(self, models):
        """Why it cannot be measured; empty when it can."""
        if importlib.util.find_spec(self.package) is None:
            return f"the package {self.package} is not installed"
        if not (models / self.model).exists():
            why = models / f"{self.model}.failed"  # convert.py
            return f"{self.model} is not there" + (f": {why.read_text().strip()}" if why.exists() else "")
        return ""


ENGINES = {
    "llama.cpp Q8_0": Engine("decoder", "llama_cpp", "smol-q8_0.gguf", llama_cpp),
    "llama.cpp Q4_0": Engine("decoder", "llama_cpp", "smol-q4_0.gguf", llama_cpp),
    "llama.cpp Q4_1": Engine("decoder", "llama_cpp", "smol.gguf", llama_cpp),
    "OpenVINO int8": Engine("decoder", "openvino", "smol-openvino-int8", openvino_decoder),
    "OpenVINO int4": Engine("decoder", "openvino", "smol-openvino-int4", openvino_decoder),
    "CTranslate2 int8": Engine("decoder", "ctranslate2", "smol-ctranslate2", ctranslate2_decoder),
    "ONNX Runtime f32": Engine("encoder", "onnxruntime", "minilm-f32.onnx", onnxruntime),
    "ONNX Runtime int8": Engine("encoder", "onnxruntime", "minilm-int8.onnx", onnxruntime),
    "OpenVINO f32": Engine("encoder", "openvino", "minilm-f32.xml", openvino_encoder("f32")),
    "OpenVINO bf16": Engine("encoder", "openvino", "minilm-f32.xml", openvino_encoder("bf16")),
    "OpenVINO int8, rest bf16": Engine("encoder", "openvino", "minilm-int8.xml", openvino_encoder("bf16")),
    "CTranslate2 encoder int8": Engine("encoder", "ctranslate2", "minilm-ctranslate2", ctranslate2_encoder),
}


def check(models):
    """What there is, then what lacks and why; whether nothing lacks."""
    lacks = {name: engine.missing(models) for name, engine in ENGINES.items()}
    ready = [name for name, reason in lacks.items() if not reason]
    print(f"peers: ready: {', '.join(ready) or 'none'}")
    for name, reason in lacks.items():
        if reason:
            print(f"peers: missing: {name}: {reason}")
    return len(ready) == len(lacks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("name", nargs="?", choices=ENGINES)
    parser.add_argument("--file", type=pathlib.Path, help="llama.cpp on this GGUF file")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--kind", choices=["decoder", "encoder"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=PROMPT, help="with --file: tokens before the single steps")
    args = parser.parse_args()
    models = args.folder / "models"
    if args.check:
        sys.exit(not check(models))
    if args.list:
        for name, engine in ENGINES.items():
            if args.kind in (None, engine.kind):
                print(json.dumps({"name": name, "kind": engine.kind, "missing": engine.missing(models)}))
        return
    os.environ["OMP_NUM_THREADS"] = str(args.threads)  # before the engine is loaded
    if args.file:
        print(json.dumps(llama_cpp(args.file, args.threads, args.rounds, args.prompt)))
        return
    if not args.name:
        parser.error("give the NAME of an engine, or --list")
    engine = ENGINES[args.name]
    if engine.missing(models):
        parser.error(f"{args.name}: {engine.missing(models)}")
    print(json.dumps(engine.run(models / engine.model, args.threads, args.rounds)))


if __name__ == "__main__":
    main()
