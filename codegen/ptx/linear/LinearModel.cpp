// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products for GPUs: the model of every op that is LinearLike. Few rows, which weights are read for once, choose the
// kernel that has as many; more are done by tiles of codes and bf16, else by 64 (by 16 of weights in groups). Tested by
// test/codegen/ptx and all models compiled for GPUs.
#include "codegen/ptx/linear/LinearModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/PlanPrograms.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearTile.h"
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
  return plan::refuse(user, "matrices of " + text + " are not supported on GPUs (param '" + matrix.getValue() +
                                "'); use groups of 32, 64, 128 or 256");
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
    // These kernels have a block for each eight rows.
    bool isFloat = spec.linear.format == WeightFormat::F32 || spec.linear.isCodebook();
    bool hasTile = maxRows > kDecodeRows && LinearTileSpec::canDo(spec.linear);
    for (spec.rows = 8; least <= maxRows; spec.rows *= 2) {
      bool isLast = isFloat || spec.rows == (spec.linear.isGrouped() ? 16 : kDecodeRows);
      addLaunch(op, launches, linearDecodeKernel(launches.kernels, spec),
                {Size::fixed(spec.linear.tiles()), Size::rows(launches.step.getDomain(), spec.rows)}, least,
                isLast && !hasTile ? maxRows : spec.rows);
      if (isLast)
        break;
      least = spec.rows + 1;
    }
    if (hasTile)
      launchTile(op, launches, {spec.linear}, maxRows);
  }

  // Tiles of 128 rows read weights half as often, but there must be a block for each multiprocessor.
  static void launchTile(Operation *op, LaunchBuilder &launches, LinearTileSpec spec, int64_t maxRows) {
    int64_t outputBlocks = roundUp(spec.linear.tiles(), LinearTileSpec::kTiles) / LinearTileSpec::kTiles;
    if (outputBlocks * (maxRows / 128) >= kMultiprocessors)
      spec.rows = 128;
    addLaunch(op, launches, linearTileKernel(launches.kernels, spec),
              {Size::fixed(outputBlocks), Size::rows(launches.step.getDomain(), spec.rows)}, kDecodeRows + 1, maxRows);
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
    if (linearSpec.isBlocks())
      launch.arguments.push_back(Argument::number(linearSpec.stored));
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
