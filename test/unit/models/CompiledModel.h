// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture model compiled and opened, for tests that run it through the runtime's C interface.
// In: the fixture's name as gtest parameter, a recipe, passes after it. Out: sessions.
#ifndef LMOPT_TEST_UNIT_MODELS_COMPILEDMODEL_H
#define LMOPT_TEST_UNIT_MODELS_COMPILEDMODEL_H

#include "codegen/Compile.h"
#include "lmopt/lmopt.h"
#include "test/unit/models/FixtureModel.h"

#include "mlir/Pass/PassRegistry.h"

#include <memory>

namespace lmopt::fixture {

class CompiledModel : public FixtureModel {
protected:
  void TearDown() override { lmopt_model_destroy(compiled); }

  void compile(const std::string &recipe, const std::string &passes = "") {
    apply(recipe);
    mlir::PassManager manager(&context);
    ASSERT_TRUE(mlir::succeeded(mlir::parsePassPipeline(passes, manager)));
    ASSERT_TRUE(mlir::succeeded(manager.run(*model.module)));
    lmopt::CompileOptions options;
    options.baseDirectory = model.baseDirectory;
    options.tokenizer = model.tokenizerBlob;
    const testing::TestInfo *test = testing::UnitTest::GetInstance()->current_test_info();
    std::string path =
        std::string(LMOPT_BINARY_DIR) + "/test-" + fixture.name + "-" + test->test_suite_name() + "-" + recipe + ".so";
    std::replace(path.begin() + sizeof(LMOPT_BINARY_DIR), path.end(), '/', '-');
    CompileResult result = compileToArtifact(*model.module, options, path);
    ASSERT_EQ(result.code, 0) << result.message;
    lmopt_error_t error = {};
    ASSERT_EQ(lmopt_model_open(path.c_str(), nullptr, &compiled, &error), LMOPT_OK) << error.message;
    std::remove(path.c_str());
  }

  using Session = std::unique_ptr<lmopt_session_t, void (*)(lmopt_session_t *)>;

  Session session(int32_t threads, int64_t window = 0, int64_t sinks = 0) {
    lmopt_session_options_t options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    options.window = window;
    options.sinks = sinks;
    lmopt_error_t error = {};
    lmopt_session_t *made = nullptr;
    EXPECT_EQ(lmopt_session_create(compiled, &options, &made, &error), LMOPT_OK) << error.message;
    return {made, lmopt_session_destroy};
  }

  static void expectSameBits(const std::vector<float> &found, const std::vector<float> &whole) {
    ASSERT_EQ(found.size(), whole.size());
    EXPECT_EQ(std::memcmp(found.data(), whole.data(), whole.size() * sizeof(float)), 0);
  }

  lmopt_model_t *compiled = nullptr;
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_COMPILEDMODEL_H
