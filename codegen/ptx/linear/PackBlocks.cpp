// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing of codes without their zero blocks; the picture is in SparseDecode.h. Tested by
// test/unit/codegen/ptx/SparseDecodeTest.cpp.
#include "codegen/ptx/linear/SparseDecode.h"

#include <array>
#include <cassert>
#include <cstring>

namespace lmopt::nvptx {

namespace {

/// The block of a tile that begins at an input, as it is stored.
struct Block {
  std::array<char, kBlockBytes> codes = {};
  bool isZero = true;

  Block(int64_t outputs, int64_t inputs, const int8_t *matrix, int64_t tile, int64_t firstInput) {
    for (int64_t i = 0; i < kBlockBytes; ++i) {
      int64_t n = tile * 16 + i / 8 + i / 4 % 2 * 8, k = firstInput + i % 4;
      int8_t code = n < outputs && k < inputs ? matrix[n * inputs + k] : int8_t(0);
      codes[static_cast<size_t>(i)] = static_cast<char>(code);
      isZero &= code == 0;
    }
  }
};

} // namespace

int64_t countBlocks(int64_t outputs, int64_t inputs, const int8_t *codes) {
  int64_t count = 0;
  for (int64_t tile = 0; tile < roundUp(outputs, 16) / 16; ++tile)
    for (int64_t k = 0; k < inputs; k += SparseDecodeSpec::kBlockInputs)
      count += !Block(outputs, inputs, codes, tile, k).isZero;
  return count;
}

void packBlocks(const LinearSpec &spec, const int8_t *codes, std::vector<char> &bytes) {
  uint32_t stored = 0;
  for (int64_t slice = 0; slice < spec.tiles() * spec.slices(); ++slice) {
    uint32_t own[2] = {stored, 0};
    for (int64_t i = 0; i < 8; ++i) {
      Block block(spec.outputs, spec.inputs, codes, slice / spec.slices(), slice % spec.slices() * 32 + 4 * i);
      if (block.isZero)
        continue;
      assert(stored < spec.stored && "the type says how many blocks there are");
      std::memcpy(bytes.data() + spec.blocksOffset() + kBlockBytes * stored++, block.codes.data(), kBlockBytes);
      own[1] |= uint32_t(1) << i;
    }
    int64_t place = slice / spec.slices() * spec.slicesOfTile() + slice % spec.slices();
    std::memcpy(bytes.data() + spec.slicesOffset() + 8 * place, own, 8);
  }
}

} // namespace lmopt::nvptx
