// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps and domains; see FormSteps.h. Everything special is asked of the ops (dialects/lm/interfaces/Step.td).
#include "codegen/plan/FormSteps.h"

#include "lmopt/abi.h"

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/interfaces/Step.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/BitVector.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::plan {

LogicalResult refuse(Operation *op, const Twine &message) { return op->emitError("code generation: ") << message; }

static Type typeIn(Domain domain, Type type) {
  RowsType rows = rowsOf(type, domain);
  return rows ? Type(rows) : type;
}

Value copyRows(OpBuilder &builder, Value rows, Domain domain) {
  OpResult maker = getMaker(rows);
  Operation *yield = cast<StepOp>(maker.getOwner()).getBody().front().getTerminator();
  Type tensor = yield->getOperand(maker.getResultNumber()).getType();
  auto step = StepOp::create(builder, rows.getLoc(), typeIn(domain, tensor), StepKind::rows, domain, rows);
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&step.getBody());
  YieldOp::create(builder, step.getLoc(), ValueRange(body->addArgument(tensor, rows.getLoc())));
  return step.getResult(0);
}

static constexpr StringLiteral kResultName = "lm.result", kTopLogits = "top_logits";

namespace {

class StepFormer {
public:
  StepFormer(ModuleOp module, func::FuncOp function)
      : module(module), builder(module.getContext()), function(function) {}

  LogicalResult run() {
    if (failed(readFunction()) || failed(readConfig()) || failed(readInputs()))
      return failure();
    startProgram();
    for (Operation &op : function.getBody().front())
      if (failed(visit(op)))
        return failure();
    function.erase();
    return success();
  }

private:
  ModuleOp module;
  OpBuilder builder;
  func::FuncOp function;
  ProgramOp program;
  int64_t maxPositions = 0;
  SmallVector<StringRef> inputNames = {};
  IRMapping arguments;                ///< of the function -> of the program
  DenseMap<Value, Value> madeBySteps; ///< values of the function -> results of steps
  Operation *lastOfAllRows = nullptr; ///< no op behind it needs other rows than its own, or a token's id or position
  bool pastAllRows = false;
  SmallVector<Operation *> group = {}; ///< row-wise ops not yet made into a step

  //===--- The function ---===//

  LogicalResult readFunction() {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return refuse(function, "expects a body of one block");
    for (Operation &op : function.getBody().front())
      if (auto step = dyn_cast<lm::StepOpInterface>(op); step && (step.mixesRows() || step.isBoundToToken()))
        lastOfAllRows = &op;
    return success();
  }

  LogicalResult readConfig() {
    auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
    if (!config)
      return refuse(module, "expects the module attribute lm.config (written by `lmopt import`)");
    for (StringRef key : {"vocabulary", "max_positions"}) {
      auto number = config.getAs<IntegerAttr>(key);
      if (!number || number.getInt() <= 0 || number.getInt() > (int64_t(1) << 31))
        return refuse(module, "lm.config: expects a positive integer '" + key + "'");
      maxPositions = number.getInt();
    }
    return success();
  }

  // What comes behind ids and lengths: a number for each token, that tables are looked up by.
  LogicalResult readInputs() {
    for (unsigned number = 2; number < function.getNumArguments(); ++number) {
      auto name = function.getArgAttrOfType<StringAttr>(number, "lm.input");
      if (!name)
        return refuse(function, "argument " + Twine(number) + " has no name; give it the attribute lm.input");
      std::string input = "input '" + name.str() + "'";
      if (function.getSymName() == "forward" || function.getSymName() == kTopFunction)
        return refuse(function, input + ": a decoder takes token ids and nothing else");
      int64_t limit = inputLimit(function.getArgument(number));
      if (limit < 0)
        return refuse(function, input + " can only be looked up in a table (lm.embedding)");
      if (limit == 0)
        return refuse(function, input + " is not used");
      if (llvm::is_contained(inputNames, name.getValue()))
        return refuse(function, "two inputs are called '" + name.getValue() + "'");
      inputNames.push_back(name.getValue());
    }
    return success();
  }

  void startProgram() {
    builder.setInsertionPoint(function);
    StringAttr name = function.getSymNameAttr();
    function.setSymName("planned");
    program = ProgramOp::create(builder, function.getLoc(), name, maxPositions);
    program.setInputNamesAttr(builder.getStrArrayAttr(inputNames));
    Block *body = builder.createBlock(&program.getBody());
    for (BlockArgument argument : function.getArguments())
      arguments.map(argument, body->addArgument(argument.getType(), argument.getLoc()));
  }

  LogicalResult visit(Operation &op) {
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      closeGroup();
      return finish(ret);
    }
    auto step = dyn_cast<lm::StepOpInterface>(op);
    if (!step)
      return refuse(&op, "op '" + op.getName().getStringRef() + "' is not supported");
    if (failed(checkOperands(op)))
      return failure();
    if (std::optional<int64_t> limit = step.getPositionLimit())
      program.setMaxPositions(std::min<int64_t>(program.getMaxPositions(), *limit));
    pastAllRows |= lastOfAllRows && lastOfAllRows->isBeforeInBlock(&op);
    if (readsInput(op) &&
        step.getMotion() == lm::Motion::Rows) { // beside the rows at work: a kernel knows one sort of ids
      addStep(StepKind::rows, Domain::tokens, &op);
      return success();
    }
    if (step.getMotion() == lm::Motion::Rows) {
      if (startsOtherRows(op))
        closeGroup();
      group.push_back(&op);
      return success();
    }
    closeGroup();
    if (step.isBoundToToken() && domainOfInputs(op) != Domain::tokens)
      return refuse(&op, "expects rows of all tokens");
    addStep(StepKind::kernel, isOfSequences(&op) ? Domain::segments : domainOfInputs(op), &op);
    return success();
  }

  /// Rows of another width than those at work, from elsewhere (norms of queries and of fewer keys): a kernel of rows
  /// holds those of one width on GPUs.
  bool startsOtherRows(Operation &op) {
    auto isOfGroup = [&](Value operand) { return llvm::is_contained(group, operand.getDefiningOp()); };
    return !group.empty() && llvm::none_of(op.getOperands(), isOfGroup) &&
           lm::widthOf(op.getResult(0)) != lm::widthOf(group.back()->getResult(0));
  }

  static bool readsInput(Operation &op) {
    return llvm::any_of(op.getOperands(), [](Value operand) {
      auto argument = dyn_cast<BlockArgument>(operand);
      return argument && argument.getArgNumber() >= 2;
    });
  }

  // Rows come from ops only; arguments are ids, lengths and caches.
  LogicalResult checkOperands(Operation &op) {
    for (Value operand : op.getOperands()) {
      bool isRowsArgument = isa<BlockArgument>(operand) && rowsOf(operand.getType(), Domain::tokens);
      bool isMade = madeBySteps.contains(operand) || llvm::is_contained(group, operand.getDefiningOp());
      if (isRowsArgument || !(isMade || arguments.contains(operand)))
        return refuse(&op, "an operand is neither an activation nor the result of a supported op");
    }
    return success();
  }

  //===--- Domains ---===//

  static bool isOfSequences(Operation *op) {
    auto tensor = op->getNumResults() ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
    return tensor && tensor.getRank() == 2;
  }

  Domain domainOfInputs(Operation &op) {
    for (Value operand : op.getOperands())
      if (Value made = madeBySteps.lookup(operand); made && isRows(made))
        return cast<RowsType>(made.getType()).getDomain();
    return Domain::tokens;
  }

  // Behind the last op that needs the rows of all tokens only those count whose results are wanted. A group may begin
  // before that point.
  Domain domainOfGroup() {
    if (llvm::any_of(group, isOfSequences))
      return Domain::segments;
    bool bound = llvm::any_of(group, [](Operation *op) { return cast<lm::StepOpInterface>(op).isBoundToToken(); });
    return program.isDecoder() && pastAllRows && !bound ? Domain::outputs : Domain::tokens;
  }

  //===--- Steps ---===//

  void closeGroup() {
    if (group.empty())
      return;
    Domain domain = domainOfGroup();
    addStep(StepKind::rows, domain, std::exchange(group, {}));
  }

  /// What the ops read of other steps, in the order of the ops.
  SmallVector<Value> inputsOf(ArrayRef<Operation *> ops) {
    SmallVector<Value> inputs;
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        if (madeBySteps.contains(operand) && !llvm::is_contained(inputs, operand))
          inputs.push_back(operand);
    return inputs;
  }

  static SmallVector<Value> resultsOf(ArrayRef<Operation *> ops) {
    SmallVector<Value> results;
    for (Operation *op : ops)
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !llvm::is_contained(ops, user); }))
          results.push_back(result);
    return results;
  }

  void addStep(StepKind kind, Domain domain, ArrayRef<Operation *> ops) {
    SmallVector<Value> inputs = inputsOf(ops), results = resultsOf(ops);
    auto outside = llvm::map_to_vector(inputs, [&](Value input) { return madeBySteps.lookup(input); });
    auto types = llvm::map_to_vector(results, [&](Value result) { return typeIn(domain, result.getType()); });
    auto step = StepOp::create(builder, ops.front()->getLoc(), types, kind, domain, outside);
    OpBuilder::InsertionGuard guard(builder);
    Block *body = builder.createBlock(&step.getBody());
    IRMapping inside = arguments;
    for (Value input : inputs)
      inside.map(input, body->addArgument(input.getType(), input.getLoc()));
    for (Operation *op : ops)
      builder.clone(*op, inside);
    auto yielded = llvm::map_to_vector(results, [&](Value result) { return inside.lookup(result); });
    YieldOp::create(builder, step.getLoc(), yielded);
    for (auto [result, made] : llvm::zip_equal(results, step.getResults()))
      madeBySteps[result] = made;
  }

  //===--- Results ---===//

  SmallVector<Value> results = {};
  SmallVector<StringRef> names = {};

  /// What the function says (lm.result), or after what the rows are.
  StringRef nameOf(unsigned number, Domain domain) {
    if (auto name = function.getResultAttrOfType<StringAttr>(number, kResultName))
      return name.getValue();
    auto task = module->getAttrOfType<DictionaryAttr>("lm.config").getAs<StringAttr>("task");
    bool scores = program.isDecoder() || (task && task.getValue() != "none");
    if (domain == Domain::tokens)
      return scores ? "token_logits" : "token_embeddings";
    return scores ? "logits" : "embedding";
  }

  LogicalResult addResult(func::ReturnOp op, OpOperand &operand) {
    Value rows = madeBySteps.lookup(operand.get());
    if (!rows || !isRows(rows))
      return refuse(op, "an operand is neither an activation nor the result of a supported op");
    auto type = cast<RowsType>(rows.getType());
    if (!type.getElement().isF32())
      return refuse(op, "a result must be rows of f32; these are codes or bf16 numbers, which only a product reads");
    if (llvm::is_contained(results, rows))
      return refuse(op, "the same value is returned twice");
    Domain wanted = program.isDecoder() ? Domain::outputs : type.getDomain();
    // The step that writes the result writes the caller's memory; if other steps read the value too, a copy stands
    // between.
    Operation &last = program.getBody().front().back();
    bool direct = rows.getDefiningOp() == &last && last.getNumResults() == 1 && type.getDomain() == wanted;
    StringRef name = nameOf(operand.getOperandNumber(), wanted);
    if (llvm::is_contained(names, name))
      return refuse(op, "two results are called '" + name + "'; name them by the attribute lm.result");
    names.push_back(name);
    results.push_back(direct ? rows : copyRows(builder, rows, wanted));
    return success();
  }

  LogicalResult finish(func::ReturnOp op) {
    for (OpOperand &operand : op->getOpOperands())
      if (!isa<lm::CacheType>(operand.get().getType()) && failed(addResult(op, operand)))
        return failure();
    if (results.empty())
      return refuse(op, "expects a result");
    if (results.size() > LMOPT_MAX_LISTED)
      return refuse(op, "it returns " + Twine(results.size()) + " results, but an artifact gives at most " +
                            Twine(LMOPT_MAX_LISTED));
    if (program.isDecoder() && results.size() > 1)
      return refuse(op, "@forward gives logits and nothing else");
    ReturnOp::create(builder, op.getLoc(), results, builder.getStrArrayAttr(names));
    return success();
  }
};

struct FormStepsPass : public PassWrapper<FormStepsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormStepsPass)
  StringRef getArgument() const final { return "plan-form-steps"; }
  StringRef getDescription() const final { return "Make a program of steps of the function of a model"; }
  void getDependentDialects(DialectRegistry &registry) const override { registry.insert<PlanDialect>(); }
  void runOnOperation() override {
    if (failed(formSteps(getOperation())))
      signalPassFailure();
  }
};
} // namespace

/// Drops these results, and the ops that nothing else needs.
static void dropResults(func::FuncOp function, const BitVector &dropped) {
  Block &body = function.getBody().front();
  body.getTerminator()->eraseOperands(dropped);
  (void)function.eraseResults(dropped);
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
}

/// The function of a decoder gives logits and may also give the greatest of them: two functions are made of it, since
/// whoever wants the ones does not want to pay for the others. Null: it does not.
static func::FuncOp splitTop(func::FuncOp function) {
  BitVector top(function.getNumResults()), others(function.getNumResults());
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<StringAttr>(i, kResultName);
    if (isa<lm::CacheType>(function.getResultTypes()[i]))
      continue;
    (name && name.getValue() == kTopLogits ? top : others).set(i);
  }
  if (top.none() || others.none() || function.isExternal() || !function.getBody().hasOneBlock())
    return {};
  auto second = cast<func::FuncOp>(function->clone());
  function->getBlock()->getOperations().insertAfter(Block::iterator(function), second);
  second.setSymName(kTopFunction);
  second.removeResultAttr(top.find_first(), StringAttr::get(function.getContext(), kResultName));
  dropResults(function, top);
  dropResults(second, others);
  return second;
}

LogicalResult formSteps(ModuleOp module) {
  SmallVector<lm::AttentionOp> whole;
  module.walk([&](lm::AttentionOp attention) { whole.push_back(attention); });
  for (lm::AttentionOp attention : whole)
    attention.expand();
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  auto encode = module.lookupSymbol<func::FuncOp>("encode");
  if (!forward == !encode)
    return refuse(module, "expects one function, @forward (decoder) or @encode (encoder)");
  func::FuncOp top = forward ? splitTop(forward) : func::FuncOp();
  if (failed(StepFormer(module, forward ? forward : encode).run()) || (top && failed(StepFormer(module, top).run())))
    return failure();
  auto score = module.lookupSymbol<func::FuncOp>(kScoreFunction);
  return score ? StepFormer(module, score).run() : success();
}

void registerFormStepsPass() { PassRegistration<FormStepsPass>(); }

} // namespace lmopt::plan
