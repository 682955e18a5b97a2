// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises what a path holds and brings configuration, weights, tokenizer and chat template together.
// Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/Import.h"

#include "frontends/ModuleFile.h"
#include "frontends/families/WeightSources.h"
#include "frontends/gguf/Llama.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Model.h"
#include "frontends/huggingface/TextFiles.h"
#include "frontends/tokenizer/TokenizerBuilder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lmopt;

/// One entry of lm.source: which file exactly the model came from, independent of where it lay.
static Attribute sourceEntry(Builder &builder, const std::string &path, std::string_view bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(StringRef(bytes));
  return builder.getDictionaryAttr({
      builder.getNamedAttr("name", builder.getStringAttr(llvm::sys::path::filename(path))),
      builder.getNamedAttr("size", builder.getI64IntegerAttr(bytes.size())),
      builder.getNamedAttr("blake3", builder.getStringAttr(llvm::toHex(hasher.final(), /*LowerCase=*/true))),
  });
}

static Result<void> setSources(ModuleOp module, const std::vector<std::string> &paths) {
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (const std::string &path : paths) {
    Result<MappedFile> file = MappedFile::open(path);
    if (!file)
      return file.error();
    entries.push_back(sourceEntry(builder, path, file->bytes()));
  }
  module->setAttr("lm.source", builder.getArrayAttr(entries));
  return {};
}

/// What the user should know of a model that is imported all the same.
static void warn(MLIRContext &context, const std::vector<std::string> &warnings) {
  for (const std::string &warning : warnings)
    emitWarning(UnknownLoc::get(&context), warning);
}

//===- GGUF ------------------------------------------------------------------------------------------------------===//

static Result<ImportedModel> importGguf(const std::string &path, MLIRContext &context) {
  Result<GgufFile> file = GgufFile::open(path);
  if (!file)
    return file.error();
  Result<LlamaConfig> config = readLlamaConfig(*file);
  if (!config)
    return config.error();
  // rope_freqs.weight went into the configuration, and a head that repeats the embedding table is that table.
  GgufWeights weights(context, *file, absolutePath(path), ggufLlamaTensorName, [&](std::string_view tensor) {
    return tensor == "rope_freqs.weight" || (config->tiedHead && tensor == "output.weight");
  });
  Result<OwningOpRef<ModuleOp>> module = buildLlama(context, *config, weights);
  if (!module)
    return module.error();
  warn(context, config->warnings);

  ImportedModel model;
  model.module = module.take();
  if (Result<void> set = setSources(*model.module, {path}); !set)
    return set.error();
  Result<std::optional<std::string_view>> chatTemplate = file->findString("tokenizer.chat_template");
  if (!chatTemplate)
    return chatTemplate.error();
  model.chatTemplate = chatTemplate->value_or("");
  if (file->find("tokenizer.ggml.model")) {
    TokenizerOptions options;
    options.vocabulary = config->vocabulary;
    Result<std::string> tokenizer = buildTokenizerFromGguf(*file, options);
    if (!tokenizer)
      return tokenizer.error();
    model.tokenizerBlob = tokenizer.take();
  }
  return model;
}

//===- Hugging Face ----------------------------------------------------------------------------------------------===//

/// Tensors that old checkpoints carry although they follow from the configuration.
static bool isDerivedLlamaTensor(std::string_view tensor) {
  return StringRef(tensor).ends_with(".rotary_emb.inv_freq");
}

/// What a BERT checkpoint may hold beside the encoder: heads for training, the pooler, the numbers 0, 1, 2, ...
static bool isOutsideEncoder(StringRef tensor) {
  tensor.consume_front("bert.");
  return tensor.starts_with("pooler.") || tensor.starts_with("cls.") || tensor == "embeddings.position_ids";
}

static Result<OwningOpRef<ModuleOp>> buildHuggingFaceLlama(MLIRContext &context, const HuggingFaceModel &model,
                                                           const LlamaConfig &config) {
  const HeadTables &head = model.head;
  CheckpointWeights weights(
      context, model.checkpoint,
      [&](const std::string &name) { return name == "embed.weight" ? head.embedding : llamaTensorName(name); },
      [&](std::string_view tensor) {
        return isDerivedLlamaTensor(tensor) || (head.headIsCopy && tensor == "lm_head.weight");
      });
  return buildLlama(context, config, weights);
}

/// Names with the prefix of the checkpoint; the first checkpoints call a norm's weight and bias gamma and beta.
static std::string bertNameIn(const Checkpoint &checkpoint, const std::string &prefix, const std::string &name) {
  std::string tensor = prefix + bertTensorName(name);
  if (checkpoint.find(tensor))
    return tensor;
  StringRef stem(tensor);
  if (stem.consume_back("LayerNorm.weight") && checkpoint.find(stem.str() + "LayerNorm.gamma"))
    return stem.str() + "LayerNorm.gamma";
  if (stem.consume_back("LayerNorm.bias") && checkpoint.find(stem.str() + "LayerNorm.beta"))
    return stem.str() + "LayerNorm.beta";
  return tensor;
}

static Result<OwningOpRef<ModuleOp>> buildHuggingFaceBert(MLIRContext &context, const BertConfig &config,
                                                          const Checkpoint &checkpoint) {
  std::string prefix = checkpoint.find("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  CheckpointWeights weights(
      context, checkpoint, [&](const std::string &name) { return bertNameIn(checkpoint, prefix, name); },
      isOutsideEncoder);
  return buildBert(context, config, weights);
}

static Result<void> addTokenizer(ImportedModel &model, const std::string &directory, int64_t maxTokens,
                                 int64_t vocabulary) {
  Result<TokenizerFiles> files = readTokenizerFiles(directory);
  if (!files)
    return files.error();
  model.chatTemplate = files->chatTemplate;
  if (files->tokenizer.empty())
    return {};
  TokenizerOptions options;
  options.path = directory + "/tokenizer.json";
  options.maxLength = static_cast<uint32_t>(maxTokens);
  options.endTokens = files->endTokens;
  options.vocabulary = vocabulary;
  options.context = {files->modelType, files->tokenizerClass, files->writtenBy, files->specialTokens,
                     files->addedTokens};
  Result<std::string> blob = buildTokenizerFromJson(files->tokenizer, files->tokenizerConfig, options);
  if (!blob)
    return blob.error();
  model.tokenizerBlob = blob.take();
  return {};
}

static Result<ImportedModel> importHuggingFace(const std::string &directory, MLIRContext &context) {
  Result<HuggingFaceModel> source = HuggingFaceModel::open(directory);
  if (!source)
    return source.error();
  const LlamaConfig *llama = std::get_if<LlamaConfig>(&source->config);
  const BertConfig *bert = std::get_if<BertConfig>(&source->config);
  Result<OwningOpRef<ModuleOp>> module = llama ? buildHuggingFaceLlama(context, *source, *llama)
                                               : buildHuggingFaceBert(context, *bert, source->checkpoint);
  if (!module)
    return module.error();
  warn(context, source->warnings());

  ImportedModel model;
  model.module = module.take();
  std::vector<std::string> sources = {source->directory + "/config.json"};
  for (const SafetensorsFile &file : source->checkpoint.files())
    sources.push_back(file.path());
  if (Result<void> set = setSources(*model.module, sources); !set)
    return set.error();
  // Decoders have no limit but their positions.
  int64_t vocabulary = llama ? llama->vocabulary : bert->vocabulary;
  if (Result<void> added = addTokenizer(model, source->directory, bert ? bert->maxTokens : 0, vocabulary); !added)
    return added.error();
  return model;
}

//===- Entry -----------------------------------------------------------------------------------------------------===//

static Result<ImportedModel> importDirectory(const std::string &path, MLIRContext &context) {
  for (const char *file : {"config.json", "modules.json", "adapter_config.json"})
    if (fileExists(path + "/" + file))
      return importHuggingFace(path, context);
  if (fileExists(path + "/model.mlir"))
    return readModuleFile(path + "/model.mlir", context);
  return malformed(path +
                   ": expected a Hugging Face model (config.json) or an imported one (model.mlir), found neither");
}

static Result<ImportedModel> readModel(const std::string &path, MLIRContext &context) {
  DialectRegistry registry;
  lm::registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  if (isDirectory(path))
    return importDirectory(path, context);
  StringRef extension = llvm::sys::path::extension(path);
  if (extension == ".mlir" || extension == ".mlirbc") // bytecode is refused there, by its own name
    return readModuleFile(path, context);
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.error();
  if (GgufFile::hasMagic(file->bytes()))
    return importGguf(path, context);
  return malformed(path + ": expected a GGUF file (its first bytes are 'GGUF'), an .mlir file, or a directory; found " +
                   printable(file->bytes().substr(0, 8)));
}

Result<ImportedModel> lmopt::importModel(const std::string &path, MLIRContext &context) {
  Result<ImportedModel> model = readModel(path, context);
  if (model)
    collectSourceFiles(path, *model->module, model->baseDirectory, model->sources);
  return model;
}
