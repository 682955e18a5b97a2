// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a checkpoint to an lm module: a GGUF file, or a directory in the format of Hugging Face.
//
// In: a path. Out: the module (all ops lm, weights are lm.param that point into the source files by absolute path), the
// tokenizer as the runtime reads it, the chat template. Errors carry the exit code: 3 malformed, 4 unsupported,
// 5 missing files, memory, disk.
// On the module: lm.config (architecture, name, vocabulary, max_positions; rope_scaling, its kind, where there is one;
// encoders also max_tokens, the length to which inputs are cut) and lm.source (name, size and BLAKE3 of every file that
// holds weights or the configuration). Tested by test/unit/frontends/ImportTest.cpp.
#ifndef LMOPT_FRONTENDS_IMPORT_H
#define LMOPT_FRONTENDS_IMPORT_H

#include "files/Status.h"
#include "frontends/SourceFiles.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace lmopt {

struct ImportedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string tokenizerBlob; // empty: the model has no tokenizer
  std::string chatTemplate;  // Jinja text; empty: none
  std::string baseDirectory; // where relative paths of weights start
  SourceFiles sources;       // no output may replace them
};

/// `path` is a GGUF file, a Hugging Face directory, an .mlir file, or a directory that writeImportedModel
/// made. The context must be able to load the dialects lm, func and arith (lm::registerDialects); what the user should
/// know of a model that is imported all the same is emitted there as warnings.
/// `withHead` false: of an encoder only, without the head that its class may have (vectors of texts then); an error,
/// exit code 2, for any other source.
Result<ImportedModel> importModel(const std::string &path, mlir::MLIRContext &context, bool withHead = true);

/// Writes DIRECTORY/model.mlir, and tokenizer.bin and chat_template.jinja when there are any; the directory is made
/// when it is missing. Weights stay where they are: model.mlir names them by absolute path, or, when they lie inside
/// the directory, by a path relative to it. Sets lm.tokenizer and lm.chat_template on the module. Exit code 2, before
/// anything is written, when that would replace a source of the model (other than by itself: an imported directory may
/// be written onto itself), or when the directory holds a Hugging Face model, whose config.json would hide model.mlir.
Result<void> writeImportedModel(ImportedModel &model, const std::string &directory);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_IMPORT_H
