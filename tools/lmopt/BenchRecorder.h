// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long each step of a model takes in runs of a team, as the team tells it: threads say what they begin, a GPU says
// what it launched. In: a team, a number of steps. Out: seconds by step, summed over the passes since the last `clear`.
// See BenchProfile.cpp. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_BENCHRECORDER_H
#define LMOPT_TOOLS_LMOPT_BENCHRECORDER_H

#include "files/Status.h"
#include "lmopt/lmopt.h"

#include <memory>
#include <vector>

namespace lmopt::driver {

class StepRecorder {
public:
  virtual ~StepRecorder() = default;
  virtual void clear() = 0;
  /// By step; then what is before the steps (describing rows, bringing them to a GPU) and what is around them (waiting;
  /// results from a GPU). Of threads: means.
  virtual std::vector<double> seconds() const = 0;
};

/// Kernels that steps launch, by step, in order; a step without any is launched together with the one before it.
using LaunchLists = std::vector<std::vector<int64_t>>;

/// Until it goes, the team tells it what its threads do.
std::unique_ptr<StepRecorder> recordThreads(lmopt_team_t *team, size_t steps);
/// The same of a GPU. `launches` of the program that is run, which stays.
Result<std::unique_ptr<StepRecorder>> recordLaunches(lmopt_team_t *team, const LaunchLists &launches);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_BENCHRECORDER_H
