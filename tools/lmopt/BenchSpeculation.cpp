// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt bench --lookup` and `--draft D.so`: how much faster text is generated with guesses, and how many are right.
//
// Guesses depend on the text, so random tokens say nothing: code, a text to edit, one to sum up and a story, as
// messages where the model has a chat template; or the user's own files. Each is generated without guesses and with
// them in turns, in a new session each time, so that nothing is known from the run before; the best of each counts.
// Greedily, but the story, which is drawn at temperature 1: a greedy one repeats itself. Tokens must be the same.
// Tested by test/tools/lmopt/speculation.sh (the keys).
#include "tools/lmopt/BenchMeasure.h"
#include "tools/lmopt/Chat.h"
#include "tools/lmopt/TextInput.h"

#include <algorithm>
#include <filesystem>

namespace lmopt::driver {

namespace {
struct BenchText {
  std::string name, text;
  float temperature = 0;
};

/// A generated text and what it cost.
struct GuessRun {
  std::vector<int32_t> tokens;
  double seconds = 0;
  lmopt_speculation_info_t info{};

  double rate() const { return static_cast<double>(tokens.size()) / seconds; }
};
} // namespace

static constexpr int64_t kGuessedTokens = 128;

static const char kStory[] =
    "The river ran slowly past the old mill, and Alice sat on the bank with her book. A small boat came drifting by, "
    "and its ropes was trailing in the water. Alice called out, but nobody answered her. She pulled the boat to the "
    "bank and tyed it to a tree. Inside she found a letter, a lantern and a map of the islands to the north. The "
    "letter "
    "was addressed to a man named Henry, who had left the village twenty years ago. She read it twice, folded it with "
    "care, and decided to find out what had become of him.";

static std::vector<BenchText> ownTexts() {
  return {{"code",
           "Write a Python class Stack with push, pop, peek, is_empty and size, then a class Queue with the same "
           "structure."},
          {"edit", std::string("Please copy this text and correct its mistakes:\n\n") + kStory},
          {"summary", std::string("Summarize this text in a few sentences:\n\n") + kStory},
          {"free", "Tell me a story about a lighthouse keeper.", 1}};
}

static Result<std::vector<BenchText>> textsOf(const BenchOptions &options) {
  if (options.texts.empty())
    return ownTexts();
  std::vector<BenchText> texts;
  for (const std::string &path : options.texts) {
    Result<std::string> text = readFile(path);
    if (!text.ok())
      return text.error();
    texts.push_back({std::filesystem::path(path).filename().string(), text.take()});
  }
  return texts;
}

static Result<std::vector<int32_t>> tokensOf(const Model &model, const BenchText &text) {
  size_t size = 0;
  if (lmopt_model_meta(model.handle.get(), "chat_template", &size))
    return renderChat(model, {{"user", text.text}}, "");
  return encodeText(model, text.text, LMOPT_TOKENIZE_DEFAULT);
}

/// How many tokens may follow the prompt.
static Result<int64_t> roomBehind(const Model &model, const BenchText &text, const std::vector<int32_t> &prompt) {
  auto length = static_cast<int64_t>(prompt.size());
  if (length + 2 > model.info.max_positions || prompt.empty())
    return Error{kErrorUsage, "text '" + text.name + "' has " + std::to_string(length) + " tokens, but '" + model.path +
                                  "' takes 1 to " + std::to_string(model.info.max_positions - 2) +
                                  " before those that are measured; give another one (--text)"};
  return std::min<int64_t>(kGuessedTokens, model.info.max_positions - length);
}

static Result<SamplerPtr> makeSampler(const Model &model, float temperature) {
  lmopt_sampler_options_t options{};
  options.struct_size = sizeof options;
  options.temperature = temperature;
  options.top_k = 40; // as `lmopt run`; to sort all of them takes longer than a step
  lmopt_sampler_t *sampler = nullptr;
  lmopt_error_t error{};
  if (lmopt_sampler_create(&options, model.info.vocabulary, &sampler, &error) != LMOPT_OK)
    return runtimeError(error);
  return SamplerPtr(sampler);
}

namespace {
struct Receiver {
  std::vector<int32_t> &tokens;
  const lmopt_tokenizer_t *tokenizer;
  static int receive(void *user, int32_t token) {
    auto *self = static_cast<Receiver *>(user);
    self->tokens.push_back(token);
    return lmopt_tokenizer_is_end(self->tokenizer, token);
  }
};
} // namespace

/// The first token comes from the prompt's own pass and is not timed.
static Result<void> generateOnce(const Model &model, lmopt_session_t *session, const std::vector<int32_t> &prompt,
                                 lmopt_sampler_t *sampler, int64_t count, GuessRun &run) {
  std::vector<float> logits(static_cast<size_t>(model.info.vocabulary));
  lmopt_error_t error{};
  int32_t first = 0;
  if (lmopt_session_prefill(session, prompt.data(), static_cast<int64_t>(prompt.size()), logits.data(), &error) ||
      lmopt_sampler_sample(sampler, logits.data(), &first, &error))
    return runtimeError(error);
  Receiver receiver{run.tokens, lmopt_model_tokenizer(model.handle.get())};
  auto start = std::chrono::steady_clock::now();
  lmopt_status_t status = lmopt_session_generate(session, first, sampler, count, Receiver::receive, &receiver, &error);
  run.seconds = secondsSince(start);
  run.info = speculationOf(session);
  return checkStatus(status, error);
}

static Result<GuessRun> runText(const Model &model, const SessionSettings &settings, const Speculation &speculation,
                                const Context &context, const std::vector<int32_t> &prompt, float temperature) {
  GuessRun run;
  Result<SamplerPtr> sampler = makeSampler(model, temperature);
  if (!sampler.ok())
    return sampler.error();
  Result<SessionPtr> session = createSession(model, settings, context);
  if (!session.ok())
    return session.error();
  if (Result<void> started = speculation.start(session->get()); !started.ok())
    return started.error();
  int64_t count = settings.positions - static_cast<int64_t>(prompt.size());
  if (Result<void> done = generateOnce(model, session->get(), prompt, sampler->get(), count, run); !done.ok())
    return done.error();
  return run;
}

static Json describe(const BenchText &text, size_t prompt, const GuessRun &plain, const GuessRun &guessing) {
  auto tokens = static_cast<double>(guessing.tokens.size());
  return {{"text", text.name},
          {"prompt_tokens", prompt},
          {"tokens", guessing.tokens.size()},
          {"plain", plain.rate()},
          {"guessing", guessing.rate()},
          {"speedup", guessing.rate() / plain.rate()},
          {"passes", guessing.info.passes},
          {"guesses", guessing.info.proposed},
          {"accepted", guessing.info.accepted},
          {"tokens_per_pass", tokens / static_cast<double>(guessing.info.passes)}};
}

static Result<Json> benchText(const Model &model, const BenchOptions &options, const Context &context,
                              const Speculation &speculation, lmopt_team_t *team, const BenchText &text) {
  Result<std::vector<int32_t>> prompt = tokensOf(model, text);
  if (!prompt.ok())
    return prompt.error();
  Result<int64_t> room = roomBehind(model, text, *prompt);
  if (!room.ok())
    return room.error();
  SessionSettings settings{{}, static_cast<int64_t>(prompt->size()) + *room, team};
  GuessRun best[2];
  const Speculation none, *ways[] = {&none, &speculation};
  for (int i = 0; i <= options.repeats; ++i) // the first round is not counted
    for (int way = 0; way < 2; ++way) {
      Result<GuessRun> run = runText(model, settings, *ways[way], context, *prompt, text.temperature);
      if (!run.ok())
        return run.error();
      if (way == 1 && run->tokens != best[0].tokens)
        return Error{kErrorInternal, "text '" + text.name + "' has other tokens with guesses than without"};
      if (i < 2 || run->seconds < best[way].seconds)
        best[way] = run.take();
    }
  return describe(text, prompt->size(), best[0], best[1]);
}

Result<void> checkSpeculation(const Model &model, const BenchOptions &options, const Context &context) {
  Result<Speculation> speculation = Speculation::open(options.speculation, "bench");
  if (!speculation.ok())
    return speculation.error();
  Result<SessionPtr> session = createSession(model, {options.place, 1, nullptr}, context);
  return session.ok() ? speculation->start(session->get()) : session.error();
}

Result<Json> benchSpeculation(const Model &model, const BenchOptions &options, const Context &context) {
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(model);
  if (!tokenizer.ok())
    return tokenizer.error();
  Result<Speculation> speculation = Speculation::open(options.speculation, "bench");
  if (!speculation.ok())
    return speculation.error();
  Result<TeamPtr> team = createTeam(options.place);
  if (!team.ok())
    return team.error();
  Result<std::vector<BenchText>> texts = textsOf(options);
  if (!texts.ok())
    return texts.error();
  Json rows = Json::array();
  for (const BenchText &text : *texts) {
    Result<Json> row = benchText(model, options, context, *speculation, team->get(), text);
    if (!row.ok())
      return row.error();
    rows.push_back(row.take());
  }
  return rows;
}

std::string speculationText(const Json &speculation) {
  std::string text = "\ntext                    plain   guessing tokens/s            accepted   tokens a pass\n";
  for (const Json &row : speculation) {
    char line[200];
    std::snprintf(line, sizeof line, "%-18s %10.1f %10.1f          %5.2fx %5lld of %-5lld %10.2f\n",
                  row["text"].get<std::string>().c_str(), row["plain"].get<double>(), row["guessing"].get<double>(),
                  row["speedup"].get<double>(), row["accepted"].get<long long>(), row["guesses"].get<long long>(),
                  row["tokens_per_pass"].get<double>());
    text += line;
  }
  return text;
}

} // namespace lmopt::driver
