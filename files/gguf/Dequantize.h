// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decodes the block formats of GGUF to float, bit for bit as ggml and the Python package gguf do: each result is
// computed in fp32 with one rounding per operation (no fused multiply-add).
//
// In: blocks as they lie in the file (unaligned). Out: floats.
// Cost: plain loops of fixed length that the compiler vectorizes; 0.5 to 1.1 billion numbers a second (Zen 3, one
// core). Tested by test/unit/files/DequantizeTest.cpp against fixtures made with the Python package gguf.
#ifndef LMOPT_FILES_GGUF_DEQUANTIZE_H
#define LMOPT_FILES_GGUF_DEQUANTIZE_H

#include "files/gguf/Gguf.h"

#include <cstdint>

namespace lmopt {

/// Decodes `blocks` blocks at `data` to out[blocks * elements of a block].
void dequantize(GgufType type, const char *data, uint64_t blocks, float *out);

/// IEEE half and bfloat16 arrays (unaligned, little endian) to float; also what safetensors needs.
void decodeHalf(const char *data, uint64_t count, float *out);
void decodeBfloat16(const char *data, uint64_t count, float *out);

} // namespace lmopt

#endif // LMOPT_FILES_GGUF_DEQUANTIZE_H
