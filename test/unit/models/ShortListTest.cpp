// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer tokens, on fixture models under the interpreter: the logits of what stays, and vectors of texts of
// what stays, are what they were, bit for bit; the tokenizer's ids are the rows of the tables; blocks of a GGUF file
// stay what they are.
#include "frontends/tokenizer/ShortList.h"
#include "passes/shorten-vocabulary/ShortenVocabulary.h"
#include "test/unit/models/FixtureModel.h"

using namespace mlir;
using namespace lmopt;

namespace {

class ShortModels : public fixture::FixtureModel {
protected:
  /// The ids of all cases, and every third of the others.
  std::vector<int64_t> someTokens(int64_t vocabulary) {
    std::vector<bool> used(vocabulary);
    for (const fixture::Case &one : fixture.cases)
      for (int32_t id : one.ids)
        used[id] = true;
    std::vector<int64_t> kept;
    for (int64_t id = 0; id < vocabulary; ++id)
      if (used[id] || id % 3 == 0)
        kept.push_back(id);
    return kept;
  }

  int64_t vocabulary() {
    return model.module->getOperation()
        ->getAttrOfType<DictionaryAttr>("lm.config")
        .getAs<IntegerAttr>("vocabulary")
        .getInt();
  }

  /// What the ids of the case have become.
  static fixture::Case renumbered(fixture::Case one, llvm::ArrayRef<int64_t> kept) {
    for (int32_t &id : one.ids)
      id = static_cast<int32_t>(llvm::lower_bound(kept, id) - kept.begin());
    return one;
  }

  /// The numbers of these tokens of each row.
  static std::vector<float> columns(const std::vector<float> &rows, int64_t width, llvm::ArrayRef<int64_t> kept) {
    std::vector<float> result;
    for (size_t row = 0; row < rows.size(); row += width)
      for (int64_t column : kept)
        result.push_back(rows[row + column]);
    return result;
  }

  void expectSameNumbers(bool logits) {
    int64_t full = vocabulary();
    std::vector<int64_t> kept = someTokens(full);
    ASSERT_LT(kept.size(), size_t(full));
    std::vector<std::vector<float>> before;
    for (const fixture::Case &one : fixture.cases)
      before.push_back(interpret(one));
    ASSERT_TRUE(succeeded(lm::shortenVocabulary(*model.module, kept)));
    ASSERT_TRUE(succeeded(verify(*model.module)));
    EXPECT_EQ(vocabulary(), int64_t(kept.size()));
    for (auto [one, numbers] : llvm::zip_equal(fixture.cases, before)) {
      ASSERT_FALSE(numbers.empty());
      EXPECT_EQ(interpret(renumbered(one, kept)), logits ? columns(numbers, full, kept) : numbers);
    }
  }
};

using ShortDecoders = ShortModels;
TEST_P(ShortDecoders, SameLogitsOfWhatStays) { expectSameNumbers(true); }

// The tokenizer and the tables agree about every id: the text is the same rows as before.
TEST_P(ShortDecoders, TokenizerNamesTheSameRows) {
  std::string text = "a model reads text";
  ShortList list = ShortList::create(model.tokenizerBlob, "test").take();
  ASSERT_TRUE(list.addText(text).ok());
  std::string blob = list.writeTokenizer().take();
  auto encode = [&](const std::string &bytes) {
    lmopt_tokenizer_t *opened = nullptr;
    EXPECT_EQ(lmopt_tokenizer_create(bytes.data(), bytes.size(), &opened, nullptr), LMOPT_OK);
    fixture::Case one;
    size_t count = 0;
    one.ids.resize(text.size() + 2);
    EXPECT_EQ(lmopt_tokenizer_encode(opened, text.data(), text.size(), LMOPT_TOKENIZE_DEFAULT, one.ids.data(),
                                     one.ids.size(), &count, nullptr),
              LMOPT_OK);
    EXPECT_EQ(lmopt_tokenizer_token_count(opened), bytes == blob ? int64_t(list.kept().size()) : vocabulary());
    lmopt_tokenizer_destroy(opened);
    one.ids.resize(count);
    return one;
  };
  int64_t full = vocabulary();
  std::vector<float> before = columns(interpret(encode(model.tokenizerBlob)), full, list.kept());
  fixture::Case after = encode(blob);
  ASSERT_TRUE(succeeded(lm::shortenVocabulary(*model.module, list.kept())));
  EXPECT_EQ(interpret(after), before);
}

INSTANTIATE_TEST_SUITE_P(Models, ShortDecoders, testing::Values("llama-tied", "llama-untied-bias", "gguf-q8_0"),
                         fixture::parameterName);

class ShortEncoders : public ShortModels {};
TEST_P(ShortEncoders, SameNumbers) {
  auto config = model.module->getOperation()->getAttrOfType<DictionaryAttr>("lm.config");
  expectSameNumbers(config.get("task") != nullptr);
}
INSTANTIATE_TEST_SUITE_P(Models, ShortEncoders,
                         testing::Values("bert-mean", "roberta-mean", "electra-cls", "albert-mean", "xlmroberta-cls",
                                         "static-words", "static-clusters", "static-sentence", "heads/bert-masked",
                                         "heads/albert-masked", "heads/roberta-masked"),
                         fixture::parameterName);

// Codes of the file's own blocks: what is left of them decodes to the same numbers.
class ShortNative : public ShortModels {};
TEST_P(ShortNative, BlocksStay) {
  std::vector<int64_t> kept = someTokens(vocabulary());
  ASSERT_TRUE(succeeded(lm::shortenVocabulary(*model.module, kept)));
  apply("native");
  auto head = model.module->lookupSymbol<lm::ParamOp>("head.weight"),
       embedding = model.module->lookupSymbol<lm::ParamOp>("embed.weight");
  lm::ParamOp multiplied = head ? head : embedding;
  ASSERT_TRUE(multiplied);
  EXPECT_TRUE(isa<lm::GroupedType>(multiplied.getType()));
  EXPECT_EQ(multiplied.getShape().front(), int64_t(kept.size()));
  EXPECT_FALSE(interpret(renumbered(fixture.cases[0], kept)).empty());
}
INSTANTIATE_TEST_SUITE_P(Models, ShortNative, testing::Values("gguf-q4_0", "gguf-q8_0"), fixture::parameterName);

} // namespace
