// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over the cache against a plain double softmax: sequences that grow in chunks and then token by token, side
// by side in one step; grouped heads, ragged head widths, partial RoPE across the 64-position seams of its table, two
// tables between which each sequence chooses. The
// cache starts as NaN: nothing may be read that was not written. Thread counts must not change a bit. Projected keys
// and values: by matrices or means, of sequences that are longer and shorter than their rows. Windows that begin inside
// a block of 256 positions and behind several, and scores with a cap. Biases of positions: slopes, and tables that end
// before the sequences do and behind.
//
// Bound: scores are off by (D + 16) eps |q| |k| scale (D products, the turns of both sides), so the weights by a factor
// of exp(twice that), and the sums over T positions by T eps; all times the largest value. With bf16 each of query,
// key, weight and value is rounded to 8 bits once more; with i8 keys and values to half a step of 1/127 of their
// largest number. A cap moves a score by no more than that, and by the error of tanh, 2e-7 of the cap. A projected
// number is a sum over T tokens, off by (T + 2) eps times the sum of its magnitudes. A bias is added with a rounding of
// the sum.
#include "codegen/cpu/RowInfo.h"
#include "test/unit/codegen/AttentionConfigs.h"
#include "test/unit/codegen/KernelHarness.h"

#include "lmopt/abi.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using namespace lmopt::test;

namespace {

struct Sequence {
  int64_t length;
  std::vector<float> q, k, v; // [length][heads * headDim], the others with kvHeads, values with valueDim()
};

struct Part {
  int64_t sequence, position, rows;
};
using Step = std::vector<Part>;

/// Of layers that are not rings, for each position.
constexpr int64_t kBytesBefore = 96;

/// The second table turns a third as far.
float frequency(int64_t d, int64_t half, int64_t number) {
  return std::pow(10000.0, -double(d) / half) / (number ? 3 : 1);
}

void fillRope(const cpu::RopeTable &table, int64_t number, float *floats) {
  int64_t row = table.rowBytes() / 4, high = table.highRows(), low = cpu::RopeTable::kLow;
  for (int64_t d = 0; d < table.halfDims; ++d) {
    double turn = frequency(d, table.halfDims, number);
    for (int64_t r = 0; r < low; ++r) {
      floats[r * row + d] = std::cos(r * turn);
      floats[(low + r) * row + d] = std::sin(r * turn);
    }
    for (int64_t r = 0; r < high; ++r) {
      floats[(2 * low + r) * row + d] = std::cos(64.0 * r * turn);
      floats[(2 * low + high + r) * row + d] = std::sin(64.0 * r * turn);
    }
  }
}

Memory makeRope(const cpu::RopeTable &table) {
  Memory memory(std::max<int64_t>(table.bytes(), 64));
  for (int64_t i = 0; i < table.tables(); ++i)
    fillRope(table, i, memory.floats(i * table.oneTableBytes()));
  return memory;
}

class Model {
public:
  Model(const Config &config, test::KernelHarness &harness) : config(config), harness(harness) {
    spec.heads = config.heads;
    spec.kvHeads = config.kvHeads;
    spec.groups = config.groups;
    spec.headDim = config.headDim;
    spec.otherValueDim = config.otherValueDim;
    spec.causal = config.causal;
    spec.window = config.window;
    spec.softCap = config.softCap;
    spec.bias = config.bias;
    spec.largestDistance = config.largestDistance;
    spec.ringPositions = config.ring;
    spec.bytesBeforeRings = config.ring ? kBytesBefore : 0;
    spec.ropeDims = config.ropeDims;
    spec.format = config.format;
    spec.scale = 1 / std::sqrt(float(config.headDim));
    spec.projectedRows = config.projectedRows;
    spec.projectionLearned = config.learned;
    spec.projectionColumns = config.learned ? config.positions() : 0;
    table.halfDims = config.ropeDims / 2;
    table.positions = config.ropeDims ? config.positions() : 0;
    table.switchPositions = config.switchPositions;
    for (bool splitHeads : {false, true}) {
      store[splitHeads] = harness.add(cpu::storeKernel(harness.library(), spec, table, splitHeads));
      attend[splitHeads] = harness.add(cpu::attendKernel(harness.library(), spec, table, splitHeads));
    }
    if (config.projectedRows)
      projection = harness.add(cpu::projectKernel(harness.library(), spec));
    describe = harness.add(cpu::describeRowsKernel(harness.library()));
    test::Random random(config.heads * 100 + config.headDim);
    for (int64_t length : {config.longest(), int64_t(13), int64_t(80)}) {
      Sequence s{length, {}, {}, {}};
      for (int64_t i = 0; i < length * width(); ++i)
        s.q.push_back(random.heavy());
      for (int64_t i = 0; i < length * kvWidth(); ++i)
        s.k.push_back(random.heavy());
      for (int64_t i = 0; i < length * valueWidth(); ++i)
        s.v.push_back(random.heavy());
      sequences.push_back(std::move(s));
    }
    makeBias(random);
    if (config.learned)
      for (Memory &matrix : matrices)
        for (int64_t i = 0; i < config.projectedRows * matrixStride(); ++i)
          matrix.floats()[i] = random.heavy() / 8;
  }

  int64_t width() const { return config.heads * config.headDim; }
  int64_t kvWidth() const { return config.kvHeads * config.headDim; }
  int64_t kvHeadOf(int64_t head) const {
    for (int64_t g = 0; g < int64_t(config.groups.size()); head -= config.groups[g++])
      if (head < config.groups[g])
        return g;
    return head / (config.heads / config.kvHeads);
  }
  int64_t valueWidth() const { return config.kvHeads * config.valueDim(); }
  int64_t outWidth() const { return config.heads * config.valueDim(); }

  /// Chunks first, of sizes that are no multiples of anything, then ten single tokens of each sequence side by side.
  std::vector<Step> steps() const {
    if (!config.causal)
      return {{{0, 0, config.longest()}, {1, 0, 13}, {2, 0, 80}}};
    int64_t single = config.longest() - 10;
    int64_t most = config.ring ? config.ring - config.window : single; // what one step may write, and look back
    std::vector<Step> steps = {{{0, 0, 70}, {1, 0, 3}, {2, 0, 8}}, {{0, 70, 9}}};
    for (int64_t begin = 79; begin < single; begin += most)
      steps.push_back({{0, begin, std::min(most, single - begin)}});
    steps[2].push_back({2, 8, 62});
    for (int64_t i = 0; i < 10; ++i)
      steps.push_back({{0, single + i, 1}, {1, 3 + i, 1}, {2, 70 + i, 1}});
    return steps;
  }

  /// All outputs, sequence after sequence, computed by a team of `threads`, thread after thread between the barriers.
  std::vector<std::vector<float>> run(int64_t threads) {
    std::vector<Memory> caches; // or states
    for (const Sequence &s : sequences) {
      int64_t positions = spec.inState() ? spec.stateCapacity() : capacity(s), bytes = 0;
      if (config.ring) {
        bytes = spec.bytesBeforeRings * positions;
        positions = std::min(positions, config.ring);
      }
      caches.emplace_back(bytes + 2 * spec.cacheBytesPerPosition() * positions); // two layers: ours is the second
      std::fill_n(caches.back().floats(), caches.back().size() / 4, NAN);
    }
    std::vector<std::vector<float>> outputs;
    for (const Sequence &s : sequences)
      outputs.emplace_back(s.length * outWidth());
    Memory rope = makeRope(table);
    for (const Step &parts : steps())
      runStep(parts, threads, caches, rope, outputs);
    return outputs;
  }

  void expectClose(const std::vector<std::vector<float>> &found) {
    for (size_t s = 0; s < sequences.size(); ++s) {
      Sequence seen = projected(sequences[s]);
      turnKeys(seen);
      for (int64_t t = 0; t < seen.length; ++t)
        for (int64_t h = 0; h < config.heads; ++h)
          expectHead(seen, t, h, found[s].data() + t * outWidth() + h * config.valueDim());
    }
  }

private:
  const Config config;
  test::KernelHarness &harness;
  cpu::AttentionSpec spec;
  cpu::RopeTable table;
  int store[2], attend[2], describe, projection = -1;
  std::vector<Sequence> sequences;
  std::vector<std::vector<double>> turnedKeys; ///< of the sequence being checked, by position and kv head

  std::vector<float> bias;        ///< as the kernel reads it
  std::vector<float> biasNumbers; ///< slopes, or the table row by row

  void makeBias(test::Random &random) {
    const cpu::DistanceRows rows = spec.distances();
    const int64_t count = config.bias == kSlopes ? 1 : config.bias == kDistances ? rows.columns() : 0;
    for (int64_t i = 0; i < config.heads * count; ++i)
      biasNumbers.push_back(config.bias == kSlopes ? std::abs(random.real()) : random.heavy());
    if (count == 0)
      return;
    for (int64_t h = 0; h < config.heads; ++h)
      for (int64_t i = 0; i < spec.biasBytes() / 4; ++i)
        bias.push_back(biasNumbers[h * count + std::clamp<int64_t>(i - cpu::kLanes, 0, count - 1)]);
  }
  double biasOf(int64_t head, int64_t distance) const {
    const int64_t most = config.largestDistance;
    if (config.bias == kSlopes)
      return double(biasNumbers[head]) * double(distance);
    return config.bias == kDistances ? biasNumbers[head * (2 * most + 1) + std::clamp(distance, -most, most) + most]
                                     : 0;
  }

  int64_t ropeOf(const Sequence &s) const { return config.switchPositions && s.length > config.switchPositions; }
  int64_t matrixStride() const { return cpu::floatRowBytes(config.positions()) / 4; }
  int64_t matrixBytes() const { return config.learned ? config.projectedRows * 4 * matrixStride() : int64_t(64); }
  Memory matrices[2] = {Memory(matrixBytes()), Memory(matrixBytes())}; ///< of keys and of values
  double keyError = 0, valueError = 0;                                 ///< of a projected number

  int64_t seenRows(const Sequence &s) const {
    return config.learned ? config.projectedRows
                          : std::min(s.length, config.projectedRows ? config.projectedRows : s.length);
  }

  double share(const Memory &matrix, int64_t row, int64_t token, const Sequence &s) const {
    if (config.learned)
      return matrix.floats()[row * matrixStride() + token];
    int64_t rows = seenRows(s), begin = row * s.length / rows, end = (row + 1) * s.length / rows;
    return token >= begin && token < end ? 1.0 / double(end - begin) : 0;
  }

  std::vector<float> project(const std::vector<float> &x, int64_t width, const Memory &matrix, const Sequence &s,
                             double &error) const {
    std::vector<float> y(seenRows(s) * width);
    for (int64_t i = 0; i < int64_t(y.size()); ++i) {
      double sum = 0, magnitude = 0;
      for (int64_t t = 0; t < s.length; ++t) {
        double product = share(matrix, i / width, t, s) * x[t * width + i % width];
        sum += product;
        magnitude += std::abs(product);
      }
      y[i] = float(sum);
      error = std::max(error, double(s.length + 2) * FLT_EPSILON * magnitude);
    }
    return y;
  }

  /// The sequence with the keys and values that queries see.
  Sequence projected(const Sequence &s) {
    if (!config.projectedRows)
      return s;
    keyError = valueError = 0;
    return {s.length, s.q, project(s.k, kvWidth(), matrices[0], s, keyError),
            project(s.v, valueWidth(), matrices[1], s, valueError)};
  }

  static int64_t capacity(const Sequence &s) { return cpu::roundUp(s.length, LMOPT_CACHE_BLOCK); }

  void runStep(const Step &parts, int64_t threads, std::vector<Memory> &caches, const Memory &rope,
               std::vector<std::vector<float>> &outputs) {
    std::vector<lmopt_segment_t> segments;
    lmopt_step_t step = {};
    bool few = true;
    for (const Part &part : parts) {
      void *memory = caches[part.sequence].data();
      segments.push_back({spec.inState() ? nullptr : memory, capacity(sequences[part.sequence]), part.position,
                          step.rows, part.rows, ropeOf(sequences[part.sequence]), spec.inState() ? memory : nullptr});
      step.rows += part.rows;
      few &= part.rows == 1;
    }
    step.segments = segments.data();
    step.segment_size = sizeof(lmopt_segment_t);
    step.segment_count = segments.size();
    int64_t padded = cpu::roundUp(step.rows, cpu::kRowUnit);
    int64_t rowBytes = cpu::floatRowBytes(width()), kvBytes = cpu::floatRowBytes(kvWidth());
    int64_t valueBytes = cpu::floatRowBytes(valueWidth()), outBytes = cpu::floatRowBytes(outWidth());
    Memory q(padded * rowBytes), k(padded * kvBytes), v(padded * valueBytes), out(padded * outBytes);
    std::fill_n(out.floats(), out.size() / 4, NAN);
    gather(parts, q, k, v);
    Memory info(step.rows * cpu::kRowInfoBytes), scratch(std::max(spec.scratchBytes(), spec.projectScratchBytes()));
    int64_t units = padded / cpu::kRowUnit;
    int64_t layer = spec.inState() ? spec.stateBytesPerSequence() : spec.cacheBytesPerPosition();
    for (int64_t t = 0; t < threads; ++t) {
      harness.call(describe, {&step, info});
      int64_t begin = few ? 0 : units * t / threads * 8;
      int64_t end = few ? step.rows : std::min(units * (t + 1) / threads * 8, step.rows);
      if (config.projectedRows)
        harness.call(projection, {k, v, matrices[0], matrices[1], scratch, &step, layer, t, threads});
      else
        harness.call(store[few], {k, v, rope, info, layer, begin, end, t, threads});
    }
    for (int64_t t = 0; t < threads; ++t)
      if (config.bias == cpu::PositionBias::None)
        harness.call(attend[few], {q, out, rope, info, scratch, &step, layer, t, threads});
      else
        harness.call(attend[few], {q, out, rope, info, scratch, &step, bias.data(), layer, t, threads});
    scatter(parts, out, outputs);
  }

  void gather(const Step &parts, Memory &q, Memory &k, Memory &v) const {
    int64_t row = 0;
    for (const Part &part : parts)
      for (int64_t t = part.position; t < part.position + part.rows; ++t, ++row) {
        const Sequence &s = sequences[part.sequence];
        std::copy_n(s.q.data() + t * width(), width(), q.floats(row * cpu::floatRowBytes(width())));
        std::copy_n(s.k.data() + t * kvWidth(), kvWidth(), k.floats(row * cpu::floatRowBytes(kvWidth())));
        std::copy_n(s.v.data() + t * valueWidth(), valueWidth(), v.floats(row * cpu::floatRowBytes(valueWidth())));
      }
  }

  void scatter(const Step &parts, const Memory &out, std::vector<std::vector<float>> &outputs) const {
    int64_t row = 0;
    for (const Part &part : parts)
      for (int64_t t = part.position; t < part.position + part.rows; ++t, ++row) {
        const float *from = out.floats(row * cpu::floatRowBytes(outWidth()));
        std::copy_n(from, outWidth(), outputs[part.sequence].data() + t * outWidth());
        for (int64_t i = outWidth(); i < cpu::roundUp(outWidth(), 16); ++i)
          ASSERT_EQ(from[i], 0.0f) << "beyond the width";
      }
  }

  std::vector<double> turned(const float *head, int64_t position, int64_t rope) const {
    std::vector<double> x(head, head + config.headDim);
    int64_t half = config.ropeDims / 2;
    for (int64_t d = 0; d < half; ++d) {
      double angle = position * double(frequency(d, half, rope)), a = x[d], b = x[d + half];
      x[d] = a * std::cos(angle) - b * std::sin(angle);
      x[d + half] = b * std::cos(angle) + a * std::sin(angle);
    }
    return x;
  }

  void turnKeys(const Sequence &s) {
    turnedKeys.clear();
    for (int64_t i = 0; i < seenRows(s) * config.kvHeads; ++i)
      turnedKeys.push_back(turned(s.k.data() + i * config.headDim, i / config.kvHeads, ropeOf(s)));
  }

  double capped(double score) const {
    return config.softCap ? config.softCap * std::tanh(score / config.softCap) : score;
  }

  void expectHead(const Sequence &s, int64_t t, int64_t h, const float *found) const {
    int64_t visible = config.causal ? t + 1 : seenRows(s), kvHead = kvHeadOf(h);
    std::vector<double> q = turned(s.q.data() + t * width() + h * config.headDim, t, ropeOf(s)), scores,
                        out(config.valueDim());
    if (config.window && !config.causal)
      visible = std::min(visible, t + config.window + 1);
    const int64_t reach = config.causal ? config.window - 1 : config.window;
    int64_t first = config.window ? std::max<int64_t>(t - reach, 0) : 0;
    double largestScore = -INFINITY, largestProduct = 0, largestBias = 0, largestValue = 0, total = 0;
    for (int64_t p = first; p < visible; ++p) {
      const std::vector<double> &k = turnedKeys[p * config.kvHeads + kvHead];
      double dot = 0, qq = 0, kk = 0;
      for (int64_t d = 0; d < config.headDim; ++d) {
        dot += q[d] * k[d];
        qq += q[d] * q[d];
        kk += k[d] * k[d];
      }
      scores.push_back(capped(dot * spec.scale) + biasOf(h, p - t));
      largestBias = std::max(largestBias, std::abs(biasOf(h, p - t)));
      largestScore = std::max(largestScore, scores.back());
      largestProduct = std::max(largestProduct, std::sqrt(qq * kk) * spec.scale);
    }
    for (int64_t p = first; p < visible; ++p) {
      double weight = std::exp(scores[p - first] - largestScore);
      total += weight;
      for (int64_t d = 0; d < config.valueDim(); ++d) {
        double value = s.v[p * valueWidth() + kvHead * config.valueDim() + d];
        out[d] += weight * value;
        largestValue = std::max(largestValue, std::abs(value));
      }
    }
    double scoreError =
        (config.headDim + 16) * FLT_EPSILON * largestProduct + 3e-7 * config.softCap + FLT_EPSILON * largestBias;
    double weightError = (visible + 16) * FLT_EPSILON;
    for (double number : q)
      scoreError += std::abs(number) * keyError * spec.scale;
    // i8: half a step of 127 in every key, as large as all numbers of the key together in the worst case; the values,
    // too. The test's numbers are spread out, so a tenth of that bounds them.
    if (config.format == kI8) {
      scoreError += std::sqrt(double(config.headDim)) / 254 * largestProduct;
      weightError += 1.0 / 254 + std::ldexp(1, -14);
    }
    if (config.format == kBf16) { // half an ulp of 8 bits for each factor
      scoreError += std::ldexp(2, -9) * largestProduct;
      weightError += std::ldexp(2, -9);
    }
    double bound = largestValue * (std::expm1(2 * scoreError) + weightError * (1 + scoreError)) + valueError;
    for (int64_t d = 0; d < config.valueDim(); ++d)
      ASSERT_NEAR(found[d], out[d] / total, bound) << "position " << t << " head " << h << " dimension " << d;
  }
};

class AttentionKernel : public testing::TestWithParam<std::string> {};

TEST_P(AttentionKernel, AgreesWithPlainSoftmaxForAnyTeam) {
  test::KernelHarness harness(GetParam());
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of " << GetParam();
  std::vector<Config> configs(kConfigs, kConfigs + (GetParam() == "native" ? std::size(kConfigs) : kConfigsElsewhere));
  if (harness.target().shape.bf16 && !harness.target().native()) // else the code of another CPU of this list
    llvm::erase_if(configs, [](const Config &config) { return config.format != kBf16; });
  std::vector<Model> models;
  models.reserve(configs.size());
  for (const Config &config : configs)
    models.emplace_back(config, harness);
  harness.build();
  for (size_t i = 0; i < models.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "heads " << configs[i].heads << " on " << configs[i].kvHeads << " of width "
                                    << configs[i].headDim << " and " << configs[i].valueDim() << " rope "
                                    << configs[i].ropeDims << " format " << static_cast<int>(configs[i].format)
                                    << " projected to " << configs[i].projectedRows << " window " << configs[i].window
                                    << " cap " << configs[i].softCap << " bias " << static_cast<int>(configs[i].bias));
    std::vector<std::vector<float>> alone = models[i].run(1);
    models[i].expectClose(alone);
    for (int64_t threads : {2, 3}) {
      std::vector<std::vector<float>> team = models[i].run(threads);
      for (size_t s = 0; s < alone.size(); ++s)
        ASSERT_EQ(std::memcmp(alone[s].data(), team[s].data(), 4 * alone[s].size()), 0) << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, AttentionKernel,
                         testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "znver5"})),
                         test::nameOfCpu);

} // namespace
