// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patterns over the names of linears; see LayerSelection.h.
#include "passes/analysis/LayerSelection.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lmopt::lm {

StringRef LayerSelection::getName(Operation *op) { return getPartName(op); }

static bool holds(Selectable all, Selectable one) {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

static bool isOf(Selectable selectable, Operation *op) {
  return (holds(selectable, Selectable::Linears) && isa<LinearLikeOpInterface>(op)) ||
         (holds(selectable, Selectable::Tables) && isa<EmbeddingOp>(op)) ||
         (holds(selectable, Selectable::Experts) && isa<ExpertsOp, GroupedExpertsOp>(op)) ||
         (holds(selectable, Selectable::Attentions) && isa<AttentionOp>(op));
}

/// "linears, tables and experts"
static std::string nounOf(Selectable selectable) {
  static constexpr std::pair<Selectable, const char *> words[] = {{Selectable::Linears, "linears"},
                                                                  {Selectable::Tables, "tables"},
                                                                  {Selectable::Experts, "experts"},
                                                                  {Selectable::Attentions, "attentions"}};
  llvm::SmallVector<StringRef> chosen;
  for (auto [kind, word] : words)
    if (holds(selectable, kind))
      chosen.push_back(word);
  StringRef last = chosen.pop_back_val();
  return (llvm::join(chosen, ", ") + (chosen.empty() ? "" : " and ") + last).str();
}

/// Everything of these kinds in the model, in any form: what patterns may name.
static llvm::SmallVector<StringRef> namesOf(ModuleOp module, Selectable selectable) {
  llvm::SmallVector<StringRef> names;
  walkModel(module, [&](Operation *op) {
    if (isOf(selectable, op))
      names.push_back(getPartName(op));
  });
  return names;
}

static LogicalResult readPatterns(ModuleOp module, StringRef option, ArrayRef<std::string> texts,
                                  ArrayRef<StringRef> names, StringRef noun,
                                  llvm::SmallVectorImpl<llvm::GlobPattern> &patterns) {
  for (const std::string &text : texts) {
    llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(text);
    if (!pattern)
      return emitError(module.getLoc()) << "option '" << option << "': '" << text
                                        << "' is not a pattern: " << llvm::toString(pattern.takeError());
    if (llvm::none_of(names, [&](StringRef name) { return pattern->match(name); })) {
      auto error = emitError(module.getLoc())
                   << "option '" << option << "': pattern '" << text << "' matches none of the " << names.size() << " "
                   << noun << " of this model";
      return names.empty() ? error : error << "; the first is '" << names.front() << "'";
    }
    patterns.push_back(std::move(*pattern));
  }
  return success();
}

FailureOr<LayerSelection> LayerSelection::create(ModuleOp module, ArrayRef<std::string> layers,
                                                 ArrayRef<std::string> skip, Selectable selectable) {
  LayerSelection selection;
  llvm::SmallVector<StringRef> names = namesOf(module, selectable);
  std::string noun = nounOf(selectable);
  if (failed(readPatterns(module, "layers", layers, names, noun, selection.taken)) ||
      failed(readPatterns(module, "skip", skip, names, noun, selection.skipped)))
    return failure();
  return selection;
}

bool LayerSelection::containsName(StringRef name) const {
  auto matches = [&](const llvm::GlobPattern &pattern) { return pattern.match(name); };
  return (taken.empty() || llvm::any_of(taken, matches)) && llvm::none_of(skipped, matches);
}

} // namespace lmopt::lm
