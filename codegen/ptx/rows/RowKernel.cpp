// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and arguments of row kernels; see RowKernel.h. Their code is made by RowEmitter.h.
#include "codegen/ptx/rows/RowKernel.h"

#include "codegen/RowSums.h"
#include "codegen/ptx/rows/RowEmitter.h"

#include "llvm/ADT/bit.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::nvptx {

static const char *wordOf(RowStepKind kind) {
  switch (kind) {
  case RowStepKind::Load:
    return "load";
  case RowStepKind::LoadListed:
    return "listed";
  case RowStepKind::JoinParts:
    return "join";
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
  case RowStepKind::SoftCap:
    return "softcap";
  case RowStepKind::RmsNorm:
    return "rmsnorm";
  case RowStepKind::HeadRmsNorm:
    return "headnorm";
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
  if (step.window != 0)
    word += "w" + std::to_string(step.window);
  if (step.cap != 0)
    word += "c" + bits(step.cap);
  if (step.kind == RowStepKind::GatherFragments)
    word += wordOf(step.table);
  if (step.kind == RowStepKind::FakeQuantize || step.kind == RowStepKind::StoreStaticCodes) {
    const CodeRange &range = step.range;
    word += "s" + bits(range.step) + "f" + bits(range.factor);
    for (int32_t code : {range.zero, range.least, range.greatest})
      word += "_" + std::to_string(code);
  }
  if (step.isOperand)
    word += "operand";
  return step.size ? word + "of" + std::to_string(step.size) : word;
}

std::string rowName(const RowSpec &spec) {
  std::string name = "rows" + std::to_string(spec.width);
  for (const RowStep &step : spec.steps) {
    name += std::string("_") + wordOf(step.kind);
    for (int64_t operand : step.operands)
      name += "_" + std::to_string(operand);
    for (int64_t pointer : step.pointers)
      name += "p" + std::to_string(pointer);
    name += constantsOf(step);
  }
  return name;
}

/// Whether a pointer of a step leads to weights, which nothing writes; all others may be written by this very kernel.
static bool isWeight(RowStepKind kind, size_t pointer) {
  switch (kind) {
  case RowStepKind::RmsNorm:
  case RowStepKind::HeadRmsNorm:
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

static ArgumentKind kindOf(const RowStep &step, size_t pointer) {
  if (step.kind == RowStepKind::JoinParts && pointer == 2)
    return ArgumentKind::Number;
  return isWeight(step.kind, pointer) ? ArgumentKind::Constant : ArgumentKind::Memory;
}

SmallVector<ArgumentKind> rowArguments(const RowSpec &spec) {
  SmallVector<ArgumentKind> kinds;
  for (const RowStep &step : spec.steps)
    for (auto [i, pointer] : llvm::enumerate(step.pointers)) {
      if (static_cast<size_t>(pointer) >= kinds.size())
        kinds.resize(static_cast<size_t>(pointer) + 1, ArgumentKind::Memory);
      kinds[static_cast<size_t>(pointer)] = kindOf(step, i);
    }
  return kinds;
}

static bool isNorm(RowStepKind kind) {
  return kind == RowStepKind::RmsNorm || kind == RowStepKind::LayerNorm || kind == RowStepKind::L2Normalize;
}

// Numbers of warps; a run of each thread where threads of several warps exchange numbers; a row where it is added up.
int64_t exchangeBytes(const RowSpec &spec) {
  int64_t bytes = RowEmitter::kSumBytes;
  for (const RowStep &step : spec.steps) {
    if (step.kind == RowStepKind::Rotate && step.size > kWarpLanes * RowEmitter::kRun)
      bytes = std::max(bytes, 4 * RowEmitter::kRun * RowEmitter::kThreads);
    if (isNorm(step.kind))
      bytes = std::max(bytes, RowEmitter::kSumBytes + 4 * rowSumPadded(spec.width));
    if (step.kind == RowStepKind::HeadRmsNorm) // and a number of each head behind it
      bytes = std::max(bytes, RowEmitter::kSumBytes + 4 * rowSumPadded(spec.width) + 4 * (spec.width / step.size));
  }
  return bytes;
}

/// Rows of floats that a step reads; of a table in fragments a number costs a sector for each four.
static int64_t rowsRead(const RowStep &step, int64_t parts) {
  switch (step.kind) {
  case RowStepKind::Load:
  case RowStepKind::LoadListed:
  case RowStepKind::Gather:
  case RowStepKind::AddPositions:
    return 1;
  case RowStepKind::JoinParts:
    return parts;
  case RowStepKind::GatherFragments:
    return 2;
  default:
    return isWeight(step.kind, 0) ? static_cast<int64_t>(step.pointers.size()) : 0;
  }
}

int64_t bytesRead(const RowSpec &spec, int64_t parts) {
  int64_t rows = 0;
  for (const RowStep &step : spec.steps)
    rows += rowsRead(step, parts);
  return rows * spec.floatBytes();
}

void emitRow(Emitter &e, const RowSpec &spec, ValueRange pointers, const RowPlace &place) {
  RowEmitter(e, spec, pointers, place).run();
}

std::string rowKernel(KernelLibrary &kernels, const RowSpec &spec) {
  KernelShape shape = {RowSpec::kThreads, /*leastBlocks=*/1, exchangeBytes(spec)};
  return kernels.define(rowName(spec) + "_" + kernels.getTarget().chip, shape, rowArguments(spec),
                        [=](Emitter &e, ValueRange pointers) { emitRow(e, spec, pointers, {e.block(), e.shared()}); });
}

} // namespace lmopt::nvptx
