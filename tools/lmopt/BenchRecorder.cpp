// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See BenchRecorder.h. A GPU tells numbers of kernels, not of steps: which step a launch belongs to follows from the
// order, which is that of the lists. A step may leave launches out (those for other numbers of rows), so the next launch
// with that number is the one.
#include "tools/lmopt/BenchRecorder.h"

#include "tools/lmopt/Model.h"

#include <algorithm>
#include <chrono>

namespace lmopt::driver {

namespace {
/// Seconds by step, of one thread; on cache lines of its own.
struct alignas(64) Clock {
  std::chrono::steady_clock::time_point since;
  int64_t now = LMOPT_PROFILE_END;
  std::vector<double> seconds; ///< by step; one more for describing the rows, and one for waiting
};

class ThreadRecorder : public StepRecorder {
public:
  ThreadRecorder(lmopt_team_t *team, size_t steps)
      : team(team), clocks(static_cast<size_t>(lmopt_team_threads(team))) {
    for (Clock &clock : clocks)
      clock.seconds.assign(steps + 2, 0);
    lmopt_team_set_profile(team, told, this);
  }
  ~ThreadRecorder() override { lmopt_team_set_profile(team, nullptr, nullptr); }
  ThreadRecorder(const ThreadRecorder &) = delete;
  ThreadRecorder &operator=(const ThreadRecorder &) = delete;

  void clear() override {
    for (Clock &clock : clocks)
      std::fill(clock.seconds.begin(), clock.seconds.end(), 0.0);
  }
  std::vector<double> seconds() const override {
    std::vector<double> sums(clocks[0].seconds.size(), 0);
    for (const Clock &clock : clocks)
      for (size_t i = 0; i < sums.size(); ++i)
        sums[i] += clock.seconds[i] / static_cast<double>(clocks.size());
    return sums;
  }

private:
  lmopt_team_t *team;
  std::vector<Clock> clocks;

  static void told(void *user, int64_t thread, int64_t what) {
    Clock &clock = static_cast<ThreadRecorder *>(user)->clocks[static_cast<size_t>(thread)];
    auto time = std::chrono::steady_clock::now();
    size_t steps = clock.seconds.size() - 2;
    if (clock.now != LMOPT_PROFILE_END) {
      size_t slot = clock.now == LMOPT_PROFILE_WAIT    ? steps + 1
                    : clock.now == LMOPT_PROFILE_BEGIN ? steps
                                                       : static_cast<size_t>(clock.now);
      if (slot < clock.seconds.size())
        clock.seconds[slot] += std::chrono::duration<double>(time - clock.since).count();
    }
    clock.since = time;
    clock.now = what;
  }
};

class LaunchRecorder : public StepRecorder {
public:
  LaunchRecorder(lmopt_team_t *team, const LaunchLists &launches) : team(team), sums(launches.size() + 2, 0) {
    for (size_t step = 0; step < launches.size(); ++step)
      for (int64_t kernel : launches[step])
        order.push_back({kernel, step});
  }
  ~LaunchRecorder() override { lmopt_team_set_launch_profile(team, nullptr, nullptr, nullptr); }
  LaunchRecorder(const LaunchRecorder &) = delete;
  LaunchRecorder &operator=(const LaunchRecorder &) = delete;

  Result<void> listen() {
    lmopt_error_t error{};
    return lmopt_team_set_launch_profile(team, told, this, &error) == LMOPT_OK ? Result<void>() : runtimeError(error);
  }
  void clear() override { std::fill(sums.begin(), sums.end(), 0.0); }
  std::vector<double> seconds() const override { return sums; }

private:
  struct Place {
    int64_t kernel;
    size_t step;
  };
  lmopt_team_t *team;
  std::vector<double> sums;
  std::vector<Place> order;
  size_t next = 0; ///< in `order`

  /// The step of the next launch of this kernel; what no step launches counts with the results.
  size_t stepOf(int64_t kernel) {
    for (size_t i = next; i < order.size(); ++i)
      if (order[i].kernel == kernel) {
        next = i + 1;
        return order[i].step;
      }
    return sums.size() - 1;
  }

  static void told(void *user, int64_t what, double seconds) {
    auto *own = static_cast<LaunchRecorder *>(user);
    if (what == LMOPT_PROFILE_BEGIN)
      own->next = 0;
    size_t slot = what == LMOPT_PROFILE_BEGIN ? own->sums.size() - 2
                  : what < 0                  ? own->sums.size() - 1
                                              : own->stepOf(what);
    own->sums[slot] += seconds;
  }
};
} // namespace

std::unique_ptr<StepRecorder> recordThreads(lmopt_team_t *team, size_t steps) {
  return std::make_unique<ThreadRecorder>(team, steps);
}

Result<std::unique_ptr<StepRecorder>> recordLaunches(lmopt_team_t *team, const LaunchLists &launches) {
  auto recorder = std::make_unique<LaunchRecorder>(team, launches);
  if (Result<void> listening = recorder->listen(); !listening.ok())
    return listening.error();
  return std::unique_ptr<StepRecorder>(std::move(recorder));
}

} // namespace lmopt::driver
