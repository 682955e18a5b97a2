// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a step becomes launches: which kernel, on which grid, with which arguments. Plain data, of which the host's code
// is made (HostEntries.cpp). Tested by test/codegen/ptx and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_LAUNCH_H
#define LMOPT_CODEGEN_PTX_LAUNCH_H

#include "dialects/plan/Plan.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace lmopt::nvptx {

/// A number that is known when a step is launched.
struct Size {
  enum Kind {
    Fixed,    ///< `number`
    Rows,     ///< rows of `domain`, divided by `number` and rounded up
    Position, ///< positions of the longest sequence, divided by `number` and rounded up
    Top       ///< how many of the greatest logits the step wants; `number` where it does not say
  };
  Kind kind = Fixed;
  int64_t number = 1;
  plan::Domain domain = plan::Domain::tokens;

  static Size rows(plan::Domain domain, int64_t divisor = 1) { return {Rows, divisor, domain}; }
  static Size positions(int64_t divisor) { return {Position, divisor}; }
  static Size top(int64_t most) { return {Top, most}; }
  static Size fixed(int64_t number) { return {Fixed, number}; }
};

/// One argument of a kernel: an address, or a number of 32 bits.
struct Argument {
  enum Kind {
    Weights,    ///< bytes behind the weights
    Arena,      ///< bytes behind the arena
    Result,     ///< result of the program, by number
    Tokens,     ///< a number for each token: 0 the ids, n the input n - 1 beside them
    OutputRows, ///< numbers of the tokens whose results are wanted
    RowTable,   ///< lmopt_device_row_t [rows]
    Segments,   ///< lmopt_device_segment_t [segments]
    Greatest,   ///< where the greatest logits are wanted
    Chosen,     ///< list of the tokens that were chosen, or nothing
    Number      ///< `size`
  };
  Kind kind = Number;
  int64_t offset = 0;
  Size size = {};

  bool isNumber() const { return kind == Number; }
  static Argument number(Size size) { return {Number, 0, size}; }
  static Argument number(int64_t fixed) { return number(Size::fixed(fixed)); }
};

struct Launch {
  std::string kernel;
  std::vector<Argument> arguments;
  Size grid[3];
  /// Launched where a step has so many rows of the domain; never where it has none.
  plan::Domain domain = plan::Domain::tokens;
  int64_t leastRows = 1, mostRows = std::numeric_limits<int64_t>::max();
  /// And where the longest sequence has so many positions.
  int64_t leastPositions = 0, mostPositions = std::numeric_limits<int64_t>::max();

  bool serves(int64_t rows, int64_t positions) const {
    return leastRows <= rows && rows <= mostRows && leastPositions <= positions && positions <= mostPositions;
  }
  bool isNever() const { return leastRows > mostRows || leastPositions > mostPositions; }
  /// For what both serve.
  void restrictTo(const Launch &window) {
    leastRows = std::max(leastRows, window.leastRows), mostRows = std::min(mostRows, window.mostRows);
    leastPositions = std::max(leastPositions, window.leastPositions);
    mostPositions = std::min(mostPositions, window.mostPositions);
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LAUNCH_H
