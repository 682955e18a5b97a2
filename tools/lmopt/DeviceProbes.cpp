// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See DeviceProbes.h.
#include "tools/lmopt/DeviceProbes.h"

namespace lmopt::driver {

const std::vector<ProbeTexts> &deviceProbes() {
  static const std::vector<ProbeTexts> probes = {
#include "tools/lmopt/DeviceProbes.inc"
  };
  return probes;
}

} // namespace lmopt::driver
