// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions of vectors: those of codegen/Functions.h.
#include "codegen/Functions.h"
#include "codegen/cpu/Emitter.h"

using namespace mlir;

namespace lmopt::cpu {

Value Emitter::exp(Value x) { return functions::exp(*this, x); }
Value Emitter::log(Value x) { return functions::log(*this, x); }
Value Emitter::exp2(Value x, bool forBf16) { return functions::exp2(*this, x, forBf16); }
Value Emitter::erf(Value x) { return functions::erf(*this, x); }
Value Emitter::sigmoid(Value x) { return functions::sigmoid(*this, x); }
Value Emitter::tanh(Value x) { return functions::tanh(*this, x); }
Value Emitter::geluFor8Bits(Value x) { return functions::geluFor8Bits(*this, x); }
Value Emitter::siluFor8Bits(Value x) { return functions::siluFor8Bits(*this, x); }

Value Emitter::reciprocalSqrt(Value scalar) {
  return div(f32(1.0f), LLVM::SqrtOp::create(b, loc, scalar.getType(), scalar));
}

} // namespace lmopt::cpu
