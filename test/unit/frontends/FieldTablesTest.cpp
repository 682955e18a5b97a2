// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every table of fields against its reader and against its documentation: a field that a table calls read is read (a
// value of the wrong kind is an error that names it), one that it calls harmless may say what it likes, one that may
// have only some values is refused with others; and docs/checkpoints.md shows the tables as they are. To write them
// there anew: LMOPT_WRITE_DOCS=1 build/bin/test-frontends-huggingface --gtest_filter='FieldTables.Documentation'
#include "frontends/heads/Head.h"
#include "frontends/huggingface/Architecture.h"
#include "frontends/huggingface/Quantization.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "frontends/huggingface/Tables.h"
#include "frontends/huggingface/TextFiles.h"
#include "test/unit/frontends/Document.h"
#include "test/unit/frontends/Families.h"

#include <functional>
#include <set>

using namespace lmopt;
using nlohmann::json;

namespace {
/// A table, an object that its reader takes, and the reader: the error or nothing.
struct Subject {
  const char *title; // what its table is called in docs/checkpoints.md
  const FieldTable &table;
  json good;
  std::function<std::optional<Error>(const json &)> read;
};
} // namespace

template <class T>
static std::optional<Error> errorOf(const Result<T> &result) {
  return result ? std::nullopt : std::optional<Error>(result.error());
}

static std::optional<Error> readFamily(const Family &family, const json &object) {
  if (std::optional<Error> error = errorOf(detectFamily(object, "f.json")))
    return error;
  if (std::optional<Error> error = errorOf(parseEndTokens(object, "f.json")))
    return error;
  return errorOf(readConfig(family, object, "f.json"));
}

/// Each type of rotary positions reads its own parameters.
static std::optional<Error> readRope(const json &object) {
  const Family &llama = test::family("llama");
  for (const char *type : {"default", "linear", "dynamic", "yarn", "llama3", "longrope"}) {
    json config = test::exampleConfig(llama), scaling = object;
    config["head_dim"] = 8;
    config["max_position_embeddings"] = 64;
    if (!scaling.contains("rope_type"))
      scaling["rope_type"] = type;
    config["rope_scaling"] = scaling;
    if (std::optional<Error> error = errorOf(readConfig(llama, config, "f.json")))
      return error;
  }
  return std::nullopt;
}

/// The class of BERT with this head.
static const char *classOf(const Head &head) {
  for (const HeadForm &form : test::family("bert").huggingFace->heads)
    if (form.task == std::string_view(head.task))
      return form.architecture;
  return nullptr;
}

static std::vector<Subject> headSubjects() {
  static const Family &bert = test::family("bert");
  std::vector<Subject> subjects;
  for (const Head &head : allHeads()) {
    json good = test::exampleConfig(bert);
    good["architectures"] = {classOf(head)};
    subjects.push_back({head.name, head.fields, good, [](const json &object) { return readFamily(bert, object); }});
  }
  return subjects;
}

static std::optional<Error> readArguments(const char *name, const json &object) {
  Warnings warnings;
  return errorOf(parseTransformerSettings(json{{name, object}}, "f.json", warnings));
}

static std::optional<Error> readPooling(const json &object) {
  EncoderConfig config;
  config.width = 64;
  return errorOf(applyPooling(object, "f.json", config));
}

static std::optional<Error> readDense(const json &object) {
  EncoderConfig config;
  config.width = 64;
  return errorOf(applyDense(object, "f.json", "d", config));
}

static std::optional<Error> readSentenceModel(const json &object) {
  EncoderConfig config;
  config.width = 64;
  return errorOf(applySentenceModel(object, "f.json", config));
}

static std::optional<Error> readCrossEncoder(json object) {
  if (object.value("activation_fn", json()).is_null())
    object["activation_fn"] = "torch.nn.Sigmoid";
  EncoderConfig config;
  config.head = HeadConfig();
  config.head->task = "sequence_classification";
  return errorOf(applyCrossEncoder(object, "f.json", config));
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

/// An object inside config.json of the UltraFastBERT family, read with all around it.
static Subject crammedSubject(size_t number, const char *pointer) {
  static const Family &family = test::family("ultrafastbert");
  const ObjectFields &object = family.huggingFace->objects.at(number);
  json::json_pointer place(pointer);
  return {object.title, object.fields, test::exampleConfig(family)[place], [place](const json &changed) {
            json config = test::exampleConfig(family);
            config[place] = changed;
            return readFamily(family, config);
          }};
}

/// What the heads of ModernBERT read; no class has all of it.
static Subject ownHeadSubject() {
  static const Family &family = test::family("modernbert");
  const ObjectFields &object = family.huggingFace->objects.at(0);
  auto read = [](json config) {
    config["architectures"] = {"ModernBertForSequenceClassification"};
    if (std::optional<Error> error = readFamily(family, config))
      return error;
    config["architectures"] = {"ModernBertForMaskedLM"};
    return readFamily(family, config);
  };
  return {object.title, object.fields, test::exampleConfig(family), read};
}

/// config.json of each family, from one of its fixtures, and the objects in it that some families have.
static std::vector<Subject> familySubjects() {
  std::vector<Subject> subjects;
  for (const Family &family : allFamilies())
    if (family.huggingFace) {
      json good = test::exampleConfig(family);
      good["architectures"] = {family.huggingFace->architectures.front()}; // one without a head
      subjects.push_back({family.name, family.huggingFace->fields, good,
                          [&family](const json &object) { return readFamily(family, object); }});
    }
  json rope = json::parse(R"({"factor": 1, "low_freq_factor": 1, "high_freq_factor": 4,
    "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1]})");
  subjects.push_back({"rope", test::family("llama").huggingFace->objects.at(0).fields, rope, readRope});
  subjects.push_back(ownHeadSubject());
  subjects.push_back(crammedSubject(0, "/arch"));
  subjects.push_back(crammedSubject(1, "/arch/embedding"));
  subjects.push_back(crammedSubject(2, "/arch/attention"));
  return subjects;
}

static std::optional<Error> readPacked(const json &settings) {
  Warnings warnings;
  return errorOf(parseQuantization(settings, "f.json", warnings));
}

static std::optional<Error> readPackedGroup(const json &group) {
  return readPacked({{"quant_method", "compressed-tensors"}, {"config_groups", {{"group_0", group}}}});
}

/// What quantization_config holds, method by method.
static std::vector<Subject> quantizationSubjects() {
  return {
      {"quantization_config of GPTQ", gptqFields(), {{"quant_method", "gptq"}}, readPacked},
      {"quantization_config of AWQ", awqFields(), {{"quant_method", "awq"}}, readPacked},
      {"quantization_config of compressed-tensors",
       compressedFields(),
       {{"quant_method", "compressed-tensors"}},
       readPacked},
      {"an entry of config_groups", compressedGroupFields(), json::object(), readPackedGroup},
      {"weights of an entry", compressedWeightFields(), json::object(),
       [](const json &object) { return readPackedGroup({{"weights", object}}); }},
      {"input_activations of an entry", compressedActivationFields(), json::object(),
       [](const json &object) { return readPackedGroup({{"input_activations", object}}); }},
  };
}

/// The files that are the same for all families.
static std::vector<Subject> fileSubjects() {
  json module = {{"type", "sentence_transformers.models.Transformer"}, {"path", ""}};
  return {
      {"generation_config.json", generationFields(), json::object(), readGeneration},
      {"modules.json", moduleFields(), module, readModule},
      {"sentence_bert_config.json", transformerFields(), json::object(),
       [](const json &object) {
         Warnings warnings;
         return errorOf(parseTransformerSettings(object, "f.json", warnings));
       }},
      {"sentence_bert_config.json of a cross-encoder", crossEncoderTransformerFields(), json::object(),
       [](const json &object) {
         Warnings warnings;
         return errorOf(parseTransformerSettings(object, "f.json", warnings, /*isCrossEncoder=*/true));
       }},
      {"model_kwargs", modelArgumentFields(), json::object(),
       [](const json &object) { return readArguments("model_kwargs", object); }},
      {"processor_kwargs", tokenizerArgumentFields(), json::object(),
       [](const json &object) { return readArguments("processor_kwargs", object); }},
      {"config_kwargs", configArgumentFields(), json::object(),
       [](const json &object) { return readArguments("config_args", object); }},
      {"1_Pooling/config.json", poolingFields(), json::object(), readPooling},
      {"2_Dense/config.json", denseFields(), {{"in_features", 64}, {"out_features", 32}}, readDense},
      {"2_Normalize/config.json", normalizeFields(), json::object(),
       [](const json &object) { return checkOnly(normalizeFields(), object); }},
      {"config_sentence_transformers.json", sentenceModelFields(), json::object(), readSentenceModel},
      {"config_sentence_transformers.json of a cross-encoder", crossEncoderFields(), json::object(), readCrossEncoder},
  };
}

static std::vector<Subject> subjects() {
  std::vector<Subject> all = familySubjects();
  for (Subject &subject : headSubjects())
    all.push_back(std::move(subject));
  for (Subject &subject : quantizationSubjects())
    all.push_back(std::move(subject));
  for (Subject &subject : fileSubjects())
    all.push_back(std::move(subject));
  return all;
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
  std::vector<const FieldTable *> tables;
  for (const Family &family : allFamilies())
    if (family.gguf)
      tables.push_back(&family.gguf->keys);
  std::vector<Subject> all = subjects();
  for (const Subject &subject : all)
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

/// The part of docs/checkpoints.md that families have of their own: their config.json and the objects in it.
static std::string configText() {
  std::string text;
  for (const Family &family : allFamilies()) {
    if (!family.huggingFace)
      continue;
    text += "\n## config.json of " + std::string(family.name) + "\n\n" + tableText(family.huggingFace->fields);
    for (const ObjectFields &object : family.huggingFace->objects)
      text += "\n### " + std::string(object.title) + "\n\n" + object.about + "\n\n" + tableText(object.fields);
  }
  return text + "\n";
}

static std::string headsText() {
  std::string text;
  for (const Head &head : allHeads())
    text += "\n### " + std::string(head.name) + " (`" + head.task + "`)\n\n" + tableText(head.fields);
  return text + "\n";
}

static std::string ggufText() {
  std::string text;
  for (const Family &family : allFamilies())
    if (family.gguf)
      text += "\n### Architecture `" + std::string(family.gguf->architecture) + "`\n\n" + tableText(family.gguf->keys);
  return text + "\n";
}

TEST(FieldTables, Documentation) {
  test::Document page("docs/checkpoints.md");
  page.check("families: config.json", configText());
  page.check("heads: config.json", headsText());
  std::vector<Subject> tables = fileSubjects();
  for (Subject &subject : quantizationSubjects())
    tables.push_back(std::move(subject));
  for (const Subject &subject : tables)
    page.check(std::string("table: ") + subject.title, tableText(subject.table));
  page.check("families: GGUF", ggufText());
}
