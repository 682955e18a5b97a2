// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file of statistics that `lmopt calibrate` writes: a safetensors file; passes/analysis/Statistics.h says what is
// in it.
//
// In: the open file. Out: its numbers, or an Error that names file and tensor. Weights are computed from it (dialects)
// and passes choose by it, so both read it here. Tested by test/unit/models/CalibrationTest.cpp and
// test/passes/prune-ffn.
#ifndef LMOPT_FILES_SAFETENSORS_STATISTICS_H
#define LMOPT_FILES_SAFETENSORS_STATISTICS_H

#include "files/safetensors/Safetensors.h"

namespace lmopt {

/// The tokens that the sums are of.
Result<int64_t> statisticsTokens(const SafetensorsFile &file);

/// NAME.products, NAME.sums, ...: a tensor of F64 or F32 with `count` finite numbers.
Result<std::vector<double>> readStatistics(const SafetensorsFile &file, const std::string &tensor, int64_t count);
Result<std::vector<float>> readStatisticsF32(const SafetensorsFile &file, const std::string &tensor, int64_t count);
/// The same of a matrix: NAME.rows.
Result<std::vector<float>> readStatisticsRows(const SafetensorsFile &file, const std::string &tensor, int64_t rows,
                                              int64_t width);

} // namespace lmopt

#endif // LMOPT_FILES_SAFETENSORS_STATISTICS_H
