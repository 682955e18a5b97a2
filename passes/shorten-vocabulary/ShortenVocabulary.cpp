// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer tokens. In: the tokens that stay. Out: embedding, head and lm.config with only these. Exact for
// what stays. Cost: none; the smaller tables are expressions over the larger ones. Tested by
// test/passes/shorten-vocabulary and test/unit/models/ShortListTest.cpp.
#include "passes/shorten-vocabulary/ShortenVocabulary.h"

#include "dialects/lm/Lm.h"
#include "files/File.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"
#include "passes/observe/Observe.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMSHORTENVOCABULARYPASS
#include "passes/shorten-vocabulary/ShortenVocabulary.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-shorten-vocabulary";
static constexpr llvm::StringLiteral kConfig = "lm.config", kVocabulary = "vocabulary", kFull = "full_vocabulary";

/// 40 bytes an id would do for any vocabulary.
static constexpr uint64_t kGreatestFile = 1 << 30;

namespace {

/// Ids come in as a table's row numbers and go out as a head's result numbers.
class Vocabulary {
public:
  explicit Vocabulary(func::FuncOp function)
      : function(function), module(function->getParentOfType<ModuleOp>()), uses(module) {}

  LogicalResult find();
  LogicalResult check(ArrayRef<int64_t> kept);
  void shorten(ArrayRef<int64_t> kept);
  int64_t size() const { return ParamOp(tables.front()).getShape().front(); }

private:
  func::FuncOp function;
  ModuleOp module;
  ParamUses uses;
  llvm::SmallVector<LinearOp> heads;
  llvm::SmallSetVector<Operation *, 4> readers; ///< embeddings and heads
  llvm::SmallSetVector<ParamOp, 4> tables;      ///< all params with a row for each token

  InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }
  LogicalResult findEmbeddings();
  LogicalResult findHeads();
  bool givesLogits(int64_t result);
  LogicalResult checkTable(ParamOp table);
  void setConfig(int64_t tokens, int64_t full);
};

} // namespace

LogicalResult Vocabulary::find() {
  if (failed(findEmbeddings()) || failed(findHeads()))
    return failure();
  return success(llvm::all_of(tables, [&](ParamOp table) { return succeeded(checkTable(table)); }));
}

LogicalResult Vocabulary::findEmbeddings() {
  Value ids = function.getNumArguments() ? function.getArgument(0) : Value();
  for (EmbeddingOp embedding : findOps<EmbeddingOp>(module))
    if (embedding.getIds() == ids) {
      readers.insert(embedding);
      tables.insert(uses.lookup(embedding.getTableAttr()));
    }
  if (readers.empty())
    return error(function) << "expected an lm.embedding of the ids that the function takes, found none";
  return success();
}

/// Whether a result has a number for each token of the vocabulary.
bool Vocabulary::givesLogits(int64_t result) {
  if (isDecoder(function))
    return !isa<CacheType>(function.getResultTypes()[result]);
  auto config = module->getAttrOfType<DictionaryAttr>(kConfig);
  auto task = config ? config.getAs<StringAttr>("task") : StringAttr();
  return result == 0 && task && task.getValue() == "masked_lm";
}

LogicalResult Vocabulary::findHeads() {
  Operation *end = function.getBody().front().getTerminator();
  for (OpOperand &result : end->getOpOperands()) {
    if (!givesLogits(result.getOperandNumber()))
      continue;
    auto head = result.get().getDefiningOp<LinearOp>();
    if (!head || !head.getResult().hasOneUse())
      return error(function) << "expected logits that a lm.linear makes and nothing else uses; this pass comes before "
                                "those that change the head";
    heads.push_back(head);
    readers.insert(head);
    tables.insert(uses.lookup(head.getWeightAttr()));
    if (FlatSymbolRefAttr bias = head.getBiasAttr())
      tables.insert(uses.lookup(bias));
  }
  return success();
}

LogicalResult Vocabulary::checkTable(ParamOp table) {
  auto type = dyn_cast<RankedTensorType>(table.getType());
  if (!type || !type.getElementType().isF32())
    return error(table) << "expected a table in f32, found " << table.getType()
                        << "; this pass comes before those that choose formats";
  if (type.getDimSize(0) != size())
    return error(table) << "expected a row for each of the " << size() << " tokens, found " << type.getDimSize(0);
  for (Operation *user : uses.users(table))
    if (!readers.contains(user))
      return error(user) << "it uses @" << table.getSymName() << ", which is the table of the tokens";
  return success();
}

LogicalResult Vocabulary::check(ArrayRef<int64_t> kept) {
  if (kept.empty())
    return error(function) << "expected at least one token that stays";
  for (size_t i = 0; i < kept.size(); ++i)
    if (kept[i] < 0 || kept[i] >= size() || (i > 0 && kept[i] <= kept[i - 1]))
      return error(function) << "expected ascending tokens below " << size() << ", found " << kept[i]
                             << (i > 0 ? " behind " + std::to_string(kept[i - 1]) : "");
  return success();
}

void Vocabulary::shorten(ArrayRef<int64_t> kept) {
  int64_t full = size(), tokens = static_cast<int64_t>(kept.size());
  for (ParamOp table : tables)
    takeRows(table, kept);
  for (LinearOp head : heads)
    setWidth(head.getResult(), tokens);
  Operation *end = function.getBody().front().getTerminator();
  function.setFunctionType(
      FunctionType::get(function.getContext(), function.getArgumentTypes(), llvm::to_vector(end->getOperandTypes())));
  setConfig(tokens, full);
  tellPassed(kPass, "ShortVocabulary", readers.front()) << remark::metric("Kept", tokens) << remark::metric("Of", full);
}

/// A module that was written by hand may have no lm.config.
void Vocabulary::setConfig(int64_t tokens, int64_t full) {
  auto config = module->getAttrOfType<DictionaryAttr>(kConfig);
  if (!config)
    return;
  Builder builder(module.getContext());
  NamedAttrList entries(config);
  entries.set(kVocabulary, builder.getI64IntegerAttr(tokens));
  if (!config.get(kFull))
    entries.set(kFull, builder.getI64IntegerAttr(full));
  module->setAttr(kConfig, entries.getDictionary(module.getContext()));
}

LogicalResult shortenVocabulary(ModuleOp module, ArrayRef<int64_t> kept) {
  FailureOr<func::FuncOp> function = findModelFunction(module);
  if (failed(function))
    return failure();
  Vocabulary vocabulary(*function);
  if (failed(vocabulary.find()) || failed(vocabulary.check(kept)))
    return failure();
  if (static_cast<int64_t>(kept.size()) < vocabulary.size())
    vocabulary.shorten(kept);
  return success();
}

namespace {

struct ShortenVocabulary : impl::LmShortenVocabularyPassBase<ShortenVocabulary> {
  using LmShortenVocabularyPassBase::LmShortenVocabularyPassBase;

  void runOnOperation() override {
    if (getOperation()->hasAttr("lm.tokenizer")) {
      error() << "the module has a tokenizer, which would have to change with it; use `lmopt import --shortlist TEXT`";
      return signalPassFailure();
    }
    FailureOr<llvm::SmallVector<int64_t>> kept = readTokens();
    if (failed(kept) || failed(shortenVocabulary(getOperation(), *kept)))
      signalPassFailure();
  }

  InFlightDiagnostic error() { return getOperation()->emitError() << kPass << ": "; }

  FailureOr<llvm::SmallVector<int64_t>> readTokens() {
    if (tokens.empty())
      return error() << "option 'tokens' is missing; expected a file with the ids of the tokens that stay";
    Result<std::string> text = readSmallFile(tokens, kGreatestFile);
    if (!text)
      return error() << text.error().message;
    llvm::SmallVector<int64_t> kept;
    llvm::SmallVector<StringRef> words;
    llvm::SplitString(*text, words);
    for (StringRef word : words)
      if (word.getAsInteger(10, kept.emplace_back()))
        return error() << "'" << tokens << "': expected the id of a token, found " << printable(std::string_view(word));
    return kept;
  }
};

} // namespace

} // namespace lmopt::lm
