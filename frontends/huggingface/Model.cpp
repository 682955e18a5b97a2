// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Model.h: which file is read when. What cannot be supported is said before weights are opened.
// Tested by test/unit/frontends/VariantsTest.cpp.
#include "frontends/huggingface/Model.h"

#include "frontends/huggingface/Architecture.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Generation.h"
#include "frontends/huggingface/SentenceTransformers.h"

#include <algorithm>
#include <cstring>
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

/// What the files beside config.json say.
static Result<void> applyOtherFiles(const SentencePipeline &pipeline, const Family &family, const json &object,
                                    ModelConfig &config) {
  if (family.kind == FamilyKind::Encoder)
    return applySentencePipeline(pipeline, static_cast<EncoderConfig &>(config));
  return checkGenerationConfig(pipeline.encoderDirectory, object, config.warnings);
}

/// The family whose models are such a module of sentence-transformers; null for Transformer.
static const Family *familyOfModule(const std::string &module) {
  for (const Family &family : allFamilies())
    if (family.huggingFace && family.huggingFace->sentenceModule && module == family.huggingFace->sentenceModule)
      return &family;
  return nullptr;
}

/// A module without a config.json: only the files of sentence-transformers say what it is.
static ConfigResult readModule(const SentencePipeline &pipeline, const Family &family) {
  ConfigResult config = family.huggingFace->readModule();
  if (!config)
    return config;
  Result<void> applied = applySentencePipeline(pipeline, static_cast<EncoderConfig &>(**config));
  return applied ? std::move(config) : ConfigResult(applied.error());
}

/// What config.json and modules.json must agree about.
static Result<void> expectAgreement(const SentencePipeline &pipeline, const Family &family, const ModelConfig &config) {
  if (!pipeline.isSentenceModel)
    return {};
  const char *module = family.huggingFace->sentenceModule;
  if (pipeline.encoderModule != (module ? module : "Transformer"))
    return unsupported(pipeline.directory + "/modules.json: module " + pipeline.encoderModule + " over a model of " +
                       family.name + " is not supported");
  if (module && static_cast<const EncoderConfig &>(config).normalize == pipeline.normalizeDirectories.empty())
    return unsupported(pipeline.encoderDirectory + "/config.json: field 'normalize' and modules.json disagree about "
                                                   "whether vectors are made one long; nothing says which one counts");
  return {};
}

static ConfigResult readAll(const SentencePipeline &pipeline, bool withHead, const Family *&family) {
  const std::string &place = pipeline.encoderDirectory;
  if (fileExists(place + "/adapter_config.json"))
    return unsupported(place + ": adapter_config.json makes it an adapter (LoRA) of another model; merge it there "
                               "(merge_and_unload) and save that");
  std::string path = place + "/config.json";
  if (const Family *module = familyOfModule(pipeline.encoderModule); module && !fileExists(path)) {
    family = module;
    return readModule(pipeline, *module);
  }
  Result<json> object = readJsonFile(path);
  if (!object)
    return object.error();
  Result<const Family *> detected = detectFamily(*object, path);
  if (!detected)
    return detected.error();
  family = *detected;
  if (pipeline.isSentenceModel && family->kind == FamilyKind::Decoder)
    return unsupported(pipeline.directory +
                       "/modules.json: sentence models over a decoder are not supported; "
                       "supported are those over " +
                       familyNames(FamilyKind::Encoder));
  ConfigResult config = readConfig(*family, *object, path, withHead && !pipeline.isSentenceModel);
  if (!config)
    return config;
  if ((*config)->packed && family->huggingFace->turned)
    return unsupported(path + ": weights of " + family->name + " in codes of another tool are not supported");
  if (Result<void> agreed = expectAgreement(pipeline, *family, **config); !agreed)
    return agreed.error();
  if (Result<void> applied = applyOtherFiles(pipeline, *family, *object, **config); !applied)
    return applied.error();
  return config;
}

/// Checkpoints of a class with a head keep the model under a name of its own. The table may be the head's alone.
static std::string findPrefix(const HuggingFaceForm &form, const Checkpoint &checkpoint) {
  bool isPrefixed = checkpoint.find(form.prefix + form.tensors.translate("embed.weight")) ||
                    checkpoint.find(form.prefix + form.tensors.translate("embed_norm.weight"));
  return isPrefixed ? form.prefix : "";
}

/// The weights of the modules Dense, which have the names of their folders in front.
static Result<void> addDense(const SentencePipeline &pipeline, Checkpoint &checkpoint) {
  for (const std::string &folder : pipeline.denseFolders)
    if (Result<void> added = checkpoint.addFolder(absolute(pipeline.directory + "/" + folder), folder + "/"); !added)
      return added;
  return {};
}

Result<HuggingFaceModel> HuggingFaceModel::open(const std::string &path, bool withHead) {
  Result<SentencePipeline> pipeline = readSentencePipeline(path);
  if (!pipeline)
    return pipeline.error();
  const Family *family = nullptr;
  ConfigResult config = readAll(*pipeline, withHead, family);
  if (!config)
    return config.error();
  Result<Checkpoint> checkpoint = Checkpoint::open(absolute(pipeline->encoderDirectory));
  if (!checkpoint)
    return checkpoint.error();
  if (Result<void> added = addDense(*pipeline, *checkpoint); !added)
    return added.error();
  std::string prefix = findPrefix(*family->huggingFace, *checkpoint);
  HuggingFaceModel model{family, pipeline->encoderDirectory, config.take(), checkpoint.take(), prefix, {}};
  if (Result<void> resolved = model.resolveHead(); !resolved)
    return resolved.error();
  if (auto *readTensors = family->huggingFace->readTensors)
    if (Result<void> read = readTensors(model.checkpoint, model.prefix, *model.config); !read)
      return read.error();
  if (family->kind == FamilyKind::Encoder)
    if (Result<void> fits =
            checkWantedWidth(static_cast<const EncoderConfig &>(*model.config), sentenceFile(pipeline->directory));
        !fits)
      return fits.error();
  return model;
}

const HeadForm *HuggingFaceModel::headForm() const {
  if (family->kind == FamilyKind::Decoder)
    return nullptr;
  const std::optional<HeadConfig> &head = static_cast<const EncoderConfig &>(*config).head;
  return head ? head->form : nullptr;
}

/// Decoders have a table behind them, and so may heads of encoders.
Result<void> HuggingFaceModel::resolveHead() {
  const TensorNames &names = family->huggingFace->tensors;
  bool decoder = family->kind == FamilyKind::Decoder;
  std::string table = tensorName(decoder ? "head.weight" : "head.table.weight");
  if (!decoder && (!headForm() || table == prefix + "head.table.weight"))
    return {};
  bool &tied =
      decoder ? static_cast<DecoderConfig &>(*config).tiedHead : static_cast<EncoderConfig &>(*config).head->tiedTable;
  Result<HeadTables> tables =
      lmopt::resolveHead(checkpoint, prefix + names.translate("embed.weight"), table, tied, config->warnings);
  if (!tables)
    return tables.error();
  head = tables.take();
  return {};
}

static bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// dense.1.weight is linear.weight of the second Dense; empty for other names.
static std::string denseTensor(const std::vector<DenseConfig> &dense, const std::string &name) {
  for (size_t i = 0; i < dense.size(); ++i)
    if (std::string part = "dense." + std::to_string(i) + "."; name.rfind(part, 0) == 0)
      return dense[i].folder + "/linear." + name.substr(part.size());
  return "";
}

std::string HuggingFaceModel::tensorName(const std::string &name) const {
  if (name == "embed.weight" && !head.embedding.empty())
    return head.embedding;
  if (family->kind == FamilyKind::Encoder)
    if (std::string tensor = denseTensor(static_cast<const EncoderConfig &>(*config).dense, name); !tensor.empty())
      return tensor;
  const HuggingFaceForm &form = *family->huggingFace;
  bool isBeside = family->kind == FamilyKind::Decoder && name == "head.weight"; // the model, whose prefix it has not
  std::string tensor = (isBeside ? "" : prefix) + form.tensors.translate(name);
  if (const HeadForm *own = headForm(); own && own->hasPart(name.substr(0, name.rfind('.')))) {
    TensorNames names;
    names.whole = own->tensors;
    tensor = names.translate(name);
  }
  if (checkpoint.find(tensor))
    return tensor;
  for (auto [ending, older] : form.olderEndings)
    if (endsWith(tensor, ending))
      if (std::string other = tensor.substr(0, tensor.size() - std::strlen(ending)) + older; checkpoint.find(other))
        return other;
  return tensor;
}

/// Whether the tensor belongs to a head of the family.
static bool isOfHead(const HuggingFaceForm &form, std::string_view tensor) {
  std::string_view part = tensor.substr(0, tensor.rfind('.'));
  for (const HeadForm &head : form.heads) {
    bool isPart =
        std::any_of(head.tensors.begin(), head.tensors.end(), [&](auto &pair) { return part == pair.second; });
    if (isPart || fitsAny(head.ignorable, tensor))
      return true;
  }
  return false;
}

/// Heads that are not built are not needed: of those that are, each tensor was asked for.
bool HuggingFaceModel::mayRemain(std::string_view tensor) const {
  const HuggingFaceForm &form = *family->huggingFace;
  if (head.isCopy(tensor) || isOfHead(form, tensor))
    return true;
  std::string_view before = form.prefix;
  if (tensor.substr(0, before.size()) == before)
    tensor.remove_prefix(before.size());
  return fitsAny(form.ignorable, tensor);
}
