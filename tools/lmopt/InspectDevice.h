// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `lmopt inspect` tells of an artifact for GPUs: its images, the kernels in each, and what a token should take.
// In: an artifact and its manifest. Out: facts. Tested by test/tools/lmopt/device.sh.
#ifndef LMOPT_TOOLS_LMOPT_INSPECTDEVICE_H
#define LMOPT_TOOLS_LMOPT_INSPECTDEVICE_H

#include "files/Status.h"
#include "lmopt/lmopt.h"

#include <nlohmann/json.hpp>

namespace lmopt::driver {

/// Adds "images", each with what its persistent kernel is, "kernels" and, of a decoder, "forecast": for known cards the
/// bytes and launches of a token, how long its bytes take at least, and tokens a second of one sequence, by what
/// `constants`, a file of script/gpu-check, says of one card, or by assumed numbers where it is empty.
Result<void> addGpuCode(const lmopt_artifact_t *artifact, const nlohmann::ordered_json &manifest,
                        const std::string &constants, nlohmann::ordered_json &facts);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_INSPECTDEVICE_H
