// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokenizer that the importer makes of each fixture model gives the tokens that the `tokenizers` package gave (for
// GGUF files: that llama.cpp gave, too), with special tokens added and recognised; encoders cut at their own limit and
// never at the truncation or padding that tokenizer.json may ask for.
#include "dialects/lm/Lm.h"
#include "frontends/Import.h"
#include "lmopt/tokenizer.h"
#include "test/unit/models/Fixture.h"

#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace lmopt;
using Ids = std::vector<int32_t>;

namespace {

class TokenizerFixtures : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    mlir::MLIRContext context;
    mlir::DialectRegistry registry;
    lm::registerDialects(registry);
    context.appendDialectRegistry(registry);
    std::string folder = std::string(LMOPT_SOURCE_DIR) + "/test/models/" + GetParam();
    json = nlohmann::json::parse(fixture::readBytes(folder + "/expected.json"));
    Result<ImportedModel> model = importModel(fixture::load(GetParam()).path, context);
    ASSERT_TRUE(model.ok()) << model.error().message;
    blob = model->tokenizerBlob;
    lmopt_error_t error = {};
    ASSERT_EQ(lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error), LMOPT_OK) << error.message;
  }
  void TearDown() override { lmopt_tokenizer_destroy(tokenizer); }

  Ids encode(const std::string &text, uint32_t flags) const {
    lmopt_error_t error = {};
    Ids ids(text.size() + 16);
    size_t count = 0;
    EXPECT_EQ(
        lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids.data(), ids.size(), &count, &error),
        LMOPT_OK)
        << error.message;
    ids.resize(std::min(count, ids.size()));
    return ids;
  }

  nlohmann::json json;
  std::string blob;
  lmopt_tokenizer_t *tokenizer = nullptr;
};

// "cut": the makers' library cuts a text whatever it is asked for.
TEST_P(TokenizerFixtures, SameTokens) {
  uint32_t flags = LMOPT_TOKENIZE_DEFAULT | (json.contains("cut") ? 0 : LMOPT_TOKENIZE_NO_TRUNCATION);
  for (const nlohmann::json &entry : json.at("tokenizer"))
    EXPECT_EQ(encode(entry.at("text"), flags), entry.at("ids").get<Ids>()) << entry.at("text");
}

TEST_P(TokenizerFixtures, EncodersCutAtTheirLimitDecodersNever) {
  EXPECT_EQ(lmopt_tokenizer_max_length(tokenizer), json.value("limit", json.value("cut", 0)));
  for (const nlohmann::json &entry : json.at("cases"))
    if (entry.contains("text"))
      EXPECT_EQ(encode(entry.at("text"), LMOPT_TOKENIZE_DEFAULT), entry.at("ids").get<Ids>()) << entry.at("text");
}

INSTANTIATE_TEST_SUITE_P(Models, TokenizerFixtures, testing::ValuesIn(fixture::names()), fixture::parameterName);

} // namespace
