// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt calibrate`: import, passes, text to sequences of ids, and over to tools/calibrate.
//
// In: a checkpoint or a module, a text. Out: statistics. Tested by test/tools/lmopt/calibrate.sh.
#include "tools/lmopt/CompilerCommands.h"

#include "files/AtomicFile.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/observe/Observe.h"
#include "passes/pipelines/Recipes.h"
#include "tools/calibrate/Calibration.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/Progress.h"
#include "tools/lmopt/TextInput.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lmopt::driver {

static int64_t configNumber(ModuleOp module, StringRef name) {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  auto number = config ? config.getAs<IntegerAttr>(name) : IntegerAttr();
  return number ? number.getInt() : 0;
}

/// The text cut into pieces; a rest is a piece, too.
static Result<Sequences> readPieces(const lmopt_tokenizer_t *tokenizer, const CalibrateOptions &options,
                                    int64_t length) {
  Result<std::string> text = readFile(options.text);
  if (!text.ok())
    return text.error();
  Result<std::vector<int32_t>> ids = encodeText(tokenizer, *text, LMOPT_TOKENIZE_NO_TRUNCATION);
  if (!ids.ok())
    return ids.error();
  Sequences sequences;
  sequences.ids = ids.take();
  for (int64_t begin = 0; begin < sequences.tokens(); begin += length)
    sequences.lengths.push_back(std::min(length, sequences.tokens() - begin));
  return sequences;
}

static Result<Sequences> readLines(const lmopt_tokenizer_t *tokenizer, const CalibrateOptions &options) {
  Sequences sequences;
  Result<void> read = forEachText({}, options.text, [&](const std::string &line) -> Result<void> {
    if (line.find_first_not_of(" \t") == std::string::npos)
      return {};
    Result<std::vector<int32_t>> ids = encodeText(tokenizer, line, LMOPT_TOKENIZE_DEFAULT);
    if (!ids.ok())
      return ids.error();
    if (!ids->empty())
      sequences.lengths.push_back(static_cast<int64_t>(ids->size()));
    sequences.ids.insert(sequences.ids.end(), ids->begin(), ids->end());
    return {};
  });
  if (!read)
    return read.error();
  return sequences;
}

static constexpr int64_t kUsualLength = 512;

/// Tokens in a sequence of a decoder.
static Result<int64_t> sequenceLength(ModuleOp module, const CalibrateOptions &options) {
  int64_t most = configNumber(module, "max_positions");
  if (!options.context)
    return most ? std::min(kUsualLength, most) : kUsualLength;
  if (!most || options.context <= most)
    return options.context;
  return Error{kErrorUsage, "--ctx " + std::to_string(options.context) +
                                " is longer than the model can take: " + std::to_string(most) + " positions"};
}

static Result<Sequences> readSequences(const ImportedModel &model, const CalibrateOptions &options, int64_t length) {
  if (model.tokenizerBlob.empty())
    return unsupported("'" + options.source + "' has no tokenizer, so no text can be read");
  lmopt_tokenizer_t *made = nullptr;
  lmopt_error_t error{};
  if (lmopt_tokenizer_create(model.tokenizerBlob.data(), model.tokenizerBlob.size(), &made, &error) != LMOPT_OK)
    return runtimeError(error);
  TokenizerPtr tokenizer(made);
  FailureOr<func::FuncOp> function = lm::findModelFunction(*model.module);
  if (failed(function))
    return unsupported(""); // MLIR has said why
  Result<Sequences> sequences = lm::isDecoder(*function) ? readPieces(made, options, length) : readLines(made, options);
  if (!sequences.ok())
    return sequences;
  if (sequences->ids.empty())
    return Error{kErrorUsage, "'" + options.text + "' holds no text to measure on"};
  return sequences->thinned(options.tokens);
}

static Result<void> checkOutput(const CalibrateOptions &options) {
  if (options.output == "-")
    return Error{kErrorUsage, "-o -: statistics cannot go to standard output; a file of that name is ./-"};
  return AtomicFile::check(options.output);
}

/// The error, in the words of MLIR where it has none.
static Error withReason(Error error, const ErrorCollector &errors) {
  return error.message.empty() ? Error{error.code, errors.message("calibration failed without a message")} : error;
}

Result<void> calibrateSource(const CalibrateOptions &options, const Context &context) {
  if (Result<void> checked = checkOutput(options); !checked.ok())
    return checked;
  registerAllPasses();
  MLIRContext mlirContext;
  prepareContext(mlirContext, context);
  PassManager manager(&mlirContext);
  std::string fault;
  if (!options.passes.empty() && failed(addPassPipeline(manager, options.passes, fault)))
    return Error{kErrorUsage, "--passes: " + fault};

  ErrorCollector errors(mlirContext, context);
  Progress progress("calibrate", progressStyle(context.quiet));
  progress.update(0, "import");
  Result<ImportedModel> model = importModel(options.source, mlirContext, !options.noHead);
  if (!model.ok())
    return model.error();
  std::vector<std::string> sources = model->sources.all();
  sources.push_back(options.text);
  if (Result<void> refused = refuseToReplace(options.output, sources); !refused.ok())
    return refused;
  Result<int64_t> length = sequenceLength(*model->module, options);
  if (!length.ok())
    return length.error();
  if (failed(manager.run(*model->module)))
    return Error{kErrorUsage, errors.message("a pass failed")};
  FailureOr<lm::LayerSelection> selection = lm::LayerSelection::create(*model->module, options.layers, options.skip);
  if (failed(selection))
    return Error{kErrorUsage, errors.message("--layers, --skip")};
  Result<Sequences> sequences = readSequences(*model, options, *length);
  if (!sequences.ok())
    return withReason(sequences.error(), errors);

  CalibrationSettings settings;
  settings.output = options.output;
  settings.baseDirectory = model->baseDirectory;
  settings.threads = options.threads;
  settings.partBytes = options.memory << 20;
  settings.headRows = options.headRows;
  settings.progress = [&](double fraction, const std::string &detail) { progress.update(fraction, detail); };
  settings.note = [&](const std::string &text) { note(context, text); };
  Result<void> done = calibrate(*model->module, *selection, *sequences, settings);
  return done.ok() ? done : withReason(done.error(), errors);
}

} // namespace lmopt::driver
