// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One part of a model over all sequences. In: a compiled part, sequences. Out: sums over the rows of its results, and
// the rows that go on to the next part, handed on as they come. Tested by test/unit/tools/CalibrationTest.cpp.
#ifndef LMOPT_TOOLS_CALIBRATE_PARTRUN_H
#define LMOPT_TOOLS_CALIBRATE_PARTRUN_H

#include "tools/calibrate/Calibration.h"
#include "tools/calibrate/Moments.h"

namespace lmopt {

/// Rows of a result that are kept as they are: of every `stride`th token of the text.
struct KeptRows {
  int64_t stride = 0; ///< 0: none
  size_t result = 0;  ///< its number
  std::vector<float> rows;
};

/// What the head reads, and of the same tokens the log of the sum of exp of its logits.
struct HeadRows {
  KeptRows input;
  size_t logits = 0; ///< number of a result
  std::vector<double> lse;
};

/// How much a half of a layer changes the rows that pass by: the sum over them of 1 - cos(before, after).
struct RowChange {
  std::string name;             ///< of the half's last linear
  size_t before = 0, after = 0; ///< numbers of results
  double sum = 0;
};

struct PartRun {
  std::string artifact;
  const Sequences &sequences;
  std::vector<Moments> &moments; ///< of the first results
  size_t next;                   ///< which result goes on to the next part; none of that number: nothing does
  HeadRows &head;
  std::vector<KeptRows> &kept;
  std::vector<RowChange> &changes;
  int threads;
  std::function<Result<void>(const float *rows, int64_t numbers)> handOn;
  std::function<void(double)> progress;

  Result<void> run();
};

} // namespace lmopt

#endif // LMOPT_TOOLS_CALIBRATE_PARTRUN_H
