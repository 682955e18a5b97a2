// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products for GPUs: the model of every op that is LinearLike. Few rows, which weights are read for once, choose the
// kernel that has as many; more are done by tiles. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/ptx/linear/LinearModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/PlanPrograms.h"
#include "codegen/ptx/linear/GroupedTile.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearFloatTile.h"
#include "codegen/ptx/linear/LinearTileHopper.h"
#include "dialects/lm/interfaces/Linear.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

LogicalResult checkFormat(Operation *user, FlatSymbolRefAttr matrix) {
  Type type = lm::lookupParam(user, matrix).getType();
  if (hasFragments(type))
    return success();
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return plan::refuse(user, "matrices of " + text + " are not supported on GPUs yet (param '" + matrix.getValue() +
                                "'); use f32, bf16, int8 or groups of 32, 64, 128 or 256");
}

namespace {

struct LinearKernel : KernelOpInterface::FallbackModel<LinearKernel> {
  static lm::LinearLikeOpInterface linear(Operation *op) { return cast<lm::LinearLikeOpInterface>(op); }
  static plan::PackedUse packed(Operation *op) {
    return packedFragments(op, linear(op).getWeightAttr(), linear(op).getBiasAttr());
  }
  static LinearSpec specOf(Operation *op) {
    auto layout = cast<FragmentsAttr>(packed(op).layout);
    return linearSpec(layout.getMatrix(), layout.getBias());
  }

  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return checkFormat(op, linear(op).getWeightAttr()); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(packed(op));
  }
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  bool writesPackedRows(Operation *) const { return true; }
  StringRef getUnit(Operation *op) const {
    LinearSpec spec = specOf(op);
    return spec.isInteger() || spec.isGrouped() ? "u8s8" : spec.format == WeightFormat::Bf16 ? "bf16" : "f32";
  }

  void launch(Operation *op, LaunchBuilder &launches) const {
    LinearDecodeSpec spec{specOf(op)};
    int64_t least = 1, maxRows = *launches.step->getParentOfType<plan::ProgramOp>().getMaxRows();
    bool isFloat = spec.linear.format == WeightFormat::F32; // that kernel has a block for each eight rows
    int64_t mostFew = maxRows > kDecodeRows ? mostFewRows(spec.linear) : maxRows;
    for (spec.rows = 8; least <= mostFew; spec.rows *= 2) {
      bool isLast = isFloat || spec.rows == mostFewRows(spec.linear);
      addLaunch(op, launches, linearDecodeKernel(launches.kernels, spec),
                {Size::fixed(spec.linear.tiles()), Size::rows(launches.step.getDomain(), spec.rows)}, least,
                isLast ? mostFew : spec.rows);
      if (isLast)
        break;
      least = spec.rows + 1;
    }
    if (mostFew < maxRows)
      launchTiles(op, launches, spec.linear, mostFew + 1, maxRows);
  }
  /// Of a block that reads weights once.
  static int64_t mostFewRows(const LinearSpec &linear) { return linear.isGrouped() ? 16 : kDecodeRows; }

  static void launchTiles(Operation *op, LaunchBuilder &launches, const LinearSpec &linear, int64_t least,
                          int64_t most) {
    KernelLibrary &kernels = launches.kernels;
    if (linear.isGrouped())
      addTile(op, launches, groupedTileKernel(kernels, {linear}), GroupedTileSpec::kTiles, GroupedTileSpec::kRows,
              least, most);
    else if (linear.format == WeightFormat::F32)
      addTile(op, launches, linearFloatTileKernel(kernels, {linear}), LinearFloatTileSpec::kTiles,
              LinearFloatTileSpec::kRows, least, most);
    else
      launchOperandTiles(op, launches, linear, least, most);
  }

  // Tiles of 128 rows read weights half as often, where there is one for each multiprocessor.
  static void launchOperandTiles(Operation *op, LaunchBuilder &launches, const LinearSpec &linear, int64_t least,
                                 int64_t most) {
    int64_t outputBlocks = roundUp(linear.tiles(), LinearTileSpec::kTiles) / LinearTileSpec::kTiles;
    int64_t rowBlocks = roundUp(kMultiprocessors, outputBlocks) / outputBlocks; // which are that many, or more
    int64_t mostOfSmall = std::min(most, 128 * (rowBlocks - 1));
    for (LinearTileSpec spec : {LinearTileSpec{linear, 64}, LinearTileSpec{linear, 128}}) {
      bool isSmall = spec.rows == 64;
      int64_t first = isSmall ? least : std::max(least, mostOfSmall + 1), last = isSmall ? mostOfSmall : most;
      if (first <= last)
        addTile(op, launches, operandTileKernel(launches.kernels, spec), LinearTileSpec::kTiles, spec.rows, first,
                last);
    }
  }
  static std::string operandTileKernel(KernelLibrary &kernels, const LinearTileSpec &spec) {
    return kernels.getTarget().hasWgmma() ? linearTileHopperKernel(kernels, spec) : linearTileKernel(kernels, spec);
  }

  /// `tiles` and `rows`: of a block.
  static void addTile(Operation *op, LaunchBuilder &launches, std::string kernel, int64_t tiles, int64_t rows,
                      int64_t least, int64_t most) {
    Size outputBlocks = Size::fixed(roundUp(specOf(op).tiles(), tiles) / tiles);
    addLaunch(op, launches, std::move(kernel), {outputBlocks, Size::rows(launches.step.getDomain(), rows)}, least,
              most);
  }
  static constexpr int64_t kMultiprocessors = 128; ///< 108 of an A100, 132 of an H100

  static void addLaunch(Operation *op, LaunchBuilder &launches, std::string kernel, std::array<Size, 2> grid,
                        int64_t least, int64_t most) {
    plan::StepOp step = launches.step;
    LinearSpec linearSpec = specOf(op);
    Value rows = linear(op).getInput();
    Launch launch;
    launch.kernel = std::move(kernel);
    launch.arguments = {launches.weight(packed(op)), launches.rowsOf(rows)};
    if (linearSpec.isInteger() || linearSpec.isGrouped())
      launch.arguments.insert(launch.arguments.end(), {launches.rowsOf(rows, 1), launches.rowsOf(rows, 2)});
    launch.arguments.push_back(launches.result());
    launch.arguments.push_back(Argument::number(rowStride(step.getResult(0))));
    launch.domain = step.getDomain();
    launch.arguments.push_back(Argument::number(Size::rows(launch.domain)));
    launch.grid[0] = grid[0];
    launch.grid[1] = grid[1];
    launch.leastRows = least;
    launch.mostRows = most;
    launches.add(std::move(launch));
  }
};
} // namespace

void registerLinearModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (name.hasInterface<lm::LinearLikeOpInterface>())
        name.attachInterface<LinearKernel>();
  });
}

} // namespace lmopt::nvptx
