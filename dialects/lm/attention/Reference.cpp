// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.attention in both forms; see Reference.h.

#include "dialects/lm/attention/Reference.h"

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

/// All heads of the rows of sequence b; row t has position `start` + t.
static void rotateSequence(Tensor &x, int64_t b, int64_t heads, int64_t start, const Rotation &rotation,
                           const AttentionOptions &options) {
  const int64_t headWidth = x.width() / heads, length = x.size(1);
  for (int64_t t = 0; t < length; ++t)
    for (int64_t h = 0; h < heads; ++h)
      rotateHead(&x.f32[(b * length + t) * x.width() + h * headWidth], start + t, rotation, options.interleaved);
}

/// Sequences that all begin at `start` and are turned alike.
static Tensor rotateRows(Tensor x, int64_t heads, int64_t start, const Rotation &rotation,
                         const AttentionOptions &options) {
  for (int64_t b = 0; b < x.size(0); ++b)
    rotateSequence(x, b, heads, start, rotation, options);
  return x;
}

/// Each sequence as one of its own length is.
static Tensor rotateRows(Tensor x, int64_t heads, const Tensor &lengths, const AttentionOptions &options) {
  for (int64_t b = 0; b < x.size(0) && options.rotation; ++b)
    rotateSequence(x, b, heads, 0, options.rotation(lengths.i32[b]), options);
  return x;
}

/// One head of one row: y = sum_j softmax_j(scale q . k_j) v_j over `count` keys; zeros when there is none.
static void attend(const float *query, const float *keys, const float *values, int64_t count, int64_t keyStride,
                   int64_t valueStride, int64_t keyWidth, int64_t valueWidth, const AttentionOptions &options,
                   float *result) {
  std::fill(result, result + valueWidth, 0.0f);
  if (count == 0)
    return;
  const double scale = options.bf16 ? 1 : options.scale; // bf16 queries carry it already
  std::vector<double> weights(count), sums(valueWidth);
  for (int64_t j = 0; j < count; ++j)
    for (int64_t k = 0; k < keyWidth; ++k)
      weights[j] += scale * query[k] * keys[j * keyStride + k];
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0;
  for (double &weight : weights)
    total += weight = std::exp(weight - largest);
  if (options.bf16) // after the sum is taken
    for (double &weight : weights)
      weight = nearestBf16(float(weight));
  for (int64_t j = 0; j < count; ++j)
    for (int64_t k = 0; k < valueWidth; ++k)
      sums[k] += weights[j] / total * values[j * valueStride + k];
  std::copy(sums.begin(), sums.end(), result);
}

/// One row of one sequence, all heads: query head h reads key/value head floor(h kv_heads / heads).
static void attendRow(const float *query, const float *keys, const float *values, int64_t count, int64_t keyWidth,
                      int64_t valueWidth, const AttentionOptions &options, float *result) {
  const int64_t group = options.heads / options.kvHeads;
  const int64_t keyHead = keyWidth / options.kvHeads, valueHead = valueWidth / options.kvHeads;
  for (int64_t h = 0; h < options.heads; ++h)
    attend(query + h * keyHead, keys + h / group * keyHead, values + h / group * valueHead, count, keyWidth, valueWidth,
           keyHead, valueHead, options, result + h * valueHead);
}

static Tensor emptyResult(const Tensor &query, const Tensor &value, const AttentionOptions &options) {
  return Tensor::ofF32({query.size(0), query.size(1), value.width() / options.kvHeads * options.heads});
}

/// The cache of this layer, made at first use; an error when it belongs to other sequences or its keys are turned
/// otherwise.
static Result<CacheLayer *> findLayer(Cache &cache, const Tensor &key, const Tensor &value, int64_t layerNumber,
                                      const Rotation &rotation) {
  if (int64_t(cache.layers.size()) <= layerNumber)
    cache.layers.resize(layerNumber + 1);
  CacheLayer &layer = cache.layers[layerNumber];
  const size_t batch = size_t(key.size(0));
  if (layer.positions == 0) {
    layer.keys.resize(batch);
    layer.values.resize(batch);
    layer.frequencies = rotation.frequencies;
  }
  bool fits = layer.keys.size() == batch;
  for (size_t b = 0; fits && b < batch; ++b)
    fits = int64_t(layer.keys[b].size()) == layer.positions * key.width() &&
           int64_t(layer.values[b].size()) == layer.positions * value.width();
  if (!fits)
    return malformed("the cache of layer " + std::to_string(layerNumber) +
                     " was filled by another batch size or width; a cache belongs to one model and one batch");
  if (layer.frequencies != rotation.frequencies)
    return malformed("the keys in the cache of layer " + std::to_string(layerNumber) +
                     " are turned for another length of the sequence than " +
                     std::to_string(layer.positions + key.size(1)) +
                     ": the model's angles depend on it; run the whole sequence again");
  return &layer;
}

static int64_t positionsIn(const Cache &cache, int64_t layer) {
  return layer < int64_t(cache.layers.size()) ? cache.layers[layer].positions : 0;
}

Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, Cache &cache,
                         const AttentionOptions &options) {
  const int64_t length = query.size(1), start = positionsIn(cache, options.layer);
  const Rotation rotation = options.rotation ? options.rotation(start + length) : Rotation();
  Result<CacheLayer *> found = findLayer(cache, key, value, options.layer, rotation);
  if (!found)
    return found.error();
  CacheLayer &layer = **found;
  Tensor q = narrowed(rotateRows(query, options.heads, start, rotation, options), options.scale, options);
  Tensor k = kept(rotateRows(key, options.kvHeads, start, rotation, options), options);
  Tensor v = kept(value, options);
  Tensor y = emptyResult(query, value, options);
  for (int64_t b = 0; b < query.size(0); ++b) {
    auto append = [&](std::vector<float> &to, const Tensor &from) {
      auto begin = from.f32.begin() + b * length * from.width();
      to.insert(to.end(), begin, begin + length * from.width());
    };
    append(layer.keys[b], k);
    append(layer.values[b], v);
    for (int64_t t = 0; t < length; ++t) // causal by absolute position
      attendRow(&q.f32[(b * length + t) * q.width()], layer.keys[b].data(), layer.values[b].data(), start + t + 1,
                k.width(), value.width(), options, &y.f32[(b * length + t) * y.width()]);
  }
  layer.positions += length;
  return y;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &lengths,
                 const AttentionOptions &options) {
  Tensor q = narrowed(rotateRows(query, options.heads, lengths, options), options.scale, options);
  Tensor k = kept(rotateRows(key, options.kvHeads, lengths, options), options);
  Tensor v = kept(value, options);
  Tensor y = emptyResult(query, value, options);
  const int64_t length = query.size(1);
  for (int64_t b = 0; b < query.size(0); ++b) {
    const int64_t rows = std::clamp<int64_t>(lengths.i32[b], 0, length); // the rest stays zero
    for (int64_t t = 0; t < rows; ++t)
      attendRow(&q.f32[(b * length + t) * q.width()], &k.f32[b * length * k.width()],
                &v.f32[b * length * value.width()], options.causal ? t + 1 : rows, k.width(), value.width(), options,
                &y.f32[(b * length + t) * y.width()]);
  }
  return y;
}

} // namespace lmopt::lm::reference
