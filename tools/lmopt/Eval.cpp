// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt eval`: how well a decoder predicts a text, and how far it is from a reference model.
//
// The text is tokenized once, without BOS, as plain text, and cut into chunks of `ctx` tokens; what is left over is not
// used. In each chunk the tokens at positions ctx/2 .. ctx-1 are scored, each given all before it in its chunk
// (llama.cpp's convention). Model and reference advance together, a pass of the runtime at a time, so that only the
// logits of one pass are held. What the figures mean: Scores.h. Tested by test/unit/tools, test/tools/lmopt, test/e2e.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Model.h"
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
  int threads = 0;
};

namespace {
/// A model that is fed chunks.
struct Runner {
  Model model;
  SessionPtr session;
};

/// Rows of logits of one pass.
struct Rows {
  std::vector<float> logits; // (rows, vocabulary)
  size_t vocabulary;

  static int receive(void *user, int64_t, int64_t rows, const float *logits) {
    Rows &self = *static_cast<Rows *>(user);
    self.logits.insert(self.logits.end(), logits, logits + static_cast<size_t>(rows) * self.vocabulary);
    return 0;
  }
};
} // namespace

static Result<Runner> openRunner(const std::string &path, const EvalOptions &options, const Context &context) {
  Result<Model> model = openModel(path, LMOPT_MODEL_DECODER, "eval");
  if (!model.ok())
    return model.error();
  if (options.context > model->info.max_positions)
    return Error{kErrorUsage, "--ctx " + std::to_string(options.context) + " is longer than '" + path +
                                  "' can take: " + std::to_string(model->info.max_positions) + " positions"};
  Result<SessionPtr> session = createSession(*model, {options.threads, options.context, nullptr}, context);
  if (!session.ok())
    return session.error();
  lmopt_error_t error{}; // the passes of a chunk are parts of one sequence, whose last token is never fed
  if (lmopt_session_expect(session->get(), options.context, &error) != LMOPT_OK)
    return runtimeError(error);
  return Runner{model.take(), session.take()};
}

/// Feeds tokens [from, to) of the chunk; `rows` gets the logits after each of those at `scored` or later.
static Result<void> feed(Runner &runner, const int32_t *chunk, int64_t from, int64_t to, int64_t scored, Rows &rows) {
  rows.logits.clear();
  lmopt_error_t error{};
  int64_t begin = std::clamp(scored, from, to) - from;
  if (lmopt_session_prefill_rows(runner.session.get(), chunk + from, to - from, begin, Rows::receive, &rows, &error) !=
      LMOPT_OK)
    return runtimeError(error);
  return {};
}

/// Scores one chunk of `length` tokens. The row after token i predicts token i + 1, so the last token is never fed.
static Result<void> scoreChunk(Runner &model, Runner *reference, const int32_t *chunk, int64_t length, Scores &scores) {
  lmopt_error_t error{};
  for (Runner *runner : {&model, reference})
    if (runner && lmopt_session_truncate(runner->session.get(), 0, &error) != LMOPT_OK)
      return runtimeError(error);
  size_t vocabulary = static_cast<size_t>(model.model.info.vocabulary);
  Rows rows{{}, vocabulary}, referenceRows{{}, vocabulary};
  int64_t first = length / 2 - 1; // the row that predicts position length/2
  int64_t pass = model.model.info.max_step_rows;
  for (int64_t from = 0; from < length - 1; from += pass) {
    int64_t to = std::min(from + pass, length - 1);
    if (Result<void> fed = feed(model, chunk, from, to, first, rows); !fed.ok())
      return fed;
    if (reference)
      if (Result<void> fed = feed(*reference, chunk, from, to, first, referenceRows); !fed.ok())
        return fed;
    const int32_t *next = chunk + std::max(from, first) + 1;
    for (size_t i = 0; i * vocabulary < rows.logits.size(); ++i)
      scores.add(&rows.logits[i * vocabulary], reference ? &referenceRows.logits[i * vocabulary] : nullptr, next[i]);
  }
  return {};
}

static Result<std::vector<int32_t>> readTokens(const Model &model, const EvalOptions &options) {
  Result<std::string> text = readFile(options.text);
  if (!text.ok())
    return text.error();
  Result<std::vector<int32_t>> tokens = encodeText(model, *text, LMOPT_TOKENIZE_NO_TRUNCATION);
  if (tokens.ok() && static_cast<int64_t>(tokens->size()) < options.context)
    return Error{kErrorUsage, "the text has " + std::to_string(tokens->size()) + " tokens, but one chunk needs " +
                                  std::to_string(options.context) + "; give a longer text" +
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

static Result<void> eval(const EvalOptions &options, const Context &context) {
  Result<Runner> model = openRunner(options.model, options, context);
  if (!model.ok())
    return model.error();
  std::optional<Runner> reference;
  if (!options.reference.empty()) {
    Result<Runner> opened = openRunner(options.reference, options, context);
    if (!opened.ok())
      return opened.error();
    reference = opened.take();
    if (reference->model.info.vocabulary != model->model.info.vocabulary)
      return Error{kErrorUsage, "the models have different vocabularies: '" + options.model + "' " +
                                    std::to_string(model->model.info.vocabulary) + ", '" + options.reference + "' " +
                                    std::to_string(reference->model.info.vocabulary)};
  }
  Result<std::vector<int32_t>> tokens = readTokens(model->model, options);
  if (!tokens.ok())
    return tokens.error();
  int64_t chunks = static_cast<int64_t>(tokens->size()) / options.context;
  if (options.chunks > 0)
    chunks = std::min(chunks, options.chunks);

  Scores scores(static_cast<size_t>(model->model.info.vocabulary));
  {
    Progress progress("eval", progressStyle(context.quiet));
    for (int64_t i = 0; i < chunks; ++i) {
      progress.update(static_cast<double>(i) / chunks,
                      "chunk " + std::to_string(i + 1) + " of " + std::to_string(chunks));
      Result<void> scored = scoreChunk(*model, reference ? &*reference : nullptr, tokens->data() + i * options.context,
                                       options.context, scores);
      if (!scored.ok())
        return scored;
    }
  }
  return writeOutput(report(scores, options.format == "json"));
}

void addEval(CommandLine &line) {
  auto options = std::make_shared<EvalOptions>();
  Command command = line.add("eval", "measure perplexity, and the distance to a reference", options, eval);
  addModel(command, options->model);
  command.add("--text", options->text, "file with the text to predict; -: standard input").required().notEmpty();
  command.add("--reference", options->reference, "compiled model to compare with, e.g. the f32 one").notEmpty();
  command.add("-c,--ctx", options->context, "tokens in a chunk; the second half of each is scored")
      .between(kLeastContext, int64_t{1} << 30)
      .showDefault();
  command.add("--chunks", options->chunks, "use only the first N chunks (default: all)").between(1, int64_t{1} << 40);
  addThreads(command, options->threads);
  addFormat(command, options->format);
}

} // namespace lmopt::driver
