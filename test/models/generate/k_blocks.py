# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random tensors in K-quants, which the package gguf only reads. Needs gguf and numpy."""
import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

KINDS = (Type.Q4_K, Type.Q5_K, Type.Q6_K)


def random_k_blocks(rng, shape, kind):
    """Random bytes with fp16 scales that give a standard deviation of about 1/16: every bit pattern of codes occurs."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (shape[0] * shape[1] // block, size), dtype=np.uint8)
    count = len(blocks)
    scale = {Type.Q4_K: 2.3e-4, Type.Q5_K: 1.1e-4, Type.Q6_K: 4.5e-5}[kind]
    d = (scale * (1 + rng.random(count))).astype("<f2").view(np.uint8).reshape(count, 2)
    if kind == Type.Q6_K:
        blocks[:, 208:210] = d
    else:  # d, dmin: the minimum's scale is 7.5 (15.5) times the step's for codes of 4 (5) bits, so that the mean is near 0
        minimum = (d.view("<f2").reshape(count).astype(np.float32) * (7.5 if kind == Type.Q4_K else 15.5)).astype("<f2")
        blocks[:, 0:2], blocks[:, 2:4] = d, minimum.view(np.uint8).reshape(count, 2)
    return blocks.reshape(shape[0], -1)
