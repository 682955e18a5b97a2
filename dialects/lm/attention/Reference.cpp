// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.attention and its halves in both forms; see Reference.h.

#include "dialects/lm/attention/Reference.h"

#include "dialects/lm/elementwise/Reference.h"
#include "dialects/lm/quantize/Reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace lmopt::lm::reference {

/// With `bf16`, all numbers of x, times `scale`, rounded; else x as it is.
static Tensor narrowed(Tensor x, double scale, const AttentionOptions &options) {
  if (options.bf16)
    for (float &number : x.f32)
      number = nearestBf16(float(number * scale));
  return x;
}

/// With `int8`, every head rounded to 127 steps of its largest number on either side; else x as `narrowed` leaves it.
static Tensor kept(Tensor x, const AttentionOptions &options) {
  x = narrowed(std::move(x), 1, options);
  if (!options.int8)
    return x;
  const int64_t width = x.width() / options.kvHeads;
  for (int64_t head = 0; head < x.rows() * options.kvHeads; ++head) {
    float *numbers = &x.f32[head * width], largest = 0;
    for (int64_t d = 0; d < width; ++d)
      largest = std::max(largest, std::abs(numbers[d]));
    for (int64_t d = 0; d < width && largest > 0; ++d)
      numbers[d] = std::nearbyint(numbers[d] * (127 / largest)) * (largest / 127);
  }
  return x;
}

/// Rotates one head in place: pair i by the angle position * frequency[i].
static void rotateHead(float *head, int64_t position, const Rotation &rotation, bool interleaved) {
  const int64_t pairs = int64_t(rotation.frequencies.size());
  for (int64_t i = 0; i < pairs; ++i) {
    double angle = double(position) * rotation.frequencies[i];
    double cosine = std::cos(angle) * rotation.attentionFactor, sine = std::sin(angle) * rotation.attentionFactor;
    float &first = head[interleaved ? 2 * i : i];
    float &second = head[interleaved ? 2 * i + 1 : i + pairs];
    double x = first, y = second;
    first = float(x * cosine - y * sine);
    second = float(y * cosine + x * sine);
  }
}

namespace {
/// The rows of one sequence that an op works on.
struct Sequence {
  int64_t start, rows; // position of the first one; how many count
  Rotation rotation;
};
using Sequences = std::vector<Sequence>;
} // namespace

static Rotation rotationOf(int64_t length, const AttentionOptions &options) {
  return options.rotation ? options.rotation(length) : Rotation();
}

/// Each with its own length, at most `rows`.
static Sequences sequencesOf(const Tensor &lengths, int64_t rows, const AttentionOptions &options) {
  Sequences sequences;
  for (int32_t length : lengths.i32)
    sequences.push_back({0, std::clamp<int64_t>(length, 0, rows), rotationOf(length, options)});
  return sequences;
}

/// All heads of all rows, also of those that do not count.
static Tensor rotated(Tensor x, int64_t heads, const Sequences &sequences, const AttentionOptions &options) {
  const int64_t headWidth = x.width() / heads, length = x.size(1);
  for (int64_t b = 0; b < x.size(0); ++b)
    for (int64_t t = 0; t < length; ++t)
      for (int64_t h = 0; h < heads; ++h)
        rotateHead(&x.f32[(b * length + t) * x.width() + h * headWidth], sequences[b].start + t, sequences[b].rotation,
                   options.interleaved);
  return x;
}

double PositionBias::of(int64_t head, int64_t distance) const {
  if (!table)
    return slopes.empty() ? 0 : slopes[head] * double(distance);
  const int64_t most = table->columns / 2;
  return table->at(head, std::clamp(distance, -most, most) + most);
}

namespace {
/// The keys and values that a query sees, one after the other, and how far the first one is behind the query's own
/// position (or, negative, before).
struct Seen {
  const float *keys, *values;
  int64_t count, keyWidth, valueWidth; // of all heads
  int64_t distance;
};
} // namespace

/// One head of one row: y = sum_j softmax_j(scale q . k_j + bias) v_j over the seen keys; zeros when there is none.
static void attendHead(const float *query, const Seen &seen, int64_t head, int64_t keyWidth, int64_t valueWidth,
                       const AttentionOptions &options, float *result) {
  std::fill(result, result + valueWidth, 0.0f);
  if (seen.count == 0)
    return;
  const double scale = options.bf16 ? 1 : options.scale; // bf16 queries carry it already
  std::vector<double> weights(seen.count), sums(valueWidth);
  for (int64_t j = 0; j < seen.count; ++j)
    for (int64_t k = 0; k < keyWidth; ++k)
      weights[j] += scale * query[k] * seen.keys[j * seen.keyWidth + k];
  for (double &score : weights)
    score = options.softCap ? softCapped(score, options.softCap) : score;
  for (int64_t j = 0; j < seen.count && !options.bias.isNone(); ++j)
    weights[j] += options.bias.of(head, seen.distance + j);
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0;
  for (double &weight : weights)
    total += weight = std::exp(weight - largest);
  if (options.bf16) // after the sum is taken
    for (double &weight : weights)
      weight = nearestBf16(float(weight));
  for (int64_t j = 0; j < seen.count; ++j)
    for (int64_t k = 0; k < valueWidth; ++k)
      sums[k] += weights[j] / total * seen.values[j * seen.valueWidth + k];
  std::copy(sums.begin(), sums.end(), result);
}

/// One row of one sequence, all heads: the first groups[0] query heads read key/value head 0, the next ones 1, ...
static void attendRow(const float *query, const Seen &seen, const AttentionOptions &options, float *result) {
  const int64_t keyHead = seen.keyWidth / options.kvHeads, valueHead = seen.valueWidth / options.kvHeads;
  Seen own = seen;
  for (int64_t group = 0, h = 0; group < options.kvHeads; ++group) {
    for (const int64_t end = h + options.groups[group]; h < end; ++h)
      attendHead(query + h * keyHead, own, h, keyHead, valueHead, options, result + h * valueHead);
    own.keys += keyHead;
    own.values += valueHead;
  }
}

//===- Project ---------------------------------------------------------------------------------------------------===//

/// What row s of `rows` takes of token t of `tokens`.
static double shareOf(int64_t s, int64_t t, int64_t rows, int64_t tokens, const Projection &projection,
                      const Weight &matrix) {
  if (projection.isLearned)
    return matrix.at(s, t);
  const int64_t begin = s * tokens / rows, end = (s + 1) * tokens / rows;
  return t >= begin && t < end ? 1 / double(end - begin) : 0;
}

/// The rows of sequence b that queries see, of `tokens` that count.
static Tensor sequenceOf(const Tensor &x, int64_t b, int64_t tokens, const AttentionOptions &options,
                         Weight Projection::*matrix) {
  const float *from = x.f32.data() + b * x.size(1) * x.width();
  Tensor y = Tensor::ofF32({1, options.projection ? options.projection->rowsOf(tokens) : x.size(1), x.width()});
  if (!options.projection)
    std::copy(from, from + y.f32.size(), y.f32.begin());
  for (int64_t s = 0; options.projection && s < y.size(1); ++s)
    for (int64_t k = 0; k < x.width(); ++k) {
      double sum = 0;
      for (int64_t t = 0; t < tokens; ++t)
        sum += shareOf(s, t, y.size(1), tokens, *options.projection, *options.projection.*matrix) *
               from[t * x.width() + k];
      y.f32[s * x.width() + k] = float(sum);
    }
  return y;
}

//===- Append ----------------------------------------------------------------------------------------------------===//

/// The place of a layer in the cache, made at first use.
static CacheLayer &layerFor(Cache &cache, const Tensor &key, const Tensor &value, int64_t number) {
  if (int64_t(cache.layers.size()) <= number)
    cache.layers.resize(number + 1);
  CacheLayer &layer = cache.layers[number];
  if (layer.positions == 0) {
    layer = CacheLayer();
    layer.keyWidth = key.width();
    layer.valueWidth = value.width();
    layer.keys.resize(size_t(key.size(0)));
    layer.values.resize(size_t(key.size(0)));
  }
  return layer;
}

static std::string cacheOf(int64_t layer) { return "the cache of layer " + std::to_string(layer); }

static void appendSequence(std::vector<float> &to, const Tensor &from) {
  to.insert(to.end(), from.f32.begin(), from.f32.end());
}

static void appendRows(CacheLayer &layer, const Tensor &key, const Tensor &value, const Sequences &sequences,
                       const AttentionOptions &options) {
  const Tensor k = rotated(key, options.kvHeads, sequences, options);
  for (int64_t b = 0; b < key.size(0); ++b) {
    const int64_t tokens = sequences[b].rows;
    appendSequence(layer.keys[b], kept(sequenceOf(k, b, tokens, options, &Projection::keys), options));
    appendSequence(layer.values[b], kept(sequenceOf(value, b, tokens, options, &Projection::values), options));
  }
  layer.positions += key.size(1);
}

Result<void> append(const Tensor &key, const Tensor &value, Cache &cache, const AttentionOptions &options) {
  CacheLayer &layer = layerFor(cache, key, value, options.layer);
  const int64_t start = layer.positions, rows = key.size(1);
  const Rotation rotation = rotationOf(start + rows, options);
  if (layer.ofLengths)
    return malformed(cacheOf(options.layer) + " was made of lengths, so no rows can follow");
  if (int64_t(layer.keys.size()) != key.size(0) || layer.keyWidth != key.width() || layer.valueWidth != value.width())
    return malformed(cacheOf(options.layer) +
                     " was filled by another batch size or width; a cache belongs to one model and one batch");
  if (start == 0)
    layer.frequencies = rotation.frequencies;
  if (layer.frequencies != rotation.frequencies)
    return malformed("the keys in " + cacheOf(options.layer) + " are turned for another length of the sequence than " +
                     std::to_string(start + rows) + ": the model's angles depend on it; run the whole sequence again");
  appendRows(layer, key, value, Sequences(key.size(0), {start, rows, rotation}), options);
  return {};
}

Cache append(const Tensor &key, const Tensor &value, const Tensor &lengths, const AttentionOptions &options) {
  Cache cache;
  CacheLayer &layer = layerFor(cache, key, value, options.layer);
  layer.ofLengths = true;
  layer.isProjected = options.projection.has_value();
  appendRows(layer, key, value, sequencesOf(lengths, key.size(1), options), options);
  return cache;
}

//===- Attend ----------------------------------------------------------------------------------------------------===//

/// The layer that the queries read, if it holds keys for them.
static Result<const CacheLayer *> layerOf(const Cache &cache, const Tensor &query, bool ofLengths,
                                          const AttentionOptions &options) {
  static const CacheLayer none;
  const CacheLayer &layer = options.layer < int64_t(cache.layers.size()) ? cache.layers[options.layer] : none;
  const int64_t batch = query.size(0), rows = query.size(1), keyWidth = query.width() / options.heads * options.kvHeads;
  const bool isLongEnough = ofLengths ? layer.positions == rows : layer.positions >= rows;
  if (!isLongEnough || int64_t(layer.keys.size()) != batch || layer.keyWidth != keyWidth ||
      layer.valueWidth % options.kvHeads != 0)
    return malformed(cacheOf(options.layer) + " does not hold what the query reads: expected " + std::to_string(rows) +
                     (ofLengths ? "" : " or more") + " positions of " + std::to_string(batch) +
                     " sequences, keys of width " + std::to_string(keyWidth) + ", but found " +
                     std::to_string(layer.positions) + " of " + std::to_string(layer.keys.size()) + ", width " +
                     std::to_string(layer.keyWidth) + "; append them first");
  if (layer.ofLengths != ofLengths)
    return malformed(cacheOf(options.layer) + (ofLengths ? " was made without lengths; attend to it without them"
                                                         : " was made of lengths; attend to it with the same ones"));
  if (layer.isProjected != options.projection.has_value())
    return malformed(cacheOf(options.layer) + (layer.isProjected ? " was projected; attend to it as such"
                                                                 : " was not projected; attend to it without it"));
  return &layer;
}

/// How many keys from the first on a query may see at most; those before a window are left out elsewhere.
static int64_t seenBy(int64_t place, const Sequence &sequence, const AttentionOptions &options) {
  if (options.projection)
    return options.projection->rowsOf(sequence.rows);
  if (options.causal)
    return place + 1;
  const int64_t all = sequence.start + sequence.rows;
  return options.window ? std::min(place + options.window + 1, all) : all;
}

static Tensor attendTo(const CacheLayer &layer, const Tensor &query, const Sequences &sequences,
                       const AttentionOptions &options) {
  const Tensor q = narrowed(rotated(query, options.heads, sequences, options), options.scale, options);
  const int64_t length = query.size(1);
  Tensor y = Tensor::ofF32({query.size(0), length, layer.valueWidth / options.kvHeads * options.heads});
  for (int64_t b = 0; b < query.size(0); ++b)
    for (int64_t t = 0, rows = sequences[b].rows; t < rows; ++t) { // the rest stays zero
      const int64_t place = sequences[b].start + t, seen = seenBy(place, sequences[b], options);
      const int64_t reach = options.causal ? options.window - 1 : options.window;
      const int64_t first = options.window ? std::max<int64_t>(place - reach, 0) : 0;
      const Seen keys = {layer.keys[b].data() + first * layer.keyWidth,
                         layer.values[b].data() + first * layer.valueWidth,
                         seen - first,
                         layer.keyWidth,
                         layer.valueWidth,
                         first - place};
      attendRow(&q.f32[(b * length + t) * q.width()], keys, options, &y.f32[(b * length + t) * y.width()]);
    }
  return y;
}

Result<Tensor> attend(const Tensor &query, const Cache &cache, const AttentionOptions &options) {
  Result<const CacheLayer *> found = layerOf(cache, query, /*ofLengths=*/false, options);
  if (!found)
    return found.error();
  const CacheLayer &layer = **found;
  const Rotation rotation = rotationOf(layer.positions, options);
  if (layer.frequencies != rotation.frequencies)
    return malformed("the keys in " + cacheOf(options.layer) +
                     " are turned otherwise than the queries would be; attend with the rope of what appended them");
  const int64_t rows = query.size(1);
  return attendTo(layer, query, Sequences(query.size(0), {layer.positions - rows, rows, rotation}), options);
}

Result<Tensor> attend(const Tensor &query, const Cache &cache, const Tensor &lengths, const AttentionOptions &options) {
  Result<const CacheLayer *> layer = layerOf(cache, query, /*ofLengths=*/true, options);
  if (!layer)
    return layer.error();
  return attendTo(**layer, query, sequencesOf(lengths, query.size(1), options), options);
}

//===- Both ------------------------------------------------------------------------------------------------------===//

Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, Cache &cache,
                         const AttentionOptions &options) {
  Result<void> appended = append(key, value, cache, options);
  if (!appended)
    return appended.error();
  return attend(query, cache, options);
}

Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &lengths,
                         const AttentionOptions &options) {
  return attend(query, append(key, value, lengths, options), lengths, options);
}

} // namespace lmopt::lm::reference
