// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of a decoder, cheaper. In: @forward with logits. Out: `certified`: @forward with a second result
// "top_logits", which codegen/plan makes an entry of its own (cost: none; the weight of the preview is an expression
// over the head's); `classes`: logits of a softmax of two levels (ClassSoftmax.cpp). From techniques 5.2, 5.4 (d), 15.6
// (7). Tested by test/passes/factorize-softmax.
#include "passes/factorize-softmax/FactorizeSoftmax.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "passes/analysis/Tell.h"
#include "passes/factorize-softmax/ClassSoftmax.h"
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
    if (method != "certified" && method != "classes")
      return error(module) << "option 'method' must be certified or classes, found '" << method << "'";
    FailureOr<func::FuncOp> function = findModelFunction(module);
    if (failed(function))
      return failure();
    return method == "classes" ? divide(*function) : findGreatest(*function);
  }

  //===--- By classes ---===//

  LogicalResult divide(func::FuncOp function) {
    FailureOr<Value> logits = findLogits(function);
    if (failed(logits))
      return failure();
    if (logits->getDefiningOp<ClassLogitsOp>())
      return success();
    auto head = logits->getDefiningOp<LinearOp>();
    if (!head)
      return error(logits->getDefiningOp())
             << "expected a head in f32; method=classes comes before the passes that choose the format of weights";
    return factorizeByClasses(getOperation(), head, {stats, by, base, classes, limit});
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
    FailureOr<Head> head = findHead(function, *logits);
    if (failed(head))
      return failure();
    certify(*head);
    return success();
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
      return error(function) << "it gives its greatest logits already; method=classes comes before method=certified";
    llvm::SmallVector<Value> results;
    for (Value value : function.getBody().front().getTerminator()->getOperands())
      if (!isa<CacheType>(value.getType()))
        results.push_back(value);
    if (results.size() != 1 || !isa_and_nonnull<LinearLikeOpInterface, ClassLogitsOp>(results[0].getDefiningOp()))
      return error(function) << "expected a function that gives logits, made by a linear, and nothing else";
    return results[0];
  }

  FailureOr<Head> findHead(func::FuncOp function, Value logits) {
    auto product = logits.getDefiningOp<LinearLikeOpInterface>();
    auto weight = lookupParam(product, product.getWeightAttr());
    if (int64_t width = weight.getShape()[1]; width > kGreatestWidth)
      return error(product) << "its width " << width << " is beyond " << kGreatestWidth
                            << ", where 32-bit sums could overflow";
    return completeHead({function, product, weight, Value(), Attribute()});
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
