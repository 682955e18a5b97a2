// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ConstantMemory.h.
#include "codegen/ptx/persistent/ConstantMemory.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lmopt::nvptx {

void markConstant(Value address) {
  SmallVector<Value> addresses = {address};
  while (!addresses.empty()) {
    Value one = addresses.pop_back_val();
    for (Operation *user : one.getUsers())
      if (auto load = dyn_cast<LLVM::LoadOp>(user))
        load.setInvariant(true);
      else if (auto element = dyn_cast<LLVM::GEPOp>(user); element && element.getBase() == one)
        addresses.push_back(element);
  }
}

} // namespace lmopt::nvptx
