// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lmopt makes of each variant (Variants.h) before any graph is built: refused with this message and exit code, or
// read, with this warning or none, and cut at the length at which sentence-transformers cuts. That the numbers are the
// makers' is tested where there is an interpreter (test/unit/models/VariantNumbersTest.cpp).
#include "test/unit/frontends/Variants.h"
#include "frontends/huggingface/Model.h"

using namespace lmopt;
using nlohmann::json;

namespace {
class Variants : public testing::TestWithParam<json> {};
} // namespace

static void expectRefusal(const Result<HuggingFaceModel> &model, const json &entry) {
  ASSERT_FALSE(model) << "accepted; transformers: " << entry.at("oracle");
  EXPECT_EQ(model.error().code, entry.at("code")) << model.error().message;
  EXPECT_NE(model.error().message.find(entry.at("says").get<std::string>()), std::string::npos)
      << model.error().message;
}

static void expectWarnings(const std::vector<std::string> &warnings, const json &entry) {
  ASSERT_EQ(warnings.size(), entry.contains("warns") ? 1u : 0u) << (warnings.empty() ? "" : warnings.front());
  if (warnings.empty())
    return;
  EXPECT_NE(warnings[0].find(entry["warns"].get<std::string>()), std::string::npos) << warnings[0];
}

TEST_P(Variants, AreReadOrRefused) {
  const json &entry = GetParam();
  test::Variant variant(entry);
  Result<HuggingFaceModel> model = HuggingFaceModel::open(variant.path());
  if (entry.contains("code") && !entry.value("late", false))
    return expectRefusal(model, entry);
  ASSERT_TRUE(model) << model.error().message;
  expectWarnings(model->config->warnings, entry);
  if (model->family->kind == FamilyKind::Encoder)
    EXPECT_EQ(model->config->maxTokens, entry.at("oracle").at("limit"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Variants, testing::ValuesIn(test::variants()), test::variantName);
