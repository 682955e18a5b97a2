// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels of pooling are called on every target: "pool_first_max_x384". Tested by test/codegen/{lower,ptx}.
#ifndef LMOPT_CODEGEN_POOLNAME_H
#define LMOPT_CODEGEN_POOLNAME_H

#include "dialects/lm/Kinds.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt {

inline std::string poolName(const std::vector<Pooling> &poolings, int64_t width) {
  std::string name = "pool";
  for (Pooling pooling : poolings)
    name += std::string("_") + kernelWord(pooling);
  return name + "_x" + std::to_string(width);
}

} // namespace lmopt

#endif // LMOPT_CODEGEN_POOLNAME_H
