// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises what a path holds and brings configuration, weights, tokenizer and chat template together.
// Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/Import.h"

#include "frontends/ModuleFile.h"
#include "frontends/families/FamilyBuilder.h"
#include "frontends/families/WeightSources.h"
#include "frontends/gguf/Model.h"
#include "frontends/huggingface/Model.h"
#include "frontends/huggingface/TextFiles.h"
#include "frontends/tokenizer/TokenizerBuilder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lmopt;

/// One entry of lm.source: which file exactly the model came from, independent of where it lay.
static Attribute sourceEntry(Builder &builder, const std::string &path, const MappedFile &file) {
  constexpr size_t kPiece = 16 << 20;
  std::string_view bytes = file.bytes();
  llvm::BLAKE3 hasher;
  for (size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    hasher.update(StringRef(bytes.substr(begin, kPiece)));
    file.release(bytes.substr(begin, kPiece));
  }
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
    entries.push_back(sourceEntry(builder, path, *file));
  }
  module->setAttr("lm.source", builder.getArrayAttr(entries));
  return {};
}

/// The module, with what the user should know of a model that is imported all the same.
static Result<ImportedModel> build(MLIRContext &context, const Family &family, const ModelConfig &config,
                                   WeightSource &weights, const std::vector<std::string> &sources) {
  Result<OwningOpRef<ModuleOp>> module = buildModel(context, family, config, weights);
  if (!module)
    return module.error();
  for (const std::string &warning : config.warnings)
    emitWarning(UnknownLoc::get(&context), warning);
  ImportedModel model;
  model.module = module.take();
  if (Result<void> set = setSources(*model.module, sources); !set)
    return set.error();
  return model;
}

//===- GGUF ------------------------------------------------------------------------------------------------------===//

static Result<void> addTokenizer(ImportedModel &model, const GgufFile &file, int64_t vocabulary) {
  Result<std::optional<std::string_view>> chatTemplate = file.findString("tokenizer.chat_template");
  if (!chatTemplate)
    return chatTemplate.error();
  model.chatTemplate = chatTemplate->value_or("");
  if (!file.find("tokenizer.ggml.model"))
    return {};
  TokenizerOptions options;
  options.vocabulary = vocabulary;
  Result<std::string> tokenizer = buildTokenizerFromGguf(file, options);
  if (!tokenizer)
    return tokenizer.error();
  model.tokenizerBlob = tokenizer.take();
  return {};
}

static Result<ImportedModel> importGguf(const std::string &path, MLIRContext &context) {
  Result<GgufFile> file = GgufFile::open(path);
  if (!file)
    return file.error();
  Result<GgufModel> source = GgufModel::read(*file);
  if (!source)
    return source.error();
  GgufWeights weights(
      context, *file, absolutePath(path), [&](const std::string &name) { return source->tensorName(name); },
      [&](std::string_view tensor) { return source->mayRemain(tensor); });
  Result<ImportedModel> model = build(context, *source->family, *source->config, weights, {path});
  if (!model)
    return model;
  if (Result<void> added = addTokenizer(*model, *file, source->config->vocabulary); !added)
    return added.error();
  return model;
}

//===- Hugging Face ----------------------------------------------------------------------------------------------===//

/// What the files beside tokenizer.json say.
static void setTransformersContext(const TokenizerFiles &files, TokenizerOptions &options) {
  options.endTokens = files.endTokens;
  options.context = {files.modelType, files.tokenizerClass, files.writtenBy, files.specialTokens, files.addedTokens};
}

static Result<void> addTokenizer(ImportedModel &model, const std::string &directory, const ModelConfig &config) {
  Result<TokenizerFiles> files = readTokenizerFiles(directory);
  if (!files)
    return files.error();
  model.chatTemplate = files->chatTemplate;
  bool isJson = !files->tokenizer.empty();
  if (!isJson && files->model.empty())
    return {};
  TokenizerOptions options;
  options.path = directory + (isJson ? "/tokenizer.json" : "/tokenizer.model");
  options.maxLength = static_cast<uint32_t>(config.maxTokens);
  options.vocabulary = config.vocabulary;
  options.plainText = config.plainText;
  if (!options.plainText)
    setTransformersContext(*files, options);
  std::string_view tokenizerConfig = config.plainText ? std::string_view() : files->tokenizerConfig;
  Result<std::string> blob = isJson ? buildTokenizerFromJson(files->tokenizer, tokenizerConfig, options)
                                    : buildTokenizerFromModel(files->model, tokenizerConfig, options);
  if (!blob)
    return blob.error();
  model.tokenizerBlob = blob.take();
  return {};
}

static Error noHeadToLeave(const std::string &path) {
  return Error{kErrorUsage, "--no-head: '" + path + "' is not a Hugging Face checkpoint of an encoder"};
}

static Result<ImportedModel> importHuggingFace(const std::string &directory, MLIRContext &context, bool withHead) {
  Result<HuggingFaceModel> source = HuggingFaceModel::open(directory, withHead);
  if (!source)
    return source.error();
  if (!withHead && source->family->kind != FamilyKind::Encoder)
    return noHeadToLeave(directory);
  CheckpointWeights weights(
      context, source->checkpoint, source->config->packed,
      [&](const std::string &name) { return source->tensorName(name); },
      [&](std::string_view tensor) { return source->mayRemain(tensor); });
  std::vector<std::string> files;
  if (fileExists(source->directory + "/config.json")) // a module of sentence-transformers may have none
    files.push_back(source->directory + "/config.json");
  for (const SafetensorsFile &file : source->checkpoint.files())
    files.push_back(file.path());
  Result<ImportedModel> model = build(context, *source->family, *source->config, weights, files);
  if (!model)
    return model;
  if (Result<void> added = addTokenizer(*model, source->directory, *source->config); !added)
    return added.error();
  return model;
}

//===- Entry -----------------------------------------------------------------------------------------------------===//

static Result<ImportedModel> importDirectory(const std::string &path, MLIRContext &context, bool withHead) {
  for (const char *file : {"config.json", "modules.json", "adapter_config.json"})
    if (fileExists(path + "/" + file))
      return importHuggingFace(path, context, withHead);
  if (!withHead)
    return noHeadToLeave(path);
  if (fileExists(path + "/model.mlir"))
    return readModuleFile(path + "/model.mlir", context);
  return malformed(path +
                   ": expected a Hugging Face model (config.json) or an imported one (model.mlir), found neither");
}

static Result<ImportedModel> readModel(const std::string &path, MLIRContext &context, bool withHead) {
  DialectRegistry registry;
  lm::registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  if (isDirectory(path))
    return importDirectory(path, context, withHead);
  if (!withHead)
    return noHeadToLeave(path);
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

Result<ImportedModel> lmopt::importModel(const std::string &path, MLIRContext &context, bool withHead) {
  Result<ImportedModel> model = readModel(path, context, withHead);
  if (model)
    collectSourceFiles(path, *model->module, model->baseDirectory, model->sources);
  return model;
}
