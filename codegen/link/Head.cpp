// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blob "head"; see Head.h.
#include "codegen/link/Head.h"

#include "lmopt/abi.h"

using namespace mlir;

namespace lmopt::link {

namespace {

using Choices = ArrayRef<std::pair<StringRef, uint32_t>>;

class HeadWriter {
public:
  HeadWriter(ModuleOp module, const lower::ModelFacts &facts)
      : module(module), facts(facts), config(module->getAttrOfType<DictionaryAttr>("lm.config")) {}

  FailureOr<std::string> write() {
    static constexpr std::pair<StringRef, uint32_t> tasks[] = {
        {"none", LMOPT_HEAD_NONE},
        {"sequence_classification", LMOPT_HEAD_SEQUENCE_CLASSIFICATION},
        {"token_classification", LMOPT_HEAD_TOKEN_CLASSIFICATION},
        {"masked_lm", LMOPT_HEAD_MASKED_LM},
        {"question_answering", LMOPT_HEAD_QUESTION_ANSWERING}};
    static constexpr std::pair<StringRef, uint32_t> scores[] = {
        {"none", LMOPT_HEAD_RAW}, {"softmax", LMOPT_HEAD_SOFTMAX}, {"sigmoid", LMOPT_HEAD_SIGMOID}};
    if (failed(choose("task", tasks, head.task)) || failed(choose("score_activation", scores, head.scores)))
      return failure();
    if (head.task == LMOPT_HEAD_NONE)
      return std::string();
    if (failed(readLabels()) || failed(checkResult()))
      return failure();
    return std::string(reinterpret_cast<const char *>(&head), sizeof(head)) + names;
  }

private:
  ModuleOp module;
  const lower::ModelFacts &facts;
  DictionaryAttr config;
  lmopt_head_t head = {};
  std::string names; ///< of the labels, each with its zero

  LogicalResult choose(StringRef key, Choices choices, uint32_t &value) {
    Attribute attribute = config ? config.get(key) : Attribute();
    if (!attribute)
      return success();
    auto text = dyn_cast<StringAttr>(attribute);
    std::string supported;
    for (auto [name, number] : choices) {
      if (text && text.getValue() == name) {
        value = number;
        return success();
      }
      supported += (supported.empty() ? "" : ", ") + name.str();
    }
    return module.emitError("lm.config: '") << key << "' is " << attribute << "; expected one of " << supported;
  }

  LogicalResult readLabels() {
    Attribute attribute = config.get("labels");
    if (!attribute)
      return success();
    auto list = dyn_cast<ArrayAttr>(attribute);
    for (Attribute label : list ? list.getValue() : ArrayRef<Attribute>()) {
      auto text = dyn_cast<StringAttr>(label);
      if (!text || text.getValue().contains('\0'))
        return module.emitError("lm.config: label ") << label << "; expected a text without zero bytes";
      names += text.getValue().str() + '\0';
      ++head.label_count;
    }
    return list ? success() : module.emitError("lm.config: expected a list 'labels'");
  }

  // What the runtime demands of the first result (runtime/src/artifact/head.c).
  LogicalResult checkResult() {
    bool sequences = head.task == LMOPT_HEAD_SEQUENCE_CLASSIFICATION;
    bool classes = sequences || head.task == LMOPT_HEAD_TOKEN_CLASSIFICATION;
    int64_t width = classes ? head.label_count : head.task == LMOPT_HEAD_MASKED_LM ? facts.vocabulary : 2;
    const lower::NamedResult &result = facts.results.front();
    plan::Domain domain = sequences ? plan::Domain::segments : plan::Domain::tokens;
    if (!facts.decoder && result.domain == domain && result.width == width && (classes || !head.label_count))
      return success();
    return module.emitError("lm.config: task ")
           << config.get("task") << " with " << head.label_count << " labels expects a first result with " << width
           << " numbers for each " << (sequences ? "sequence" : "token") << ", found '" << result.name << "' with "
           << result.width << " for each " << (result.domain == plan::Domain::segments ? "sequence" : "token");
  }
};

} // namespace

FailureOr<std::string> makeHead(ModuleOp module, const lower::ModelFacts &facts) {
  return HeadWriter(module, facts).write();
}

} // namespace lmopt::link
