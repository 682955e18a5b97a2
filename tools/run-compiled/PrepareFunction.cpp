// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function that code generation takes; see PrepareFunction.h.
#include "tools/run-compiled/PrepareFunction.h"

#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Lm.h"
#include "tools/run-compiled/FunctionInputs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace lmopt {

namespace {

class Preparation {
public:
  Preparation(func::ReturnOp op, const std::vector<Slice> &steps, const FunctionInputs &inputs)
      : returnOp(op), steps(steps), slice(steps.back()), inputs(inputs), builder(op.getContext()) {}

  FailureOr<PreparedFunction> run() {
    resultType = dyn_cast<ShapedType>(slice.root.getType());
    if (!resultType || (resultType.getRank() != 2 && resultType.getRank() != 3))
      return plan::refuse(returnOp, "a result must be rows or vectors of f32");
    encoder = isEncoder();
    if (encoder && slice.cache)
      return plan::refuse(returnOp, "a result that needs a cache has no place for lengths, pooling or vectors");
    startModule();
    if (failed(addInputs()))
      return failure();
    for (Operation *op : slice.ops)
      if (!isa<arith::ConstantOp>(op))
        builder.clone(*op, mapping);
    finishFunction();
    if (failed(verify(*prepared.module)))
      return failure();
    listTokens();
    return std::move(prepared);
  }

private:
  func::ReturnOp returnOp;
  const std::vector<Slice> &steps;
  const Slice &slice; ///< the last step: the one that is cloned
  const FunctionInputs &inputs;
  OpBuilder builder;
  PreparedFunction prepared;
  func::FuncOp function;
  std::optional<SymbolTable> symbols;
  IRMapping mapping;
  ShapedType resultType;
  bool encoder = false;

  Value ids() { return function.getArgument(0); }
  Value lengthsOrCache() { return function.getArgument(1); }

  bool isEncoder() const {
    return llvm::any_of(slice.ops, [](Operation *op) {
      auto attention = dyn_cast<lm::AttentionOp>(op);
      auto append = dyn_cast<lm::CacheAppendOp>(op);
      return isa<lm::PoolOp>(op) || (attention && attention.getLengths()) || (append && append.getLengths()) ||
             (isa<arith::ConstantOp>(op) && inputRole(op->getResult(0)) == InputRole::Vectors);
    });
  }

  // Type of the ids: as the function has it, so that those of other values go on to fit.
  Type idsType() {
    for (Operation *op : slice.ops)
      if (auto embedding = dyn_cast<lm::EmbeddingOp>(op))
        return embedding.getIds().getType();
    return RankedTensorType::get({inputs.batch(), inputs.length(steps.size() - 1)}, builder.getI32Type());
  }

  // An argument of that type, or what stands for a constant of it.
  Type lengthsType() {
    auto batch = cast<RankedTensorType>(idsType()).getDimSize(0);
    return RankedTensorType::get({batch}, builder.getI32Type());
  }

  void startModule() {
    auto source = returnOp->getParentOfType<ModuleOp>();
    prepared.module = ModuleOp::create(returnOp->getParentOp()->getLoc());
    builder.setInsertionPointToEnd(prepared.module->getBody());
    for (auto param : source.getOps<lm::ParamOp>())
      builder.clone(*param);
    symbols.emplace(*prepared.module);
    Type second = encoder ? lengthsType() : Type(lm::CacheType::get(builder.getContext()));
    function = func::FuncOp::create(builder, returnOp->getParentOp()->getLoc(), encoder ? "encode" : "forward",
                                    builder.getFunctionType({idsType(), second}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
  }

  lm::ParamOp addParam(Operation *user, llvm::StringRef name, ArrayRef<float> numbers, int64_t rows) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(function);
    auto type = RankedTensorType::get({rows, static_cast<int64_t>(numbers.size()) / rows}, builder.getF32Type());
    auto param = lm::ParamOp::create(builder, user->getLoc(), name, type, DenseElementsAttr::get(type, numbers));
    symbols->insert(param); // gives it another name where the module has this one
    return param;
  }

  Value readTable(Operation *user, std::vector<float> numbers) {
    lm::ParamOp table = addParam(user, "constant", numbers, inputs.tokenCount());
    return lm::EmbeddingOp::create(builder, user->getLoc(), ids(), table);
  }

  LogicalResult addConstant(size_t index) {
    Operation *op = slice.ops[index];
    Value constant = op->getResult(0);
    InputRole role = *inputRole(constant);
    if (role == InputRole::Ids || role == InputRole::Lengths) {
      mapping.map(constant, role == InputRole::Ids ? ids() : lengthsOrCache());
      return success();
    }
    FailureOr<std::vector<float>> numbers =
        inputs.table(index, cast<RankedTensorType>(constant.getType()).getShape().back());
    if (failed(numbers))
      return failure();
    Value rows = readTable(op, std::move(*numbers));
    if (role == InputRole::Vectors)
      rows = lm::PoolOp::create(builder, op->getLoc(), rows, lengthsOrCache(), lm::PoolKind::cls);
    mapping.map(constant, rows);
    return success();
  }

  // Stand-ins for constants, arguments and the cache.
  LogicalResult addInputs() {
    for (size_t i = 0; i < slice.ops.size(); ++i)
      if (isa<arith::ConstantOp>(slice.ops[i]) && failed(addConstant(i)))
        return failure();
    for (Value argument : returnOp->getBlock()->getArguments())
      if (std::optional<InputRole> role = inputRole(argument))
        mapping.map(argument, *role == InputRole::Ids ? ids() : lengthsOrCache());
    if (slice.cache)
      mapping.map(slice.cache, lengthsOrCache());
    return success();
  }

  // A row of width W as one of as many numbers as there are tokens, zeros behind it.
  Value widen(Value rows) {
    int64_t width = resultType.getShape().back();
    std::vector<float> unit(inputs.tokenCount() * width);
    for (int64_t i = 0; i < width; ++i)
      unit[i * width + i] = 1;
    return lm::LinearOp::create(builder, returnOp.getLoc(), rows,
                                addParam(returnOp, "unit", unit, inputs.tokenCount()));
  }

  void finishFunction() {
    Value result = mapping.lookupOrDefault(slice.root);
    int64_t vocabulary = inputs.tokenCount();
    bool isRows = resultType.getRank() == 3 && resultType.getElementType().isF32();
    if (isRows && !encoder && resultType.getShape().back() < vocabulary)
      result = widen(result);
    if (isRows && !encoder)
      vocabulary = std::max(vocabulary, resultType.getShape().back());
    func::ReturnOp::create(builder, returnOp.getLoc(), result);
    function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), result.getType()));
    auto number = [&](llvm::StringRef name, int64_t value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    prepared.module->getOperation()->setAttr(
        "lm.config",
        builder.getDictionaryAttr({number("vocabulary", vocabulary), number("max_positions", inputs.totalLength())}));
  }

  std::vector<int32_t> sequence(size_t s, int64_t b, int64_t length) const {
    std::vector<int32_t> tokens;
    for (int64_t t = 0; t < length; ++t)
      tokens.push_back(inputs.token(s, b, t));
    return tokens;
  }

  void listTokens() {
    TokenRun &run = prepared.run;
    int64_t last = static_cast<int64_t>(steps.size()) - 1, length = inputs.length(last);
    bool pooled = encoder && resultType.getRank() == 2;
    run.decoder = !encoder;
    run.width = resultType.getShape().back();
    prepared.shape = {inputs.batch(), run.width};
    if (!pooled)
      prepared.shape.insert(prepared.shape.begin() + 1, length);
    run.resultRows = inputs.batch() * (pooled ? 1 : length);
    if (encoder)
      return listSequences();
    for (size_t s = 0; s < steps.size(); ++s) {
      run.calls.emplace_back();
      for (int64_t b = 0; b < inputs.batch(); ++b)
        run.calls.back().push_back(sequence(s, b, inputs.length(s)));
    }
    for (int64_t row = 0; row < run.resultRows; ++row)
      run.rows.push_back(row);
  }

  // An encoder's: a vector for each, or for each of its rows. An empty one does not run.
  void listSequences() {
    TokenRun &run = prepared.run;
    run.calls.emplace_back();
    for (int64_t b = 0; b < inputs.batch(); ++b) {
      int64_t own = inputs.ownLength(b);
      if (own == 0)
        continue;
      run.calls.back().push_back(sequence(0, b, own));
      if (resultType.getRank() == 2)
        run.rows.push_back(b);
      for (int64_t t = 0; t < own && resultType.getRank() == 3; ++t)
        run.rows.push_back(b * inputs.length(0) + t);
    }
  }
};

} // namespace

FailureOr<PreparedFunction> prepareFunction(func::ReturnOp op, unsigned result, ArrayRef<int32_t> ids) {
  FailureOr<std::vector<Slice>> steps = findSteps(op, result);
  if (failed(steps))
    return failure();
  FunctionInputs inputs(*steps, ids);
  if (failed(inputs.read()))
    return failure();
  return Preparation(op, *steps, inputs).run();
}

} // namespace lmopt
