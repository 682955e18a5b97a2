// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Llama family of Hugging Face (LlamaForCausalLM): config.json to LlamaConfig.
// From: transformers' LlamaConfig, modeling_llama.py and modeling_rope_utils.py. RoPE settings come in two spellings:
// rope_theta + rope_scaling {type|rope_type, ...}, and since version 5 one object rope_parameters.
// Tested by test/unit/frontends/families/LlamaConfigTest.cpp.
#include "files/File.h"
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/huggingface/Config.h"

#include <cmath>

using namespace lmopt;
using nlohmann::json;

static constexpr double kHuge = 1e15;

/// The attention factor of YaRN when two magnitudes are given (DeepSeek's way): their ratio at this factor.
static double yarnMagnitude(double factor, double magnitude) {
  return factor <= 1 ? 1.0 : 0.1 * magnitude * std::log(factor) + 1.0;
}

/// A parameter for which transformers takes 0 as missing.
static double nonZero(JsonFields &fields, const char *field, double standard) {
  double value = fields.number(field, 0, kHuge).value_or(0);
  return value > 0 ? value : standard;
}

static void readYarn(JsonFields &fields, RopeScaling &scaling) {
  scaling.betaFast = nonZero(fields, "beta_fast", scaling.betaFast);
  scaling.betaSlow = nonZero(fields, "beta_slow", scaling.betaSlow);
  double magnitude = nonZero(fields, "mscale", 0), magnitudeAll = nonZero(fields, "mscale_all_dim", 0);
  if (!scaling.attentionFactor && magnitude > 0 && magnitudeAll > 0)
    scaling.attentionFactor = yarnMagnitude(scaling.factor, magnitude) / yarnMagnitude(scaling.factor, magnitudeAll);
}

static std::optional<RopeScaling::Kind> scalingKind(const std::string &name) {
  if (name == "linear")
    return RopeScaling::Kind::Linear;
  if (name == "dynamic")
    return RopeScaling::Kind::Dynamic;
  if (name == "yarn")
    return RopeScaling::Kind::Yarn;
  if (name == "llama3")
    return RopeScaling::Kind::Llama3;
  if (name == "longrope" || name == "su")
    return RopeScaling::Kind::LongRope;
  return std::nullopt;
}

static double requireNumber(JsonFields &fields, const char *field, double least) {
  std::optional<double> value = fields.number(field, least, kHuge);
  if (!value && fields.ok())
    fields.fail(field, "is missing; expected a number");
  return value.value_or(least);
}

/// Reads the parameters that go with `kind`. The length before stretching stands in the object, or beside it in
/// config.json (`outerOriginal`), or is the model's own.
static RopeScaling readScaling(JsonFields &fields, RopeScaling::Kind kind, const LlamaConfig &config,
                               std::optional<int64_t> outerOriginal, const LlamaShape &shape) {
  RopeScaling scaling;
  scaling.kind = kind;
  std::optional<int64_t> original = fields.integer("original_max_position_embeddings", 2, kMaxPositions);
  if (outerOriginal || shape.originalPositions)
    original = outerOriginal.value_or(shape.originalPositions);
  scaling.originalPositions = original.value_or(config.maxPositions);
  if (kind == RopeScaling::Kind::Dynamic) // stretches when the sequence outgrows the model's own length
    scaling.originalPositions = config.maxPositions;
  bool fromLengths = kind == RopeScaling::Kind::LongRope || kind == RopeScaling::Kind::Yarn;
  double implied = std::max(1.0, double(config.maxPositions) / double(scaling.originalPositions));
  scaling.factor =
      fromLengths ? fields.number("factor", 1, kHuge).value_or(implied) : requireNumber(fields, "factor", 1);
  if (fromLengths)
    scaling.attentionFactor = fields.number("attention_factor", 0, kHuge);
  if (kind == RopeScaling::Kind::Yarn)
    readYarn(fields, scaling);
  if (kind == RopeScaling::Kind::Llama3) {
    scaling.lowFrequency = requireNumber(fields, "low_freq_factor", 0);
    scaling.highFrequency = requireNumber(fields, "high_freq_factor", 0);
  }
  if (kind == RopeScaling::Kind::LongRope) {
    scaling.shortFactors = fields.numbers("short_factor", kMaxWidth).value_or(std::vector<double>());
    scaling.longFactors = fields.numbers("long_factor", kMaxWidth).value_or(std::vector<double>());
  }
  return scaling;
}

/// Parameters that the type does not use: transformers ignores and tells them. A factor of 1 says what is the case, and
/// the original length is often there whatever the type.
static void tellUnused(const JsonFields &fields, const json &object, const std::string &kind, Warnings &warnings) {
  const FieldTable table = ropeFields();
  for (const std::string &name : fields.unknown()) {
    bool matters = findRule(table, name)->use == FieldUse::Read && name != "original_max_position_embeddings" &&
                   !(name == "factor" && object[name] == 1);
    if (matters)
      warnings.push_back(fields.place(name) + " is ignored, as in transformers: the type " + printable(kind) +
                         " does not use it");
  }
}

/// How much of a head is turned, where something says so.
static void setRotaryPart(LlamaConfig &config, std::optional<double> part) {
  if (part)
    config.ropeDims = static_cast<int64_t>(static_cast<double>(config.headSize) * *part);
}

/// Reads rope_scaling or rope_parameters; the first error lands in `outer`.
static void readRopeObject(JsonFields &outer, const json &object, const char *name, const std::string &path,
                           LlamaConfig &config, std::optional<int64_t> outerOriginal, const LlamaShape &shape) {
  if (Result<void> known = checkFields(object, ropeFields(shape.partialRotary), path, config.warnings, name); !known)
    return outer.adopt(known.error());
  JsonFields fields(object, path, name);
  config.ropeBase = fields.number("rope_theta", 1, kHuge).value_or(config.ropeBase);
  std::optional<std::string> type = fields.string("rope_type"), oldType = fields.string("type");
  std::string kindName = type ? *type : oldType.value_or("default");
  std::optional<RopeScaling::Kind> kind = scalingKind(kindName);
  if (shape.longRopeOnly && kind != RopeScaling::Kind::LongRope)
    kind = std::nullopt;
  if (shape.partialRotary)
    setRotaryPart(config, fields.number("partial_rotary_factor", 0, 1));
  if (kind)
    config.ropeScaling = readScaling(fields, *kind, config, outerOriginal, shape);
  else if (kindName != "default")
    fields.fail("rope_type",
                printable(kindName) + " is not supported; supported are default, " +
                    (shape.longRopeOnly ? "longrope" : "linear, dynamic, yarn, llama3, longrope"),
                kErrorUnsupported);
  if (!fields.ok())
    return outer.adopt(fields.error());
  tellUnused(fields, object, kindName, config.warnings);
}

/// How transformers 5 writes the two kinds of angles: an object of objects, which are as the one of other families.
static void readRopeOfTypes(JsonFields &outer, const json &object, const std::string &path, LlamaConfig &config,
                            const LlamaShape &shape) {
  JsonFields types(object, path, "rope_parameters");
  const json *full = types.value("full_attention"), *sliding = types.value("sliding_attention");
  for (const std::string &name : types.unknown())
    return types.fail(name, "no such kind of attention", kErrorUnsupported), outer.adopt(types.error());
  if (!full || !full->is_object() || !sliding || !sliding->is_object())
    return outer.fail("rope_parameters", "expected objects full_attention and sliding_attention");
  LlamaConfig local = config;
  local.ropeBase = config.localRopeBase;
  readRopeObject(outer, *full, "rope_parameters.full_attention", path, config, std::nullopt, shape);
  readRopeObject(outer, *sliding, "rope_parameters.sliding_attention", path, local, std::nullopt, shape);
  config.localRopeBase = local.ropeBase;
  if (local.ropeScaling)
    outer.fail("rope_parameters.sliding_attention", "angles that are stretched are not supported in layers that slide",
               kErrorUnsupported);
}

/// Which of the two spellings counts: transformers takes rope_scaling unless it is missing or empty.
static void readRope(JsonFields &fields, const std::string &path, LlamaConfig &config, const LlamaShape &shape) {
  config.ropeBase = fields.number("rope_theta", 1, kHuge).value_or(shape.ropeBase);
  config.ropeDims = config.headSize;
  if (shape.localRopeBase)
    config.localRopeBase = fields.number("rope_local_base_freq", 1, kHuge).value_or(shape.localRopeBase);
  if (shape.partialRotary)
    setRotaryPart(config, fields.number("partial_rotary_factor", 0, 1));
  std::optional<int64_t> original = fields.integer("original_max_position_embeddings", 2, kMaxPositions);
  const json *scaling = fields.value("rope_scaling"), *parameters = fields.value("rope_parameters");
  if (scaling && scaling->is_object() && scaling->empty())
    scaling = nullptr;
  if (scaling)
    readRopeObject(fields, *scaling, "rope_scaling", path, config, original, shape);
  else if (parameters && shape.localRopeBase && (*parameters).contains("full_attention"))
    readRopeOfTypes(fields, *parameters, path, config, shape);
  else if (parameters)
    readRopeObject(fields, *parameters, "rope_parameters", path, config, original, shape);
  if (scaling && parameters && *scaling != *parameters)
    config.warnings.push_back(fields.place("rope_parameters") + " is ignored beside rope_scaling, as in transformers");
}

static void readSizes(JsonFields &fields, const json &object, LlamaConfig &config, const LlamaShape &shape) {
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.maxPositions = fields.integer("max_position_embeddings", 1, kMaxPositions).value_or(shape.maxPositions);
  int64_t layers = fields.requireInteger("num_hidden_layers", 1, kMaxLayers);
  LlamaLayer layer;
  layer.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  bool asQueries = shape.kvHeads == 0 || object.contains("num_key_value_heads"); // also where it is null
  layer.kvHeads = fields.integer("num_key_value_heads", 1, kMaxHeads).value_or(asQueries ? layer.heads : shape.kvHeads);
  layer.ffnWidth = fields.requireInteger("intermediate_size", 1, kMaxWidth);
  std::optional<int64_t> headSize = fields.integer("head_dim", 2, kMaxWidth);
  if (!headSize && shape.headSize && !object.contains("head_dim"))
    headSize = shape.headSize;
  if (!headSize && fields.ok() && config.width % layer.heads != 0)
    fields.fail("num_attention_heads", "does not divide hidden_size, and there is no head_dim");
  config.headSize = headSize.value_or(config.width / layer.heads);
  config.layers.assign(layers, layer);
}

static Result<LlamaConfig> readJson(const json &object, const std::string &path, const LlamaShape &shape) {
  LlamaConfig config;
  JsonFields fields(object, path);
  readSizes(fields, object, config, shape);
  config.normEps = fields.number("rms_norm_eps", 0, 1).value_or(shape.normEps);
  config.activation = readActivation(fields, shape.activationField, shape.activation);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(shape.tiedHead);
  config.queryBias = shape.queryBias;
  if (shape.readsBiases) {
    config.queryBias = config.outputBias = fields.boolean("attention_bias").value_or(false);
    config.ffnBias = fields.boolean("mlp_bias").value_or(false);
  }
  if (fields.ok())
    readRope(fields, path, config, shape);
  if (shape.readOwn && fields.ok())
    shape.readOwn(fields, config);
  if (fields.ok())
    readWindows(fields, object, config, shape);
  if (!fields.ok())
    return fields.error();
  if (Result<void> checked = checkLlamaConfig(config, path); !checked)
    return checked.error();
  return config;
}

ConfigResult lmopt::readLlamaJson(const json &object, const std::string &path, const LlamaShape &shape) {
  return ownConfig(readJson(object, path, shape));
}
