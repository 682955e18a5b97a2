// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TextFiles.h. Tested by test/unit/frontends/TextFilesTest.cpp.
#include "frontends/huggingface/TextFiles.h"

#include "frontends/File.h"
#include "frontends/families/LlamaConfig.h"

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

Result<std::vector<int64_t>> lmopt::parseEndTokens(const json &generationConfig, const std::string &path) {
  std::vector<int64_t> tokens;
  if (!generationConfig.is_object())
    return malformed(path + ": expected a JSON object");
  auto found = generationConfig.find("eos_token_id");
  if (found == generationConfig.end() || found->is_null())
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
  return unsupported(directory + ": expected tokenizer.json, found only " + found +
                     "; save the tokenizer again with AutoTokenizer.from_pretrained(...).save_pretrained(...)");
}

Result<TokenizerFiles> lmopt::readTokenizerFiles(const std::string &directory) {
  TokenizerFiles files;
  Result<std::string> tokenizer = readOptional(directory + "/tokenizer.json", kMaxTokenizerFile);
  if (!tokenizer)
    return tokenizer.error();
  files.tokenizer = tokenizer.take();
  if (files.tokenizer.empty())
    for (const char *other : {"tokenizer.model", "vocab.txt", "vocab.json"})
      if (fileExists(directory + "/" + other))
        return noFastTokenizer(directory, other);

  std::string configPath = directory + "/tokenizer_config.json";
  Result<std::string> config = readOptional(configPath, kMaxJsonBytes);
  if (!config)
    return config.error();
  files.tokenizerConfig = config.take();
  Result<std::string> chatTemplate = readOptional(directory + "/chat_template.jinja", kMaxTemplateFile);
  if (!chatTemplate)
    return chatTemplate.error();
  files.chatTemplate = chatTemplate.take();
  if (files.chatTemplate.empty() && !files.tokenizerConfig.empty()) {
    Result<json> parsed = parseJson(files.tokenizerConfig, configPath);
    Result<std::string> text = parsed ? parseChatTemplate(*parsed, configPath) : Result<std::string>(parsed.error());
    if (!text)
      return text.error();
    files.chatTemplate = text.take();
  }

  std::string generationPath = directory + "/generation_config.json";
  if (fileExists(generationPath)) {
    Result<json> parsed = readJsonFile(generationPath);
    Result<std::vector<int64_t>> tokens =
        parsed ? parseEndTokens(*parsed, generationPath) : Result<std::vector<int64_t>>(parsed.error());
    if (!tokens)
      return tokens.error();
    files.endTokens = tokens.take();
  }
  return files;
}
