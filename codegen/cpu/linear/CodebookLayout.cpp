// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing of codebooks; see CodebookLayout.h.
#include "codegen/cpu/linear/CodebookLayout.h"

#include <algorithm>
#include <cstring>

namespace lmopt::cpu {

// Inputs in fours: with `stored` bits in a byte, 8 / stored of them share a line of 64 bytes.
void packCodebookGroup(const LinearSpec &spec, const int8_t *codes, int64_t lane, char *block) {
  const int64_t stored = spec.bits == 3 ? 2 : spec.bits, inLine = 8 / stored, mask = (1 << stored) - 1;
  auto *to = reinterpret_cast<uint8_t *>(block) + lane * 4;
  for (int64_t k = 0; k < spec.group; ++k) {
    int64_t chunk = k / 32, four = k % 32 / 4;
    int code = static_cast<uint8_t>(codes[k]);
    uint8_t *chunkAt = to + chunk * 64 * spec.bits + k % 4;
    chunkAt[four / inLine * 64] |= static_cast<uint8_t>((code & mask) << four % inLine * stored);
    if (spec.bits == 3)
      chunkAt[2 * 64] |= static_cast<uint8_t>(code >> 2 << four);
  }
}

// Unsigned, as the products want them.
void packEntries(const LinearSpec &spec, const std::vector<float> &entries, std::vector<char> &out) {
  for (size_t i = 0; i < entries.size(); ++i)
    out[static_cast<size_t>(spec.tableOffset()) + i] = static_cast<char>(static_cast<int>(entries[i]) + 128);
}

void packCodebook(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
  for (int64_t n = 0; n < spec.outputs; ++n) {
    char *column = out.data() + n / kLanes * spec.panelBytes() + n % kLanes;
    for (int64_t k = 0; k < spec.inputs; ++k)
      column[k * kLanes] = static_cast<char>(data.s8[static_cast<size_t>(n * spec.inputs + k)]);
  }
  std::memcpy(out.data() + spec.scaleOffset(), data.scales.data(), data.scales.size() * sizeof(float));
  std::memcpy(out.data() + spec.tableOffset(), data.table.data(), data.table.size() * sizeof(float));
}

} // namespace lmopt::cpu
