// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TextFiles.h. Tested by test/unit/frontends/TextFilesTest.cpp.
#include "frontends/huggingface/TextFiles.h"

#include "files/File.h"
#include "frontends/families/ModelConfig.h"

#include <tuple>

using namespace lmopt;
using nlohmann::json;

static constexpr uint64_t kMaxTokenizerFile = 256 << 20;
static constexpr uint64_t kMaxTemplateFile = 1 << 20;
static constexpr size_t kMaxEndTokens = 64;

/// The contents of a file, empty when there is none.
static Result<std::string> readOptional(const std::string &path, uint64_t limit) {
  return fileExists(path) ? readSmallFile(path, limit) : Result<std::string>(std::string());
}

Result<std::string> lmopt::parseChatTemplate(const json &tokenizerConfig, const std::string &path) {
  if (!tokenizerConfig.is_object())
    return malformed(path + ": expected a JSON object");
  auto found = tokenizerConfig.find("chat_template");
  if (found == tokenizerConfig.end() || found->is_null())
    return std::string();
  if (found->is_string())
    return found->get<std::string>();
  if (found->is_object() && found->value("default", json()).is_string())
    return (*found)["default"].get<std::string>();
  if (!found->is_array())
    return malformed(path + ": field 'chat_template': expected a string or a list of named templates");
  for (const json &entry : *found) {
    JsonFields fields(entry, path, "chat_template");
    std::string name = fields.string("name").value_or(""), text = fields.string("template").value_or("");
    if (!fields.ok())
      return fields.error();
    if (name == "default")
      return text;
  }
  return std::string(); // templates for special purposes only (tools, documents)
}

Result<std::vector<int64_t>> lmopt::parseEndTokens(const json &config, const std::string &path) {
  std::vector<int64_t> tokens;
  if (!config.is_object())
    return malformed(path + ": expected a JSON object");
  auto found = config.find("eos_token_id");
  if (found == config.end() || found->is_null())
    return tokens;
  json list = found->is_array() ? *found : json::array({*found});
  for (const json &entry : list) {
    bool good =
        entry.is_number_unsigned() && entry.get<uint64_t>() < uint64_t(kMaxVocabulary) && tokens.size() < kMaxEndTokens;
    if (!good)
      return malformed(path + ": field 'eos_token_id': expected a token id or a list of at most " +
                       std::to_string(kMaxEndTokens) + " ids");
    tokens.push_back(entry.get<int64_t>());
  }
  return tokens;
}

static Error noFastTokenizer(const std::string &directory, const char *found) {
  return unsupported(directory + ": expected tokenizer.json or tokenizer.model, found only " + found +
                     "; save the tokenizer again with AutoTokenizer.from_pretrained(...).save_pretrained(...)");
}

/// The tokenizer itself and the texts beside it, as they are.
static Result<void> readTexts(const std::string &directory, TokenizerFiles &files) {
  const std::tuple<const char *, uint64_t, std::string *> texts[] = {
      {"tokenizer.json", kMaxTokenizerFile, &files.tokenizer},
      {"tokenizer_config.json", kMaxJsonBytes, &files.tokenizerConfig},
      {"special_tokens_map.json", kMaxJsonBytes, &files.specialTokens},
      {"added_tokens.json", kMaxJsonBytes, &files.addedTokens},
  };
  for (const auto &[name, limit, text] : texts) {
    Result<std::string> content = readOptional(directory + "/" + name, limit);
    if (!content)
      return content.error();
    *text = content.take();
  }
  if (!files.tokenizer.empty())
    return {};
  Result<std::string> model = readOptional(directory + "/tokenizer.model", kMaxTokenizerFile);
  if (!model)
    return model.error();
  files.model = model.take();
  if (files.model.empty())
    for (const char *other : {"vocab.txt", "vocab.json"})
      if (fileExists(directory + "/" + other))
        return noFastTokenizer(directory, other);
  return {};
}

/// A file of its own wins, as in transformers.
static Result<void> readTemplate(const std::string &directory, TokenizerFiles &files) {
  Result<std::string> text = readOptional(directory + "/chat_template.jinja", kMaxTemplateFile);
  if (!text)
    return text.error();
  files.chatTemplate = text.take();
  if (!files.chatTemplate.empty() || files.tokenizerConfig.empty())
    return {};
  std::string path = directory + "/tokenizer_config.json";
  Result<json> config = parseJson(files.tokenizerConfig, path);
  if (!config)
    return config.error();
  Result<std::string> inner = parseChatTemplate(*config, path);
  if (!inner)
    return inner.error();
  files.chatTemplate = inner.take();
  return {};
}

/// Reads a file and takes the end tokens that it names.
static Result<json> readEndTokens(const std::string &path, TokenizerFiles &files) {
  Result<json> config = readJsonFile(path);
  if (!config)
    return config;
  Result<std::vector<int64_t>> tokens = parseEndTokens(*config, path);
  if (!tokens)
    return tokens.error();
  files.endTokens = tokens.take();
  return config;
}

/// What config.json says about the text side.
static Result<void> readModelConfig(const std::string &path, TokenizerFiles &files) {
  Result<json> config = readEndTokens(path, files);
  if (!config)
    return config.error();
  JsonFields fields(*config, path);
  files.modelType = fields.string("model_type").value_or("");
  files.tokenizerClass = fields.string("tokenizer_class").value_or("");
  files.writtenBy = fields.string("transformers_version").value_or("");
  return fields.ok() ? Result<void>() : fields.error();
}

/// generation_config.json wins as a whole: where it names no end token, config.json does not fill the gap.
static Result<void> readGeneration(const std::string &path, TokenizerFiles &files) {
  Result<json> config = readEndTokens(path, files);
  return config ? Result<void>() : config.error();
}

Result<TokenizerFiles> lmopt::readTokenizerFiles(const std::string &directory) {
  TokenizerFiles files;
  if (Result<void> read = readTexts(directory, files); !read)
    return read.error();
  if (Result<void> read = readTemplate(directory, files); !read)
    return read.error();
  const std::pair<const char *, Result<void> (*)(const std::string &, TokenizerFiles &)> configs[] = {
      {"/config.json", readModelConfig}, {"/generation_config.json", readGeneration}};
  for (const auto &[name, read] : configs)
    if (std::string path = directory + name; fileExists(path))
      if (Result<void> done = read(path, files); !done)
        return done.error();
  return files;
}
