// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The slopes of biases of positions (#lm.alibi) as kernels of any target read them: f32, one after the other. Tested by
// test/codegen/{cpu,ptx}/layouts.mlir and test/unit/codegen/{PackWeightsTest,ptx/AttendRowsTest}.cpp.
#ifndef LMOPT_CODEGEN_SLOPES_H
#define LMOPT_CODEGEN_SLOPES_H

#include "dialects/lm/Lm.h"

#include <vector>

namespace lmopt {

constexpr char kSlopesText[] = "f32 slopes"; ///< for people

inline void packSlopes(lm::AlibiAttr alibi, std::vector<char> &out) {
  auto *to = reinterpret_cast<float *>(out.data());
  for (lm::Real slope : alibi.getSlopes())
    *to++ = static_cast<float>(slope.value);
}

} // namespace lmopt

#endif // LMOPT_CODEGEN_SLOPES_H
