// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversion, translation, code generation; see EmitText.h.
#include "codegen/ptx/EmitText.h"

#include "codegen/link/Generate.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

// llvm/Config/Targets.def would ask for all targets of the package; these are the ones that are needed.
extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

namespace lmopt::nvptx {

static void registerInterfaces(MLIRContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerConvertNVVMToLLVMInterface(registry);
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  context.appendDialectRegistry(registry);
}

static LogicalResult convert(gpu::GPUModuleOp kernels) {
  PassManager manager(kernels.getContext(), gpu::GPUModuleOp::getOperationName());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertToLLVMPass());
  manager.addPass(createConvertNVVMToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  return manager.run(kernels);
}

static std::unique_ptr<llvm::TargetMachine> makeMachine(const Target &target, std::string &error) {
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  llvm::TargetOptions options;
  // What a * b + c means is decided by the kernels, never by the code generator: the same bits as on a CPU.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, target.chip, target.features(), options, std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

bool emitText(KernelLibrary &kernels, std::string &text, std::string &error) {
  gpu::GPUModuleOp module = kernels.getModule();
  registerInterfaces(*module.getContext());
  if (failed(convert(module))) {
    error = "conversion of kernels to the LLVM dialect failed";
    return false;
  }
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, llvmContext, "lmopt");
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(kernels.getTarget(), error);
  if (!translated || !machine) {
    error = error.empty() ? "translation of kernels to LLVM IR failed" : error;
    return false;
  }
  translated->setTargetTriple(machine->getTargetTriple());
  translated->setDataLayout(machine->createDataLayout());
  llvm::raw_string_ostream problems(error);
  if (llvm::verifyModule(*translated, &problems))
    return false;
  link::optimize(*translated, *machine);
  llvm::SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (!link::generate(*translated, *machine, llvm::CodeGenFileType::AssemblyFile, stream, error))
    return false;
  text.assign(bytes.begin(), bytes.end());
  return true;
}

} // namespace lmopt::nvptx
