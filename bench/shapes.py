#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes GGUF files in the exact shapes of well-known models, filled with random codes: for time, memory and speed at sizes of
which no checkpoint is at hand. What they say makes no sense; every number is finite and as small as weights are.

In: the name of a model and of a format. Out: a GGUF file with the metadata, the tensors and the formats that llama.cpp gives the
model: Q4_K_M puts Q6_K where its rules do and Q5_0 and Q8_0 where rows are no multiple of 256; Q4_0 has its head in Q6_K. The
tokenizer is made up, but of the right size: byte-level BPE, each token a pair of earlier ones, the control tokens of the
model at their places. Codes are random, no two tensors alike, and come from a fixed seed: the same arguments give the same file. Weights are
written in pieces: memory stays below 0.2 GB, whatever the size. Needs numpy. No test makes such files; that llama.cpp and lmopt read
them and agree on tokens stands in docs/performance.md ("Sizes").

Usage: shapes.py DIR MODEL FORMAT [--layers N]     MODEL: llama-3.1-8b, qwen2.5-0.5b, qwen2.5-7b; writes DIR/MODEL-FORMAT.gguf
Source: docs/gguf.md of ggml-org/ggml; ggml-quants, llama-quant of llama.cpp; config.json of the models.
"""
import argparse
import dataclasses
import math
import pathlib
import struct

import numpy

ALIGNMENT, PIECE = 32, 8 << 20
SPREAD = 0.02  # standard deviation of the weights
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


@dataclasses.dataclass(frozen=True)
class Model:
    architecture: str
    name: str
    layers: int
    width: int
    hidden: int
    heads: int
    kv_heads: int
    head: int  # width of one
    context: int
    rope: float
    epsilon: float
    vocabulary: int
    tied: bool
    biases: bool
    pre: str
    controls: int  # where control tokens begin
    named: tuple  # their names; the others are reserved
    first: int | None  # token that begins a text
    end: int
    rope_factors: bool = False


LLAMA_CONTROLS = ("<|begin_of_text|>", "<|end_of_text|>", "<|reserved_0|>", "<|reserved_1|>", "<|finetune_right_pad_id|>", "<|reserved_2|>",
                  "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>")
QWEN_CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MODELS = {
    "llama-3.1-8b": Model("llama", "Llama 3.1 8B shape", 32, 4096, 14336, 32, 8, 128, 131072, 500000.0, 1e-5, 128256, False, False,
                          "llama-bpe", 128000, LLAMA_CONTROLS, 128000, 128001, True),
    "qwen2.5-0.5b": Model("qwen2", "Qwen2.5 0.5B shape", 24, 896, 4864, 14, 2, 64, 32768, 1000000.0, 1e-6, 151936, True, True,
                          "qwen2", 151643, QWEN_CONTROLS, None, 151643),
    "qwen2.5-7b": Model("qwen2", "Qwen2.5 7B shape", 28, 3584, 18944, 28, 4, 128, 131072, 1000000.0, 1e-6, 152064, False, True,
                        "qwen2", 151643, QWEN_CONTROLS, None, 151643),
}


#===--- Formats: random blocks of the form that ggml gives them ---===#

def halves(random, count, size):
    """f16 around a size: [count, 2] bytes."""
    return (size * random.uniform(0.8, 1.2, count)).astype("<f2").view(numpy.uint8).reshape(count, 2)


def plain(bits, rms, extra):
    """Blocks of 32 codes behind one scale."""
    def make(random, count):
        codes = random.integers(0, 256, (count, 4 * bits + extra), numpy.uint8)
        return numpy.concatenate([halves(random, count, SPREAD / rms), codes], axis=1)
    return make


def q4_k(random, count):
    """256 codes of 4 bits, eight scales and eight minima of 6 bits; each minimum is 7.5 scales, so that the mean is zero."""
    scale = SPREAD / (4.61 * 36.4)  # codes about their mean, and scales
    block = random.integers(0, 256, (count, 144), numpy.uint8)
    block[:, 0:2] = halves(random, count, scale)
    block[:, 2:4] = (7.5 * block[:, 0:2].copy().view("<f2").astype(numpy.float32)).astype("<f2").view(numpy.uint8)
    block[:, 8:12] = block[:, 4:8]  # scales and minima 0 to 3, and the high bits of the others
    block[:, 12:16] = (block[:, 12:16] & 15) * 17  # their low bits
    return block


def q6_k(random, count):
    """256 codes of 6 bits, sixteen scales of 8."""
    block = random.integers(0, 256, (count, 210), numpy.uint8)
    block[:, 192:208] = random.integers(-31, 32, (count, 16), numpy.int8).view(numpy.uint8)
    block[:, 208:210] = halves(random, count, SPREAD / (18.5 * 18.2))
    return block


@dataclasses.dataclass(frozen=True)
class Kind:
    code: int  # in the file
    values: int  # in a block
    size: int  # bytes of a block
    make: object


KINDS = {"Q4_0": Kind(2, 32, 18, plain(4, 4.61, 0)), "Q5_0": Kind(6, 32, 22, plain(4, 9.23, 4)), "Q8_0": Kind(8, 32, 34, plain(8, 73.9, 0)),
         "Q4_K": Kind(12, 256, 144, q4_k), "Q6_K": Kind(14, 256, 210, q6_k)}
NARROW = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}  # what takes their place in rows that are no multiple of 256
FILE_TYPES = {"Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15}


def has_more_bits(layer, layers):
    """Which layers of a Q4_K_M have attn_v and ffn_down in Q6_K: the first and the last eighth, and a third of the others."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def kind_of(format_name, role, width, layer, layers):
    """`role`: "head" for the table that makes logits, else the name of the tensor."""
    kind = {"Q4_K_M": "Q4_K"}.get(format_name, format_name)
    if kind != "Q8_0" and role == "head":
        kind = "Q6_K"
    if format_name == "Q4_K_M" and role in ("attn_v", "ffn_down") and has_more_bits(layer, layers):
        kind = "Q6_K"
    return NARROW.get(kind, kind) if width % 256 else kind


#===--- Tensors ---===#

@dataclasses.dataclass(frozen=True)
class Tensor:
    name: str
    sizes: tuple  # the innermost first
    kind: str = "F32"
    numbers: object = None  # of an F32

    def bytes(self):
        count = math.prod(self.sizes)
        return 4 * count if self.kind == "F32" else count // KINDS[self.kind].values * KINDS[self.kind].size


def rope_factors(model):
    """How Llama 3.1 stretches its angles: not at all below 8192 / 4 positions a turn, eightfold beyond 8192, smoothly between."""
    turns = 2 * math.pi * model.rope ** (numpy.arange(0, model.head, 2) / model.head)
    smooth = numpy.clip((8192 / turns - 1) / 3, 0, 1)
    return 1 / ((1 - smooth) / 8 + smooth)


def products(model):
    query, key = model.heads * model.head, model.kv_heads * model.head
    return {"attn_q": (model.width, query), "attn_k": (model.width, key), "attn_v": (model.width, key), "attn_output": (query, model.width),
            "ffn_gate": (model.width, model.hidden), "ffn_up": (model.width, model.hidden), "ffn_down": (model.hidden, model.width)}


def layer_tensors(model, format_name, layer):
    ones = numpy.ones(model.width)
    yield Tensor(f"blk.{layer}.attn_norm.weight", (model.width,), numbers=ones)
    yield Tensor(f"blk.{layer}.ffn_norm.weight", (model.width,), numbers=ones)
    for role, sizes in products(model).items():
        yield Tensor(f"blk.{layer}.{role}.weight", sizes, kind_of(format_name, role, sizes[0], layer, model.layers))
        if model.biases and role in ("attn_q", "attn_k", "attn_v"):
            yield Tensor(f"blk.{layer}.{role}.bias", (sizes[1],), numbers=0.1 * numpy.sin(numpy.arange(sizes[1]) + layer))


def tensors(model, format_name):
    table = (model.width, model.vocabulary)
    if model.rope_factors:
        yield Tensor("rope_freqs.weight", (model.head // 2,), numbers=rope_factors(model))
    yield Tensor("token_embd.weight", table, kind_of(format_name, "head" if model.tied else "token_embd", model.width, 0, 1))
    for layer in range(model.layers):
        yield from layer_tensors(model, format_name, layer)
    yield Tensor("output_norm.weight", (model.width,), numbers=numpy.ones(model.width))
    if not model.tied:
        yield Tensor("output.weight", table, kind_of(format_name, "head", model.width, 0, 1))


#===--- Metadata ---===#

def string(text):
    data = text.encode("utf8")
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    return string(content) if kind == STRING else struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], content)


def entry(key, kind, content):
    return string(key) + struct.pack("<I", kind) + value(kind, content)


def array(key, kind, contents):
    return string(key) + struct.pack("<IIQ", ARRAY, kind, len(contents)) + b"".join(value(kind, each) for each in contents)


def byte_letters():
    """How byte-level BPE writes the 256 bytes: as letters that can be seen."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte if byte in seen else next(spare)) for byte in range(256)]


def merges(letters, count):
    """Pairs of letters, then a pair and a letter: each gives a token that no other gives."""
    pairs = [(a, b) for a in letters for b in letters]
    triples = ((a + b, c) for a, b in pairs for c in letters)
    return (pairs + [next(triples) for _ in range(max(0, count - len(pairs)))])[:count]


def tokenizer(model):
    letters = byte_letters()
    joined = merges(letters, model.controls - len(letters))
    controls = [*model.named, *(f"<|spare_{i}|>" for i in range(model.vocabulary - model.controls - len(model.named)))]
    tokens = letters + [a + b for a, b in joined] + controls
    first = [entry("tokenizer.ggml.bos_token_id", UINT32, model.first)] if model.first is not None else []
    return [entry("tokenizer.ggml.model", STRING, "gpt2"), entry("tokenizer.ggml.pre", STRING, model.pre),
            array("tokenizer.ggml.tokens", STRING, tokens), array("tokenizer.ggml.token_type", INT32, [1] * model.controls + [3] * len(controls)),
            array("tokenizer.ggml.merges", STRING, [f"{a} {b}" for a, b in joined]), *first,
            entry("tokenizer.ggml.eos_token_id", UINT32, model.end), entry("tokenizer.ggml.add_bos_token", BOOL, model.first is not None)]


def metadata(model, format_name):
    numbers = {"block_count": model.layers, "context_length": model.context, "embedding_length": model.width, "feed_forward_length": model.hidden,
               "attention.head_count": model.heads, "attention.head_count_kv": model.kv_heads}
    if model.architecture == "llama":  # the others have no such entry
        numbers |= {"rope.dimension_count": model.head, "vocab_size": model.vocabulary}
    return [entry("general.architecture", STRING, model.architecture), entry("general.name", STRING, model.name),
            entry("general.file_type", UINT32, FILE_TYPES[format_name]), entry("general.quantization_version", UINT32, 2),
            *(entry(f"{model.architecture}.{key}", UINT32, number) for key, number in numbers.items()),
            entry(f"{model.architecture}.rope.freq_base", FLOAT32, model.rope),
            entry(f"{model.architecture}.attention.layer_norm_rms_epsilon", FLOAT32, model.epsilon), *tokenizer(model)]


#===--- The file ---===#

def padding(size):
    return bytes(-size % ALIGNMENT)


def write_tensor(file, tensor, random):
    if tensor.kind == "F32":
        file.write(tensor.numbers.astype("<f4").tobytes())
    else:
        kind = KINDS[tensor.kind]
        blocks, piece = math.prod(tensor.sizes) // kind.values, PIECE // kind.size
        for begin in range(0, blocks, piece):
            file.write(kind.make(random, min(piece, blocks - begin)).tobytes())
    file.write(padding(tensor.bytes()))


def write(path, model, format_name):
    listed, facts, heads, offset = list(tensors(model, format_name)), metadata(model, format_name), [], 0
    for tensor in listed:
        code = 0 if tensor.kind == "F32" else KINDS[tensor.kind].code
        heads.append(string(tensor.name) + struct.pack(f"<I{len(tensor.sizes)}QIQ", len(tensor.sizes), *tensor.sizes, code, offset))
        offset += tensor.bytes() + len(padding(tensor.bytes()))
    begin = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(facts)) + b"".join(facts + heads)
    with open(path, "wb") as file:
        file.write(begin + padding(len(begin)))
        for number, tensor in enumerate(listed):
            write_tensor(file, tensor, numpy.random.default_rng(number))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("format", choices=FILE_TYPES)
    parser.add_argument("--layers", type=int, help="fewer layers than the model has; for trying things out")
    args = parser.parse_args()
    model = MODELS[args.model]
    model = dataclasses.replace(model, layers=args.layers or model.layers)
    path = args.folder / f"{args.model}-{args.format}.gguf"
    write(path, model, args.format)
    print(f"{path}: {path.stat().st_size / 1e9:.3f} GB")


if __name__ == "__main__":
    main()
