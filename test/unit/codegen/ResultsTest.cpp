// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs beside token ids and several results, compiled and run: names, widths and numbers as the module has them, and
// a head that fits them or is refused.
#include "codegen/Compile.h"
#include "lmopt/lmopt.h"
#include "test/unit/codegen/TestModule.h"

#include <filesystem>
#include <unistd.h>

using namespace lmopt;

namespace {

class Results : public testing::Test {
protected:
  void SetUp() override { path = testing::TempDir() + "lmopt-results-" + std::to_string(getpid()) + ".so"; }
  void TearDown() override {
    lmopt_model_destroy(model);
    std::filesystem::remove(path);
  }

  void open() {
    test::TestModule module = test::TestModule::fromFile("token-types.mlir");
    ASSERT_EQ(compileToArtifact(module.get(), {}, path).code, 0);
    lmopt_error_t error = {};
    ASSERT_EQ(lmopt_model_open(path.c_str(), nullptr, &model, &error), LMOPT_OK) << error.message;
  }

  /// What compiling says with another lm.config.
  std::string refusal(const std::string &config) {
    test::TestModule text = test::TestModule::fromFile("token-types.mlir");
    mlir::ModuleOp module = text.get();
    mlir::MLIRContext *context = module.getContext();
    std::string common = "vocabulary = 4 : i64, max_positions = 40 : i64, ";
    module->setAttr("lm.config", mlir::parseAttribute("{" + common + config + "}", context));
    std::string all;
    mlir::ScopedDiagnosticHandler handler(context, [&](mlir::Diagnostic &diagnostic) {
      all += diagnostic.str();
      return mlir::success();
    });
    EXPECT_EQ(compileToArtifact(module, {}, path).code, 3) << config;
    return all;
  }

  std::string path;
  lmopt_model_t *model = nullptr;
};

TEST_F(Results, namesAndWidths) {
  ASSERT_NO_FATAL_FAILURE(open());
  lmopt_input_info_t input = {};
  input.struct_size = sizeof input;
  ASSERT_EQ(lmopt_model_get_input(model, 0, &input, nullptr), LMOPT_OK);
  EXPECT_STREQ(input.name, "token_types");
  EXPECT_EQ(input.limit, 2);
  lmopt_result_info_t result = {};
  result.struct_size = sizeof result;
  ASSERT_EQ(lmopt_model_get_result(model, 0, &result, nullptr), LMOPT_OK);
  EXPECT_STREQ(result.name, "token_logits");
  EXPECT_EQ(result.rows, uint32_t(LMOPT_ROWS_TOKENS));
  EXPECT_EQ(result.width, 3);
  ASSERT_EQ(lmopt_model_get_result(model, 1, &result, nullptr), LMOPT_OK);
  EXPECT_STREQ(result.name, "mean");
  EXPECT_EQ(result.rows, uint32_t(LMOPT_ROWS_SEQUENCES));
  EXPECT_EQ(result.width, 2);
  lmopt_head_info_t head = {};
  head.struct_size = sizeof head;
  ASSERT_EQ(lmopt_model_get_head(model, &head, nullptr), LMOPT_OK);
  EXPECT_EQ(head.task, uint32_t(LMOPT_TASK_TOKEN_CLASSIFICATION));
  EXPECT_EQ(head.scores, uint32_t(LMOPT_SCORES_SOFTMAX));
  EXPECT_STREQ(lmopt_model_label(model, 2), "I-X");
}

// Rows of token-types.mlir: words[id] + types[type], then the head (x, y, x + y).
TEST_F(Results, numbers) {
  ASSERT_NO_FATAL_FAILURE(open());
  const float words[4][2] = {{1, 2}, {3, 4}, {-1, 0.5f}, {0.25f, 8}};
  std::vector<int32_t> tokens, types;
  std::vector<int64_t> lengths = {1, 17, 40, 2};
  for (int64_t length : lengths)
    for (int64_t i = 0; i < length; ++i) {
      tokens.push_back(int32_t((3 * i + length) % 4));
      types.push_back(i > length / 2);
    }
  for (int32_t threads : {1, 3}) {
    lmopt_session_options_t options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    lmopt_session_t *session = nullptr;
    ASSERT_EQ(lmopt_session_create(model, &options, &session, nullptr), LMOPT_OK);
    std::vector<float> logits(tokens.size() * 3 + 1, -7), means(lengths.size() * 2 + 1, -7);
    const int32_t *inputs[] = {types.data()};
    float *results[] = {logits.data(), means.data()};
    ASSERT_EQ(lmopt_session_encode_all(session, tokens.data(), lengths.data(), 4, inputs, results, nullptr), LMOPT_OK);
    lmopt_session_destroy(session);
    EXPECT_EQ(logits.back(), -7);
    EXPECT_EQ(means.back(), -7);
    size_t at = 0;
    for (size_t s = 0; s < lengths.size(); ++s) {
      double sum[2] = {0, 0};
      for (int64_t i = 0; i < lengths[s]; ++i, ++at) {
        float x = words[tokens[at]][0] + 16 * float(types[at]), y = words[tokens[at]][1] + 32 * float(types[at]);
        ASSERT_EQ(logits[3 * at], x) << at;
        ASSERT_EQ(logits[3 * at + 1], y) << at;
        ASSERT_EQ(logits[3 * at + 2], x + y) << at;
        sum[0] += x;
        sum[1] += y;
      }
      EXPECT_NEAR(means[2 * s], sum[0] / double(lengths[s]), 1e-4);
      EXPECT_NEAR(means[2 * s + 1], sum[1] / double(lengths[s]), 1e-4);
    }
  }
}

TEST_F(Results, headsThatDoNotFitAreRefused) {
  auto says = [&](const std::string &config, const std::string &part) {
    std::string message = refusal(config);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  says("task = \"tagging\"", "'task' is \"tagging\"; expected one of none, sequence_classification");
  says("task = \"masked_lm\", score_activation = 5 : i64", "'score_activation' is 5");
  says("task = \"token_classification\", labels = \"a\"", "expected a list 'labels'");
  says("task = \"token_classification\", labels = [1, 2, 3]", "label 1");
  says("task = \"token_classification\", labels = [\"a\", \"b\"]",
       "task \"token_classification\" with 2 labels expects a first result with 2 numbers for each token, found "
       "'token_logits' with 3 for each token");
  says("task = \"sequence_classification\", labels = [\"a\", \"b\", \"c\"]", "3 numbers for each sequence");
  says("task = \"question_answering\"", "expects a first result with 2 numbers for each token");
  says("task = \"masked_lm\"", "expects a first result with 4 numbers for each token");
}

} // namespace
