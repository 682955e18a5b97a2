// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs as they stand between the matrix products of the two models: norms, activations, rotation, quantization.
// 64 rows stay in the second-level cache; GB/s counts inputs and outputs, "ns/row" is what a token pays.
#include "bench/kernels/Benchmarks.h"
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowProgram.h"

namespace lmopt::bench {

namespace {

constexpr int64_t kRows = 64;

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
  Chain &then(cpu::RowFunctionRef function, int64_t weights = 0) {
    return append(std::move(function), {last}, weights);
  }
  Chain &thenWith(cpu::RowFunctionRef function, int64_t input) { return append(std::move(function), {last, input}, 0); }
  Chain &keep() { ///< the last result leaves the program as floats, too
    program.outputs.push_back({last, cpu::floatRowBytes(width)});
    return *this;
  }
  Chain &quantize() {
    then(cpu::quantizeDynamic());
    program.outputs.push_back({last, cpu::quantRowBytes(width)});
    return *this;
  }
  cpu::RowProgram program;

private:
  Chain &append(cpu::RowFunctionRef function, std::vector<int64_t> operands, int64_t weights) {
    last = static_cast<int64_t>(program.widths.size());
    cpu::RowOp op{std::move(function), std::move(operands), last, width};
    for (int64_t i = 0; i < weights; ++i)
      op.weights.push_back(program.weightCount++);
    program.widths.push_back(width);
    program.ops.push_back(std::move(op));
    return *this;
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
  const float epsilon = 1e-5f;
  add("smol_add_rmsnorm_rotate64_quantize", Chain(576, 2)
                                                .thenWith(cpu::add(), 1)
                                                .keep()
                                                .then(cpu::rmsNorm(epsilon), /*weights=*/1)
                                                .then(cpu::rotate(64))
                                                .quantize());
  add("smol_rotate64_quantize", Chain(576, 1).then(cpu::rotate(64)).quantize());
  add("smol_silu_gate_rotate256_quantize", Chain(1536, 2)
                                               .thenWith(cpu::gatedProduct(Activation::Silu, /*for8Bits=*/true), 1)
                                               .then(cpu::rotate(256))
                                               .quantize());
  add("minilm_add_layernorm_rotate128_quantize", Chain(384, 2)
                                                     .thenWith(cpu::add(), 1)
                                                     .then(cpu::layerNorm(epsilon), /*weights=*/2)
                                                     .keep()
                                                     .then(cpu::rotate(128))
                                                     .quantize());
  add("minilm_gelu_rotate256_quantize",
      Chain(1536, 1).then(cpu::activation(Activation::Gelu, /*for8Bits=*/true)).then(cpu::rotate(256)).quantize());
}

} // namespace lmopt::bench
