// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF files of architecture `llama` and others of its shape: metadata to LlamaConfig. Every key of the file has a rule
// in LlamaKeys.cpp; here are the ones that are read. From: the key names of llama.cpp. Tested by
// test/unit/frontends/families/GgufLlamaTest.cpp, fuzzed by fuzz-gguf.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/gguf/Metadata.h"

#include <algorithm>
#include <cmath>

using namespace lmopt;

namespace {
class Reader {
public:
  Reader(const GgufFile &file, const std::string &architecture, const LlamaMetadata &shape)
      : file(file), fields(file, architecture + "."), shape(shape) {
    config.ropeInterleaved = shape.interleaved;
  }

  Result<LlamaConfig> read();

private:
  void readSizes();
  void readRope();
  void readScaling();
  void readFrequencyFactors();
  void readWindows();
  void refuseOddities();

  const GgufFile &file;
  GgufFields fields; // remembers the first error
  const LlamaMetadata &shape;
  LlamaConfig config;
  double attentionFactor = 1;
};
} // namespace

void Reader::readSizes() {
  config.width = fields.integer("embedding_length", 1, kMaxWidth);
  config.maxPositions = fields.integer("context_length", 1, kMaxPositions);
  config.normEps = fields.number("attention.layer_norm_rms_epsilon", 0, 1);
  int64_t layers = fields.integer("block_count", 1, kMaxLayers);
  std::vector<int64_t> heads = fields.perLayer("attention.head_count", layers, kMaxHeads, {});
  std::vector<int64_t> kvHeads = fields.perLayer("attention.head_count_kv", layers, kMaxHeads, heads);
  std::vector<int64_t> ffnWidths = fields.perLayer("feed_forward_length", layers, kMaxWidth, {});
  for (int64_t i = 0; i < layers; ++i)
    config.layers.push_back({heads[i], kvHeads[i], ffnWidths[i]});

  int64_t keyLength = fields.integer("attention.key_length", 1, kMaxWidth, 0);
  int64_t valueLength = fields.integer("attention.value_length", 1, kMaxWidth, keyLength);
  if (keyLength == 0 && config.width % heads[0] != 0)
    fields.fail("attention.head_count",
                "does not divide the width " + std::to_string(config.width) + ", and there is no attention.key_length");
  config.headSize = keyLength ? keyLength : config.width / heads[0];
  if (valueLength && valueLength != config.headSize)
    fields.fail("attention.value_length", "values of another size than keys are not supported", kErrorUnsupported);
}

void Reader::readRope() {
  config.ropeDims = fields.integer("rope.dimension_count", 2, kMaxWidth, config.headSize);
  config.ropeBase = fields.number("rope.freq_base", 1, 1e15, 10000.0);
  readScaling();
  readFrequencyFactors();
}

void Reader::readScaling() {
  std::string kind = fields.string("rope.scaling.type");
  double oldLinear = fields.number("rope.scale_linear", 1, 1e15, 1.0);
  double factor = fields.number("rope.scaling.factor", 0, 1e15, 0.0); // some files say 0 for "none"
  int64_t original = fields.integer("rope.scaling.original_context_length", 0, kMaxPositions, 0);
  attentionFactor = fields.number("rope.scaling.attn_factor", 0, 1e6, 0.0);
  attentionFactor = attentionFactor > 0 ? attentionFactor : 1;
  RopeScaling scaling;
  scaling.factor = factor > 0 ? factor : oldLinear;
  scaling.originalPositions = original ? original : config.maxPositions;
  if (kind == "linear" || (kind.empty() && scaling.factor > 1)) {
    config.ropeScaling = scaling;
  } else if (kind == "yarn") {
    scaling.kind = RopeScaling::Kind::Yarn;
    if (attentionFactor != 1) // llama.cpp multiplies YaRN's own factor by it
      scaling.attentionFactor = attentionFactor * (0.1 * std::log(std::max(1.0, scaling.factor)) + 1.0);
    config.ropeScaling = scaling;
  } else if (!kind.empty() && kind != "none") {
    fields.fail("rope.scaling.type", printable(kind) + " is not supported; supported are none, linear, yarn",
                kErrorUnsupported);
  }
  if (attentionFactor != 1 && kind != "yarn" && !shape.factorTensors)
    fields.fail("rope.scaling.attn_factor", "is supported with the type yarn only", kErrorUnsupported);
}

std::vector<double> lmopt::readRopeFactors(const GgufFile &file, GgufFields &fields, const std::string &name,
                                           int64_t count) {
  const GgufTensor *tensor = fields.ok() ? file.findTensor(name) : nullptr;
  if (!tensor)
    return {};
  std::vector<float> factors(count);
  if (tensor->shape.size() != 1 || tensor->columns() != count)
    fields.adopt(malformed(file.path() + ": tensor '" + name + "': expected " + std::to_string(count) + " numbers"));
  else if (Result<void> decoded = file.decodeRows(*tensor, 0, 1, factors.data()); !decoded)
    fields.adopt(decoded.error());
  return {factors.begin(), factors.end()};
}

/// The tensor rope_freqs.weight holds a divisor for each frequency (how Llama 3.1 files carry their scaling). The
/// dialect's longrope with equal lists says just that.
void Reader::readFrequencyFactors() {
  std::vector<double> factors = readRopeFactors(file, fields, "rope_freqs.weight", config.ropeDims / 2);
  if (factors.empty() || !fields.ok())
    return;
  if (config.ropeScaling)
    return fields.adopt(
        unsupported(file.path() + ": tensor 'rope_freqs.weight' together with rope.scaling is not supported"));
  RopeScaling scaling;
  scaling.kind = RopeScaling::Kind::LongRope;
  scaling.originalPositions = std::max<int64_t>(config.maxPositions, 2);
  scaling.attentionFactor = 1.0;
  scaling.shortFactors = scaling.longFactors = std::move(factors);
  config.ropeScaling = scaling;
}

/// Which layers slide counts even where the window is no shorter than the longest sequence: they may turn otherwise.
void Reader::readWindows() {
  int64_t window =
      fields.integer("attention.sliding_window", shape.window ? 1 : 0, INT64_MAX, shape.window.value_or(0));
  config.window = window < config.maxPositions ? window : 0;
  if (config.window && !shape.slides)
    fields.fail("attention.sliding_window",
                "attention to a window of " + std::to_string(window) + " positions is not supported",
                kErrorUnsupported);
  if (!window || !shape.slides || !fields.ok())
    return;
  std::vector<bool> slides = shape.slides(fields, config);
  for (size_t i = 0; i < slides.size(); ++i)
    config.layers[i].slides = slides[i];
}

/// Keys that may have one value only, which depends on the sizes.
void Reader::refuseOddities() {
  int64_t width = fields.integer("embedding_length_out", 0, kMaxWidth, 0);
  if (width != 0 && width != config.width)
    fields.fail("embedding_length_out", "vectors of another width than the layers' are not supported",
                kErrorUnsupported);
  double usual = 1 / std::sqrt(static_cast<double>(config.headSize)),
         scale = fields.number("attention.scale", 0, 1e6, 0.0);
  if (shape.readsScale)
    config.attentionScale = scale;
  else if (scale != 0 && std::abs(scale - usual) > 1e-6 * usual) // as a float of 32 bits
    fields.fail("attention.scale", "a scale of attention other than 1 / sqrt(width of a head) is not supported",
                kErrorUnsupported);
}

Result<LlamaConfig> Reader::read() {
  config.biasIfPresent = true;
  readSizes();
  readRope();
  readWindows();
  refuseOddities();
  fields.readTables(config);
  if (shape.readOwn && fields.ok())
    shape.readOwn(file, fields, config);
  if (!fields.ok())
    return fields.error();
  if (Result<void> checked = checkLlamaConfig(config, file.path()); !checked)
    return checked.error();
  return std::move(config);
}

ConfigResult lmopt::readLlamaMetadata(const GgufFile &file, const std::string &architecture,
                                      const LlamaMetadata &shape) {
  return ownConfig(Reader(file, architecture, shape).read());
}
