// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layers that are compared; see Layers.h.
#include "bench/cmm/Layers.h"

#include <cmath>
#include <cstring>
#include <random>
#include <thread>

namespace lmopt::bench {

/// As trained rows of 768 numbers have them.
constexpr float kKeyDeviation = 0.036f, kValueDeviation = 0.015f;

std::vector<float> normal(int64_t count, float scale, uint64_t seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::normal_distribution<float> numbers(0, scale);
  std::vector<float> found(static_cast<size_t>(count));
  for (float &x : found)
    x = numbers(random);
  return found;
}

Data::Data(const Problem &problem)
    : keys(normal(problem.neurons() * problem.width, kKeyDeviation, 1)),
      values(normal(problem.neurons() * problem.width, kValueDeviation, 2)),
      inputs(normal(problem.turns * problem.batch * problem.width, 1, 3)) {}

/// `work(begin, end, thread)` on even shares of the rows.
template <class Work>
static void share(int64_t rows, int threads, const Work &work) {
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back([=, &work] { work(rows * t / threads, rows * (t + 1) / threads, t); });
  work(0, rows / threads, 0);
  for (std::thread &other : others)
    other.join();
}

static cpu::NeuronTreeSpec specOf(const Problem &problem) {
  cpu::NeuronTreeSpec spec;
  spec.descent.rows = {problem.neurons(), problem.width, problem.width, problem.format, problem.format, problem.exact};
  spec.descent.levels = problem.levels;
  spec.descent.trees = problem.trees;
  spec.outStride = cpu::floatRowBytes(problem.width);
  return spec;
}

TreeLayer::TreeLayer(KernelProgram &program, const Problem &problem)
    : in(problem.turns * problem.batch * cpu::floatRowBytes(problem.width)),
      out(problem.batch * cpu::floatRowBytes(problem.width)), problem(problem), spec(specOf(problem)),
      kernel(program.add(cpu::neuronTreeKernel(program.library(), spec))),
      weights(problem.turns * spec.descent.rows.bytes()) {
  for (int t = 0; t < 2; ++t)
    scratch.emplace_back(spec.descent.scratchBytes());
}

/// Codes of a scale that all rows have: numbers are normal, seldom beyond five deviations.
static float scaleOf(float deviation) { return 5 * deviation / 127; }

/// A row in its format, and what is then in it.
static std::vector<float> storeRow(char *to, const float *from, int64_t count, cpu::RowNumber format, float scale) {
  std::vector<float> stored(from, from + count);
  for (int64_t i = 0; i < count; ++i) {
    if (format == cpu::RowNumber::F32)
      std::memcpy(to + 4 * i, from + i, 4);
    if (format == cpu::RowNumber::Bf16) {
      uint32_t bits;
      std::memcpy(&bits, from + i, 4);
      bits = (bits + 0x8000) & 0xffff0000;
      std::memcpy(&stored[static_cast<size_t>(i)], &bits, 4);
      std::memcpy(to + 2 * i, reinterpret_cast<const char *>(&bits) + 2, 2);
    }
    if (format == cpu::RowNumber::S8) {
      to[i] = static_cast<char>(std::lround(std::min(std::max(from[i] / scale, -127.0f), 127.0f)));
      stored[static_cast<size_t>(i)] = scale * to[i];
    }
  }
  return stored;
}

static void copyTurns(Block &block, int64_t bytes, int64_t turns) {
  for (int64_t turn = 1; turn < turns; ++turn)
    std::memcpy(block.data() + turn * bytes, block.data(), static_cast<size_t>(bytes));
}

void TreeLayer::packNeuron(const Data &data, int64_t n) {
  const cpu::NeuronRows &rows = spec.descent.rows;
  char *row = weights.data() + n * rows.rowBytes();
  const float *keys = &data.keys[static_cast<size_t>(n * problem.width)];
  std::vector<float> stored = storeRow(row, keys, problem.width, problem.format, scaleOf(kKeyDeviation));
  storeRow(row + rows.valueOffset(), &data.values[static_cast<size_t>(n * problem.width)], problem.width,
           problem.format, scaleOf(kValueDeviation));
  double squares = 0, lacking = 0;
  for (int64_t k = 0; k < problem.width; ++k) {
    double u = stored[static_cast<size_t>(k)];
    squares += u * u;
    lacking += (keys[k] - u) * (keys[k] - u);
  }
  auto norm = [](double length) { return static_cast<float>(length * 1.0001) + cpu::kLeastNorm; };
  auto *numbers = reinterpret_cast<float *>(weights.data() + rows.numbersOffset() + n * cpu::NeuronRows::kNumbersBytes);
  numbers[cpu::NeuronRows::kNorm / 4] =
      norm(std::sqrt(squares) + (problem.exact ? std::sqrt(lacking) / rows.sumError() : 0));
  numbers[cpu::NeuronRows::kKeyScale / 4] = scaleOf(kKeyDeviation);
  numbers[cpu::NeuronRows::kValueScale / 4] = scaleOf(kValueDeviation);
  if (!problem.exact)
    return;
  char *exact = weights.data() + rows.exactOffset() + n * rows.exactBytes();
  std::memcpy(exact, keys, static_cast<size_t>(4 * problem.width));
  *reinterpret_cast<float *>(exact + rows.exactNorm()) = norm(std::sqrt(squares) + std::sqrt(lacking));
}

void TreeLayer::pack(const Data &data) {
  std::memset(weights.data(), 0, static_cast<size_t>(spec.descent.rows.bytes()));
  for (int64_t n = 0; n < spec.descent.rows.neurons; ++n)
    packNeuron(data, n);
  copyTurns(weights, spec.descent.rows.bytes(), problem.turns);
  std::memcpy(in.data(), data.inputs.data(), data.inputs.size() * 4);
}

void TreeLayer::run(const KernelProgram &program, int threads, int64_t turn) {
  const char *from = in.data() + turn * problem.batch * cpu::floatRowBytes(problem.width);
  share(problem.batch, threads, [&](int64_t begin, int64_t end, int t) {
    program.call(kernel, Arguments(from, weights.data() + turn * spec.descent.rows.bytes(), out.data(),
                                   scratch[t].data(), begin, end));
  });
}

//===--- Leaves ---===//

double Problem::promised() const {
  double visited = leafWidth ? double(levels) / 2 + double(leafWidth) : double(trees * levels);
  return double(denseNeurons()) / visited;
}

static cpu::TreeGatesSpec gatesOf(const Problem &problem) {
  cpu::TreeGatesSpec spec;
  spec.descent.rows = {problem.nodes(), problem.width, 0};
  spec.descent.levels = problem.levels;
  spec.outStride = cpu::floatRowBytes(spec.leaves());
  return spec;
}

static cpu::ExpertsSpec expertsOf(const Problem &problem) {
  cpu::ExpertsSpec spec;
  spec.experts = problem.nodes() + 1;
  spec.neurons = problem.leafWidth;
  spec.inputs = spec.outputs = problem.width;
  spec.outStride = cpu::floatRowBytes(problem.width);
  spec.mostTokens = problem.batch;
  spec.streams = problem.batch * spec.outStride >= cpu::kStreamed;
  return spec;
}

LeafLayer::LeafLayer(KernelProgram &program, const Problem &problem)
    : in(problem.turns * problem.batch * cpu::floatRowBytes(problem.width)),
      out(problem.batch * cpu::floatRowBytes(problem.width)), problem(problem), gates(gatesOf(problem)),
      experts(expertsOf(problem)), gatesKernel(program.add(cpu::treeGatesKernel(program.library(), gates))),
      expertsKernel(program.add(cpu::expertsKernel(program.library(), experts))), nodes(gates.descent.rows.bytes()),
      leaves(problem.turns * experts.bytes()), chosen(problem.batch * gates.outStride) {
  for (int t = 0; t < 2; ++t)
    scratch.emplace_back(std::max(gates.descent.scratchBytes(), experts.scratchBytes()));
}

/// A matrix of n x k as panels (LinearSpec.h).
static void packPanels(char *to, const cpu::LinearSpec &spec, const std::function<float(int64_t, int64_t)> &number) {
  for (int64_t n = 0; n < spec.outputs; ++n)
    for (int64_t k = 0; k < spec.inputs; ++k) {
      float x = number(n, k);
      std::memcpy(to + spec.unitOffset(n / cpu::kLanes, k) + n % cpu::kLanes * 4, &x, 4);
    }
}

void LeafLayer::pack(const Data &data) {
  const cpu::NeuronRows &rows = gates.descent.rows;
  for (int64_t n = 0; n < rows.neurons; ++n) {
    const float *keys = &data.keys[static_cast<size_t>(n * problem.width)];
    storeRow(nodes.data() + n * rows.rowBytes(), keys, problem.width, cpu::RowNumber::F32, 1);
    auto *numbers = reinterpret_cast<float *>(nodes.data() + rows.numbersOffset() + n * cpu::NeuronRows::kNumbersBytes);
    double squares = 0;
    for (int64_t k = 0; k < problem.width; ++k)
      squares += double(keys[k]) * keys[k];
    numbers[cpu::NeuronRows::kBias / 4] = 0;
    numbers[cpu::NeuronRows::kNorm / 4] = static_cast<float>(std::sqrt(squares) * 1.0001) + cpu::kLeastNorm;
  }
  for (int64_t leaf = 0; leaf < experts.experts; ++leaf) {
    char *to = leaves.data() + leaf * experts.expertBytes();
    auto at = [&](const std::vector<float> &matrix, int64_t neuron, int64_t k) {
      return matrix[static_cast<size_t>((leaf * problem.leafWidth + neuron) * problem.width + k)];
    };
    packPanels(to, experts.first(), [&](int64_t n, int64_t k) { return at(data.keys, n, k); });
    packPanels(to + experts.lastOffset(), experts.last(), [&](int64_t n, int64_t k) { return at(data.values, k, n); });
  }
  copyTurns(leaves, experts.bytes(), problem.turns);
  std::memcpy(in.data(), data.inputs.data(), data.inputs.size() * 4);
}

void LeafLayer::run(const KernelProgram &program, int threads, int64_t turn) {
  const char *from = in.data() + turn * problem.batch * cpu::floatRowBytes(problem.width);
  share(problem.batch, threads, [&](int64_t begin, int64_t end, int t) {
    program.call(gatesKernel, Arguments(from, nodes.data(), chosen.data(), scratch[t].data(), begin, end));
    program.call(expertsKernel, Arguments(from, chosen.data(), leaves.data() + turn * experts.bytes(), out.data(),
                                          scratch[t].data(), begin, end));
  });
}

//===--- Dense ---===//

static cpu::LinearSpec linearOf(const Problem &problem, int64_t outputs, int64_t inputs) {
  auto format = problem.format == cpu::RowNumber::Bf16 ? cpu::WeightFormat::Bf16 : cpu::WeightFormat::F32;
  return {outputs, inputs, format, false, cpu::floatRowBytes(outputs)};
}

constexpr int64_t kDenseRows = 128; ///< of a chain: what lies between two products stays in a cache

DenseLayer::DenseLayer(KernelProgram &program, const Problem &problem)
    : in(problem.turns * problem.batch * cpu::floatRowBytes(problem.width)),
      out(problem.batch * cpu::floatRowBytes(problem.width)), problem(problem),
      up(linearOf(problem, problem.denseNeurons(), problem.width)),
      down(linearOf(problem, problem.width, problem.denseNeurons())),
      upKernel(program.add(cpu::linearKernel(program.library(), up))),
      downKernel(program.add(cpu::linearKernel(program.library(), down))), upWeights(problem.turns * up.bytes()),
      downWeights(problem.turns * down.bytes()), hidden(2 * kDenseRows * up.outStride),
      between(2 * kDenseRows * up.outStride) {}

void DenseLayer::pack(const Data &data) {
  if (problem.otherNeurons || problem.format == cpu::RowNumber::Bf16) {
    upWeights.fillBytes();
    downWeights.fillBytes();
    between.fillBytes();
    return in.fillBytes();
  }
  auto at = [&](const std::vector<float> &matrix, int64_t neuron, int64_t k) {
    return matrix[static_cast<size_t>(neuron * problem.width + k)];
  };
  packPanels(upWeights.data(), up, [&](int64_t n, int64_t k) { return at(data.keys, n, k); });
  packPanels(downWeights.data(), down, [&](int64_t n, int64_t k) { return at(data.values, k, n); });
  copyTurns(upWeights, up.bytes(), problem.turns);
  copyTurns(downWeights, down.bytes(), problem.turns);
  std::memcpy(in.data(), data.inputs.data(), data.inputs.size() * 4);
}

void DenseLayer::run(const KernelProgram &program, int threads, int64_t turn) {
  const char *from = in.data() + turn * problem.batch * up.inStride();
  const char *firstWeights = upWeights.data() + turn * up.bytes(),
             *lastWeights = downWeights.data() + turn * down.bytes();
  bool halves = problem.format == cpu::RowNumber::Bf16; // what narrows between the products is left out
  share(problem.batch, threads, [&](int64_t begin, int64_t end, int t) {
    char *made = hidden.data() + t * kDenseRows * up.outStride;
    const char *read = halves ? between.data() + t * kDenseRows * up.outStride : made;
    for (int64_t row = begin; row < end; row += kDenseRows) {
      int64_t rows = std::min(kDenseRows, end - row);
      program.call(upKernel, Arguments(from + row * up.inStride(), firstWeights, made, 0, rows, 0, up.panels()));
      program.call(downKernel,
                   Arguments(read, lastWeights, out.data() + row * down.outStride, 0, rows, 0, down.panels()));
    }
  });
}

void runDense(const Blas &blas, const Problem &problem, const Data &data, int64_t turn, std::vector<float> &hidden,
              std::vector<float> &out) {
  blas.product(&data.inputs[static_cast<size_t>(turn * problem.batch * problem.width)], data.keys.data(), hidden.data(),
               problem.batch, problem.neurons(), problem.width, true);
  blas.product(hidden.data(), data.values.data(), out.data(), problem.batch, problem.width, problem.neurons(), false);
}

void runConditional(const Blas &blas, const Problem &problem, const Data &data, int64_t turn, std::vector<float> &out) {
  const float *inputs = &data.inputs[static_cast<size_t>(turn * problem.batch * problem.width)];
  std::fill(out.begin(), out.end(), 0.0f);
  const int64_t width = problem.width, nodes = problem.nodes();
  for (int64_t t = 0; t < problem.batch; ++t)
    for (int64_t tree = 0; tree < problem.trees; ++tree)
      for (int64_t level = 0, node = 0; level < problem.levels; ++level) {
        auto row = static_cast<size_t>((tree * nodes + node) * width);
        float a = blas.dot(inputs + t * width, &data.keys[row], width);
        float value = 0.5f * a * std::erfc(-a * 0.70710678f);
        blas.add(value, &data.values[row], &out[static_cast<size_t>(t * width)], width);
        node = 2 * node + 1 + (a > 0 ? 1 : 0);
      }
}

} // namespace lmopt::bench
