// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbered constraints of Plan.td. Tested by test/dialects/plan/invalid.mlir and clash.mlir.
#include "dialects/lm/interfaces/Step.h"
#include "dialects/plan/Plan.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::plan;

//===--- plan.step ---===//

/// Whether a value inside a step stands for one outside: rows as what they are made of, all else as itself.
static bool standsFor(Type inside, Type outside) {
  auto rows = dyn_cast<RowsType>(outside);
  return rows ? rowsOf(inside, rows.getDomain()) == rows : inside == outside;
}

static LogicalResult verifyPairs(StepOp step, TypeRange inside, TypeRange outside, const char *what) {
  if (inside.size() != outside.size())
    return step.emitOpError("C1: expected ") << outside.size() << ' ' << what << ", but found " << inside.size();
  for (auto [within, without] : llvm::zip_equal(inside, outside))
    if (!standsFor(within, without))
      return step.emitOpError("C1: expected ") << what << " that stand for " << without << ", but found " << within;
  return success();
}

static LogicalResult verifyContents(StepOp step) {
  Block &body = step.getBody().front();
  for (Operation &op : body.without_terminator()) {
    auto fact = dyn_cast<lm::StepOpInterface>(op);
    bool fits = fact && (fact.getMotion() == lm::Motion::Kernel) == step.isKernel();
    if (!fits)
      return step.emitOpError("C2: expected ")
             << (step.isKernel() ? "a kernel" : "row-wise ops") << ", but found '" << op.getName() << "'";
  }
  if (step.isKernel() && !llvm::hasSingleElement(body.without_terminator()))
    return step.emitOpError("C2: expected one op, but found ") << llvm::range_size(body.without_terminator());
  return success();
}

LogicalResult StepOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (Attribute weight : getWeights())
    if (!tables.lookupNearestSymbolFrom<WeightOp>(*this, cast<FlatSymbolRefAttr>(weight)))
      return emitOpError("C6: expected packed weights, but found ") << weight;
  return success();
}

LogicalResult StepOp::verifyRegions() {
  Block &body = getBody().front();
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield)
    return emitOpError("C1: expected the body to end with plan.yield");
  if (failed(verifyPairs(*this, body.getArgumentTypes(), getInputs().getTypes(), "arguments of the body")) ||
      failed(verifyPairs(*this, yield.getOperandTypes(), getResultTypes(), "values yielded")) ||
      failed(verifyContents(*this)))
    return failure();
  for (Value input : getInputs())
    if (!isa_and_nonnull<StepOp, ChainOp>(input.getDefiningOp()))
      return emitOpError("C5: expected operands that are results of steps or of chains");
  for (Value result : getRowResults())
    if (cast<RowsType>(result.getType()).getDomain() != getDomain())
      return emitOpError("C3: expected rows of ") << stringifyDomain(getDomain()) << ", but found " << result.getType();
  if (getPlaces() && getPlaces()->size() != getNumResults())
    return emitOpError("C4: expected ") << getNumResults() << " places, but found " << getPlaces()->size();
  return success();
}

//===--- plan.chain ---===//

LogicalResult ChainOp::verifyRegions() {
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("expected the body to end with plan.yield of its results");
  for (Operation &op : getBody().front().without_terminator())
    if (!isa<StepOp>(op))
      return emitOpError("expected steps only, but found '") << op.getName() << "'";
  for (Value value : yield.getValues())
    if (!value.getDefiningOp<StepOp>())
      return emitOpError("expected to yield results of its steps");
  return success();
}

//===--- plan.return ---===//

LogicalResult ReturnOp::verify() {
  if (getNames().size() != getValues().size())
    return emitOpError("C1: expected ") << getValues().size() << " names, but found " << getNames().size();
  for (size_t i = 0; i < getNames().size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (getNames()[i] == getNames()[j] || getValues()[i] == getValues()[j])
        return emitOpError("C1: expected results that differ, with names that differ, but found ")
               << getNames()[j] << " and " << getNames()[i];
  return success();
}

//===--- plan.program ---===//

static LogicalResult verifyPlace(ProgramOp program, StepOp step, OpResult result) {
  PlaceAttr place = step.getPlace(result);
  int64_t limit =
      place.getMemory() == Memory::arena ? program.getArenaBytes().value_or(0) : program.getThreadBytes().value_or(0);
  int64_t room = limit - place.getOffset();
  bool fits = place.getOffset() >= 0 && place.getRows() >= 0 && place.getRowBytes() >= 0 && room >= 0 &&
              (place.getRows() == 0 || place.getRowBytes() <= room / place.getRows());
  if (place.isResult() || fits)
    return success();
  return step.emitOpError("C3: expected rows inside the ")
         << limit << " bytes of the " << (place.getMemory() == Memory::arena ? "arena" : "thread") << ", but found "
         << place;
}

static LogicalResult verifySchedule(ProgramOp program, ArrayRef<StepOp> steps) {
  for (StepOp step : steps) {
    if (!step.getShare() || !step.getPlaces())
      return step.emitOpError("C2: expected share and places in a scheduled program");
    for (OpResult result : step->getResults())
      if (isRows(result) && failed(verifyPlace(program, step, result)))
        return failure();
  }
  return success();
}

namespace {
/// Walks a scheduled program from wait to wait.
struct ClashFinder {
  RowNumbers numbers;
  std::vector<Placement> places = {};
  std::vector<std::pair<StepOp, Access>> sinceWait = {};

  explicit ClashFinder(ProgramOp program) : numbers(program) {
    for (OpResult rows : numbers.all()) {
      PlaceAttr place = getPlace(rows);
      places.push_back({place.getMemory(), place.getOffset(), place.getRows(), place.getRowBytes()});
    }
  }

  LogicalResult visit(StepOp step) {
    std::vector<Access> accesses = accessesOf(step, *step.getShare(), numbers);
    for (auto &[before, access] : sinceWait)
      for (const Access &now : accesses)
        if (conflict(access, now, places))
          return step.emitOpError("C4: expected plan.wait between this step and '")
                 << before.getPart() << "', which another thread may still be "
                 << (access.write ? "writing" : "reading");
    for (const Access &now : accesses)
      sinceWait.emplace_back(step, now);
    return success();
  }
};
} // namespace

static LogicalResult verifyNoClash(ProgramOp program) {
  ClashFinder finder(program);
  WalkResult result = program.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<WaitOp>(op))
      finder.sinceWait.clear();
    auto step = dyn_cast<StepOp>(op);
    if (!step)
      return WalkResult::advance();
    return failed(finder.visit(step)) ? WalkResult::interrupt() : WalkResult::skip();
  });
  return failure(result.wasInterrupted());
}

LogicalResult ProgramOp::verifyRegions() {
  Block &body = getBody().front();
  if (body.empty() || !isa<ReturnOp>(body.back()))
    return emitOpError("C1: expected the body to end with plan.return");
  if (getInputNames().size() + 2 < body.getNumArguments() ||
      (!getInputNames().empty() && getInputNames().size() + 2 != body.getNumArguments()))
    return emitOpError("C1: expected ") << body.getNumArguments() - 2 << " names of inputs, but found "
                                        << getInputNames().size();
  for (Value value : getReturn().getValues())
    if (!isa<OpResult>(value) || !isa<StepOp, ChainOp>(value.getDefiningOp()))
      return emitOpError("C1: expected to return results of steps");
  if (!isScheduled())
    return success();
  SmallVector<StepOp> steps = stepsOf(*this);
  return success(succeeded(verifySchedule(*this, steps)) && succeeded(verifyNoClash(*this)));
}
