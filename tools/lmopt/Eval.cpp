// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt eval`: how well a decoder predicts a text, and how far it is from a reference model.
//
// The text is tokenized once, without BOS, as plain text, and cut into chunks of `ctx` tokens; what is left over is not
// used. In each chunk the tokens at positions ctx/2 .. ctx-1 are scored, each given all before it in its chunk
// (llama.cpp's convention). Model and reference advance together, a pass of the runtime at a time, so that only the
// logits of one pass are held; a model that scores known tokens without logits (lmopt_session_score) and has no
// reference computes none. What the figures mean: Scores.h. Where the two read the text as different tokens, they
// are compared by bytes instead: EvalBytes.h. Tested by test/unit/tools, test/tools/lmopt, test/e2e.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/EvalBytes.h"
#include "tools/lmopt/Progress.h"
#include "tools/lmopt/Scores.h"
#include "tools/lmopt/TextInput.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lmopt::driver {

static constexpr int64_t kLeastContext = 4;

struct EvalOptions {
  std::string model, text, reference;
  std::string format = "text";
  int64_t context = 512;
  int64_t chunks = 0; // 0: all
  Place place;
  std::string referenceDevice;
};

/// Scores one chunk of `length` tokens. The row after token i predicts token i + 1, so the last token is never fed.
static Result<void> scoreChunk(EvalRunner &model, EvalRunner *reference, const int32_t *chunk, int64_t length,
                               Scores &scores) {
  for (EvalRunner *runner : {&model, reference})
    if (Result<void> restarted = runner ? runner->restart() : Result<void>(); !restarted.ok())
      return restarted;
  size_t vocabulary = model.vocabulary();
  std::vector<float> rows, referenceRows;
  int64_t first = length / 2 - 1; // the row that predicts position length/2
  int64_t pass = model.model.info.max_step_rows;
  for (int64_t from = 0; from < length - 1; from += pass) {
    int64_t to = std::min(from + pass, length - 1);
    if (Result<void> fed = model.feed(chunk, from, to, first, rows); !fed.ok())
      return fed;
    if (reference)
      if (Result<void> fed = reference->feed(chunk, from, to, first, referenceRows); !fed.ok())
        return fed;
    const int32_t *next = chunk + std::max(from, first) + 1;
    for (size_t i = 0; i * vocabulary < rows.size(); ++i)
      scores.add(&rows[i * vocabulary], reference ? &referenceRows[i * vocabulary] : nullptr, next[i]);
  }
  return {};
}

/// The same of a model that scores known tokens without logits; there is no reference then.
static Result<void> scoreTokens(EvalRunner &model, const int32_t *chunk, int64_t length, Scores &scores) {
  if (Result<void> restarted = model.restart(); !restarted.ok())
    return restarted;
  std::vector<float> logs;
  if (Result<void> scored = model.scoreNext(chunk, length, logs); !scored.ok())
    return scored;
  for (size_t i = static_cast<size_t>(length / 2 - 1); i < logs.size(); ++i)
    scores.add(logs[i]);
  return {};
}

static Result<std::vector<int32_t>> readTokens(const Model &model, const std::string &text, int64_t context) {
  Result<std::vector<int32_t>> tokens = encodeText(model, text, LMOPT_TOKENIZE_NO_TRUNCATION);
  if (tokens.ok() && static_cast<int64_t>(tokens->size()) < context)
    return Error{kErrorUsage, "the text has " + std::to_string(tokens->size()) + " tokens, but one chunk needs " +
                                  std::to_string(context) + "; give a longer text" +
                                  (static_cast<int64_t>(tokens->size()) < kLeastContext ? "" : " or a smaller --ctx")};
  return tokens;
}

static std::string report(const Scores &scores, bool json) {
  if (json) {
    nlohmann::ordered_json result = {{"tokens", scores.tokens()}, {"ppl", scores.perplexity()}};
    for (const char *key : {"ref_ppl", "kl", "top1"})
      result[key] = nullptr;
    if (scores.hasReference()) {
      result["ref_ppl"] = scores.referencePerplexity();
      result["kl"] = scores.meanDivergence();
      result["top1"] = scores.sameTop();
    }
    return result.dump() + "\n";
  }
  char text[400];
  std::snprintf(text, sizeof text, "tokens scored          %lld\nperplexity             %.4f\n",
                static_cast<long long>(scores.tokens()), scores.perplexity());
  std::string result = text;
  if (scores.hasReference()) {
    std::snprintf(text, sizeof text,
                  "reference perplexity   %.4f   (ratio %.4f)\nKL(reference || model) %.6f nats\n"
                  "same best token        %.4f\n",
                  scores.referencePerplexity(), scores.perplexity() / scores.referencePerplexity(),
                  scores.meanDivergence(), scores.sameTop());
    result += text;
  }
  return result;
}

static std::string chunkText(int64_t chunk, int64_t of) {
  return "chunk " + std::to_string(chunk + 1) + " of " + std::to_string(of);
}

/// Token by token.
static Result<std::string> evalRows(EvalRunner &model, EvalRunner *reference, const std::string &text,
                                    const EvalOptions &options, Progress &progress) {
  Result<std::vector<int32_t>> tokens = readTokens(model.model, text, options.context);
  if (!tokens.ok())
    return tokens.error();
  int64_t chunks = static_cast<int64_t>(tokens->size()) / options.context;
  if (options.chunks > 0)
    chunks = std::min(chunks, options.chunks);
  Scores scores(model.vocabulary());
  for (int64_t i = 0; i < chunks; ++i) {
    progress.update(static_cast<double>(i) / chunks, chunkText(i, chunks));
    const int32_t *chunk = tokens->data() + i * options.context;
    bool alone = !reference && model.model.info.token_scores;
    Result<void> scored = alone ? scoreTokens(model, chunk, options.context, scores)
                                : scoreChunk(model, reference, chunk, options.context, scores);
    if (!scored.ok())
      return scored.error();
  }
  return report(scores, options.format == "json");
}

static Result<std::string> evalBytes(EvalRunner &model, EvalRunner &reference, const std::string &text,
                                     const EvalOptions &options, Progress &progress) {
  Result<ByteComparison> compared =
      compareByBytes(model, reference, text, options.context, options.chunks, [&](int64_t chunk, int64_t of) {
        progress.update(static_cast<double>(chunk) / static_cast<double>(of), chunkText(chunk, of));
      });
  if (!compared.ok())
    return compared.error();
  return compared->report(options.format == "json");
}

static Result<std::string> evalAll(const EvalOptions &options, const Context &context) {
  Result<EvalRunner> model = EvalRunner::open(options.model, options.context, options.place, context);
  if (!model.ok())
    return model.error();
  std::optional<EvalRunner> reference;
  if (!options.reference.empty()) {
    Place place{options.place.threads, options.referenceDevice};
    Result<EvalRunner> opened = EvalRunner::open(options.reference, options.context, place, context);
    if (!opened.ok())
      return opened.error();
    reference = opened.take();
  }
  Result<std::string> text = readFile(options.text);
  if (!text.ok())
    return text.error();
  Result<bool> alike = reference ? readAlike(*model, *reference, *text) : Result<bool>(true);
  if (!alike.ok())
    return alike.error();
  Progress progress("eval", progressStyle(context.quiet));
  return *alike ? evalRows(*model, reference ? &*reference : nullptr, *text, options, progress)
                : evalBytes(*model, *reference, *text, options, progress);
}

static Result<void> eval(const EvalOptions &options, const Context &context) {
  Result<std::string> text = evalAll(options, context);
  return text.ok() ? writeOutput(*text) : text.error();
}

void addEval(CommandLine &line) {
  auto options = std::make_shared<EvalOptions>();
  Command command = line.add("eval", "measure perplexity, and the distance to a reference", options, eval);
  addModel(command, options->model);
  command.add("--text", options->text, "file with the text to predict; -: standard input").required().notEmpty();
  Option reference =
      command.add("--reference", options->reference, "compiled model to compare with, e.g. the f32 one").notEmpty();
  command.add("--reference-device", options->referenceDevice, "where the reference computes, as --device")
      .notEmpty()
      .needs(reference);
  command.add("-c,--ctx", options->context, "tokens in a chunk; the second half of each is scored")
      .between(kLeastContext, int64_t{1} << 30)
      .showDefault();
  command.add("--chunks", options->chunks, "use only the first N chunks (default: all)").between(1, int64_t{1} << 40);
  addPlace(command, options->place);
  addFormat(command, options->format);
}

} // namespace lmopt::driver
