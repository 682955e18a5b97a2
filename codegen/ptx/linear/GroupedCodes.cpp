// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GroupedCodes.h.
#include "codegen/ptx/linear/GroupedCodes.h"

namespace lmopt::nvptx {

using Value = GroupedCodes::Value;
using Values = GroupedCodes::Values;

Values GroupedCodes::unpacked(Values words, int64_t part) {
  if (linear.bits == 8)
    return words;
  for (Value &word : words) {
    if (linear.hasMin)
      word = e.bitAnd(part ? e.shr(word, 4) : word, 0x0f0f0f0f);
    else
      word = e.bitAnd(part ? word : e.shl(word, 4), static_cast<int32_t>(0xf0f0f0f0U));
  }
  return words;
}

// Words 0 and 1 are inputs 0 to 15 of both rows, words 2 and 3 the others.
Values GroupedCodes::halfOf(const Values &operand, int64_t half) {
  Value zero = e.number(0);
  return half == 0 ? Values{operand[0], operand[1], zero, zero} : Values{zero, zero, operand[2], operand[3]};
}

GroupedCodes::Scale GroupedCodes::scaleAt(Value at, Value output) {
  Value scale = linear.smallScales ? byteAt(at, output) : halfAt(at, output), minimum;
  if (linear.hasMin) {
    at = e.at(at, linear.minOffset());
    minimum = linear.smallScales ? e.mul(e.mul(scale, e.floatOf(-0.0625F)), byteAt(at, output)) : halfAt(at, output);
  }
  return {scale, minimum};
}

Value GroupedCodes::addGroup(Value sum, Value dot, const Scale &scale, Value own, Value codes) {
  if (linear.bits == 4 && !linear.hasMin && !linear.codebook)
    dot = e.shrSigned(dot, e.number(4));
  sum = e.fma(e.toFloat(dot), e.mul(scale.scale, own), sum);
  return linear.hasMin ? e.fma(scale.minimum, codes, sum) : sum;
}

} // namespace lmopt::nvptx
