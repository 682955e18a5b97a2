// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What flows between the steps of a program: who makes which rows, who reads them, what a step touches. See Plan.h.
#include "dialects/plan/Plan.h"

#include "dialects/lm/interfaces/Step.h"
#include "dialects/lm/param/Param.h"
#include "dialects/lm/ranking/Ranking.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::plan;

RowsType plan::rowsOf(Type type, Domain domain) {
  MLIRContext *context = type.getContext();
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || shaped.getElementType().isSignlessInteger()) // ids and lengths
    return {};
  auto codes = dyn_cast<lm::CodesType>(type);
  return RowsType::get(context, domain, shaped.getShape().back(), shaped.getElementType(),
                       codes ? codes.getGroup() : 0);
}

OpResult plan::getMaker(Value rows) {
  auto result = cast<OpResult>(rows);
  if (auto chain = dyn_cast<ChainOp>(result.getOwner()))
    return cast<OpResult>(chain.getBody().front().getTerminator()->getOperand(result.getResultNumber()));
  return result;
}

int64_t plan::inputLimit(Value input) {
  int64_t limit = 0;
  for (Operation *user : input.getUsers()) {
    if (auto score = dyn_cast<lm::TreeScoreOp>(user)) {
      limit = limit ? std::min(limit, score.getTree().getWords()) : score.getTree().getWords();
      continue;
    }
    auto step = dyn_cast<lm::StepOpInterface>(user);
    llvm::SmallVector<lm::WeightUse> uses;
    if (step)
      step.getWeightUses(uses);
    if (uses.size() != 1 || uses[0].role != lm::WeightUse::Role::Table)
      return -1;
    int64_t rows = lm::lookupParam(user, uses[0].symbol).getShape()[0];
    limit = limit ? std::min(limit, rows) : rows;
  }
  return limit;
}

std::optional<unsigned> plan::resultNumber(ProgramOp program, Value rows) {
  for (OpOperand &result : program.getReturn()->getOpOperands())
    if (getMaker(result.get()) == getMaker(rows))
      return result.getOperandNumber();
  return std::nullopt;
}

PlaceAttr plan::getPlace(Value rows) {
  OpResult maker = getMaker(rows);
  return cast<StepOp>(maker.getOwner()).getPlace(maker);
}

/// The uses of a result of a step, those of the chain that gives it to others among them.
static SmallVector<OpOperand *> usesOf(OpResult result) {
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : result.getUses()) {
    auto chain = isa<YieldOp>(use.getOwner()) ? dyn_cast<ChainOp>(use.getOwner()->getParentOp()) : ChainOp();
    if (!chain)
      uses.push_back(&use);
    else
      for (OpOperand &outside : chain->getResult(use.getOperandNumber()).getUses())
        uses.push_back(&outside);
  }
  return uses;
}

SmallVector<StepOp> plan::stepsReading(OpResult result) {
  SmallVector<StepOp> steps;
  for (OpOperand *use : usesOf(result))
    if (auto step = dyn_cast<StepOp>(use->getOwner()))
      steps.push_back(step);
  return steps;
}

SmallVector<Operation *> plan::readersOf(Value inside) {
  SmallVector<Operation *> readers;
  for (OpOperand &use : inside.getUses()) {
    auto yield = dyn_cast<YieldOp>(use.getOwner());
    if (!yield) {
      readers.push_back(use.getOwner());
      continue;
    }
    for (OpOperand *outside : usesOf(yield->getParentOp()->getResult(use.getOperandNumber()))) {
      auto step = dyn_cast<StepOp>(outside->getOwner());
      if (step)
        llvm::append_range(readers, readersOf(step.getBody().getArgument(outside->getOperandNumber())));
      else
        readers.push_back(outside->getOwner());
    }
  }
  return readers;
}

RowNumbers::RowNumbers(ProgramOp program) {
  for (StepOp step : stepsOf(program))
    for (OpResult result : step->getResults())
      if (isRows(result)) {
        numbers[result] = static_cast<int>(values.size());
        values.push_back(result);
      }
}

WeightOp plan::lookupWeight(Operation *user, Attribute symbol) {
  return SymbolTable::lookupNearestSymbolFrom<WeightOp>(user, cast<FlatSymbolRefAttr>(symbol));
}

//===--- Accesses ---===//

std::vector<Access> plan::accessesOf(StepOp step, Share share, const RowNumbers &numbers) {
  Block &body = step.getBody().front();
  std::vector<Access> accesses;
  auto add = [&](Value rows, bool write, bool gathered) {
    if (!isRows(rows))
      return;
    gathered |= step.getDomain() == Domain::outputs && cast<RowsType>(rows.getType()).getDomain() == Domain::tokens;
    accesses.push_back({numbers[rows], write, share, gathered, step.getDomain()});
  };
  llvm::SmallVector<lm::Access> touched;
  for (auto op : body.getOps<lm::StepOpInterface>())
    op.getAccesses(touched);
  for (const lm::Access &access : touched) {
    bool anyRow = access.reach == lm::Access::Reach::Segment;
    if (!access.value)
      accesses.push_back({-1, access.write, share, anyRow, step.getDomain()});
    else if (auto argument = dyn_cast<BlockArgument>(access.value); argument && argument.getOwner() == &body)
      add(step.getInputs()[argument.getArgNumber()], access.write, anyRow);
  }
  if (touched.empty()) // a step that only copies
    for (Value input : step.getInputs())
      add(input, false, false);
  for (Value result : step.getResults())
    add(result, true, false);
  return accesses;
}

SmallVector<StepOp> plan::stepsOf(ProgramOp program) {
  SmallVector<StepOp> steps;
  program.getBody().walk<WalkOrder::PreOrder>([&](StepOp step) {
    steps.push_back(step);
    return WalkResult::skip();
  });
  return steps;
}
