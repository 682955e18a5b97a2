// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Optimizer and code generator; see Generate.h.
#include "codegen/link/Generate.h"

#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

namespace lmopt::link {

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectorized and unrolled by hand.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

// Loops begin on a cache line. Where a long one (GELU and rotation of two rows: 7 KB) began half a line further, Zen 5
// took 44 % longer for it, so that the speed of a kernel hung on the size of the kernels before it.
static void alignLoops(llvm::Module &module) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    llvm::DominatorTree dominators(function);
    llvm::LoopInfo loops(dominators);
    for (llvm::Loop *loop : loops.getLoopsInPreorder())
      if (loop->isInnermost())
        llvm::addStringMetadataToLoop(loop, "llvm.loop.align", 64);
  }
}

bool generate(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType kind,
              llvm::raw_pwrite_stream &out, std::string &error) {
  if (machine.getTargetTriple().isX86())
    alignLoops(module);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr, kind)) {
    error = "LLVM's target '" + machine.getTargetTriple().str() + "' cannot write this kind of file";
    return false;
  }
  passes.run(module);
  return true;
}

} // namespace lmopt::link
