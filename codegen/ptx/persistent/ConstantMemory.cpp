// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ConstantMemory.h.
#include "codegen/ptx/persistent/ConstantMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

class Marker {
public:
  void add(Value address) {
    if (known.insert(address).second)
      open.push_back(address);
  }
  void run() {
    while (!open.empty()) {
      Value address = open.pop_back_val();
      for (Operation *user : address.getUsers())
        visit(user, address);
    }
  }

private:
  llvm::DenseSet<Value> known;
  SmallVector<Value> open;

  void visit(Operation *user, Value address) {
    if (auto load = dyn_cast<LLVM::LoadOp>(user))
      load.setInvariant(true);
    else if (auto element = dyn_cast<LLVM::GEPOp>(user); element && element.getBase() == address)
      add(element);
    else if (auto choice = dyn_cast<arith::SelectOp>(user);
             choice && known.contains(choice.getTrueValue()) && known.contains(choice.getFalseValue()))
      add(choice);
  }
};
} // namespace

void markConstant(ValueRange addresses) {
  Marker marker;
  for (Value address : addresses)
    marker.add(address);
  marker.run();
}

} // namespace lmopt::nvptx
