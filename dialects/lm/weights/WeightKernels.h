// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of derived weights on plain arrays, row-major: block Hadamard, int8 quantization, rotary permutation.
// Plain C++ without MLIR, written so that the compiler vectorizes it: a checkpoint of 135 million weights passes
// through here at every compile. From: techniques of int8 weights with one scale a row (round half to even);
// Sylvester's Hadamard matrices. Tested by test/unit/dialects/WeightKernelsTest.cpp.

#ifndef LMOPT_DIALECTS_LM_WEIGHTKERNELS_H
#define LMOPT_DIALECTS_LM_WEIGHTKERNELS_H

#include <cstdint>

namespace lmopt::lm {

/// Multiplies each run of `block` numbers (a power of two that divides `count`) by H_b / sqrt(b), in place: log2(b)
/// butterfly stages in f32, so the error of a number is at most about log2(b) ulps of the largest of its block.
void rotateBlocks(float *numbers, int64_t count, int64_t block);

/// s = max|w| / 127, code = clamp(round_half_even(w / s), -127, 127); s = 0 and codes 0 when s underflows.
/// Returns false, leaving `scale` undefined, when a number is not finite.
bool quantizeRow(const float *weights, int64_t count, int8_t *codes, float &scale);

/// code = clamp(round_half_even(w * factor), least, 127). Returns false when a number is not finite.
bool takeCodes(const float *weights, int64_t count, float factor, int least, int8_t *codes);

/// Codes of `bits` (4 or 8) for one short group, as #lm.quantize_groups says; with `minimum` (4 bits only) a minimum is
/// stored there. Scale and minimum are rounded to f16 before the codes are chosen, with a `unit` to multiples of it.
/// Returns false, leaving the outputs undefined, when a number or a scale is not finite in its format.
bool quantizeShortGroup(const float *weights, int64_t count, int bits, int8_t *codes, float &scale, float *minimum,
                        const float *unit = nullptr);

/// What scales of 8 bits of a row are multiples of; not finite when a number is not.
float scaleUnit(const float *row, int64_t columns, int64_t group);

/// A scale that is a multiple of the unit, and a minimum that is a multiple of a sixteenth of the scale, for numbers
/// from `low` to `high`.
struct SmallScale {
  float scale, minimum;
};
SmallScale roundToUnit(float low, float high, float unit);

/// Rounds to bf16, ties to even, in place. Returns false when a number is not finite or its bf16 is not.
bool narrowNumbers(float *numbers, int64_t count);

/// The f16 number next to x (ties to even), as a float; infinite beyond the range of f16.
float roundToHalf(float x);

/// Where a row of rotary permuted order comes from. Rows of a head of `headRows`, of which `dims` are rotary:
/// with `fromInterleaved`, row p * dims/2 + i comes from row 2 i + p; otherwise the other way round.
int64_t permutedRow(int64_t row, int64_t headRows, int64_t dims, bool fromInterleaved);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTKERNELS_H
