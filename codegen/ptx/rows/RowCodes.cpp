// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows to u8 codes, in a range of the row or a trained one, bit for bit as codegen/cpu/quantize/QuantizeRows.cpp has
// them. See RowEmitter.h. Source: ONNX DynamicQuantizeLinear; of trained ranges, PyTorch's
// fake_quantize_per_tensor_affine. Tested by test/unit/codegen/ptx/RowCodesTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

using namespace mlir;

namespace lmopt::nvptx {

// A row of (almost) zeros gets scale 0 and all codes equal to the zero point.
void RowEmitter::storeCodes(const RowStep &step) {
  Value low = e.floatOf(0), high = e.floatOf(0);
  for (Value number : operand(step, 0))
    low = e.min(number, low), high = e.max(number, high);
  low = reduce(low, [&](Value a, Value c) { return e.min(a, c); });
  high = reduce(high, [&](Value a, Value c) { return e.max(a, c); });
  Value scale = e.div(e.sub(high, low), e.floatOf(255));
  Value usable = e.less(e.floatOf(1e-35F), scale);
  scale = e.select(usable, scale, e.floatOf(0));
  Value inverse = e.select(usable, e.div(e.floatOf(1), scale), e.floatOf(0));
  Value zeroPoint = clamped(e.roundToInt(e.mul(e.sub(e.floatOf(0), low), inverse)));
  putCodes(step, scale, zeroPoint, [&](Value x) { return clamped(e.add(e.roundToInt(e.mul(x, inverse)), zeroPoint)); });
}

// Each row gets the same scale and zero point, so that products need not know where codes come from.
void RowEmitter::storeStaticCodes(const RowStep &step) {
  Value zeroPoint = e.number(step.range.zero);
  putCodes(step, e.floatOf(step.range.step), zeroPoint,
           [&](Value x) { return e.add(trainedCode(x, step.range), zeroPoint); });
}

// Without its zero. Clamped before it is rounded: any number may come.
Value RowEmitter::trainedCode(Value x, const CodeRange &range) {
  auto bound = [&](int32_t code) { return e.floatOf(static_cast<float>(code - range.zero)); };
  Value scaled = e.mul(x, e.floatOf(range.factor));
  return e.roundToInt(e.max(e.min(scaled, bound(range.greatest)), bound(range.least)));
}

void RowEmitter::putCodes(const RowStep &step, Value scale, Value zeroPoint, llvm::function_ref<Value(Value)> code) {
  e.ifThen(e.equal(thread, e.number(0)), [&] {
    e.store(scale, target(step, 1, 4));
    e.store(zeroPoint, target(step, 2, 4));
  });
  Value to = target(step, 0, spec.codeBytes());
  for (int64_t turn = 0; turn < turns(); ++turn)
    below(turn, spec.codeBytes(),
          [&] { e.store(packed(each(runOf(operand(step, 0), turn), code)), e.at(to, firstOf(turn))); });
}

Value RowEmitter::packed(const Values &codes) {
  Value word = e.number(0);
  for (auto [i, code] : llvm::enumerate(codes))
    word = arith::OrIOp::create(e.b, e.loc, word, e.shl(e.bitAnd(code, 255), static_cast<int64_t>(8 * i)));
  return word;
}

} // namespace lmopt::nvptx
