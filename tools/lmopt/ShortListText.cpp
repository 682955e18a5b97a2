// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A text, a tokenizer and a module brought together; see ShortListText.h.
#include "tools/lmopt/ShortListText.h"

#include "frontends/tokenizer/ShortList.h"
#include "passes/observe/Observe.h"
#include "passes/shorten-vocabulary/ShortenVocabulary.h"
#include "tools/lmopt/TextInput.h"

using namespace mlir;

namespace lmopt::driver {

int64_t vocabularyOf(ModuleOp module) {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  auto number = config ? config.getAs<IntegerAttr>("vocabulary") : IntegerAttr();
  return number ? number.getInt() : 0;
}

static Result<void> addTexts(ShortList &list, bool decoder, const std::string &file) {
  if (!decoder)
    return forEachText({}, file, [&](const std::string &line) { return list.addText(line); });
  Result<std::string> text = readFile(file);
  return text.ok() ? list.addText(*text) : text.error();
}

static std::string summary(const ShortList &list, size_t kept) {
  return "short-list: " + std::to_string(kept) + " of " + std::to_string(list.vocabulary()) + " tokens stay, " +
         std::to_string(list.textVocabulary()) + " of them for the text, which has " +
         std::to_string(list.textTokens()) + " tokens";
}

Result<void> applyShortList(ImportedModel &model, const std::string &source, const ShortListOptions &options,
                            const Context &context) {
  const std::string &text = options.text;
  if (text.empty())
    return {};
  if (model.tokenizerBlob.empty())
    return unsupported("--shortlist: '" + source + "' has no tokenizer, so no text can be read");
  FailureOr<func::FuncOp> function = lm::findModelFunction(*model.module);
  if (failed(function))
    return unsupported("");
  Result<ShortList> list = ShortList::create(model.tokenizerBlob, source);
  if (!list.ok())
    return list.error();
  if (Result<void> added = addTexts(*list, lm::isDecoder(*function), text); !added.ok())
    return added;
  if (list->textTokens() == 0)
    return Error{kErrorUsage, "--shortlist: '" + text + "' holds no text"};
  list->fill(static_cast<size_t>(options.size));
  std::vector<int64_t> kept = list->kept();
  Result<std::string> tokenizer = list->writeTokenizer();
  if (!tokenizer.ok())
    return tokenizer.error();
  if (failed(lm::shortenVocabulary(*model.module, kept)))
    return unsupported("");
  model.tokenizerBlob = tokenizer.take();
  model.sources.checkpoint.push_back(text); // no output may take its place
  note(context, summary(*list, kept.size()));
  return {};
}

} // namespace lmopt::driver
