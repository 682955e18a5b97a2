// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes imported models. Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/ModuleFile.h"

#include "dialects/lm/Lm.h"
#include "frontends/File.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lmopt;

static constexpr char kTokenizerFile[] = "tokenizer.bin";
static constexpr char kChatTemplateFile[] = "chat_template.jinja";
static constexpr uint64_t kMaxSideFile = 256 << 20;
static constexpr uint64_t kMaxModuleFile = 1 << 30;

/// Reads the file that a module attribute names, which must lie beside the module.
static Result<std::string> readSideFile(ModuleOp module, StringRef attribute, const std::string &path) {
  auto name = module->getAttrOfType<StringAttr>(attribute);
  if (!name)
    return std::string();
  if (name.getValue().empty() || name.getValue().contains('/') || name.getValue().starts_with("."))
    return malformed(path + ": " + attribute.str() + ": expected the name of a file beside the module, found " +
                     printable(std::string_view(name.getValue())));
  StringRef parent = llvm::sys::path::parent_path(path);
  std::string directory = parent.empty() ? "." : parent.str();
  return readSmallFile(directory + "/" + name.getValue().str(), kMaxSideFile);
}

Result<ImportedModel> lmopt::readModuleFile(const std::string &path, MLIRContext &context) {
  Result<std::string> text = readSmallFile(path, kMaxModuleFile);
  if (!text)
    return text.error();
  std::string message;
  ImportedModel model;
  {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      llvm::raw_string_ostream stream(message);
      if (!message.empty())
        stream << diagnostic.getLocation() << ": " << diagnostic;
      return success();
    });
    model.module = parseSourceString<ModuleOp>(*text, ParserConfig(&context), path);
  }
  if (!model.module)
    return malformed(message.empty() ? path + ": not a valid module" : message);
  model.baseDirectory = llvm::sys::path::parent_path(path).str();
  Result<std::string> tokenizer = readSideFile(*model.module, "lm.tokenizer", path);
  if (!tokenizer)
    return tokenizer.error();
  Result<std::string> chatTemplate = readSideFile(*model.module, "lm.chat_template", path);
  if (!chatTemplate)
    return chatTemplate.error();
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

Result<void> lmopt::writeImportedModel(ImportedModel &model, const std::string &directory) {
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
  // With locations: they carry the names of the parts.
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, false));
  return writeFileAtomically(directory + "/model.mlir", text);
}
