// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/gguf/Llama.h. Every key of the file has a rule in LlamaKeys.cpp; here are the ones that
// are read. Tested by test/unit/frontends/GgufLlamaTest.cpp.
#include "frontends/gguf/Llama.h"

#include "frontends/gguf/LlamaKeys.h"

#include <algorithm>
#include <cmath>

using namespace lmopt;

namespace {
/// Reads keys of the architecture and remembers the first error.
class Reader {
public:
  explicit Reader(const GgufFile &file) : file(file) {}

  Result<LlamaConfig> read();

private:
  int64_t integer(const char *key, int64_t least, int64_t most, std::optional<int64_t> standard = std::nullopt);
  double number(const char *key, double least, double most, std::optional<double> standard = std::nullopt);
  std::vector<int64_t> perLayer(const char *key, int64_t layers, int64_t most, const std::vector<int64_t> &standard);

  void readSizes();
  void readRope();
  void readScaling();
  void readFrequencyFactors();
  void refuseOddities();
  Result<void> readTables();

  const GgufValue *take(const char *key) { return error ? nullptr : file.find(std::string("llama.") + key); }
  void fail(const std::string &key, const std::string &message, int code = kErrorMalformed) {
    if (!error)
      error = Error{code, file.path() + ": metadata key " + printable("llama." + key) + ": " + message};
  }

  const GgufFile &file;
  LlamaConfig config;
  double attentionFactor = 1;
  std::optional<Error> error;
};
} // namespace

int64_t Reader::integer(const char *key, int64_t least, int64_t most, std::optional<int64_t> standard) {
  const GgufValue *value = take(key);
  if (!value && !standard)
    fail(key, "is missing; expected an integer");
  if (!value)
    return standard.value_or(least);
  std::optional<int64_t> number = value->asSigned();
  if (number && *number >= least && *number <= most)
    return *number;
  fail(key, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
                (number ? std::to_string(*number) : std::string(ggufValueTypeName(value->type()))));
  return least;
}

double Reader::number(const char *key, double least, double most, std::optional<double> standard) {
  const GgufValue *value = take(key);
  if (!value && !standard)
    fail(key, "is missing; expected a number");
  if (!value)
    return standard.value_or(least);
  std::optional<double> number = value->asDouble();
  if (number && *number >= least && *number <= most)
    return *number;
  fail(key, "expected a number from " + std::to_string(least) + " to " + std::to_string(most) + ", found " +
                (number ? std::to_string(*number) : std::string(ggufValueTypeName(value->type()))));
  return least;
}

/// One number for all layers, or a list of one for each.
std::vector<int64_t> Reader::perLayer(const char *key, int64_t layers, int64_t most,
                                      const std::vector<int64_t> &standard) {
  const GgufValue *value = take(key);
  if (!value && standard.empty())
    fail(key, "is missing; expected an integer");
  if (!value)
    return standard.empty() ? std::vector<int64_t>(layers, 1) : standard;
  if (!value->isArray())
    return std::vector<int64_t>(layers, integer(key, 1, most));
  bool fits = value->size() == static_cast<uint64_t>(layers); // before anything is allocated for it
  std::optional<std::vector<int64_t>> numbers = fits ? value->asIntegers() : std::nullopt;
  if (numbers && std::all_of(numbers->begin(), numbers->end(), [&](int64_t n) { return n >= 1 && n <= most; }))
    return *numbers;
  fail(key, "expected one integer from 1 to " + std::to_string(most) + " for each of the " + std::to_string(layers) +
                " layers, found an array of " + std::to_string(value->size()));
  return std::vector<int64_t>(layers, 1);
}

void Reader::readSizes() {
  config.width = integer("embedding_length", 1, kMaxWidth);
  config.maxPositions = integer("context_length", 1, kMaxPositions);
  config.normEps = number("attention.layer_norm_rms_epsilon", 0, 1);
  int64_t layers = integer("block_count", 1, kMaxLayers);
  std::vector<int64_t> heads = perLayer("attention.head_count", layers, kMaxHeads, {});
  std::vector<int64_t> kvHeads = perLayer("attention.head_count_kv", layers, kMaxHeads, heads);
  std::vector<int64_t> ffnWidths = perLayer("feed_forward_length", layers, kMaxWidth, {});
  for (int64_t i = 0; i < layers; ++i)
    config.layers.push_back({heads[i], kvHeads[i], ffnWidths[i]});

  int64_t keyLength = integer("attention.key_length", 1, kMaxWidth, 0);
  int64_t valueLength = integer("attention.value_length", 1, kMaxWidth, keyLength);
  if (keyLength == 0 && config.width % heads[0] != 0)
    fail("attention.head_count",
         "does not divide the width " + std::to_string(config.width) + ", and there is no attention.key_length");
  config.headSize = keyLength ? keyLength : config.width / heads[0];
  if (valueLength && valueLength != config.headSize)
    fail("attention.value_length", "values of another size than keys are not supported", kErrorUnsupported);
}

void Reader::readRope() {
  config.ropeInterleaved = true;
  config.ropeDims = integer("rope.dimension_count", 2, kMaxWidth, config.headSize);
  config.ropeBase = number("rope.freq_base", 1, 1e15, 10000.0);
  readScaling();
  readFrequencyFactors();
}

void Reader::readScaling() {
  const GgufValue *type = take("rope.scaling.type");
  std::string kind(type ? type->asString().value_or("?") : "");
  double oldLinear = number("rope.scale_linear", 1, 1e15, 1.0);
  double factor = number("rope.scaling.factor", 0, 1e15, 0.0); // some files say 0 for "none"
  int64_t original = integer("rope.scaling.original_context_length", 0, kMaxPositions, 0);
  attentionFactor = number("rope.scaling.attn_factor", 0, 1e6, 0.0);
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
    fail("rope.scaling.type", printable(kind) + " is not supported; supported are none, linear, yarn",
         kErrorUnsupported);
  }
  if (attentionFactor != 1 && kind != "yarn")
    fail("rope.scaling.attn_factor", "is supported with the type yarn only", kErrorUnsupported);
}

/// The tensor rope_freqs.weight holds a divisor for each frequency (how Llama 3.1 files carry their scaling). The
/// dialect's longrope with equal lists says just that.
void Reader::readFrequencyFactors() {
  const GgufTensor *tensor = error ? nullptr : file.findTensor("rope_freqs.weight");
  if (!tensor)
    return;
  if (tensor->shape.size() != 1 || tensor->columns() != config.ropeDims / 2) {
    error = malformed(file.path() + ": tensor 'rope_freqs.weight': expected " + std::to_string(config.ropeDims / 2) +
                      " numbers");
    return;
  }
  if (config.ropeScaling) {
    error = unsupported(file.path() + ": tensor 'rope_freqs.weight' together with rope.scaling is not supported");
    return;
  }
  std::vector<float> factors(tensor->columns());
  if (Result<void> decoded = file.decodeRows(*tensor, 0, 1, factors.data()); !decoded) {
    error = decoded.error();
    return;
  }
  RopeScaling scaling;
  scaling.kind = RopeScaling::Kind::LongRope;
  scaling.originalPositions = std::max<int64_t>(config.maxPositions, 2);
  scaling.attentionFactor = 1.0;
  scaling.shortFactors.assign(factors.begin(), factors.end());
  scaling.longFactors = scaling.shortFactors;
  config.ropeScaling = scaling;
}

/// Keys that may have one value only, which depends on the sizes.
void Reader::refuseOddities() {
  int64_t width = integer("embedding_length_out", 0, kMaxWidth, 0);
  if (width != 0 && width != config.width)
    fail("embedding_length_out", "vectors of another width than the layers' are not supported", kErrorUnsupported);
  int64_t window = integer("attention.sliding_window", 0, INT64_MAX, 0);
  if (window != 0 && window < config.maxPositions)
    fail("attention.sliding_window",
         "attention to a window of " + std::to_string(window) + " positions is not supported", kErrorUnsupported);
  double usual = 1 / std::sqrt(static_cast<double>(config.headSize)), scale = number("attention.scale", 0, 1e6, 0.0);
  if (scale != 0 && std::abs(scale - usual) > 1e-6 * usual) // as a float of 32 bits
    fail("attention.scale", "a scale of attention other than 1 / sqrt(width of a head) is not supported",
         kErrorUnsupported);
}

/// The tensors that say something about the configuration: how many tokens, and whether the head is the same table.
Result<void> Reader::readTables() {
  const GgufTensor *embedding = file.findTensor("token_embd.weight"), *head = file.findTensor("output.weight");
  if (!embedding || embedding->shape.size() != 2)
    return malformed(file.path() + ": the tensor 'token_embd.weight' is missing or no matrix");
  config.vocabulary = embedding->rows();
  if (config.vocabulary > kMaxVocabulary)
    return malformed(file.path() + ": tensor 'token_embd.weight' has " + std::to_string(config.vocabulary) +
                     " rows, at most " + std::to_string(kMaxVocabulary) + " tokens are accepted");
  config.tiedHead =
      !head || (head->type == embedding->type && head->shape == embedding->shape && head->data == embedding->data);
  return {};
}

Result<LlamaConfig> Reader::read() {
  if (Result<void> checked = checkGgufKeys(file, ggufLlamaKeys(), config.warnings); !checked)
    return checked.error();
  readSizes();
  readRope();
  refuseOddities();
  if (error)
    return *error;
  if (Result<void> read = readTables(); !read)
    return read.error();
  config.biasIfPresent = true;
  if (Result<void> checked = checkLlamaConfig(config, file.path()); !checked)
    return checked.error();
  return std::move(config);
}

/// A file of another kind should not be told about its missing sizes.
static Result<void> checkType(const GgufFile &file) {
  Result<std::optional<std::string_view>> type = file.findString("general.type");
  if (!type || !*type)
    return type ? Result<void>() : type.error();
  Warnings none; // the rule does not tell
  std::string refusal, place = file.path() + ": metadata key 'general.type'";
  FieldVerdict verdict = checkField(ggufLlamaKeys(), "general.type", std::string(**type), place, refusal, none);
  return verdict == FieldVerdict::Fine ? Result<void>() : unsupported(refusal);
}

Result<LlamaConfig> lmopt::readLlamaConfig(const GgufFile &file) {
  if (Result<void> checked = checkType(file); !checked)
    return checked.error();
  Result<std::optional<std::string_view>> architecture = file.findString("general.architecture");
  if (!architecture)
    return architecture.error();
  if (!*architecture)
    return malformed(file.path() + ": the metadata key 'general.architecture' is missing");
  if (**architecture != "llama")
    return unsupported(file.path() + ": architecture " + printable(**architecture) +
                       " is not supported; supported is llama");
  Result<std::optional<uint64_t>> parts = file.findUnsigned("split.count");
  if (!parts)
    return parts.error();
  if (parts->value_or(1) > 1)
    return unsupported(file.path() + ": the model is split into " + std::to_string(**parts) +
                       " files, which is not supported; merge them with llama-gguf-split --merge");
  Result<LlamaConfig> config = Reader(file).read();
  Result<std::optional<std::string_view>> name = file.findString("general.name");
  if (config && name && *name)
    config->name = std::string(**name);
  return config;
}

std::string lmopt::ggufLlamaTensorName(const std::string &name) {
  if (name == "embed.weight")
    return "token_embd.weight";
  if (name == "final_norm.weight")
    return "output_norm.weight";
  if (name == "head.weight")
    return "output.weight";
  // layers.N.PART.weight -> blk.N.GGUFPART.weight
  static const std::pair<const char *, const char *> parts[] = {
      {".attn.q.", ".attn_q."},      {".attn.k.", ".attn_k."},     {".attn.v.", ".attn_v."},
      {".attn.o.", ".attn_output."}, {".ffn.gate.", ".ffn_gate."}, {".ffn.up.", ".ffn_up."},
      {".ffn.down.", ".ffn_down."},
  };
  std::string result = "blk." + name.substr(std::string("layers.").size());
  for (auto [ours, theirs] : parts)
    if (size_t position = result.find(ours); position != std::string::npos)
      return result.replace(position, std::string(ours).size(), theirs);
  return result; // attn_norm and ffn_norm have the same names
}
