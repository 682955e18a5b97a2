# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What quantization, rotation and attention compute, in NumPy, from the definitions: for generate.py."""
import numpy as np


def hadamard(n):
    h = np.array([[1.0]])
    while h.shape[0] < n:
        h = np.block([[h, h], [h, -h]])
    return h / np.sqrt(n)


def rotate(x, block):
    return (x.astype(np.float64).reshape(-1, block) @ hadamard(block)).reshape(x.shape)


def quantize_rows(w):
    scale = (np.abs(w).max(-1, keepdims=True) / np.float32(127)).astype(np.float32)
    codes = np.clip(np.rint(w / np.where(scale == 0, 1, scale)), -127, 127)
    return codes.astype(np.int64), scale


def quantize_dynamic(x):
    lo = np.minimum(np.float32(0), x.min(-1))
    hi = np.maximum(np.float32(0), x.max(-1))
    scale = ((hi - lo) / np.float32(255)).astype(np.float32)
    scale[scale == 0] = 1
    zero = np.clip(np.rint(-lo / scale), 0, 255).astype(np.int32)
    codes = np.clip(np.rint(x / scale[..., None]) + zero[..., None], 0, 255).astype(np.uint8)
    return codes, scale, zero


def trained_codes(x, number, steps, zero, least, greatest):
    """Codes, scales and zero points of #lm.code_range, in float32."""
    factor, step = np.float32(steps) / number, number / np.float32(steps)
    codes = np.clip(np.rint(x * factor) + np.float32(zero), least, greatest).astype(np.uint8)
    return codes, np.full(x.shape[:-1], step, np.float32), np.full(x.shape[:-1], zero, np.int32)


def code_range_text(number, steps, zero, least, greatest):
    return f"<range = {float(number)}, steps = {steps}, zero = {zero}, least = {least}, greatest = {greatest}>"


def quantized_linear(codes, sa, za, wq, sw, bias):
    """Dequantize both sides and multiply: the definition, not the integer formula."""
    x = (codes.astype(np.float64) - za[..., None]) * sa.astype(np.float64)[..., None]
    return x @ (wq * sw.astype(np.float64)).T + bias


def half(x):
    """The nearest number that f16 holds, as float32."""
    return x.astype(np.float16).astype(np.float32)


SMALL = "small"  # minima, and they and the scales in 8 bits


def small_scales(lo, hi):
    """Scales and minima of groups [rows, groups] in multiples of a unit of each row, chosen in float32."""
    lo, hi = np.minimum(lo, np.float32(0)), np.maximum(hi, np.float32(0))
    unit = ((hi - lo).max(-1, keepdims=True) / np.float32(15 * 255)).astype(np.float32)
    unit = ((unit.view(np.uint32) + 0xFF) & 0xFFFFFF00).astype(np.uint32).view(np.float32)
    safe = np.where(unit == 0, np.float32(1), unit)
    scale = np.where(unit == 0, 0, np.clip(np.rint((hi - lo) / np.float32(15) / safe), 1, 255) * unit).astype(np.float32)
    z = np.clip(np.rint(np.float32(-16) * lo / np.where(scale == 0, np.float32(1), scale)), 0, 255)
    return scale, (-(scale * z.astype(np.float32)) / np.float32(16)).astype(np.float32)


def quantize_weight_groups(w, bits, group, has_min):
    """The numbers that remain of w, by the definition of #lm.quantize_groups: codes and scales chosen in float32."""
    parts = w.reshape(w.shape[0], -1, group)
    lo, hi, minimum = parts.min(-1), parts.max(-1), np.float32(0)
    if has_min == SMALL:
        (scale, minimum), least, most = small_scales(lo, hi), 0, 15
        minimum = minimum[..., None]
    elif has_min:
        minimum, scale, least, most = half(lo)[..., None], half((hi - lo) / np.float32(15)), 0, 15
    elif bits == 8:
        scale, least, most = half(np.maximum(-lo, hi) / np.float32(127)), -127, 127
    else:
        scale, least, most = half(np.where(-lo > hi, lo, hi) / np.float32(-8)), -8, 7
    scale = scale[..., None]
    codes = np.where(scale == 0, 0, np.clip(np.rint((parts - minimum) / np.where(scale == 0, 1, scale)), least, most))
    return (codes.astype(np.float64) * scale + minimum).reshape(w.shape)


def quantize_groups(x, group):
    parts = x.reshape(*x.shape[:-1], -1, group)
    largest = np.abs(parts).max(-1).astype(np.float32)
    zero = largest < 2.0**-90
    factor = np.where(zero, 0, np.float32(127) / np.where(zero, 1, largest)).astype(np.float32)
    codes = np.rint(parts * factor[..., None]).astype(np.int8)
    return codes.reshape(x.shape), np.where(zero, 0, largest / np.float32(127)).astype(np.float32)


def rope(x, heads, start, dims, base, interleaved, divisors=1.0, gain=1.0):
    """x (B, T, heads d); as complex numbers: pair * gain e^(i position theta / divisor)."""
    x = x.astype(np.float64).reshape(*x.shape[:2], heads, -1).copy()
    pairs = dims // 2
    first = slice(0, dims, 2) if interleaved else slice(0, pairs)
    second = slice(1, dims, 2) if interleaved else slice(pairs, dims)
    positions = start + np.arange(x.shape[1])
    turn = gain * np.exp(1j * np.outer(positions, base ** (-np.arange(pairs) * 2.0 / dims) / divisors))[None, :, None, :]
    z = (x[..., first] + 1j * x[..., second]) * turn
    x[..., first], x[..., second] = z.real, z.imag
    return x


def attend(q, k, v, heads, kv, scale, visible, cap=None, bias=None):
    """q (B, Tq, heads, d), k, v (B, Tk, kv, .), visible (B, Tq, Tk), bias (heads, Tq, Tk)."""
    k, v = (np.repeat(a, heads // kv, 2) for a in (k, v))
    scores = np.einsum("bihd,bjhd->bhij", q, k) * scale
    scores = cap * np.tanh(scores / cap) if cap else scores
    scores = scores + bias if bias is not None else scores
    scores = np.where(visible[:, None], scores, -np.inf)
    with np.errstate(invalid="ignore"):
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p = p / p.sum(-1, keepdims=True)
    y = np.einsum("bhij,bjhd->bihd", np.nan_to_num(p), v)
    return y.reshape(*y.shape[:2], -1)
