// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products that leave out what is multiplied by zero. In: linears behind ReLU, statistics. Out: lm.nonzero_linear with
// the turned matrix where the statistics say that few numbers are not zero. From techniques 6.4. Tested by
// test/passes/skip-zeros.
#include "passes/skip-zeros/SkipZeros.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/Weights.h"
#include "dialects/lm/conditional/Conditional.h"
#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/linear/Linear.h"
#include "passes/analysis/FiringShares.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMSKIPZEROSPASS
#include "passes/skip-zeros/SkipZeros.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-skip-zeros";

namespace {

struct Candidate {
  LinearOp linear;
  double share;
};

struct SkipZeros : impl::LmSkipZerosPassBase<SkipZeros> {
  using LmSkipZerosPassBase::LmSkipZerosPassBase;

  void runOnOperation() override {
    if (failed(skipZeros()))
      signalPassFailure();
  }

  LogicalResult skipZeros() {
    ModuleOp module = getOperation();
    if (!(most > 0 && most <= 1))
      return module.emitError() << kPass << ": option 'most' must be above 0 and at most 1, found " << most.getValue();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    ParamUses uses(module);
    FailureOr<std::vector<Candidate>> candidates = findCandidates(module, *selection, uses);
    if (failed(candidates))
      return failure();
    for (Candidate &one : *candidates)
      replace(one, uses);
    return success();
  }

  //===--- Which ---===//

  /// All shares are read before anything is rewritten: statistics are of the model as it stands.
  FailureOr<std::vector<Candidate>> findCandidates(ModuleOp module, const LayerSelection &selection,
                                                   const ParamUses &uses) {
    FailureOr<FiringShares> shares = FiringShares::open(module, stats);
    if (failed(shares))
      return failure();
    std::vector<Candidate> candidates;
    for (LinearOp linear : findOps<LinearOp>(module)) {
      if (!selection.contains(linear) || !isBehindRelu(linear.getInput()))
        continue;
      if (std::string reason = reasonToKeep(linear, uses); !reason.empty()) {
        tellMissed(kPass, "KeptDense", linear, reason);
        continue;
      }
      FailureOr<double> share = shares->of(linear.getInput());
      if (failed(share))
        return failure();
      if (*share <= most)
        candidates.push_back({linear, *share});
      else
        tellMissed(kPass, "KeptDense", linear, tooMany(*share));
    }
    return candidates;
  }

  static bool isBehindRelu(Value value) {
    auto activation = value.getDefiningOp<ActivationOp>();
    auto gated = value.getDefiningOp<GatedProductOp>();
    return (activation && activation.getKind() == ActivationKind::relu) ||
           (gated && gated.getKind() == ActivationKind::relu);
  }

  static std::string reasonToKeep(LinearOp linear, const ParamUses &uses) {
    ParamOp weight = uses.lookup(linear.getWeightAttr());
    if (readsVectors(linear))
      return "it reads one vector a sequence, which is little work";
    if (linear.getInput().getDefiningOp<GatedProductOp>())
      return "statistics count what is positive, not what is negative: how much of a gated product is zero is unknown";
    if (!uses.isOnlyUsedBy(weight, linear))
      return "its weight is also used elsewhere";
    if (isSparsified(weight))
      return "its weight has zeros of its own, for lm-store-sparse";
    return reasonToKeepCodes(weight);
  }

  std::string tooMany(double share) const {
    return llvm::formatv("{0:F3} of its numbers are not zero{1}; at most {2:F3} may be", share,
                         stats.empty() ? ", as is assumed without 'stats'" : "", most.getValue());
  }

  //===--- Rewrite ---===//

  static void replace(const Candidate &one, ParamUses &uses) {
    LinearOp linear = one.linear;
    transposeWeight(uses.lookup(linear.getWeightAttr()));
    OpBuilder builder(linear);
    auto product = NonzeroLinearOp::create(builder, linear.getLoc(), linear.getType(), linear.getInput(),
                                           linear.getWeightAttr(), linear.getBiasAttr());
    takePartName(product, linear);
    tellPassed(kPass, "SkippedZeros", product) << remark::metric("Share", one.share);
    uses.forget(linear);
    linear.getResult().replaceAllUsesWith(product.getResult());
    linear.erase();
    uses.record(product);
  }
};

} // namespace

} // namespace lmopt::lm
