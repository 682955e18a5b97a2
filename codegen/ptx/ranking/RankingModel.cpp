// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by a tree, all or one, by classes of words or by a preview for GPUs; the greatest results of a product, and
// the greatest logits by classes. Those of other heads are found behind the plan (TopLogits.h). Tested by
// test/unit/codegen/ptx/TreeLogitsTest.cpp, TreeScoreTest.cpp, ClassLogitsTest.cpp, GreatestMarksTest.cpp,
// CertifiedMarksTest.cpp, OpenedClassesTest.cpp, test/tools/lmopt/device-scores.sh and test/e2e/device_heads.py.
#include "codegen/cpu/ranking/TopLinear.h"
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/linear/LinearModel.h"
#include "codegen/ptx/ranking/CertifiedMarks.h"
#include "codegen/ptx/ranking/ClassLogits.h"
#include "codegen/ptx/ranking/GreatestMarks.h"
#include "codegen/ptx/ranking/OpenedClasses.h"
#include "codegen/ptx/ranking/TreeLogits.h"
#include "codegen/ptx/ranking/TreeScore.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/ranking/Ranking.h"

using namespace mlir;

namespace lmopt::nvptx {

int64_t WordTreeAttr::getBytes() const { return cpu::treeTables(getTree()).bytes(); }
std::string WordTreeAttr::describe() const { return "i32 ways to words"; }
void WordTreeAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const { cpu::packWordTree(getTree(), out); }

LogicalResult BoundsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t block) {
  if (rows > 0 && (block == 0 || lm::isRotationBlock(block)))
    return success();
  return emitError()
         << "C1: expected a row at least, and a block that is 0 or a power of two from 2 to 65536, but found " << rows
         << " and " << block;
}
int64_t BoundsAttr::getBytes() const { return 2 * 4 * roundUp(getRows(), 16); }
std::string BoundsAttr::describe() const { return "f32 norms of rows and of what their previews lack"; }
void BoundsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  cpu::packBounds(params[0], params[1], getBlock(), out);
}

namespace {

// What all of them have alike: logits are the caller's rows, and nothing is kept between steps.
template <class Model, class Op>
class RankingModel : public KernelOpInterface::ExternalModel<Model, Op> {
public:
  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  bool writesPackedRows(Operation *) const { return true; }
  StringRef getUnit(Operation *) const { return "none"; }

private:
  friend Model;
  RankingModel() = default;

  /// `blocks` of each row.
  static void addLaunch(LaunchBuilder &launches, std::string kernel, std::vector<Argument> arguments, int64_t blocks) {
    Launch launch;
    launch.kernel = std::move(kernel);
    launch.arguments = std::move(arguments);
    launch.domain = launches.step.getDomain();
    launch.grid[0] = Size::fixed(blocks);
    launch.grid[1] = Size::rows(launch.domain);
    launches.add(std::move(launch));
  }
};

template <class Op>
plan::PackedUse treeTable(Op op) {
  return {{}, WordTreeAttr::get(op.getContext(), op.getTree())};
}

struct TreeLogitsModel : RankingModel<TreeLogitsModel, lm::TreeLogitsOp> {
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(treeTable(cast<lm::TreeLogitsOp>(op)));
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto logits = cast<lm::TreeLogitsOp>(op);
    cpu::TreeTables sizes = cpu::treeTables(logits.getTree());
    addLaunch(launches, treeLogitsKernel(launches.kernels, sizes, rowStride(launches.step.getResult(0))),
              {launches.rowsOf(logits.getScores()), launches.weight(treeTable(logits)), launches.result()},
              (sizes.words() + 255) / 256);
  }
};

template <class Op>
plan::PackedUse classTable(Op op) {
  return {{}, ClassesAttr::get(op.getContext(), op.getClasses())};
}
template <class Op>
ClassTable classSizes(Op op) {
  return {lm::widthOf(op.getResult()), lm::widthOf(op.getScores()), op.getClasses().getSingles()};
}

struct ClassLogitsModel : RankingModel<ClassLogitsModel, lm::ClassLogitsOp> {
  static lm::ClassLogitsOp logits(Operation *op) { return cast<lm::ClassLogitsOp>(op); }

  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(classTable(logits(op)));
  }
  int64_t getScratchBytes(Operation *op, plan::StepOp, int64_t rows) const {
    return rows * classSizes(logits(op)).sumsBytes();
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    ClassTable sizes = classSizes(logits(op));
    int64_t stride = rowStride(launches.step.getResult(0));
    std::vector<Argument> arguments = {launches.rowsOf(logits(op).getProducts()),
                                       launches.rowsOf(logits(op).getScores()), launches.weight(classTable(logits(op))),
                                       launches.scratch()};
    addLaunch(launches, classSumsKernel(launches.kernels, sizes), arguments, 1 + sizes.shared());
    arguments.push_back(launches.result());
    addLaunch(launches, classLogitsKernel(launches.kernels, sizes, stride), arguments, classLogitsBlocks(stride));
  }
};

//===--- Products of which some results are made ---===//

template <class Op>
plan::PackedUse matrixOf(Op op) {
  return packedFragments(op, op.getWeightAttr(), op.getBiasAttr());
}
template <class Op>
LinearSpec productOf(Op op) {
  auto layout = cast<FragmentsAttr>(matrixOf(op).layout);
  return linearSpec(layout.getMatrix(), layout.getBias());
}
template <class Op>
StringRef unitOf(Op op) {
  LinearSpec product = productOf(op);
  return product.isInteger() || product.isGrouped() ? "u8s8" : product.format == WeightFormat::F32 ? "f32" : "bf16";
}
struct TreeScoreModel : RankingModel<TreeScoreModel, lm::TreeScoreOp> {
  static lm::TreeScoreOp score(Operation *op) { return cast<lm::TreeScoreOp>(op); }

  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return checkFormat(op, score(op).getWeightAttr()); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(matrixOf(score(op)));
    uses.push_back(treeTable(score(op)));
  }
  StringRef getUnit(Operation *op) const { return unitOf(score(op)); }
  void launch(Operation *op, LaunchBuilder &launches) const {
    TreeScoreSpec spec = {productOf(score(op)), cpu::treeTables(score(op).getTree()),
                          rowStride(launches.step.getResult(0))};
    Launch launch;
    launch.kernel = treeScoreKernel(launches.kernels, spec);
    launch.arguments = {launches.weight(matrixOf(score(op)))};
    llvm::append_range(launch.arguments, placesOfRows(launches.step, score(op).getInput(), spec.exact));
    launch.arguments.insert(launch.arguments.end(), {launches.weight(treeTable(score(op))),
                                                     tokensOf(score(op).getTargets()), launches.result()});
    launch.domain = launches.step.getDomain();
    launch.grid[0] = Size::rows(launch.domain);
    launches.add(std::move(launch));
  }
};

template <class Op>
void launchProduct(Op op, LaunchBuilder &launches, Argument results, int64_t stride, Argument marks) {
  launchMarked(launches,
               {matrixOf(op), placesOfRows(launches.step, op.getInput(), productOf(op)), results, stride, marks});
}
template <class Op>
void launchProduct(Op op, LaunchBuilder &launches, Argument marks) {
  launchProduct(op, launches, launches.result(), rowStride(launches.step.getResult(0)), marks);
}

struct PreviewLinearModel : RankingModel<PreviewLinearModel, lm::PreviewLinearOp> {
  static lm::PreviewLinearOp linear(Operation *op) { return cast<lm::PreviewLinearOp>(op); }
  static GreatestMarksSpec specOf(Operation *op) {
    return {lm::widthOf(linear(op).getResult()), static_cast<int64_t>(linear(op).getCount())};
  }

  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(matrixOf(linear(op)));
  }
  StringRef getUnit(Operation *op) const { return unitOf(linear(op)); }
  int64_t getScratchBytes(Operation *op, plan::StepOp, int64_t rows) const {
    return rows * (MarkedBlock::bytesOf(specOf(op).width) + specOf(op).scratchBytes());
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    GreatestMarksSpec spec = specOf(op);
    Argument marks = launches.scratch(launches.mostRows() * spec.scratchBytes());
    std::vector<Argument> arguments = {launches.rowsOf(linear(op).getPreview()), launches.scratch()};
    for (int64_t digit = 0; digit < GreatestMarksSpec::kDigits; ++digit)
      addLaunch(launches, rankDigitKernel(launches.kernels, spec, digit), arguments, spec.blocks());
    arguments.insert(arguments.end(), {marks, launches.result()});
    addLaunch(launches, greatestMarksKernel(launches.kernels, spec, rowStride(launches.step.getResult(0))), arguments,
              spec.blocks());
    launchProduct(linear(op), launches, marks);
  }
};

struct TopLinearModel : RankingModel<TopLinearModel, lm::TopLinearOp> {
  static lm::TopLinearOp linear(Operation *op) { return cast<lm::TopLinearOp>(op); }
  static plan::PackedUse bounds(lm::TopLinearOp top) {
    auto layout = BoundsAttr::get(top.getContext(), lm::widthOf(top.getResult()), static_cast<int64_t>(top.getBlock()));
    return {{top.getWeightAttr(), top.getPreviewWeightAttr()}, layout};
  }

  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(matrixOf(linear(op)));
    uses.push_back(bounds(linear(op)));
  }
  StringRef getUnit(Operation *op) const { return unitOf(linear(op)); }
  int64_t getScratchBytes(Operation *op, plan::StepOp, int64_t rows) const {
    return CertifiedSpec{productOf(linear(op))}.scratchBytes(rows);
  }

  void launch(Operation *op, LaunchBuilder &launches) const {
    CertifiedSpec spec = {productOf(linear(op)), rowStride(launches.step.getResult(0))};
    int64_t rows = launches.mostRows();
    Argument lists = launches.scratch(), first = launches.scratch(spec.firstMarks(rows)),
             second = launches.scratch(spec.secondMarks(rows)), result = launches.result(),
             preview = launches.rowsOf(linear(op).getPreview()),
             top = Argument::number(Size::top(spec.results().most()));
    addLaunch(launches, topListsKernel(launches.kernels, spec.previews()), {preview, lists, top}, spec.blocks());
    addLaunch(launches, previewMarksKernel(launches.kernels, spec), {preview, lists, first, result, top},
              spec.blocks());
    launchProduct(linear(op), launches, first);
    addLaunch(launches, topListsKernel(launches.kernels, spec.results()), {result, lists, top}, spec.blocks());
    std::vector<Argument> arguments = {preview, lists, result, first, second};
    addBound(linear(op), launches, arguments);
    arguments.push_back(top);
    addLaunch(launches, boundMarksKernel(launches.kernels, spec), arguments, spec.blocks());
    launchProduct(linear(op), launches, second);
  }

private:
  static void addBound(lm::TopLinearOp top, LaunchBuilder &launches, std::vector<Argument> &arguments) {
    arguments.insert(arguments.end(), {launches.weight(matrixOf(top)), launches.weight(bounds(top)),
                                       launches.rowsOf(top.getRotated()), launches.rowsOf(top.getCodes()),
                                       launches.rowsOf(top.getCodes(), 1), launches.rowsOf(top.getCodes(), 2)});
  }
};

struct TopClassLinearModel : RankingModel<TopClassLinearModel, lm::TopClassLinearOp> {
  static lm::TopClassLinearOp linear(Operation *op) { return cast<lm::TopClassLinearOp>(op); }

  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(matrixOf(linear(op)));
    uses.push_back(classTable(linear(op)));
  }
  StringRef getUnit(Operation *op) const { return unitOf(linear(op)); }
  int64_t getScratchBytes(Operation *op, plan::StepOp, int64_t rows) const {
    return OpenedSpec{classSizes(linear(op))}.scratchBytes(rows);
  }

  void launch(Operation *op, LaunchBuilder &launches) const {
    OpenedSpec spec = {classSizes(linear(op)), rowStride(launches.step.getResult(0))};
    int64_t rows = launches.mostRows();
    Argument lists = launches.scratch(), sums = launches.scratch(spec.sumsPlace(rows)),
             opened = launches.scratch(spec.openedPlace(rows)), left = launches.scratch(spec.leftPlace(rows)),
             result = launches.result(), scores = launches.rowsOf(linear(op).getScores()),
             table = launches.weight(classTable(linear(op))),
             top = Argument::number(Size::top(TopLogitsSpec{spec.table.words}.most())),
             first = launches.scratch(spec.firstMarks(rows)), second = launches.scratch(spec.secondMarks(rows));
    addLaunch(launches, topListsKernel(launches.kernels, spec.scores()), {scores, lists, top}, spec.scores().blocks());
    addLaunch(launches, likelyMarksKernel(launches.kernels, spec), {scores, lists, table, opened, first, top},
              spec.blocks());
    launchRound(linear(op), launches, spec, first, opened, 1);
    addLaunch(launches, topListsKernel(launches.kernels, spec.logits()), {result, lists, top}, spec.logits().blocks());
    addLaunch(launches, leftMarksKernel(launches.kernels, spec),
              {scores, lists, table, left, second, top, sums, result, opened}, spec.blocks());
    launchRound(linear(op), launches, spec, second, left, 2);
  }

private:
  /// Products, sums and logits of the classes that were opened at that number.
  static void launchRound(lm::TopClassLinearOp op, LaunchBuilder &launches, const OpenedSpec &spec, Argument marks,
                          Argument opened, int64_t number) {
    int64_t rows = launches.mostRows();
    Argument products = launches.scratch(spec.productsPlace(rows));
    launchProduct(op, launches, products, spec.productBytes(), marks);
    std::vector<Argument> arguments = {products, launches.rowsOf(op.getScores()), launches.weight(classTable(op)),
                                       launches.scratch(spec.sumsPlace(rows))};
    std::vector<Argument> ofSums = arguments, ofLogits = arguments;
    ofSums.insert(ofSums.end(), {opened, Argument::number(number)});
    ofLogits.insert(ofLogits.end(), {launches.result(), opened});
    addLaunch(launches, classSumsKernel(launches.kernels, spec.table, /*opened=*/true), ofSums,
              1 + spec.table.shared());
    addLaunch(launches, classLogitsKernel(launches.kernels, spec.table, spec.outStride, /*opened=*/true), ofLogits,
              classLogitsBlocks(spec.outStride));
  }
};
} // namespace

void registerRankingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::TreeLogitsOp::attachInterface<TreeLogitsModel>(*context);
    lm::TreeScoreOp::attachInterface<TreeScoreModel>(*context);
    lm::ClassLogitsOp::attachInterface<ClassLogitsModel>(*context);
    lm::PreviewLinearOp::attachInterface<PreviewLinearModel>(*context);
    lm::TopLinearOp::attachInterface<TopLinearModel>(*context);
    lm::TopClassLinearOp::attachInterface<TopClassLinearModel>(*context);
  });
}

} // namespace lmopt::nvptx
