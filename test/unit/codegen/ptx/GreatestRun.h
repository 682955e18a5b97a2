// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests of kernels that find the greatest results without making all: launches for every row, lists of the
// greatest, and the comparison with all results. In: kernels, rows of results. Out: what they leave, and whether it is
// right.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_GREATESTRUN_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_GREATESTRUN_H

#include "codegen/ptx/ranking/TopLogits.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace lmopt::kerneltest {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// `blocks` of each row.
inline Finished launch(const std::function<std::string(nvptx::KernelLibrary &)> &define, int64_t blocks, size_t rows,
                       const std::vector<Argument> &arguments) {
  Finished finished = run(emit("sm_80", define), {uint32_t(blocks), uint32_t(rows), 1}, arguments);
  EXPECT_EQ(finished.error, "");
  return finished;
}

inline std::vector<char> listsOf(const nvptx::TopLogitsSpec &spec, const Argument &logits, size_t rows, int64_t top) {
  size_t bytes = rows * size_t(spec.blocks() * top * nvptx::TopLogitsSpec::kKeyBytes);
  return launch([&](auto &kernels) { return topListsKernel(kernels, spec); }, spec.blocks(), rows,
                {logits, result(bytes), number(top)})
      .result;
}

/// Numbers of the greatest, in order.
inline std::vector<size_t> chosen(const float *numbers, size_t count, size_t top) {
  std::vector<size_t> order;
  for (size_t i = 0; i < count; ++i)
    if (numbers[i] > -kInfinity)
      order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return numbers[a] > numbers[b] || (numbers[a] == numbers[b] && a < b); });
  order.resize(std::min(order.size(), top));
  return order;
}

struct Compared {
  bool isRight = true;
  double share = 0; ///< of the results that were made
};

/// Rows of `width`: the greatest are those of all, and what is made has their bits.
inline Compared compareRows(const std::vector<float> &found, const std::vector<float> &all, size_t width, int64_t top) {
  Compared compared;
  for (size_t row = 0; row < found.size() / width; ++row) {
    const float *own = &found[row * width], *whole = &all[row * width];
    compared.isRight &= chosen(own, width, size_t(top)) == chosen(whole, width, size_t(top));
    for (size_t n = 0; n < width; ++n) {
      bool isMade = std::memcmp(own + n, whole + n, 4) == 0;
      compared.isRight &= isMade || own[n] == -kInfinity;
      compared.share += isMade ? 1.0 / double(found.size()) : 0;
    }
  }
  return compared;
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_GREATESTRUN_H
