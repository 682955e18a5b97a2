// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-sparsify and lm-store-sparse on fixture models: zeros that are chosen by statistics cost less than the least
// numbers do; codes keep them; stored without them, an artifact has the bits of the dense one, however many threads
// compute and in whatever pieces a prompt comes.
#include "test/unit/models/CalibratedModel.h"
#include "test/unit/models/CompiledRuns.h"

using namespace mlir;
using namespace lmopt;

namespace {

class SparseModels : public fixture::Calibrated<fixture::CompiledRuns> {
protected:
  void SetUp() override {
    Calibrated::SetUp();
    runOnce(settings("stats", 1 << 30));
  }

  void apply(const std::string &passes) {
    PassManager manager(&context);
    std::string error;
    ASSERT_TRUE(succeeded(addPassPipeline(manager, passes, error))) << error;
    ASSERT_TRUE(succeeded(manager.run(*model.module)));
  }
  std::string stats() const { return "stats=" + folder + "/stats "; }
  std::string base() const { return "base=" + model.baseDirectory + " "; }

  /// What is compiled of the module as it is.
  std::vector<float> compiledResults() {
    lmopt_model_destroy(compiled);
    compiled = nullptr;
    compile("bf16"); // what is not in 8 bits
    return HasFatalFailure() ? std::vector<float>() : all(1, {1000});
  }

  int64_t count(llvm::function_ref<bool(lm::SparseInt8Type)> is) {
    return llvm::count_if(model.module->getOps<lm::ParamOp>(), [&](lm::ParamOp param) {
      auto type = dyn_cast<lm::SparseInt8Type>(param.getType());
      return type && is(type);
    });
  }

  /// Of the int8 weights of layers, all of which have zeros.
  void expectHalf(double tolerance) {
    lm::WeightReader reader(model.baseDirectory);
    for (lm::ParamOp param : model.module->getOps<lm::ParamOp>()) {
      if (!isa<lm::Int8Type>(param.getType()))
        continue;
      FailureOr<lm::WeightData> data = reader.read(param);
      ASSERT_TRUE(succeeded(data));
      double zeros = double(llvm::count(data->s8, 0)) / double(data->s8.size());
      EXPECT_GE(zeros, 0.5 - tolerance) << param.getSymName().str(); // codes of what stays may be zero, too
    }
  }

  /// Dense, then without zeros: the same bits.
  void expectSameBitsStored(const std::string &sparsify, const std::string &format) {
    ASSERT_NO_FATAL_FAILURE(apply("lm-normalize-rope,lm-sparsify{" + stats() + sparsify + "},lm-quantize-weights{" +
                                  stats() + "layers=layers.*}"));
    OwningOpRef<ModuleOp> kept = model.module->clone();
    std::vector<float> dense = compiledResults();
    ASSERT_FALSE(dense.empty());
    model.module = std::move(kept);
    ASSERT_NO_FATAL_FAILURE(apply("lm-store-sparse{" + base() + "format=" + format + "}"));
    EXPECT_GT(count([](lm::SparseInt8Type) { return true; }), 0);
    std::vector<float> stored = compiledResults();
    expectSameBits(stored, dense);
    expectSameBitsAlways(stored);
  }
};

TEST_P(SparseModels, BlocksHaveTheBitsOfTheDenseModel) { expectSameBitsStored("block=16x4 layers=layers.*", "blocks"); }

TEST_P(SparseModels, SingleZerosHaveTheBitsOfTheDenseModel) { expectSameBitsStored("layers=layers.*", "codes"); }

TEST_P(SparseModels, CodesKeepZeros) {
  ASSERT_NO_FATAL_FAILURE(apply("lm-sparsify{" + stats() + "pattern=2:4 layers=layers.*},lm-quantize-weights{" +
                                stats() + "layers=layers.*}"));
  expectHalf(0);
}

TEST_P(SparseModels, AutoKeepsWhatHasNoZerosDense) {
  ASSERT_NO_FATAL_FAILURE(apply("lm-sparsify{" + stats() + "block=16x4 layers=layers.0.ffn.*},lm-quantize-weights{" +
                                stats() + "layers=layers.*}"));
  int64_t all = llvm::count_if(model.module->getOps<lm::ParamOp>(),
                               [](lm::ParamOp param) { return isa<lm::Int8Type>(param.getType()); });
  ASSERT_NO_FATAL_FAILURE(apply("lm-store-sparse{" + base() + "}"));
  int64_t sparse = count([](lm::SparseInt8Type type) { return 2 * type.getStored() <= type.getBlocks() + 1; });
  EXPECT_GT(sparse, 0);
  EXPECT_LT(sparse, all);
  EXPECT_EQ(sparse, count([](lm::SparseInt8Type) { return true; }));
}

INSTANTIATE_TEST_SUITE_P(Models, SparseModels, testing::Values("llama-gqa-9-3", "bert-mean"), fixture::parameterName);

} // namespace
