// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants for the runtime; see CodeTable.h.
#include "codegen/link/CodeTable.h"

#include "lmopt/abi.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include <cstddef>

#ifndef LMOPT_VERSION
#error "LMOPT_VERSION comes from the build"
#endif

namespace lmopt::link {

uint32_t abiVersion(const lower::ModelFacts &facts) {
  return facts.ringPositions ? LMOPT_ABI_VERSION : LMOPT_ABI_WITHOUT_RINGS;
}

static std::string tableName(int version) { return "lmopt_code_table_" + std::to_string(version); }

// The constants that the runtime reads, spelled field by field as lmopt/abi.h has them.
namespace {
class TableWriter {
public:
  TableWriter(llvm::Module &module, const lower::LoweredModel &lowered)
      : module(module), facts(lowered.facts), builder(module.getContext()) {}

  llvm::Constant *table() {
    std::vector<llvm::Constant *> entries;
    for (const char *name :
         {LMOPT_ENTRY_PREFILL, LMOPT_ENTRY_DECODE, LMOPT_ENTRY_DECODE_TOP, LMOPT_ENTRY_SCORE, LMOPT_ENTRY_ENCODE})
      if (module.getFunction(name))
        entries.push_back(entry(name));
    const bool rings = facts.ringPositions;
    std::vector<llvm::Constant *> fields = {i32(rings ? sizeof(lmopt_code_table_t) : LMOPT_CODE_TABLE_SIZE_MIN),
                                            i32(abiVersion(facts)),
                                            i32(kind()),
                                            i32(facts.vocabulary),
                                            i32(facts.maxPositions),
                                            i32(facts.ropeSwitch),
                                            i32(stepSize()),
                                            i32(sizeof(lmopt_segment_t)),
                                            i64(facts.cacheBytesPerPosition),
                                            i64(facts.stateBytesPerSequence),
                                            i64(facts.arenaBytes),
                                            i64(facts.threadBytes),
                                            text(std::string("lmopt ") + LMOPT_VERSION),
                                            array(entries),
                                            i32(entries.size()),
                                            i32(facts.top ? sizeof(lmopt_entry_t) : LMOPT_ENTRY_SIZE_MIN)};
    if (rings)
      fields.insert(fields.end(), {i64(facts.ringBytesPerPosition), i32(facts.ringPositions), i32(facts.ringBack)});
    return record(fields);
  }

private:
  llvm::Module &module;
  const lower::ModelFacts &facts;
  llvm::IRBuilder<> builder;
  llvm::Constant *inputs = nullptr, *results = nullptr; ///< every entry but "score" has the same

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

  // What the code reads of a step.
  uint64_t stepSize() const {
    if (facts.machine == lower::Machine::Cuda)
      return sizeof(lmopt_step_t);
    return facts.top ? offsetof(lmopt_step_t, device) : offsetof(lmopt_step_t, top);
  }
  uint32_t kind() const { return facts.decoder ? LMOPT_KIND_DECODER : LMOPT_KIND_ENCODER; }

  llvm::Constant *inputList(llvm::ArrayRef<lower::NamedInput> inputs) {
    std::vector<llvm::Constant *> list;
    for (const lower::NamedInput &input : inputs)
      list.push_back(record({text(input.name), i32(input.limit), i32(0)}));
    return array(list);
  }
  llvm::Constant *resultList(llvm::ArrayRef<lower::NamedResult> results) {
    std::vector<llvm::Constant *> list;
    for (const lower::NamedResult &result : results)
      list.push_back(record({text(result.name), i32(domainNumber(result.domain)), i32(result.width)}));
    return array(list);
  }
  static uint32_t domainNumber(plan::Domain domain) {
    switch (domain) {
    case plan::Domain::tokens:
      return LMOPT_DOMAIN_TOKENS;
    case plan::Domain::outputs:
      return LMOPT_DOMAIN_OUTPUTS;
    case plan::Domain::segments:
      return LMOPT_DOMAIN_SEQUENCES;
    }
    return 0;
  }

  llvm::Constant *entry(llvm::StringRef name) {
    if (!results) {
      inputs = inputList(facts.inputs);
      results = resultList(facts.results);
    }
    bool score = name == LMOPT_ENTRY_SCORE;
    bool few = name == LMOPT_ENTRY_DECODE || name == LMOPT_ENTRY_DECODE_TOP;
    std::vector<llvm::Constant *> fields = {text(name),
                                            module.getFunction(name),
                                            i32(kind()),
                                            i32(few ? facts.decodeRows : facts.prefillRows),
                                            score ? inputList(facts.scoreInputs) : inputs,
                                            score ? resultList(facts.scoreResults) : results,
                                            i32((score ? facts.scoreInputs : facts.inputs).size()),
                                            i32((score ? facts.scoreResults : facts.results).size())};
    if (facts.top) { // what older runtimes need not know is there only where it says something
      fields.push_back(i32(name == LMOPT_ENTRY_DECODE_TOP ? facts.top : 0));
      fields.push_back(i32(0));
    }
    return record(fields);
  }
};
} // namespace

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

void addQuery(llvm::Module &module, uint32_t abi, llvm::ArrayRef<llvm::GlobalVariable *> versions) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> builder(context);
  auto *type = llvm::FunctionType::get(builder.getPtrTy(), {builder.getInt32Ty()}, false);
  auto *query = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, LMOPT_MODEL_QUERY_SYMBOL, module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", query));
  llvm::Value *served =
      builder.CreateICmpUGE(builder.CreateAnd(query->getArg(0), LMOPT_QUERY_ABI_MASK), builder.getInt32(abi));
  llvm::Value *version = builder.CreateLShr(query->getArg(0), LMOPT_QUERY_VERSION_SHIFT);
  llvm::Value *none = llvm::ConstantPointerNull::get(builder.getPtrTy()), *table = none;
  for (size_t i = 0; i < versions.size(); ++i)
    table = builder.CreateSelect(builder.CreateICmpEQ(version, builder.getInt32(i)), versions[i], table);
  builder.CreateRet(builder.CreateSelect(served, table, none));
}

void addNote(llvm::Module &module, const lower::ModelFacts &facts, const cpu::Target &target) {
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
                              i32(abiVersion(facts)),
                              i32(abiVersion(facts)),
                              i64(target.spelling.isa),
                              i64(facts.weightBytes),
                              i32(facts.machine == lower::Machine::Cuda ? LMOPT_DEVICE_CUDA : LMOPT_DEVICE_CPU),
                              i32(0)};
  llvm::Constant *note = llvm::ConstantStruct::getAnon(fields, /*Packed=*/true);
  auto *global =
      new llvm::GlobalVariable(module, note->getType(), true, llvm::GlobalValue::PrivateLinkage, note, "lmopt_note");
  global->setSection(".note.lmopt");
  global->setAlignment(llvm::Align(4));
  llvm::appendToUsed(module, {global}); // nothing refers to it; this keeps the optimizer from dropping it
}

std::vector<llvm::GlobalVariable *> declareTables(llvm::Module &module, size_t count) {
  std::vector<llvm::GlobalVariable *> tables;
  for (size_t i = 0; i < count; ++i) {
    tables.push_back(new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(module.getContext()), true,
                                              llvm::GlobalValue::ExternalLinkage, nullptr, tableName(int(i))));
    tables.back()->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  return tables;
}

} // namespace lmopt::link
