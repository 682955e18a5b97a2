#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile time, peak memory and code size against the depth of a model.

Makes Hugging Face directories of one Llama shape (width 256, 4 heads, 2 of keys, feed-forward 704) with 1, 4, 16, ...
layers and random weights, compiles each with each recipe in a process of its own, and prints a markdown table. Equal layers
share their kernels, so code grows by its list of calls only. Peak memory counts mapped pages of the checkpoint, too; they go when
they have been read. Needs Python alone.

Usage: compile_time.py --lmopt build/bin/lmopt [--layers 1 4 16 64] [--recipe int8 --recipe f32] [--write FILE.md]
"""
import argparse
import array
import json
import os
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import document  # noqa: E402

FIXTURE = pathlib.Path(__file__).resolve().parent.parent / "test/models/llama-tied"  # whose tokenizer is used
WIDTH, KEY_WIDTH, FORWARD, HEADS, KEY_HEADS, POSITIONS = 256, 128, 704, 4, 2, 1024


def config(layers, vocabulary):
    result = json.loads((FIXTURE / "config.json").read_text())
    result.update(hidden_size=WIDTH, num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, head_dim=WIDTH // HEADS,
                  intermediate_size=FORWARD, num_hidden_layers=layers, max_position_embeddings=POSITIONS,
                  vocab_size=vocabulary, dtype="float32", tie_word_embeddings=True)
    return result


def tensor_shapes(layers, vocabulary):
    yield "model.embed_tokens.weight", (vocabulary, WIDTH)
    yield "model.norm.weight", (WIDTH,)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        for name, shape in {"input_layernorm": (WIDTH,), "post_attention_layernorm": (WIDTH,),
                            "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (KEY_WIDTH, WIDTH),
                            "self_attn.v_proj": (KEY_WIDTH, WIDTH), "self_attn.o_proj": (WIDTH, WIDTH),
                            "mlp.gate_proj": (FORWARD, WIDTH), "mlp.up_proj": (FORWARD, WIDTH),
                            "mlp.down_proj": (WIDTH, FORWARD)}.items():
            yield f"{prefix}{name}.weight", shape


def write_safetensors(path, shapes):
    """Random numbers: each tensor is another window of one long list, so that no two layers are equal."""
    generator = random.Random(1)
    sizes = [4 * shape[0] * (shape[1] if len(shape) > 1 else 1) for _, shape in shapes]
    noise = array.array("f", (generator.gauss(0, 0.05) for _ in range(1 << 17))).tobytes()
    noise *= 2 + max(sizes) // len(noise)
    header, end = {}, 0
    for (name, shape), size in zip(shapes, sizes):
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for number, size in enumerate(sizes):
            start = 4 * (number * 7919 % (1 << 17))
            file.write(noise[start:start + size])


def make_model(folder, layers):
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        if (FIXTURE / name).exists():
            shutil.copy(FIXTURE / name, folder / name)
    vocabulary = json.loads((FIXTURE / "config.json").read_text())["vocab_size"]
    (folder / "config.json").write_text(json.dumps(config(layers, vocabulary)))
    write_safetensors(folder / "model.safetensors", list(tensor_shapes(layers, vocabulary)))


def run(command):
    """Seconds of CPU, seconds of waiting, and peak bytes of one process. CPU first: it moves less with the neighbours."""
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"compile_time.py: '{' '.join(command)}' ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss * 1024


def section_sizes(path):
    """Bytes of the sections of an ELF file, by name."""
    data = path.read_bytes()
    table, = struct.unpack_from("<Q", data, 40)
    entry, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count)]
    base = headers[names][4]
    return {data[base + h[0]:data.index(b"\0", base + h[0])].decode(): h[5] for h in headers}


def measure(lmopt, folder, layers, recipe):
    output = folder / f"{layers}-{recipe}.so"
    best = min(run([lmopt, "compile", "-q", str(folder / f"model-{layers}"), "--recipe", recipe, "-o", str(output)])
               for _ in range(2))
    sizes = section_sizes(output)
    output.unlink()
    return best + (sizes[".text"], sizes[".lmopt.weights"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lmopt", default="build/bin/lmopt")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--write", metavar="FILE", type=pathlib.Path, help="also put the table into this document")
    args = parser.parse_args()
    lines = ["| layers | recipe | CPU, s | wall, s | peak memory, MB | code, KB | weights, MB |", "|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="lmopt-depth-") as name:
        folder = pathlib.Path(name)
        for layers in args.layers:
            make_model(folder / f"model-{layers}", layers)
            for recipe in args.recipe or ["f32", "int8"]:
                cpu, wall, memory, code, weights = measure(os.path.abspath(args.lmopt), folder, layers, recipe)
                lines.append(f"| {layers} | {recipe} | {cpu:.2f} | {wall:.2f} | {memory / 1e6:.0f} | {code / 1e3:.0f} | "
                             f"{weights / 1e6:.1f} |")
                print(lines[-1], file=sys.stderr)
    text = document.provenance(["bench/compile_time.py"] + sys.argv[1:]) + "\n".join(lines) + "\n"
    print(text, end="")
    if args.write:
        document.replace_section(args.write, "depth", text)


if __name__ == "__main__":
    main()
