// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt bench`: how fast a compiled model is here. Each figure is the best of several repeats after one warm-up: what
// the machine can do, not what its neighbours left of it.
//
// Decoder: pp512 = tokens/s of a 512-token prompt, tg64 = tokens/s of 64 single steps after it. Encoder: BxL =
// sequences of L tokens a second when B are given at once. All: open_ms = wall time of a fresh process from its start
// to its end, in which it opens the model and makes the first token or vector; rss_mb = peak memory of this process,
// with the mapped weights; artifact_mb = size of the files. Tokens are drawn with a fixed seed. MB = 10^6 bytes. No
// test looks at the figures; test/tools/lmopt looks at the keys.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"
#include "tools/lmopt/Model.h"

#include <nlohmann/json.hpp>

#include <chrono>
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

using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::string model;
  std::string format = "text";
  int threads = 0;
  int repeats = 5;
};

static constexpr int64_t kPrompt = 512;
static constexpr int64_t kSteps = 64;

// Short work is repeated until this much time went by: five runs of a millisecond say little.
static constexpr double kLeastSeconds = 0.3;

/// The shortest of at least `repeats` runs of `work`, in seconds, after one that is not counted.
template <class Work>
static Result<double> bestTime(int repeats, Work work) {
  double best = 0, total = 0;
  for (int i = 0; i <= repeats || total < kLeastSeconds; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (Result<void> done = work(); !done.ok())
      return done.error();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i == 1 || (i > 1 && seconds < best))
      best = seconds;
    total += seconds;
  }
  return best;
}

static std::vector<int32_t> randomTokens(const Model &model, size_t count) {
  std::mt19937 generator(1); // NOLINT(bugprone-random-generator-seed): every run shall see the same tokens
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = static_cast<int32_t>(generator() % static_cast<uint32_t>(model.info.vocabulary));
  return tokens;
}

static Result<void> check(lmopt_status_t status, const lmopt_error_t &error) {
  return status == LMOPT_OK ? Result<void>() : runtimeError(error);
}

static Result<void> benchDecoder(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  if (model.info.max_positions < kPrompt + kSteps)
    return Error{kErrorUsage, "`lmopt bench` needs " + std::to_string(kPrompt + kSteps) + " positions, but '" +
                                  model.path + "' has " + std::to_string(model.info.max_positions)};
  Result<SessionPtr> session = createSession(model, {options.threads, kPrompt + kSteps, nullptr}, context);
  if (!session.ok())
    return session.error();
  std::vector<int32_t> tokens = randomTokens(model, kPrompt + kSteps);
  std::vector<float> logits(static_cast<size_t>(model.info.vocabulary));
  lmopt_error_t error{};

  Result<double> prompt = bestTime(options.repeats, [&]() -> Result<void> {
    if (lmopt_session_truncate(session->get(), 0, &error) != LMOPT_OK)
      return runtimeError(error);
    return check(lmopt_session_prefill(session->get(), tokens.data(), kPrompt, logits.data(), &error), error);
  });
  if (!prompt.ok())
    return prompt.error();
  Result<double> steps = bestTime(options.repeats, [&]() -> Result<void> {
    lmopt_status_t status = lmopt_session_truncate(session->get(), kPrompt, &error);
    for (int64_t i = 0; i < kSteps && status == LMOPT_OK; ++i)
      status = lmopt_session_decode(session->get(), tokens[kPrompt + i], logits.data(), &error);
    return check(status, error);
  });
  if (!steps.ok())
    return steps.error();
  out["pp512"] = kPrompt / *prompt;
  out["tg64"] = kSteps / *steps;
  return {};
}

static Result<void> benchEncoder(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  Result<SessionPtr> session = createSession(model, {options.threads, 0, nullptr}, context);
  if (!session.ok())
    return session.error();
  const struct {
    const char *key;
    int64_t batch, length;
  } cases[] = {{"1x16", 1, 16}, {"1x128", 1, 128}, {"32x128", 32, 128}};
  for (const auto &shape : cases) {
    if (model.info.max_positions < shape.length)
      return Error{kErrorUsage, "`lmopt bench` needs " + std::to_string(shape.length) + " positions, but '" +
                                    model.path + "' has " + std::to_string(model.info.max_positions)};
    std::vector<int32_t> tokens = randomTokens(model, static_cast<size_t>(shape.batch * shape.length));
    std::vector<int64_t> lengths(static_cast<size_t>(shape.batch), shape.length);
    std::vector<float> vectors(static_cast<size_t>(shape.batch) * static_cast<size_t>(model.info.output_width));
    lmopt_error_t error{};
    Result<double> time = bestTime(options.repeats, [&] {
      return check(
          lmopt_session_encode(session->get(), tokens.data(), lengths.data(), shape.batch, vectors.data(), &error),
          error);
    });
    if (!time.ok())
      return time.error();
    out[shape.key] = shape.batch / *time;
  }
  return {};
}

/// Runs a program to its end with stdout thrown away; an error when it fails.
static Result<void> runQuietly(const std::vector<std::string> &command) {
  std::vector<char *> argv;
  for (const std::string &argument : command)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
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

/// Milliseconds that a fresh process needs to open the model and make its first token or vector.
static Result<double> benchOpen(const Model &model, const BenchOptions &options) {
  Result<std::string> self = ownPath();
  if (!self.ok())
    return self.error();
  std::vector<std::string> command = {*self, "--quiet", model.isDecoder() ? "run" : "embed", model.path};
  if (model.isDecoder())
    command.insert(command.end(), {"-p", "Hello", "-n", "1"});
  else
    command.insert(command.end(), {"--text", "Hello"});
  if (options.threads)
    command.insert(command.end(), {"--threads", std::to_string(options.threads)});
  Result<double> seconds = bestTime(options.repeats, [&] { return runQuietly(command); });
  return seconds.ok() ? Result<double>(*seconds * 1e3) : seconds;
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

static Result<void> bench(const BenchOptions &options, const Context &context) {
  Result<Model> model = openModel(options.model);
  if (!model.ok())
    return model.error();
  Json result;
  Result<void> measured = model->isDecoder() ? benchDecoder(*model, options, context, result)
                                             : benchEncoder(*model, options, context, result);
  if (!measured.ok())
    return measured;
  Result<double> open = benchOpen(*model, options);
  if (!open.ok())
    return open.error();
  result["open_ms"] = *open;
  result["rss_mb"] = peakMemoryBytes() / 1e6;
  result["artifact_mb"] = artifactBytes(*model) / 1e6;

  if (options.format == "json") {
    for (auto &[key, value] : result.items())
      value = rounded(value.get<double>());
    return writeOutput(result.dump() + "\n");
  }
  std::string text;
  for (const auto &[key, value] : result.items()) {
    bool rate = key != "open_ms" && key != "rss_mb" && key != "artifact_mb";
    char row[80];
    std::snprintf(row, sizeof row, "%-12s %10.1f%s\n", key.c_str(), value.get<double>(),
                  !rate                ? ""
                  : model->isDecoder() ? " tokens/s"
                                       : " sequences/s");
    text += row;
  }
  return writeOutput(text);
}

void addBench(CommandLine &line) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *command = line.add("bench", "measure speed and memory", options, bench);
  addModel(command, options->model);
  addThreads(command, options->threads);
  command->add_option("-r,--repetitions", options->repeats, "repeats of each measurement; the best one counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  addFormat(command, options->format);
}

} // namespace lmopt::driver
