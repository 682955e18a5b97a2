// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products at the shapes of SmolLM2-135M and MiniLM-L6: 512 rows through the register tile (bound by the dot
// product), and one row or eight (bound by reading the weights). Few rows walk through copies of its matrix that
// together exceed every cache, as decoding walks through the layers.
#include "bench/kernels/Benchmarks.h"
#include "codegen/cpu/linear/LinearModel.h"

#include <cstring>
#include <memory>
#include <vector>

namespace lmopt::bench {

namespace {

constexpr int64_t kTiledRows = 512;

struct Problem {
  cpu::LinearSpec spec;
  int kernel = 0;
};

/// Codes of which half are zero: every other block, or every other code.
lm::WeightData halfZero(const cpu::LinearSpec &spec) {
  lm::WeightData data;
  data.shape = {spec.outputs, spec.inputs};
  data.scales.assign(static_cast<size_t>(spec.outputs), 0.01f);
  bool blocks = spec.format == cpu::WeightFormat::Blocks;
  for (int64_t n = 0; n < spec.outputs; ++n)
    for (int64_t k = 0; k < spec.inputs; ++k)
      data.s8.push_back((blocks ? n / 16 + k / 4 : n + k) % 2 == 0 ? 57 : 0);
  return data;
}

/// The sizes of all matrices are multiples of a block's.
int64_t halfOf(const cpu::LinearSpec &spec) {
  return spec.outputs * spec.inputs / (spec.format == cpu::WeightFormat::Blocks ? 64 : 1) / 2;
}

void fillWeights(const cpu::LinearSpec &spec, Block &weights, int64_t copies, int64_t stride) {
  if (!spec.sparse())
    return weights.fillBytes();
  std::vector<char> packed(static_cast<size_t>(spec.bytes()));
  cpu::packSparse(spec, halfZero(spec), packed);
  for (int64_t copy = 0; copy < copies; ++copy)
    std::memcpy(weights.data() + copy * stride, packed.data(), packed.size());
}

void runLinear(benchmark::State &state, const KernelProgram &program, const Peaks &peaks, const Problem &problem,
               int64_t rows) {
  const cpu::LinearSpec &spec = problem.spec;
  int64_t stride = cpu::roundUp(spec.bytes(), 64), copies = rows < kTiledRows ? kStreamedBytes / stride + 1 : 1;
  Block in(rows * spec.inStride()), out(rows * spec.outStride), weights(copies * stride);
  if (spec.format != cpu::WeightFormat::F32) { // speed does not depend on the numbers
    in.fillBytes();
    fillWeights(spec, weights, copies, stride);
  }
  int64_t copy = 0;
  double seconds = timeCalls(state, [&] {
    program.call(problem.kernel,
                 Arguments(in.data(), weights.data() + copy * stride, out.data(), 0, rows, 0, spec.panels()));
    copy = copy + 1 == copies ? 0 : copy + 1;
  });
  Amounts amounts;
  if (rows < kTiledRows) {
    amounts.bytes = static_cast<double>(spec.bytes());
    amounts.bandwidth = peaks.readBytes;
  } else {
    amounts.operations = 2.0 * static_cast<double>(rows * spec.outputs * spec.inputs);
    bool floats = spec.format == cpu::WeightFormat::F32;
    amounts.peak = floats ? peaks.f32 : spec.bf16() ? peaks.bf16 : peaks.u8s8;
  }
  report(state, seconds, amounts);
}

} // namespace

void addLinearBenchmarks(KernelProgram &program, const Peaks &peaks) {
  const struct {
    const char *model;
    int64_t outputs, inputs;
    bool bias;
  } shapes[] = {{"smol_attention", 576, 576, false}, {"smol_keys", 192, 576, false},
                {"smol_up", 1536, 576, false},       {"smol_down", 576, 1536, false},
                {"smol_head", 49152, 576, false},    {"minilm_attention", 384, 384, true},
                {"minilm_up", 1536, 384, true},      {"minilm_down", 384, 1536, true}};
  const struct {
    const char *name;
    cpu::WeightFormat format;
    int64_t bits, group;
    bool hasMin;
  } formats[] = {{"u8s8", cpu::WeightFormat::S8Rows, 0, 0, false},
                 {"u8s8_blocks50", cpu::WeightFormat::Blocks, 0, 0, false},
                 {"u8s8_codes50", cpu::WeightFormat::Codes, 0, 0, false},
                 {"bf16", cpu::WeightFormat::Bf16, 0, 0, false},
                 {"f32", cpu::WeightFormat::F32, 0, 0, false},
                 {"q4_1", cpu::WeightFormat::Grouped, 4, 32, true},
                 {"q4_0", cpu::WeightFormat::Grouped, 4, 32, false},
                 {"q8_0", cpu::WeightFormat::Grouped, 8, 32, false},
                 {"q5_k", cpu::WeightFormat::Grouped, 5, 32, true},
                 {"q6_k", cpu::WeightFormat::Grouped, 6, 16, false}};
  for (int64_t rows : {int64_t{1}, int64_t{8}, kTiledRows})
    for (const auto &format : formats)
      for (const auto &shape : shapes) {
        // The head computes the last row of a prompt only, and encoders have no single rows.
        bool head = shape.outputs > 4096, decoder = !shape.bias;
        if (rows < kTiledRows ? !decoder : head)
          continue;
        Problem problem;
        problem.spec = {shape.outputs, shape.inputs, format.format, shape.bias, cpu::floatRowBytes(shape.outputs)};
        problem.spec.bits = format.bits;
        problem.spec.group = format.group;
        problem.spec.hasMin = format.hasMin;
        if (problem.spec.sparse())
          problem.spec.stored = halfOf(problem.spec);
        problem.kernel = program.add(cpu::linearKernel(program.library(), problem.spec));
        std::string name = std::string("linear_") + format.name + "/" + shape.model;
        benchmark::RegisterBenchmark(
            (name + "/rows:" + std::to_string(rows)).c_str(),
            [=, &program, &peaks](benchmark::State &state) { runLinear(state, program, peaks, problem, rows); });
      }
}

/// What a product of so many rows of SmolLM2's head costs a token, for the cuts of an adaptive softmax
/// (bench/head_cost.py fits passes/factorize-softmax/Cuts.h to it).
void addHeadCosts(KernelProgram &program, const Peaks &peaks) {
  const struct {
    const char *name;
    cpu::WeightFormat format;
  } formats[] = {
      {"f32", cpu::WeightFormat::F32}, {"bf16", cpu::WeightFormat::Bf16}, {"u8s8", cpu::WeightFormat::S8Rows}};
  for (const auto &format : formats)
    for (int64_t outputs : {16, 48, 128, 384, 1024, 2048, 4096, 8192, 16384, 32768, 49152}) {
      Problem problem;
      problem.spec = {outputs, 576, format.format, false, cpu::floatRowBytes(outputs)};
      problem.kernel = program.add(cpu::linearKernel(program.library(), problem.spec));
      benchmark::RegisterBenchmark(
          (std::string("head_cost_") + format.name + "/outputs:" + std::to_string(outputs)).c_str(),
          [=, &program, &peaks](benchmark::State &state) { runLinear(state, program, peaks, problem, 1); });
    }
}

} // namespace lmopt::bench
