// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes the block formats of GGUF apart, exactly: integer codes, and for each group of them a scale and, where the
// format has one, a minimum. A weight is
//
//   scale * code + minimum            or, with entries,            scale * entries[code]
//
// each operation rounded once in fp32 (no fused multiply-add): that is bit for bit what ggml and the Python package
// gguf decode, so this is the one place that knows how blocks are laid out.
//
// In: blocks as they lie in the file (unaligned). Out: codes, scales and minima. From: the layouts of ggml
// (ggml-common.h, ggml-quants.c). Tested by test/unit/files/BlockCodesTest.cpp against fixtures made with the Python
// package gguf.
#ifndef LMOPT_FILES_GGUF_BLOCKCODES_H
#define LMOPT_FILES_GGUF_BLOCKCODES_H

#include "files/gguf/Gguf.h"

#include <cstdint>

namespace lmopt {

/// What the codes of a block format are.
struct GgufCodes {
  GgufType type;
  int bits;  ///< signed codes of so many bits fit; with minima, or entries, unsigned ones
  int group; ///< codes that share a scale
  bool hasMin;
  const int8_t *entries; ///< 16, ascending; codes are their numbers. Null: codes are the integers themselves
};

/// The widest block: 256 codes, in groups of 16.
struct BlockCodes {
  int8_t codes[256];
  float scales[16];
  float minima[16];
};

/// Null for formats without codes (f32, f16, bf16).
const GgufCodes *ggufCodes(GgufType type);
/// "q4_0, q4_1, ...": for messages.
std::string ggufTypesWithCodes();

/// Takes one block apart; minima of formats that have none are not written.
void splitBlock(GgufType type, const uint8_t *block, BlockCodes &out);

/// The same for many: all codes, one scale (and with minima one minimum; else `minima` is not touched) a group.
void splitBlocks(GgufType type, const char *data, uint64_t blocks, int8_t *codes, float *scales, float *minima);

} // namespace lmopt

#endif // LMOPT_FILES_GGUF_BLOCKCODES_H
