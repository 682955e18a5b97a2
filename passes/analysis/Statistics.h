// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calibration measured, as a file: sums over the rows of the values that linears read (ObservedValues.h).
//
// A safetensors file, for each value NAME of width n, over all tokens of the text:
//     NAME.products  F64 [n (n + 1) / 2]   sum of x[i] x[j]; the lower half, row by row: (0,0) (1,0) (1,1) (2,0) ...
//     NAME.sums      F64 [n]               sum of x[i]
//     NAME.positive  F64 [n]               how often x[i] > 0
//     NAME.greatest  F32 [n]               max |x[i]|
// of each half of a layer that ends in the linear NAME (LayerHalves.h):
//     NAME.change    F64 [1]               sum of 1 - cos(rows before it, rows behind it)
// of what feed-forward blocks and the head of a decoder read, for some tokens, evenly spaced:
//     NAME.rows      F32 [r, n]            x
// and of the head's tokens:
//     NAME.lse       F64 [r]               log of the sum of exp of the logits of that token
// Its metadata: `format` (kStatisticsFormat), `source` (sourceFingerprint of the model), `text` (BLAKE3 of the ids of
// all sequences), `tokens` and `sequences` (how many), `head_stride` and `block_stride` (every which token the rows
// of the head and of blocks have; 0: none), `halves` (how many have been measured), `values` (JSON: name -> fingerprint
// of the value).
//
// In: the file, a module. Out: the sums of a value of that module; an error at the module when the file is not of this
// model, or when the value is computed otherwise by now: a folded norm or removed neurons change what the sums are of.
// Written by tools/calibrate. Tested by test/unit/passes/StatisticsTest.cpp.
#ifndef LMOPT_PASSES_ANALYSIS_STATISTICS_H
#define LMOPT_PASSES_ANALYSIS_STATISTICS_H

#include "dialects/lm/Lm.h"
#include "dialects/lm/LmDialect.h"
#include "files/safetensors/Safetensors.h"
#include "passes/analysis/ObservedValues.h"

#include <map>

namespace lmopt::lm {

inline constexpr llvm::StringLiteral kStatisticsFormat = "lmopt statistics 1";

struct ValueStatistics {
  int64_t tokens = 0;
  std::vector<double> products; ///< lower half, as in the file
  std::vector<double> sums, positive;
  std::vector<float> greatest;

  double product(int64_t i, int64_t j) const {
    return i < j ? product(j, i) : products[static_cast<size_t>(i * (i + 1) / 2 + j)];
  }
};

/// What the head of a decoder read, for some tokens.
struct HeadRows {
  int64_t width = 0;
  std::vector<float> rows; ///< one behind the other
  std::vector<double> lse; ///< log of the sum of exp of all logits, for each row

  int64_t count() const { return static_cast<int64_t>(lse.size()); }
};

class Statistics {
public:
  /// Opens the file and compares the model.
  static mlir::FailureOr<Statistics> open(mlir::ModuleOp module, const std::string &path);

  /// The sums of a value; an error at what made it when the file has none, or those of another value of that name.
  mlir::FailureOr<ValueStatistics> read(const ObservedValue &value) const;

  /// How large a share of the numbers of a value is positive: of an activation, how much of it fires. Errors as for
  /// `read`.
  mlir::FailureOr<double> readPositiveShare(const ObservedValue &value) const;

  /// What the head read, of which `value` is the input. Errors as for `read`, and when the file has no rows of it.
  mlir::FailureOr<HeadRows> readHeadRows(const ObservedValue &value) const;

  /// Rows of a value that a feed-forward block reads, one behind the other; empty when the file has none of them.
  /// Errors as for `read`.
  mlir::FailureOr<std::vector<float>> readBlockRows(const ObservedValue &value) const;

  /// How much the half of a layer that ends in a linear changes the rows that pass by: 1 - the mean cosine. `input` is
  /// what that linear reads, and must be what it was. Errors as for `read`.
  mlir::FailureOr<double> readChange(LinearOp last, const ObservedValue &input) const;

  /// Names the sums of a value for weights that are computed from them, wherever the module will lie.
  StatisticsAttr attributeOf(const ObservedValue &value) const;

  /// What the rounding of a matrix that is multiplied with the values (one, or several that linears with the same
  /// matrix read) is to be fitted to: sums of the values, or of what they were made from by scaling and rotating.
  /// Errors as for `read`.
  mlir::FailureOr<FitAttr> fit(llvm::ArrayRef<ObservedValue> values, double damping) const;

  int64_t tokens() const { return tokenCount; }

private:
  mlir::LogicalResult check(const ObservedValue &value) const;
  /// The name in the file of the value of that fingerprint, most likely the value's own; or nothing.
  std::optional<std::string> findName(const std::string &name, const std::string &fingerprint) const;
  mlir::FailureOr<StatisticsAttr> findSource(const ObservedValue &value, bool &isOrigin) const;

  explicit Statistics(SafetensorsFile file) : file(std::move(file)) {}

  SafetensorsFile file;
  int64_t tokenCount = 0;
  std::map<std::string, std::string> fingerprints; ///< of the values in the file
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_STATISTICS_H
