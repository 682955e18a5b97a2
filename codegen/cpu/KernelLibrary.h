// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels that generated code is made of, each a private function of the module, emitted once for each set of
// shapes and named so that the name tells all: operation, types, sizes, register tile and instruction set, for example
// linear_u8s8_n960_k576_tile8x3_avx512vnni. The same string stands in the IR, in `lmopt inspect` and in profiles.
//
// Which kernels there are is the business of the folders here, one for each family of ops; how data lie between them,
// of Rows.h. Tested by test/unit/codegen/*KernelTest.cpp against plain loops, and by the end-to-end tests.
#ifndef LMOPT_CODEGEN_CPU_KERNELLIBRARY_H
#define LMOPT_CODEGEN_CPU_KERNELLIBRARY_H

#include "codegen/cpu/Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace lmopt::cpu {

/// Creates kernels in a module on first use and hands out their names.
class KernelLibrary {
public:
  KernelLibrary(mlir::ModuleOp module, const Target &target) : module(module), target(target) {}

  using Body = std::function<void(Emitter &, mlir::ValueRange)>;
  /// Emits `body` as the function of this name, if there is none yet; the result is the name, which must differ
  /// whenever the code would.
  std::string define(const std::string &name, int64_t pointers, int64_t integers, const Body &body);
  std::string define(const std::string &name, mlir::ArrayRef<mlir::Type> arguments, const Body &body);

  const Target &getTarget() const { return target; }
  mlir::ModuleOp getModule() { return module; }

private:
  mlir::ModuleOp module;
  Target target;
};

/// Fields of lmopt_step_t and lmopt_segment_t, by offset.
inline mlir::Value loadPointer(Emitter &e, mlir::Value base, int64_t offset) {
  return e.load(e.ptrType(), e.at(base, offset), 8);
}
inline mlir::Value loadInteger(Emitter &e, mlir::Value base, int64_t offset) {
  return e.load(e.b.getI64Type(), e.at(base, offset), 8);
}

} // namespace lmopt::cpu

#endif
