// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emitted kernels on the interpreter of PTX (test/ptx), plain and strict with three seeds, which must all give the same
// bits.
//
// In: a function that defines a kernel, buffers, a grid. Out: what the kernel leaves in a buffer, and counters of the
// plain run.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_KERNELRUN_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_KERNELRUN_H

#include "codegen/ptx/EmitText.h"
#include "test/ptx/record/KernelRecord.h"
#include "test/ptx/unit/TestKernel.h"

#include <functional>

namespace lmopt::kerneltest {

/// The text of one kernel for an architecture, and how it is launched.
struct EmittedKernel {
  std::string name, text;
  nvptx::KernelShape shape;
};

inline nvptx::Target targetOf(const std::string &chip) {
  std::vector<nvptx::Target> targets;
  std::string error;
  EXPECT_TRUE(nvptx::makeTargets("nvptx:" + chip, targets, error)) << error;
  return targets.front();
}

inline EmittedKernel emit(const std::string &chip, const std::function<std::string(nvptx::KernelLibrary &)> &define) {
  mlir::MLIRContext context;
  nvptx::KernelLibrary kernels(&context, targetOf(chip));
  EmittedKernel result;
  result.name = define(kernels);
  result.shape = kernels.shapes().at(result.name);
  std::string error;
  EXPECT_TRUE(nvptx::emitText(kernels, result.text, error)) << error;
  return result;
}

/// One argument: bytes in memory (with none: memory that holds nothing yet), or a number.
struct Argument {
  std::vector<char> bytes;
  size_t fresh = 0; ///< bytes of memory without contents; a result
  uint32_t number = 0;
};
template <typename T>
Argument memory(const std::vector<T> &values) {
  const char *begin = reinterpret_cast<const char *>(values.data());
  return {std::vector<char>(begin, begin + values.size() * sizeof(T)), 0, 0};
}
inline Argument result(size_t bytes) { return {{}, bytes, 0}; }
inline Argument number(int64_t value) { return {{}, 0, static_cast<uint32_t>(value)}; }

struct Finished {
  std::vector<char> result; ///< of the argument without contents
  ptx::Counters counters;
  std::string error;
  std::vector<std::vector<char>> memory = {}; ///< what the kernel leaves in each argument that is memory
};

inline Finished runOnce(const EmittedKernel &kernel, std::array<uint32_t, 3> grid,
                        const std::vector<Argument> &arguments, std::optional<uint64_t> seed,
                        bool isCooperative = false) {
  ptx::DeviceOptions options;
  options.strictSeed = seed;
  ptx::Device device(options);
  auto module = ptx::parseOrFail(kernel.text);
  if (!module)
    return {{}, {}, "not parsed"};
  device.load(*module);
  std::vector<std::unique_ptr<ptx::Buffer<char>>> buffers;
  ptx::Arguments list;
  ptx::Buffer<char> *made = nullptr;
  for (const Argument &argument : arguments) {
    if (argument.bytes.empty() && !argument.fresh) {
      list << argument.number;
      continue;
    }
    buffers.push_back(argument.fresh ? std::make_unique<ptx::Buffer<char>>(device, argument.fresh, false)
                                     : std::make_unique<ptx::Buffer<char>>(device, argument.bytes));
    list << *buffers.back();
    if (argument.fresh) {
      made = buffers.back().get();
      std::memset(made->data(), 0xcd, argument.fresh); // what is there before must not matter
    }
  }
  ptx::LaunchShape shape;
  shape.grid = grid;
  shape.block = {static_cast<uint32_t>(kernel.shape.threads), 1, 1};
  shape.dynamicShared = static_cast<uint32_t>(kernel.shape.sharedBytes);
  shape.isCooperative = isCooperative;
  Result<ptx::Counters> counters = device.launch(*module, kernel.name, shape, list.pointers());
  device.unload(*module);
  if (!counters.ok())
    return {{}, {}, counters.error().message};
  Finished finished = {made ? made->values() : std::vector<char>(), *counters, ""};
  for (auto &buffer : buffers)
    finished.memory.push_back(buffer->values());
  return finished;
}

/// For a card, to do the same; launches that leave nothing say nothing.
inline void record(const EmittedKernel &kernel, std::array<uint32_t, 3> grid, const std::vector<Argument> &arguments,
                   const Finished &plain) {
  ptx::RecordedLaunch launch = {kernel.name,
                                kernel.text,
                                grid,
                                static_cast<uint32_t>(kernel.shape.threads),
                                static_cast<uint32_t>(kernel.shape.sharedBytes),
                                {}};
  for (const Argument &one : arguments)
    launch.arguments.push_back(
        one.fresh ? ptx::RecordedArgument{ptx::RecordedArgument::Result, 0, plain.result.data(), plain.result.size()}
        : one.bytes.empty()
            ? ptx::RecordedArgument{ptx::RecordedArgument::Number, one.number}
            : ptx::RecordedArgument{ptx::RecordedArgument::Contents, 0, one.bytes.data(), one.bytes.size()});
  if (plain.error.empty() && !plain.result.empty())
    recordLaunch(launch);
}

/// Plain only.
inline Finished runPlain(const EmittedKernel &kernel, std::array<uint32_t, 3> grid,
                         const std::vector<Argument> &arguments) {
  Finished plain = runOnce(kernel, grid, arguments, std::nullopt);
  if (!ptx::recordFolder().empty())
    record(kernel, grid, arguments, plain);
  return plain;
}

/// Plain; then strict, where it must leave the same.
inline Finished run(const EmittedKernel &kernel, std::array<uint32_t, 3> grid, const std::vector<Argument> &arguments) {
  Finished plain = runPlain(kernel, grid, arguments);
  EXPECT_EQ(plain.error, "");
  for (uint64_t seed : {1, 2, 3}) {
    Finished strict = runOnce(kernel, grid, arguments, seed);
    EXPECT_EQ(strict.error, "") << "seed " << seed;
    EXPECT_EQ(strict.result, plain.result) << "seed " << seed;
    EXPECT_EQ(strict.memory, plain.memory) << "seed " << seed;
  }
  return plain;
}

template <typename T>
std::vector<T> as(const std::vector<char> &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_KERNELRUN_H
