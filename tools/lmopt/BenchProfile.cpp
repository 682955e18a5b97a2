// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt bench --profile`: where the time of a real run goes, by part of the model and kernel, beside what the machine
// could do in that time.
//
// In: a model; the marks its code makes at every kernel call (BenchRecorder.h), and the list "steps" of its manifest,
// which says what each call multiplies and reads. Out: rows {phase, part, kernel, calls, ms, share, bytes,
// flops, gb_per_s, gflop_per_s, roofline, bound}, the costliest first within each phase; calls, ms, bytes and flops are
// of one round (a whole prompt, a single step, a pack of sequences), ms are means over the threads.
// Bytes: weights, keys and values once a pass (what must come from memory); for calls that read neither, the rows that
// they read and write. Roofline: the time that the slower of both bounds needs (bytes / memory, flops / unit) over the
// time taken; both are measured after the run with as many threads, so a busy neighbour can make it more than 1. Rows
// of activations live in caches: calls that read nothing else have no roofline. Time between two marks counts for the
// first of them; "waiting" is time at barriers. A mark costs a look at the clock, some 25 ns. On a GPU time is that of
// its own clock from launch to launch, each kernel launched by itself; steps that share a launch are one part.
// Tested by test/tools/lmopt.
#include "tools/lmopt/BenchMeasure.h"
#include "tools/lmopt/BenchRecorder.h"
#include "tools/lmopt/DeviceBounds.h"
#include "tools/lmopt/Machine.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>

namespace lmopt::driver {

namespace {
/// What the manifest says about one kernel call.
struct StepFacts {
  std::string name, part, kernel, decodeKernel, rows, unit;
  double rowBytes = 0, cacheBytes = 0, weightBytes = 0, weightShare = 1, flopsPerRow = 0, flopsPerPair = 0;
  double window = 0;                             ///< positions that a row sees at most; 0: all
  std::vector<int64_t> launches, decodeLaunches; ///< on a GPU: numbers of kernels
};

/// Pairs of a row and a position that it sees, and positions whose keys and values are read.
struct Seen {
  double pairs = 0, positions = 0;
};

/// The work of one round: rows by domain, passes over the weights, what attention with such a window sees.
struct PassShape {
  double tokens = 0, outputs = 0, passes = 0;
  std::function<Seen(double window)> seen;
};

/// A kind of run: `passes` times a pass of this shape.
struct Phase {
  std::string name;
  double passes = 1;
  PassShape shape;
  std::function<Result<void>()> run;
};

/// Calls of one kernel in one kind of place, of one pass.
struct Group {
  double calls = 0, seconds = 0, bytes = 0, flops = 0;
  double leastSeconds = 0, memorySeconds = 0; ///< that the bounds allow; of those, where memory is the bound
};
} // namespace

/// layers.3.attn.q and layers.4.attn.q are the same part.
static std::string partOf(const std::string &name) {
  std::string part;
  for (size_t i = 0; i < name.size(); ++i) {
    bool number = std::isdigit(static_cast<unsigned char>(name[i])) && i > 0 && name[i - 1] == '.';
    if (!number) {
      part += name[i];
      continue;
    }
    part += '*';
    while (i + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[i + 1])))
      ++i;
  }
  return part;
}

static Result<std::vector<StepFacts>> readSteps(const Model &model) {
  size_t size = 0;
  const void *text = lmopt_model_meta(model.handle.get(), "manifest", &size);
  const char *begin = static_cast<const char *>(text);
  Json manifest = text ? Json::parse(begin, begin + size, nullptr, false) : Json();
  std::vector<StepFacts> steps;
  if (manifest.is_object() && manifest.contains("steps"))
    for (const Json &step : manifest["steps"]) {
      if (!step.contains("flops_per_pair"))
        return unsupported("'" + model.path + "' was made by an older lmopt, without marks: compile it again");
      StepFacts facts;
      facts.name = step.value("name", "");
      facts.part = partOf(facts.name);
      facts.kernel = step.value("kernel", "");
      facts.rows = step.value("rows", "");
      facts.unit = step.value("unit", "");
      facts.decodeKernel = step.value("decode_kernel", facts.kernel);
      facts.rowBytes = step.value("row_bytes", 0.0);
      facts.cacheBytes = step.value("cache_bytes_per_position", 0.0);
      facts.weightBytes = step.value("weight_bytes", 0.0);
      facts.weightShare = step.value("weight_share", 1.0);
      facts.flopsPerRow = step.value("flops_per_row", 0.0);
      facts.flopsPerPair = step.value("flops_per_pair", 0.0);
      facts.window = step.value("window", 0.0);
      facts.launches = step.value("launches", facts.launches);
      facts.decodeLaunches = step.value("decode_launches", facts.launches);
      steps.push_back(std::move(facts));
    }
  if (steps.empty())
    return malformed("'" + model.path + "': its manifest has no list of steps");
  return steps;
}

//===--- Runs ---===//

static PassShape decodeShape(int64_t prompt, double sessions) {
  double seen = static_cast<double>(prompt) + 0.5 * (kBenchSteps + 1); // mean over the steps
  return {sessions, sessions, sessions, [=](double window) {
            double each = window ? std::min(seen, window) : seen;
            return Seen{sessions * each, sessions * each};
          }};
}

static PassShape promptShape(const Model &model, int64_t prompt) {
  // One pass a chunk; figures are of the whole prompt, whose weights are read once a chunk.
  auto length = static_cast<double>(prompt);
  const double rows = model.info.max_step_rows;
  return {length, 1, std::ceil(length / rows), [=](double window) {
            Seen seen;
            for (double begin = 0; begin < length; begin += rows) {
              double end = std::min(length, begin + rows);
              seen.positions += window ? std::min(end, end - begin + window - 1) : end;
            }
            double growing = window ? std::min(length, window) : length; // rows that see all before them
            seen.pairs = growing * (growing + 1) / 2 + (length - growing) * window;
            return seen;
          }};
}

static Result<std::vector<Phase>> decoderPhases(const Model &model, const BenchOptions &options, const Context &context,
                                                Batch &batch) {
  const int64_t prompt = options.prompt;
  auto count = static_cast<size_t>(std::max(options.sessions, 1));
  if (Result<void> filled = fillBatch(model, context, count, prompt, batch); !filled.ok())
    return filled.error();
  auto tokens = std::make_shared<std::vector<int32_t>>(randomTokens(model, static_cast<size_t>(prompt)));
  Phase whole{"pp" + std::to_string(prompt), 1, promptShape(model, prompt), [&batch, tokens, prompt] {
                lmopt_error_t error{};
                lmopt_session_t *session = batch.handles[0];
                lmopt_status_t status = lmopt_session_truncate(session, 0, &error);
                if (status == LMOPT_OK)
                  status = lmopt_session_prefill(session, tokens->data(), prompt, batch.logits.data(), &error);
                return checkStatus(status, error);
              }};
  std::string key = stepsKey(options) + (count > 1 ? "_sessions" + std::to_string(count) : "");
  double passes = std::ceil(static_cast<double>(count) / model.info.max_decode_rows);
  Phase steps{key, kBenchSteps, decodeShape(prompt, static_cast<double>(count)),
              [&batch, prompt] { return runBatchSteps(batch, prompt); }};
  steps.shape.passes = passes;
  return std::vector<Phase>{whole, steps};
}

static Result<std::vector<Phase>> encoderPhases(const Model &model, const Context &context, Batch &batch) {
  Result<SessionPtr> session = createSession(model, {{}, 0, batch.team.get()}, context);
  if (!session.ok())
    return session.error();
  batch.handles.push_back(session->get());
  batch.sessions.push_back(session.take());
  std::vector<Phase> phases;
  for (const EncoderCase &shape : kEncoderCases) {
    if (Result<void> fits = needPositions(model, shape.length); !fits.ok())
      return fits.error();
    auto batchSize = static_cast<double>(shape.batch), length = static_cast<double>(shape.length);
    auto tokens = std::make_shared<std::vector<int32_t>>(
        randomTokens(model, static_cast<size_t>(shape.batch) * static_cast<size_t>(shape.length)));
    double passes = std::ceil(batchSize / std::max<int64_t>(1, model.info.max_step_rows / shape.length));
    Phase phase{shape.key,
                1,
                {batchSize * length, batchSize, passes,
                 [=](double window) {
                   double each = window ? std::min(length, window) : length;
                   return Seen{batchSize * length * each, batchSize * length};
                 }},
                [&batch, tokens, shape, &model] {
                  std::vector<int64_t> lengths(static_cast<size_t>(shape.batch), shape.length);
                  lmopt_error_t error{};
                  return checkStatus(encodeAll(model, batch.handles[0], *tokens, lengths, batch.logits, &error), error);
                }};
    phases.push_back(std::move(phase));
  }
  return phases;
}

/// Seconds by step of one pass: the fastest of the repeats.
static Result<std::vector<double>> record(const Phase &phase, int repeats, StepRecorder &recorder) {
  std::vector<double> best;
  double least = 0;
  for (int i = 0; i <= repeats; ++i) {
    recorder.clear();
    if (Result<void> done = phase.run(); !done.ok())
      return done.error();
    std::vector<double> seconds = recorder.seconds();
    double total = 0;
    for (double &step : seconds)
      total += step /= phase.passes;
    if (i == 1 || (i > 1 && total < least)) { // the first warms up
      best = std::move(seconds);
      least = total;
    }
  }
  return best;
}

//===--- Figures ---===//

static double unitRate(const MachineBounds &bounds, const std::string &unit) {
  return unit == "u8s8" ? bounds.u8s8 : unit == "bf16" ? bounds.bf16 : unit == "f32" ? bounds.f32 : 0;
}

static void addStep(const StepFacts &facts, const PassShape &shape, const MachineBounds &bounds, double seconds,
                    Group &group) {
  double rows = facts.rows == "outputs" ? shape.outputs : shape.tokens;
  Seen seen = shape.seen(facts.window);
  double flops = facts.flopsPerRow * rows + facts.flopsPerPair * seen.pairs;
  double weightShare = std::min(1.0, facts.weightShare * rows / shape.passes); // where no two rows read the same
  double streamed = facts.weightBytes * weightShare * shape.passes + facts.cacheBytes * seen.positions;
  double unit = unitRate(bounds, facts.unit), unitSeconds = unit ? flops / unit : 0;
  double memorySeconds = bounds.memory ? streamed / bounds.memory : 0;
  group.seconds += seconds;
  group.bytes += streamed ? streamed : facts.rowBytes * rows;
  group.flops += flops;
  group.leastSeconds += std::max(memorySeconds, unitSeconds);
  group.memorySeconds += memorySeconds > unitSeconds ? memorySeconds : 0;
}

static double fourDigits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::stod(text);
}

static Json groupRow(const std::string &phase, const std::string &part, const std::string &kernel, const Group &group,
                     double total) {
  Json row{{"phase", phase}, {"part", part}, {"kernel", kernel}, {"calls", group.calls}};
  row["ms"] = fourDigits(group.seconds * 1e3);
  row["share"] = fourDigits(group.seconds / total);
  if (group.calls == 0) // waiting, describing the rows: nothing is multiplied
    return row;
  row["bytes"] = group.bytes;
  row["flops"] = group.flops;
  row["gb_per_s"] = fourDigits(group.bytes / group.seconds / 1e9);
  row["gflop_per_s"] = fourDigits(group.flops / group.seconds / 1e9);
  if (group.leastSeconds == 0)
    return row;
  row["roofline"] = fourDigits(group.leastSeconds / group.seconds);
  row["bound"] = group.memorySeconds > group.leastSeconds / 2 ? "memory" : "unit";
  return row;
}

/// Of kernels for GPUs the manifest names one architecture's; the numbers are those of all.
static std::string withoutChip(const std::string &kernel) { return kernel.substr(0, kernel.rfind("_sm_")); }

static bool isDecode(const Phase &phase) { return phase.name.rfind("tg", 0) == 0; }

/// Whether a step is launched together with the one before it.
static bool follows(const StepFacts &step, bool decode, bool isGpu) {
  return isGpu && (decode ? step.decodeLaunches : step.launches).empty();
}

/// Part and kernel of each step. Those that share a launch, which only the first of them has, are one part: q+k+v.
static std::vector<std::pair<std::string, std::string>> namesOf(const std::vector<StepFacts> &steps, bool decode,
                                                                bool isGpu) {
  std::vector<std::pair<std::string, std::string>> names;
  size_t leader = 0;
  std::vector<size_t> leaders;
  for (const StepFacts &step : steps) {
    const std::string &kernel = decode ? step.decodeKernel : step.kernel;
    names.emplace_back(step.part, isGpu ? withoutChip(kernel) : kernel);
    leader = follows(step, decode, isGpu) ? leader : names.size() - 1;
    leaders.push_back(leader);
    if (leader + 1 < names.size())
      names[leader].first += "+" + step.part.substr(step.part.rfind('.') + 1);
  }
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = names[leaders[i]];
  return names;
}

static void addPhase(const Phase &phase, const std::vector<StepFacts> &steps, const std::vector<double> &seconds,
                     const MachineBounds &bounds, bool isGpu, Json &rows) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  double total = 0;
  for (double step : seconds)
    total += step;
  std::vector<std::pair<std::string, std::string>> names = namesOf(steps, isDecode(phase), isGpu);
  for (size_t i = 0; i < steps.size(); ++i) {
    groups[names[i]].calls += follows(steps[i], isDecode(phase), isGpu) ? 0 : 1;
    addStep(steps[i], phase.shape, bounds, seconds[i], groups[names[i]]);
  }
  groups[{"rows of the step", isGpu ? "copy to the GPU" : "describe_rows"}].seconds = seconds[steps.size()];
  groups[{isGpu ? "results" : "waiting", isGpu ? "copy from the GPU" : "barrier"}].seconds = seconds[steps.size() + 1];
  std::vector<Json> sorted;
  for (const auto &[names, group] : groups)
    if (group.seconds > 0)
      sorted.push_back(groupRow(phase.name, names.first, names.second, group, total));
  std::sort(sorted.begin(), sorted.end(),
            [](const Json &a, const Json &c) { return a["ms"].get<double>() > c["ms"].get<double>(); });
  for (Json &row : sorted)
    rows.push_back(std::move(row));
}

namespace {
/// The runs of a model, and the seconds of each step in them.
struct Profile {
  std::vector<StepFacts> steps;
  Batch batch;
  std::vector<Phase> phases;
  std::vector<std::vector<double>> seconds; ///< by phase and step
};
} // namespace

static bool isForGpu(const Model &model) { return model.info.device != LMOPT_COMPUTES_ON_CPU; }

static Result<std::unique_ptr<StepRecorder>> listen(const Model &model, const Profile &profile, const Phase &phase) {
  if (!isForGpu(model))
    return recordThreads(profile.batch.team.get(), profile.steps.size());
  LaunchLists launches;
  for (const StepFacts &step : profile.steps)
    launches.push_back(isDecode(phase) ? step.decodeLaunches : step.launches);
  return recordLaunches(profile.batch.team.get(), launches);
}

static Result<void> profileModel(const Model &model, const BenchOptions &options, const Context &context,
                                 Profile &profile) {
  Result<std::vector<StepFacts>> steps = readSteps(model);
  if (!steps.ok())
    return steps.error();
  profile.steps = steps.take();
  Result<TeamPtr> team = createTeam(options.place);
  if (!team.ok())
    return team.error();
  profile.batch.team = team.take();
  Result<std::vector<Phase>> phases = model.isDecoder() ? decoderPhases(model, options, context, profile.batch)
                                                        : encoderPhases(model, context, profile.batch);
  if (!phases.ok())
    return phases.error();
  profile.phases = phases.take();
  for (const Phase &phase : profile.phases) {
    Result<std::unique_ptr<StepRecorder>> recorder = listen(model, profile, phase);
    if (!recorder.ok())
      return recorder.error();
    Result<std::vector<double>> measured = record(phase, options.repeats, **recorder);
    if (!measured.ok())
      return measured.error();
    profile.seconds.push_back(measured.take());
  }
  return {};
}

Result<Json> benchProfile(const Model &model, const BenchOptions &options, const Context &context,
                          const DeviceBounds *device) {
  Profile runs;
  if (Result<void> profiled = profileModel(model, options, context, runs); !profiled.ok())
    return profiled.error();
  MachineBounds bounds = device ? MachineBounds{device->u8s8(), device->bf16(), device->f32, device->read}
                                : measureMachine(lmopt_team_threads(runs.batch.team.get()), model.info.isa);
  Json profile;
  profile["bounds"] = Json{{"memory_gb_per_s", fourDigits(bounds.memory / 1e9)},
                           {"u8s8_gflop_per_s", fourDigits(bounds.u8s8 / 1e9)},
                           {"bf16_gflop_per_s", fourDigits(bounds.bf16 / 1e9)},
                           {"f32_gflop_per_s", fourDigits(bounds.f32 / 1e9)}};
  profile["rows"] = Json::array();
  for (size_t i = 0; i < runs.phases.size(); ++i)
    addPhase(runs.phases[i], runs.steps, runs.seconds[i], bounds, isForGpu(model), profile["rows"]);
  return profile;
}

Result<std::vector<StepTime>> benchSteps(const Model &model, const BenchOptions &options, const Context &context) {
  Profile runs;
  if (Result<void> profiled = profileModel(model, options, context, runs); !profiled.ok())
    return profiled.error();
  std::vector<StepTime> times;
  for (size_t i = 0; i < runs.phases.size(); ++i)
    for (size_t step = 0; step < runs.seconds[i].size(); ++step)
      times.push_back(
          {runs.phases[i].name, step < runs.steps.size() ? runs.steps[step].name : "", runs.seconds[i][step]});
  return times;
}

//===--- Text ---===//

static std::string cell(const Json &row, const char *key, double factor, const char *format) {
  if (!row.contains(key))
    return "";
  char text[32];
  std::snprintf(text, sizeof text, format, row[key].get<double>() * factor);
  return text;
}

/// Names of row programs say all they do: the beginning tells them apart.
static std::string shortened(const std::string &name, size_t width) {
  return name.size() <= width ? name : name.substr(0, width - 3) + "...";
}

std::string profileText(const Json &profile) {
  std::string text = "\nbounds:";
  for (const auto &[key, value] : profile["bounds"].items()) {
    char entry[64];
    std::snprintf(entry, sizeof entry, "  %s %.1f", key.c_str(), value.get<double>());
    text += entry;
  }
  std::string phase;
  for (const Json &row : profile["rows"]) {
    char line[256];
    if (row["phase"] != phase) {
      phase = row["phase"];
      std::snprintf(line, sizeof line, "\n\n%-40s %6s %9s %6s %8s %9s %8s %-7s %s", phase.c_str(), "calls", "ms",
                    "share", "GB/s", "GFLOP/s", "roofline", "bound", "kernel");
      text += line;
    }
    std::snprintf(line, sizeof line, "\n%-40s %6s %9s %6s %8s %9s %8s %-7s %s",
                  shortened(row["part"].get<std::string>(), 40).c_str(), cell(row, "calls", 1, "%.0f").c_str(),
                  cell(row, "ms", 1, "%.3f").c_str(), cell(row, "share", 100, "%.1f%%").c_str(),
                  cell(row, "gb_per_s", 1, "%.1f").c_str(), cell(row, "gflop_per_s", 1, "%.1f").c_str(),
                  cell(row, "roofline", 100, "%.0f%%").c_str(), row.value("bound", "").c_str(),
                  shortened(row["kernel"].get<std::string>(), 48).c_str());
    text += line;
  }
  return text + "\n";
}

} // namespace lmopt::driver
