#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the tiny models on which passes are compared before and after, by running them under the interpreter.

Out: llama.mlir (pre-norm decoder, shared key/value heads, interleaved rotary positions, tied head), bert.mlir (post-norm
encoder with biases, token types, pooling) and prenorm.mlir (pre-norm encoder with biases everywhere, so that shifts fold).
Weights are normal numbers from a fixed seed, written as dense<"0x...">. One channel is made an outlier, because that
is what rotation is for. Run without arguments in this folder; the result is checked in.
"""
import random
import struct

WIDTH, HEADS, KV_HEADS, FFN, VOCABULARY, LAYERS, POSITIONS = 16, 2, 1, 32, 24, 2, 8
IDS = [[3, 17, 5, 3, 20, 11], [8, 1, 0, 23, 2, 9]]
LENGTHS = [6, 4]


class Model:
    def __init__(self, seed):
        self.random, self.params, self.body, self.count = random.Random(seed), [], [], 0

    def param(self, name, *shape, around=0.0, spread=None):
        size = 1
        for n in shape:
            size *= n
        spread = spread if spread is not None else shape[-1] ** -0.5
        values = [around + spread * self.random.gauss(0, 1) for _ in range(size)]
        if name == "embed.weight":
            values = [v * 8 if i % WIDTH == 5 else v for i, v in enumerate(values)]
        text = struct.pack(f"<{size}f", *values).hex().upper()
        kind = "x".join(map(str, shape)) + "xf32"
        self.params.append(f'lm.param @{name} : tensor<{kind}> = dense<"0x{text}">')
        return f"@{name}"

    def op(self, text, part):
        self.count += 1
        self.body.append(f'  %{self.count} = {text} loc("{part}")')
        return f"%{self.count}"

    def linear(self, x, part, inputs, outputs, bias=False):
        w = self.param(f"{part}.weight", outputs, inputs)
        b = f" bias {self.param(f'{part}.bias', outputs, spread=0.3)}" if bias else ""
        return self.op(f"lm.linear {x}, {w}{b} : ({act(inputs)}) -> {act(outputs)}", part)

    def write(self, name, head, tail):
        lines = ["// Written by make_models.py.", *self.params, head, *self.body, tail, "}"]
        open(name, "w").write("\n".join(lines) + "\n")


def act(width):
    return f"tensor<{len(IDS)}x{len(IDS[0])}x{width}xf32>"


def ids_constant():
    return f"  %ids = arith.constant dense<{IDS}> : tensor<{len(IDS)}x{len(IDS[0])}xi32>"


def llama():
    m, x = Model(1), None
    ids = f"tensor<{len(IDS)}x{len(IDS[0])}xi32>"
    x = m.op(f"lm.embedding %ids, {m.param('embed.weight', VOCABULARY, WIDTH)} : ({ids}) -> {act(WIDTH)}", "embed")
    norm = lambda x, part: m.op(
        f"lm.rms_norm {x}, {m.param(part + '.weight', WIDTH, around=1.0, spread=0.3)} {{eps = 1.0e-5}} : {act(WIDTH)}", part)
    d = WIDTH // HEADS
    cache = "%cache"
    for i in range(LAYERS):
        p = f"layers.{i}."
        n = norm(x, p + "attn_norm")
        q = m.linear(n, p + "attn.q", WIDTH, WIDTH)
        k = m.linear(n, p + "attn.k", WIDTH, KV_HEADS * d)
        v = m.linear(n, p + "attn.v", WIDTH, KV_HEADS * d)
        m.count += 1
        m.body.append(
            f"  %{m.count}, %c{i} = lm.attention {q}, {k}, {v}, {cache} {{layer = {i}, heads = {HEADS}, "
            f"kv_heads = {KV_HEADS}, scale = {d ** -0.5!r}, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = {d}, "
            f"layout = interleaved>}} : ({act(WIDTH)}, {act(KV_HEADS * d)}, {act(KV_HEADS * d)}, !lm.cache) -> "
            f'({act(WIDTH)}, !lm.cache) loc("{p}attn")')
        a, cache = f"%{m.count}", f"%c{i}"
        o = m.linear(a, p + "attn.o", WIDTH, WIDTH)
        x = m.op(f"lm.add {x}, {o} : {act(WIDTH)}", p + "attn_residual")
        n = norm(x, p + "ffn_norm")
        gate = m.linear(n, p + "ffn.gate", WIDTH, FFN)
        up = m.linear(n, p + "ffn.up", WIDTH, FFN)
        g = m.op(f"lm.gated_product {gate}, {up} {{kind = silu}} : {act(FFN)}", p + "ffn.act")
        down = m.linear(g, p + "ffn.down", FFN, WIDTH)
        x = m.op(f"lm.add {x}, {down} : {act(WIDTH)}", p + "ffn_residual")
    x = norm(x, "final_norm")
    y = m.op(f"lm.linear {x}, @embed.weight : ({act(WIDTH)}) -> {act(VOCABULARY)}", "head")
    m.write("llama.mlir", f"func.func @logits(%cache: !lm.cache) -> {act(VOCABULARY)} {{\n{ids_constant()}",
            f"  return {y} : {act(VOCABULARY)}")


def encoder(name, seed, post_norm):
    m = Model(seed)
    ids, d = f"tensor<{len(IDS)}x{len(IDS[0])}xi32>", WIDTH // HEADS
    x = m.op(f"lm.embedding %ids, {m.param('embed.weight', VOCABULARY, WIDTH)} : ({ids}) -> {act(WIDTH)}", "embed")
    x = m.op(f"lm.bias_add {x}, {m.param('token_type.weight', WIDTH, spread=0.3)} : {act(WIDTH)}", "token_type")
    x = m.op(f"lm.add_positions {x}, {m.param('position.weight', POSITIONS, WIDTH)} : {act(WIDTH)}", "position")
    norm = lambda x, part: m.op(
        f"lm.layer_norm {x}, {m.param(part + '.weight', WIDTH, around=1.0, spread=0.3)}, "
        f"{m.param(part + '.bias', WIDTH, spread=0.3)} {{eps = 1.0e-12}} : {act(WIDTH)}", part)
    if post_norm:
        x = norm(x, "embed_norm")
    for i in range(LAYERS):
        p = f"layers.{i}."
        n = x if post_norm else norm(x, p + "attn_norm")
        q, k, v = (m.linear(n, f"{p}attn.{part}", WIDTH, WIDTH, bias=True) for part in "qkv")
        a = m.op(f"lm.attention {q}, {k}, {v} lengths %len {{layer = {i}, heads = {HEADS}, kv_heads = {HEADS}, "
                 f"scale = {d ** -0.5!r}, mask = #lm.full}} : ({act(WIDTH)}, {act(WIDTH)}, {act(WIDTH)}, tensor<2xi32>) "
                 f"-> {act(WIDTH)}", p + "attn")
        o = m.linear(a, p + "attn.o", WIDTH, WIDTH, bias=True)
        x = m.op(f"lm.add {x}, {o} : {act(WIDTH)}", p + "attn_residual")
        n = x = norm(x, p + "attn_norm") if post_norm else x
        if not post_norm:
            n = norm(x, p + "ffn_norm")
        up = m.linear(n, p + "ffn.up", WIDTH, FFN, bias=True)
        g = m.op(f"lm.activation {up} {{kind = gelu}} : {act(FFN)}", p + "ffn.act")
        down = m.linear(g, p + "ffn.down", FFN, WIDTH, bias=True)
        x = m.op(f"lm.add {x}, {down} : {act(WIDTH)}", p + "ffn_residual")
        if post_norm:
            x = norm(x, p + "ffn_norm")
    y = m.op(f"lm.pool {x}, %len {{kind = mean}} : ({act(WIDTH)}, tensor<2xi32>) -> tensor<2x{WIDTH}xf32>", "pool")
    y = m.op(f"lm.l2_normalize {y} : tensor<2x{WIDTH}xf32>", "normalize")
    m.write(name, f"func.func @vectors() -> tensor<2x{WIDTH}xf32> {{\n{ids_constant()}\n"
            f"  %len = arith.constant dense<{LENGTHS}> : tensor<2xi32>", f"  return {y} : tensor<2x{WIDTH}xf32>")


llama()
encoder("bert.mlir", 2, post_norm=True)
encoder("prenorm.mlir", 3, post_norm=False)
