// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RowPrologue.h.
#include "codegen/ptx/linear/RowPrologue.h"

using namespace mlir;

namespace lmopt::nvptx {

std::string madeName(const std::optional<MadeRows> &made) {
  return made ? "_after" + std::to_string(made->most) + "_" + rowName(made->rows) : "";
}

// No loop: lanes that have nothing to store at the end of a row would be free to begin the next one, and there meet
// others by shuffles.
void RowPrologue::run(Value count) {
  makeRow(0);
  for (int64_t row = 1; row < made.most; ++row)
    e.ifThen(e.less(e.number(row), count), [&] { makeRow(row); });
}

void RowPrologue::makeRow(int64_t number) {
  Value row = e.number(number), isFirst = e.equal(e.block(), e.number(0));
  RowPlace place = {row, e.at(shared, places.exchange), isFirst, [&](size_t part) { return operand(part, row); }};
  emitRow(e, made.rows, arguments, place);
}

Value RowPrologue::operand(size_t part, Value row) {
  if (part == 0)
    return e.at(rows(), e.mul(row, places.stride));
  bool isScale = part == 1 && !places.grouped;
  return isScale ? e.at(scales(), e.mul(row, 4)) : e.at(numbers(), e.mul(row, e.number(places.numbersStride)));
}

} // namespace lmopt::nvptx
