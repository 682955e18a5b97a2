// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Model.h: which file is read when. What cannot be supported is said before weights are opened.
// Tested by test/unit/frontends/VariantsTest.cpp.
#include "frontends/huggingface/Model.h"

#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Generation.h"
#include "frontends/huggingface/SentenceTransformers.h"

#include <filesystem>

using namespace lmopt;
using nlohmann::json;

/// Weights are named in the module by absolute paths. Only "." goes: what ".." means depends on links.
static std::string absolute(const std::string &path) {
  std::error_code ignored; // the directory was read a moment ago
  std::filesystem::path result;
  for (const std::filesystem::path &part : std::filesystem::absolute(path, ignored))
    if (part != "." && !part.empty())
      result /= part;
  return result.string();
}

using AnyConfig = std::variant<LlamaConfig, BertConfig>;

static Result<AnyConfig> readBert(const json &object, const std::string &path, const SentencePipeline &pipeline) {
  Result<BertConfig> config = parseBertConfig(object, path);
  if (!config)
    return config.error();
  if (Result<void> applied = applySentencePipeline(pipeline, *config); !applied)
    return applied.error();
  return AnyConfig(config.take());
}

static Result<AnyConfig> readLlama(const json &object, const std::string &path, const SentencePipeline &pipeline) {
  if (pipeline.isSentenceModel)
    return unsupported(pipeline.directory + "/modules.json: sentence models over a decoder are not supported; "
                                            "supported are those over BERT");
  Result<LlamaConfig> config = parseLlamaConfig(object, path);
  if (!config)
    return config.error();
  if (Result<void> checked = checkGenerationConfig(pipeline.transformerDirectory, object, config->warnings); !checked)
    return checked.error();
  return AnyConfig(config.take());
}

static Result<AnyConfig> readConfig(const SentencePipeline &pipeline) {
  const std::string &place = pipeline.transformerDirectory;
  if (fileExists(place + "/adapter_config.json"))
    return unsupported(place + ": adapter_config.json makes it an adapter (LoRA) of another model; merge it there "
                               "(merge_and_unload) and save that");
  std::string path = place + "/config.json";
  Result<json> object = readJsonFile(path);
  if (!object)
    return object.error();
  Result<Family> family = detectFamily(*object, path);
  if (!family)
    return family.error();
  return *family == Family::Llama ? readLlama(*object, path, pipeline) : readBert(*object, path, pipeline);
}

Result<HuggingFaceModel> HuggingFaceModel::open(const std::string &path) {
  Result<SentencePipeline> pipeline = readSentencePipeline(path);
  if (!pipeline)
    return pipeline.error();
  Result<AnyConfig> config = readConfig(*pipeline);
  if (!config)
    return config.error();
  Result<Checkpoint> checkpoint = Checkpoint::open(absolute(pipeline->transformerDirectory));
  if (!checkpoint)
    return checkpoint.error();
  HuggingFaceModel model{pipeline->transformerDirectory, config.take(), checkpoint.take(), {}};
  if (auto *llama = std::get_if<LlamaConfig>(&model.config)) {
    Result<HeadTables> head = resolveHead(model.checkpoint, *llama);
    if (!head)
      return head.error();
    model.head = head.take();
  }
  return model;
}

const std::vector<std::string> &HuggingFaceModel::warnings() const {
  const auto *llama = std::get_if<LlamaConfig>(&config);
  return llama ? llama->warnings : std::get<BertConfig>(config).warnings;
}
