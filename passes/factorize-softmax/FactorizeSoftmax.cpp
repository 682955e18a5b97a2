// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of a decoder, cheaper. In: @forward with logits. Out: `certified`: @forward with a second result
// "top_logits", which codegen/plan makes an entry of its own (cost: none; the weight of the preview is an expression
// over the head's); `preview`: logits most of which are of a lower rank; `classes`, `adaptive`: logits of a softmax of
// two levels (ClassSoftmax.cpp, AdaptiveSoftmax.cpp). From techniques 5.2 to 5.4, 15.6. Tested by
// test/passes/factorize-softmax.
#include "passes/factorize-softmax/FactorizeSoftmax.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "passes/analysis/Tell.h"
#include "passes/factorize-softmax/ClassSoftmax.h"
#include "passes/factorize-softmax/HeadNumbers.h"
#include "passes/observe/Observe.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFACTORIZESOFTMAXPASS
#include "passes/factorize-softmax/FactorizeSoftmax.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-factorize-softmax";
static constexpr llvm::StringLiteral kResult = "lm.result", kTopLogits = "top_logits";

/// The rotation that makes 8 bits accurate (lm-rotate), and the least that is worth its pass over the row.
static constexpr int64_t kGreatestBlock = 256, kLeastBlock = 8;

/// Above this width 255 * 127 * K could overflow the 32-bit sums of the preview.
static constexpr int64_t kGreatestWidth = 65536;

/// Of the moments of the inputs, as in lm-low-rank.
static constexpr double kDamping = 1e-6;

namespace {

/// What the pass works on.
struct Head {
  func::FuncOp function;
  LinearLikeOpInterface product;
  ParamOp weight;
  Value input;       ///< what the product reads, before it was narrowed
  Attribute numbers; ///< the matrix in f32
};

struct FactorizeSoftmax : impl::LmFactorizeSoftmaxPassBase<FactorizeSoftmax> {
  using LmFactorizeSoftmaxPassBase::LmFactorizeSoftmaxPassBase;

  void runOnOperation() override {
    if (failed(factorize()))
      signalPassFailure();
  }

  InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }

  LogicalResult factorize() {
    ModuleOp module = getOperation();
    if (!llvm::is_contained({"certified", "preview", "classes", "adaptive", "tree", "scores"}, method.getValue()))
      return error(module) << "option 'method' must be certified, preview, classes, adaptive, tree or scores, found '"
                           << method << "'";
    if (method == "scores" && module.lookupSymbol("score"))
      return success();
    FailureOr<func::FuncOp> function = findModelFunction(module);
    if (failed(function))
      return failure();
    if (by != "direction" && by != "frequency")
      return error(module) << "option 'by' must be direction or frequency, found '" << by << "'";
    if (method == "preview")
      return usePreview(*function);
    if (method == "scores")
      return addScores(*function);
    return method == "certified" ? findGreatest(*function) : divide(*function);
  }

  //===--- By classes ---===//

  LogicalResult divide(func::FuncOp function) {
    FailureOr<Value> logits = findLogits(function);
    if (failed(logits))
      return failure();
    if (isa<ClassLogitsOp, TreeLogitsOp>(logits->getDefiningOp()))
      return success();
    if (logits->getDefiningOp<PreviewLinearOp>())
      return error(logits->getDefiningOp()) << "its logits come from a preview by now; take one method or the other";
    auto head = logits->getDefiningOp<LinearOp>();
    if (!head)
      return error(logits->getDefiningOp()) << "expected a head in f32; method=" << method
                                            << " comes before the passes that choose the format of weights";
    if (stats.empty())
      return error(function) << "method '" << method
                             << "' needs option 'stats', a file that `lmopt calibrate` made of this model";
    if (!(limit > 0))
      return error(function) << "option 'limit' must be positive, found " << limit;
    if (method == "classes")
      return factorizeByClasses(getOperation(), head, {stats, by, base, classes, limit});
    if (method == "tree")
      return factorizeByTree(getOperation(), head, {stats, by, base, 0, limit});
    return factorizeByFrequency(getOperation(), head, {stats, base, cuts, clusters, call, flat, limit});
  }

  /// Of words that are known, by a tree.
  LogicalResult addScores(func::FuncOp function) {
    FailureOr<Value> logits = findLogits(function);
    if (failed(logits))
      return failure();
    auto byTree = logits->getDefiningOp<TreeLogitsOp>();
    if (!byTree)
      return error(logits->getDefiningOp()) << "expected logits by a tree, whose words need a few nodes each; "
                                               "method=tree makes them, before the passes that choose formats";
    return addScoreFunction(getOperation(), function, byTree);
  }

  //===--- The greatest ---===//

  LogicalResult findGreatest(func::FuncOp function) {
    if (hasTopLogits(function))
      return success();
    FailureOr<Value> logits = findLogits(function);
    if (failed(logits) || failed(checkCount(function, *logits)))
      return failure();
    if (auto divided = logits->getDefiningOp<ClassLogitsOp>()) {
      Value top = addTopClassLinear(divided, count);
      if (!top)
        return failure();
      addResult(function, *logits, top);
      tellPassed(kPass, "BestFirstClasses", divided) << remark::metric("Count", count.getValue());
      return success();
    }
    FailureOr<Head> head = findHead(*logits);
    if (failed(head))
      return failure();
    certify(*head);
    return success();
  }

  //===--- By a preview ---===//

  LogicalResult usePreview(func::FuncOp function) {
    FailureOr<Value> logits = findLogits(function);
    if (failed(logits))
      return failure();
    if (logits->getDefiningOp<PreviewLinearOp>())
      return success();
    FailureOr<Head> head = findHead(*logits);
    if (failed(head) || failed(checkPreview(*head)))
      return failure();
    FailureOr<LowRankAttr> factored = factor(*head);
    if (failed(factored))
      return failure();
    preview(*head, *factored);
    return success();
  }

  int64_t wantedRank(ParamOp weight) const {
    return rank > 0 ? int64_t(rank) : std::max<int64_t>(1, weight.getShape()[1] / 2);
  }

  LogicalResult checkPreview(Head &head) {
    int64_t words = head.weight.getShape()[0], most = std::min(words, head.weight.getShape()[1]);
    if (rank < 0 || rank > most)
      return error(head.product) << "option 'rank' must be from 1 to " << most << ", or 0 for half the width, found "
                                 << rank.getValue();
    if (rescored < 1 || rescored > words)
      return error(head.product) << "option 'rescored' must be from 1 to the " << words << " tokens, found "
                                 << rescored.getValue();
    return success();
  }

  /// With statistics the rank loses least of the logits over their text, without it least of the weights.
  FailureOr<LowRankAttr> factor(Head &head) {
    auto plain = LowRankAttr::get(&getContext(), head.numbers, LowRankMethod::plain, wantedRank(head.weight),
                                  StatisticsAttr(), Real(0.0), Real(0.0));
    if (stats.empty())
      return plain;
    FailureOr<HeadStatistics> found = findHeadStatistics(head.product, head.input, stats);
    if (failed(found) || failed(found->statistics.read(found->input)))
      return failure();
    return LowRankAttr::get(&getContext(), head.numbers, LowRankMethod::whitened, wantedRank(head.weight),
                            found->statistics.attributeOf(found->input), Real(kDamping), Real(0.0));
  }

  void preview(Head &head, LowRankAttr factored) {
    int64_t words = head.weight.getShape()[0], width = head.weight.getShape()[1];
    auto make = [&](StringRef suffix, ArrayRef<int64_t> shape, Attribute value) {
      return makeApproximateBeside(head.weight, suffix, shape, value);
    };
    FlatSymbolRefAttr bias = head.product.getBiasAttr();
    if (factored.getMethod() == LowRankMethod::whitened) {
      Attribute old = bias ? lookupParam(head.product, bias).getValue() : Attribute();
      bias = refTo(make("preview.bias", {words}, LowRankBiasAttr::get(&getContext(), factored, old)));
    }
    ParamOp left = make("preview", {words, factored.getRank()}, LowRankLeftAttr::get(&getContext(), factored));
    ParamOp right = make("preview.inner", {factored.getRank(), width}, LowRankRightAttr::get(&getContext(), factored));
    tellPassed(kPass, "PreviewHead", head.product)
        << remark::metric("Rank", factored.getRank()) << remark::metric("Rescored", rescored.getValue());
    replaceByPreview(head, left, right, bias);
  }

  void replaceByPreview(Head &head, ParamOp left, ParamOp right, FlatSymbolRefAttr bias) {
    OpBuilder builder(head.product);
    Location loc = head.product.getLoc();
    Value logits = head.product->getResult(0);
    auto inner = LinearOp::create(builder, loc, head.input, right);
    nameAfter(inner, logits, "preview.inner");
    auto outer = LinearOp::create(builder, loc, inner, left);
    if (bias)
      outer.setBiasAttr(bias);
    nameAfter(outer, logits, "preview");
    auto both =
        PreviewLinearOp::create(builder, loc, logits.getType(), head.product.getInput(), head.product.getWeightAttr(),
                                head.product.getBiasAttr(), outer, builder.getI64IntegerAttr(rescored));
    nameAfter(both, logits, "rescored");
    logits.replaceAllUsesWith(both);
    head.product->erase();
  }

  LogicalResult checkCount(func::FuncOp function, Value logits) {
    int64_t tokens = widthOf(logits);
    if (count < 1 || count > tokens)
      return error(function) << "option 'count' must be from 1 to the " << tokens << " tokens, found "
                             << count.getValue();
    return success();
  }

  static bool hasTopLogits(func::FuncOp function) {
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (auto name = function.getResultAttrOfType<StringAttr>(i, kResult); name && name.getValue() == kTopLogits)
        return true;
    return false;
  }

  //===--- The head ---===//

  FailureOr<Value> findLogits(func::FuncOp function) {
    if (!isDecoder(function))
      return error(function) << "expected a decoder; what an encoder gives is not a choice among tokens";
    if (hasTopLogits(function))
      return error(function) << "it gives its greatest logits already; method=" << method
                             << " comes before method=certified";
    llvm::SmallVector<Value> results;
    for (Value value : function.getBody().front().getTerminator()->getOperands())
      if (!isa<CacheType>(value.getType()))
        results.push_back(value);
    if (results.size() != 1 || !isa_and_nonnull<LinearLikeOpInterface, ClassLogitsOp, TreeLogitsOp, PreviewLinearOp>(
                                   results[0].getDefiningOp()))
      return error(function) << "expected a function that gives logits, made by a linear, and nothing else";
    return results[0];
  }

  FailureOr<Head> findHead(Value logits) {
    auto product = logits.getDefiningOp<LinearLikeOpInterface>();
    if (!product)
      return error(logits.getDefiningOp())
             << "its logits come from classes, a tree or a preview by now; method=" << method << " wants one product";
    auto weight = lookupParam(product, product.getWeightAttr());
    if (int64_t width = weight.getShape()[1]; width > kGreatestWidth)
      return error(product) << "its width " << width << " is beyond " << kGreatestWidth
                            << ", where 32-bit sums could overflow";
    return completeHead({cast<func::FuncOp>(product->getParentOp()), product, weight, Value(), Attribute()});
  }

  FailureOr<Head> completeHead(Head head) {
    if (auto linear = dyn_cast<LinearOp>(head.product.getOperation())) {
      head.input = linear.getInput();
      head.numbers = head.weight.getValue();
      return head;
    }
    auto narrow = dyn_cast<NarrowLinearOp>(head.product.getOperation());
    auto rounding = narrow ? narrow.getInput().getDefiningOp<NarrowOp>() : NarrowOp();
    auto numbers = dyn_cast<NarrowAttr>(head.weight.getValue());
    if (!rounding || !numbers)
      return error(head.product) << "expected a head in f32 or bf16, found " << head.weight.getType()
                                 << "; with 8 bits a number there is nothing to gain: leave this pass out";
    head.input = rounding.getInput();
    head.numbers = numbers.getSource();
    return head;
  }

  //===--- The certified one ---===//

  /// 0: no rotation, because it has been done or no block fits.
  static int64_t blockFor(Value input) {
    int64_t block = kGreatestBlock, width = cast<ShapedType>(input.getType()).getShape().back();
    while (width % block != 0)
      block /= 2;
    return block < kLeastBlock || input.getDefiningOp<RotateOp>() ? 0 : block;
  }

  ParamOp makePreviewWeight(Head &head, int64_t block) {
    Attribute numbers = block ? Attribute(RotateColumnsAttr::get(&getContext(), head.numbers, block)) : head.numbers;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(head.weight);
    auto type = Int8Type::get(&getContext(), head.weight.getShape()[0], head.weight.getShape()[1]);
    ParamOp weight = ParamOp::create(builder, head.weight.getLoc(), (head.weight.getSymName() + ".preview").str(), type,
                                     QuantizeRowsAttr::get(&getContext(), numbers));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    SymbolTable symbols(getOperation());
    weight->remove();
    symbols.insert(weight, std::next(Block::iterator(head.weight))); // gives it another name where there is this one
    return weight;
  }

  void certify(Head &head) {
    int64_t block = blockFor(head.input);
    ParamOp previewWeight = makePreviewWeight(head, block);
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(head.product);
    Location loc = head.product.getLoc();
    Value logits = head.product->getResult(0), rotated = head.input;
    if (block) {
      rotated = RotateOp::create(builder, loc, head.input, block);
      nameAfter(rotated.getDefiningOp(), logits, "rotate");
    }
    auto codes = QuantizeDynamicOp::create(builder, loc, rotated);
    nameAfter(codes, logits, "quantize");
    auto preview = QuantizedLinearOp::create(builder, loc, codes, previewWeight, head.product.getBiasAttr());
    nameAfter(preview, logits, "preview");
    auto top = TopLinearOp::create(builder, loc, logits.getType(), head.product.getInput(),
                                   head.product.getWeightAttr(), head.product.getBiasAttr(), preview, rotated, codes,
                                   FlatSymbolRefAttr::get(previewWeight.getSymNameAttr()),
                                   builder.getI64IntegerAttr(count), builder.getI64IntegerAttr(block));
    nameAfter(top, logits, "top");
    addResult(head.function, logits, top);
    tellPassed(kPass, "CertifiedHead", head.product)
        << remark::metric("Count", count.getValue()) << remark::metric("Block", block);
  }

  /// Behind the logits.
  void addResult(func::FuncOp function, Value logits, Value top) {
    Operation *terminator = function.getBody().front().getTerminator();
    unsigned place = std::distance(terminator->operand_begin(), llvm::find(terminator->getOperands(), logits)) + 1;
    terminator->insertOperands(place, top);
    Builder builder(&getContext());
    (void)function.insertResult(
        place, top.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr(kResult, builder.getStringAttr(kTopLogits))));
  }
};

} // namespace

} // namespace lmopt::lm
