// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and arguments of row kernels; see RowKernel.h. Their code is made by RowEmitter.h.
#include "codegen/ptx/rows/RowKernel.h"

#include "codegen/ptx/rows/RowEmitter.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

static const char *wordOf(RowStepKind kind) {
  switch (kind) {
  case RowStepKind::Load:
    return "load";
  case RowStepKind::LoadListed:
    return "listed";
  case RowStepKind::Gather:
    return "gather";
  case RowStepKind::GatherFragments:
    return "fragments";
  case RowStepKind::Add:
    return "add";
  case RowStepKind::AddPositions:
    return "positions";
  case RowStepKind::BiasAdd:
    return "bias";
  case RowStepKind::Gated:
    return "gated";
  case RowStepKind::Activate:
    return "act";
  case RowStepKind::RmsNorm:
    return "rmsnorm";
  case RowStepKind::LayerNorm:
    return "layernorm";
  case RowStepKind::L2Normalize:
    return "l2norm";
  case RowStepKind::FakeQuantize:
    return "fakequantize";
  case RowStepKind::Rotate:
    return "rotate";
  case RowStepKind::StoreFloats:
    return "f32";
  case RowStepKind::StorePacked:
    return "packed";
  case RowStepKind::StoreHalves:
    return "bf16";
  case RowStepKind::StoreCodes:
    return "u8";
  case RowStepKind::StoreStaticCodes:
    return "static";
  case RowStepKind::StoreGroups:
    return "groups";
  }
  return "";
}

/// What code is made from beside kinds, operands and pointers, bit by bit.
static std::string constantsOf(const RowStep &step) {
  auto bits = [](float number) { return std::to_string(llvm::bit_cast<uint32_t>(number)); };
  std::string word;
  if (step.kind == RowStepKind::Gated || step.kind == RowStepKind::Activate)
    word += std::string(kernelWord(step.activation)) + (step.for8Bits ? "8bit" : "");
  if (step.epsilon != 0)
    word += "e" + bits(step.epsilon);
  if (step.kind == RowStepKind::GatherFragments)
    word += wordOf(step.table);
  if (step.kind == RowStepKind::FakeQuantize || step.kind == RowStepKind::StoreStaticCodes) {
    const CodeRange &range = step.range;
    word += "s" + bits(range.step) + "f" + bits(range.factor);
    for (int32_t code : {range.zero, range.least, range.greatest})
      word += "_" + std::to_string(code);
  }
  return step.size ? word + "of" + std::to_string(step.size) : word;
}

static std::string nameOf(const RowSpec &spec, const Target &target) {
  std::string name = "rows" + std::to_string(spec.width);
  for (const RowStep &step : spec.steps) {
    name += std::string("_") + wordOf(step.kind);
    for (int64_t operand : step.operands)
      name += "_" + std::to_string(operand);
    for (int64_t pointer : step.pointers)
      name += "p" + std::to_string(pointer);
    name += constantsOf(step);
  }
  return name + "_" + target.chip;
}

/// Whether a pointer of a step leads to weights, which nothing writes; all others may be written by this very kernel.
static bool isWeight(RowStepKind kind, size_t pointer) {
  switch (kind) {
  case RowStepKind::RmsNorm:
  case RowStepKind::LayerNorm:
  case RowStepKind::BiasAdd:
    return true;
  case RowStepKind::Gather:
  case RowStepKind::GatherFragments:
  case RowStepKind::AddPositions:
    return pointer == 0;
  default:
    return false;
  }
}

static SmallVector<ArgumentKind> kindsOf(const RowSpec &spec) {
  SmallVector<ArgumentKind> kinds;
  for (const RowStep &step : spec.steps)
    for (auto [i, pointer] : llvm::enumerate(step.pointers)) {
      if (static_cast<size_t>(pointer) >= kinds.size())
        kinds.resize(static_cast<size_t>(pointer) + 1, ArgumentKind::Memory);
      if (isWeight(step.kind, i))
        kinds[static_cast<size_t>(pointer)] = ArgumentKind::Constant;
    }
  return kinds;
}

/// Sums of warps; a run of each thread where threads of several warps exchange numbers.
static int64_t sharedBytes(const RowSpec &spec) {
  bool exchanges = llvm::any_of(spec.steps, [](const RowStep &step) {
    return step.kind == RowStepKind::Rotate && step.size > kWarpLanes * RowEmitter::kRun;
  });
  return exchanges ? 4 * RowEmitter::kRun * RowEmitter::kThreads : 4 * RowEmitter::kWarps;
}

std::string rowKernel(KernelLibrary &kernels, const RowSpec &spec) {
  KernelShape shape = {RowSpec::kThreads, /*leastBlocks=*/1, sharedBytes(spec)};
  return kernels.define(nameOf(spec, kernels.getTarget()), shape, kindsOf(spec),
                        [=](Emitter &e, ValueRange pointers) { RowEmitter(e, spec, pointers).run(); });
}

} // namespace lmopt::nvptx
