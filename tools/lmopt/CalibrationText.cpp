// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to ids; see CalibrationText.h.
#include "tools/lmopt/CalibrationText.h"

#include "passes/observe/Observe.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/TextInput.h"

using namespace mlir;

namespace lmopt::driver {

static int64_t configNumber(ModuleOp module, StringRef name) {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  auto number = config ? config.getAs<IntegerAttr>(name) : IntegerAttr();
  return number ? number.getInt() : 0;
}

/// The text cut into pieces; a rest is a piece, too.
static Result<Sequences> readPieces(const lmopt_tokenizer_t *tokenizer, const CalibrationText &from, int64_t length) {
  Result<std::string> text = readFile(from.path);
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

static Result<Sequences> readLines(const lmopt_tokenizer_t *tokenizer, const CalibrationText &from) {
  Sequences sequences;
  Result<void> read = forEachText({}, from.path, [&](const std::string &line) -> Result<void> {
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
static Result<int64_t> sequenceLength(ModuleOp module, const CalibrationText &from) {
  int64_t most = configNumber(module, "max_positions");
  if (!from.context)
    return most ? std::min(kUsualLength, most) : kUsualLength;
  if (!most || from.context <= most)
    return from.context;
  return Error{kErrorUsage, "--ctx " + std::to_string(from.context) +
                                " is longer than the model can take: " + std::to_string(most) + " positions"};
}

Result<Sequences> readSequences(const ImportedModel &model, const CalibrationText &from) {
  Result<int64_t> length = sequenceLength(*model.module, from);
  if (!length.ok())
    return length.error();
  if (model.tokenizerBlob.empty())
    return unsupported("'" + from.source + "' has no tokenizer, so no text can be read");
  lmopt_tokenizer_t *made = nullptr;
  lmopt_error_t error{};
  if (lmopt_tokenizer_create(model.tokenizerBlob.data(), model.tokenizerBlob.size(), &made, &error) != LMOPT_OK)
    return runtimeError(error);
  TokenizerPtr tokenizer(made);
  FailureOr<func::FuncOp> function = lm::findModelFunction(*model.module);
  if (failed(function))
    return unsupported(""); // MLIR has said why
  Result<Sequences> sequences = lm::isDecoder(*function) ? readPieces(made, from, *length) : readLines(made, from);
  if (!sequences.ok())
    return sequences;
  if (sequences->ids.empty())
    return Error{kErrorUsage, "'" + from.path + "' holds no text to measure on"};
  return sequences->thinned(from.tokens);
}

} // namespace lmopt::driver
