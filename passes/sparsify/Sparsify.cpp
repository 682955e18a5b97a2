// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears with zeros in their weights. In: lm.linear on f32 weights. Out: the same on #lm.sparsify, labelled
// approximate; the numbers are chosen when the weight is read. From techniques 7.4, 7.5. Tested by
// test/passes/sparsify.
#include "passes/sparsify/Sparsify.h"

#include "passes/analysis/FitWeights.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

#include <cmath>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMSPARSIFYPASS
#include "passes/sparsify/Sparsify.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-sparsify";

/// "2:4" or "16x4" as two positive numbers.
static std::optional<std::pair<int64_t, int64_t>> readPair(StringRef text, char between) {
  auto [first, second] = text.split(between);
  int64_t a, b;
  if (first.getAsInteger(10, a) || second.getAsInteger(10, b) || a < 1 || b < 1)
    return std::nullopt;
  return std::pair(a, b);
}

namespace {

struct Sparsify : impl::LmSparsifyPassBase<Sparsify> {
  using LmSparsifyPassBase::LmSparsifyPassBase;

  double share = 0; ///< of the weights that become zero
  int64_t group = 0;
  std::pair<int64_t, int64_t> blockSize = {1, 1};

  void runOnOperation() override {
    if (failed(sparsify()))
      signalPassFailure();
  }

  LogicalResult sparsify() {
    ModuleOp module = getOperation();
    if (failed(readMethod()) || failed(readShare()) || failed(readBlock()))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    ParamUses uses(module);
    auto reason = [&](ParamOp weight) { return reasonAgainst(weight, uses.users(weight), *selection); };
    llvm::SmallVector<ParamOp> weights = findWeightsToChange(module, *selection, uses, kPass, "NotSparsified", reason);
    std::string statistics = method == "obs" ? stats.getValue() : "";
    FailureOr<WeightFits> fits = fitWeights(module, weights, uses, {kPass, statistics, damping});
    if (failed(fits))
      return failure();
    for (ParamOp weight : weights)
      if (failed(sparsifyWeight(weight, fits->lookup(weight))))
        return failure();
    return success();
  }

  //===--- Options ---===//

  LogicalResult refuse(const Twine &what) { return getOperation().emitError() << kPass << ": " << what; }

  LogicalResult readMethod() {
    if (method != "obs" && method != "magnitude")
      return refuse("option 'method' must be obs or magnitude, found '" + method + "'");
    if (method == "obs" && stats.empty())
      return refuse("method 'obs' needs option 'stats', a file that `lmopt calibrate` made of this model; without one "
                    "take method=magnitude");
    return success();
  }

  LogicalResult readShare() {
    if (!(ratio > 0 && ratio < 1))
      return refuse("option 'ratio' must be above 0 and below 1, found " + Twine(std::to_string(ratio)));
    share = ratio;
    if (pattern.empty())
      return success();
    auto pair = readPair(pattern, ':');
    if (!pair || pair->first >= pair->second || pair->second > 256)
      return refuse("option 'pattern' must be n:m, n of m weights that stay, 1 <= n < m <= 256, found '" + pattern +
                    "'");
    group = pair->second;
    share = double(group - pair->first) / double(group);
    if (ratio != 0.5 && std::fabs(ratio - share) > 1e-6)
      return refuse("option 'ratio' must be that of the pattern " + pattern + ", " + Twine(std::to_string(share)) +
                    ", or be left out, found " + Twine(std::to_string(ratio)));
    return success();
  }

  LogicalResult readBlock() {
    auto pair = readPair(block, 'x');
    if (!pair || pair->first > 65536 || pair->second > 65536)
      return refuse("option 'block' must be RxC, outputs x inputs from 1 to 65536, found '" + block + "'");
    blockSize = *pair;
    if (group != 0 && blockSize != std::pair<int64_t, int64_t>(1, 1))
      return refuse("a pattern is of single weights; leave out 'pattern' or 'block'");
    return success();
  }

  //===--- Weights ---===//

  /// Why the weight must stay as it is, or an empty string.
  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    for (Operation *user : users)
      if (isa<EmbeddingOp>(user))
        return ("its weight is also looked up by '" + getPartName(user) + "'").str();
    if (isSparsified(weight))
      return "its weight has zeros already";
    if (int64_t width = weight.getShape().back(); group != 0 && width % group != 0)
      return llvm::formatv("groups of {0} do not divide its width {1}", group, width);
    if (std::string reason = reasonToKeepCodes(weight); !reason.empty())
      return reason;
    return reasonToStayF32(users, selection);
  }

  LogicalResult sparsifyWeight(ParamOp weight, FitAttr fit) {
    auto emit = [&] { return emitError(weight.getLoc()) << kPass << ": "; };
    auto value = SparsifyAttr::getChecked(emit, &getContext(), weight.getValue(), Real(share), blockSize.first,
                                          blockSize.second, group, fit);
    if (!value)
      return failure();
    weight.setValueAttr(value);
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    tellPassed(kPass, "Sparsified", weight)
        << remark::metric("Weight", weight.getSymName().str()) << remark::metric("Method", method.getValue())
        << remark::metric("Ratio", share) << remark::metric("Block", block.getValue())
        << remark::metric("Group", group);
    return success();
  }
};

} // namespace

} // namespace lmopt::lm
