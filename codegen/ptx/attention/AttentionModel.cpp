// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two halves of attention for GPUs. Decoders keep keys and values in the cache, and attend row by row, or, in
// prompts, a tile of rows at a time; encoders read keys and values where they were made.
// One spec serves both halves: they must agree on the cache. Tested by test/codegen/ptx and all models compiled for
// GPUs.
#include "codegen/ptx/attention/AttentionModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Neighbours.h"
#include "codegen/plan/Rings.h"
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/AttendTile.h"
#include "codegen/ptx/attention/ProjectRows.h"
#include "codegen/ptx/rows/RowModel.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

plan::ProgramOp programOf(plan::StepOp step) { return step->getParentOfType<plan::ProgramOp>(); }

// Steps of few rows are told positions in whole units, so that one recording serves many of them: a part of another
// size would be launched for positions that no sequence has.
static_assert(kPartPositions == LMOPT_DEVICE_POSITIONS_UNIT);
static_assert(plan::kRingBlock % kPartPositions == 0, "a part would wrap in a ring");

void readPlace(plan::StepOp step, AttentionSpec &spec) {
  plan::StatePlace place = plan::statePlaceOf(step);
  spec.ringBlocks = place.ringPositions / AttentionSpec::kBlock;
  spec.inRing = place.inRing;
  spec.ringBlockBytes = spec.inRing ? 0 : AttentionSpec::kBlock * place.ringBytes; // the other kernels do not need it
}

template <class HalfOp>
void readHalf(HalfOp op, AttentionSpec &spec, plan::ProgramOp program) {
  readPlace(op->template getParentOfType<plan::StepOp>(), spec);
  spec.kvHeads = op.getKvHeads();
  spec.width = op.getHeadWidth();
  spec.otherValueWidth = op.getValueWidth() == op.getHeadWidth() ? 0 : op.getValueWidth();
  spec.format = op.isBf16() ? CacheFormat::Bf16 : op.isInt8() ? CacheFormat::I8 : CacheFormat::F32;
  if (lm::RopeAttr rope = op.getRopeAttr()) {
    spec.rotary = static_cast<int64_t>(rope.getDims());
    spec.positions = program.getMaxPositions();
    spec.ropeSwitchPositions = plan::ropeSwitch(rope, program);
  }
  if (lm::ProjectionAttr projection = op.getProjectionAttr()) {
    spec.projectedRows = static_cast<int64_t>(projection.getRank());
    spec.projectionLearned = projection.isLearned();
  }
}

AttentionSpec specOf(lm::AttendOp op, plan::StepOp step) {
  AttentionSpec spec;
  readHalf(op, spec, programOf(step));
  spec.heads = op.getHeads();
  if (SmallVector<int64_t> groups = op.getGroupSizes(); !llvm::all_equal(groups))
    spec.groups.assign(groups.begin(), groups.end());
  spec.scale = op.getScale().convertToFloat();
  spec.window = op.getWindow();
  if (std::optional<APFloat> cap = op.getSoftCap())
    spec.softCap = static_cast<float>(cap->convertToDouble());
  plan::readBias(op, spec.bias, spec.largestDistance);
  return spec;
}

/// What the bias reads, if there is one.
std::optional<plan::PackedUse> biasOf(lm::AttendOp op) {
  if (lm::AlibiAttr alibi = op.getAlibi())
    return plan::PackedUse{{}, SlopesAttr::get(op.getContext(), alibi)};
  if (FlatSymbolRefAttr table = op.getDistanceTable())
    return packedTable(op, table);
  return std::nullopt;
}

/// It is the last argument of what attends.
void addBias(lm::AttendOp op, LaunchBuilder &launches, Launch &attend) {
  if (std::optional<plan::PackedUse> bias = biasOf(op))
    attend.arguments.push_back(launches.weight(*bias));
}

AttentionSpec specOf(lm::CacheAppendOp op, plan::StepOp step) {
  AttentionSpec spec;
  spec.heads = op.getKvHeads();
  readHalf(op, spec, programOf(step));
  return spec;
}

/// What made the keys and values that a step reads.
lm::CacheAppendOp appendOf(plan::StepOp step) { return cast<lm::CacheAppendOp>(plan::stateMaker(step).getKernelOp()); }

/// What a cache may be whose rows these kernels store and read.
template <class HalfOp>
LogicalResult checkHalf(HalfOp op, plan::ProgramOp program) {
  int64_t unit = op.isInt8() ? 16 : 8;
  for (int64_t width : {static_cast<int64_t>(op.getHeadWidth()), static_cast<int64_t>(op.getValueWidth())})
    if (width % unit != 0 || width > 256)
      return plan::refuse(op, "heads of " + Twine(width) + " numbers are not supported on GPUs; use a multiple of " +
                                  Twine(unit) + " up to 256");
  lm::RopeAttr rope = op.getRopeAttr();
  return rope ? plan::prepareRope(op, rope, program) : success();
}

/// What both halves have in common.
template <class Model, class HalfOp>
struct HalfModel : KernelOpInterface::ExternalModel<Model, HalfOp> {
  static std::optional<plan::PackedUse> anglesOf(Operation *op, plan::ProgramOp program) {
    lm::RopeAttr rope = cast<HalfOp>(op).getRopeAttr();
    if (!rope)
      return std::nullopt;
    return plan::PackedUse{
        {}, AnglesAttr::get(op->getContext(), rope, program.getMaxPositions(), plan::ropeSwitch(rope, program))};
  }
  /// Where there is no table, nothing reads it.
  static Argument anglesArgument(Operation *op, LaunchBuilder &launches) {
    std::optional<plan::PackedUse> angles = anglesOf(op, programOf(launches.step));
    return angles ? launches.weight(*angles) : Argument{Argument::Weights};
  }
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<plan::PackedUse> &uses) const {
    if (std::optional<plan::PackedUse> angles = anglesOf(op, program))
      uses.push_back(*angles);
  }
  bool writesPackedRows(Operation *) const { return false; }

private: // of a Model alone
  HalfModel() = default;
  friend Model;
};

struct AppendModel : HalfModel<AppendModel, lm::CacheAppendOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp program) const {
    return checkHalf(cast<lm::CacheAppendOp>(op), program);
  }
  int64_t getStateBytes(Operation *op, plan::StepOp step) const {
    return programOf(step).isDecoder() ? specOf(cast<lm::CacheAppendOp>(op), step).cacheBytesPerPosition() : 0;
  }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  StringRef getUnit(Operation *) const { return "none"; }
  void launch(Operation *op, LaunchBuilder &launches) const {
    if (!programOf(launches.step).isDecoder())
      return;
    auto append = cast<lm::CacheAppendOp>(op);
    Launch launch;
    launch.kernel = storeKeysValuesKernel(launches.kernels, specOf(append, launches.step));
    launch.arguments = {launches.rowsOf(append.getKey()), launches.rowsOf(append.getValue()),
                        anglesArgument(op, launches),     {Argument::RowTable},
                        launches.stateOffset(),           launches.stateBlockBytes()};
    launch.grid[0] = Size::rows(plan::Domain::tokens);
    launches.add(std::move(launch));
  }
};

struct AttendModel : HalfModel<AttendModel, lm::AttendOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp program) const {
    auto attend = cast<lm::AttendOp>(op);
    if (attend.isCausal() != program.isDecoder())
      return plan::refuse(op, "GPUs attend causally in decoders and to all positions in encoders only");
    if (!program.isDecoder() && attend.isInt8())
      return plan::refuse(op, "encoders attend in f32 or bf16 on GPUs, not in codes");
    return checkHalf(attend, program);
  }
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  /// Of an encoder's projection: the matrices of keys and values, or none.
  static SmallVector<plan::PackedUse> matricesOf(Operation *op) {
    SmallVector<plan::PackedUse> uses;
    if (!cast<lm::AttendOp>(op).getProjectionAttr())
      return uses;
    lm::CacheAppendOp append = appendOf(op->getParentOfType<plan::StepOp>());
    for (FlatSymbolRefAttr matrix : {append.getKeyProjectionAttr(), append.getValueProjectionAttr()})
      if (matrix)
        uses.push_back(packedTable(op, matrix));
    return uses;
  }
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<plan::PackedUse> &uses) const {
    HalfModel::getPackedWeights(op, program, uses);
    llvm::append_range(uses, matricesOf(op));
    if (std::optional<plan::PackedUse> bias = biasOf(cast<lm::AttendOp>(op)))
      uses.push_back(*bias);
  }
  int64_t getScratchBytes(Operation *op, plan::StepOp step, int64_t rows) const {
    plan::ProgramOp program = programOf(step);
    if (AttentionSpec spec = specOf(cast<lm::AttendOp>(op), step); spec.projectedRows)
      return projectedValuesOffset(spec, rows) +
             mostProjectedRows(spec, rows) * rowBytes(spec.kvHeads * spec.valueWidth(), 4);
    int64_t parts = AttentionSpec::partsAt(program.getMaxPositions() - 1);
    bool hasParts = program.isDecoder() && program.getFew(); // prompts attend by tiles, which keep what they sum
    return hasParts ? specOf(cast<lm::AttendOp>(op), step).partsBytes(rows, parts) : 0;
  }
  StringRef getUnit(Operation *) const { return "f32"; }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto attend = cast<lm::AttendOp>(op);
    plan::ProgramOp program = programOf(launches.step);
    if (!program.isDecoder())
      return launchSegments(attend, launches);
    program.getFew() ? launchRows(attend, launches) : launchTile(attend, launches);
  }

  static void launchTile(lm::AttendOp op, LaunchBuilder &launches) {
    AttentionSpec spec = specOf(op, launches.step);
    Launch attend;
    attend.kernel = attendTileKernel(launches.kernels, spec);
    attend.arguments = {launches.rowsOf(op.getQuery()),
                        anglesArgument(op, launches),
                        {Argument::RowTable},
                        {Argument::Segments},
                        launches.result(),
                        launches.stateOffset(),
                        launches.stateBlockBytes()};
    addBias(op, launches, attend);
    attend.grid[0] = Size::rows(plan::Domain::tokens, tileRows(spec)); // no segment has more
    attend.grid[1] = Size::fixed(spec.heads);
    attend.grid[2] = Size::rows(plan::Domain::segments);
    launches.add(std::move(attend));
  }

  /// `append`: the step whose keys and values are not in the cache yet, or null.
  static void launchRows(lm::AttendOp op, LaunchBuilder &launches, plan::StepOp append = {}) {
    AttentionSpec spec = specOf(op, launches.step);
    Argument parts = Argument::number(Size::positions(kPartPositions));
    Launch attend;
    attend.kernel = attendRowsKernel(launches.kernels, spec, /*stores=*/static_cast<bool>(append));
    attend.arguments = {
        launches.rowsOf(op.getQuery()), anglesArgument(op, launches), {Argument::RowTable}, launches.scratch(), parts,
        launches.stateOffset(),         launches.stateBlockBytes()};
    if (append) {
      auto made = cast<lm::CacheAppendOp>(append.getKernelOp());
      attend.arguments.insert(attend.arguments.end(),
                              {nvptx::rowsOf(append, made.getKey()), nvptx::rowsOf(append, made.getValue())});
    }
    addBias(op, launches, attend);
    attend.grid[0] = Size::positions(kPartPositions);
    attend.grid[1] = Size::fixed(spec.kvHeads);
    attend.grid[2] = Size::rows(plan::Domain::tokens);
    launches.add(std::move(attend));
    if (launches.group.leavesParts)
      return;
    RowProgramBuilder join(launches);
    join.launch(join.buildStore(loadParts(launches.step, launches.step, join), launches.step.getResult(0)));
  }

  static int64_t projectedValuesOffset(const AttentionSpec &spec, int64_t rows) {
    return mostProjectedRows(spec, rows) * rowBytes(spec.kvHeads * spec.width, 4);
  }
  /// Keys and values become fewer, in scratch.
  static void launchProjection(lm::AttendOp op, LaunchBuilder &launches, AttentionSpec spec, Argument &keys,
                               Argument &values) {
    Argument fewKeys = launches.scratch(),
             fewValues = launches.scratch(projectedValuesOffset(spec, launches.mostRows()));
    Launch launch;
    launch.arguments = {keys, values, {Argument::Segments}, fewKeys, fewValues};
    for (const plan::PackedUse &matrix : matricesOf(op)) {
      launch.arguments.push_back(launches.weight(matrix));
      spec.projectionColumns = cast<TableAttr>(matrix.layout).getTable().getDimSize(1);
    }
    launch.kernel = projectRowsKernel(launches.kernels, spec);
    launch.grid[0] = Size::fixed(spec.projectedRows);
    launch.grid[1] = Size::rows(plan::Domain::segments);
    launches.add(std::move(launch));
    keys = fewKeys, values = fewValues;
  }

  static void launchSegments(lm::AttendOp op, LaunchBuilder &launches) {
    AttentionSpec spec = specOf(op, launches.step);
    plan::StepOp maker = plan::stateMaker(launches.step);
    lm::CacheAppendOp append = appendOf(launches.step);
    Argument keys = rowsOf(maker, append.getKey()), values = rowsOf(maker, append.getValue());
    if (spec.projectedRows)
      launchProjection(op, launches, spec, keys, values);
    // Heads of other widths attend in f32, which is no less exact.
    bool isTile = spec.format == CacheFormat::Bf16 && canAttendSegmentsTile(spec);
    Launch launch;
    launch.kernel =
        isTile ? attendSegmentsTileKernel(launches.kernels, spec) : attendSegmentsKernel(launches.kernels, spec);
    launch.arguments = {launches.rowsOf(op.getQuery()), keys, values, {Argument::Segments}, launches.result()};
    if (spec.rotary)
      launch.arguments.insert(launch.arguments.end(), {anglesArgument(op, launches), {Argument::RowTable}});
    addBias(op, launches, launch);
    launch.grid[0] = Size::positions(isTile ? kSegmentTileRows : kSegmentRows);
    launch.grid[1] = Size::fixed(spec.heads);
    launch.grid[2] = Size::rows(plan::Domain::segments);
    launches.add(std::move(launch));
  }
};
} // namespace

bool leavesParts(plan::StepOp step) {
  plan::ProgramOp program = programOf(step);
  return program.isDecoder() && program.getFew() && step.isKernel() && isa<lm::AttendOp>(step.getKernelOp());
}

bool canStoreAndAttend(plan::StepOp append, plan::StepOp attend) {
  return leavesParts(attend) && plan::stateMaker(attend) == append;
}

// Each block turns the keys of all rows of the step that its row sees: of many that would be done many times.
void launchStoringAndAttending(LaunchBuilder &launches) {
  constexpr int64_t kFewRows = 8;
  plan::StepOp append = launches.group.steps[0], attend = launches.group.steps[1];
  launches.window.mostRows = kFewRows;
  launches.step = attend;
  AttendModel::launchRows(cast<lm::AttendOp>(attend.getKernelOp()), launches, append);
  launches.window = {};
  launches.window.leastRows = kFewRows + 1;
  for (plan::StepOp step : launches.group.steps) {
    launches.step = step;
    kernelOf(step).launch(launches);
  }
}

int64_t loadParts(plan::StepOp attend, plan::StepOp reader, RowProgramBuilder &rows) {
  RowStep step = {RowStepKind::JoinParts};
  step.size = cast<lm::AttendOp>(attend.getKernelOp()).getValueWidth();
  step.window = cast<lm::AttendOp>(attend.getKernelOp()).getWindow();
  SmallVector<Argument> pointers = {
      scratchOf(attend), {Argument::RowTable}, Argument::number(Size::positions(kPartPositions))};
  if (reader.getDomain() != attend.getDomain())
    pointers.push_back({Argument::OutputRows});
  return rows.append(step, pointers);
}

void registerAttentionModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::CacheAppendOp::attachInterface<AppendModel>(*context);
    lm::AttendOp::attachInterface<AttendModel>(*context);
  });
}

} // namespace lmopt::nvptx
