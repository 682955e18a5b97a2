// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows that a product makes for itself: what a row kernel would have stored for it (norm, sum, codes) is done in the
// product's own kernel, by each block again, so that there is one launch less. The rows' sources lie in the
// second-level cache, where the launch before has left them. In: steps of a row kernel, one of whose stores is the
// product's operand. Out: that in shared memory, as LinearDecode.h and GroupedDecode.h read it; everything else that is
// stored is stored by block 0. The bits are those of the row kernel: it is the same code.
//
//   rows [most][bytes of a row + 16]; scales f32 [most] and zero points i32 [most], or numbers of groups
//   [most][groups x 8, padded, + 8]; memory in which threads meet
//
// Source: ptx.md 4.1, 4.3. Tested by test/unit/codegen/ptx/SharedLaunchTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_ROWPROLOGUE_H
#define LMOPT_CODEGEN_PTX_LINEAR_ROWPROLOGUE_H

#include "codegen/ptx/linear/Fragments.h"
#include "codegen/ptx/rows/RowKernel.h"

#include <algorithm>
#include <optional>

namespace lmopt::nvptx {

struct MadeRows {
  RowSpec rows;
  int64_t most = 1; ///< rows of a step

  /// Wider rows would take too many registers beside the weights that are under way.
  static constexpr int64_t kMostWidth = 4096;
};

/// "_after_rows576_...": the part of a kernel's name, if any.
std::string madeName(const std::optional<MadeRows> &made);

/// Places in shared memory, in bytes.
struct MadeRowsPlaces {
  int64_t stride, scales, numbers, numbersStride, exchange, end; ///< numbers: zero points, or those of groups
  bool grouped;

  /// `least`: bytes at the front that the product needs for its sums when the rows have been read.
  MadeRowsPlaces(const MadeRows &made, const LinearSpec &linear, int64_t least) {
    GroupedRow layout = {linear.inputs, std::max<int64_t>(linear.group, 1)};
    grouped = linear.isGrouped();
    // What a row kernel stores of codes in groups is a multiple of 128. An odd number of 16 bytes: eight rows lie in
    // different banks.
    stride = (grouped ? roundUp(linear.inputs, 128) : linear.slices() * linear.sliceBytes()) + 16;
    scales = std::max(made.most * stride, least);
    numbers = roundUp(scales + (grouped ? 0 : 4 * made.most), 8);
    numbersStride = grouped ? layout.groupsBytes() + GroupedRow::kGroupBytes : 4;
    exchange = roundUp(numbers + made.most * numbersStride, 16);
    end = exchange + exchangeBytes(made.rows);
  }
};

class RowPrologue {
public:
  using Value = mlir::Value;

  /// `shared`: where the places begin; `arguments`: rowArguments.
  RowPrologue(Emitter &e, const MadeRows &made, const MadeRowsPlaces &places, Value shared, mlir::ValueRange arguments)
      : e(e), made(made), places(places), shared(shared), arguments(arguments) {}

  /// All `count` rows, one to made.most. A barrier must follow.
  void run(Value count);

  Value rows() { return shared; }
  Value scales() { return e.at(shared, places.scales); }
  Value numbers() { return e.at(shared, places.numbers); }

private:
  Emitter &e;
  const MadeRows &made;
  const MadeRowsPlaces &places;
  Value shared;
  mlir::ValueRange arguments;

  void makeRow(int64_t number);
  Value operand(size_t part, Value row);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_ROWPROLOGUE_H
