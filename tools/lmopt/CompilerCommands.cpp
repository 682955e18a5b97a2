// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt import`, `lmopt inspect` of a source, and what the compiling commands share. See CompilerCommands.h.
#include "tools/lmopt/CompilerCommands.h"

#include "dialects/lm/Lm.h"
#include "frontends/Import.h"
#include "tools/lmopt/Describe.h"
#include "tools/lmopt/Inspect.h"
#include "tools/lmopt/Progress.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace lmopt::driver {

void prepareContext(MLIRContext &context) {
  DialectRegistry registry;
  lm::registerDialects(registry);
  context.appendDialectRegistry(registry);
}

/// "layers.3.attn.q" or "file:line:column"; nothing for an unknown place.
static std::string placeText(Location location) {
  if (auto name = location->findInstanceOf<NameLoc>())
    return name.getName().str() + ": ";
  if (auto place = location->findInstanceOf<FileLineColLoc>())
    return place.getFilename().str() + ":" + std::to_string(place.getLine()) + ":" + std::to_string(place.getColumn()) +
           ": ";
  return "";
}

ErrorCollector::ErrorCollector(MLIRContext &context, bool verbose) : context(context) {
  handler = context.getDiagEngine().registerHandler([this, verbose](Diagnostic &diagnostic) {
    std::string line = placeText(diagnostic.getLocation()) + diagnostic.str();
    for (Diagnostic &note : diagnostic.getNotes())
      line += "; " + placeText(note.getLocation()) + note.str();
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error) {
      if (text.empty())
        text = std::move(line);
    } else if (verbose || diagnostic.getSeverity() == DiagnosticSeverity::Warning) {
      llvm::errs() << "lmopt: " << line << "\n";
    }
    return success();
  });
}

ErrorCollector::~ErrorCollector() { context.getDiagEngine().eraseHandler(handler); }

Result<void> importSource(const ImportOptions &options, const Context &context) {
  MLIRContext mlirContext;
  prepareContext(mlirContext);
  ErrorCollector warnings(mlirContext, context.verbose);
  Progress progress("import", progressStyle(context.quiet));
  progress.update(0, "read " + options.source);
  Result<ImportedModel> model = importModel(options.source, mlirContext);
  if (!model.ok())
    return model.error();
  progress.update(0.5, "write " + options.output);
  return writeImportedModel(*model, options.output);
}

Result<void> inspectSource(const InspectOptions &options, const Context &context) {
  MLIRContext mlirContext;
  prepareContext(mlirContext);
  ErrorCollector warnings(mlirContext, context.verbose);
  Result<ImportedModel> model = importModel(options.path, mlirContext);
  if (!model.ok())
    return model.error();
  nlohmann::ordered_json facts = {{"file", options.path}};
  facts.update(describeModule(*model->module));
  facts["tokenizer_bytes"] = model->tokenizerBlob.size();
  facts["chat_template"] = !model->chatTemplate.empty();
  return writeOutput(inspectionOutput(facts, options.json));
}

} // namespace lmopt::driver
