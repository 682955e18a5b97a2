# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints of random numbers in the shapes of well-known models, for speed where no such checkpoint is at hand: GGUF files, written
as fast as the disk takes them. What a GPU draws, and so how fast it runs, depends on the bits: they are random, never zeros. Each
tensor repeats sixteen rows, the same in every layer, so that what is compiled of it can be carried as a megabyte or two (carry.py).

Shapes: SmolLM2-135M, Llama-3.2-1B, Llama-2-7B (their config.json; 4096 positions, whose angles nothing makes smaller), and a tiny one for tests. Source of the format: docs/gguf.md of ggml-org/ggml.
"""
import math
import os
import struct

ALIGNMENT, POOL_BLOCKS, ROWS, STRIDE = 32, 1 << 17, 16, 1009
SHAPES = {
    "tiny": {"layers": 2, "width": 64, "hidden": 160, "heads": 4, "kv_heads": 2, "vocabulary": 320, "tied": True, "positions": 128},
    "llama-135m": {"layers": 30, "width": 576, "hidden": 1536, "heads": 9, "kv_heads": 3, "vocabulary": 49152, "tied": True,
                   "positions": 4096},
    "llama-1b": {"layers": 16, "width": 2048, "hidden": 8192, "heads": 32, "kv_heads": 8, "vocabulary": 128256, "tied": True,
                 "positions": 4096},
    "llama-7b": {"layers": 32, "width": 4096, "hidden": 11008, "heads": 32, "kv_heads": 32, "vocabulary": 32000, "tied": False,
                 "positions": 4096},
}
F32, Q4_0, BF16 = 0, 2, 30
STRING, UINT32, FLOAT32, INT32, ARRAY, BOOL = 8, 4, 6, 5, 9, 7


def bf16_pool():
    """Numbers between 2^-7 and 2^-6, with either sign."""
    low = os.urandom(32 * POOL_BLOCKS).translate(bytes(i & 0x7F for i in range(256)))
    high = os.urandom(32 * POOL_BLOCKS).translate(bytes(0x3C | i & 0x80 for i in range(256)))
    pool = bytearray(64 * POOL_BLOCKS)
    pool[0::2], pool[1::2] = low, high
    return bytes(pool)


def q4_0_pool():
    """Blocks of 32 codes of 4 bits behind a scale in f16 of 2^-9."""
    pool = bytearray(os.urandom(18 * POOL_BLOCKS))
    pool[0::18], pool[1::18] = bytes(POOL_BLOCKS), bytes([0x18]) * POOL_BLOCKS
    return bytes(pool)


POOLS = {Q4_0: (q4_0_pool, 18), BF16: (bf16_pool, 64)}
KINDS = {"q4_0": Q4_0, "bf16": BF16}


def string(text):
    data = text.encode("utf8")
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    if kind == STRING:
        return string(content)
    return struct.pack({UINT32: "<I", FLOAT32: "<f", INT32: "<i", BOOL: "<?"}[kind], content)


def entry(key, kind, content):
    return string(key) + struct.pack("<I", kind) + value(kind, content)


def array(key, kind, contents):
    return string(key) + struct.pack("<IIQ", ARRAY, kind, len(contents)) + b"".join(value(kind, each) for each in contents)


def byte_letters():
    """How GPT-2 writes bytes that are no letters."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def tokenizer(vocabulary):
    """One token a byte; the others are never made of text."""
    tokens = ["<|end|>", *byte_letters()]
    tokens += [f"<|spare{i}|>" for i in range(len(tokens), vocabulary)]
    kinds = [3] + [1] * 256 + [4] * (vocabulary - 257)
    return [entry("tokenizer.ggml.model", STRING, "gpt2"), entry("tokenizer.ggml.pre", STRING, "smollm"),
            array("tokenizer.ggml.tokens", STRING, tokens), array("tokenizer.ggml.token_type", INT32, kinds),
            array("tokenizer.ggml.merges", STRING, []), entry("tokenizer.ggml.bos_token_id", UINT32, 0),
            entry("tokenizer.ggml.eos_token_id", UINT32, 0), entry("tokenizer.ggml.add_bos_token", BOOL, False)]


def metadata(shape):
    own = {"block_count": shape["layers"], "context_length": shape["positions"], "embedding_length": shape["width"],
           "feed_forward_length": shape["hidden"], "attention.head_count": shape["heads"], "attention.head_count_kv": shape["kv_heads"],
           "rope.dimension_count": shape["width"] // shape["heads"], "vocab_size": shape["vocabulary"]}
    return [entry("general.architecture", STRING, "llama"), *(entry(f"llama.{key}", UINT32, number) for key, number in own.items()),
            entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5), entry("llama.rope.freq_base", FLOAT32, 10000.0),
            *tokenizer(shape["vocabulary"])]


def tensors(shape, kind):
    """Names, sizes with the innermost first, kinds."""
    width, hidden = shape["width"], shape["hidden"]
    narrow = width // shape["heads"] * shape["kv_heads"]
    yield "token_embd.weight", (width, shape["vocabulary"]), kind
    for layer in range(shape["layers"]):
        yield f"blk.{layer}.attn_norm.weight", (width,), F32
        yield f"blk.{layer}.ffn_norm.weight", (width,), F32
        for name, size in (("attn_q", (width, width)), ("attn_k", (width, narrow)), ("attn_v", (width, narrow)),
                           ("attn_output", (width, width)), ("ffn_gate", (width, hidden)), ("ffn_up", (width, hidden)),
                           ("ffn_down", (hidden, width))):
            yield f"blk.{layer}.{name}.weight", size, kind
    yield "output_norm.weight", (width,), F32
    if not shape["tied"]:
        yield "output.weight", (width, shape["vocabulary"]), kind


def parameters(name):
    return sum(math.prod(sizes) for _, sizes, _ in tensors(SHAPES[name], F32))


def byte_size(sizes, kind):
    count = sizes[0] * (sizes[1] if len(sizes) > 1 else 1)
    return 4 * count if kind == F32 else count // 32 * POOLS[kind][1]


def padding(size):
    return bytes(-size % ALIGNMENT)


def write_tensor(file, number, sizes, kind, pools):
    """`number`: of its role, which chooses the rows."""
    size = byte_size(sizes, kind)
    if kind == F32:  # norms: ones
        file.write(struct.pack("<f", 1.0) * sizes[0])
    else:
        tile, block = byte_size((sizes[0], ROWS), kind), POOLS[kind][1]
        begin = number * STRIDE * block % (len(pools[kind]) - tile)
        some = pools[kind][begin - begin % block:][:tile] * max(1, (4 << 20) // tile)
        for _ in range(size // len(some)):
            file.write(some)
        file.write(some[:size % len(some)])
    file.write(padding(size))


def write(path, name, format_name):
    """A GGUF file of this shape, its weights in q4_0 or bf16."""
    shape, kind = SHAPES[name], KINDS[format_name]
    listed, offset, pools = list(tensors(shape, kind)), 0, {kind: POOLS[kind][0]()}
    head, facts = [], metadata(shape)
    for tensor, sizes, own in listed:
        head.append(string(tensor) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, own, offset))
        offset += byte_size(sizes, own) + len(padding(byte_size(sizes, own)))
    with open(path, "wb") as file:
        begin = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(facts)) + b"".join(facts) + b"".join(head)
        file.write(begin + padding(len(begin)))
        roles = {}
        for tensor, sizes, own in listed:
            write_tensor(file, roles.setdefault(tensor.split(".", 2)[-1] if tensor.startswith("blk.") else tensor, len(roles)), sizes, own, pools)
