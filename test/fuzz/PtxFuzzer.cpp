// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-ptx: the input is PTX text. It must be refused with a message, or be a module whose kernels can be launched with
// arguments of zeros: whatever they do ends in a message too, or they end. Loops without end are a deadlock after a
// while.
#include "test/ptx/Interpreter.h"
#include "test/ptx/machine/Instruction.h"

using namespace lmopt::ptx;

static void launchAll(const Module &module, std::optional<uint64_t> seed) {
  Device device;
  device.options.strictSeed = seed;
  device.options.mostInstructions = 20000;
  device.load(module);
  uint64_t zeros[4096] = {};
  for (auto &[name, kernel] : module.kernels) {
    std::vector<void *> arguments(kernel.parameters.size(), zeros);
    LaunchShape shape;
    shape.grid = {2, 1, 1};
    shape.block = {32, 2, 1};
    shape.dynamicShared = 1024;
    (void)device.launch(module, name, shape, arguments.data()).ok();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto module = parseModule(std::string_view(reinterpret_cast<const char *>(data), size));
  if (!module.ok())
    return 0;
  launchAll(**module, std::nullopt);
  launchAll(**module, 1);
  return 0;
}
