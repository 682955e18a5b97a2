// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Launches.h.
#include "codegen/ptx/Launches.h"

#include "codegen/ptx/attention/AttentionModel.h"
#include "codegen/ptx/linear/LinearModel.h"
#include "codegen/ptx/rows/RowModel.h"

using namespace mlir;

namespace lmopt::nvptx {

static void launchStep(LaunchBuilder &launches, plan::StepOp step) {
  launches.step = step;
  if (step.isKernel())
    kernelOf(step).launch(launches);
  else
    RowProgramBuilder(launches).launch();
}

/// What the products of a group read, if they can make it themselves, or null.
static Value madeRows(const LaunchGroup &group) {
  bool joins = group.parts && isProduct(group.steps.front());
  return group.makesRows || joins ? inputOf(group.last()) : Value();
}

/// How the rows of a group's products are made: by its first step, or by joining attention's parts. `operand`: where
/// the products do it.
static RowProgram rowsOfProducts(LaunchBuilder &launches, Value rows, Value operand) {
  const LaunchGroup &group = launches.group;
  RowProgramBuilder builder(launches, operand);
  return group.makesRows ? builder.build()
                         : builder.buildStore(loadParts(group.parts, group.steps.front(), builder), rows);
}

/// Rows and positions beside those of a window that begins with the first.
static SmallVector<Launch> windowsBeside(const Launch &window) {
  Launch more, longer;
  more.leastRows = window.mostRows + 1;
  if (window.isNever() || window.mostPositions == more.mostPositions)
    return {more};
  longer.mostRows = window.mostRows;
  longer.leastPositions = window.mostPositions + 1;
  return {more, longer};
}

static void launchProducts(LaunchBuilder &launches, Value rows) {
  ArrayRef<plan::StepOp> products = ArrayRef(launches.group.steps).drop_front(launches.group.makesRows ? 1 : 0);
  Launch window = launchWithRows(products, rowsOfProducts(launches, rows, rows), launches);
  for (const Launch &other : windowsBeside(window)) {
    launches.window = other;
    launches.step = launches.group.steps.front();
    RowProgramBuilder(launches).launch(rowsOfProducts(launches, rows, {}));
    launchStep(launches, products.front());
  }
}

static void launchGroup(LaunchBuilder &launches) {
  if (launches.group.storesState)
    launchStoringAndAttending(launches);
  else if (Value rows = madeRows(launches.group))
    launchProducts(launches, rows);
  else
    launchStep(launches, launches.group.steps.front());
}

/// For the manifest: who profiles sees numbers of kernels go by, and wants to know whose they are.
static void noteLaunches(plan::StepOp step, ArrayRef<Launch> launches, const KernelLibrary &kernels) {
  auto numbers = llvm::map_to_vector(launches, [&](const Launch &one) { return kernels.kernel(one.kernel).number; });
  step->setAttr(kLaunchesAttribute, DenseI64ArrayAttr::get(step.getContext(), numbers));
}

std::vector<Launch> launchesOf(plan::ProgramOp program, KernelLibrary &kernels) {
  std::vector<Launch> launches;
  for (const LaunchGroup &group : launchGroups(program)) {
    size_t before = launches.size();
    LaunchBuilder builder(kernels, group, launches);
    launchGroup(builder);
    for (plan::StepOp step : group.steps) {
      step.setKernel(launches.size() > before ? launches[before].kernel : "");
      bool isFirst = step == group.steps.front(); // the others are launched with it
      noteLaunches(step, ArrayRef(launches).drop_front(isFirst ? before : launches.size()), kernels);
    }
  }
  return launches;
}

} // namespace lmopt::nvptx
