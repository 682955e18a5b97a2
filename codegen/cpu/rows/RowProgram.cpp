// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of row programs, the memory of their values, and their passes. Tested by test/unit/codegen/RowKernelTest.cpp.
#include "codegen/cpu/rows/RowPasses.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
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
  case RowOpKind::EmbeddingHalves:
    return "embedbf16";
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
  case RowOpKind::Narrow:
    return "narrow";
  case RowOpKind::L2Normalize:
    return "l2norm";
  }
  return "row";
}

} // namespace

// The name must differ whenever the code would: operations, wiring, widths, strides and constants all enter it.
std::string RowProgram::name() const {
  std::string name = "rows";
  for (const RowOp &op : ops) {
    name += std::string("_") + shortName(op.kind);
    if (op.kind == RowOpKind::Activation || op.kind == RowOpKind::GatedProduct)
      name += std::string("_") + kernelWord(op.activation) + (op.for8Bits ? "8bit" : "");
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
    if (op.tableRows)
      name += "n" + std::to_string(op.tableRows);
    if (op.bits)
      name += "b" + std::to_string(op.bits) + (op.hasMin ? "min" : "");
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

int64_t RowProgram::scratchBytes() const {
  std::vector<bool> scratch = keptInScratch();
  int64_t bytes = 0;
  for (size_t i = 0; i < widths.size(); ++i)
    bytes += scratch[i] ? floatRowBytes(widths[i]) : 0;
  return kRowsAtOnce * bytes;
}

std::vector<Value> rowAddresses(Emitter &e, const RowProgram &program, ValueRange args, Value row, Value scratch,
                                Value outputRows) {
  std::vector<Value> address(program.widths.size());
  std::vector<bool> inScratch = program.keptInScratch();
  int64_t offset = 0;
  for (size_t i = 0; i < inScratch.size(); ++i)
    if (inScratch[i]) {
      address[i] = e.at(scratch, offset);
      offset += floatRowBytes(program.widths[i]);
    }
  size_t argument = 0;
  for (const RowProgram::Input &input : program.inputs) {
    Value index = row;
    if (input.gathered)
      index = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(),
                                     e.load(e.b.getI32Type(), e.at(outputRows, e.mul(row, 4))));
    address[input.value] = e.at(args[argument++], e.mul(index, input.stride));
  }
  for (const RowProgram::Output &output : program.outputs)
    address[output.value] = e.at(args[argument++], e.mul(row, output.stride));
  return address;
}

static int64_t stagesOf(RowOpKind kind) {
  switch (kind) {
  case RowOpKind::LayerNorm:
    return 2;
  case RowOpKind::RmsNorm:
  case RowOpKind::Quantize:
  case RowOpKind::QuantizeGroups:
  case RowOpKind::L2Normalize:
    return 1;
  default:
    return 0;
  }
}

// Rotation and quantization in groups both say how much of the row is taken at a time: one of them to a pass.
static bool setsChunk(const RowOp &op) { return op.kind == RowOpKind::Rotate || op.kind == RowOpKind::QuantizeGroups; }

bool Pass::takes(const RowOp &op) const {
  for (const RowOp *map : maps)
    if (setsChunk(op) && setsChunk(*map) && (op.kind != map->kind || op.kind == RowOpKind::QuantizeGroups))
      return false;
  return (maps.empty() && !reduces) || width() == op.width;
}

std::vector<Pass> planPasses(const RowProgram &program) {
  std::vector<Pass> passes(1);
  for (const RowOp &op : program.ops) {
    if (!passes.back().takes(op))
      passes.emplace_back();
    for (int64_t stage = 0; stage < stagesOf(op.kind); ++stage) {
      passes.back().reduces = &op;
      passes.back().stage = stage;
      passes.emplace_back();
    }
    passes.back().maps.push_back(&op);
  }
  return passes;
}

float rotationNorm(const RowOp &op) { return 1.0f / std::sqrt(static_cast<float>(op.block)); }

std::vector<float> pendingFactors(const RowProgram &program) {
  std::vector<float> pending(program.widths.size(), 1);
  for (const RowOp &op : program.ops) {
    int exponent;
    bool exact = op.kind == RowOpKind::Rotate && std::frexp(rotationNorm(op), &exponent) == 0.5f;
    for (const RowProgram::Output &output : program.outputs)
      exact &= output.value != op.result;
    for (const RowOp &user : program.ops)
      exact &= user.kind == RowOpKind::Quantize || !llvm::is_contained(user.operands, op.result);
    if (exact)
      pending[op.result] = rotationNorm(op);
  }
  return pending;
}

} // namespace lmopt::cpu
