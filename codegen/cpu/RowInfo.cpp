// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of rows; see RowInfo.h.
#include "codegen/cpu/RowInfo.h"

#include "codegen/cpu/Segments.h"

using namespace mlir;

namespace lmopt::cpu {

std::string describeRowsKernel(KernelLibrary &kernels) {
  return kernels.define("describe_rows", 2, 0, [&](Emitter &e, ValueRange args) {
    Segments segments(e, args[0]);
    Value count = loadInteger(e, args[0], offsetof(lmopt_step_t, segment_count));
    e.loop(e.index(0), count, 1, [&](Value s) {
      Value segment = segments.at(s);
      Value cache = loadPointer(e, segment, offsetof(lmopt_segment_t, cache));
      Value capacity = loadInteger(e, segment, offsetof(lmopt_segment_t, capacity));
      Value position = loadInteger(e, segment, offsetof(lmopt_segment_t, position));
      Value rope = loadInteger(e, segment, offsetof(lmopt_segment_t, rope));
      Value first = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
      e.loop(e.index(0), loadInteger(e, segment, offsetof(lmopt_segment_t, rows)), 1, [&](Value i) {
        Value info = e.at(args[1], e.mul(e.add(first, i), kRowInfoBytes));
        e.store(cache, info, 8);
        e.store(capacity, e.at(info, 8), 8);
        e.store(e.add(position, i), e.at(info, 16), 8);
        e.store(rope, e.at(info, 24), 8);
      });
    });
  });
}

} // namespace lmopt::cpu
