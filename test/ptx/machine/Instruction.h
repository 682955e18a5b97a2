// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel as it is executed: instructions whose operands are places in a warp's register file.
//
// A register is a row of 32 lanes. Rows of 32 bits take one slot (128 bytes), rows of 64 bits two; a predicate takes
// one slot, of which only the first word is used: one bit a lane. Immediates, special registers and addresses of
// variables are slots too, filled when a warp starts, so that handlers see slots only. Made by decode/Decoder.cpp.
#ifndef LMOPT_TEST_PTX_MACHINE_INSTRUCTION_H
#define LMOPT_TEST_PTX_MACHINE_INSTRUCTION_H

#include "test/ptx/syntax/Syntax.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lmopt::ptx {

class Warp;
struct Instruction;

constexpr uint32_t kLanes = 32;
constexpr uint32_t kAllLanes = ~0u;
constexpr uint32_t kNoSlot = ~0u;
using Handler = void (*)(Warp &warp, const Instruction &instruction, uint32_t mask);

/// What an instruction does to the program counter. The rest is the handler's.
enum class Flow : uint8_t { Next, Branch, IndexedBranch, Exit, Barrier };

/// Whom lanes that come to an instruction wait for: nobody; the lanes of their warp that it is done with; all of them.
enum class Together : uint8_t { No, Exchange, Barrier };

/// Semantics of a memory access, from weak to the orders that the memory model gives.
enum class Ordering : uint8_t { Weak, ReadOnly, Relaxed, Acquire, Release, AcquireRelease };

/// A part of Kernel::slots.
struct SlotList {
  uint32_t first = 0, count = 0;
};

struct AddressOperand {
  uint32_t slot = kNoSlot; // kNoSlot: `offset` is the address
  bool isWide = false;     // of 64 bits
  uint64_t offset = 0;
};

struct Instruction {
  Handler run = nullptr;
  Flow flow = Flow::Next;
  Together together = Together::No;
  bool guardNegated = false;
  uint8_t option = 0;   // what the handler's family says it is
  uint8_t elements = 1; // of a vector access
  uint8_t elementBytes = 0;
  uint8_t wideElements = 0; // bit e: element e lies in a 64-bit register
  ScalarType type = ScalarType::None;
  StateSpace space = StateSpace::Generic;
  Ordering ordering = Ordering::Weak;
  bool isBlockScope = false; // .cta: orders nothing between blocks
  bool flag = false;         // e.g. .trans
  bool isCopy = false;       // of source[0] to result[0]
  uint32_t guard = kNoSlot;
  uint32_t result[2] = {kNoSlot, kNoSlot};
  uint32_t source[4] = {kNoSlot, kNoSlot, kNoSlot, kNoSlot};
  AddressOperand address, address2; // the second: of copies
  int64_t immediate = 0;
  uint32_t target = 0; // of a branch
  SlotList results;    // all of them
  SlotList targets;    // of an indexed branch: instructions
  SlotList sources;    // all but addresses
  SlotList reads;      // registers whose lanes must have been written
  SlotList writes;     // registers that count as written afterwards
  uint32_t opcode = 0; // in Kernel::opcodes, for counters
  uint32_t line = 0;
};

struct Parameter {
  std::string name;
  uint32_t offset = 0, size = 0;
};

/// A slot with one value in every lane, set when a register file is made.
struct ConstantSlot {
  uint32_t slot = 0;
  bool isWide = false;
  uint64_t value = 0;
};

enum class SpecialRegister : uint8_t {
  ThreadX,
  ThreadY,
  ThreadZ,
  ThreadsX,
  ThreadsY,
  ThreadsZ,
  BlockX,
  BlockY,
  BlockZ,
  BlocksX,
  BlocksY,
  BlocksZ,
  Lane,
  WarpInBlock,
  WarpsInBlock,
  Multiprocessor,
  Multiprocessors,
  GridId,
  DynamicShared,
  TotalShared,
  LanesEqual,
  LanesLess,
  LanesLessEqual,
  LanesGreater,
  LanesGreaterEqual,
  ClusterBlocks, // clusters are of one block here: size 1, rank 0
  ClusterRank,
};

struct SpecialSlot {
  uint32_t slot = 0;
  SpecialRegister which = SpecialRegister::Lane;
};

struct Kernel {
  std::string name;
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  uint32_t sharedBytes = 0; // without dynamic
  uint32_t localBytes = 0;  // a thread
  uint32_t slotCount = 0;
  std::array<uint32_t, 3> requiredThreads{0, 0, 0}, mostThreads{0, 0, 0};
  bool usesWgmma = false;
  std::vector<Instruction> code; // ends with an Exit
  std::vector<uint32_t> slots;   // what SlotList speaks of
  std::vector<ConstantSlot> constants;
  std::vector<SpecialSlot> specials;
  std::vector<std::string> opcodes;
  std::map<uint32_t, std::string> registerNames; // by slot, for messages
};

/// Storage of a .global or .const variable: lives as long as the module, so its address is a constant of the code.
struct GlobalVariable {
  std::string name;
  bool isConstant = false;
  uint64_t size = 0;
  uint8_t *address = nullptr;
  std::unique_ptr<uint8_t[]> storage;
};

struct Module {
  unsigned major = 0, minor = 0; // of PTX
  std::string target;
  std::map<std::string, GlobalVariable> globals;
  std::map<std::string, Kernel> kernels;
};

/// Windows of the generic address space. Device memory is host memory, far below them.
constexpr uint64_t kSharedWindow = uint64_t(0xfffd) << 48;
constexpr uint64_t kLocalWindow = uint64_t(0xfffe) << 48;
constexpr uint64_t kParameterWindow = uint64_t(0xffff) << 48;
/// Shared memory does not begin at 0: a lost base address is out of bounds.
constexpr uint64_t kSharedStart = 1024;

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_INSTRUCTION_H
