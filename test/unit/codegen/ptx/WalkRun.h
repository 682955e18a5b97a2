// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step of several kernels on the interpreter, launched one by one and walked in one cooperative launch.
//
// In: kernels of a library, and what a step launches of them. Out: what the step leaves in its arena.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_WALKRUN_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_WALKRUN_H

#include "codegen/ptx/persistent/Walker.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include "lmopt/abi.h"

namespace lmopt::kerneltest {

/// An argument of a launch: a place in the weights, one in the arena, or a number.
struct Place {
  enum { Weights, Arena, Number } kind;
  int64_t value;
};
inline Place weightsAt(int64_t offset) { return {Place::Weights, offset}; }
inline Place arenaAt(int64_t offset) { return {Place::Arena, offset}; }
inline Place numberOf(int64_t value) { return {Place::Number, value}; }

struct StepLaunch {
  std::string kernel;
  std::array<uint32_t, 3> grid;
  std::vector<Place> arguments;
};

/// The text of a library with its walker, and what must be known of the kernels in it.
struct EmittedWalker {
  std::string text, walker;
  std::vector<nvptx::KernelEntry> kernels;
  int64_t recordBytes = 0;

  const nvptx::KernelEntry &kernel(const std::string &name) const {
    return *std::find_if(kernels.begin(), kernels.end(), [&](const auto &one) { return one.name == name; });
  }
};

/// `define` defines the kernels; all of them are walked.
inline EmittedWalker emitWalker(const std::string &chip, const std::function<void(nvptx::KernelLibrary &)> &define,
                                const nvptx::GridBarrier &barrier = {}, std::optional<int64_t> stages = {}) {
  mlir::MLIRContext context;
  nvptx::KernelLibrary kernels(&context, targetOf(chip));
  define(kernels);
  nvptx::WalkerSpec spec;
  for (const nvptx::KernelEntry &kernel : kernels.kernels())
    spec.kernels.push_back(kernel.number);
  spec.barrier = barrier;
  spec.stages = stages;
  EmittedWalker result;
  result.recordBytes = nvptx::recordBytes(kernels, spec.kernels);
  result.walker = walkerKernel(kernels, spec);
  result.kernels = kernels.kernels();
  std::string error;
  EXPECT_TRUE(nvptx::emitText(kernels, result.text, error)) << error;
  return result;
}

/// The walker without the kernels that it does.
inline std::string walkerAlone(const EmittedWalker &code) {
  const std::string begin = ".visible .entry ";
  size_t first = code.text.find(begin), own = code.text.find(begin + code.walker);
  EXPECT_NE(own, std::string::npos);
  return code.text.substr(0, first) + code.text.substr(own);
}

/// One device with the memory of a step.
class WalkRun {
public:
  std::string error; ///< the first one
  ptx::Counters counters;

  /// The arena holds `given`, then `fresh` bytes that nobody has written.
  WalkRun(const EmittedWalker &code, const std::vector<char> &weights, const std::vector<char> &given, size_t fresh,
          std::optional<uint64_t> seed)
      : code(code), device(optionsOf(seed)), module(ptx::parseOrFail(code.text)), weights(device, weights),
        arena(device, given.size() + fresh, false) {
    device.load(*module);
    device.memory.remove(arena.data());
    device.memory.add(arena.data(), given.size(), true);
    if (fresh)
      device.memory.add(arena.data() + given.size(), fresh, false);
    std::memcpy(arena.data(), given.data(), given.size());
    std::memset(arena.data() + given.size(), 0xcd, fresh);
    begin = given.size();
  }
  ~WalkRun() {
    device.memory.remove(arena.data() + begin);
    device.unload(*module);
  }

  void launchEach(const std::vector<StepLaunch> &launches) {
    for (const StepLaunch &launch : launches)
      launchOne(launch);
  }

  /// `counter`: as the launch finds it.
  void walk(const std::vector<StepLaunch> &launches, uint32_t blocks, uint32_t counter = 0) {
    std::string bytes;
    for (const StepLaunch &launch : launches)
      bytes += recordOf(launch);
    ptx::Buffer<char> records(device, std::vector<char>(bytes.begin(), bytes.end()));
    ptx::Buffer<uint32_t> count(device, std::vector<uint32_t>{counter});
    ptx::Arguments list;
    list << records << count << uint32_t(launches.size());
    const nvptx::KernelEntry &walker = code.kernel(code.walker);
    run(walker, {blocks, 1, 1}, true, list.pointers());
  }

  std::vector<char> left() { return arena.values(); }

private:
  const EmittedWalker &code;
  ptx::Device device;
  std::shared_ptr<const ptx::Module> module;
  ptx::Buffer<char> weights, arena;
  size_t begin = 0;

  static ptx::DeviceOptions optionsOf(std::optional<uint64_t> seed) {
    ptx::DeviceOptions options;
    options.strictSeed = seed;
    return options;
  }
  uint64_t valueOf(const Place &place) {
    char *base = place.kind == Place::Weights ? weights.data() : arena.data();
    return place.kind == Place::Number ? uint64_t(place.value) : reinterpret_cast<uint64_t>(base + place.value);
  }
  void run(const nvptx::KernelEntry &kernel, std::array<uint32_t, 3> grid, bool isCooperative, void *const *arguments) {
    ptx::LaunchShape shape;
    shape.grid = grid;
    shape.block = {uint32_t(kernel.shape.threads), 1, 1};
    shape.dynamicShared = uint32_t(kernel.shape.sharedBytes);
    shape.isCooperative = isCooperative;
    Result<ptx::Counters> result = device.launch(*module, kernel.name, shape, arguments);
    if (result.ok())
      counters = *result;
    else if (error.empty())
      error = result.error().message;
  }
  void launchOne(const StepLaunch &launch) {
    std::vector<uint64_t> values;
    for (const Place &place : launch.arguments)
      values.push_back(valueOf(place));
    std::vector<void *> pointers;
    for (uint64_t &value : values)
      pointers.push_back(&value);
    run(code.kernel(launch.kernel), launch.grid, false, pointers.data());
  }
  std::string recordOf(const StepLaunch &launch) {
    const nvptx::KernelEntry &kernel = code.kernel(launch.kernel);
    lmopt_walk_record_t head = {uint32_t(kernel.number), {launch.grid[0], launch.grid[1], launch.grid[2]}};
    std::string record(size_t(code.recordBytes), 0);
    std::memcpy(record.data(), &head, sizeof head);
    std::vector<int64_t> offsets = kernel.argumentOffsets();
    for (size_t i = 0; i < offsets.size(); ++i) {
      uint64_t value = valueOf(launch.arguments[i]);
      std::memcpy(record.data() + sizeof head + offsets[i], &value,
                  kernel.arguments[i] == nvptx::ArgumentKind::Number ? 4 : 8);
    }
    return record;
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_WALKRUN_H
