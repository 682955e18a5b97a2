// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SentenceTransformers.h. From: sentence-transformers' modules Transformer, Pooling and Normalize.
// Tested by test/unit/frontends/SentenceTransformersTest.cpp.
#include "frontends/huggingface/SentenceTransformers.h"

#include "frontends/File.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

/// "sentence_transformers.models.Pooling" -> "Pooling".
static std::string lastComponent(const std::string &type) { return type.substr(type.rfind('.') + 1); }

/// A module's folder must be a plain name inside the directory.
static bool isPlainFolder(const std::string &path) {
  return path.find('/') == std::string::npos && path != "." && path != ".." && path.find('\0') == std::string::npos;
}

Result<SentencePipeline> lmopt::parseSentencePipeline(const json &modules, const std::string &directory) {
  std::string path = directory + "/modules.json";
  if (!modules.is_array() || modules.empty())
    return malformed(path + ": expected a list of modules");
  SentencePipeline pipeline;
  pipeline.directory = pipeline.transformerDirectory = directory;
  std::string chain;
  for (const json &module : modules) {
    JsonFields fields(module, path);
    std::string type = lastComponent(fields.string("type").value_or(""));
    std::string folder = fields.string("path").value_or("");
    if (!fields.ok())
      return fields.error();
    if (!isPlainFolder(folder))
      return malformed(path + ": path " + printable(folder) + " of a module is not the name of a folder beside it");
    std::string place = folder.empty() ? directory : directory + "/" + folder;
    if (type == "Transformer")
      pipeline.transformerDirectory = place;
    else if (type == "Pooling")
      pipeline.poolingDirectory = place;
    else if (type == "Normalize")
      pipeline.normalize = true;
    else
      return unsupported(path + ": module " + printable(type) +
                         " is not supported; supported are Transformer, Pooling, Normalize, in this order");
    chain += (chain.empty() ? "" : ", ") + type;
  }
  for (const char *supported : {"Transformer", "Transformer, Pooling", "Transformer, Pooling, Normalize"})
    if (chain == supported)
      return pipeline;
  return unsupported(path + ": the modules " + chain +
                     " are not supported in this order; supported are Transformer, Pooling, Normalize");
}

Result<SentencePipeline> lmopt::readSentencePipeline(const std::string &directory) {
  std::string path = directory + "/modules.json";
  if (!fileExists(path)) {
    SentencePipeline pipeline;
    pipeline.directory = pipeline.transformerDirectory = directory;
    return pipeline;
  }
  Result<json> modules = readJsonFile(path);
  if (!modules)
    return modules.error();
  return parseSentencePipeline(*modules, directory);
}

static std::optional<Pooling> poolingFromName(const std::string &name) {
  if (name == "mean")
    return Pooling::Mean;
  if (name == "cls")
    return Pooling::Cls;
  if (name == "max")
    return Pooling::Max;
  if (name == "lasttoken")
    return Pooling::Last;
  return std::nullopt;
}

/// The modes that are switched on, by the names that the newer files use.
static std::vector<std::string> readModes(JsonFields &fields) {
  static const std::pair<const char *, const char *> flags[] = {
      {"pooling_mode_cls_token", "cls"},
      {"pooling_mode_mean_tokens", "mean"},
      {"pooling_mode_max_tokens", "max"},
      {"pooling_mode_lasttoken", "lasttoken"},
      {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"},
      {"pooling_mode_weightedmean_tokens", "weightedmean"},
  };
  std::vector<std::string> modes;
  bool anyFlag = false;
  for (auto [flag, name] : flags) {
    std::optional<bool> on = fields.boolean(flag);
    anyFlag |= on.has_value();
    if (on.value_or(false))
      modes.push_back(name);
  }
  if (std::optional<std::string> mode = fields.string("pooling_mode"))
    modes.push_back(*mode);
  else if (!anyFlag)
    modes.push_back("mean"); // what sentence-transformers does by default
  return modes;
}

Result<void> lmopt::applyPooling(const json &pooling, const std::string &path, BertConfig &config) {
  JsonFields fields(pooling, path);
  std::vector<std::string> modes = readModes(fields);
  for (const char *name : {"word_embedding_dimension", "embedding_dimension"})
    if (std::optional<int64_t> width = fields.integer(name, 1, kMaxWidth); width && *width != config.width)
      fields.fail(name,
                  "is " + std::to_string(*width) + ", the encoder's vectors have " + std::to_string(config.width));
  fields.ignore({"include_prompt"});
  if (!fields.ok())
    return fields.error();
  if (std::vector<std::string> unknown = fields.unknown(); !unknown.empty())
    return unsupported(fields.place(unknown[0]) + ": not known for pooling");
  std::optional<Pooling> kind = modes.size() == 1 ? poolingFromName(modes[0]) : std::nullopt;
  if (!kind) {
    std::string all;
    for (const std::string &mode : modes)
      all += (all.empty() ? "" : " + ") + mode;
    return unsupported(path + ": pooling mode " + printable(all) +
                       " is not supported; supported is one of mean, cls, max, lasttoken");
  }
  config.pooling = *kind;
  return {};
}

/// Whether the tokenizer itself lowers the case.
static bool tokenizerLowersCase(const std::string &directory) {
  Result<json> tokenizer = readJsonFile(directory + "/tokenizer.json");
  if (!tokenizer || !tokenizer->is_object())
    return false;
  auto normalizer = tokenizer->find("normalizer");
  return normalizer != tokenizer->end() && normalizer->is_object() && normalizer->value("lowercase", json()) == true;
}

/// sentence_bert_config.json, or the tokenizer's own limit when there is none.
static Result<void> applyLengthAndCase(const std::string &directory, BertConfig &config) {
  std::string path = directory + "/sentence_bert_config.json";
  bool hasFile = fileExists(path);
  if (!hasFile)
    path = directory + "/tokenizer_config.json";
  if (!fileExists(path))
    return {};
  Result<json> object = readJsonFile(path);
  if (!object)
    return object.error();
  JsonFields fields(*object, path);
  if (!hasFile) { // model_max_length may be 1e30 when nobody knows
    if (std::optional<double> limit = fields.number("model_max_length", 1, 1e300))
      config.maxTokens = static_cast<int64_t>(std::min(*limit, static_cast<double>(config.positions)));
    return fields.ok() ? Result<void>() : fields.error();
  }
  if (std::optional<int64_t> limit = fields.integer("max_seq_length", 1, kMaxPositions))
    config.maxTokens = std::min(*limit, config.positions);
  if (fields.boolean("do_lower_case").value_or(false) && !tokenizerLowersCase(directory))
    fields.fail("do_lower_case", "true is supported only when the tokenizer lowers the case itself", kErrorUnsupported);
  return fields.ok() ? Result<void>() : fields.error();
}

/// A prompt that sentence-transformers puts before every text unless told otherwise would be missing from ours.
static Result<void> refuseDefaultPrompt(const std::string &directory) {
  std::string path = directory + "/config_sentence_transformers.json";
  if (!fileExists(path))
    return {};
  Result<json> object = readJsonFile(path);
  if (!object)
    return object.error();
  JsonFields fields(*object, path);
  std::string name = fields.string("default_prompt_name").value_or("");
  const json *prompts = fields.value("prompts");
  bool changes = !name.empty() && prompts && prompts->is_object() && prompts->value(name, json("")) != "";
  if (changes)
    fields.fail("default_prompt_name", "a prompt before every text is not supported; put it into the texts",
                kErrorUnsupported);
  return fields.ok() ? Result<void>() : fields.error();
}

Result<void> lmopt::applySentencePipeline(const SentencePipeline &pipeline, BertConfig &config) {
  config.normalize = pipeline.normalize;
  if (!pipeline.poolingDirectory.empty()) {
    std::string path = pipeline.poolingDirectory + "/config.json";
    Result<json> pooling = readJsonFile(path);
    if (!pooling)
      return pooling.error();
    if (Result<void> applied = applyPooling(*pooling, path, config); !applied)
      return applied;
  }
  if (Result<void> checked = refuseDefaultPrompt(pipeline.directory); !checked)
    return checked;
  return applyLengthAndCase(pipeline.transformerDirectory, config);
}
