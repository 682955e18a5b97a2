// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layout of a kernel's registers, parameters and variables, and the way from statements to code. Described in
// Decoder.h.
#include "test/ptx/decode/KernelDecoder.h"

#include <algorithm>
#include <cstring>

namespace lmopt::ptx {

static uint64_t alignTo(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

static const StatementTable &statementTable() {
  static const StatementTable table = [] {
    StatementTable made;
    for (auto add : {addArithmetic, addFloatFunctions, addBits, addComparisons, addConversions, addMoves, addMemory,
                     addAtomics, addControl, addWarp, addMatrix, addAsync, addMbarrier, addWgmma})
      add(made);
    return made;
  }();
  return table;
}

KernelDecoder::KernelDecoder(const FunctionSyntax &syntax, const ModuleSyntax &module, const Module &storage)
    : syntax(syntax) {
  kernel.name = syntax.name;
  kernel.requiredThreads = syntax.requiredThreads;
  kernel.mostThreads = syntax.mostThreads;
  for (uint32_t blocks : syntax.clusterBlocks)
    if (blocks > 1)
      throw PtxError("kernel '" + syntax.name + "': clusters of more than one block are not supported");
  placeVariables(module, storage);
  placeParameters();
  placeRegisters();
}

void KernelDecoder::placeParameters() {
  uint64_t bytes = 0;
  for (const Variable &parameter : syntax.parameters) {
    bytes = alignTo(bytes, parameter.alignment);
    kernel.parameters.push_back({parameter.name, static_cast<uint32_t>(bytes), static_cast<uint32_t>(parameter.size)});
    places[parameter.name] = {StateSpace::Parameter, bytes};
    bytes += parameter.size;
    if (bytes > 32764) // PTX ISA, "Kernel Function Parameters"
      throw PtxError("kernel '" + syntax.name + "': more than 32764 bytes of parameters");
  }
  kernel.parameterBytes = static_cast<uint32_t>(bytes);
}

/// Static shared variables first; arrays without size begin where they end and share the dynamic bytes.
void KernelDecoder::placeVariables(const ModuleSyntax &module, const Module &storage) {
  uint64_t shared = 0, local = 0;
  std::vector<const Variable *> dynamic;
  auto place = [&](const Variable &variable) {
    if (variable.space == StateSpace::Shared && variable.size == 0)
      return dynamic.push_back(&variable);
    uint64_t &bytes = variable.space == StateSpace::Local ? local : shared;
    bytes = alignTo(bytes, variable.alignment);
    places[variable.name] = {variable.space, variable.space == StateSpace::Shared ? bytes + kSharedStart : bytes};
    bytes += variable.size;
    if (bytes > (1 << 24))
      throw PtxError("kernel '" + syntax.name + "': variables of more than 16 MiB");
  };
  for (const Variable &variable : module.variables)
    if (variable.space == StateSpace::Shared)
      place(variable);
  for (const Variable &variable : syntax.variables)
    place(variable);
  for (const Variable *variable : dynamic)
    shared = alignTo(shared, std::max<uint64_t>(variable->alignment, 16));
  for (const Variable *variable : dynamic)
    places[variable->name] = {StateSpace::Shared, shared + kSharedStart};
  for (auto &[name, global] : storage.globals)
    places[name] = {global.isConstant ? StateSpace::Constant : StateSpace::Global,
                    reinterpret_cast<uint64_t>(global.address)};
  kernel.sharedBytes = static_cast<uint32_t>(shared);
  kernel.localBytes = static_cast<uint32_t>(alignTo(local, 16));
}

void KernelDecoder::placeRegisters() {
  for (const RegisterDeclaration &declaration : syntax.registers) {
    uint32_t slot = newSlot(sizeOf(declaration.type) == 8);
    registerSlots.push_back(slot);
    kernel.registerNames[slot] = declaration.name;
  }
}

uint32_t KernelDecoder::newSlot(bool isWide) {
  uint32_t slot = kernel.slotCount;
  kernel.slotCount += isWide ? 2 : 1;
  return slot;
}

uint32_t KernelDecoder::constant(uint64_t value, unsigned bytes) {
  bool isWide = bytes == 8;
  value = isWide ? value : static_cast<uint32_t>(value);
  auto [known, isNew] = constantSlots.try_emplace({value, bytes}, kNoSlot);
  if (isNew) {
    known->second = newSlot(isWide);
    kernel.constants.push_back({known->second, isWide, value});
  }
  return known->second;
}

uint32_t KernelDecoder::special(const std::string &name) {
  using S = SpecialRegister;
  static const std::map<std::string, S, std::less<>> kNames = {
      {"%tid.x", S::ThreadX},
      {"%tid.y", S::ThreadY},
      {"%tid.z", S::ThreadZ},
      {"%ntid.x", S::ThreadsX},
      {"%ntid.y", S::ThreadsY},
      {"%ntid.z", S::ThreadsZ},
      {"%ctaid.x", S::BlockX},
      {"%ctaid.y", S::BlockY},
      {"%ctaid.z", S::BlockZ},
      {"%nctaid.x", S::BlocksX},
      {"%nctaid.y", S::BlocksY},
      {"%nctaid.z", S::BlocksZ},
      {"%laneid", S::Lane},
      {"%warpid", S::WarpInBlock},
      {"%nwarpid", S::WarpsInBlock},
      {"%smid", S::Multiprocessor},
      {"%nsmid", S::Multiprocessors},
      {"%dynamic_smem_size", S::DynamicShared},
      {"%total_smem_size", S::TotalShared},
      {"%lanemask_eq", S::LanesEqual},
      {"%lanemask_lt", S::LanesLess},
      {"%lanemask_le", S::LanesLessEqual},
      {"%lanemask_gt", S::LanesGreater},
      {"%lanemask_ge", S::LanesGreaterEqual},
      {"%cluster_nctarank", S::ClusterBlocks},
      {"%cluster_nctaid.x", S::ClusterBlocks},
      {"%cluster_nctaid.y", S::ClusterBlocks},
      {"%cluster_nctaid.z", S::ClusterBlocks},
      {"%cluster_ctarank", S::ClusterRank},
      {"%cluster_ctaid.x", S::ClusterRank},
      {"%cluster_ctaid.y", S::ClusterRank},
      {"%cluster_ctaid.z", S::ClusterRank},
  };
  auto which = kNames.find(name);
  if (which == kNames.end())
    return kNoSlot;
  auto [known, isNew] = specialSlots.try_emplace(name, kNoSlot);
  if (isNew) {
    known->second = newSlot(false);
    kernel.specials.push_back({known->second, which->second});
  }
  return known->second;
}

const Place *KernelDecoder::find(const std::string &name) const {
  auto found = places.find(name);
  return found == places.end() ? nullptr : &found->second;
}

SlotList KernelDecoder::list(const std::vector<uint32_t> &slots) {
  SlotList list{static_cast<uint32_t>(kernel.slots.size()), static_cast<uint32_t>(slots.size())};
  kernel.slots.insert(kernel.slots.end(), slots.begin(), slots.end());
  return list;
}

static Together togetherOf(const std::string &opcode) {
  std::string family = opcode.substr(0, opcode.find('.'));
  if (family == "bar" || family == "barrier")
    return Together::Barrier;
  for (const char *one : {"shfl", "vote", "redux", "match", "elect", "mma", "ldmatrix", "stmatrix", "wgmma"})
    if (family == one)
      return Together::Exchange;
  bool isOfGroups =
      family == "cp" && (opcode.find("_group") != std::string::npos || opcode.find("wait_all") != std::string::npos);
  return isOfGroups ? Together::Exchange : Together::No; // groups of copies are kept for whole warps
}

void KernelDecoder::emit(const Instruction &instruction, const std::string &opcode) {
  auto [known, isNew] = opcodeNumbers.try_emplace(opcode, static_cast<uint32_t>(kernel.opcodes.size()));
  if (isNew)
    kernel.opcodes.push_back(opcode);
  kernel.code.push_back(instruction);
  kernel.code.back().opcode = known->second;
  kernel.code.back().together = togetherOf(opcode);
}

void KernelDecoder::decode(const Statement &statement) {
  StatementDecoder decoder(*this, statement);
  auto family = statementTable().find(decoder.opcode());
  if (family == statementTable().end())
    decoder.refuse("unknown instruction");
  family->second(decoder);
  decoder.finish();
}

std::vector<uint32_t> KernelDecoder::branchTable(uint32_t label) const {
  auto found = syntax.branchTables.find(label);
  return found == syntax.branchTables.end() ? std::vector<uint32_t>() : found->second;
}

void KernelDecoder::resolveBranches() {
  auto resolve = [&](uint32_t &label) { label = statementStarts[syntax.labels[label]]; };
  for (Instruction &instruction : kernel.code) {
    if (instruction.flow == Flow::Branch)
      resolve(instruction.target);
    for (uint32_t i = 0; i < instruction.targets.count; ++i)
      resolve(kernel.slots[instruction.targets.first + i]);
  }
}

Kernel KernelDecoder::run() {
  for (const Statement &statement : syntax.statements) {
    statementStarts.push_back(static_cast<uint32_t>(kernel.code.size()));
    decode(statement);
  }
  statementStarts.push_back(static_cast<uint32_t>(kernel.code.size()));
  Instruction end;
  end.flow = Flow::Exit;
  emit(end, "exit");
  resolveBranches();
  return std::move(kernel);
}

static GlobalVariable makeGlobal(const Variable &variable) {
  GlobalVariable global;
  global.name = variable.name;
  global.isConstant = variable.space == StateSpace::Constant;
  global.size = variable.size;
  uint64_t alignment = std::max<uint64_t>(variable.alignment, 16);
  global.storage = std::make_unique<uint8_t[]>(variable.size + alignment);
  global.address = reinterpret_cast<uint8_t *>(alignTo(reinterpret_cast<uint64_t>(global.storage.get()), alignment));
  if (!variable.bytes.empty())
    std::memcpy(global.address, variable.bytes.data(), variable.bytes.size());
  return global;
}

std::unique_ptr<Module> decodeModule(const ModuleSyntax &syntax) {
  auto module = std::make_unique<Module>();
  module->major = syntax.major;
  module->minor = syntax.minor;
  module->target = syntax.target;
  for (const Variable &variable : syntax.variables)
    if (variable.space != StateSpace::Shared)
      module->globals[variable.name] = makeGlobal(variable);
  for (const FunctionSyntax &function : syntax.kernels)
    module->kernels[function.name] = KernelDecoder(function, syntax, *module).run();
  return module;
}

} // namespace lmopt::ptx
