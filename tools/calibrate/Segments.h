// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a model is cut, so that calibration holds the sums and weights of a few layers at a time.
//
//     ids -> embedding -> layer 0 -> layer 1 | layer 2 -> layer 3 | ...     |: one value goes on, rows for each token
//
// In: the function of a model, what is observed, a bound of memory. Out: segments, one after another, that end where
// just one value of rows goes on (between the layers of any family, and inside some), with what is observed in each.
// Ops that nothing wanted needs are left out. Tested by test/unit/tools/SegmentsTest.cpp.
#ifndef LMOPT_TOOLS_CALIBRATE_SEGMENTS_H
#define LMOPT_TOOLS_CALIBRATE_SEGMENTS_H

#include "lmopt/abi.h"
#include "passes/observe/Observe.h"

namespace lmopt {

struct ObservedSegment {
  lm::Segment segment;
  std::vector<lm::ObservedValue> observed;
};

/// Ops from behind `begin` to `end` that come into one segment, which computes `end` though nothing may need it.
struct KeptTogether {
  mlir::Value begin, end;
};

/// Beside what is observed, a segment gives the rows that go on, or what the function returns.
inline constexpr size_t kMostObserved = LMOPT_MAX_LISTED - 2;

/// The sums of a segment take at most `bytes`, and no more than `most` values are observed in it, or it cannot be cut
/// further. `results`: the last one also computes what the function returns; without it the model ends with the last
/// observed value.
std::vector<ObservedSegment> cutModel(mlir::func::FuncOp function, llvm::ArrayRef<lm::ObservedValue> observed,
                                      int64_t bytes, bool results, size_t most = kMostObserved,
                                      llvm::ArrayRef<KeptTogether> together = {});

} // namespace lmopt

#endif // LMOPT_TOOLS_CALIBRATE_SEGMENTS_H
