// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM IR, optimizer, code generator; see EmitObject.h.
#include "codegen/link/EmitObject.h"

#include "lmopt/abi.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/LoopUtils.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#ifndef LMOPT_VERSION
#error "LMOPT_VERSION comes from the build"
#endif

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

std::string tableName(int version) { return "lmopt_code_table_" + std::to_string(version); }

// The constants that the runtime reads, spelled field by field as lmopt/abi.h has them.
class TableWriter {
public:
  TableWriter(llvm::Module &module, const lower::LoweredModel &lowered)
      : module(module), lowered(lowered), plan(lowered.plan), builder(module.getContext()) {}

  llvm::Constant *table() {
    std::vector<llvm::Constant *> entries;
    for (const char *name : {LMOPT_ENTRY_PREFILL, LMOPT_ENTRY_DECODE, LMOPT_ENTRY_ENCODE})
      if (module.getFunction(name))
        entries.push_back(entry(name));
    return record({i32(sizeof(lmopt_code_table_t)), i32(LMOPT_ABI_VERSION), i32(kind()), i32(plan.vocabulary),
                   i32(plan.maxPositions), i32(plan.ropeSwitch), i32(sizeof(lmopt_step_t)),
                   i32(sizeof(lmopt_segment_t)), i64(plan.cacheBytesPerPosition), i64(0), i64(lowered.arenaBytes),
                   i64(lowered.threadBytes), text(std::string("lmopt ") + LMOPT_VERSION), array(entries),
                   i32(entries.size()), i32(sizeof(lmopt_entry_t))});
  }

private:
  llvm::Module &module;
  const lower::LoweredModel &lowered;
  const lower::Plan &plan;
  llvm::IRBuilder<> builder;
  llvm::Constant *inputs = nullptr, *results = nullptr; ///< every entry has the same

  llvm::Constant *i32(uint64_t value) { return builder.getInt32(value); }
  llvm::Constant *i64(uint64_t value) { return builder.getInt64(value); }
  static llvm::Constant *record(llvm::ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(fields);
  }
  llvm::Constant *constant(llvm::Constant *value, const char *name) {
    return new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::PrivateLinkage, value, name);
  }
  llvm::Constant *text(llvm::StringRef value) {
    return constant(llvm::ConstantDataArray::getString(module.getContext(), value), "lmopt_text");
  }
  llvm::Constant *array(llvm::ArrayRef<llvm::Constant *> elements) {
    if (elements.empty())
      return llvm::ConstantPointerNull::get(builder.getPtrTy());
    auto *type = llvm::ArrayType::get(elements[0]->getType(), elements.size());
    return constant(llvm::ConstantArray::get(type, elements), "lmopt_list");
  }

  uint32_t kind() const { return plan.decoder ? LMOPT_KIND_DECODER : LMOPT_KIND_ENCODER; }

  llvm::Constant *inputList() {
    std::vector<llvm::Constant *> list;
    for (const lower::NamedInput &input : plan.inputs)
      list.push_back(record({text(input.name), i32(input.limit), i32(0)}));
    return array(list);
  }
  llvm::Constant *resultList() {
    std::vector<llvm::Constant *> list;
    for (const lower::NamedResult &result : plan.results)
      list.push_back(record({text(result.name), i32(domainNumber(result.domain)), i32(result.width)}));
    return array(list);
  }
  static uint32_t domainNumber(lower::Domain domain) {
    switch (domain) {
    case lower::Domain::Tokens:
      return LMOPT_DOMAIN_TOKENS;
    case lower::Domain::Outputs:
      return LMOPT_DOMAIN_OUTPUTS;
    case lower::Domain::Segments:
      return LMOPT_DOMAIN_SEQUENCES;
    }
    return 0;
  }

  llvm::Constant *entry(llvm::StringRef name) {
    if (!results) {
      inputs = inputList();
      results = resultList();
    }
    uint64_t rows = name == LMOPT_ENTRY_DECODE ? lowered.decodeRows : lowered.prefillRows;
    return record({text(name), module.getFunction(name), i32(kind()), i32(rows), inputs, results,
                   i32(plan.inputs.size()), i32(plan.results.size())});
  }
};

llvm::GlobalVariable *addTable(llvm::Module &module, const lower::LoweredModel &lowered, int version) {
  llvm::Constant *table = TableWriter(module, lowered).table();
  bool single = version < 0;
  auto *global = new llvm::GlobalVariable(
      module, table->getType(), true, single ? llvm::GlobalValue::PrivateLinkage : llvm::GlobalValue::ExternalLinkage,
      table, single ? "lmopt_code_table" : tableName(version));
  if (!single)
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return global;
}

// lmopt_model_query(abi | version << 16): NULL for a caller that is too old and for a version that is not there.
void addQuery(llvm::Module &module, llvm::ArrayRef<llvm::GlobalVariable *> versions) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> builder(context);
  auto *type = llvm::FunctionType::get(builder.getPtrTy(), {builder.getInt32Ty()}, false);
  auto *query = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, LMOPT_MODEL_QUERY_SYMBOL, module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", query));
  llvm::Value *served = builder.CreateICmpUGE(builder.CreateAnd(query->getArg(0), LMOPT_QUERY_ABI_MASK),
                                              builder.getInt32(LMOPT_ABI_VERSION));
  llvm::Value *version = builder.CreateLShr(query->getArg(0), LMOPT_QUERY_VERSION_SHIFT);
  llvm::Value *none = llvm::ConstantPointerNull::get(builder.getPtrTy()), *table = none;
  for (size_t i = 0; i < versions.size(); ++i)
    table = builder.CreateSelect(builder.CreateICmpEQ(version, builder.getInt32(i)), versions[i], table);
  builder.CreateRet(builder.CreateSelect(served, table, none));
}

// An ELF note: name size, descriptor size, type, "lmopt" padded to 8, then lmopt_note_t (lmopt/abi.h).
void addNote(llvm::Module &module, int64_t weightBytes, const cpu::Target &target) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> builder(context);
  auto i32 = [&](uint64_t value) { return builder.getInt32(value); };
  auto i64 = [&](uint64_t value) { return builder.getInt64(value); };
  llvm::Constant *name = llvm::ConstantDataArray::getString(context, llvm::StringRef("lmopt\0\0", 7));
  llvm::Constant *fields[] = {i32(6),
                              i32(sizeof(lmopt_note_t)),
                              i32(LMOPT_NOTE_TYPE),
                              name,
                              i64(LMOPT_NOTE_MAGIC),
                              i32(LMOPT_ABI_VERSION),
                              i32(LMOPT_ABI_VERSION),
                              i64(target.spelling.isa),
                              i64(weightBytes),
                              i64(0)};
  llvm::Constant *note = llvm::ConstantStruct::getAnon(fields, /*Packed=*/true);
  auto *global =
      new llvm::GlobalVariable(module, note->getType(), true, llvm::GlobalValue::PrivateLinkage, note, "lmopt_note");
  global->setSection(".note.lmopt");
  global->setAlignment(llvm::Align(4));
  llvm::appendToUsed(module, {global}); // nothing refers to it; this keeps the optimizer from dropping it
}

// Declarations of the tables that other objects define.
std::vector<llvm::GlobalVariable *> declareTables(llvm::Module &module, size_t count) {
  std::vector<llvm::GlobalVariable *> tables;
  for (size_t i = 0; i < count; ++i) {
    tables.push_back(new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(module.getContext()), true,
                                              llvm::GlobalValue::ExternalLinkage, nullptr, tableName(int(i))));
    tables.back()->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  return tables;
}

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
void alignLoops(llvm::Module &module) {
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
  alignLoops(module);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr, kind)) {
    error = "LLVM's x86 target cannot write this kind of file";
    return false;
  }
  passes.run(module);
  return true;
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
    addQuery(*module, table);
    addNote(*module, lowered.plan.weightBytes, target);
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

bool emitDispatch(const std::vector<cpu::Target> &versions, int64_t weightBytes, llvm::SmallVectorImpl<char> &object,
                  std::string &error) {
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
  addQuery(module, declareTables(module, versions.size()));
  for (const cpu::Target &version : versions)
    addNote(module, weightBytes, version);
  setFunctionAttributes(module, plain);
  llvm::raw_svector_ostream stream(object);
  return generate(module, *machine, llvm::CodeGenFileType::ObjectFile, stream, error);
}

} // namespace lmopt::link
