// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs as they stand between the matrix products of the two models: norms, activations, rotation, quantization.
// 64 rows stay in the second-level cache; GB/s counts inputs and outputs, "ns/row" is what a token pays.
#include "bench/kernels/Benchmarks.h"
#include "codegen/cpu/rows/RowProgram.h"

namespace lmopt::bench {

namespace {

constexpr int64_t kRows = 64;
using cpu::RowOp;
using cpu::RowOpKind;

/// Builds a chain: each operation takes what the one before made, and some a second operand.
class Chain {
public:
  explicit Chain(int64_t width, int64_t inputs) : width(width) {
    for (int64_t i = 0; i < inputs; ++i) {
      program.inputs.push_back({i, cpu::floatRowBytes(width), false});
      program.widths.push_back(width);
    }
  }
  /// Takes the first input alone at the start, later the last result.
  RowOp &then(RowOpKind kind) { return append(kind, {last}); }
  RowOp &thenWith(RowOpKind kind, int64_t input) { return append(kind, {last, input}); }
  Chain &keep() { ///< the last result leaves the program as floats, too
    program.outputs.push_back({last, cpu::floatRowBytes(width)});
    return *this;
  }
  Chain &norm(RowOpKind kind) {
    RowOp &op = then(kind);
    op.epsilon = 1e-5f;
    for (int64_t i = 0; i < (kind == RowOpKind::LayerNorm ? 2 : 1); ++i)
      op.weights.push_back(program.weightCount++);
    return *this;
  }
  Chain &rotate(int64_t block) {
    then(RowOpKind::Rotate).block = block;
    return *this;
  }
  Chain &quantize() {
    then(RowOpKind::Quantize);
    program.outputs.push_back({last, cpu::quantRowBytes(width)});
    return *this;
  }
  cpu::RowProgram program;

private:
  RowOp &append(RowOpKind kind, std::vector<int64_t> operands) {
    RowOp op;
    op.kind = kind;
    op.width = width;
    op.operands = std::move(operands);
    op.result = last = static_cast<int64_t>(program.widths.size());
    program.widths.push_back(width);
    program.ops.push_back(op);
    return program.ops.back();
  }
  int64_t width, last = 0;
};

void runRows(benchmark::State &state, const KernelProgram &program, int kernel, const cpu::RowProgram &rows) {
  std::vector<Block> memory;
  Arguments arguments;
  double bytes = 0;
  auto use = [&](int64_t size) {
    memory.emplace_back(size);
    arguments.append(static_cast<const void *>(memory.back().data()));
  };
  for (const auto &input : rows.inputs)
    use(kRows * input.stride), bytes += static_cast<double>(kRows * input.stride);
  for (const auto &output : rows.outputs)
    use(kRows * output.stride), bytes += static_cast<double>(kRows * output.stride);
  for (int64_t i = 0; i < rows.weightCount; ++i)
    use(cpu::floatRowBytes(rows.widths[0]));
  use(rows.scratchBytes() + 64);
  for (int i = 0; i < 3; ++i) // tokens, rows asked for, positions: not read by these programs
    arguments.append(static_cast<const void *>(nullptr));
  arguments.append(0);
  arguments.append(kRows);
  double seconds = timeCalls(state, [&] { program.call(kernel, arguments); });
  Amounts amounts;
  amounts.bytes = bytes;
  report(state, seconds, amounts);
  state.counters["ns/row"] = 1e9 * seconds / kRows;
}

} // namespace

void addRowBenchmarks(KernelProgram &program, const Peaks &) {
  auto add = [&](const std::string &name, const Chain &chain) {
    int kernel = program.add(cpu::rowsKernel(program.library(), chain.program));
    benchmark::RegisterBenchmark(("rows/" + name).c_str(), [=, &program](benchmark::State &state) {
      runRows(state, program, kernel, chain.program);
    });
  };
  Chain smolNorm(576, 2);
  smolNorm.thenWith(RowOpKind::Add, 1);
  add("smol_add_rmsnorm_rotate64_quantize", smolNorm.keep().norm(RowOpKind::RmsNorm).rotate(64).quantize());
  add("smol_rotate64_quantize", Chain(576, 1).rotate(64).quantize());
  Chain smolGate(1536, 2);
  RowOp &gate = smolGate.thenWith(RowOpKind::GatedProduct, 1);
  gate.activation = Activation::Silu;
  gate.for8Bits = true;
  add("smol_silu_gate_rotate256_quantize", smolGate.rotate(256).quantize());
  Chain miniNorm(384, 2);
  miniNorm.thenWith(RowOpKind::Add, 1);
  add("minilm_add_layernorm_rotate128_quantize", miniNorm.norm(RowOpKind::LayerNorm).keep().rotate(128).quantize());
  Chain miniGelu(1536, 1);
  RowOp &gelu = miniGelu.then(RowOpKind::Activation);
  gelu.activation = Activation::Gelu;
  gelu.for8Bits = true;
  add("minilm_gelu_rotate256_quantize", miniGelu.rotate(256).quantize());
}

} // namespace lmopt::bench
