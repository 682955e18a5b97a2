// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every table of fields against its reader and against its documentation: a field that a table calls read is read (a
// value of the wrong kind is an error that names it), one that it calls harmless may say what it likes, one that may
// have only some values is refused with others; and docs/checkpoints.md shows the tables as they are. To write them
// there anew: LMOPT_WRITE_DOCS=1 build/bin/test-frontends-huggingface --gtest_filter='FieldTables.Documentation'
#include "frontends/gguf/Llama.h"
#include "frontends/gguf/LlamaKeys.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "frontends/huggingface/Tables.h"
#include "frontends/huggingface/TextFiles.h"
#include "test/unit/frontends/GgufBytes.h"
#include "test/unit/frontends/Variants.h"

#include <cstdlib>
#include <functional>
#include <set>

using namespace lmopt;
using nlohmann::json;

namespace {
/// A table, an object that its reader takes, and the reader: the error or nothing.
struct Subject {
  const char *title; // the heading in docs/checkpoints.md
  const FieldTable &table;
  json good;
  std::function<std::optional<Error>(const json &)> read;
};
} // namespace

template <class T>
static std::optional<Error> errorOf(const Result<T> &result) {
  return result ? std::nullopt : std::optional<Error>(result.error());
}

static json llamaObject() {
  return json::parse(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5})");
}

static std::optional<Error> readLlama(const json &object) {
  if (std::optional<Error> error = errorOf(detectFamily(object, "f.json")))
    return error;
  if (std::optional<Error> error = errorOf(parseEndTokens(object, "f.json")))
    return error;
  return errorOf(parseLlamaConfig(object, "f.json"));
}

static std::optional<Error> readBert(const json &object) {
  if (std::optional<Error> error = errorOf(detectFamily(object, "f.json")))
    return error;
  if (std::optional<Error> error = errorOf(parseEndTokens(object, "f.json")))
    return error;
  return errorOf(parseBertConfig(object, "f.json"));
}

/// Each type of rotary positions reads its own parameters.
static std::optional<Error> readRope(const json &object) {
  for (const char *type : {"default", "linear", "dynamic", "yarn", "llama3", "longrope"}) {
    json config = llamaObject(), scaling = object;
    config["max_position_embeddings"] = 64;
    if (!scaling.contains("rope_type"))
      scaling["rope_type"] = type;
    config["rope_scaling"] = scaling;
    if (std::optional<Error> error = errorOf(parseLlamaConfig(config, "f.json")))
      return error;
  }
  return std::nullopt;
}

static std::optional<Error> readArguments(const char *name, const json &object) {
  Warnings warnings;
  return errorOf(parseTransformerSettings(json{{name, object}}, "f.json", warnings));
}

static std::optional<Error> readPooling(const json &object) {
  BertConfig config;
  config.width = 64;
  return errorOf(applyPooling(object, "f.json", config));
}

static std::optional<Error> readSentenceModel(const json &object) {
  BertConfig config;
  config.width = 64;
  return errorOf(checkSentenceModel(object, "f.json", config));
}

static std::optional<Error> readModule(const json &object) {
  json pooling = {{"type", "sentence_transformers.models.Pooling"}, {"path", "p"}};
  return errorOf(parseSentencePipeline(json::array({object, pooling}), "f"));
}

static std::optional<Error> readGeneration(const json &object) {
  Warnings warnings;
  if (std::optional<Error> error = errorOf(checkFields(object, generationFields(), "f.json", warnings)))
    return error;
  return errorOf(parseEndTokens(object, "f.json"));
}

static std::optional<Error> checkOnly(const FieldTable &table, const json &object) {
  Warnings warnings;
  return errorOf(checkFields(object, table, "f.json", warnings));
}

static std::vector<Subject> subjects() {
  json bert =
      json::parse(R"({"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 100, "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8, "max_position_embeddings": 512})");
  json rope = json::parse(R"({"factor": 1, "low_freq_factor": 1, "high_freq_factor": 4,
    "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1]})");
  json module = {{"type", "sentence_transformers.models.Transformer"}, {"path", ""}};
  return {
      {"config.json of Llama", llamaConfigFields(), llamaObject(), readLlama},
      {"rope_scaling and rope_parameters", ropeFields(), rope, readRope},
      {"config.json of BERT", bertConfigFields(), bert, readBert},
      {"generation_config.json", generationFields(), json::object(), readGeneration},
      {"modules.json", moduleFields(), module, readModule},
      {"sentence_bert_config.json", transformerFields(), json::object(),
       [](const json &object) {
         Warnings warnings;
         return errorOf(parseTransformerSettings(object, "f.json", warnings));
       }},
      {"model_kwargs", modelArgumentFields(), json::object(),
       [](const json &object) { return readArguments("model_kwargs", object); }},
      {"processor_kwargs", tokenizerArgumentFields(), json::object(),
       [](const json &object) { return readArguments("processor_kwargs", object); }},
      {"config_kwargs", configArgumentFields(), json::object(),
       [](const json &object) { return readArguments("config_args", object); }},
      {"1_Pooling/config.json", poolingFields(), json::object(), readPooling},
      {"2_Normalize/config.json", normalizeFields(), json::object(),
       [](const json &object) { return checkOnly(normalizeFields(), object); }},
      {"config_sentence_transformers.json", sentenceModelFields(), json::object(), readSentenceModel},
  };
}

/// What no field of these files is.
static const json kNonsense = {{"no", {{"such", "value"}}}};
/// The few fields that are objects read any object, but no text.
static json nonsenseFor(std::string_view name) {
  bool isObject = name == "prompts" || name.find("_kwargs") != name.npos || name.find("_args") != name.npos;
  return isObject ? json("nonsense") : kNonsense;
}

static json with(const Subject &subject, const char *name, const json &value) {
  json object = subject.good;
  object[name] = value;
  return object;
}

static void expectNames(const std::optional<Error> &error, const Subject &subject, const char *name) {
  ASSERT_TRUE(error) << subject.title << ": " << name << " is not read";
  EXPECT_NE(error->message.find(name), std::string::npos) << error->message;
}

TEST(FieldTables, WhatIsReadIsRead) {
  for (const Subject &subject : subjects()) {
    std::optional<Error> good = subject.read(subject.good);
    ASSERT_FALSE(good) << subject.title << ": " << good->message;
    for (const FieldRule &rule : subject.table)
      if (rule.use == FieldUse::Read)
        expectNames(subject.read(with(subject, rule.name, nonsenseFor(rule.name))), subject, rule.name);
  }
}

TEST(FieldTables, WhatIsHarmlessMaySayAnything) {
  for (const Subject &subject : subjects())
    for (const FieldRule &rule : subject.table)
      if (rule.use == FieldUse::Harmless || rule.use == FieldUse::Told) {
        std::optional<Error> error = subject.read(with(subject, rule.name, kNonsense));
        EXPECT_FALSE(error) << subject.title << ": " << error->message;
      }
}

TEST(FieldTables, WhatMayHaveOnlySomeValues) {
  for (const Subject &subject : subjects())
    for (const FieldRule &rule : subject.table)
      if (rule.use == FieldUse::Only) {
        std::optional<Error> error = subject.read(with(subject, rule.name, kNonsense));
        expectNames(error, subject, rule.name);
        EXPECT_EQ(error->code, kErrorUnsupported) << error->message;
        for (const json &value : json::parse(rule.accepted))
          EXPECT_FALSE(subject.read(with(subject, rule.name, value))) << subject.title << ": " << rule.name << value;
      }
}

TEST(FieldTables, NullIsTheSameAsNothing) {
  for (const Subject &subject : subjects())
    for (const FieldRule &rule : subject.table)
      if (!subject.good.contains(rule.name)) {
        std::optional<Error> error = subject.read(with(subject, rule.name, nullptr));
        EXPECT_FALSE(error) << subject.title << ": " << error->message;
      }
}

TEST(FieldTables, NoRuleTwiceAndAllAcceptedValuesAreLists) {
  std::vector<const FieldTable *> tables = {&ggufLlamaKeys()};
  for (const Subject &subject : subjects())
    tables.push_back(&subject.table);
  for (const FieldTable *table : tables) {
    std::set<std::string> names;
    for (const FieldRule &rule : *table) {
      EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
      EXPECT_TRUE(json::parse(rule.accepted).is_array()) << rule.name;
      EXPECT_NE(std::string(rule.why), "") << rule.name;
    }
  }
}

//===- Documentation ---------------------------------------------------------------------------------------------===//

static std::string useText(const FieldRule &rule) {
  std::string accepted;
  for (const json &value : json::parse(rule.accepted))
    accepted += (accepted.empty() ? "`" : ", `") + value.dump() + "`";
  switch (rule.use) {
  case FieldUse::Read:
    return "read";
  case FieldUse::Harmless:
    return "harmless";
  case FieldUse::Only:
    return accepted.empty() ? "refused" : "only " + accepted;
  case FieldUse::Told:
    return "told unless " + accepted;
  }
  return "";
}

/// Fields with the same use and reason share a row.
static std::string tableText(const FieldTable &table) {
  std::string text =
      "| field | lmopt | what it decides, why it cannot matter, or what it would ask for |\n|---|---|---|\n";
  std::vector<std::pair<std::string, std::string>> rows; // the end of the row, the names
  for (const FieldRule &rule : table) {
    std::string end = " | " + useText(rule) + " | " + rule.why + " |\n";
    auto same = std::find_if(rows.begin(), rows.end(), [&](auto &row) { return row.first == end; });
    if (same == rows.end())
      same = rows.insert(rows.end(), {end, ""});
    same->second += (same->second.empty() ? "`" : ", `") + std::string(rule.name) + "`";
  }
  for (auto &[end, names] : rows)
    text += "| " + names + end;
  return text;
}

/// The text between the two marks of a table.
static void checkSection(std::string &document, const std::string &title, const FieldTable &table, bool write) {
  std::string begin = "<!-- table: " + title + " -->\n", end = "<!-- end of table -->\n";
  size_t first = document.find(begin);
  ASSERT_NE(first, std::string::npos) << "docs/checkpoints.md has no table '" << title << "'";
  first += begin.size();
  size_t size = document.find(end, first) - first;
  if (write)
    document.replace(first, size, tableText(table));
  else
    EXPECT_EQ(document.substr(first, size), tableText(table)) << title;
}

TEST(FieldTables, Documentation) {
  std::string path = std::string(LMOPT_SOURCE_DIR) + "/docs/checkpoints.md", document = test::readBytes(path);
  bool write = std::getenv("LMOPT_WRITE_DOCS");
  for (const Subject &subject : subjects())
    checkSection(document, subject.title, subject.table, write);
  checkSection(document, "GGUF of Llama", ggufLlamaKeys(), write);
  if (write)
    std::ofstream(path, std::ios::binary) << document;
}
