// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The variants of the fixtures (test/unit/frontends/Variants.h) that are not refused compute what transformers and
// sentence-transformers compute: logits of the last token and greedy tokens, or the ids of texts and their vectors.
// Those that are refused when the graph is built say why.
#include "dialects/lm/Lm.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "frontends/Import.h"
#include "lmopt/tokenizer.h"
#include "test/unit/frontends/Variants.h"

#include "mlir/IR/MLIRContext.h"

#include <cmath>
#include <cstring>

using namespace lmopt;
using nlohmann::json;
using Ids = std::vector<int32_t>;

namespace {
/// Differences between two fp32 implementations of these fixtures stay below 1e-5 (expected.json derives it); a wrong
/// angle, table or token makes errors of the order of the values, which are about 1.
constexpr double kTolerance = 1e-4;

class VariantNumbers : public testing::TestWithParam<json> {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    lm::registerDialects(registry);
    lm::registerMeanings(registry);
    context.appendDialectRegistry(registry);
  }

  std::vector<float> expected(int64_t offset, size_t count) const {
    static const std::string bytes = test::readBytes(test::kModels + "/variants.bin");
    std::vector<float> floats(count);
    std::memcpy(floats.data(), bytes.data() + offset * sizeof(float), count * sizeof(float));
    return floats;
  }

  std::vector<float> run(ImportedModel &model, const char *function, std::vector<lm::RuntimeValue> inputs) const {
    lm::WeightReader reader(model.baseDirectory);
    lm::Interpreter interpreter(*model.module, reader);
    auto results = interpreter.run(function, inputs);
    return mlir::failed(results) ? std::vector<float>() : std::get<lm::reference::Tensor>((*results)[0]).f32;
  }

  static void expectClose(const std::vector<float> &found, const std::vector<float> &wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, std::isfinite(found[i]) ? std::abs(double(found[i]) - wanted[i]) : INFINITY);
    EXPECT_LE(worst, kTolerance);
  }

  void checkDecoder(ImportedModel &model, const json &oracle);
  void checkEncoder(ImportedModel &model, const json &oracle);
  Ids encode(const std::string &blob, const std::string &text) const;

  mlir::MLIRContext context;
};
} // namespace

void VariantNumbers::checkDecoder(ImportedModel &model, const json &oracle) {
  Ids ids = oracle.at("ids"), greedy = oracle.at("greedy"), found;
  for (size_t step = 0; step < greedy.size(); ++step) {
    std::vector<float> logits = run(model, "forward", {lm::makeIds(ids), lm::reference::Cache()});
    size_t vocabulary = logits.size() / ids.size();
    logits.erase(logits.begin(), logits.end() - vocabulary);
    if (step == 0)
      expectClose(logits, expected(oracle.at("offset"), vocabulary));
    found.push_back(std::max_element(logits.begin(), logits.end()) - logits.begin());
    ids.push_back(greedy[step]);
  }
  if (GetParam().value("differs", false)) // the maker's settings change them, which the warning says
    EXPECT_NE(found, greedy);
  else
    EXPECT_EQ(found, greedy);
}

Ids VariantNumbers::encode(const std::string &blob, const std::string &text) const {
  lmopt_error_t error = {};
  lmopt_tokenizer_t *tokenizer = nullptr;
  EXPECT_EQ(lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error), LMOPT_OK) << error.message;
  Ids ids(text.size() + 16);
  size_t count = 0;
  EXPECT_EQ(lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), LMOPT_TOKENIZE_DEFAULT, ids.data(), ids.size(),
                                   &count, &error),
            LMOPT_OK)
      << error.message;
  lmopt_tokenizer_destroy(tokenizer);
  ids.resize(std::min(count, ids.size()));
  return ids;
}

void VariantNumbers::checkEncoder(ImportedModel &model, const json &oracle) {
  const json &cases = oracle.at("cases"); // their vectors lie one after another
  size_t width = cases.at(1).at("offset").get<size_t>() - cases.at(0).at("offset").get<size_t>();
  for (const json &one : cases) {
    Ids ids = encode(model.tokenizerBlob, one.at("text"));
    EXPECT_EQ(ids, one.at("ids").get<Ids>());
    std::vector<float> vector = run(model, "encode", {lm::makeIds(ids), lm::makeLengths({int32_t(ids.size())})});
    expectClose(vector, expected(one.at("offset"), width));
  }
}

TEST_P(VariantNumbers, AreTheMakers) {
  const json &entry = GetParam();
  test::Variant variant(entry);
  Result<ImportedModel> model = importModel(variant.path(), context);
  if (entry.contains("code")) {
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, entry["code"]);
    EXPECT_NE(model.error().message.find(entry["says"].get<std::string>()), std::string::npos) << model.error().message;
    return;
  }
  ASSERT_TRUE(model) << model.error().message;
  const json &oracle = entry.at("oracle");
  oracle.contains("limit") ? checkEncoder(*model, oracle) : checkDecoder(*model, oracle);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, VariantNumbers, testing::ValuesIn(test::variants()), test::variantName);
