// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt run`: generates text with a decoder.
//
// In: a prompt (-p or -f), continued as it stands, or with --chat as a message that the model's own template wraps;
// --chat without a prompt holds a conversation, one line of stdin a turn. --chat-variables brings tools, documents,
// whole messages. Out: the generated text as it comes, or
// {"prompt_tokens": [...], "tokens": [...], "text": "...", "stop": "eos"|"length"|"context"} once. A text that ends
// because the context is full says so. With --lookup or --draft the same comes sooner. Tested by test/tools/lmopt and
// test/e2e.
#include "tools/lmopt/Chat.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Generator.h"
#include "tools/lmopt/TextInput.h"
#include "tools/lmopt/Threads.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

#include <unistd.h>

namespace lmopt::driver {

struct RunOptions {
  std::string model, prompt, file, system;
  std::string variables; // --chat-variables: the file, then what is in it
  std::string format = "text";
  int64_t tokens = 128;
  int64_t context = 0;
  int64_t window = 0, sinks = 4;
  Place place;
  float temperature = 0;
  int topK = 40;
  float topP = 0.95f, minP = 0.05f;
  uint64_t seed = 0;
  bool chat = false;
  SpeculationOptions speculation;
};

static lmopt_sampler_options_t samplerOptions(const RunOptions &options) {
  lmopt_sampler_options_t sampling{};
  sampling.struct_size = sizeof sampling;
  sampling.temperature = options.temperature;
  sampling.top_k = options.topK;
  sampling.top_p = options.topP;
  sampling.min_p = options.minP;
  sampling.seed = options.seed;
  return sampling;
}

/// Reads the file of --chat-variables. True when it brings the whole conversation.
static Result<bool> readVariables(RunOptions &options) {
  if (options.variables.empty())
    return false;
  if (!options.chat)
    return Error{kErrorUsage, "--chat-variables are variables of a chat template: they need --chat"};
  Result<std::string> text = readFile(options.variables);
  if (!text.ok())
    return text.error();
  nlohmann::json parsed = nlohmann::json::parse(*text, nullptr, false);
  if (!parsed.is_object())
    return Error{kErrorMalformed, options.variables + ": expected a JSON object, for example {\"tools\": [...], "
                                                      "\"enable_thinking\": false}"};
  options.variables = text.take();
  return parsed.contains("messages");
}

static std::vector<Message> opening(const RunOptions &options) {
  std::vector<Message> messages;
  if (!options.system.empty())
    messages.push_back({"system", options.system});
  return messages;
}

static void noteTimes(const Context &context, const Generation &generation) {
  if (!context.verbose)
    return;
  char text[160];
  // The first token comes from the prompt's own pass; the others take one step each.
  size_t steps =
      generation.tokens.empty() ? 0 : generation.tokens.size() - (generation.stop == Stop::EndOfText ? 0 : 1);
  std::snprintf(text, sizeof text, "prompt: %lld tokens, %.1f ms; generated: %zu tokens, %.1f tokens/s",
                static_cast<long long>(generation.computedPromptTokens), generation.promptSeconds * 1e3,
                generation.tokens.size(), steps ? static_cast<double>(steps) / generation.stepSeconds : 0.0);
  note(context, text);
  if (!generation.passes)
    return;
  std::snprintf(text, sizeof text, "guesses: %lld of %lld accepted, %lld passes over the model",
                static_cast<long long>(generation.accepted), static_cast<long long>(generation.guesses),
                static_cast<long long>(generation.passes));
  note(context, text);
}

static void noteThreads(const Context &context, const Model &model, const Place &place) {
  if (context.verbose && model.info.device == LMOPT_COMPUTES_ON_CPU)
    note(context, threadsText(place.threads, lmoptp_host()));
}

static Result<void> stream(std::string_view piece) {
  Result<void> written = writeOutput(piece);
  return written.ok() ? flushOutput() : written;
}

/// Ends the text with a line break unless it has one: a shell prompt or the next turn starts on its own line.
static Result<void> endLine(const std::string &text) {
  return text.empty() || text.back() != '\n' ? writeOutput("\n") : Result<void>();
}

static const char *stopName(Stop stop) {
  return stop == Stop::EndOfText ? "eos" : stop == Stop::Length ? "length" : "context";
}

/// Ends the line, and says so when the text is shorter than it would be for want of room.
static Result<void> endText(const Context &context, const Generator &generator, const Generation &generation) {
  if (Result<void> ended = endLine(generation.text); !ended.ok())
    return ended;
  Result<void> flushed = flushOutput();
  if (flushed.ok() && generation.stop == Stop::Context)
    note(context, generator.contextNote());
  return flushed;
}

static Result<void> runOnce(const RunOptions &options, const Context &context, Generator &generator,
                            const std::vector<int32_t> &prompt) {
  bool json = options.format == "json";
  auto show = [json](std::string_view piece) { return json ? Result<void>() : stream(piece); };
  Result<Generation> made = generator.generate(prompt, options.tokens, show);
  if (!made.ok())
    return made.error();
  noteTimes(context, *made);
  if (!json)
    return endText(context, generator, *made);
  nlohmann::ordered_json result = {
      {"prompt_tokens", prompt}, {"tokens", made->tokens}, {"text", made->text}, {"stop", stopName(made->stop)}};
  return writeOutput(result.dump() + "\n");
}

/// The next line that says something, after a prompt sign on a terminal; false at the end.
static Result<bool> nextTurn(LineReader &lines, bool terminal, std::string &line) {
  for (;;) {
    if (terminal)
      std::fputs("> ", stderr);
    Result<bool> more = lines.next(line);
    if (!more.ok() || !*more || !line.empty())
      return more;
  }
}

static Result<void> converse(const RunOptions &options, const Context &context, const Model &model,
                             Generator &generator) {
  std::vector<Message> messages = opening(options);
  bool terminal = isatty(STDIN_FILENO) && !context.quiet;
  Result<LineReader> lines = LineReader::open("-");
  if (!lines.ok())
    return lines.error();
  for (std::string line;;) {
    Result<bool> more = nextTurn(*lines, terminal, line);
    if (!more.ok() || !*more)
      return more.ok() ? Result<void>() : more.error();
    messages.push_back({"user", line});
    Result<std::vector<int32_t>> prompt = renderChat(model, messages, options.variables);
    if (!prompt.ok())
      return prompt.error();
    Result<Generation> made = generator.generate(*prompt, options.tokens, stream);
    if (!made.ok())
      return made.error();
    noteTimes(context, *made);
    if (Result<void> ended = endText(context, generator, *made); !ended.ok())
      return ended;
    messages.push_back({"assistant", made->text});
  }
}

/// -f takes a file byte for byte; `-p -` leaves out the line break with which `echo` and the Enter key end a text.
static Result<std::string> promptText(const RunOptions &options) {
  if (!options.file.empty())
    return readFile(options.file);
  if (options.prompt != "-")
    return options.prompt;
  Result<std::string> text = readFile("-");
  if (text.ok() && !text->empty() && text->back() == '\n')
    text->erase(text->size() - (text->size() > 1 && (*text)[text->size() - 2] == '\r' ? 2 : 1));
  return text;
}

static Result<std::vector<int32_t>> promptTokens(const RunOptions &options, const Model &model) {
  Result<std::string> prompt = promptText(options);
  if (!prompt.ok())
    return prompt.error();
  if (!options.chat)
    return encodeText(model, *prompt, LMOPT_TOKENIZE_DEFAULT);
  std::vector<Message> messages = opening(options);
  messages.push_back({"user", prompt.take()});
  return renderChat(model, messages, options.variables);
}

/// --ctx, or enough for the prompt and all that may follow, or the runtime's default.
static int64_t positionsFor(const RunOptions &options, const Model &model, size_t promptTokens) {
  if (options.context || options.window || options.tokens < 0 || !promptTokens)
    return options.context;
  return std::min<int64_t>(model.info.max_positions, static_cast<int64_t>(promptTokens) + options.tokens);
}

static Result<void> run(RunOptions options, bool hasPrompt, const Context &context) {
  Result<bool> whole = readVariables(options);
  if (!whole.ok())
    return whole.error();
  if (*whole && (hasPrompt || !options.system.empty()))
    return Error{kErrorUsage, "the file of --chat-variables has the messages: leave out -p, -f and --system"};
  hasPrompt |= *whole;
  if (!hasPrompt && !options.chat)
    return Error{kErrorUsage, "nothing to continue: give -p TEXT or -f FILE, or --chat to talk"};
  if (!hasPrompt && options.format == "json")
    return Error{kErrorUsage, "--format json needs a prompt (-p or -f)"};
  if (!options.system.empty() && !options.chat)
    return Error{kErrorUsage, "--system is a message of a conversation: it needs --chat"};
  Result<Speculation> speculation = Speculation::open(options.speculation, "run");
  if (!speculation.ok())
    return speculation.error();
  Result<Model> model = openModel(options.model, LMOPT_MODEL_DECODER, "run");
  if (!model.ok())
    return model.error();
  std::vector<int32_t> prompt;
  if (hasPrompt) {
    Result<std::vector<int32_t>> tokens =
        *whole ? renderChat(*model, {}, options.variables) : promptTokens(options, *model);
    if (!tokens.ok())
      return tokens.error();
    prompt = tokens.take();
  }
  SessionSettings settings{options.place, positionsFor(options, *model, prompt.size()), nullptr, options.window,
                           options.window ? options.sinks : 0};
  Result<Generator> generator = Generator::create(*model, settings, samplerOptions(options), *speculation, context);
  if (!generator.ok())
    return generator.error();
  noteThreads(context, *model, options.place);
  return hasPrompt ? runOnce(options, context, *generator, prompt) : converse(options, context, *model, *generator);
}

void addRun(CommandLine &line) {
  auto options = std::make_shared<RunOptions>();
  Command command = line.add("run", "generate text with a decoder");
  addModel(command, options->model);
  Option prompt =
      command.add("-p,--prompt", options->prompt,
                  "text to continue, or message to answer; -: standard input (for a prompt that is a dash: printf - | "
                  "lmopt run MODEL -p -)");
  Option file = command.add("-f,--file", options->file, "file that holds the prompt, byte for byte; -: standard input")
                    .excludes(prompt)
                    .notEmpty();
  command.add("-n,--n-predict", options->tokens, "most tokens to generate; -1: until the text ends")
      .between(-1, int64_t{1} << 40)
      .showDefault();
  command.addFlag("--chat", options->chat, "use the model's chat template; without a prompt: talk, a line a turn");
  command.add("--system", options->system, "system message for --chat");
  command
      .add("--chat-variables", options->variables,
           "with --chat: JSON file with variables of the template: tools, documents, enable_thinking, ...; "
           "its messages replace -p; -: standard input")
      .notEmpty();
  command.add("--temp", options->temperature, "temperature; 0: always the most probable token").showDefault();
  command.add("--top-k", options->topK, "with --temp: draw from the K most probable tokens; 0: all").showDefault();
  command.add("--top-p", options->topP, "with --temp: from the fewest tokens that reach this sum; 0: all")
      .showDefault();
  command.add("--min-p", options->minP, "with --temp: from tokens at least this probable against the best")
      .showDefault();
  command.add("-s,--seed", options->seed, "with --temp: seed of the draw").wholeNumber().showDefault();
  Option positions =
      command.add("-c,--ctx", options->context, "positions that the session holds").between(1, int64_t{1} << 40);
  Option window =
      command
          .add("--window", options->window,
               "generate without end: look back over at most so many tokens, forget the oldest half when they fill")
          .between(2, int64_t{1} << 40)
          .excludes(positions);
  command.add("--sinks", options->sinks, "with --window: first tokens that are never forgotten")
      .between(0, int64_t{1} << 40)
      .needs(window)
      .showDefault();
  addSpeculation(command, options->speculation);
  addPlace(command, options->place);
  addFormat(command, options->format);
  command.onParsed([&line, options, prompt, file] {
    bool hasPrompt = prompt.given() || file.given();
    line.action = [&line, options, hasPrompt] { return run(*options, hasPrompt, line.context); };
  });
}

} // namespace lmopt::driver
