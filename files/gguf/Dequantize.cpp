// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of halves and bfloats, and of blocks: their codes (BlockCodes.h) times their scales.
// Tested by test/unit/files/DequantizeTest.cpp.
#include "files/gguf/Dequantize.h"

#include "files/gguf/BlockCodes.h"
#include "files/gguf/HalfToFloat.h"

#include <cstring>

// A fused multiply-add would round once where ggml rounds twice.
#pragma clang fp contract(off)

using namespace lmopt;

void lmopt::decodeHalf(const char *data, uint64_t count, float *out) {
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, data + 2 * i, sizeof(half));
    out[i] = halfToFloat(half);
  }
}

/// bfloat16 is the upper half of a float.
void lmopt::decodeBfloat16(const char *data, uint64_t count, float *out) {
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t upper;
    std::memcpy(&upper, data + 2 * i, sizeof(upper));
    out[i] = floatOfBits(static_cast<uint32_t>(upper) << 16);
  }
}

/// One group: scale * code + minimum, or scale * entries[code]. Its size is known, so that loops are vectors.
template <int kGroup>
static void decodeGroup(const GgufCodes &format, const BlockCodes &block, int group, float *out) {
  const int8_t *codes = block.codes + group * kGroup;
  const float scale = block.scales[group], minimum = format.hasMin ? block.minima[group] : 0;
  if (format.entries)
    for (int j = 0; j < kGroup; ++j)
      out[j] = scale * static_cast<float>(format.entries[codes[j]]);
  else if (format.hasMin)
    for (int j = 0; j < kGroup; ++j)
      out[j] = scale * static_cast<float>(codes[j]) + minimum;
  else // adding 0 would make -0 of it 0
    for (int j = 0; j < kGroup; ++j)
      out[j] = scale * static_cast<float>(codes[j]);
}

static void decodeBlocks(GgufType type, const char *data, uint64_t blocks, float *out) {
  const GgufTypeInfo &info = *ggufTypeInfo(type);
  const GgufCodes &format = *ggufCodes(type);
  BlockCodes block;
  for (uint64_t i = 0; i < blocks; ++i, data += info.bytes) {
    splitBlock(type, reinterpret_cast<const uint8_t *>(data), block);
    for (int group = 0; group < static_cast<int>(info.elements) / format.group; ++group, out += format.group)
      format.group == 16 ? decodeGroup<16>(format, block, group, out) : decodeGroup<32>(format, block, group, out);
  }
}

void lmopt::dequantize(GgufType type, const char *data, uint64_t blocks, float *out) {
  switch (type) {
  case GgufType::F32:
    std::memcpy(out, data, blocks * sizeof(float));
    return;
  case GgufType::F16:
    return decodeHalf(data, blocks, out);
  case GgufType::BF16:
    return decodeBfloat16(data, blocks, out);
  default: // the others have codes
    return decodeBlocks(type, data, blocks, out);
  }
}
