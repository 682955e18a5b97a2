// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes imported models. Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/ModuleFile.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "files/AtomicFile.h"
#include "files/File.h"
#include "files/ModuleText.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lmopt;

static constexpr char kModuleFile[] = "model.mlir";
static constexpr char kTokenizerFile[] = "tokenizer.bin";
static constexpr char kChatTemplateFile[] = "chat_template.jinja";
static constexpr uint64_t kMaxSideFile = 256 << 20;
static constexpr uint64_t kMaxModuleFile = 1 << 30;

/// Reads the file that a module attribute names, which must lie beside the module.
static Result<std::string> readSideFile(ImportedModel &model, StringRef attribute, const std::string &path) {
  auto name = (*model.module)->getAttrOfType<StringAttr>(attribute);
  if (!name)
    return std::string();
  if (name.getValue().empty() || name.getValue().contains('/') || name.getValue().starts_with("."))
    return malformed(path + ": " + attribute.str() + ": expected the name of a file beside the module, found " +
                     printable(std::string_view(name.getValue())));
  StringRef parent = llvm::sys::path::parent_path(path);
  std::string file = (parent.empty() ? "." : parent.str()) + "/" + name.getValue().str();
  model.sources.module.push_back(file);
  return readSmallFile(file, kMaxSideFile);
}

/// What MLIR says may quote the file at any length, with any bytes in it.
static std::string readable(StringRef message) {
  constexpr size_t limit = 1000;
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (unsigned char c : message.take_front(limit))
    if (c >= 0x20 && c != 0x7f)
      stream << c;
    else
      stream << "\\x" << llvm::hexdigit(c >> 4, /*LowerCase=*/true) << llvm::hexdigit(c & 15, /*LowerCase=*/true);
  return message.size() > limit ? text + "..." : text;
}

/// Parses a text that ModuleText.h lets pass; what the parser says becomes the message.
static Result<OwningOpRef<ModuleOp>> parseModule(const std::string &text, const std::string &path,
                                                 MLIRContext &context) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream stream(message);
    if (message.empty())
      stream << diagnostic.getLocation() << ": " << diagnostic;
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context), path);
  if (!module)
    return malformed(message.empty() ? path + ": not a valid module" : readable(message));
  return module;
}

/// A module is a model when it holds the function of a decoder or that of an encoder.
static Result<void> checkHasModel(ModuleOp module, const std::string &path) {
  int entries = 0;
  for (StringRef name : {"forward", "encode"}) {
    auto function = module.lookupSymbol<func::FuncOp>(name);
    entries += function && !function.isExternal();
  }
  if (entries == 1)
    return {};
  return malformed(path + ": expected one function with a body, @forward (decoder) or @encode (encoder), found " +
                   (entries ? "both" : "neither") + "; `lmopt import` writes such a module");
}

Result<ImportedModel> lmopt::readModuleFile(const std::string &path, MLIRContext &context) {
  Result<std::string> text = readSmallFile(path, kMaxModuleFile);
  return text ? readModuleText(*text, path, context) : text.error();
}

Result<ImportedModel> lmopt::readModuleText(const std::string &text, const std::string &path, MLIRContext &context) {
  if (Result<void> checked = checkModuleText(text, path, ModuleSource::Stranger); !checked)
    return checked.error();
  Result<OwningOpRef<ModuleOp>> module = parseModule(text, path, context);
  if (!module)
    return module.error();
  ImportedModel model;
  model.module = module.take();
  lm::adoptLocationNames(*model.module);
  lm::nameLocations(*model.module);
  model.sources.module.push_back(path);
  model.baseDirectory = llvm::sys::path::parent_path(path).str();
  Result<std::string> tokenizer = readSideFile(model, "lm.tokenizer", path);
  if (!tokenizer)
    return tokenizer.error();
  Result<std::string> chatTemplate = readSideFile(model, "lm.chat_template", path);
  if (!chatTemplate)
    return chatTemplate.error();
  if (Result<void> checked = checkHasModel(*model.module, path); !checked)
    return checked.error();
  model.tokenizerBlob = tokenizer.take();
  model.chatTemplate = chatTemplate.take();
  return model;
}

std::string lmopt::absolutePath(StringRef path) {
  llvm::SmallString<256> result(path);
  if (llvm::sys::fs::make_absolute(result))
    return path.str();
  llvm::sys::path::remove_dots(result, /*remove_dot_dot=*/false);
  return std::string(result);
}

/// Weights inside `directory` (absolute) by relative paths, so that the folder can be moved as a whole; relative paths
/// of a module that was read from elsewhere become absolute.
static void rewritePaths(ModuleOp module, StringRef directory, StringRef baseDirectory) {
  AttrTypeReplacer replacer;
  auto moved = [&](StringRef path) {
    llvm::SmallString<256> joined(llvm::sys::path::is_absolute(path) ? "" : baseDirectory);
    llvm::sys::path::append(joined, path);
    std::string absolute = absolutePath(joined);
    StringRef relative = absolute;
    bool isInside = relative.consume_front(directory) && relative.consume_front("/");
    return isInside ? relative.str() : absolute;
  };
  replacer.addReplacement([&](lm::GgufAttr weight) -> Attribute {
    return lm::GgufAttr::get(weight.getContext(), moved(weight.getPath()), weight.getKey(), weight.getFormat());
  });
  replacer.addReplacement([&](lm::SafetensorsAttr weight) -> Attribute {
    return lm::SafetensorsAttr::get(weight.getContext(), moved(weight.getPath()), weight.getKey(), weight.getFormat());
  });
  replacer.addReplacement([&](lm::IntegersAttr tensor) -> Attribute {
    return lm::IntegersAttr::get(tensor.getContext(), moved(tensor.getPath()), tensor.getKey());
  });
  replacer.addReplacement([&](lm::StatisticsAttr statistics) -> Attribute {
    return lm::StatisticsAttr::get(statistics.getContext(), moved(statistics.getPath()), statistics.getKey());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true);
}

/// Writes `contents` and names the file on the module; nothing when there are no contents.
static Result<void> writeSideFile(ModuleOp module, StringRef attribute, StringRef directory, const char *name,
                                  const std::string &contents) {
  if (contents.empty()) {
    module->removeAttr(attribute);
    return {};
  }
  module->setAttr(attribute, StringAttr::get(module.getContext(), name));
  return writeFileAtomically((directory + "/" + name).str(), contents);
}

/// Whether the three files may be written: nothing the model was made from is replaced, unless the module is written
/// onto itself, which gives back what was read.
static Result<void> checkDirectory(const ImportedModel &model, const std::string &directory) {
  for (const char *name : {"/config.json", "/modules.json"})
    if (fileExists(directory + name))
      return Error{kErrorUsage, directory + ": holds a Hugging Face model (" + (name + 1) +
                                    "), which a model.mlir there would be hidden by; choose another directory"};
  std::string text = directory + "/" + kModuleFile;
  bool ontoItself = !model.sources.module.empty() && isSameFile(text, model.sources.module.front());
  std::vector<std::string> sources = ontoItself ? model.sources.checkpoint : model.sources.all();
  for (const char *name : {kModuleFile, kTokenizerFile, kChatTemplateFile}) {
    std::string output = directory + "/" + name;
    if (Result<void> refused = refuseToReplace(output, sources); !refused)
      return refused;
    if (Result<void> refused = isDirectory(directory) ? AtomicFile::check(output) : Result<void>(); !refused)
      return refused;
  }
  return {};
}

Result<void> lmopt::writeImportedModel(ImportedModel &model, const std::string &directory) {
  if (llvm::sys::fs::exists(directory) && !isDirectory(directory))
    return Error{kErrorUsage, directory + ": is a file, expected the name of a directory"};
  if (Result<void> checked = checkDirectory(model, directory); !checked)
    return checked;
  if (std::error_code failed =
          llvm::sys::fs::create_directories(directory, /*IgnoreExisting=*/true, llvm::sys::fs::all_all))
    return resourceError(directory + ": cannot be created: " + failed.message());
  std::string absolute = absolutePath(directory);
  rewritePaths(*model.module, absolute, model.baseDirectory);
  model.baseDirectory = absolute;

  ModuleOp module = *model.module;
  if (Result<void> written = writeSideFile(module, "lm.tokenizer", directory, kTokenizerFile, model.tokenizerBlob);
      !written)
    return written;
  if (Result<void> written =
          writeSideFile(module, "lm.chat_template", directory, kChatTemplateFile, model.chatTemplate);
      !written)
    return written;
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  stream << '\n';
  return writeFileAtomically(directory + "/" + kModuleFile, text);
}
