// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt import`, `lmopt inspect` of a source, and what the compiling commands share. See CompilerCommands.h.
#include "tools/lmopt/CompilerCommands.h"

#include "codegen/lower/Lower.h"
#include "dialects/lm/Lm.h"
#include "frontends/Import.h"
#include "tools/lmopt/Describe.h"
#include "tools/lmopt/Inspect.h"
#include "tools/lmopt/Progress.h"
#include "tools/lmopt/ShortListText.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

namespace lmopt::driver {

void prepareContext(MLIRContext &mlirContext, const Context &context) {
  DialectRegistry registry;
  lm::registerDialects(registry);
  lower::registerDialects(registry);
  mlirContext.appendDialectRegistry(registry);
  mlirContext.printOpOnDiagnostic(context.verbose);
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

ErrorCollector::ErrorCollector(MLIRContext &mlirContext, const Context &context) : mlirContext(mlirContext) {
  handler = mlirContext.getDiagEngine().registerHandler([this, &context](Diagnostic &diagnostic) {
    std::string line = placeText(diagnostic.getLocation()) + diagnostic.str();
    for (Diagnostic &more : diagnostic.getNotes())
      line += "; " + placeText(more.getLocation()) + more.str();
    bool warning = diagnostic.getSeverity() == DiagnosticSeverity::Warning;
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error) {
      if (warning || context.verbose)
        note(context, warning ? "warning: " + line : line);
    } else if (text.empty()) {
      text = std::move(line);
    }
    return success();
  });
}

ErrorCollector::~ErrorCollector() { mlirContext.getDiagEngine().eraseHandler(handler); }

Result<void> importSource(const ImportOptions &options, const Context &context) {
  if (options.output == "-")
    return Error{kErrorUsage,
                 "-o -: import writes a directory, which cannot go to standard output; a directory of that "
                 "name is ./-"};
  MLIRContext mlirContext;
  prepareContext(mlirContext, context);
  ErrorCollector messages(mlirContext, context);
  Progress progress("import", progressStyle(context.quiet));
  progress.update(0, "read " + options.source);
  Result<ImportedModel> model = importModel(options.source, mlirContext, !options.noHead);
  if (!model.ok())
    return model.error();
  if (Result<void> shortened = applyShortList(*model, options.source, options.shortList, context); !shortened.ok())
    return messages.explain(shortened.error(), "--shortlist failed without a message");
  progress.update(0.5, "write " + options.output);
  return writeImportedModel(*model, options.output);
}

Result<void> inspectSource(const InspectOptions &options, const Context &context) {
  MLIRContext mlirContext;
  prepareContext(mlirContext, context);
  ErrorCollector warnings(mlirContext, context);
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
