#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A GGUF file with its matrices in another block format, for measuring: what does --recipe native lose in each of them?

Rounding is the plain one of each format (extremes of a group, codes to nearest), not llama.cpp's search for better scales: what a maker loses
by quantizing is not what is measured, but what lmopt loses against the file as it then is. Where 256 does not divide a width the format
that llama.cpp falls back to takes its place (Q4_K: Q5_0, ...). Vectors and metadata stay as they are.
In: a GGUF file in formats that the package decodes. Out: another; the number of tensors and bytes of each format on stdout.
Usage: recode_gguf.py IN OUT FORMAT [PATTERN=FORMAT...]      PATTERN: a part of the tensor's name, as in a Q4_K_M: Q4_K attn_v=Q6_K
Needs numpy and gguf==0.19.0.
"""
import collections
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value

IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)
FALLBACK = {Type.Q2_K: Type.Q4_0, Type.Q3_K: Type.Q4_0, Type.Q4_K: Type.Q5_0, Type.Q5_K: Type.Q5_1, Type.Q6_K: Type.Q8_0,
            Type.IQ4_XS: Type.IQ4_NL}


def halves(x):
    """x as f16: its bytes, and the numbers that they are."""
    stored = x.astype("<f2")
    return stored.view(np.uint8).reshape(*x.shape, 2), stored.astype(np.float32)


def over(x, divisor):
    return np.divide(x, divisor, out=np.zeros_like(x), where=divisor != 0)


def fours(values):
    """Bytes of two codes each: the first half low, the second high."""
    low, high = np.split(values.astype(np.uint8), 2, axis=-1)
    return low | high << 4


def with_minima(groups, bits, scale_bits):
    """Blocks of groups: d, dmin, scales and minima of so many bits each, codes."""
    low, most = np.minimum(groups.min(-1), 0), 2 ** scale_bits - 1
    step = (groups.max(-1).clip(0) - low) / (2 ** bits - 1)
    d_bytes, d = halves(step.max(-1) / most)
    m_bytes, dmin = halves(-low.min(-1) / most)
    scales = np.rint(over(step, d[:, None] + 0 * step)).clip(0, most)
    minima = np.rint(over(-low, dmin[:, None] + 0 * low)).clip(0, most)
    step, offset = (d[:, None] * scales)[..., None], (dmin[:, None] * minima)[..., None]
    codes = np.rint(over(groups + offset, step + 0 * groups)).clip(0, 2 ** bits - 1).astype(np.uint8)
    return d_bytes, m_bytes, scales.astype(np.uint8), minima.astype(np.uint8), codes


def signed(groups, least, scale_least, pick):
    """Blocks of groups: d, signed scales (the least is never reached), codes or, by `pick`, numbers of entries."""
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(-1)[..., None], -1)[..., 0]
    step = extreme / least
    top = np.take_along_axis(step, np.abs(step).argmax(-1)[..., None], -1)[..., 0]
    d_bytes, d = halves(top / (-scale_least - 1))
    scales = np.rint(over(step, d[:, None] + 0 * step)).clip(scale_least, -scale_least - 1)
    return d_bytes, scales, pick(over(groups, (d[:, None] * scales)[..., None] + 0 * groups))


def nearest_entry(x):
    return np.abs(x[..., None] - IQ4).argmin(-1).astype(np.uint8)


def six_bits(scales, minima):
    """The 12 bytes of q4_k and q5_k."""
    low, high = scales[:, :4] | (scales[:, 4:] >> 4) << 6, minima[:, :4] | (minima[:, 4:] >> 4) << 6
    return np.concatenate([low, high, (scales[:, 4:] & 15) | (minima[:, 4:] & 15) << 4], -1)


def upper_bits(codes, count):
    """Bit `count` g + i of byte j: bit i of code j of group g of 32."""
    parts = codes.reshape(len(codes), -1, 32) << (count * np.arange(codes.shape[1] // 32, dtype=np.uint8))[None, :, None]
    return np.bitwise_or.reduce(parts, 1)


def quads(codes):
    """q of q2_k and q3_k: two halves of 128 codes of two bits, 32 bytes each."""
    return upper_bits(codes.reshape(-1, 128), 2).reshape(len(codes), 64)


def q2_k(x):
    d, m, scales, minima, codes = with_minima(x.reshape(-1, 16, 16), 2, 4)
    return np.concatenate([scales | minima << 4, quads(codes.reshape(-1, 256)), d, m], -1)


def q3_k(x):
    d, scales, codes = signed(x.reshape(-1, 16, 16), -4, -32, lambda y: np.rint(y).clip(-4, 3))
    codes, scales = (codes.reshape(-1, 256) + 4).astype(np.uint8), (scales + 32).astype(np.uint8)
    parts = scales.reshape(-1, 4, 4)  # the upper two bits of scale g: bits 2 (g / 4) of byte g mod 4
    high = np.bitwise_or.reduce((parts >> 4) << (2 * np.arange(4, dtype=np.uint8))[None, :, None], 1)
    return np.concatenate([upper_bits(codes >> 2, 1), quads(codes & 3), scales[:, :8] & 15 | (scales[:, 8:] & 15) << 4, high, d], -1)


def q4_k(x):
    d, m, scales, minima, codes = with_minima(x.reshape(-1, 8, 32), 4, 6)
    return np.concatenate([d, m, six_bits(scales, minima), fours(codes.reshape(-1, 4, 64)).reshape(-1, 128)], -1)


def q5_k(x):
    d, m, scales, minima, codes = with_minima(x.reshape(-1, 8, 32), 5, 6)
    low = fours((codes & 15).reshape(-1, 4, 64)).reshape(-1, 128)
    return np.concatenate([d, m, six_bits(scales, minima), upper_bits((codes >> 4).reshape(-1, 256), 1), low], -1)


def q6_k(x):
    d, scales, codes = signed(x.reshape(-1, 16, 16), -32, -128, lambda y: np.rint(y).clip(-32, 31))
    codes = (codes + 32).astype(np.uint8).reshape(-1, 128)
    low, high = fours(codes & 15).reshape(-1, 128), upper_bits(codes >> 4, 2).reshape(-1, 64)
    return np.concatenate([low, high, scales.astype(np.int8).view(np.uint8), d], -1)


def iq4_nl(x):
    groups = x.reshape(-1, 32)
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(-1)[:, None], -1)[:, 0]
    d, step = halves(extreme / -127)
    return np.concatenate([d, fours(nearest_entry(over(groups, step[:, None] + 0 * groups)))], -1)


def iq4_xs(x):
    d, scales, codes = signed(x.reshape(-1, 8, 32), -127, -32, nearest_entry)
    scales = (scales + 32).astype(np.uint16)
    high = np.bitwise_or.reduce((scales >> 4) << (2 * np.arange(8, dtype=np.uint16)), -1).astype("<u2")
    low = (scales[:, ::2] & 15 | (scales[:, 1::2] & 15) << 4).astype(np.uint8)
    return np.concatenate([d, high[:, None].view(np.uint8), low, fours(codes).reshape(-1, 128)], -1)


OWN = {Type.Q2_K: q2_k, Type.Q3_K: q3_k, Type.Q4_K: q4_k, Type.Q5_K: q5_k, Type.Q6_K: q6_k, Type.IQ4_NL: iq4_nl, Type.IQ4_XS: iq4_xs}


def quantize(x, kind):
    if kind not in OWN:
        return gguf.quants.quantize(np.ascontiguousarray(x), kind)
    return OWN[kind](x.astype(np.float32)).reshape(len(x), -1)


def copy_metadata(reader, writer):
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value, kind = field.contents(), field.types[0]
        writer.add_key_value(field.name, value, kind, field.types[-1] if kind == Value.ARRAY else None)


def kind_of(tensor, default, patterns):
    kind = next((kind for part, kind in patterns if part in tensor.name), default)
    return FALLBACK[kind] if tensor.shape[0] % gguf.GGML_QUANT_SIZES[kind][0] else kind


def main():
    source, target, default, *patterns = sys.argv[1:]
    default, patterns = Type[default], [(part, Type[kind]) for part, kind in (text.split("=") for text in patterns)]
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    copy_metadata(reader, writer)
    sums = collections.defaultdict(lambda: [0, 0])
    for tensor in reader.tensors:
        data, kind = tensor.data, tensor.tensor_type
        if len(tensor.shape) == 2:
            numbers = gguf.quants.dequantize(data, kind).reshape([int(size) for size in reversed(tensor.shape)])
            kind = kind_of(tensor, default, patterns)
            data = quantize(numbers, kind)
        raw = kind not in (Type.F32, Type.F16)
        writer.add_tensor(tensor.name, data, raw_dtype=kind if raw else None)
        sums[kind.name][0] += 1
        sums[kind.name][1] += data.nbytes
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(" ".join(f"{name}: {count} tensors, {size} bytes;" for name, (count, size) in sorted(sums.items())))


if __name__ == "__main__":
    main()
