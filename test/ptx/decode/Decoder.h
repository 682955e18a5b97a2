// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statements -> instructions. Each family of opcodes has a table of its own (decode/*.cpp): a decoder that takes the
// modifiers it knows, in order, asks for operands of the types it knows, and chooses a handler. What is left over is
// refused with the statement's line: nothing is guessed, nothing falls through to another type.
//
// In: ModuleSyntax. Out: Module. Source: PTX ISA, chapter "Instruction Set". Tested by test/ptx/unit/ParserTest.cpp
// (what is refused), the tests of each family (what it computes) and the oracles, fuzzed by fuzz-ptx.
#ifndef LMOPT_TEST_PTX_DECODE_DECODER_H
#define LMOPT_TEST_PTX_DECODE_DECODER_H

#include "test/ptx/machine/Instruction.h"

#include <initializer_list>

namespace lmopt::ptx {

/// Throws PtxError.
std::unique_ptr<Module> decodeModule(const ModuleSyntax &syntax);

class KernelDecoder;

/// One statement under decoding.
class StatementDecoder {
public:
  StatementDecoder(KernelDecoder &kernel, const Statement &statement);

  // Modifiers, in the order of the text.
  const std::string &opcode() const { return pieces[0]; }
  bool has(const char *modifier) const; // anywhere in what is left
  bool take(const char *modifier);      // if it is the next one
  /// The next modifier if it is among `names`: its position; -1 if it is another.
  int takeOneOf(std::initializer_list<const char *> names);
  int expectOneOf(std::initializer_list<const char *> names);
  /// The next modifier must be one of these types.
  ScalarType type(std::initializer_list<ScalarType> allowed);
  ScalarType peekType() const;
  /// "m16n8k32" and the like; empty at the end.
  std::string takeShape();
  [[noreturn]] void refuse(const std::string &why) const;

  // Operands, in the order of the text.
  size_t operandsLeft() const { return statement.operands.size() - operandAt; }
  const Operand &peekOperand() const;
  uint32_t result(ScalarType type); // a register of the type's size
  uint32_t source(ScalarType type); // a register, immediate, special register or variable's address
  uint32_t resultOf(const Operand &operand, ScalarType type);
  uint32_t sourceOf(const Operand &operand, ScalarType type);
  /// A result that arrives later: the handler says when it counts as written.
  uint32_t lateResultOf(const Operand &operand, ScalarType type);
  /// Registers that may be wider than the type (ld, st, cvt).
  uint32_t wideResultOf(const Operand &operand, ScalarType type, bool &isWide);
  uint32_t wideSourceOf(const Operand &operand, ScalarType type, bool &isWide);
  const Operand &takeOperand();
  int64_t immediate(int64_t least, int64_t most);
  /// "[...]" in the space that is named.
  AddressOperand address(StateSpace space);
  /// "{...}" of exactly so many; a single operand counts as a vector of one.
  std::vector<Operand> vector(size_t count);
  /// A predicate source, which may be negated: then a fresh slot takes its complement first.
  uint32_t predicate();
  uint32_t predicateOf(const Operand &operand);
  uint32_t label();
  /// None for what is no register.
  ScalarType registerType(const Operand &operand) const;
  uint32_t scratch(bool isWide);
  void useWgmma(); // the kernel keeps account of when registers are written

  KernelDecoder &kernel;
  const Statement &statement;
  Instruction out;

private:
  friend class KernelDecoder;
  void finish();

  std::vector<std::string> pieces;
  std::vector<bool> taken;
  size_t nextPiece = 1;
  size_t operandAt = 0;
  std::vector<uint32_t> results, sources, reads, writes;
};

using StatementTable = std::map<std::string, void (*)(StatementDecoder &), std::less<>>;
void addArithmetic(StatementTable &table);
void addFloatFunctions(StatementTable &table);
void addBits(StatementTable &table);
void addComparisons(StatementTable &table);
void addConversions(StatementTable &table);
void addMoves(StatementTable &table);
void addMemory(StatementTable &table);
void addAtomics(StatementTable &table);
void addControl(StatementTable &table);
void addWarp(StatementTable &table);
void addMatrix(StatementTable &table);
void addAsync(StatementTable &table);
void addMbarrier(StatementTable &table);
void addWgmma(StatementTable &table);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_DECODE_DECODER_H
