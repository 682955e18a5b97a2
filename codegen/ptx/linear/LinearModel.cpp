// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products for GPUs: the model of every op that is LinearLike. Few rows, which weights are read for once, choose the
// kernel that has as many; more are done by tiles. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/ptx/linear/LinearModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/PlanPrograms.h"
#include "codegen/ptx/attention/AttentionModel.h"
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
    ArrayRef<plan::StepOp> steps = ArrayRef(launches.group.steps).drop_front(launches.group.makesRows ? 1 : 0);
    LinearDecodeSpec spec = decodeSpec(steps);
    int64_t least = 1, maxRows = *launches.step->getParentOfType<plan::ProgramOp>().getMaxRows();
    // These kernels have a block for each eight rows.
    bool isFloat = spec.linear.format == WeightFormat::F32 || spec.linear.isCodebook();
    int64_t tiles = tilesOf(matricesOf(spec.linear, spec.beside));
    int64_t mostFew = maxRows > kDecodeRows && hasTile(spec.linear) ? mostFewRows(spec.linear) : maxRows;
    for (spec.rows = 8; least <= mostFew; spec.rows *= 2) {
      bool isLast = isFloat || spec.rows == mostFewRows(spec.linear);
      addLaunch(steps, placesOfRows(steps.front()), launches, linearDecodeKernel(launches.kernels, spec),
                {Size::fixed(tiles), Size::rows(launches.step.getDomain(), spec.rows)}, least,
                isLast ? mostFew : spec.rows);
      if (isLast)
        break;
      least = spec.rows + 1;
    }
    if (mostFew < maxRows)
      for (plan::StepOp step : steps)
        launchTiles(step, launches, specOf(step.getKernelOp()), mostFew + 1, maxRows);
  }
  /// Of a block that reads weights once.
  static int64_t mostFewRows(const LinearSpec &linear) { return linear.isGrouped() ? 16 : kDecodeRows; }
  /// Whether more rows than that have a kernel of their own.
  static bool hasTile(const LinearSpec &linear) {
    return LinearTileSpec::canDo(linear) || GroupedTileSpec::canDo(linear) || linear.format == WeightFormat::F32;
  }

  static void launchTiles(plan::StepOp step, LaunchBuilder &launches, const LinearSpec &linear, int64_t least,
                          int64_t most) {
    KernelLibrary &kernels = launches.kernels;
    if (linear.isGrouped())
      addTile(step, launches, groupedTileKernel(kernels, {linear}), GroupedTileSpec::kTiles, GroupedTileSpec::kRows,
              least, most);
    else if (linear.format == WeightFormat::F32)
      addTile(step, launches, linearFloatTileKernel(kernels, {linear}), LinearFloatTileSpec::kTiles,
              LinearFloatTileSpec::kRows, least, most);
    else
      launchOperandTiles(step, launches, linear, least, most);
  }

  // Tiles of 128 rows read weights half as often, where there is one for each multiprocessor.
  static void launchOperandTiles(plan::StepOp step, LaunchBuilder &launches, const LinearSpec &linear, int64_t least,
                                 int64_t most) {
    int64_t outputBlocks = roundUp(linear.tiles(), LinearTileSpec::kTiles) / LinearTileSpec::kTiles;
    int64_t rowBlocks = roundUp(kMultiprocessors, outputBlocks) / outputBlocks; // which are that many, or more
    int64_t mostOfSmall = std::min(most, 128 * (rowBlocks - 1));
    for (LinearTileSpec spec : {LinearTileSpec{linear, 64}, LinearTileSpec{linear, 128}}) {
      bool isSmall = spec.rows == 64;
      int64_t first = isSmall ? least : std::max(least, mostOfSmall + 1), last = isSmall ? mostOfSmall : most;
      if (first <= last)
        addTile(step, launches, operandTileKernel(launches.kernels, spec), LinearTileSpec::kTiles, spec.rows, first,
                last);
    }
  }
  static std::string operandTileKernel(KernelLibrary &kernels, const LinearTileSpec &spec) {
    return kernels.getTarget().hasWgmma() ? linearTileHopperKernel(kernels, spec) : linearTileKernel(kernels, spec);
  }

  /// `tiles` and `rows`: of a block.
  static void addTile(plan::StepOp step, LaunchBuilder &launches, std::string kernel, int64_t tiles, int64_t rows,
                      int64_t least, int64_t most) {
    Size outputBlocks = Size::fixed(roundUp(specOf(step.getKernelOp()).tiles(), tiles) / tiles);
    addLaunch({step}, placesOfRows(step), launches, std::move(kernel),
              {outputBlocks, Size::rows(step.getDomain(), rows)}, least, most);
  }
  static constexpr int64_t kMultiprocessors = 128; ///< 108 of an A100, 132 of an H100

  static LinearDecodeSpec decodeSpec(ArrayRef<plan::StepOp> steps) {
    LinearDecodeSpec spec{specOf(plan::StepOp(steps.front()).getKernelOp())};
    for (plan::StepOp step : steps.drop_front())
      spec.beside.push_back(specOf(step.getKernelOp()).outputs);
    return spec;
  }
  static std::vector<Argument> placesOfRows(plan::StepOp step) {
    return nvptx::placesOfRows(step, linear(step.getKernelOp()).getInput(), specOf(step.getKernelOp()));
  }

  /// The products of `steps`; `rows`: what they read, or what makes that.
  static void addLaunch(ArrayRef<plan::StepOp> steps, ArrayRef<Argument> rows, LaunchBuilder &launches,
                        std::string kernel, std::array<Size, 2> grid, int64_t least, int64_t most) {
    Launch launch;
    launch.kernel = std::move(kernel);
    for (plan::StepOp step : steps)
      launch.arguments.push_back(weightOf(step, packed(step.getKernelOp())));
    launch.arguments.insert(launch.arguments.end(), rows.begin(), rows.end());
    for (plan::StepOp step : steps)
      launch.arguments.insert(launch.arguments.end(),
                              {placeOf(step.getResult(0)), Argument::number(rowStride(step.getResult(0)))});
    launch.domain = plan::StepOp(steps.front()).getDomain();
    launch.arguments.push_back(Argument::number(Size::rows(launch.domain)));
    launch.grid[0] = grid[0];
    launch.grid[1] = grid[1];
    launch.leastRows = least;
    launch.mostRows = most;
    launches.add(std::move(launch));
  }
};
} // namespace

std::vector<Argument> placesOfRows(plan::StepOp step, Value inside, const LinearSpec &linear) {
  std::vector<Argument> places = {rowsOf(step, inside)};
  if (linear.isInteger() || linear.isGrouped())
    places.insert(places.end(), {rowsOf(step, inside, 1), rowsOf(step, inside, 2)});
  if (linear.isBlocks())
    places.push_back(Argument::number(linear.stored));
  return places;
}

void launchMarked(LaunchBuilder &launches, const MarkedProduct &product) {
  auto layout = cast<FragmentsAttr>(product.weights.layout);
  LinearDecodeSpec spec{linearSpec(layout.getMatrix(), layout.getBias())};
  spec.marked = true;
  int64_t mostRows = *launches.step->getParentOfType<plan::ProgramOp>().getMaxRows();
  int64_t last = spec.linear.format == WeightFormat::F32 ? spec.rows : LinearKernel::mostFewRows(spec.linear);
  Launch launch;
  launch.arguments = {weightOf(launches.step, product.weights)};
  launch.arguments.insert(launch.arguments.end(), product.rows.begin(), product.rows.end());
  launch.domain = launches.step.getDomain();
  launch.arguments.insert(launch.arguments.end(), {product.results, Argument::number(product.stride),
                                                   Argument::number(Size::rows(launch.domain)), product.marks});
  for (; launch.leastRows <= mostRows; spec.rows *= 2) {
    launch.kernel = linearDecodeKernel(launches.kernels, spec);
    launch.mostRows = spec.rows == last ? mostRows : spec.rows;
    launch.grid[0] = Size::fixed(spec.linear.tiles()), launch.grid[1] = Size::rows(launch.domain, spec.rows);
    launches.add(launch);
    launch.leastRows = launch.mostRows + 1;
  }
}

static lm::LinearLikeOpInterface productOf(plan::StepOp step) {
  return step.isKernel() ? dyn_cast<lm::LinearLikeOpInterface>(step.getKernelOp()) : lm::LinearLikeOpInterface();
}
bool isProduct(plan::StepOp step) { return static_cast<bool>(productOf(step)); }
Value inputOf(plan::StepOp product) {
  return product.getInputs()[cast<BlockArgument>(productOf(product).getInput()).getArgNumber()];
}

bool canShareLaunch(plan::StepOp a, plan::StepOp c) {
  if (!productOf(a) || !productOf(c) || inputOf(a) != inputOf(c))
    return false;
  return canShareLaunch(LinearKernel::specOf(a.getKernelOp()), LinearKernel::specOf(c.getKernelOp()));
}

bool canMakeWidth(Value rows) { return cast<plan::RowsType>(rows.getType()).getWidth() <= MadeRows::kMostWidth; }

/// What all blocks together may read of the rows' sources: it comes from the second-level cache, whose 4 to 5 TB/s make
/// it a microsecond, half of what a launch costs in a graph. Rows are made one after another, each in about as long.
/// Assumed, not measured (ptx.md 4.3).
static constexpr int64_t kReadByAll = 4 << 20, kMadeRows = 2;

Launch launchWithRows(ArrayRef<plan::StepOp> products, const RowProgram &rows, LaunchBuilder &launches) {
  LinearDecodeSpec spec = LinearKernel::decodeSpec(products);
  int64_t tiles = tilesOf(matricesOf(spec.linear, spec.beside));
  bool canMake = !spec.linear.isCodebook() && !spec.linear.isBlocks(); // kernels of their own
  auto fits = [&](int64_t count, int64_t parts) { return tiles * count * bytesRead(rows.spec, parts) <= kReadByAll; };
  Launch window;
  for (window.mostRows = canMake ? kMadeRows : 0; window.mostRows > 0 && !fits(window.mostRows, 1);)
    --window.mostRows;
  if (rows.joinsParts() && !window.isNever()) {
    int64_t parts = 1;
    while (fits(window.mostRows, parts + 1))
      ++parts;
    window.mostPositions = parts * kPartPositions;
  }
  if (window.isNever())
    return window;
  spec.made = {rows.spec, window.mostRows};
  launches.window = window;
  LinearKernel::addLaunch(products, rows.arguments, launches, linearDecodeKernel(launches.kernels, spec),
                          {Size::fixed(tiles), Size::fixed(1)}, 1, window.mostRows);
  return window;
}

void registerLinearModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (name.hasInterface<lm::LinearLikeOpInterface>())
        name.attachInterface<LinearKernel>();
  });
}

} // namespace lmopt::nvptx
