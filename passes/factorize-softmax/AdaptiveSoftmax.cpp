// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An adaptive softmax in the place of a dense head. In: the head, what it read (statistics), what a product costs. Out:
// a head of the most frequent words, exact, and a score for each cluster of the others; the rows of the clusters,
// exact; lm.class_logits, in which a word of the head is a class by itself. Grave et al., Efficient softmax
// approximation for GPUs (ICML 2017); techniques 5.3. Clusters in lower ranks, as the method has them, are
// lm-low-rank's to make of the rows of the clusters: here a cluster has its words as they are, and what is approximate
// are its scores alone.
//
// The scores: with lse_h the log of the sum of exp of the head's logits, which is known, those of the clusters are
// fitted to p(head), p(cluster 1), ... so that softmax(lse_h, scores) is as near as it can be (ClassHead.h). lse_h goes
// in less its mean, which is added to the fitted biases again, so that the ridge does not pull scores away from it.
// Tested by test/unit/models/AdaptiveSoftmaxTest.cpp and test/unit/passes/CutsTest.cpp.
#include "passes/factorize-softmax/ClassSoftmax.h"
#include "passes/factorize-softmax/Cuts.h"
#include "passes/factorize-softmax/HeadNumbers.h"

#include "dialects/lm/Verify.h"
#include "passes/analysis/Tell.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace lmopt::lm {

static constexpr llvm::StringLiteral kPass = "lm-factorize-softmax";
static constexpr int64_t kMostClusters = 4; ///< that are tried; more cost no less and lose more
static constexpr int64_t kMostAskedFor = 15;

static InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }

namespace {

class AdaptiveSoftmax {
public:
  AdaptiveSoftmax(ModuleOp module, LinearOp head, const AdaptiveOptions &options)
      : module(module), context(module.getContext()), head(head), options(options), uses(module) {}

  LogicalResult run() {
    if (failed(checkOptions()))
      return failure();
    FailureOr<HeadNumbers> read = readHeadNumbers(module, head, options.stats, options.base);
    if (failed(read))
      return failure();
    numbers = std::move(*read);
    FailureOr<std::vector<double>> counts = frequenciesOf(head, numbers);
    if (failed(counts))
      return failure();
    Cuts cuts = findCuts(*counts);
    WordClasses classes = classesByCuts(*counts, cuts.begins);
    if (classes.sharing() == 0)
      return error(head) << "of its " << words() << " words no two are worth a cluster; leave this pass out";
    std::optional<ClassHead> fitted = fit(classes);
    if (failed(checkFit(head, fitted, options.limit)))
      return failure();
    rewrite(classes, *fitted);
    tell(classes, cuts, *fitted);
    return success();
  }

private:
  ModuleOp module;
  MLIRContext *context;
  LinearOp head;
  const AdaptiveOptions &options;
  ParamUses uses;
  HeadNumbers numbers;

  int64_t words() const { return widthOf(LinearOp(head).getResult()); }
  ProductCost cost() const { return {options.call, options.flat}; }

  LogicalResult checkOptions() {
    if (options.clusters < 0 || options.clusters > std::min(kMostAskedFor, words() / 2 - 1))
      return error(module) << "option 'clusters' must be from 1 to " << std::min(kMostAskedFor, words() / 2 - 1)
                           << ", or 0 for as many as cost least, found " << options.clusters;
    if (!(options.call >= 0) || !(options.flat >= 0) || !std::isfinite(options.call + options.flat))
      return error(module) << "options 'call' and 'flat' are rows, at least 0, found " << options.call << " and "
                           << options.flat;
    return checkCuts();
  }

  /// Each cluster has at least two words.
  LogicalResult checkCuts() {
    int64_t least = 1;
    for (int64_t cut : options.cuts) {
      if (cut < least || cut > words() - 2)
        return error(module) << "option 'cuts' must be ascending numbers of words from 1 to " << words() - 2
                             << ", two apart at least, found " << cut;
      least = cut + 2;
    }
    if (!options.cuts.empty() && options.clusters && options.clusters != static_cast<int64_t>(options.cuts.size()))
      return error(module) << "option 'clusters' is " << options.clusters << ", but option 'cuts' has "
                           << options.cuts.size();
    return success();
  }

  Cuts findCuts(const std::vector<double> &counts) const {
    std::vector<double> mass = counts;
    llvm::sort(mass, std::greater<>());
    if (!options.cuts.empty())
      return {options.cuts.vec(), costOfCuts(mass, options.cuts.vec(), cost())};
    return options.clusters ? bestCuts(mass, options.clusters, cost()) : bestCutsOfAny(mass, kMostClusters, cost());
  }

  /// A row for each cluster.
  std::optional<ClassHead> fit(const WordClasses &classes) {
    std::vector<int64_t> sizes = {classes.singles()};
    sizes.insert(sizes.end(), classes.sizes.begin() + classes.singles(), classes.sizes.end());
    const HeadRows &rows = numbers.rows;
    PanelMatrix panels(numbers.weight.data(), words(), rows.width, classes.words.data());
    std::vector<float> shares = classShares(context, rows, panels, numbers.biasOf(classes.words), sizes);
    std::vector<double> known;
    for (int64_t r = 0; r < rows.count(); ++r)
      known.push_back(std::log(double(shares[size_t(r) * sizes.size()])) + rows.lse[size_t(r)]);
    double mean = std::accumulate(known.begin(), known.end(), 0.0) / double(known.size());
    std::vector<float> centred;
    for (double score : known)
      centred.push_back(static_cast<float>(score - mean));
    auto count = static_cast<int64_t>(sizes.size());
    std::optional<ClassHead> fitted = fitClassHead(context, rows, shares, count, centred);
    if (fitted)
      dropHead(*fitted, static_cast<float>(mean));
    return fitted;
  }

  /// The first score is the head's own, and all others were fitted less its mean.
  void dropHead(ClassHead &fitted, float mean) const {
    fitted.weight.erase(fitted.weight.begin(), fitted.weight.begin() + numbers.rows.width);
    fitted.bias.erase(fitted.bias.begin());
    for (float &offset : fitted.bias)
      offset += mean;
  }

  //===--- Rewrite ---===//

  DenseElementsAttr numbersAttr(ArrayRef<int64_t> shape, ArrayRef<float> values) const {
    return DenseElementsAttr::get(RankedTensorType::get(shape, Builder(context).getF32Type()), values);
  }

  /// What the words of the head have, then what was fitted.
  ParamOp makeScores(StringRef suffix, Attribute ofHead, Attribute fitted, ArrayRef<int64_t> shape) {
    Attribute both = ConcatRowsAttr::get(context, {ofHead, fitted});
    return makeApproximateBeside(uses.lookup(head.getWeightAttr()), suffix, shape, both);
  }

  void rewrite(const WordClasses &classes, const ClassHead &fitted) {
    ArrayRef<int64_t> singles = ArrayRef<int64_t>(classes.words).take_front(classes.singles());
    int64_t clusters = classes.count() - classes.singles(), width = numbers.rows.width;
    auto ofHead = [&](FlatSymbolRefAttr name) {
      return TakeRowsAttr::get(context, uses.lookup(name).getValue(), singles);
    };
    Attribute biases = head.getBiasAttr()
                           ? Attribute(ofHead(head.getBiasAttr()))
                           : numbersAttr({classes.singles()}, std::vector<float>(size_t(classes.singles())));
    ParamOp offsets = makeScores("classes.bias", biases, numbersAttr({clusters}, fitted.bias), {classes.count()});
    ParamOp vectors = makeScores("classes", ofHead(head.getWeightAttr()), numbersAttr({clusters, width}, fitted.weight),
                                 {classes.count(), width});
    insertClassLogits(uses, head, vectors, offsets, classes);
  }

  void tell(const WordClasses &classes, const Cuts &cuts, const ClassHead &fitted) {
    std::string begins;
    for (int64_t begin : cuts.begins)
      begins += (begins.empty() ? "" : ",") + std::to_string(begin);
    tellPassed(kPass, "AdaptiveSoftmax", head)
        << remark::metric("Cuts", begins) << remark::metric("Head", classes.singles())
        << remark::metric("CostShare", cuts.cost / cost()(double(words())))
        << remark::metric("Rows", numbers.rows.count()) << remark::metric("FittedKL", fitted.fitted)
        << remark::metric("HeldOutKL", fitted.heldOut);
  }
};

} // namespace

LogicalResult factorizeByFrequency(ModuleOp module, LinearOp head, const AdaptiveOptions &options) {
  return AdaptiveSoftmax(module, head, options).run();
}

} // namespace lmopt::lm
