// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of row programs and the memory of their values. Tested by test/unit/codegen/RowKernelTest.cpp.
#include "codegen/cpu/rows/RowPasses.h"

namespace lmopt::cpu {

static std::string nameOf(const RowOp &op) {
  RowName words = op.function->name();
  std::string name = "_" + words.function + "_";
  for (int64_t operand : op.operands)
    name += "v" + std::to_string(operand);
  for (int64_t weight : op.weights)
    name += "w" + std::to_string(weight);
  return name + "x" + std::to_string(op.width) + words.constants;
}

// The name must differ whenever the code would: operations, wiring, widths, strides and constants all enter it.
std::string RowProgram::name() const {
  std::string name = "rows";
  for (const RowOp &op : ops)
    name += nameOf(op);
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

} // namespace lmopt::cpu
