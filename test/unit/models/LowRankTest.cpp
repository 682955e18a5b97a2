// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-low-rank on fixture models, whose results the reference interpreter computes: what the pass says it lost is what
// the results of a linear lose over the text of the statistics; the mean stays; no method beats the whitened one; one
// budget is kept and loses less than equal shares; what must not change stays or is refused.
#include "test/unit/models/CompressedModel.h"

#include "dialects/lm/weights/LowRankFactors.h"
#include "passes/analysis/Statistics.h"
#include "passes/low-rank/LowRank.h"
#include "passes/low-rank/RankBudget.h"

using namespace mlir;
using namespace lmopt;

namespace {

class FactoredFixtures : public fixture::CompressedModel {
protected:
  OwningOpRef<ModuleOp> factored(const std::string &options, const std::string &layers = "layers.0.*") {
    return compressed("lm-low-rank", "multiple=1 layers=" + layers + " " + options);
  }
  std::string refusal(const std::string &options) { return refusalOf("lm-low-rank", options); }

  /// Products of the weights of a model's first layer, and the sum of the squared errors they are labelled with.
  static std::pair<int64_t, double> costOf(ModuleOp module) {
    int64_t cost = 0;
    double error = 0;
    module.walk([&](lm::LinearOp linear) {
      if (!lm::getPartName(linear).starts_with("layers.0."))
        return;
      lm::ParamOp weight = lm::lookupParam(linear, linear.getWeightAttr());
      cost += weight.getShape()[0] * weight.getShape()[1];
      if (lm::ExactnessAttr label = weight.getExactnessAttr(); label && label.getError())
        error += label.getError()->value * label.getError()->value;
    });
    return {cost, error};
  }

  static constexpr llvm::StringLiteral parts[] = {"layers.0.attn.q", "layers.0.attn.o", "layers.0.ffn.up",
                                                  "layers.0.ffn.down"};
};

TEST_P(FactoredFixtures, LosesWhatItSays) {
  for (StringRef part : parts)
    for (const char *method : {"whitened", "plain", "asvd"}) {
      std::vector<float> before = rowsOf(*model.module, part);
      OwningOpRef<ModuleOp> module = factored(std::string("ratio=0.5 method=") + method, part.str());
      auto width = size_t(linearOf(*module, part).getType().getShape().back());
      auto [error, shift] = loss(before, rowsOf(*module, part), width);
      // The statistics are of f32 rows of the compiled model, the results of the interpreter's: 1e-5 of each.
      EXPECT_NEAR(error, labelled(*module, part), 1e-3) << part.str() << ' ' << method;
      if (StringRef(method) == "whitened")
        EXPECT_LT(shift, 1e-3) << part.str();
    }
}

TEST_P(FactoredFixtures, NothingBeatsWhitened) {
  OwningOpRef<ModuleOp> best = factored("ratio=0.4");
  for (const char *other : {"method=plain", "method=asvd alpha=0.5", "method=asvd alpha=1"}) {
    OwningOpRef<ModuleOp> module = factored(std::string("ratio=0.4 ") + other);
    for (StringRef part : parts)
      EXPECT_LT(labelled(*best, part), labelled(*module, part)) << part.str() << ' ' << other;
  }
}

TEST_P(FactoredFixtures, OneBudgetLosesLessThanEqualShares) {
  for (const char *ratio : {"ratio=0.2", "ratio=0.4"}) {
    int64_t whole = costOf(*model.module).first;
    auto [equalCost, equalError] = costOf(*factored(ratio));
    auto [cost, error] = costOf(*factored(std::string("budget=global ") + ratio));
    EXPECT_LE(double(cost), (1 - std::stod(ratio + 6)) * double(whole));
    EXPECT_LE(double(equalCost), (1 - std::stod(ratio + 6)) * double(whole));
    EXPECT_LT(error, equalError);
  }
}

TEST_P(FactoredFixtures, FactorsAreThoseOfTheMatrix) {
  OwningOpRef<ModuleOp> module = factored("ratio=0.5");
  lm::LinearOp outer = linearOf(*module, "layers.0.attn.o"), inner = linearOf(*module, "layers.0.attn.o.inner");
  ASSERT_TRUE(outer && inner);
  lm::WeightReader reader(model.baseDirectory);
  lm::ParamOp leftParam = lm::lookupParam(outer, outer.getWeightAttr());
  lm::WeightData left = *reader.read(leftParam), right = *reader.read(lm::lookupParam(inner, inner.getWeightAttr()));
  auto source = cast<lm::LowRankLeftAttr>(leftParam.getValue()).getSource();
  lm::WeightData product = *reader.read(source, module->getLoc());
  EXPECT_EQ(product.rows(), left.rows());
  EXPECT_EQ(product.columns(), right.columns());
  for (int64_t r = 0; r < product.rows(); ++r)
    for (int64_t c = 0; c < product.columns(); ++c) {
      double sum = 0;
      for (int64_t k = 0; k < left.columns(); ++k)
        sum += double(left.f32[size_t(r * left.columns() + k)]) * right.f32[size_t(k * right.columns() + c)];
      EXPECT_NEAR(product.f32[size_t(r * product.columns() + c)], sum, 1e-6 * std::abs(sum) + 1e-9);
    }
}

TEST_P(FactoredFixtures, JointFactorsShareOneInner) {
  OwningOpRef<ModuleOp> module = factored("ratio=0.4 joint=true");
  lm::LinearOp inner = linearOf(*module, "layers.0.attn.q_k_v.inner");
  ASSERT_TRUE(inner);
  int64_t rows = 0;
  for (const char *part : {"layers.0.attn.q", "layers.0.attn.k", "layers.0.attn.v"}) {
    EXPECT_EQ(linearOf(*module, part).getInput(), inner.getResult()) << part;
    rows += linearOf(*module, part).getType().getShape().back();
  }
  int64_t width = inner.getInput().getType().getShape().back(), rank = inner.getType().getShape().back();
  EXPECT_LE(double(rank * (rows + width)), 0.6 * double(rows * width)); // the share of all three
  EXPECT_GT(double((rank + 1) * (rows + width)), 0.6 * double(rows * width));
  EXPECT_TRUE(linearOf(*module, "layers.0.attn.o.inner")); // which reads something else
}

/// The sum of squares over the text that results of all three lose is that of the singular values that were left out,
/// as far as factors in f32 can say: 2^-24 of a result each way.
TEST_P(FactoredFixtures, JointErrorIsWhatIsLeftOut) {
  std::string layers = "layers.0.attn.q,layers.0.attn.k,layers.0.attn.v";
  OwningOpRef<ModuleOp> module = factored("ratio=0.5 joint=true damping=1e-12", layers);
  lm::LinearOp inner = linearOf(*module, "layers.0.attn.q_k_v.inner");
  ASSERT_TRUE(inner);
  lm::WeightReader reader(model.baseDirectory);
  std::vector<float> weights, left, right = reader.read(lm::lookupParam(inner, inner.getWeightAttr()))->f32;
  for (const char *part : {"layers.0.attn.q", "layers.0.attn.k", "layers.0.attn.v"}) {
    lm::LinearOp whole = linearOf(*model.module, part), outer = linearOf(*module, part);
    fixture::append(weights, reader.read(lm::lookupParam(whole, whole.getWeightAttr()))->f32);
    fixture::append(left, reader.read(lm::lookupParam(outer, outer.getWeightAttr()))->f32);
  }
  FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, stats);
  ASSERT_TRUE(succeeded(statistics));
  FailureOr<lm::LayerSelection> all = lm::LayerSelection::create(*model.module, {}, {});
  Value input = linearOf(*model.module, "layers.0.attn.q").getInput();
  llvm::SmallVector<lm::ObservedValue> observed = lm::findObservedValues(*model.module, *all);
  FailureOr<lm::ValueStatistics> sums =
      statistics->read(*llvm::find_if(observed, [&](auto &value) { return value.value == input; }));
  ASSERT_TRUE(succeeded(sums));
  auto width = int64_t(sums->sums.size()), rank = int64_t(right.size()) / width, rows = int64_t(weights.size()) / width;
  lm::SquareMatrix moments = lm::centredMoments(sums->products, sums->sums, sums->tokens);
  double whole = lm::resultPower(weights.data(), rows, moments);
  lm::LowRankFactors factors{rank, {left.begin(), left.end()}, {right.begin(), right.end()}, {}};
  double lost = lm::lostPower(weights.data(), rows, width, factors, lm::Metric(moments));
  EXPECT_NEAR(std::sqrt(lost / whole) / labelled(*module, "layers.0.attn.q"), 1, 1e-6);
}

TEST_P(FactoredFixtures, JointBudgetIsKept) {
  int64_t whole = costOf(*model.module).first;
  for (const char *options : {"joint=true ratio=0.3", "joint=true ratio=0.3 budget=global"})
    EXPECT_LE(double(costOf(*factored(options)).first), 0.7 * double(whole)) << options;
}

TEST_P(FactoredFixtures, SecondTimeChangesNothing) {
  OwningOpRef<ModuleOp> module = factored("ratio=0.4");
  std::string once = textOf(*module);
  ASSERT_TRUE(succeeded(compress(*module, "lm-low-rank", "ratio=0.4 multiple=1 layers=layers.0.attn.*")));
  EXPECT_EQ(once, textOf(*module));
}

TEST_P(FactoredFixtures, SameFactorsEachTime) {
  std::string options = "ratio=0.4 budget=global";
  EXPECT_EQ(textOf(*factored(options)), textOf(*factored(options)));
}

TEST_P(FactoredFixtures, KeepsWhatIsTooSmall) {
  EXPECT_EQ(textOf(*model.module), textOf(*compressed("lm-low-rank", "ratio=0.5 multiple=100000")));
}

TEST_P(FactoredFixtures, RefusesRanksThatDoNotPay) {
  int64_t width = linearOf(*model.module, "layers.0.attn.o").getType().getShape().back();
  EXPECT_NE(refusal("layers=layers.0.attn.o rank=" + std::to_string(width)).find("costs no less than the linear"),
            std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(refusal("ratio=0.5").find("missing"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, FactoredFixtures, testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean"),
                         fixture::parameterName);

} // namespace
