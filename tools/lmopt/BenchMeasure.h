// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parts of `lmopt bench` share: options, tokens, and how time is taken. Each part adds its figures to one JSON
// object: Bench.cpp one stream of work, BenchServing.cpp several at once, BenchSpeculation.cpp text that is guessed,
// BenchProfile.cpp where the time goes.
#ifndef LMOPT_TOOLS_LMOPT_BENCHMEASURE_H
#define LMOPT_TOOLS_LMOPT_BENCHMEASURE_H

#include "tools/lmopt/Model.h"
#include "tools/lmopt/Speculation.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace lmopt::driver {

using Json = nlohmann::ordered_json;
struct DeviceBounds;

struct BenchOptions {
  std::string model;
  std::string format = "text";
  Place place;
  int repeats = 5;
  int64_t prompt = 512; ///< tokens before the single steps
  bool promptGiven = false;
  int top = 0;       ///< decoder: single steps give the so many greatest logits only; 0: all
  int sessions = 0;  ///< decoder: also so many sequences in shared passes over the weights; 0: not
  int instances = 0; ///< also so many independent workers of one thread; 0: not
  bool profile = false;
  SpeculationOptions speculation;
  std::vector<std::string> texts; ///< files to generate after, with guesses and without; none: those of lmopt
};

inline constexpr int64_t kBenchSteps = 64;

/// What an encoder is given at once.
struct EncoderCase {
  const char *key;
  int64_t batch, length;
};
inline constexpr EncoderCase kEncoderCases[] = {{"1x16", 1, 16}, {"1x128", 1, 128}, {"32x128", 32, 128}};

/// Short work is repeated until this much time went by: five runs of a millisecond say little.
inline constexpr double kLeastSeconds = 0.3;

inline double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The shortest of at least `repeats` runs of `work`, in seconds, after one that is not counted.
template <class Work>
Result<double> bestTime(int repeats, Work work) {
  double best = 0, total = 0;
  for (int i = 0; i <= repeats || total < kLeastSeconds; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (Result<void> done = work(); !done.ok())
      return done.error();
    double seconds = secondsSince(start);
    if (i == 1 || (i > 1 && seconds < best))
      best = seconds;
    total += seconds;
  }
  return best;
}

inline Result<void> checkStatus(lmopt_status_t status, const lmopt_error_t &error) {
  return status == LMOPT_OK ? Result<void>() : runtimeError(error);
}

/// tg64 says: after 512 tokens; after others the key says how many.
std::string stepsKey(const BenchOptions &options);

/// Tokens drawn with a fixed seed.
std::vector<int32_t> randomTokens(const Model &model, size_t count);

/// An error of usage when the model takes fewer positions.
Result<void> needPositions(const Model &model, int64_t positions);

Result<TeamPtr> createTeam(const Place &place);

/// Sequences that are decoded together: each has a prompt, then one column of `next` a step.
struct Batch {
  TeamPtr team;
  std::vector<SessionPtr> sessions;
  std::vector<lmopt_session_t *> handles;
  std::vector<int32_t> next; ///< [steps, sessions]
  std::vector<float> logits;
};
Result<void> fillBatch(const Model &model, const Context &context, size_t count, int64_t prompt, Batch &batch);
/// Goes back to the end of the prompts and takes kBenchSteps steps.
Result<void> runBatchSteps(Batch &batch, int64_t prompt);

/// tg64_sessionsN: tokens/s of N sequences that are decoded together, each after its own prompt.
Result<void> benchSessions(const Model &model, const BenchOptions &options, const Context &context, Json &out);

/// KEY_instancesN for each of the usual keys: the sum over N workers that share nothing but the mapped model.
Result<void> benchInstances(const Model &model, const BenchOptions &options, const Context &context, Json &out);

/// Whether the model can guess so: before anything is measured.
Result<void> checkSpeculation(const Model &model, const BenchOptions &options, const Context &context);
/// What guesses make of generation: for each text its name, tokens/s without and with them, and how many were right.
/// Json: "speculation".
Result<Json> benchSpeculation(const Model &model, const BenchOptions &options, const Context &context);
/// As a table.
std::string speculationText(const Json &speculation);

/// A list of rows: what each part of the model costs in real runs, beside the bounds of the machine. Json: "profile".
/// `device`: the bounds of the GPU that it ran on, or NULL: those of as many threads are measured.
Result<Json> benchProfile(const Model &model, const BenchOptions &options, const Context &context,
                          const DeviceBounds *device);
/// As a table.
std::string profileText(const Json &profile);

/// Seconds of one call of the code in one round (a whole prompt, a single step, a pack of sequences).
struct StepTime {
  std::string phase;
  std::string name; ///< of the op; empty: describing the rows, waiting
  double seconds = 0;
};
/// What benchProfile takes together by kind of place, call by call.
Result<std::vector<StepTime>> benchSteps(const Model &model, const BenchOptions &options, const Context &context);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_BENCHMEASURE_H
