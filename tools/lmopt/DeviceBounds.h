// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a GPU can do: memory bandwidth, products of each unit, and what it costs to start something. In: a device as
// lmopt_team_options_t names it. Out: the rates that its fastest try reached, of work that takes a millisecond or all of
// the memory it may have. Costs some 50 ms on a card. Source: ptx.md 5.4, 6. Tested by test/tools/lmopt/device.sh over
// the fake driver (test/ptx/fake), whose times mean nothing.
#ifndef LMOPT_TOOLS_LMOPT_DEVICEBOUNDS_H
#define LMOPT_TOOLS_LMOPT_DEVICEBOUNDS_H

#include "files/Status.h"

#include <nlohmann/json.hpp>

#include <string>

namespace lmopt::driver {

struct DeviceBounds {
  std::string name; ///< of the card
  int cuda = 0;     ///< 12040: the driver serves CUDA up to 12.4
  int capability = 0, multiprocessors = 0;
  double memoryBytes = 0;
  double read = 0, copy = 0;                                             ///< bytes/s; a copied byte counts twice
  double mmaU8s8 = 0, mmaBf16 = 0, wgmmaS8s8 = 0, wgmmaBf16 = 0, f32 = 0; ///< operations/s, a product and a sum are
                                                                         ///< two; 0: no such unit
  double launchSeconds = 0;    ///< of a kernel launched by itself, in a row of them
  double nodeSeconds = 0;      ///< of a kernel in a recording, behind another one
  double barrierSeconds = 0;   ///< that all multiprocessors wait for one another within a kernel
  double resultSeconds = 0;    ///< of a copy of kResultBytes to the host and waiting for it
  double translateSeconds = 0; ///< of the driver, for the probes, unless its cache has them

  /// What the faster unit makes of codes: signs make no difference.
  double u8s8() const { return wgmmaS8s8 > mmaU8s8 ? wgmmaS8s8 : mmaU8s8; }
  double bf16() const { return wgmmaBf16 > mmaBf16 ? wgmmaBf16 : mmaBf16; }
  /// Whether this is test/ptx/fake.
  bool isInterpreter() const;
};

/// Logits of SmolLM2.
inline constexpr int64_t kResultBytes = 49152 * 4;

Result<DeviceBounds> measureDevice(const std::string &device);

/// {"name", "cuda", "capability", ...}, and {"memory_gb_per_s", ...}.
nlohmann::ordered_json deviceJson(const DeviceBounds &bounds);
nlohmann::ordered_json boundsJson(const DeviceBounds &bounds);
/// Both as lines; says so where it was no card.
std::string deviceText(const nlohmann::ordered_json &device, const nlohmann::ordered_json &bounds);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_DEVICEBOUNDS_H
