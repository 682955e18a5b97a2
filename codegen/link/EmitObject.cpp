// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM IR, optimizer, code generator; see EmitObject.h.
#include "codegen/link/EmitObject.h"

#include "codegen/link/CodeTable.h"
#include "codegen/link/Generate.h"

#include "lmopt/abi.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace lmopt::link {

namespace {

std::unique_ptr<llvm::TargetMachine> makeMachine(const cpu::Target &target, std::string &error) {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  llvm::TargetOptions options;
  // What a*b+c means is decided by the kernels (explicit fma), never by the code generator.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  // The CPU steers scheduling; which instructions may be used is told by the features alone (the base is x86-64).
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, "x86-64", target.spelling.features, options, llvm::Reloc::PIC_,
                                   llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

void setFunctionAttributes(llvm::Module &module, const cpu::Target &target) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", "x86-64");
    function.addFnAttr("tune-cpu", target.spelling.cpu);
    function.addFnAttr("target-features", target.spelling.features);
    // Without this, LLVM splits 512-bit vectors on CPUs whose clock used to drop with them.
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (function.getName() != LMOPT_MODEL_QUERY_SYMBOL)
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

// The functions that the C library may be asked for by LLVM itself (loops that clear or copy memory).
bool isAllowedExternal(llvm::StringRef name) {
  return name.starts_with("llvm.") || name == "memset" || name == "memcpy" || name == "memmove";
}

/// Of a copy: the code generator changes what it works on.
bool writeAssembly(llvm::Module &module, llvm::TargetMachine &machine, std::string &assembly, std::string &error) {
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  llvm::SmallVector<char> text;
  llvm::raw_svector_ostream stream(text);
  bool good = generate(*copy, machine, llvm::CodeGenFileType::AssemblyFile, stream, error);
  assembly.assign(text.begin(), text.end());
  return good;
}
} // namespace

bool emitObject(lower::LoweredModel &lowered, const cpu::Target &target, const ObjectOptions &options,
                llvm::SmallVectorImpl<char> &object, std::string &error) {
  mlir::MLIRContext *context = lowered.module->getContext();
  mlir::registerBuiltinDialectTranslation(*context);
  mlir::registerLLVMDialectTranslation(*context);
  if (failed(convertToLlvm(*lowered.module, target))) {
    error = "conversion to the LLVM dialect failed";
    return false;
  }
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> module = mlir::translateModuleToLLVMIR(*lowered.module, llvmContext, "lmopt");
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(target, error);
  if (!module || !machine) {
    error = error.empty() ? "translation to LLVM IR failed" : error;
    return false;
  }
  lowered.module = nullptr; // its memory is not needed any more
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  llvm::GlobalVariable *table = addTable(*module, lowered, options.version);
  if (options.version < 0) {
    addQuery(*module, abiVersion(lowered.facts), table);
    addNote(*module, lowered.facts, target);
  }
  // The module owns the table. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  setFunctionAttributes(*module, target);
  llvm::raw_string_ostream problems(error);
  if (llvm::verifyModule(*module, &problems))
    return false;
  optimize(*module, *machine);
  for (llvm::Function &function : *module)
    if (function.isDeclaration() && !function.use_empty() && !isAllowedExternal(function.getName())) {
      error = "generated code calls '" + function.getName().str() + "', which no artifact may need";
      return false;
    }
  if (options.llvmIr) {
    llvm::raw_string_ostream text(*options.llvmIr);
    module->print(text, nullptr);
  }
  if (options.assembly && !writeAssembly(*module, *machine, *options.assembly, error))
    return false;
  llvm::raw_svector_ostream stream(object);
  return generate(*module, *machine, llvm::CodeGenFileType::ObjectFile, stream, error);
}

bool emitDispatch(const std::vector<cpu::Target> &versions, const lower::ModelFacts &facts,
                  llvm::SmallVectorImpl<char> &object, std::string &error) {
  cpu::Target plain; // the code that chooses must run everywhere
  std::unique_ptr<llvm::TargetMachine> machine;
  if (cpu::makeTarget("x86-64", plain, error))
    machine = makeMachine(plain, error);
  if (!machine)
    return false;
  llvm::LLVMContext context;
  llvm::Module module("lmopt_dispatch", context);
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  addQuery(module, abiVersion(facts), declareTables(module, versions.size()));
  for (const cpu::Target &version : versions)
    addNote(module, facts, version);
  setFunctionAttributes(module, plain);
  llvm::raw_svector_ostream stream(object);
  return generate(module, *machine, llvm::CodeGenFileType::ObjectFile, stream, error);
}

} // namespace lmopt::link
