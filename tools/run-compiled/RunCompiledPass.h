// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --lm-run-compiled: the twin of --lm-interpret. Compiles functions of a module, loads the code and runs it on the same
// inputs; results are printed, or compared with the same lm.expect. So an op's kernel is written and tested from one
// .mlir file.
//
// In: a module. Out: the same module. Each result of a function is an artifact of its own, made by the steps of
// `lmopt compile` behind its passes and run by the runtime; what code generation does not know is refused at the op.
// Tested by test/codegen/run-compiled.
#ifndef LMOPT_TOOLS_RUNCOMPILED_RUNCOMPILEDPASS_H
#define LMOPT_TOOLS_RUNCOMPILED_RUNCOMPILEDPASS_H

namespace lmopt {

void registerRunCompiledPass();

} // namespace lmopt

#endif // LMOPT_TOOLS_RUNCOMPILED_RUNCOMPILEDPASS_H
