// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt embed`: texts to vectors with an encoder.
//
// In: --text (repeatable) and --file (one text a line; TextInput.h says what a line is), in this order, each behind the
// prompt of --prompt-name or the model's own. Out: one JSON array of floats a line, pooled and normalized as the model
// says; each float has just the digits that give it back exactly. Texts are encoded a pack at a time, so memory does
// not grow with the file. Tested by test/tools/lmopt and test/e2e.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/TextFacts.h"
#include "tools/lmopt/TextInput.h"

#include <charconv>

namespace lmopt::driver {

struct EmbedOptions {
  std::string model, file;
  std::vector<std::string> texts;
  std::optional<std::string> promptName;
  Place place;
};

// How many texts are encoded by one call: enough to fill the packs of the runtime.
static constexpr size_t kBatch = 64;

static std::string jsonArray(const float *values, size_t count) {
  std::string text = "[";
  char digits[32];
  for (size_t i = 0; i < count; ++i) {
    if (i)
      text += ',';
    text.append(digits, std::to_chars(digits, digits + sizeof digits, values[i]).ptr);
  }
  return text + "]\n";
}

namespace {
/// Collects texts and writes their vectors whenever a batch is full.
class Embedder {
public:
  Embedder(const Model &model, lmopt_session_t *session, bool emptyTextIsZero)
      : model(model), session(session), emptyTextIsZero(emptyTextIsZero) {}

  Result<void> add(std::string_view text) {
    Result<std::vector<int32_t>> ids = encodeText(model, text, LMOPT_TOKENIZE_DEFAULT);
    if (!ids.ok())
      return ids.error();
    if (ids->empty() && emptyTextIsZero)
      return addZeros();
    if (ids->empty())
      return Error{kErrorUsage, "a text has no tokens: '" + std::string(text.substr(0, 60)) + "'"};
    tokens.insert(tokens.end(), ids->begin(), ids->end());
    lengths.push_back(static_cast<int64_t>(ids->size()));
    return lengths.size() < kBatch ? Result<void>() : flush();
  }

  Result<void> flush() {
    if (lengths.empty())
      return {};
    size_t width = static_cast<size_t>(model.info.output_width);
    std::vector<float> vectors(lengths.size() * width);
    lmopt_error_t error{};
    if (lmopt_session_encode(session, tokens.data(), lengths.data(), static_cast<int64_t>(lengths.size()),
                             vectors.data(), &error) != LMOPT_OK)
      return runtimeError(error);
    for (size_t i = 0; i < lengths.size(); ++i)
      if (Result<void> written = writeOutput(jsonArray(&vectors[i * width], width)); !written.ok())
        return written;
    tokens.clear();
    lengths.clear();
    return flushOutput();
  }

private:
  /// No pass is made for what has no tokens; the vectors before it come first.
  Result<void> addZeros() {
    if (Result<void> flushed = flush(); !flushed.ok())
      return flushed;
    std::vector<float> zeros(static_cast<size_t>(model.info.output_width));
    return writeOutput(jsonArray(zeros.data(), zeros.size()));
  }

  const Model &model;
  lmopt_session_t *session;
  bool emptyTextIsZero;
  std::vector<int32_t> tokens; // of all texts in the batch, one after another
  std::vector<int64_t> lengths;
};
} // namespace

static Result<void> embed(const EmbedOptions &options, const Context &context) {
  if (options.texts.empty() && options.file.empty())
    return Error{kErrorUsage, "nothing to embed: give --text or --file"};
  Result<Model> model = openModel(options.model, LMOPT_MODEL_ENCODER, "embed");
  if (!model.ok())
    return model.error();
  if (givesTokenRows(*model))
    return Error{kErrorUsage, "'" + options.model + "' gives a row for each token and no vector for a text (use " +
                                  "`lmopt classify`, or compile it with --no-head)"};
  Result<SessionPtr> session = createSession(*model, {options.place, 0, nullptr}, context);
  if (!session.ok())
    return session.error();
  TextFacts facts = readTextFacts(*model);
  Result<std::string> prompt = choosePrompt(facts, options.promptName, options.model);
  if (!prompt.ok())
    return prompt.error();
  Embedder embedder(*model, session->get(), facts.emptyTextIsZero);
  Result<void> added =
      forEachText(options.texts, options.file, [&](const std::string &text) { return embedder.add(*prompt + text); });
  return added.ok() ? embedder.flush() : added;
}

void addEmbed(CommandLine &line) {
  auto options = std::make_shared<EmbedOptions>();
  Command command = line.add("embed", "turn texts into vectors with an encoder", options, embed);
  addModel(command, options->model);
  addTexts(command, options->texts, options->file);
  command.add("--prompt-name", options->promptName,
              "the prompt that goes before every text, by its name; empty: none; else the model's default");
  addPlace(command, options->place);
}

} // namespace lmopt::driver
