// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts row programs into passes; see RowPasses.h. In: what row functions say of themselves. Out: plain lists.
// Tested by test/unit/codegen/RowFunctionTest.cpp.
#include "codegen/cpu/rows/RowPasses.h"

#include "codegen/RowSums.h"

#include <algorithm>

namespace lmopt::cpu {

static_assert(kRowSumVector == kLanes);

static ChunkSize chunkOf(const RowOp &op) { return op.function->chunk(op.width); }

// Whether both can work on the same chunks.
static bool agree(const ChunkSize &a, const ChunkSize &b) {
  if (!a.registers || !b.registers)
    return true;
  bool divides = a.registers % b.registers == 0 || b.registers % a.registers == 0;
  return divides && !a.exactly && !b.exactly;
}

bool Pass::takes(const RowOp &op) const {
  for (const RowOp *map : maps)
    if (!agree(chunkOf(op), chunkOf(*map)))
      return false;
  return (maps.empty() && !reduces) || width() == op.width;
}

// Four registers at a time, where the width allows: one chain of sums alone would wait for its own latency.
int64_t Pass::chunkRegisters() const {
  int64_t registers = rowSumRegisters(width());
  for (const RowOp *op : maps) {
    ChunkSize size = chunkOf(*op);
    if (size.exactly || (size.registers && registers % size.registers != 0))
      registers = size.registers;
  }
  return registers;
}

std::vector<Pass> planPasses(const RowProgram &program) {
  std::vector<Pass> passes(1);
  for (const RowOp &op : program.ops) {
    if (!passes.back().takes(op))
      passes.emplace_back();
    const RowReduction *reduction = op.function->reduction();
    for (int64_t stage = 0; reduction && stage < reduction->stages(); ++stage) {
      passes.back().reduces = &op;
      passes.back().stage = stage;
      passes.emplace_back();
    }
    passes.back().maps.push_back(&op);
  }
  return passes;
}

std::vector<bool> storedValues(const RowProgram &program, const std::vector<Pass> &passes) {
  std::vector<bool> stored(program.widths.size(), false);
  for (const RowProgram::Output &output : program.outputs)
    stored[output.value] = true;
  std::vector<const Pass *> maker(program.widths.size(), nullptr);
  auto reads = [&](const Pass &pass, const RowOp &op) {
    for (int64_t operand : op.operands)
      if (maker[operand] != &pass)
        stored[operand] = true;
  };
  for (const Pass &pass : passes) {
    for (const RowOp *op : pass.maps) {
      reads(pass, *op);
      maker[op->result] = &pass;
    }
    if (pass.reduces)
      reads(pass, *pass.reduces);
  }
  return stored;
}

static bool isOutput(const RowProgram &program, int64_t value) {
  return std::any_of(program.outputs.begin(), program.outputs.end(),
                     [&](const RowProgram::Output &output) { return output.value == value; });
}

static bool readersTakeFactors(const RowProgram &program, int64_t value) {
  return std::all_of(program.ops.begin(), program.ops.end(), [&](const RowOp &op) {
    bool reads = std::find(op.operands.begin(), op.operands.end(), value) != op.operands.end();
    return !reads || op.function->takesFactors();
  });
}

std::vector<float> pendingFactors(const RowProgram &program) {
  std::vector<float> pending(program.widths.size(), 1);
  for (const RowOp &op : program.ops)
    if (!isOutput(program, op.result) && readersTakeFactors(program, op.result))
      pending[op.result] = op.function->factor();
  return pending;
}

} // namespace lmopt::cpu
