// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The records of families: each is found by what its files say of themselves, no two claim the same, each has a
// fixture, and README shows them as they are. To write its table anew: LMOPT_WRITE_DOCS=1
// build/bin/test-frontends-huggingface --gtest_filter='Families.Documentation'
#include "test/unit/frontends/Families.h"
#include "frontends/huggingface/Architecture.h"
#include "test/unit/frontends/Document.h"

#include <set>

using namespace lmopt;
using nlohmann::json;

/// Decoders before encoders, each family with its classes and its type.
TEST(Families, AreListedWhereOneIsUnknown) {
  std::string message = detectFamily({{"architectures", {"MambaForCausalLM"}}}, "c.json").error().message;
  EXPECT_EQ(message.find("c.json: architecture 'MambaForCausalLM' is not supported; supported are "), 0u) << message;
  size_t llama = message.find("LlamaForCausalLM (model_type llama)"),
         encoders = message.find(" and, as text encoders, ");
  size_t bert = message.find("BertModel, BertForPreTraining, BertForMaskedLM, BertForSequenceClassification, "
                             "BertForTokenClassification and BertForQuestionAnswering (model_type bert)");
  EXPECT_LT(llama, encoders) << message;
  EXPECT_LT(encoders, bert) << message;
  EXPECT_NE(bert, std::string::npos) << message;
  for (const Family &family : allFamilies())
    if (family.huggingFace)
      for (const char *architecture : architecturesOf(*family.huggingFace))
        EXPECT_NE(message.find(architecture), std::string::npos) << message;
}

TEST(Families, AreRecognised) {
  auto family = [](const char *text) { return detectFamily(json::parse(text), "c.json"); };
  EXPECT_EQ((*family(R"({"architectures": ["LlamaForCausalLM"]})"))->id, "llama");
  EXPECT_EQ((*family(R"({"model_type": "llama"})"))->id, "llama");
  EXPECT_EQ((*family(R"({"architectures": ["BertModel"], "model_type": "bert"})"))->id, "bert");
  EXPECT_EQ((*family(R"({"architectures": ["BertForMaskedLM"]})"))->id, "bert");
  EXPECT_EQ((*family(R"({"architectures": ["BertForSequenceClassification"]})"))->id, "bert");
  EXPECT_EQ(family(R"({"architectures": ["BertForMultipleChoice"]})").error().code, 4);
  EXPECT_EQ(family(R"({"architectures": ["MambaForCausalLM"]})").error().code, 4);
  EXPECT_EQ(family(R"({"model_type": "mamba"})").error().code, 4);
  EXPECT_EQ((*family(R"({"architectures": [], "model_type": "llama"})"))->id, "llama");
  EXPECT_EQ(family(R"({"architectures": ["LlamaForCausalLM"], "model_type": "mistral"})").error().code, 4);
  EXPECT_EQ(family(R"({"architectures": ["LlamaForCausalLM"], "model_type": "bert"})").error().code, 4);
  EXPECT_EQ(family(R"({"architectures": ["LlamaForCausalLM"], "model_type": 1})").error().code, 3);
  EXPECT_EQ(family(R"({"architectures": ["BertModel", "LlamaForCausalLM"]})").error().code, 3);
  EXPECT_EQ(family("{}").error().code, 3);
  EXPECT_EQ(family("[]").error().code, 3);
  EXPECT_EQ(family(R"({"architectures": "LlamaForCausalLM"})").error().code, 3);
  EXPECT_EQ(family(R"({"architectures": [1]})").error().code, 3);
}

TEST(Families, ClaimNothingTwice) {
  std::set<std::string> seen;
  auto expectNew = [&](const std::string &claim) { EXPECT_TRUE(seen.insert(claim).second) << claim; };
  for (const Family &family : allFamilies()) {
    expectNew("id " + family.id);
    expectNew("name " + std::string(family.name));
    if (family.gguf)
      expectNew("GGUF " + std::string(family.gguf->architecture));
    if (!family.huggingFace)
      continue;
    expectNew("type " + std::string(family.huggingFace->modelType));
    for (const char *architecture : architecturesOf(*family.huggingFace))
      expectNew(architecture);
  }
}

TEST(Families, AreFoundByWhatTheirFixturesSay) {
  for (const Family &family : allFamilies()) {
    ASSERT_FALSE(test::fixtures(family).empty()) << "test/models has no model of " << family.id;
    if (!family.huggingFace)
      continue;
    Result<const Family *> found = detectFamily(test::exampleConfig(family), "c.json");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, &family);
    for (const char *architecture : architecturesOf(*family.huggingFace))
      EXPECT_EQ(*detectFamily({{"architectures", {architecture}}, {"model_type", family.huggingFace->modelType}}, ""),
                &family);
  }
}

static std::string row(const Family &family) {
  std::string architectures, gguf;
  if (family.huggingFace)
    for (const char *architecture : architecturesOf(*family.huggingFace))
      architectures += (architectures.empty() ? "`" : ", `") + std::string(architecture) + "`";
  if (family.gguf)
    gguf = "`" + std::string(family.gguf->architecture) + "`";
  const char *kind = family.kind == FamilyKind::Decoder
                         ? "a decoder: text, token by token"
                         : "an encoder: a vector a text, as sentence-transformers makes it; with a head its numbers";
  return "| " + std::string(family.name) + " | " + architectures + " | " + gguf + " | " + kind + " |\n";
}

TEST(Families, Documentation) {
  std::string table = "| family | Hugging Face | GGUF | is |\n|---|---|---|---|\n";
  for (const Family &family : allFamilies())
    table += row(family);
  test::Document readme("README.md");
  readme.check("families", table);
}
