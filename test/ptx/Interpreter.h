// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs PTX without a GPU: text -> module -> launches that are checked as they run.
//
// In: PTX of LLVM, nvcc or Triton, device memory (host memory that was made known), arguments as the driver API packs
// them. Out: the memory as the kernel leaves it and counters, or an error that names kernel, line, instruction, block,
// warp and lane. Everything a kernel may get wrong ends the launch; what the interpreter does not know it refuses.
//
// Strict mode is the other extreme of what hardware may do: asynchronous data arrive when they are waited for and not
// before, the order of warps and blocks comes from a seed, one block after the other is starved, and what a block
// stores is seen by other blocks only after it was released. Without it asynchronous data arrive at once and blocks run
// in order.
//
// Integers are exact, and so are f32 and f64 with IEEE rounding. Tensor cores on f16, bf16 and tf32 multiply exactly
// and sum in f32 in ascending order, which hardware does not promise; approximate functions (ex2.approx, ...) are
// computed correctly rounded, which hardware does not do: tests of both need tolerances. Tested by test/ptx/unit. No
// MLIR, no LLVM, no CUDA.
#ifndef LMOPT_TEST_PTX_INTERPRETER_H
#define LMOPT_TEST_PTX_INTERPRETER_H

#include "files/Status.h"
#include "test/ptx/Counters.h"
#include "test/ptx/memory/DeviceMemory.h"

#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace lmopt::ptx {

struct Module;

/// Everything is on unless a test is about something else. Bounds are always checked: an address outside of all
/// allocations would be the interpreter's own fault.
struct Checks {
  bool alignment = true;
  bool uninitialized = true;  // registers, shared and fresh device memory
  bool races = true;          // between warps and between blocks; of asynchronous copies
  bool proxyFences = true;    // fence.proxy.async between writes by warps and reads by wgmma (with `races`)
  bool wgmmaRegisters = true; // registers that wgmma reads are not written until it is waited for
  bool readOnly = true;       // ld.global.nc of what this launch has written
};

struct LaunchShape {
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  uint32_t dynamicShared = 0;
  bool isCooperative = false;
};

/// What a module needs of the device it runs on, and the limits it is held to.
struct DeviceOptions {
  Checks checks;
  std::optional<uint64_t> strictSeed;
  uint32_t multiprocessors = 4;
  uint32_t mostSharedBytes = 232448;        // a block: 227 KB, as sm_90
  uint64_t mostInstructions = ~uint64_t(0); // of all warps of a launch
};

/// Exit code 3: the text is not understood; the message says the line and why.
Result<std::shared_ptr<const Module>> parseModule(std::string_view text);

class Device {
public:
  explicit Device(DeviceOptions options = {}) : options(options) {}

  DeviceMemory memory;
  DeviceOptions options;

  /// Makes the variables of a module known. Its text may be dropped, the module must live.
  void load(const Module &module);
  void unload(const Module &module);
  /// `arguments`: one pointer for each parameter, as cuLaunchKernel takes them.
  Result<Counters> launch(const Module &module, const std::string &kernel, const LaunchShape &shape,
                          void *const *arguments);
};

/// Bytes of static shared memory, parameters and threads of a kernel; empty if there is none of this name.
struct KernelFacts {
  uint32_t sharedBytes = 0, localBytes = 0;
  std::vector<uint32_t> parameterOffsets, parameterSizes;
  uint32_t mostThreads = 1024;
};
std::optional<KernelFacts> findKernel(const Module &module, const std::string &name);
/// "sm_90a" and 8.6 as 86.
std::pair<std::string, unsigned> targetOf(const Module &module);
/// The address and size of a module's variable; empty if there is none.
std::optional<std::pair<uint64_t, uint64_t>> findGlobal(const Module &module, const std::string &name);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_INTERPRETER_H
