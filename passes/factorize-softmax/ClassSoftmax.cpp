// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A softmax of two levels in the place of a dense head. In: the head, what it read (statistics). Out: its rows class
// after class, the head of the classes, lm.class_logits. From techniques 5.2, 15.6. Cost for R rows and N words: R
// products with the head (a minute for SmolLM2); memory: the head three times. Tested by
// test/passes/factorize-softmax and test/unit/models/ClassSoftmaxTest.cpp.
#include "passes/factorize-softmax/ClassSoftmax.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/Weights.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"
#include "passes/factorize-softmax/ClassHead.h"
#include "passes/factorize-softmax/WordClasses.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;

namespace lmopt::lm {

static constexpr llvm::StringLiteral kPass = "lm-factorize-softmax";

/// Rows from which frequencies are told.
static constexpr int64_t kFrequencyRows = 2048;

static InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }

namespace {

class ClassSoftmax {
public:
  ClassSoftmax(ModuleOp module, LinearOp head, const ClassOptions &options)
      : module(module), context(module.getContext()), head(head), options(options), uses(module) {}

  LogicalResult run() {
    if (failed(checkOptions()) || failed(read()))
      return failure();
    FailureOr<WordClasses> found = findClasses();
    if (failed(found))
      return failure();
    const WordClasses &classes = *found;
    std::vector<float> biasInOrder;
    for (int64_t word : classes.words)
      if (!bias.empty())
        biasInOrder.push_back(bias[static_cast<size_t>(word)]);
    PanelMatrix panels(weight.data(), words(), rows.width, classes.words.data());
    std::vector<float> shares = classShares(context, rows, panels, biasInOrder, classes.sizes);
    std::optional<ClassHead> fitted = fitClassHead(context, rows, shares, classes.count());
    if (!fitted)
      return error(head) << "the rows of the statistics are no numbers that scores of classes can be fitted to; "
                            "calibrate with another text";
    if (failed(checkLimit(*fitted)))
      return failure();
    rewrite(classes, *fitted);
    return success();
  }

private:
  ModuleOp module;
  MLIRContext *context;
  LinearOp head;
  const ClassOptions &options;
  ParamUses uses;
  HeadRows rows;
  std::vector<float> weight, bias;

  int64_t words() const { return widthOf(LinearOp(head).getResult()); }

  LogicalResult checkOptions() {
    if (options.by != "direction" && options.by != "frequency")
      return error(module) << "option 'by' must be direction or frequency, found '" << options.by << "'";
    if (options.stats.empty())
      return error(module) << "method 'classes' needs option 'stats', a file that `lmopt calibrate` made of this model";
    if (options.classes < 0 || options.classes > words())
      return error(module) << "option 'classes' must be from 1 to the " << words()
                           << " tokens, or 0 for the root of that, found " << options.classes;
    if (!(options.limit > 0))
      return error(module) << "option 'limit' must be positive, found " << options.limit;
    return success();
  }

  //===--- What the classes are made of ---===//

  LogicalResult read() {
    FailureOr<Statistics> statistics = Statistics::open(module, options.stats);
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    if (failed(statistics) || failed(all))
      return failure();
    for (const ObservedValue &value : findObservedValues(module, *all))
      if (value.value == head.getInput()) {
        FailureOr<HeadRows> found = statistics->readHeadRows(value);
        if (failed(found))
          return failure();
        rows = std::move(*found);
      }
    if (rows.count() < kHeldOut)
      return error(head) << "expected statistics with at least " << kHeldOut << " rows of what the head reads, found "
                         << rows.count() << "; calibrate with more --head-rows";
    return readNumbers();
  }

  LogicalResult readNumbers() {
    WeightReader reader(options.base.empty() ? moduleDirectory(module) : options.base);
    FailureOr<WeightData> matrix = reader.read(uses.lookup(head.getWeightAttr()));
    if (failed(matrix))
      return failure();
    weight = std::move(matrix->f32);
    if (FlatSymbolRefAttr name = head.getBiasAttr()) {
      FailureOr<WeightData> vector = reader.read(uses.lookup(name));
      if (failed(vector))
        return failure();
      bias = std::move(vector->f32);
    }
    return areFinite(weight) && areFinite(bias)
               ? success()
               : LogicalResult(error(head) << "its weights hold a number that is not finite");
  }

  template <class T>
  static bool areFinite(const std::vector<T> &numbers) {
    return llvm::all_of(numbers, [](T number) { return std::isfinite(number); });
  }

  int64_t wantedClasses() const {
    if (options.classes > 0)
      return options.classes;
    return std::max<int64_t>(1, std::llround(std::sqrt(static_cast<double>(words()))));
  }

  FailureOr<WordClasses> findClasses() {
    if (options.by == "direction")
      return classesByDirection(context, weight.data(), words(), rows.width, wantedClasses());
    HeadRows some;
    some.width = rows.width;
    int64_t step = std::max<int64_t>(1, rows.count() / kFrequencyRows);
    for (int64_t r = 0; r < rows.count(); r += step) {
      some.rows.insert(some.rows.end(), rows.rows.begin() + r * rows.width, rows.rows.begin() + (r + 1) * rows.width);
      some.lse.push_back(rows.lse[static_cast<size_t>(r)]);
    }
    PanelMatrix panels(weight.data(), words(), rows.width);
    std::vector<double> counts = meanProbabilities(context, some, panels, bias);
    if (!areFinite(counts))
      return error(head) << "its logits on the rows of the statistics are beyond the range of f32";
    return classesByFrequency(counts, wantedClasses());
  }

  LogicalResult checkLimit(const ClassHead &fitted) {
    if (fitted.heldOut <= options.limit)
      return success();
    return error(head) << "with these classes the probabilities of words are off by a KL of "
                       << llvm::formatv("{0:F4}", fitted.heldOut).str()
                       << " nats on rows that took no part in the fit, above the limit of "
                       << llvm::formatv("{0:F4}", options.limit).str()
                       << "; take option 'limit' above that if it is good enough, or method=certified, which is exact";
  }

  //===--- Rewrite ---===//

  /// A param of its own, next to the one that it is made of.
  ParamOp makeParam(ParamOp beside, StringRef suffix, ArrayRef<int64_t> shape, Attribute value) {
    OpBuilder builder(context);
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    auto param = ParamOp::create(builder, beside.getLoc(), (beside.getSymName() + "." + suffix).str(), type, value);
    if (beside.getExactnessAttr())
      param.setExactnessAttr(beside.getExactnessAttr());
    SymbolTable symbols(module);
    symbols.insert(param, std::next(Block::iterator(beside))); // gives it another name where there is this one
    return param;
  }

  ParamOp makeFitted(ParamOp beside, StringRef suffix, ArrayRef<int64_t> shape, ArrayRef<float> numbers) {
    auto type = RankedTensorType::get(shape, Builder(context).getF32Type());
    ParamOp param = makeParam(beside, suffix, shape, DenseElementsAttr::get(type, numbers));
    param.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, std::nullopt));
    return param;
  }

  /// The words of a class together. What others read too, as an embedding does, stays as it is beside that.
  FlatSymbolRefAttr reorder(FlatSymbolRefAttr name, ArrayRef<int64_t> order) {
    ParamOp param = uses.lookup(name);
    Attribute value = ReorderRowsAttr::get(context, param.getValue(), order);
    if (uses.isOnlyUsedBy(param, head)) {
      param.setValueAttr(value);
      return name;
    }
    return FlatSymbolRefAttr::get(makeParam(param, "by_class", param.getShape(), value).getSymNameAttr());
  }

  void rewrite(const WordClasses &classes, const ClassHead &fitted) {
    ParamOp table = uses.lookup(head.getWeightAttr());
    ParamOp vectors = makeFitted(table, "classes", {classes.count(), rows.width}, fitted.weight);
    ParamOp offsets = makeFitted(table, "classes.bias", {classes.count()}, fitted.bias);
    uses.forget(head);
    FlatSymbolRefAttr ordered = reorder(head.getWeightAttr(), classes.words);
    if (FlatSymbolRefAttr name = head.getBiasAttr())
      head.setBiasAttr(reorder(name, classes.words));
    head.setWeightAttr(ordered);
    OpBuilder builder(context);
    builder.setInsertionPointAfter(head);
    Value products = head.getResult();
    auto scores = LinearOp::create(builder, head.getLoc(), head.getInput(), vectors, offsets);
    nameAfter(scores, products, "classes");
    auto logits = ClassLogitsOp::create(builder, head.getLoc(), products.getType(), products, scores,
                                        ClassesAttr::get(context, classes.words, classes.sizes));
    nameAfter(logits, products, "logits");
    products.replaceAllUsesExcept(logits, logits);
    tellPassed(kPass, "ClassSoftmax", head)
        << remark::metric("Classes", classes.count()) << remark::metric("By", options.by)
        << remark::metric("Rows", rows.count()) << remark::metric("FittedKL", fitted.fitted)
        << remark::metric("HeldOutKL", fitted.heldOut);
  }
};

} // namespace

LogicalResult factorizeByClasses(ModuleOp module, LinearOp head, const ClassOptions &options) {
  return ClassSoftmax(module, head, options).run();
}

Value addTopClassLinear(ClassLogitsOp logits, int64_t count) {
  auto product = logits.getProducts().getDefiningOp<LinearLikeOpInterface>();
  Type format = product ? lookupParam(product, product.getWeightAttr()).getType() : Type();
  auto codebook = dyn_cast_or_null<CodebookType>(format);
  if (!product || isa<SparseInt8Type>(format) || (codebook && !codebook.isGrouped())) {
    InFlightDiagnostic diagnostic = error(logits) << "expected words whose products are of f32, bf16, 8 bits or groups";
    if (format)
      diagnostic << ", found " << format << "; leave the head out of the pass that made it so";
    return {};
  }
  OpBuilder builder(logits.getContext());
  builder.setInsertionPointAfter(logits);
  auto top = TopClassLinearOp::create(builder, logits.getLoc(), logits.getType(), product.getInput(),
                                      product.getWeightAttr(), product.getBiasAttr(), logits.getScores(),
                                      builder.getI64IntegerAttr(count), logits.getClasses());
  nameAfter(top, logits.getProducts(), "top");
  return top;
}

} // namespace lmopt::lm
