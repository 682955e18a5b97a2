// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How matrices with a codebook are packed; the pictures are in LinearSpec.h. In: codes, scales and entries. Out: bytes,
// zeroed before. Inside this folder only; tested by test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_LINEAR_CODEBOOKLAYOUT_H
#define LMOPT_CODEGEN_CPU_LINEAR_CODEBOOKLAYOUT_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "dialects/lm/weights/WeightData.h"

namespace lmopt::cpu {

/// The numbers of one row of one group, at the block.
void packCodebookGroup(const LinearSpec &spec, const int8_t *codes, int64_t lane, char *block);
/// The entries of integers, behind the blocks.
void packEntries(const LinearSpec &spec, const std::vector<float> &entries, std::vector<char> &out);
/// All of a matrix with 256 entries but the bias.
void packCodebook(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out);

} // namespace lmopt::cpu

#endif
