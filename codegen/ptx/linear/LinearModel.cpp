// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products for GPUs: the model of every op that is LinearLike. Few rows, which weights are read for once, choose the
// kernel that has as many; more are done by tiles. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/ptx/linear/LinearModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/attention/AttentionModel.h"
#include "codegen/ptx/linear/LinearChoice.h"
#include "codegen/ptx/linear/LinearDecode.h"
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
                                "'); use groups of 16, 32, 64, 128 or 256");
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
    int64_t maxRows = launches.mostRows();
    int64_t tiles = tilesOf(matricesOf(spec.linear, spec.beside));
    for (const ProductChoice &choice : productChoices(spec.linear, maxRows))
      if (!choice.isTile) {
        spec.rows = choice.rows;
        addLaunch(steps, placesOfRows(steps.front()), launches, linearDecodeKernel(launches.kernels, spec),
                  {Size::fixed(tiles), Size::rows(launches.step.getDomain(), choice.rows)}, choice.least, choice.most);
      }
    for (plan::StepOp step : steps)
      for (const ProductChoice &choice : productChoices(specOf(step.getKernelOp()), maxRows))
        if (choice.isTile)
          addTile(step, launches, choice);
  }

  static void addTile(plan::StepOp step, LaunchBuilder &launches, const ProductChoice &choice) {
    LinearSpec linear = specOf(step.getKernelOp());
    int64_t tiles = tilesOfBlock(linear);
    addLaunch({step}, placesOfRows(step), launches, productTileKernel(launches.kernels, linear, choice.rows),
              {Size::fixed(roundUp(linear.tiles(), tiles) / tiles), Size::rows(step.getDomain(), choice.rows)},
              choice.least, choice.most);
  }

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
  std::vector<Argument> places;
  for (int64_t part = 0; part < linear.partsOfRows(); ++part)
    places.push_back(rowsOf(step, inside, part));
  if (linear.isBlocks())
    places.push_back(Argument::number(linear.stored));
  return places;
}

void launchMarked(LaunchBuilder &launches, const MarkedProduct &product) {
  auto layout = cast<FragmentsAttr>(product.weights.layout);
  LinearDecodeSpec spec{linearSpec(layout.getMatrix(), layout.getBias())};
  spec.marked = true;
  Launch launch;
  launch.arguments = {weightOf(launches.step, product.weights)};
  launch.arguments.insert(launch.arguments.end(), product.rows.begin(), product.rows.end());
  launch.domain = launches.step.getDomain();
  launch.arguments.insert(launch.arguments.end(), {product.results, Argument::number(product.stride),
                                                   Argument::number(Size::rows(launch.domain)), product.marks});
  for (const ProductChoice &choice : fewRowChoices(spec.linear, launches.mostRows())) {
    spec.rows = choice.rows;
    launch.kernel = linearDecodeKernel(launches.kernels, spec);
    launch.leastRows = choice.least, launch.mostRows = choice.most;
    launch.grid[0] = Size::fixed(spec.linear.tiles()), launch.grid[1] = Size::rows(launch.domain, spec.rows);
    launches.add(launch);
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

Launch launchWithRows(ArrayRef<plan::StepOp> products, const RowProgram &rows, LaunchBuilder &launches) {
  LinearDecodeSpec spec = LinearKernel::decodeSpec(products);
  int64_t tiles = tilesOf(matricesOf(spec.linear, spec.beside));
  bool canMake = !spec.linear.isCodebook() && !spec.linear.isBlocks(); // kernels of their own
  Launch window;
  window.mostRows = canMake ? mostMadeRows(tiles, rows.spec) : 0;
  if (rows.joinsParts() && !window.isNever()) {
    int64_t parts = 1;
    while (mayMakeRows(tiles, rows.spec, window.mostRows, parts + 1))
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
