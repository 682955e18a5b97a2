// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The minimum of a smooth convex function of many numbers: BFGS with limited memory (Nocedal 1980), steps halved until
// the function falls enough (Armijo). In: the function and its gradient, a start. Out: where it ended. Plain C++,
// deterministic. Memory: 18 vectors. Tested by test/unit/passes/ClassHeadTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_MINIMIZE_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_MINIMIZE_H

#include <functional>
#include <vector>

namespace lmopt::lm {

/// The value at a point; fills its gradient.
using Objective = std::function<double(const std::vector<double> &point, std::vector<double> &gradient)>;

/// Moves `point` so many steps, or until no step makes the value smaller. Returns the value there.
double minimize(std::vector<double> &point, const Objective &objective, int steps);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_MINIMIZE_H
