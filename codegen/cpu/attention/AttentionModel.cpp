// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two halves of attention for CPUs. One spec serves both: kernels that store and those that read must agree on the
// cache. Tested by test/codegen/lower and the end-to-end tests.
#include "codegen/cpu/attention/AttentionModel.h"

#include "codegen/cpu/attention/AttentionTile.h"
#include "codegen/cpu/rows/RowModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Neighbours.h"
#include "codegen/plan/Rings.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

static_assert(plan::kRingBlock % kBlock == 0, "a block of attention would wrap in a ring");

plan::ProgramOp programOf(plan::StepOp step) { return step->getParentOfType<plan::ProgramOp>(); }

void readPlace(plan::StepOp step, AttentionSpec &spec) {
  plan::StatePlace place = plan::statePlaceOf(step);
  spec.ringPositions = place.inRing ? place.ringPositions : 0;
  spec.bytesBeforeRings = place.inRing ? place.allBytes : 0;
}

template <class HalfOp>
void readHalf(HalfOp op, AttentionSpec &spec) {
  readPlace(op->template getParentOfType<plan::StepOp>(), spec);
  spec.kvHeads = op.getKvHeads();
  spec.headDim = op.getHeadWidth();
  spec.otherValueDim = op.getValueWidth() == op.getHeadWidth() ? 0 : op.getValueWidth();
  spec.ropeDims = op.getRopeAttr() ? op.getRopeAttr().getDims() : 0;
  spec.format = op.isBf16() ? CacheFormat::Bf16 : op.isInt8() ? CacheFormat::I8 : CacheFormat::F32;
  if (lm::ProjectionAttr projection = op.getProjectionAttr()) {
    spec.projectedRows = projection.getRank();
    spec.projectionLearned = projection.isLearned();
  }
}

AttentionSpec specOf(lm::AttendOp op) {
  AttentionSpec spec;
  readHalf(op, spec);
  spec.heads = op.getHeads();
  if (SmallVector<int64_t> groups = op.getGroupSizes(); !llvm::all_equal(groups))
    spec.groups.assign(groups.begin(), groups.end());
  spec.scale = op.getScale().convertToDouble();
  spec.causal = op.isCausal();
  spec.window = op.getWindow();
  if (std::optional<APFloat> cap = op.getSoftCap())
    spec.softCap = static_cast<float>(cap->convertToDouble());
  plan::readBias(op, spec.bias, spec.largestDistance);
  return spec;
}

/// What the bias reads, if there is one.
std::optional<PackedUse> biasOf(lm::AttendOp op) {
  if (lm::AlibiAttr alibi = op.getAlibi())
    return PackedUse{{}, SlopesAttr::get(op.getContext(), alibi)};
  if (FlatSymbolRefAttr table = op.getDistanceTable()) {
    auto type = cast<RankedTensorType>(lm::lookupParam(op, table).getType());
    return PackedUse{{table}, DistancesAttr::get(op.getContext(), type)};
  }
  return std::nullopt;
}

AttentionSpec specOf(lm::CacheAppendOp op) {
  AttentionSpec spec;
  if (lm::AttendOp reader = plan::readerOf(op->getParentOfType<plan::StepOp>()))
    spec = specOf(reader);
  else
    spec.heads = op.getKvHeads();
  readHalf(op, spec);
  if (FlatSymbolRefAttr matrix = op.getKeyProjectionAttr())
    spec.projectionColumns = lm::lookupParam(op, matrix).getShape()[1];
  return spec;
}

RopeTableAttr ropeLayout(lm::RopeAttr rope, plan::ProgramOp program) {
  return RopeTableAttr::get(rope.getContext(), rope, program.getMaxPositions(), plan::ropeSwitch(rope, program));
}

RopeTable ropeTableOf(lm::RopeAttr rope, plan::StepOp step) {
  return rope ? ropeTable(ropeLayout(rope, programOf(step))) : RopeTable();
}

/// What both halves have in common.
template <class Model, class HalfOp>
struct HalfKernel : KernelOpInterface::ExternalModel<Model, HalfOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp program) const {
    lm::RopeAttr rope = cast<HalfOp>(op).getRopeAttr();
    return rope ? plan::prepareRope(op, rope, program) : success();
  }
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<PackedUse> &uses) const {
    if (lm::RopeAttr rope = cast<HalfOp>(op).getRopeAttr())
      uses.push_back({{}, ropeLayout(rope, program)});
  }
  int64_t getStateBytes(Operation *op) const {
    AttentionSpec spec = specOf(cast<HalfOp>(op));
    return spec.inState() ? spec.stateBytesPerSequence() : spec.cacheBytesPerPosition();
  }
  bool masksLastVector(Operation *) const { return false; }
  static Argument ropeArgument(plan::StepOp step) {
    lm::RopeAttr rope = cast<HalfOp>(step.getKernelOp()).getRopeAttr();
    if (!rope)
      return {Argument::Weights};
    return {Argument::Weight, weightNumber(step, {{}, ropeLayout(rope, programOf(step))})};
  }
  static bool splitsHeads(plan::StepOp step) { return step.getShare() == plan::Share::heads; }
};

struct AppendKernel : HalfKernel<AppendKernel, lm::CacheAppendOp> {
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<PackedUse> &uses) const {
    HalfKernel::getPackedWeights(op, program, uses);
    auto append = cast<lm::CacheAppendOp>(op);
    for (FlatSymbolRefAttr matrix : {append.getKeyProjectionAttr(), append.getValueProjectionAttr()})
      if (matrix)
        uses.push_back(packedRows(op, matrix));
  }
  plan::Share getShare(Operation *op, plan::StepOp, bool few) const {
    if (cast<lm::CacheAppendOp>(op).getProjection())
      return plan::Share::turns;
    return few ? plan::Share::heads : plan::Share::rows;
  }
  int64_t getScratchBytes(Operation *op) const {
    auto append = cast<lm::CacheAppendOp>(op);
    return append.getProjection() ? specOf(append).projectScratchBytes() : 0;
  }
  StringRef getUnit(Operation *op) const {
    lm::ProjectionAttr projection = cast<lm::CacheAppendOp>(op).getProjectionAttr();
    return projection && projection.isLearned() ? "f32" : "none";
  }
  static Argument matrixArgument(plan::StepOp step, FlatSymbolRefAttr matrix) {
    if (!matrix)
      return {Argument::Weights};
    return {Argument::Weight, weightNumber(step, packedRows(step.getKernelOp(), matrix))};
  }
  static Kernel defineProjection(lm::CacheAppendOp append, KernelLibrary &kernels, plan::StepOp step) {
    Kernel kernel;
    kernel.name = projectKernel(kernels, specOf(append));
    auto input = [&](Value value) -> Argument { return {Argument::Input, inputNumber(value)}; };
    kernel.arguments = {input(append.getKey()),
                        input(append.getValue()),
                        matrixArgument(step, append.getKeyProjectionAttr()),
                        matrixArgument(step, append.getValueProjectionAttr()),
                        {Argument::Scratch},
                        {Argument::Step},
                        {Argument::StateOffset},
                        {Argument::Thread},
                        {Argument::Threads}};
    return kernel;
  }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    auto append = cast<lm::CacheAppendOp>(op);
    if (append.getProjection())
      return defineProjection(append, kernels, step);
    Kernel kernel;
    kernel.name = storeKernel(kernels, specOf(append), ropeTableOf(append.getRopeAttr(), step), splitsHeads(step));
    auto input = [&](Value value) -> Argument { return {Argument::Input, inputNumber(value)}; };
    kernel.arguments = {input(append.getKey()), input(append.getValue()), ropeArgument(step),
                        {Argument::RowInfo},    {Argument::StateOffset},  {Argument::RowBegin},
                        {Argument::RowEnd},     {Argument::Thread},       {Argument::Threads}};
    return kernel;
  }
};

struct AttendKernel : HalfKernel<AttendKernel, lm::AttendOp> {
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<PackedUse> &uses) const {
    HalfKernel::getPackedWeights(op, program, uses);
    if (std::optional<PackedUse> bias = biasOf(cast<lm::AttendOp>(op)))
      uses.push_back(*bias);
  }
  plan::Share getShare(Operation *, plan::StepOp, bool few) const {
    return few ? plan::Share::heads : plan::Share::turns;
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(cast<lm::AttendOp>(op)).scratchBytes(); }
  StringRef getUnit(Operation *op) const {
    AttentionSpec spec = specOf(cast<lm::AttendOp>(op));
    return spec.integer() ? "u8s8" : spec.bf16() ? "bf16" : "f32";
  }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    auto attend = cast<lm::AttendOp>(op);
    Kernel kernel;
    kernel.name = attendKernel(kernels, specOf(attend), ropeTableOf(attend.getRopeAttr(), step), splitsHeads(step));
    kernel.arguments = {{Argument::Input, inputNumber(attend.getQuery())},
                        {Argument::Output},
                        ropeArgument(step),
                        {Argument::RowInfo},
                        {Argument::Scratch},
                        {Argument::Step}};
    if (std::optional<PackedUse> bias = biasOf(attend))
      kernel.arguments.push_back({Argument::Weight, weightNumber(step, *bias)});
    llvm::append_values(kernel.arguments, Argument{Argument::StateOffset}, Argument{Argument::Thread},
                        Argument{Argument::Threads});
    return kernel;
  }
};
} // namespace

void registerAttentionModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::CacheAppendOp::attachInterface<AppendKernel>(*context);
    lm::AttendOp::attachInterface<AttendKernel>(*context);
  });
}

} // namespace lmopt::cpu
