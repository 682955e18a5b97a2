// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each pointwise function is in registers; see Activations.h. The mathematics is that of codegen/Functions.h.
#include "codegen/cpu/elementwise/Activations.h"

#include "codegen/Functions.h"

using namespace mlir;

namespace lmopt::cpu {

Value emitActivation(Emitter &e, Activation kind, bool for8Bits, Value x) {
  return functions::activation(e, kind, for8Bits, x);
}

} // namespace lmopt::cpu
