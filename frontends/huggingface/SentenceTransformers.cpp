// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SentenceTransformers.h. The order of modules is read in SentenceModules.cpp,
// Dense in SentenceDense.cpp. From: sentence-transformers' modules Transformer, Pooling and Normalize.
// Tested by test/unit/frontends/SentenceTransformersTest.cpp.
#include "frontends/huggingface/SentenceTransformers.h"

#include "files/File.h"
#include "frontends/heads/Head.h"
#include "frontends/huggingface/Tables.h"

#include <algorithm>
#include <limits>

using namespace lmopt;
using nlohmann::json;

/// Reads a file that may be missing and hands it to `use`.
template <class Use>
static Result<void> withOptionalFile(const std::string &path, Use use) {
  if (!fileExists(path))
    return {};
  Result<json> object = readJsonFile(path);
  return object ? use(*object, path) : Result<void>(object.error());
}

std::string lmopt::sentenceFile(const std::string &directory) {
  return directory + "/config_sentence_transformers.json";
}

//===- Pooling ---------------------------------------------------------------------------------------------------===//

static std::optional<Pooling> poolingFromName(const std::string &name) {
  if (name == "mean")
    return Pooling::Mean;
  if (name == "cls")
    return Pooling::Cls;
  if (name == "max")
    return Pooling::Max;
  if (name == "lasttoken")
    return Pooling::Last;
  if (name == "mean_sqrt_len_tokens")
    return Pooling::MeanSqrt;
  if (name == "weightedmean")
    return Pooling::Weighted;
  return std::nullopt;
}

/// A flag of the older spelling; Python asks only whether it is true, so 0 and 1 do.
static bool readFlag(JsonFields &fields, const char *name) {
  const json *value = fields.value(name);
  if (value && (*value == 0 || *value == 1))
    return *value == 1;
  return fields.boolean(name).value_or(false);
}

/// The modes that the older flags switch on, in the order in which their vectors would stand side by side.
static std::vector<std::string> readFlags(JsonFields &fields) {
  static const std::pair<const char *, const char *> flags[] = {
      {"pooling_mode_cls_token", "cls"},
      {"pooling_mode_max_tokens", "max"},
      {"pooling_mode_mean_tokens", "mean"},
      {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
      {"pooling_mode_weightedmean_tokens", "weightedmean"},
      {"pooling_mode_lasttoken", "lasttoken"},
  };
  std::vector<std::string> modes;
  for (auto [flag, name] : flags)
    if (readFlag(fields, flag))
      modes.push_back(name);
  return modes;
}

/// pooling_mode, a name or a list of names; else the older flags; else the mean.
static std::vector<std::string> readModes(JsonFields &fields) {
  std::vector<std::string> flags = readFlags(fields);
  const json *mode = fields.value("pooling_mode");
  if (!mode)
    return flags.empty() ? std::vector<std::string>{"mean"} : flags;
  bool isList =
      mode->is_array() && std::all_of(mode->begin(), mode->end(), [](auto &name) { return name.is_string(); });
  if (isList)
    return mode->get<std::vector<std::string>>();
  return {fields.string("pooling_mode").value_or("")};
}

/// The kinds of pooling in the order of their vectors; empty where one is none.
static std::vector<Pooling> poolingsFrom(const std::vector<std::string> &modes, bool onlyDirectionCounts) {
  std::vector<Pooling> poolings;
  for (const std::string &mode : modes) {
    std::optional<Pooling> pooling = poolingFromName(mode);
    if (!pooling)
      return {};
    poolings.push_back(*pooling);
  }
  // The mean times the root of the length, which making it one long undoes.
  if (onlyDirectionCounts && poolings == std::vector<Pooling>{Pooling::MeanSqrt})
    return {Pooling::Mean};
  return poolings;
}

Result<void> lmopt::applyPooling(const json &pooling, const std::string &path, EncoderConfig &config,
                                 bool onlyDirectionCounts) {
  if (Result<void> known = checkFields(pooling, poolingFields(), path, config.warnings); !known)
    return known;
  JsonFields fields(pooling, path);
  std::vector<std::string> modes = readModes(fields);
  for (const char *name : {"word_embedding_dimension", "embedding_dimension"})
    if (std::optional<int64_t> width = fields.integer(name, 1, kMaxWidth); width && *width != config.width)
      fields.fail(name,
                  "is " + std::to_string(*width) + ", the encoder's vectors have " + std::to_string(config.width));
  if (!fields.ok())
    return fields.error();
  std::vector<Pooling> poolings = poolingsFrom(modes, onlyDirectionCounts);
  if (poolings.empty() || poolings.size() > 16) {
    std::string all;
    for (const std::string &mode : modes)
      all += (all.empty() ? "" : " + ") + mode;
    return unsupported(path + ": pooling mode " + printable(all) +
                       " is not supported; supported are mean, cls, max, lasttoken, mean_sqrt_len_tokens, "
                       "weightedmean, and several of "
                       "them");
  }
  config.poolings = poolings;
  return {};
}

//===- The transformer: length and case --------------------------------------------------------------------------===//

/// What is handed on to transformers, under its newer or its older name (which replaces the newer one).
static const json *readArguments(JsonFields &fields, const char *newName, const char *oldName, const FieldTable &table,
                                 const std::string &path, Warnings &warnings) {
  const json *newer = fields.value(newName), *older = fields.value(oldName);
  const json *arguments = older ? older : newer;
  if (arguments && fields.ok())
    if (Result<void> known = checkFields(*arguments, table, path, warnings, older ? oldName : newName); !known)
      fields.adopt(known.error());
  return fields.ok() ? arguments : nullptr;
}

/// Lengths may be 1e30, or infinite, when nobody knows.
static std::optional<int64_t> readLength(JsonFields &fields, const char *name) {
  std::optional<double> limit = fields.number(name, 1, std::numeric_limits<double>::max());
  return limit ? std::optional<int64_t>(std::min(*limit, double(kMaxPositions))) : std::nullopt;
}

Result<TransformerSettings> lmopt::parseTransformerSettings(const json &object, const std::string &path,
                                                            Warnings &warnings, bool isCrossEncoder) {
  const FieldTable &table = isCrossEncoder ? crossEncoderTransformerFields() : transformerFields();
  if (Result<void> known = checkFields(object, table, path, warnings); !known)
    return known.error();
  JsonFields fields(object, path);
  TransformerSettings settings;
  settings.maxTokens = fields.integer("max_seq_length", 1, INT64_MAX);
  settings.lowerCase = fields.boolean("do_lower_case").value_or(false);
  readArguments(fields, "model_kwargs", "model_args", modelArgumentFields(), path, warnings);
  readArguments(fields, "config_kwargs", "config_args", configArgumentFields(), path, warnings);
  const json *arguments =
      readArguments(fields, "processor_kwargs", "tokenizer_args", tokenizerArgumentFields(), path, warnings);
  if (arguments) {
    JsonFields inner(*arguments, path, "processor_kwargs");
    if (std::optional<int64_t> limit = readLength(inner, "model_max_length"))
      settings.maxTokens = limit;
    if (!inner.ok())
      fields.adopt(inner.error());
  }
  if (!fields.ok())
    return fields.error();
  return settings;
}

Result<std::optional<int64_t>> lmopt::parseTokenizerLimit(const json &tokenizerConfig, const std::string &path) {
  JsonFields fields(tokenizerConfig, path);
  bool isOld = fields.ok() && !tokenizerConfig.contains("model_max_length"); // the first tokenizers said max_len
  std::optional<int64_t> limit = readLength(fields, isOld ? "max_len" : "model_max_length");
  return fields.ok() ? Result<std::optional<int64_t>>(limit) : Result<std::optional<int64_t>>(fields.error());
}

static bool normalizerLowersCase(const json &normalizer) {
  if (!normalizer.is_object())
    return false;
  json type = normalizer.value("type", json());
  if (type == "Sequence") {
    json steps = normalizer.value("normalizers", json());
    return steps.is_array() && std::any_of(steps.begin(), steps.end(), normalizerLowersCase);
  }
  return type == "Lowercase" || (type == "BertNormalizer" && normalizer.value("lowercase", json()) == true);
}

bool lmopt::lowersCase(const json &tokenizer) {
  return tokenizer.is_object() && normalizerLowersCase(tokenizer.value("normalizer", json()));
}

static bool tokenizerLowersCase(const std::string &directory) {
  std::string path = directory + "/tokenizer.json";
  Result<std::string> text = readSmallFile(path, 256 << 20);
  JsonLimits limits{/*bytes=*/256 << 20, /*values=*/1 << 26};
  Result<json> tokenizer = text ? parseJson(*text, path, limits) : Result<json>(text.error());
  return tokenizer && lowersCase(*tokenizer);
}

/// The settings of the first of these files that says anything; where it stands goes to `path`.
static Result<json> readTransformerFile(const std::string &directory, std::string &path) {
  for (const char *kind : {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"}) {
    path = directory + "/sentence_" + kind + "_config.json";
    if (!fileExists(path))
      continue;
    Result<json> object = readJsonFile(path);
    if (!object || !object->empty())
      return object;
  }
  return json::object();
}

static Result<void> applyTokenizerLimit(const std::string &directory, EncoderConfig &config) {
  std::string path = directory + "/tokenizer_config.json";
  if (!fileExists(path))
    return {};
  Result<json> object = readJsonFile(path);
  if (!object)
    return object.error();
  Result<std::optional<int64_t>> limit = parseTokenizerLimit(*object, path);
  if (!limit)
    return limit.error();
  config.maxTokens = std::min(limit->value_or(config.maxPositions), config.maxPositions);
  return {};
}

/// A limit of the settings counts before the tokenizer's. Longer texts than there are positions would be an error in
/// sentence-transformers; here they are cut too.
static Result<void> applyTransformerSettings(const SentencePipeline &pipeline, EncoderConfig &config) {
  const std::string &directory = pipeline.encoderDirectory;
  std::string path;
  Result<json> object = readTransformerFile(directory, path);
  if (!object)
    return object.error();
  Result<TransformerSettings> settings =
      parseTransformerSettings(*object, path, config.warnings, pipeline.isCrossEncoder);
  if (!settings)
    return settings.error();
  if (settings->lowerCase && !tokenizerLowersCase(directory))
    return unsupported(path + ": field 'do_lower_case': true is supported only when the tokenizer lowers the case "
                              "itself");
  if (!settings->maxTokens)
    return applyTokenizerLimit(directory, config);
  config.maxTokens = std::min(*settings->maxTokens, config.maxPositions);
  return {};
}

//===- The whole model -------------------------------------------------------------------------------------------===//

/// The texts of the prompts by their names. Two names exist, empty, in every model.
static std::vector<std::pair<std::string, std::string>> readPrompts(JsonFields &fields) {
  const json *prompts = fields.value("prompts");
  std::vector<std::pair<std::string, std::string>> list;
  if (prompts && !prompts->is_object())
    fields.fail("prompts", "expected an object");
  if (!prompts || !fields.ok())
    return list;
  for (const auto &[name, text] : prompts->items()) {
    if (name.empty() || !(text.is_string() || text.is_null()))
      fields.fail("prompts", "expected a name and a text, found " + printable(name));
    list.emplace_back(name, text.is_string() ? text.get<std::string>() : "");
  }
  return list;
}

/// The name of the prompt that sentence-transformers puts before every text unless told otherwise; "" where it is
/// empty.
static std::string readDefaultPrompt(JsonFields &fields,
                                     const std::vector<std::pair<std::string, std::string>> &prompts) {
  std::string name = fields.string("default_prompt_name").value_or("");
  for (const auto &[known, text] : prompts)
    if (known == name)
      return text.empty() ? "" : name;
  if (!name.empty() && name != "query" && name != "document")
    fields.fail("default_prompt_name", "there is no prompt of the name " + printable(name));
  return "";
}

Result<void> lmopt::checkWantedWidth(const EncoderConfig &config, const std::string &path) {
  if (!config.wantedWidth || *config.wantedWidth >= config.vectorWidth())
    return {};
  return unsupported(path + ": field 'truncate_dim': vectors cut to " + std::to_string(*config.wantedWidth) + " of " +
                     std::to_string(config.vectorWidth()) +
                     " numbers are not supported; remove it and cut them where they are used");
}

Result<void> lmopt::applySentenceModel(const json &object, const std::string &path, EncoderConfig &config) {
  if (Result<void> known = checkFields(object, sentenceModelFields(), path, config.warnings); !known)
    return known;
  JsonFields fields(object, path);
  config.prompts = readPrompts(fields);
  config.defaultPrompt = readDefaultPrompt(fields, config.prompts);
  config.wantedWidth = fields.integer("truncate_dim", 1, INT64_MAX);
  if (!fields.ok())
    return fields.error();
  return config.width ? checkWantedWidth(config, path) : Result<void>();
}

Result<void> lmopt::applyCrossEncoder(const json &object, const std::string &path, EncoderConfig &config) {
  if (Result<void> known = checkFields(object, crossEncoderFields(), path, config.warnings); !known)
    return known;
  JsonFields fields(object, path);
  if (!readDefaultPrompt(fields, readPrompts(fields)).empty())
    fields.fail("default_prompt_name", "a prompt before every pair is not supported; put it into the texts",
                kErrorUnsupported);
  if (!config.head || config.head->task != "sequence_classification")
    fields.fail("model_type", "a cross-encoder has a class for sequence classification in config.json, found none",
                kErrorUnsupported);
  else if (!fields.value("activation_fn"))
    fields.fail("activation_fn", "expected the function that makes scores");
  else
    readScoreActivation(fields, "activation_fn", *config.head);
  return fields.ok() ? Result<void>() : Result<void>(fields.error());
}

/// A module with settings of its own: its file, which must be there.
template <class Apply>
static Result<void> withModuleFile(const std::string &folder, Apply apply) {
  std::string path = folder + "/config.json";
  Result<json> object = readJsonFile(path);
  return object ? apply(*object, path) : Result<void>(object.error());
}

static Result<void> applyNormalize(const std::vector<std::string> &folders, EncoderConfig &config) {
  config.normalize = !folders.empty();
  for (const std::string &folder : folders) {
    Result<void> checked = withOptionalFile(folder + "/config.json", [&](const json &object, const std::string &place) {
      return checkFields(object, normalizeFields(), place, config.warnings);
    });
    if (!checked)
      return checked;
  }
  return {};
}

static Result<void> applyModules(const SentencePipeline &pipeline, EncoderConfig &config) {
  bool onlyDirectionCounts = pipeline.denseFolders.empty() && !pipeline.normalizeDirectories.empty();
  if (!pipeline.poolingDirectory.empty()) {
    Result<void> applied = withModuleFile(pipeline.poolingDirectory, [&](const json &object, const std::string &path) {
      return applyPooling(object, path, config, onlyDirectionCounts);
    });
    if (!applied)
      return applied;
  }
  for (const std::string &folder : pipeline.denseFolders) {
    Result<void> applied =
        withModuleFile(pipeline.directory + "/" + folder, [&](const json &object, const std::string &path) {
          return applyDense(object, path, folder, config);
        });
    if (!applied)
      return applied;
  }
  return applyNormalize(pipeline.normalizeDirectories, config);
}

Result<void> lmopt::applySentencePipeline(const SentencePipeline &pipeline, EncoderConfig &config) {
  bool isTransformer = !config.plainText; // else nobody but tokenizer.json says what becomes of a text
  if (!pipeline.isSentenceModel && !pipeline.isCrossEncoder)
    return isTransformer ? applyTokenizerLimit(pipeline.encoderDirectory, config) : Result<void>();
  if (pipeline.isSentenceModel)
    if (Result<void> applied = applyModules(pipeline, config); !applied)
      return applied;
  auto apply = pipeline.isCrossEncoder ? applyCrossEncoder : applySentenceModel;
  if (pipeline.settings)
    if (Result<void> applied = apply(*pipeline.settings, sentenceFile(pipeline.directory), config); !applied)
      return applied;
  if (!isTransformer)
    return {};
  return applyTransformerSettings(pipeline, config);
}
