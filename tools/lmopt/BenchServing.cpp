// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt bench --sessions N` and `--instances N`: what a machine serves when several work at once.
//
// Sessions: N sequences advance together, and each pass reads the weights once for as many of them as the model takes
// (max_decode_rows). Bound: one pass still reads all weights, and every sequence its own keys and values.
// Instances: N workers of one thread, each bound to its own CPU, with sessions of their own; only the mapped weights
// are shared. No worker ever waits for another, so this is the most that the CPUs give when latency does not count.
// Each worker runs until the window is over and counts its own time, so what the last round costs beyond it is no
// error. Tested by test/tools/lmopt (the keys).
#include "tools/lmopt/BenchMeasure.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>
#include <thread>

#include <pthread.h>
#include <sched.h>

namespace lmopt::driver {

//===--- Sessions ---===//

static Result<void> addSequence(const Model &model, const Context &context, int64_t prompt, const int32_t *tokens,
                                Batch &batch) {
  Result<SessionPtr> session = createSession(model, {{}, prompt + kBenchSteps, batch.team.get()}, context);
  if (!session.ok())
    return session.error();
  lmopt_error_t error{};
  if (lmopt_session_prefill(session->get(), tokens, prompt, nullptr, &error) != LMOPT_OK)
    return runtimeError(error);
  batch.handles.push_back(session->get());
  batch.sessions.push_back(session.take());
  return {};
}

Result<void> runBatchSteps(Batch &batch, int64_t prompt) {
  lmopt_error_t error{};
  for (lmopt_session_t *session : batch.handles)
    if (lmopt_session_truncate(session, prompt, &error) != LMOPT_OK)
      return runtimeError(error);
  auto count = static_cast<int64_t>(batch.handles.size());
  for (int64_t i = 0; i < kBenchSteps; ++i)
    if (lmopt_sessions_decode(batch.handles.data(), count, batch.next.data() + i * count, batch.logits.data(),
                              &error) != LMOPT_OK)
      return runtimeError(error);
  return {};
}

Result<void> fillBatch(const Model &model, const Context &context, size_t count, int64_t prompt, Batch &batch) {
  auto length = static_cast<size_t>(prompt);
  std::vector<int32_t> tokens = randomTokens(model, count * (length + kBenchSteps));
  for (size_t i = 0; i < count; ++i)
    if (Result<void> added = addSequence(model, context, prompt, tokens.data() + i * length, batch); !added.ok())
      return added;
  batch.next.assign(tokens.begin() + static_cast<std::ptrdiff_t>(count * length), tokens.end());
  batch.logits.resize(count * static_cast<size_t>(model.info.vocabulary));
  return {};
}

Result<void> benchSessions(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  Batch batch;
  Result<TeamPtr> team = createTeam(options.place);
  if (!team.ok())
    return team.error();
  batch.team = team.take();
  auto count = static_cast<size_t>(options.sessions);
  if (Result<void> filled = fillBatch(model, context, count, options.prompt, batch); !filled.ok())
    return filled;
  Result<double> seconds = bestTime(options.repeats, [&] { return runBatchSteps(batch, options.prompt); });
  if (!seconds.ok())
    return seconds.error();
  out[stepsKey(options) + "_sessions" + std::to_string(count)] = static_cast<double>(count) * kBenchSteps / *seconds;
  return {};
}

//===--- Instances ---===//

namespace {
/// One round of work of one worker, and how many tokens or sequences it makes.
struct Work {
  std::string key;
  double units = 0;
  std::function<Result<void>()> run;
};

/// A worker's own session, and the memory its work reads and writes.
struct Instance {
  SessionPtr session;
  std::vector<int32_t> tokens;
  std::vector<int64_t> lengths;
  std::vector<float> outputs;
};
} // namespace

/// The first `count` CPUs this process may run on.
static Result<std::vector<int>> chooseCpus(int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return resourceError(std::string("cannot ask for the CPUs of this process: ") + std::strerror(errno));
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE && static_cast<int>(cpus.size()) < count; ++cpu)
    if (CPU_ISSET(cpu, &set))
      cpus.push_back(cpu);
  if (static_cast<int>(cpus.size()) < count)
    return Error{kErrorUsage, "--instances " + std::to_string(count) + ": this process may run on " +
                                  std::to_string(cpus.size()) + " CPUs only"};
  return cpus;
}

static void bindToCpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set); // chosen from our own set: it cannot be refused
}

static Work promptWork(Instance &own, int64_t prompt) {
  return {"pp" + std::to_string(prompt), static_cast<double>(prompt), [&own, prompt] {
            lmopt_error_t error{};
            lmopt_status_t status = lmopt_session_truncate(own.session.get(), 0, &error);
            if (status == LMOPT_OK)
              status = lmopt_session_prefill(own.session.get(), own.tokens.data(), prompt, own.outputs.data(), &error);
            return checkStatus(status, error);
          }};
}

static Work stepsWork(Instance &own, const BenchOptions &options) {
  return {stepsKey(options), kBenchSteps, [&own, prompt = options.prompt] {
            lmopt_error_t error{};
            lmopt_status_t status = lmopt_session_truncate(own.session.get(), prompt, &error);
            for (int64_t i = prompt; i < prompt + kBenchSteps && status == LMOPT_OK; ++i)
              status = lmopt_session_decode(own.session.get(), own.tokens[static_cast<size_t>(i)], own.outputs.data(),
                                            &error);
            return checkStatus(status, error);
          }};
}

static Work encodeWork(Instance &own, const EncoderCase &shape) {
  return {shape.key, static_cast<double>(shape.batch), [&own, shape] {
            own.lengths.assign(static_cast<size_t>(shape.batch), shape.length);
            lmopt_error_t error{};
            return checkStatus(lmopt_session_encode(own.session.get(), own.tokens.data(), own.lengths.data(),
                                                    shape.batch, own.outputs.data(), &error),
                               error);
          }};
}

/// The kinds of work of this model, in the order of the keys. A decoder's steps follow its prompt.
static std::vector<Work> worksOf(const Model &model, const BenchOptions &options, Instance &own) {
  if (model.isDecoder())
    return {promptWork(own, options.prompt), stepsWork(own, options)};
  std::vector<Work> works;
  for (const EncoderCase &shape : kEncoderCases)
    works.push_back(encodeWork(own, shape));
  return works;
}

static Result<void> prepare(const Model &model, const BenchOptions &options, const Context &context, Instance &own) {
  int64_t positions = model.isDecoder() ? options.prompt + kBenchSteps : 0, tokens = positions, outputs = 1;
  for (const EncoderCase &shape : kEncoderCases)
    if (!model.isDecoder()) {
      tokens = std::max(tokens, shape.batch * shape.length);
      outputs = std::max(outputs, shape.batch);
    }
  Result<SessionPtr> session = createSession(model, {{1, ""}, positions, nullptr}, context);
  if (!session.ok())
    return session.error();
  own.session = session.take();
  own.tokens = randomTokens(model, static_cast<size_t>(tokens));
  own.outputs.resize(static_cast<size_t>(outputs) * static_cast<size_t>(model.info.output_width));
  return {};
}

/// Units a second of one worker over a window that begins when all are ready.
static Result<double> runWindow(const Work &work, pthread_barrier_t &ready) {
  Result<void> done = work.run(); // not counted: pages and caches
  pthread_barrier_wait(&ready);
  auto start = std::chrono::steady_clock::now();
  double rounds = 0, seconds = 0;
  for (; done.ok() && seconds < kLeastSeconds; ++rounds) {
    done = work.run();
    seconds = secondsSince(start);
  }
  return done.ok() ? Result<double>(rounds * work.units / seconds) : done.error();
}

/// Rates by kind of work, summed over the workers: the best window of each.
static Result<std::vector<double>> runWorkers(const std::vector<std::vector<Work>> &works, const std::vector<int> &cpus,
                                              int repeats) {
  size_t kinds = works[0].size(), rounds = kinds * static_cast<size_t>(repeats);
  std::vector<std::vector<Result<double>>> rates(works.size(), std::vector<Result<double>>(rounds, 0.0));
  pthread_barrier_t ready;
  pthread_barrier_init(&ready, nullptr, static_cast<unsigned>(works.size()));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < works.size(); ++i)
    threads.emplace_back([&, i] {
      bindToCpu(cpus[i]);
      for (size_t round = 0; round < rounds; ++round)
        rates[i][round] = runWindow(works[i][round / static_cast<size_t>(repeats)], ready);
    });
  for (std::thread &thread : threads)
    thread.join();
  pthread_barrier_destroy(&ready);
  std::vector<double> best(kinds, 0);
  for (size_t round = 0; round < rounds; ++round) {
    double sum = 0;
    for (const std::vector<Result<double>> &own : rates) {
      if (!own[round].ok())
        return own[round].error();
      sum += *own[round];
    }
    double &rate = best[round / static_cast<size_t>(repeats)];
    rate = std::max(rate, sum);
  }
  return best;
}

Result<void> benchInstances(const Model &model, const BenchOptions &options, const Context &context, Json &out) {
  Result<std::vector<int>> cpus = chooseCpus(options.instances);
  if (!cpus.ok())
    return cpus.error();
  std::vector<Instance> instances(cpus->size());
  std::vector<std::vector<Work>> works;
  for (Instance &own : instances) {
    if (Result<void> ready = prepare(model, options, context, own); !ready.ok())
      return ready;
    works.push_back(worksOf(model, options, own));
  }
  Result<std::vector<double>> rates = runWorkers(works, *cpus, options.repeats);
  if (!rates.ok())
    return rates.error();
  for (size_t i = 0; i < rates->size(); ++i)
    out[works[0][i].key + "_instances" + std::to_string(instances.size())] = (*rates)[i];
  return {};
}

} // namespace lmopt::driver
