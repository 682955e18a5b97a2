// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What statements of one kernel share while they are decoded: slots, constants, variables. Described in Decoder.h.
#ifndef LMOPT_TEST_PTX_DECODE_KERNELDECODER_H
#define LMOPT_TEST_PTX_DECODE_KERNELDECODER_H

#include "test/ptx/decode/Decoder.h"

namespace lmopt::ptx {

/// Where a name of the module or of the kernel lies.
struct Place {
  StateSpace space = StateSpace::Global;
  uint64_t address = 0; // as its own space counts
};

class KernelDecoder {
public:
  KernelDecoder(const FunctionSyntax &syntax, const ModuleSyntax &module, const Module &storage);
  Kernel run();

  /// `bytes`: 4 or 8.
  uint32_t constant(uint64_t value, unsigned bytes);
  /// The slot of a special register; kNoSlot for an unknown one.
  uint32_t special(const std::string &name);
  const Place *find(const std::string &name) const;
  uint32_t newSlot(bool isWide);
  const RegisterDeclaration &declaration(uint32_t index) const { return syntax.registers[index]; }
  uint32_t slotOf(uint32_t index) const { return registerSlots[index]; }
  SlotList list(const std::vector<uint32_t> &slots);
  void emit(const Instruction &instruction, const std::string &opcode);
  /// The labels of a .branchtargets; empty if this label names none.
  std::vector<uint32_t> branchTable(uint32_t label) const;
  bool isImplicit(uint32_t index) const { return syntax.registers[index].implicitlyDefined; }

  Kernel kernel;

private:
  void placeParameters();
  void placeVariables(const ModuleSyntax &module, const Module &storage);
  void placeRegisters();
  void resolveBranches();
  void decode(const Statement &statement);

  const FunctionSyntax &syntax;
  std::map<std::string, Place> places;
  std::vector<uint32_t> registerSlots;
  std::vector<uint32_t> statementStarts; // instruction that each statement begins with
  std::map<std::pair<uint64_t, unsigned>, uint32_t> constantSlots;
  std::map<std::string, uint32_t> specialSlots;
  std::map<std::string, uint32_t> opcodeNumbers;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_DECODE_KERNELDECODER_H
