// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A vector, or a table whose rows are read one at a time: f32 rows, each padded with zeros to whole registers.
// Tested by test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWSLAYOUT_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWSLAYOUT_H

#include "codegen/cpu/Rows.h"
#include "codegen/cpu/WeightLayout.h"

namespace lmopt::cpu {

/// Param: a matrix of rows x columns, or a vector (one row).
class RowsLayout : public WeightLayout {
public:
  static RowsLayout vector(int64_t size) { return {1, size, "f32 vector"}; }
  static RowsLayout table(int64_t rows, int64_t columns) { return {rows, columns, "f32 rows"}; }
  int64_t bytes() const override { return rows * floatRowBytes(columns); }
  std::string describe() const override { return what; }
  void pack(llvm::ArrayRef<lm::WeightData> params, std::vector<char> &out) const override;

private:
  RowsLayout(int64_t rows, int64_t columns, const char *what) : rows(rows), columns(columns), what(what) {}
  int64_t rows, columns;
  const char *what;
};

} // namespace lmopt::cpu

#endif
