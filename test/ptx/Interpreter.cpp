// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The library's borders: exceptions end here. Described in Interpreter.h; launches are in machine/Launch.cpp.
#include "test/ptx/Interpreter.h"

#include "test/ptx/decode/Decoder.h"
#include "test/ptx/syntax/Parser.h"

namespace lmopt::ptx {

Result<std::shared_ptr<const Module>> parseModule(std::string_view text) {
  try {
    return std::shared_ptr<const Module>(decodeModule(parseSyntax(text)));
  } catch (const PtxError &error) {
    return malformed(std::string("PTX: ") + error.what());
  }
}

void Device::load(const Module &module) {
  for (auto &[name, global] : module.globals)
    memory.add(global.address, global.size, true, global.isConstant);
}

void Device::unload(const Module &module) {
  for (auto &[name, global] : module.globals)
    memory.remove(global.address);
}

std::optional<KernelFacts> findKernel(const Module &module, const std::string &name) {
  auto found = module.kernels.find(name);
  if (found == module.kernels.end())
    return std::nullopt;
  const Kernel &kernel = found->second;
  KernelFacts facts;
  facts.sharedBytes = kernel.sharedBytes;
  facts.localBytes = kernel.localBytes;
  for (const Parameter &parameter : kernel.parameters) {
    facts.parameterOffsets.push_back(parameter.offset);
    facts.parameterSizes.push_back(parameter.size);
  }
  if (kernel.mostThreads[0])
    facts.mostThreads = kernel.mostThreads[0] * kernel.mostThreads[1] * kernel.mostThreads[2];
  if (kernel.requiredThreads[0])
    facts.mostThreads = kernel.requiredThreads[0] * kernel.requiredThreads[1] * kernel.requiredThreads[2];
  return facts;
}

std::pair<std::string, unsigned> targetOf(const Module &module) {
  return {module.target, module.major * 10 + module.minor};
}

std::optional<std::pair<uint64_t, uint64_t>> findGlobal(const Module &module, const std::string &name) {
  auto found = module.globals.find(name);
  if (found == module.globals.end())
    return std::nullopt;
  return std::make_pair(reinterpret_cast<uint64_t>(found->second.address), found->second.size);
}

void Counters::add(const Counters &other) {
  for (auto field :
       {&Counters::warpInstructions, &Counters::laneInstructions, &Counters::globalLoadRequests,
        &Counters::globalLoadSectors, &Counters::globalLoadBytes, &Counters::globalStoreRequests,
        &Counters::globalStoreSectors, &Counters::globalStoreBytes, &Counters::sharedWavefronts,
        &Counters::sharedIdealWavefronts, &Counters::matrixInstructions, &Counters::barriers, &Counters::atomics})
    this->*field += other.*field;
  for (auto &[name, count] : other.opcodes) {
    opcodes[name].warps += count.warps;
    opcodes[name].lanes += count.lanes;
  }
}

} // namespace lmopt::ptx
