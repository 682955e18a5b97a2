// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #lm.code_range says, as plain numbers for kernels of any target.
#ifndef LMOPT_CODEGEN_CODERANGE_H
#define LMOPT_CODEGEN_CODERANGE_H

#include <cstdint>

namespace lmopt {

/// Code of x: clamp(round(x factor) + zero, least, greatest); it stands for (code - zero) step.
struct CodeRange {
  float step = 0, factor = 0;
  int32_t zero = 0, least = 0, greatest = 0;
};

} // namespace lmopt

#endif // LMOPT_CODEGEN_CODERANGE_H
