// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of row programs and the memory of their values. Tested by test/unit/codegen/RowKernelTest.cpp.
#include "codegen/cpu/Kernels.h"

#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

namespace {
const char *shortName(RowOpKind kind) {
  switch (kind) {
  case RowOpKind::Embedding:
    return "embed";
  case RowOpKind::EmbeddingPanels:
    return "embedpanels";
  case RowOpKind::EmbeddingCodes:
    return "embeds8";
  case RowOpKind::EmbeddingGroups:
    return "embedgroups";
  case RowOpKind::AddPositions:
    return "positions";
  case RowOpKind::Copy:
    return "copy";
  case RowOpKind::Add:
    return "add";
  case RowOpKind::BiasAdd:
    return "bias";
  case RowOpKind::RmsNorm:
    return "rmsnorm";
  case RowOpKind::LayerNorm:
    return "layernorm";
  case RowOpKind::Activation:
    return "act";
  case RowOpKind::GatedProduct:
    return "gated";
  case RowOpKind::Rotate:
    return "rotate";
  case RowOpKind::Quantize:
    return "quantize";
  case RowOpKind::QuantizeGroups:
    return "quantizegroups";
  case RowOpKind::L2Normalize:
    return "l2norm";
  }
  return "row";
}

} // namespace

// The name must differ whenever the code would: operations, wiring, widths, strides and constants all enter it.
std::string RowProgram::name() const {
  static const char *const activations[] = {"gelu", "gelutanh", "silu", "relu", "tanh"};
  std::string name = "rows";
  for (const RowOp &op : ops) {
    name += std::string("_") + shortName(op.kind);
    if (op.kind == RowOpKind::Activation || op.kind == RowOpKind::GatedProduct)
      name += std::string("_") + activations[static_cast<int>(op.activation)] + (op.for8Bits ? "8bit" : "");
    if (op.block)
      name += std::to_string(op.block);
    name += "_";
    for (int64_t operand : op.operands)
      name += "v" + std::to_string(operand);
    for (int64_t weight : op.weights)
      name += "w" + std::to_string(weight);
    name += "x" + std::to_string(op.width);
    if (op.epsilon != 0) {
      uint32_t bits;
      static_assert(sizeof(bits) == sizeof(op.epsilon));
      memcpy(&bits, &op.epsilon, sizeof(bits));
      name += "e" + std::to_string(bits);
    }
    if (op.scaleOffset)
      name += "s" + std::to_string(op.scaleOffset);
    if (op.bits)
      name += "n" + std::to_string(op.tableRows) + "b" + std::to_string(op.bits) + (op.hasMin ? "min" : "");
  }
  for (const RowProgram::Input &input : inputs)
    name += "_i" + std::to_string(input.value) + (input.gathered ? "g" : "") + "s" + std::to_string(input.stride);
  for (const RowProgram::Output &output : outputs)
    name += "_o" + std::to_string(output.value) + "s" + std::to_string(output.stride);
  return name;
}

std::vector<bool> RowProgram::keptInScratch() const {
  std::vector<bool> scratch(widths.size(), true);
  for (const RowProgram::Input &input : inputs)
    scratch[input.value] = false;
  for (const RowProgram::Output &output : outputs)
    scratch[output.value] = false;
  return scratch;
}

} // namespace lmopt::cpu
