// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LaunchGroups.h.
#include "codegen/ptx/LaunchGroups.h"

#include "codegen/ptx/attention/AttentionModel.h"
#include "codegen/ptx/linear/LinearModel.h"

using namespace mlir;

namespace lmopt::nvptx {

/// Whether `rows`, which another step makes, are read by these steps and nobody else.
static bool isReadBy(plan::ProgramOp program, Value rows, ArrayRef<plan::StepOp> steps) {
  return !plan::resultNumber(program, rows) && plan::stepsReading(plan::getMaker(rows)).size() == steps.size() &&
         llvm::all_of(steps, [&](plan::StepOp step) { return llvm::is_contained(step.getInputs(), rows); });
}

static bool isCodes(Value rows) { return cast<plan::RowsType>(rows.getType()).getElement().isInteger(8); }

/// Whether these products can make what `rows` makes: nobody else reads it, and what else is made is stored by one
/// block as it is.
static bool canMakeRows(plan::ProgramOp program, plan::StepOp rows, ArrayRef<plan::StepOp> products) {
  plan::StepOp first = products.front();
  Value operand = inputOf(first);
  if (rows.isKernel() || plan::getMaker(operand).getOwner() != rows.getOperation())
    return false;
  bool hasOtherCodes = llvm::any_of(rows.getResults(), [&](Value other) { return other != operand && isCodes(other); });
  return !hasOtherCodes && rows.getDomain() == first.getDomain() && canMakeWidth(operand) &&
         isReadBy(program, operand, products);
}

static std::vector<LaunchGroup> groupsOfProducts(plan::ProgramOp program) {
  std::vector<LaunchGroup> groups;
  for (plan::StepOp step : plan::stepsOf(program)) {
    bool follows = !groups.empty() && groups.back().last()->getNextNode() == step.getOperation();
    if (follows && canShareLaunch(groups.back().steps.front(), step))
      groups.back().steps.push_back(step);
    else
      groups.push_back({{step}});
  }
  return groups;
}

/// Whether `after` is what reads the rows of attention in `before`, whose parts it then joins.
static bool joinsParts(plan::ProgramOp program, const LaunchGroup &before, const LaunchGroup &after) {
  plan::StepOp attend = before.last(), reader = after.steps.front();
  bool isSameDomain = reader.getDomain() == attend.getDomain();
  bool canJoin = reader.isKernel() ? isProduct(reader) && isSameDomain
                                   : isSameDomain || reader.getDomain() == plan::Domain::outputs;
  return canJoin && leavesParts(attend) && isReadBy(program, attend.getResult(0), after.steps);
}

std::vector<LaunchGroup> launchGroups(plan::ProgramOp program) {
  std::vector<LaunchGroup> groups;
  for (LaunchGroup &group : groupsOfProducts(program)) {
    bool few = program.getFew() && !groups.empty();
    if (few && joinsParts(program, groups.back(), group)) {
      group.parts = groups.back().last();
      groups.back().leavesParts = true;
    }
    if (few && canStoreAndAttend(groups.back().last(), group.last())) {
      groups.back().steps.append(group.steps);
      groups.back().storesState = true;
      continue;
    }
    if (few && isProduct(group.last()) && canMakeRows(program, groups.back().last(), group.steps)) {
      groups.back().steps.append(group.steps);
      groups.back().makesRows = true;
    } else {
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

} // namespace lmopt::nvptx
