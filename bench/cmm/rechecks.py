#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""rechecks.py: how many decisions of a tree are within the bound of their error of zero, and are looked at again, for random neurons and tokens
of 768 numbers as bench-cmm has them. The bound is that of codegen/cpu/conditional/Descent.cpp. Needs NumPy.

    bench/cmm/rechecks.py
"""
import numpy as np

WIDTH, NEURONS, TOKENS, DEVIATION = 768, 2000, 200, 0.036


def to_bf16(w):
    bits = w.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)


def codes(w, scale):
    return np.clip(np.round(w / scale), -127, 127) * scale


def share(x, w, u):
    """Of decisions by u in the place of w."""
    lengths = (WIDTH / 16 + 8) * 2.0**-24 * np.linalg.norm(u, axis=1) + np.linalg.norm(w - u, axis=1)
    bounds = np.linalg.norm(x, axis=1)[:, None] * lengths
    return (np.abs(x.astype(np.float64) @ w.T.astype(np.float64)) < bounds).mean()


def main():
    random = np.random.default_rng(1)
    w = random.normal(0, DEVIATION, (NEURONS, WIDTH)).astype(np.float32)
    x = random.normal(0, 1, (TOKENS, WIDTH)).astype(np.float32)
    forms = {"f32": w, "bf16": to_bf16(w), "s8, scales of rows": codes(w, np.abs(w).max(1, keepdims=True) / 127),
             "s8, one scale, 5 deviations (bench-cmm)": codes(w, 5 * DEVIATION / 127)}
    for name, u in forms.items():
        print(f"{name}: one in {1 / share(x, w, u):.0f}")


if __name__ == "__main__":
    main()
