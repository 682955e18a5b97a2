// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels whose time is a bound (codegen/ptx/probes/Probes.h says what each does and takes), as text that the driver
// translates; written by emit-probes when lmopt is built.
#ifndef LMOPT_TOOLS_LMOPT_DEVICEPROBES_H
#define LMOPT_TOOLS_LMOPT_DEVICEPROBES_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace lmopt::driver {

struct Probe {
  const char *name;
  uint32_t threads, sharedBytes;
  int64_t work; ///< of a block in a turn: bytes that are read or written, or operations; 0: it takes no turns
};

struct ProbeTexts {
  int32_t capability; ///< 80: sm_80
  bool isExact;       ///< sm_90a: that capability alone
  std::string_view text;
  std::vector<Probe> probes;
};

const std::vector<ProbeTexts> &deviceProbes();

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_DEVICEPROBES_H
