// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt bench`: how fast a compiled model is here. Each figure is the best of several repeats after one warm-up: what
// the machine can do, not what its neighbours left of it.
//
// Decoder: pp512 = tokens/s of a 512-token prompt, tg64 = tokens/s of 64 single steps after it (pp2048 and tg64_at2048
// with --prompt 2048); on a GPU they are one call of lmopt_session_generate, greedy, unless --top says otherwise.
// Encoder: BxL = sequences of L tokens a second when B are given at once. With --sessions and
// --instances also what BenchServing.cpp measures, with --lookup and --draft what BenchSpeculation.cpp does. All:
// open_ms = wall time of a fresh process from its start to its end, in which it opens the model and makes the first
// token or vector; rss_mb = peak memory of this process, with the mapped weights; artifact_mb = size of the files.
// Tokens are drawn with a fixed seed. MB = 10^6 bytes. No test looks at the figures; test/tools/lmopt looks at the
// keys.
//
// On CPUs: "threads" = how many threads the figures without "_instances" have, and why (Threads.h).
// On a GPU: open_first_ms = the same of a process that finds the driver's cache of translations empty, open_ms of later
// ones; "device" = what it ran on, "bounds" = what that can do, measured in the same run (DeviceBounds.h).
#include "tools/lmopt/BenchMeasure.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"
#include "tools/lmopt/DeviceBounds.h"
#include "tools/lmopt/Threads.h"

#include <cstring>
#include <filesystem>
#include <random>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace lmopt::driver {

std::vector<int32_t> randomTokens(const Model &model, size_t count) {
  std::mt19937 generator(1); // NOLINT(bugprone-random-generator-seed): every run shall see the same tokens
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = static_cast<int32_t>(generator() % static_cast<uint32_t>(model.info.vocabulary));
  return tokens;
}

Result<void> needPositions(const Model &model, int64_t positions) {
  if (model.info.max_positions >= positions)
    return {};
  int64_t prompt = model.info.max_positions - kBenchSteps; // what would fit
  std::string advice = model.isDecoder() && prompt > 0 ? "; --prompt " + std::to_string(prompt) + " fits" : "";
  return Error{kErrorUsage, "`lmopt bench` needs " + std::to_string(positions) + " positions, but '" + model.path +
                                "' has " + std::to_string(model.info.max_positions) + advice};
}

std::string stepsKey(const BenchOptions &options) {
  return "tg" + std::to_string(kBenchSteps) + (options.prompt == 512 ? "" : "_at" + std::to_string(options.prompt));
}

Result<TeamPtr> createTeam(const Place &place) {
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  options.threads = place.threads;
  options.device = place.device.empty() ? nullptr : place.device.c_str();
  lmopt_team_t *team = nullptr;
  lmopt_error_t error{};
  if (lmopt_team_create(&options, &team, &error) != LMOPT_OK)
    return runtimeError(error);
  return TeamPtr(team);
}

static lmopt_status_t benchStep(lmopt_session_t *session, int32_t token, int top, float *logits, lmopt_error_t *error) {
  return top ? lmopt_session_decode_top(session, token, top, logits, error)
             : lmopt_session_decode(session, token, logits, error);
}

/// The steps after the prompt: of tokens that are given or, on a GPU, that it chooses itself, several on end.
static lmopt_status_t runSteps(const Model &model, const BenchOptions &options, lmopt_session_t *session,
                               const int32_t *tokens, float *logits, lmopt_error_t *error) {
  lmopt_status_t status = lmopt_session_truncate(session, options.prompt, error);
  auto ignore = [](void *, int32_t) { return 0; };
  if (model.info.device != LMOPT_COMPUTES_ON_CPU && !options.top)
    return status ? status : lmopt_session_generate(session, *tokens, nullptr, kBenchSteps, ignore, nullptr, error);
  for (int64_t i = 0; i < kBenchSteps && status == LMOPT_OK; ++i)
    status = benchStep(session, tokens[i], options.top, logits, error);
  return status;
}

static Result<void> benchDecoder(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  const int64_t prompt = options.prompt;
  if (Result<void> fits = needPositions(model, prompt + kBenchSteps); !fits.ok())
    return fits;
  Result<SessionPtr> session = createSession(model, {options.place, prompt + kBenchSteps, nullptr}, context);
  if (!session.ok())
    return session.error();
  std::vector<int32_t> tokens = randomTokens(model, static_cast<size_t>(prompt + kBenchSteps));
  std::vector<float> logits(static_cast<size_t>(model.info.vocabulary));
  lmopt_error_t error{};

  Result<double> whole = bestTime(options.repeats, [&]() -> Result<void> {
    if (lmopt_session_truncate(session->get(), 0, &error) != LMOPT_OK)
      return runtimeError(error);
    return checkStatus(lmopt_session_prefill(session->get(), tokens.data(), prompt, logits.data(), &error), error);
  });
  if (!whole.ok())
    return whole.error();
  Result<double> steps = bestTime(options.repeats, [&]() -> Result<void> {
    return checkStatus(
        runSteps(model, options, session->get(), &tokens[static_cast<size_t>(prompt)], logits.data(), &error), error);
  });
  if (!steps.ok())
    return steps.error();
  out["pp" + std::to_string(prompt)] = static_cast<double>(prompt) / *whole;
  out[stepsKey(options) + (options.top ? "_top" + std::to_string(options.top) : "")] = kBenchSteps / *steps;
  return {};
}

static Result<void> benchEncoder(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  Result<SessionPtr> session = createSession(model, {options.place, 0, nullptr}, context);
  if (!session.ok())
    return session.error();
  for (const EncoderCase &shape : kEncoderCases) {
    if (Result<void> fits = needPositions(model, shape.length); !fits.ok())
      return fits;
    std::vector<int32_t> tokens = randomTokens(model, static_cast<size_t>(shape.batch * shape.length));
    std::vector<int64_t> lengths(static_cast<size_t>(shape.batch), shape.length);
    std::vector<float> rows;
    lmopt_error_t error{};
    Result<double> time = bestTime(options.repeats, [&] {
      return checkStatus(encodeAll(model, session->get(), tokens, lengths, rows, &error), error);
    });
    if (!time.ok())
      return time.error();
    out[shape.key] = shape.batch / *time;
  }
  return {};
}

/// Runs a program to its end with stdout thrown away, and one more variable in its environment; an error when it fails.
static Result<void> runQuietly(const std::vector<std::string> &command, const std::string &variable) {
  std::vector<char *> argv, variables;
  for (const std::string &argument : command)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  variables.push_back(const_cast<char *>(variable.c_str())); // the first of a name counts
  for (char **each = environ; *each; ++each)
    variables.push_back(*each);
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    return resourceError("cannot start '" + command[0] + "': " + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return resourceError(std::string("cannot wait for a child process: ") + std::strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return {};
  return Error{WIFEXITED(status) ? WEXITSTATUS(status) : kErrorInternal, "the process that opens the model failed"};
}

/// A folder for the driver's translations that goes with this.
class CacheFolder {
public:
  CacheFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lmopt-bench-XXXXXX").string();
    path = mkdtemp(name.data()) ? name : "";
  }
  ~CacheFolder() {
    std::error_code ignored;
    if (!path.empty())
      std::filesystem::remove_all(path, ignored);
  }
  CacheFolder(const CacheFolder &) = delete;
  CacheFolder &operator=(const CacheFolder &) = delete;
  std::string path;
};

static Result<std::vector<std::string>> openCommand(const Model &model, const BenchOptions &options) {
  Result<std::string> self = ownPath();
  if (!self.ok())
    return self.error();
  std::vector<std::string> command = {*self, "--quiet", model.isDecoder() ? "run" : "embed", model.path};
  if (model.isDecoder())
    command.insert(command.end(), {"-p", "Hello", "-n", "1"});
  else
    command.insert(command.end(), {"--text", "Hello"});
  if (options.place.threads)
    command.insert(command.end(), {"--threads", std::to_string(options.place.threads)});
  if (!options.place.device.empty())
    command.insert(command.end(), {"--device", options.place.device});
  return command;
}

/// Milliseconds that a fresh process needs to open the model and make its first token or vector.
static Result<void> benchOpen(const Model &model, const BenchOptions &options, Json &out) {
  Result<std::vector<std::string>> command = openCommand(model, options);
  if (!command.ok())
    return command.error();
  CacheFolder cache;
  if (cache.path.empty())
    return resourceError(std::string("cannot create a folder for temporary files: ") + std::strerror(errno));
  const std::string variable = "CUDA_CACHE_PATH=" + cache.path; // of CUDA's driver; others do not look at it
  if (model.info.device != LMOPT_COMPUTES_ON_CPU) {
    auto start = std::chrono::steady_clock::now();
    if (Result<void> first = runQuietly(*command, variable); !first.ok())
      return first;
    out["open_first_ms"] = secondsSince(start) * 1e3;
  }
  Result<double> seconds = bestTime(options.repeats, [&] { return runQuietly(*command, variable); });
  if (!seconds.ok())
    return seconds.error();
  out["open_ms"] = *seconds * 1e3;
  return {};
}

/// Bytes of the artifact, with its split-out weights.
static double artifactBytes(const Model &model) {
  std::error_code failed;
  double bytes = static_cast<double>(std::filesystem::file_size(model.path, failed));
  size_t size = 0;
  if (const void *name = lmopt_model_meta(model.handle.get(), "weights_file", &size))
    bytes += static_cast<double>(std::filesystem::file_size(
        std::filesystem::path(model.path).replace_filename(std::string(static_cast<const char *>(name), size)),
        failed));
  return bytes;
}

static double peakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

/// Four digits are more than a measurement has.
static double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::stod(text);
}

/// What is no single figure: threads, or the GPU and its bounds; texts with guesses; the profile.
static Result<void> benchExtra(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  std::optional<DeviceBounds> bounds;
  if (model.info.device != LMOPT_COMPUTES_ON_CPU) {
    Result<DeviceBounds> measured = measureDevice(options.place.device);
    if (!measured.ok())
      return measured.error();
    bounds = *measured;
    out["device"] = deviceJson(*bounds);
    out["bounds"] = boundsJson(*bounds);
  } else {
    out["threads"] = threadsJson(options.place.threads, lmoptp_host());
  }
  if (options.speculation.wanted()) {
    Result<Json> texts = benchSpeculation(model, options, context);
    if (!texts.ok())
      return texts.error();
    out["speculation"] = texts.take();
  }
  if (!options.profile)
    return {};
  Result<Json> rows = benchProfile(model, options, context, bounds ? &*bounds : nullptr);
  if (!rows.ok())
    return rows.error();
  out["profile"] = rows.take();
  return {};
}

static std::string resultJson(Json result, const Json &extra) {
  for (auto &[key, value] : result.items())
    value = rounded(value.get<double>());
  if (extra.is_object())
    result.update(extra);
  return result.dump() + "\n";
}

static std::string resultText(const Model &model, const BenchOptions &options, const Json &result, const Json &extra) {
  std::string text;
  for (const auto &[key, value] : result.items()) {
    bool rate = key != "open_first_ms" && key != "open_ms" && key != "rss_mb" && key != "artifact_mb";
    char row[80];
    std::snprintf(row, sizeof row, "%-18s %10.1f%s\n", key.c_str(), value.get<double>(),
                  !rate               ? ""
                  : model.isDecoder() ? " tokens/s"
                                      : " sequences/s");
    text += row;
  }
  text += extra.contains("threads") ? threadsText(options.place.threads, lmoptp_host()) + "\n" : "";
  if (extra.contains("device"))
    text += deviceText(extra["device"], extra["bounds"]);
  if (extra.contains("speculation"))
    text += speculationText(extra["speculation"]);
  return extra.contains("profile") ? text + profileText(extra["profile"]) : text;
}

/// Options that this model has no use for.
static Result<void> checkOptions(const Model &model, const BenchOptions &options) {
  const std::pair<const char *, bool> ofDecoders[] = {{"--sessions", options.sessions > 0},
                                                      {"--top", options.top > 0},
                                                      {"--prompt", options.promptGiven},
                                                      {"--lookup", options.speculation.lookup},
                                                      {"--draft", !options.speculation.draft.empty()}};
  for (auto [name, given] : ofDecoders)
    if (given && !model.isDecoder())
      return Error{kErrorUsage, std::string(name) + " needs a decoder, but '" + model.path + "' is an encoder"};
  if (!options.texts.empty() && !options.speculation.wanted())
    return Error{kErrorUsage, "--text is what guesses are measured on: it needs --lookup or --draft"};
  if (model.info.device != LMOPT_COMPUTES_ON_CPU && options.instances)
    return Error{kErrorUsage, "--instances measures threads, but '" + model.path + "' computes on a GPU; leave it out"};
  return {};
}

static Result<void> bench(const BenchOptions &options, const Context &context) {
  Result<Model> model = openModel(options.model);
  if (!model.ok())
    return model.error();
  Result<void> checked = checkOptions(*model, options);
  if (checked.ok() && (options.speculation.wanted() || options.speculation.guesses))
    checked = checkSpeculation(*model, options, context);
  if (!checked.ok())
    return checked;
  Json result;
  Result<void> measured = model->isDecoder() ? benchDecoder(*model, options, context, result)
                                             : benchEncoder(*model, options, context, result);
  if (measured.ok() && options.sessions)
    measured = benchSessions(*model, options, context, result);
  if (measured.ok() && options.instances)
    measured = benchInstances(*model, options, context, result);
  if (!measured.ok())
    return measured;
  if (Result<void> opened = benchOpen(*model, options, result); !opened.ok())
    return opened;
  result["rss_mb"] = peakMemoryBytes() / 1e6;
  result["artifact_mb"] = artifactBytes(*model) / 1e6;

  Json extra; // last: what it needs itself is no part of the model's memory
  if (Result<void> done = benchExtra(*model, options, context, extra); !done.ok())
    return done;
  return writeOutput(options.format == "json" ? resultJson(result, extra) : resultText(*model, options, result, extra));
}

void addBench(CommandLine &line) {
  auto options = std::make_shared<BenchOptions>();
  Command command = line.add("bench", "measure speed and memory");
  addModel(command, options->model);
  addPlace(command, options->place);
  command.add("-r,--repetitions", options->repeats, "repeats of each measurement; the best one counts")
      .between(1, 1000)
      .showDefault();
  Option prompt = command.add("--prompt", options->prompt, "decoder: tokens before the single steps")
                      .between(1, int64_t{1} << 30)
                      .showDefault();
  command.add("--top", options->top, "decoder: single steps find the N greatest logits only, as far as the model can")
      .between(1, 1 << 24);
  command.add("--sessions", options->sessions, "decoder: also decode N sequences together").between(1, 1024);
  command.add("--instances", options->instances, "also N independent workers of one thread, each on its own CPU")
      .between(1, 1024);
  addSpeculation(command, options->speculation);
  command.add(
      "--text", options->texts,
      "with --lookup or --draft: a file to generate after, in the place of lmopt's own texts (a message, if the "
      "model has a chat template); may be given many times");
  command.addFlag("--profile", options->profile, "also where the time goes, beside the bounds of this machine");
  addFormat(command, options->format);
  command.onParsed([&line, options, prompt] {
    options->promptGiven = prompt.given();
    line.action = [&line, options] { return bench(*options, line.context); };
  });
}

} // namespace lmopt::driver
