// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect object: registration of ops, and the checks of the discardable attributes (lm.part; of a module
// lm.config, lm.tokenizer, lm.chat_template, lm.source). Types are LmTypes.cpp, attributes LmAttributes.cpp. Tested by
// test/dialects/lm/attributes-invalid.mlir.

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/interfaces/Meaning.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace lmopt::lm;

#include "dialects/lm/LmDialect.cpp.inc"
#include "dialects/lm/interfaces/Linear.cpp.inc"
#include "dialects/lm/interfaces/Meaning.cpp.inc"

// Meanings come from the interpreter (registerMeanings), whose libraries a dialect must not need.
template <typename... Ops>
void LMDialect::registerFamily(StringRef) {
  addOperations<Ops...>();
  (void(Ops::template hasTrait<NoComputation>() || (declarePromisedInterface<MeaningOpInterface, Ops>(), true)), ...);
}

void LMDialect::initialize() {
  registerTypes();
  registerAttributes();
#include "dialects/lm/LmFamilies.cpp.inc"
}

void lmopt::lm::registerDialects(DialectRegistry &registry) {
  registry.insert<LMDialect, func::FuncDialect, arith::ArithDialect>();
}
