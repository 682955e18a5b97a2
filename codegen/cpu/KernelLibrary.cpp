// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where kernels become functions: each is private, never inlined (it is called once per layer; copies would make the
// code grow with depth) and emitted on first use. See KernelLibrary.h.
#include "codegen/cpu/KernelLibrary.h"

using namespace mlir;

namespace lmopt::cpu {

std::string KernelLibrary::define(const std::string &name, int64_t pointers, int64_t integers, const Body &body) {
  SmallVector<Type> types(pointers, LLVM::LLVMPointerType::get(module.getContext()));
  types.append(integers, IntegerType::get(module.getContext(), 64));
  return define(name, types, body);
}

std::string KernelLibrary::define(const std::string &name, ArrayRef<Type> arguments, const Body &body) {
  if (module.lookupSymbol(name))
    return name;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = NameLoc::get(builder.getStringAttr(name));
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("no_inline", builder.getUnitAttr());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter emitter(builder, loc, target);
  body(emitter, entry->getArguments());
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
  return name;
}

} // namespace lmopt::cpu
