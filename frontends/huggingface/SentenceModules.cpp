// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// modules.json: which modules a sentence model has, in which folders and in which order. See SentenceTransformers.h.
// Tested by test/unit/frontends/SentenceTransformersTest.cpp.
#include "files/File.h"
#include "files/RelativePath.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "frontends/huggingface/Tables.h"

#include <set>

using namespace lmopt;
using nlohmann::json;

static constexpr char kSupportedModules[] =
    "supported are Transformer and Pooling, or StaticEmbedding, then any number of Dense, then Normalize or nothing";

/// "sentence_transformers.models.Pooling" -> "Pooling"; the modules between have changed with every version. A class of
/// another package is code of the maker's.
static Result<std::string> moduleClass(const std::string &type, const std::string &path) {
  std::string name = type.substr(type.rfind('.') + 1);
  if (type.rfind("sentence_transformers.", 0) != 0)
    return unsupported(path + ": module " + printable(type) + " is code of its own, and lmopt runs no code of a " +
                       "checkpoint; " + kSupportedModules);
  for (const char *known : {"Transformer", "StaticEmbedding", "Pooling", "Dense", "Normalize", "Dropout"})
    if (name == known)
      return name;
  return unsupported(path + ": module " + printable(name) + " is not supported; " + kSupportedModules);
}

namespace {
/// Reads the modules one after another.
class ModuleReader {
public:
  ModuleReader(const std::string &directory, bool isCrossEncoder)
      : directory(directory), path(directory + "/modules.json") {
    pipeline.directory = pipeline.encoderDirectory = directory;
    pipeline.isCrossEncoder = isCrossEncoder;
    pipeline.isSentenceModel = !isCrossEncoder;
  }

  Result<void> add(const json &module);
  Result<SentencePipeline> finish();

private:
  Result<std::string> folderOf(JsonFields &fields);
  void take(const std::string &kind, const std::string &folder);
  std::string placeOf(const std::string &folder) const { return folder.empty() ? directory : directory + "/" + folder; }
  bool isInOrder() const;

  const std::string directory, path;
  SentencePipeline pipeline;
  std::vector<std::string> chain;
  std::set<std::string> names;
};
} // namespace

Result<std::string> ModuleReader::folderOf(JsonFields &fields) {
  std::string text = fields.string("path").value_or(""), name = fields.string("name").value_or("");
  if (!fields.ok())
    return fields.error();
  std::optional<std::string> folder = pathInside(text);
  if (!folder)
    return malformed(path + ": path " + printable(text) + " of a module does not stay inside the directory");
  if (!name.empty() && !names.insert(name).second)
    return malformed(path + ": two modules have the name " + printable(name));
  return *folder;
}

void ModuleReader::take(const std::string &kind, const std::string &folder) {
  chain.push_back(kind);
  if (kind == "Pooling")
    pipeline.poolingDirectory = placeOf(folder);
  else if (kind == "Dense")
    pipeline.denseFolders.push_back(folder);
  else if (kind == "Normalize")
    pipeline.normalizeDirectories.push_back(placeOf(folder));
  else {
    pipeline.encoderModule = kind;
    pipeline.encoderDirectory = placeOf(folder);
  }
}

Result<void> ModuleReader::add(const json &module) {
  Warnings none; // no rule of this table tells
  if (Result<void> known = checkFields(module, moduleFields(), path, none); !known)
    return known;
  JsonFields fields(module, path);
  Result<std::string> folder = folderOf(fields);
  Result<std::string> kind = folder ? moduleClass(fields.string("type").value_or(""), path) : folder;
  if (!kind || !fields.ok())
    return fields.ok() ? kind.error() : fields.error();
  if (*kind != "Dropout") // the identity outside of training
    take(*kind, *folder);
  return {};
}

bool ModuleReader::isInOrder() const {
  size_t at = 0;
  auto next = [&](const char *kind) {
    bool is = at < chain.size() && chain[at] == kind;
    at += is;
    return is;
  };
  if (!next("StaticEmbedding") && !(next("Transformer") && next("Pooling")))
    return false;
  while (next("Dense"))
    ;
  next("Normalize");
  return at == chain.size();
}

Result<SentencePipeline> ModuleReader::finish() {
  std::string all;
  for (const std::string &kind : chain)
    all += (all.empty() ? "" : ", ") + kind;
  if (pipeline.isCrossEncoder) {
    if (all == "Transformer")
      return std::move(pipeline);
    return unsupported(path + ": the modules " + all +
                       " of a cross-encoder are not supported; supported is one with "
                       "a Transformer alone");
  }
  if (isInOrder())
    return std::move(pipeline);
  if (all == "Transformer")
    return unsupported(path +
                       ": there is no module Pooling, so that sentence-transformers makes no sentence vectors; " +
                       kSupportedModules);
  return unsupported(path + ": the modules " + all + " are not supported in this order; " + kSupportedModules);
}

Result<SentencePipeline> lmopt::parseSentencePipeline(const json &modules, const std::string &directory,
                                                      bool isCrossEncoder) {
  if (!modules.is_array() || modules.empty())
    return malformed(directory + "/modules.json: expected a list of modules");
  ModuleReader reader(directory, isCrossEncoder);
  for (const json &module : modules)
    if (Result<void> added = reader.add(module); !added)
      return added.error();
  return reader.finish();
}

/// config_sentence_transformers.json, which may be missing.
static Result<std::optional<json>> readSettings(const std::string &directory) {
  std::string path = sentenceFile(directory);
  if (!fileExists(path))
    return std::optional<json>();
  Result<json> object = readJsonFile(path);
  return object ? Result<std::optional<json>>(object.take()) : Result<std::optional<json>>(object.error());
}

/// The settings say what kind of model it is; without any it is a sentence model.
static bool isCrossEncoder(const std::optional<json> &settings) {
  return settings && settings->is_object() && settings->value("model_type", json()) == "CrossEncoder";
}

Result<SentencePipeline> lmopt::readSentencePipeline(const std::string &directory) {
  std::string path = directory + "/modules.json";
  if (!fileExists(path)) {
    SentencePipeline pipeline;
    pipeline.directory = pipeline.encoderDirectory = directory;
    return pipeline;
  }
  Result<json> modules = readJsonFile(path);
  if (!modules)
    return modules.error();
  Result<std::optional<json>> settings = readSettings(directory);
  if (!settings)
    return settings.error();
  Result<SentencePipeline> pipeline = parseSentencePipeline(*modules, directory, isCrossEncoder(*settings));
  if (pipeline)
    pipeline->settings = settings.take();
  return pipeline;
}
