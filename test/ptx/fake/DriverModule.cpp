// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules from PTX text, functions, occupancy and launches. A cubin is refused with 209, as one for another card would
// be, so that fallbacks to the text are exercised. Described in Driver.h.
#include "test/ptx/fake/Driver.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace lmopt::fake;
using lmopt::ptx::LaunchShape;

namespace {
/// CUDA's versions and the PTX that came with them. Source: PTX ISA, "Release Notes".
struct Release {
  int cuda;
  unsigned ptx;
};
constexpr Release kReleases[] = {{11000, 70}, {11010, 71}, {11020, 72}, {11030, 73}, {11040, 74},
                                 {11050, 75}, {11060, 76}, {11070, 77}, {11080, 78}, {12000, 80},
                                 {12010, 81}, {12020, 82}, {12030, 83}, {12040, 84}, {12050, 85},
                                 {12070, 86}, {12080, 87}, {12090, 88}, {13000, 90}};

unsigned greatestPtx() {
  unsigned greatest = 0;
  for (const Release &release : kReleases)
    greatest = release.cuda <= driverVersion() ? release.ptx : greatest;
  return greatest;
}

/// "sm_80" runs on 80 and above, "sm_90a" on 90 only.
bool runsHere(const std::string &target) {
  if (target.rfind("sm_", 0) != 0)
    return false;
  auto needed = static_cast<int>(std::strtol(target.c_str() + 3, nullptr, 10));
  return target.back() == 'a' ? needed == computeCapability() : needed <= computeCapability();
}

void writeLog(const std::string &message, unsigned count, const int *options, void *const *values) {
  char *buffer = nullptr;
  size_t size = 0;
  for (unsigned i = 0; i < count; ++i) {
    buffer = options[i] == CU_JIT_ERROR_LOG_BUFFER ? static_cast<char *>(values[i]) : buffer;
    size = options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES ? reinterpret_cast<size_t>(values[i]) : size;
  }
  std::fprintf(stderr, "fake cuda: %s\n", message.c_str());
  if (buffer && size)
    std::snprintf(buffer, size, "%s\n", message.c_str()); // lines, as ptxas writes
}

/// ELF, or a fat binary of nvcc's.
bool isBinary(const char *image) {
  return std::memcmp(image, "\177ELF", 4) == 0 || std::memcmp(image, "\x50\xed\x55\xba", 4) == 0;
}

CUresult loadModule(CUmodule *module, const char *image, unsigned count, const int *options, void *const *values) {
  auto refuse = [&](CUresult code, const std::string &message) {
    writeLog(message, count, options, values);
    return code;
  };
  if (isBinary(image))
    return refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, "a cubin: only PTX text can be interpreted");
  auto parsed = lmopt::ptx::parseModule(image);
  if (!parsed.ok())
    return refuse(CUDA_ERROR_INVALID_PTX, parsed.error().message);
  auto [target, version] = lmopt::ptx::targetOf(**parsed);
  if (version > greatestPtx())
    return refuse(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "PTX version " + std::to_string(version / 10) + "." +
                                                          std::to_string(version % 10) + " is too new for this driver");
  if (!runsHere(target))
    return refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, "PTX for " + target + " does not run on this device");
  *module = new CUmod_st{parsed.take()};
  state().modules.insert(*module);
  state().device.load(*(*module)->module);
  return CUDA_SUCCESS;
}

/// Blocks that a multiprocessor can hold. Registers are not known here.
uint32_t residentBlocks(uint64_t threads, uint64_t sharedBytes) {
  if (threads == 0 || threads > 1024)
    return 0;
  uint64_t byThreads = 2048 / ((threads + 31) / 32 * 32), byShared = mostSharedOfAll() / (sharedBytes + 1024);
  return static_cast<uint32_t>(std::min<uint64_t>({byThreads, byShared, 32}));
}

/// The parameters of a launch, kept for as long as a graph needs them.
using PackedArguments = std::vector<std::vector<uint8_t>>;

/// Either one pointer for each parameter, or one buffer as it lies in parameter space.
bool packArguments(CUfunction function, void *const *parameters, void *const *extra, PackedArguments &packed) {
  const auto &facts = function->facts;
  const uint8_t *buffer = nullptr;
  size_t size = 0;
  for (; !parameters && extra && *extra; extra += 2) {
    if (*extra == reinterpret_cast<void *>(1))
      buffer = static_cast<const uint8_t *>(extra[1]);
    else if (*extra == reinterpret_cast<void *>(2))
      size = *static_cast<const size_t *>(extra[1]);
    else
      return false;
  }
  for (size_t i = 0; i < facts.parameterSizes.size(); ++i) {
    size_t end = facts.parameterOffsets[i] + facts.parameterSizes[i];
    if (!parameters && (!buffer || end > size))
      return false;
    const auto *from = parameters ? static_cast<const uint8_t *>(parameters[i]) : buffer + facts.parameterOffsets[i];
    packed.emplace_back(from, from + facts.parameterSizes[i]);
  }
  return true;
}

/// What kind of fault a message tells of.
CUresult faultCode(const std::string &message) {
  if (message.find("deadlock in ") != std::string::npos)
    return CUDA_ERROR_LAUNCH_TIMEOUT;
  if (message.find("the kernel traps") != std::string::npos)
    return CUDA_ERROR_LAUNCH_FAILED;
  return CUDA_ERROR_ILLEGAL_ADDRESS;
}

void runLaunch(CUfunction function, const LaunchShape &shape, const PackedArguments &packed) {
  std::vector<void *> pointers;
  for (const auto &argument : packed)
    pointers.push_back(const_cast<uint8_t *>(argument.data()));
  lmopt::ptx::DeviceOptions &options = state().device.options;
  const char *seed = std::getenv("FAKE_CUDA_STRICT");
  options.strictSeed = seed && *seed ? std::optional<uint64_t>(std::strtoull(seed, nullptr, 0)) : std::nullopt;
  options.multiprocessors = kMultiprocessors;
  options.mostSharedBytes = mostSharedBytes();
  auto result = state().device.launch(*function->module->module, function->name, shape, pointers.data());
  if (result.ok())
    return;
  std::fprintf(stderr, "fake cuda: %s\n", result.error().message.c_str());
  state().stickyError = faultCode(result.error().message);
}

/// What hardware refuses before it starts anything.
CUresult checkLaunch(CUfunction function, const LaunchShape &shape) {
  uint64_t threads = uint64_t(shape.block[0]) * shape.block[1] * shape.block[2];
  uint64_t blocks = uint64_t(shape.grid[0]) * shape.grid[1] * shape.grid[2];
  if (blocks == 0 || threads == 0 || threads > function->facts.mostThreads || shape.grid[1] > 65535 ||
      shape.grid[2] > 65535)
    return CUDA_ERROR_INVALID_VALUE;
  if (function->facts.sharedBytes + shape.dynamicShared > mostSharedBytes() ||
      shape.dynamicShared > function->mostDynamicShared)
    return CUDA_ERROR_INVALID_VALUE;
  uint64_t most =
      uint64_t(kMultiprocessors) * residentBlocks(threads, function->facts.sharedBytes + shape.dynamicShared);
  return shape.isCooperative && blocks > most ? CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE : CUDA_SUCCESS;
}

CUresult launch(CUfunction function, const LaunchShape &shape, CUstream stream, void *const *parameters,
                void *const *extra) {
  if (CUresult wrong = checkLaunch(function, shape))
    return wrong;
  PackedArguments packed;
  if (!packArguments(function, parameters, extra, packed))
    return CUDA_ERROR_INVALID_VALUE;
  return enqueue(stream, [=] {
    CUresult before = state().stickyError;
    if (!before)
      runLaunch(function, shape, packed);
    return before;
  });
}

bool takeAttribute(const CUlaunchAttribute &attribute, LaunchShape &shape) {
  switch (attribute.id) {
  case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
    shape.isCooperative = attribute.value.cooperative != 0;
    return true;
  case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
    return attribute.value.clusterDim[0] * attribute.value.clusterDim[1] * attribute.value.clusterDim[2] == 1;
  case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
    return true; // launches run one after the other in any case
  default:
    return false;
  }
}
} // namespace

FAKE_CUDA_API cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, int *options, void **values) {
  return call("cuModuleLoadDataEx", Needs::HealthyContext,
              [&] { return loadModule(module, static_cast<const char *>(image), count, options, values); });
}

FAKE_CUDA_API cuModuleLoadData(CUmodule *module, const void *image) {
  return call("cuModuleLoadData", Needs::HealthyContext,
              [&] { return loadModule(module, static_cast<const char *>(image), 0, nullptr, nullptr); });
}

FAKE_CUDA_API cuModuleUnload(CUmodule module) {
  return call("cuModuleUnload", Needs::Context, [&] {
    if (!state().modules.erase(module))
      return CUDA_ERROR_INVALID_HANDLE;
    drainAll(); // its kernels may be waiting
    state().device.unload(*module->module);
    delete module;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  return call("cuModuleGetFunction", Needs::HealthyContext, [&] {
    if (!state().modules.count(module))
      return CUDA_ERROR_INVALID_HANDLE;
    for (auto &known : module->functions) // one for each name: its limits are everybody's
      if (known->name == name) {
        *function = known.get();
        return CUDA_SUCCESS;
      }
    auto facts = lmopt::ptx::findKernel(*module->module, name);
    if (!facts)
      return CUDA_ERROR_NOT_FOUND;
    module->functions.push_back(std::make_unique<CUfunc_st>(CUfunc_st{module, name, *facts}));
    *function = module->functions.back().get();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *size, CUmodule module, const char *name) {
  return call("cuModuleGetGlobal_v2", Needs::HealthyContext, [&] {
    if (!state().modules.count(module))
      return CUDA_ERROR_INVALID_HANDLE;
    auto found = lmopt::ptx::findGlobal(*module->module, name);
    if (!found)
      return CUDA_ERROR_NOT_FOUND;
    if (address)
      *address = found->first;
    if (size)
      *size = found->second;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  return call("cuFuncSetAttribute", Needs::HealthyContext, [&] {
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
      return CUDA_SUCCESS;
    bool fits = value >= 0 && function->facts.sharedBytes + static_cast<uint32_t>(value) <= mostSharedBytes();
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || !fits)
      return CUDA_ERROR_INVALID_VALUE;
    function->mostDynamicShared = static_cast<uint32_t>(value);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  return call("cuFuncGetAttribute", Needs::HealthyContext, [&] {
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = static_cast<int>(function->facts.mostThreads);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = static_cast<int>(function->facts.sharedBytes);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = static_cast<int>(function->mostDynamicShared);
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
    }
  });
}

FAKE_CUDA_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads,
                                                          size_t shared) {
  return call("cuOccupancyMaxActiveBlocksPerMultiprocessor", Needs::HealthyContext, [&] {
    bool fits = threads > 0 && static_cast<uint32_t>(threads) <= function->facts.mostThreads;
    *blocks =
        fits ? static_cast<int>(residentBlocks(static_cast<uint64_t>(threads), function->facts.sharedBytes + shared))
             : 0;
    return fits ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

FAKE_CUDA_API cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                             unsigned blockY, unsigned blockZ, unsigned shared, CUstream stream, void **parameters,
                             void **extra) {
  return call("cuLaunchKernel", Needs::HealthyContext, [&] {
    return launch(function, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, shared, false}, stream, parameters,
                  extra);
  });
}

FAKE_CUDA_API cuLaunchCooperativeKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                                        unsigned blockX, unsigned blockY, unsigned blockZ, unsigned shared,
                                        CUstream stream, void **parameters) {
  return call("cuLaunchCooperativeKernel", Needs::HealthyContext, [&] {
    return launch(function, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, shared, true}, stream, parameters,
                  nullptr);
  });
}

FAKE_CUDA_API cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra) {
  return call("cuLaunchKernelEx", Needs::HealthyContext, [&] {
    LaunchShape shape{{config->gridDimX, config->gridDimY, config->gridDimZ},
                      {config->blockDimX, config->blockDimY, config->blockDimZ},
                      config->sharedMemBytes,
                      false};
    for (unsigned i = 0; i < config->numAttrs; ++i)
      if (!takeAttribute(config->attrs[i], shape))
        return static_cast<CUresult>(CUDA_ERROR_INVALID_VALUE);
    return launch(function, shape, config->hStream, parameters, extra);
  });
}
