// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A softmax of two levels in the place of a dense head. In: the head, what it read (statistics). Out: its rows class
// after class, the head of the classes, lm.class_logits. From techniques 5.2, 15.6. Cost for R rows and N words: R
// products with the head (a minute for SmolLM2); memory: the head three times. Tested by
// test/passes/factorize-softmax and test/unit/models/ClassSoftmaxTest.cpp.
#include "passes/factorize-softmax/ClassSoftmax.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"
#include "passes/factorize-softmax/HeadNumbers.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;

namespace lmopt::lm {

static constexpr llvm::StringLiteral kPass = "lm-factorize-softmax";

static InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }

namespace {

class ClassSoftmax {
public:
  ClassSoftmax(ModuleOp module, LinearOp head, const ClassOptions &options)
      : module(module), context(module.getContext()), head(head), options(options), uses(module) {}

  LogicalResult run() {
    if (failed(checkOptions()))
      return failure();
    FailureOr<HeadNumbers> read = readHeadNumbers(module, head, options.stats, options.base);
    if (failed(read))
      return failure();
    numbers = std::move(*read);
    FailureOr<WordClasses> found = findClasses();
    if (failed(found))
      return failure();
    const WordClasses &classes = *found;
    PanelMatrix panels(numbers.weight.data(), words(), numbers.rows.width, classes.words.data());
    std::vector<float> shares =
        classShares(context, numbers.rows, panels, numbers.biasOf(classes.words), classes.sizes);
    std::optional<ClassHead> fitted = fitClassHead(context, numbers.rows, shares, classes.count());
    if (failed(checkFit(head, fitted, options.limit)))
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
  HeadNumbers numbers;

  int64_t words() const { return widthOf(LinearOp(head).getResult()); }

  LogicalResult checkOptions() {
    if (options.classes < 0 || options.classes >= words())
      return error(module) << "option 'classes' must be from 1 to less than the " << words()
                           << " tokens, or 0 for the root of that, found " << options.classes;
    return success();
  }

  int64_t wantedClasses() const {
    if (options.classes > 0)
      return options.classes;
    return std::max<int64_t>(1, std::llround(std::sqrt(static_cast<double>(words()))));
  }

  FailureOr<WordClasses> findClasses() {
    if (options.by == "direction")
      return classesByDirection(context, numbers.weight.data(), words(), numbers.rows.width, wantedClasses());
    FailureOr<std::vector<double>> counts = frequenciesOf(head, numbers);
    if (failed(counts))
      return failure();
    return classesByFrequency(*counts, wantedClasses());
  }

  //===--- Rewrite ---===//

  void rewrite(const WordClasses &classes, const ClassHead &fitted) {
    ParamOp table = uses.lookup(head.getWeightAttr());
    int64_t width = numbers.rows.width;
    ParamOp vectors = makeFittedBeside(table, "classes", {classes.count(), width}, fitted.weight);
    ParamOp offsets = makeFittedBeside(table, "classes.bias", {classes.count()}, fitted.bias);
    insertClassLogits(uses, head, vectors, offsets, classes);
    tellPassed(kPass, "ClassSoftmax", head)
        << remark::metric("Classes", classes.count()) << remark::metric("By", options.by)
        << remark::metric("Rows", numbers.rows.count()) << remark::metric("FittedKL", fitted.fitted)
        << remark::metric("HeldOutKL", fitted.heldOut);
  }
};

} // namespace

static Attribute sharingRows(Attribute matrix, const WordClasses &classes) {
  ArrayRef<int64_t> sharing = ArrayRef<int64_t>(classes.words).drop_front(classes.singles());
  llvm::SmallVector<int64_t> kept(sharing), order;
  llvm::sort(kept);
  for (int64_t word : sharing)
    order.push_back(llvm::lower_bound(kept, word) - kept.begin());
  if (classes.singles())
    matrix = TakeRowsAttr::get(matrix.getContext(), matrix, kept);
  return ReorderRowsAttr::get(matrix.getContext(), matrix, order);
}

/// The words of a class together, those that are classes by themselves left out. What others read too, as an embedding
/// does, stays as it is beside that.
static FlatSymbolRefAttr takeSharing(const ParamUses &uses, LinearOp head, FlatSymbolRefAttr name,
                                     const WordClasses &classes) {
  ParamOp param = uses.lookup(name);
  SmallVector<int64_t> shape = param.getShape();
  shape[0] = classes.sharing();
  Attribute value = sharingRows(param.getValue(), classes);
  if (!uses.isOnlyUsedBy(param, head))
    return refTo(makeParamBeside(param, "by_class", shape, value));
  param.setValueAttr(value);
  param.setTypeAttr(TypeAttr::get(RankedTensorType::get(shape, Builder(param.getContext()).getF32Type())));
  return name;
}

LogicalResult checkFit(LinearOp head, const std::optional<ClassHead> &fitted, double limit) {
  if (!fitted)
    return error(head)
           << "the rows of the statistics are no numbers that scores of classes can be fitted to; calibrate "
              "with another text";
  if (fitted->heldOut <= limit)
    return success();
  return error(head) << "with these decisions the probabilities of words are off by a KL of "
                     << llvm::formatv("{0:F4}", fitted->heldOut).str()
                     << " nats on rows that took no part in the fit, above the limit of "
                     << llvm::formatv("{0:F4}", limit).str()
                     << "; take option 'limit' above that if it is good enough, or method=certified, which is exact";
}

void insertClassLogits(ParamUses &uses, LinearOp head, ParamOp vectors, ParamOp offsets, const WordClasses &classes) {
  FlatSymbolRefAttr ordered = takeSharing(uses, head, head.getWeightAttr(), classes);
  FlatSymbolRefAttr bias =
      head.getBiasAttr() ? takeSharing(uses, head, head.getBiasAttr(), classes) : FlatSymbolRefAttr();
  uses.forget(head);
  head.setWeightAttr(ordered);
  if (bias)
    head.setBiasAttr(bias);
  uses.record(head);
  OpBuilder builder(head.getContext());
  builder.setInsertionPointAfter(head);
  Value products = head.getResult();
  Type all = products.getType();
  setWidth(products, classes.sharing());
  auto scores = LinearOp::create(builder, head.getLoc(), head.getInput(), vectors, offsets);
  nameAfter(scores, products, "classes");
  auto logits = ClassLogitsOp::create(builder, head.getLoc(), all, products, scores,
                                      ClassesAttr::get(head.getContext(), classes.words, classes.sizes));
  nameAfter(logits, products, "logits");
  products.replaceAllUsesExcept(logits, logits);
}

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
