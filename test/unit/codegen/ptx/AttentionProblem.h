// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences that kernels of attention are tested on: what their caches hold, the rows of a step, and what must come of
// them, by plain loops: keys and values as the cache keeps them to the bit, attention in f64.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_ATTENTIONPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_ATTENTIONPROBLEM_H

#include "codegen/ptx/attention/AttentionSpec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace lmopt::kerneltest {

inline std::vector<float> normal(size_t count, std::mt19937 &random) {
  std::normal_distribution<float> distribution;
  std::vector<float> numbers(count);
  for (float &x : numbers)
    x = distribution(random);
  return numbers;
}

/// What a bias reads: slopes, or a table whose rows are padded as its kernels expect.
inline std::vector<float> biasNumbers(const nvptx::AttentionSpec &spec) {
  std::mt19937 random(7);
  const int64_t row = spec.bias == nvptx::PositionBias::Slopes ? 1 : (2 * spec.largestDistance + 1 + 7) / 8 * 8;
  std::vector<float> numbers = normal(size_t(spec.isBiased() ? spec.heads * row : 0), random);
  for (float &slope : numbers)
    slope = spec.bias == nvptx::PositionBias::Slopes ? std::fabs(slope) / 8 : slope;
  return numbers;
}
/// As the kernels do it.
inline float biased(const nvptx::AttentionSpec &spec, const std::vector<float> &numbers, int64_t head, int64_t distance,
                    float score) {
  const int64_t most = spec.largestDistance, row = (2 * most + 1 + 7) / 8 * 8;
  if (spec.bias == nvptx::PositionBias::Slopes)
    return std::fma(numbers[size_t(head)], float(distance), score);
  return spec.isBiased() ? score + numbers[size_t(head * row + std::clamp(distance, -most, most) + most)] : score;
}

/// Rows of a step that belong to one sequence.
struct NewRows {
  int64_t position, rows = 1; ///< the first one's; how many
  int32_t rope = 0;
};

struct AttentionProblem {
  using Spec = nvptx::AttentionSpec;
  using Format = nvptx::CacheFormat;
  static constexpr int64_t kBlock = Spec::kBlock, kLayerOffset = 48, kOtherBytes = 112; ///< other layers: per position

  Spec spec;
  std::vector<NewRows> sequences;
  std::vector<float> queries, keys, values, angles, bias;
  std::vector<std::vector<uint8_t>> before, after; ///< caches; NaN where nothing is
  std::vector<std::vector<float>> keptKeys, keptValues;
  std::vector<std::pair<size_t, int64_t>> rows; ///< sequence and position

  AttentionProblem(const Spec &spec, std::vector<NewRows> given, unsigned seed = 1)
      : spec(spec), sequences(std::move(given)) {
    std::mt19937 random(seed);
    for (size_t s = 0; s < sequences.size(); ++s)
      for (int64_t i = 0; i < sequences[s].rows; ++i)
        rows.push_back({s, sequences[s].position + i});
    queries = normal(rows.size() * size_t(spec.heads * spec.width), random);
    keys = normal(rows.size() * size_t(spec.kvHeads * spec.width), random);
    values = normal(rows.size() * size_t(spec.kvHeads * spec.valueWidth()), random);
    makeAngles();
    bias = biasNumbers(spec);
    for (size_t s = 0; s < sequences.size(); ++s)
      fillCache(s, random);
  }

  int64_t ropePositions() const { return spec.ropeSwitchPositions ? spec.positions : 800; }
  void makeAngles() {
    for (double base : {1e4, 1e3})
      for (int64_t p = 0; p < ropePositions() && (base == 1e4 || spec.ropeSwitchPositions); ++p)
        for (int64_t i = 0; i < spec.rotary / 2; ++i) {
          double angle = double(p) * std::pow(base, -double(2 * i) / double(spec.rotary));
          angles.push_back(float(std::cos(angle))), angles.push_back(float(std::sin(angle)));
        }
    if (angles.empty())
      angles.push_back(0);
  }

  int64_t bytesPerPosition() const { return spec.cacheBytesPerPosition() + kOtherBytes; } ///< of the whole model
  int64_t lengthOf(size_t s) const { return sequences[s].position + sequences[s].rows; }
  size_t kept(int64_t position, int64_t head, int64_t i) const {
    return size_t((position * spec.kvHeads + head) * spec.width + i);
  }
  size_t keptValue(int64_t position, int64_t head, int64_t i) const {
    return size_t((position * spec.kvHeads + head) * spec.valueWidth() + i);
  }
  /// That a query head reads.
  static int64_t kvHeadOf(const Spec &spec, int64_t head) {
    if (spec.isEven())
      return head / spec.group();
    int64_t kvHead = 0;
    for (; head >= spec.groups[size_t(kvHead)]; ++kvHead)
      head -= spec.groups[size_t(kvHead)];
    return kvHead;
  }
  int64_t mostParts() const {
    int64_t most = 0;
    for (size_t s = 0; s < sequences.size(); ++s)
      most = std::max(most, Spec::partsAt(lengthOf(s) - 1));
    return most;
  }

  //===--- The cache ---===//

  void fillCache(size_t s, std::mt19937 &random) {
    int64_t blocks = (lengthOf(s) - 1) / kBlock + 1, first = sequences[s].position;
    before.emplace_back(size_t(blocks * kBlock * bytesPerPosition()), 0xff);
    keptKeys.emplace_back(kept(lengthOf(s), 0, 0)), keptValues.emplace_back(keptValue(lengthOf(s), 0, 0));
    for (int64_t p = 0; p < first; ++p)
      for (int64_t head = 0; head < spec.kvHeads; ++head)
        for (bool isKey : {true, false})
          put(before[s], s, p, head, isKey, normal(size_t(isKey ? spec.width : spec.valueWidth()), random));
    after.push_back(before[s]);
    for (size_t row = 0; row < rows.size(); ++row)
      for (int64_t head = 0; head < spec.kvHeads && rows[row].first == s; ++head) {
        put(after[s], s, rows[row].second, head, true, turnedHead(keys, row, spec.kvHeads, head));
        const float *value = values.data() + (int64_t(row) * spec.kvHeads + head) * spec.valueWidth();
        put(after[s], s, rows[row].second, head, false, std::vector<float>(value, value + spec.valueWidth()));
      }
  }

  void put(std::vector<uint8_t> &cache, size_t s, int64_t p, int64_t head, bool isKey, const std::vector<float> &x) {
    int64_t at = p / kBlock * kBlock * bytesPerPosition() + kBlock * kLayerOffset;
    at += isKey ? head * spec.keyBlockBytes() : spec.kvHeads * spec.keyBlockBytes() + head * spec.valueBlockBytes();
    auto width = int64_t(x.size());
    uint8_t *block = cache.data() + at, *to = block + p % kBlock * width * spec.elementBytes();
    float *back = isKey ? keptKeys[s].data() + kept(p, head, 0) : keptValues[s].data() + keptValue(p, head, 0);
    float largest = 0;
    for (float number : x)
      largest = std::max(largest, std::fabs(number));
    float scale = largest * (1.0F / 127), inverse = 127 / largest;
    for (size_t i = 0; i < x.size(); ++i, to += spec.elementBytes())
      if (spec.format == Format::I8) {
        volatile float scaled = x[i] * inverse;
        int code = int(std::nearbyint(scaled));
        *to = uint8_t(code + 128), back[i] = float(code) * scale;
      } else {
        back[i] = spec.format == Format::Bf16 ? asBf16(x[i]) : x[i];
        std::memcpy(to, reinterpret_cast<const char *>(back + i) + (4 - spec.elementBytes()),
                    size_t(spec.elementBytes()));
      }
    if (spec.isCodes())
      std::memcpy(block + kBlock * width + 4 * (p % kBlock), &scale, 4);
  }
  static float asBf16(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000U;
    std::memcpy(&x, &bits, 4);
    return x;
  }

  //===--- Attention ---===//

  /// A head of a row, turned as the kernels do it: both products rounded, and their sum.
  std::vector<float> turnedHead(const std::vector<float> &from, size_t row, int64_t heads, int64_t head) const {
    const float *x = from.data() + (int64_t(row) * heads + head) * spec.width;
    std::vector<float> result(x, x + spec.width);
    auto [s, position] = rows[row];
    int64_t table = position + sequences[s].rope * ropePositions(), half = spec.rotary / 2;
    for (int64_t i = 0; i < spec.rotary; ++i) {
      const float *angle = angles.data() + table * spec.rotary + i % half * 2;
      volatile float crossed = i < half ? x[i + half] * -angle[1] : x[i - half] * angle[1], own = x[i] * angle[0];
      result[size_t(i)] = own + crossed;
    }
    return result;
  }
  int64_t firstSeen(int64_t position) const {
    return spec.window ? std::max<int64_t>(position + 1 - spec.window, 0) : 0;
  }
  /// `halves`: with queries rounded to bf16.
  std::vector<double> expected(size_t row, int64_t head, bool halves = false) const {
    auto [s, position] = rows[row];
    int64_t kvHead = kvHeadOf(spec, head);
    std::vector<float> query = turnedHead(queries, row, spec.heads, head);
    for (float &x : query)
      x = halves ? asBf16(x * spec.scale) : x * spec.scale;
    std::vector<double> result(size_t(spec.valueWidth())), weights;
    double sum = 0;
    const int64_t first = firstSeen(position);
    for (int64_t p = first; p <= position; ++p) {
      double score = 0;
      for (int64_t i = 0; i < spec.width; ++i)
        score += double(query[size_t(i)]) * keptKeys[s][kept(p, kvHead, i)];
      score = spec.softCap ? spec.softCap * std::tanh(score / spec.softCap) : score;
      weights.push_back(std::exp(double(biased(spec, bias, head, p - position, float(score)))));
      sum += weights.back();
    }
    for (int64_t p = first; p <= position; ++p)
      for (int64_t i = 0; i < spec.valueWidth(); ++i)
        result[size_t(i)] += weights[size_t(p - first)] / sum * keptValues[s][keptValue(p, kvHead, i)];
    return result;
  }

  size_t resultNumbers() const { return rows.size() * size_t(spec.heads * spec.valueWidth()); }
  /// The greatest distance of results from what is expected.
  double errorOf(const std::vector<float> &found, bool halves = false) const {
    if (found.size() != resultNumbers())
      return INFINITY; // the kernel failed
    double worst = 0;
    for (size_t row = 0; row < rows.size(); ++row)
      for (int64_t head = 0; head < spec.heads; ++head) {
        std::vector<double> right = expected(row, head, halves);
        for (int64_t i = 0; i < spec.valueWidth(); ++i) {
          float one = found[size_t((int64_t(row) * spec.heads + head) * spec.valueWidth() + i)];
          double distance = std::fabs(double(one) - right[size_t(i)]);
          worst = distance <= worst ? worst : distance; // NaN too
        }
      }
    return worst;
  }

  /// A score of at most some 30 is off by 2^-24 of the sum of its products' sizes (some 60), a weight by as much and by
  /// the 2e-7 of exp2; numbers of about 1 are then off by some 1e-5. In bf16 a weight is rounded by at most 2^-9 of it,
  /// and may be computed to 2^-13; numbers of about 1, some of 3.
  bool isRight(const std::vector<float> &found) const {
    bool halves = spec.format == Format::Bf16;
    return errorOf(found, halves) <= (halves ? 6e-3 : 2e-5);
  }

  /// The tables of a step, with caches that lie there.
  std::vector<lmopt_device_row_t> rowTable(const std::vector<uint64_t> &caches) const {
    std::vector<lmopt_device_row_t> table;
    std::vector<lmopt_device_segment_t> segments = segmentTable();
    for (auto [s, position] : rows)
      table.push_back(
          {caches[s], int32_t(position), int32_t(s), segments[s].first, segments[s].rows, sequences[s].rope, 0});
    return table;
  }
  std::vector<lmopt_device_segment_t> segmentTable() const {
    std::vector<lmopt_device_segment_t> table;
    int32_t first = 0;
    for (const NewRows &one : sequences)
      table.push_back({first, int32_t(one.rows)}), first += int32_t(one.rows);
    return table;
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_ATTENTIONPROBLEM_H
