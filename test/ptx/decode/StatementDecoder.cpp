// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modifiers and operands of one statement, checked as they are taken. Described in Decoder.h.
#include "test/ptx/decode/KernelDecoder.h"
#include "test/ptx/machine/Lanes.h"

#include <algorithm>

namespace lmopt::ptx {

static std::vector<std::string> splitOpcode(const std::string &opcode) {
  std::vector<std::string> pieces(1);
  for (char c : opcode)
    if (c == '.')
      pieces.emplace_back();
    else
      pieces.back() += c;
  return pieces;
}

StatementDecoder::StatementDecoder(KernelDecoder &kernel, const Statement &statement)
    : kernel(kernel), statement(statement), pieces(splitOpcode(statement.opcode)) {
  out.line = statement.line;
  if (!statement.guard)
    return;
  if (kernel.declaration(statement.guard->reg).type != ScalarType::Pred)
    refuse("the guard is no predicate");
  out.guard = kernel.slotOf(statement.guard->reg);
  out.guardNegated = statement.guard->negated;
}

void StatementDecoder::refuse(const std::string &why) const {
  throw PtxError("line " + std::to_string(statement.line) + ": " + statement.opcode + ": " + why);
}

bool StatementDecoder::has(const char *modifier) const {
  return std::find(pieces.begin() + static_cast<ptrdiff_t>(nextPiece), pieces.end(), modifier) != pieces.end();
}

bool StatementDecoder::take(const char *modifier) {
  if (nextPiece >= pieces.size() || pieces[nextPiece] != modifier)
    return false;
  ++nextPiece;
  return true;
}

int StatementDecoder::takeOneOf(std::initializer_list<const char *> names) {
  int position = 0;
  for (const char *name : names) {
    if (take(name))
      return position;
    ++position;
  }
  return -1;
}

int StatementDecoder::expectOneOf(std::initializer_list<const char *> names) {
  int position = takeOneOf(names);
  if (position < 0)
    refuse(nextPiece < pieces.size() ? "unknown modifier ." + pieces[nextPiece] : "a modifier is missing");
  return position;
}

ScalarType StatementDecoder::peekType() const {
  return nextPiece < pieces.size() ? parseScalarType(pieces[nextPiece]) : ScalarType::None;
}

ScalarType StatementDecoder::type(std::initializer_list<ScalarType> allowed) {
  ScalarType found = peekType();
  if (found == ScalarType::None || std::find(allowed.begin(), allowed.end(), found) == allowed.end())
    refuse(nextPiece < pieces.size() ? "no support for ." + pieces[nextPiece] + " here" : "a type is missing");
  ++nextPiece;
  return found;
}

std::string StatementDecoder::takeShape() {
  if (nextPiece >= pieces.size())
    refuse("a shape is missing");
  return pieces[nextPiece++];
}

const Operand &StatementDecoder::peekOperand() const {
  if (operandsLeft() == 0)
    refuse("an operand is missing");
  return statement.operands[operandAt];
}

const Operand &StatementDecoder::takeOperand() {
  const Operand &operand = peekOperand();
  ++operandAt;
  return operand;
}

ScalarType StatementDecoder::registerType(const Operand &operand) const {
  return operand.kind == Operand::Kind::Register ? kernel.declaration(operand.index).type : ScalarType::None;
}

uint32_t StatementDecoder::result(ScalarType type) { return resultOf(takeOperand(), type); }
uint32_t StatementDecoder::source(ScalarType type) { return sourceOf(takeOperand(), type); }

/// 8-bit values live in 16-bit registers; what takes 16 or 32 bits takes one slot either way.
static bool isSameSize(ScalarType registerType, ScalarType type) {
  bool isPredicate = registerType == ScalarType::Pred;
  if (isPredicate || type == ScalarType::Pred)
    return isPredicate && type == ScalarType::Pred;
  return sizeOf(registerType) == std::max(sizeOf(type), 2u) || (sizeOf(registerType) == 1 && sizeOf(type) == 1);
}

uint32_t StatementDecoder::resultOf(const Operand &operand, ScalarType type) {
  uint32_t slot = kNoSlot;
  if (operand.kind == Operand::Kind::Sink) {
    slot = scratch(sizeOf(type) == 8);
  } else {
    if (operand.kind != Operand::Kind::Register || operand.negated || !isSameSize(registerType(operand), type))
      refuse("expected a register of type ." + std::string(nameOf(type)) + " for a result");
    slot = kernel.slotOf(operand.index);
    writes.push_back(slot);
  }
  results.push_back(slot);
  return slot;
}

uint32_t StatementDecoder::lateResultOf(const Operand &operand, ScalarType type) {
  if (operand.kind != Operand::Kind::Register)
    refuse("expected registers for results");
  uint32_t slot = resultOf(operand, type);
  writes.pop_back();
  return slot;
}

uint32_t StatementDecoder::sourceOf(const Operand &operand, ScalarType type) {
  if (operand.kind == Operand::Kind::Register && !isSameSize(registerType(operand), type))
    refuse("'" + operand.name + "' is no operand of type ." + nameOf(type));
  bool isWide = false;
  return wideSourceOf(operand, type, isWide);
}

uint32_t StatementDecoder::wideResultOf(const Operand &operand, ScalarType type, bool &isWide) {
  ScalarType found = registerType(operand);
  if (operand.kind == Operand::Kind::Sink) {
    isWide = sizeOf(type) == 8;
    return resultOf(operand, type);
  }
  if (found == ScalarType::None || found == ScalarType::Pred || sizeOf(found) < sizeOf(type))
    refuse("expected a register for ." + std::string(nameOf(type)));
  isWide = sizeOf(found) == 8;
  return resultOf(operand, found);
}

uint32_t StatementDecoder::wideSourceOf(const Operand &operand, ScalarType type, bool &isWide) {
  uint32_t slot = kNoSlot;
  isWide = sizeOf(type) == 8;
  if (operand.negated)
    refuse("only predicates can be negated");
  switch (operand.kind) {
  case Operand::Kind::Register: {
    ScalarType found = registerType(operand);
    if ((found == ScalarType::Pred) != (type == ScalarType::Pred) || sizeOf(found) < sizeOf(type))
      refuse("'" + operand.name + "' is no operand of type ." + nameOf(type));
    isWide = sizeOf(found) == 8;
    slot = kernel.slotOf(operand.index);
    if (!kernel.isImplicit(operand.index))
      reads.push_back(slot);
    break;
  }
  case Operand::Kind::Special:
    slot = kernel.special(operand.name);
    if (slot == kNoSlot || isWide || type == ScalarType::Pred)
      refuse("unknown register '" + operand.name + "'");
    break;
  case Operand::Kind::Integer:
    if (type == ScalarType::F32 || type == ScalarType::F64)
      refuse("an integer where ." + std::string(nameOf(type)) + " is expected");
    if (type == ScalarType::Pred)
      slot = kernel.constant(operand.value ? ~0u : 0u, 4);
    else // small types are kept with zeros above them
      slot = kernel.constant(sizeOf(type) == 2 ? operand.value & 0xffff : operand.value, isWide ? 8 : 4);
    break;
  case Operand::Kind::Float32:
    if (type != ScalarType::F32 && type != ScalarType::B32)
      refuse("an f32 number where ." + std::string(nameOf(type)) + " is expected");
    slot = kernel.constant(operand.value, 4);
    break;
  case Operand::Kind::Float64:
    if (type != ScalarType::F64 && type != ScalarType::B64)
      refuse("an f64 number where ." + std::string(nameOf(type)) + " is expected");
    slot = kernel.constant(operand.value, 8);
    break;
  case Operand::Kind::Symbol: {
    const Place *place = kernel.find(operand.name);
    if (!place || sizeOf(type) < 4 || type == ScalarType::Pred || isFloat(type))
      refuse("unknown name '" + operand.name + "'");
    slot = kernel.constant(place->address + operand.value, isWide ? 8 : 4);
    break;
  }
  default:
    refuse("expected a source of type ." + std::string(nameOf(type)));
  }
  sources.push_back(slot);
  return slot;
}

int64_t StatementDecoder::immediate(int64_t least, int64_t most) {
  const Operand &operand = takeOperand();
  auto value = static_cast<int64_t>(operand.value);
  if (operand.kind != Operand::Kind::Integer || value < least || value > most)
    refuse("expected a number from " + std::to_string(least) + " to " + std::to_string(most));
  return value;
}

AddressOperand StatementDecoder::address(StateSpace space) {
  const Operand &operand = takeOperand();
  if (operand.kind != Operand::Kind::Address)
    refuse("expected an address in brackets");
  AddressOperand result;
  result.offset = operand.value;
  if (operand.elements.empty())
    return result;
  const Operand &base = operand.elements[0];
  if (base.kind == Operand::Kind::Symbol) {
    const Place *place = kernel.find(base.name);
    if (!place || place->space != space)
      refuse("'" + base.name + "' is no variable of the state space that is accessed");
    result.offset += place->address;
    return result;
  }
  ScalarType type = registerType(base);
  if (type == ScalarType::Pred || (sizeOf(type) != 4 && sizeOf(type) != 8) || isFloat(type))
    refuse("an address is a register of 32 or 64 bits or a variable");
  result.isWide = sizeOf(type) == 8;
  if (!result.isWide && (space == StateSpace::Global || space == StateSpace::Generic))
    refuse("a 32-bit address of a space that needs 64 bits");
  result.slot = kernel.slotOf(base.index);
  reads.push_back(result.slot);
  return result;
}

std::vector<Operand> StatementDecoder::vector(size_t count) {
  const Operand &operand = takeOperand();
  std::vector<Operand> elements =
      operand.kind == Operand::Kind::Vector ? operand.elements : std::vector<Operand>{operand};
  if (elements.size() != count)
    refuse("expected " + std::to_string(count) + " elements in braces, found " + std::to_string(elements.size()));
  return elements;
}

static void complement(Warp &warp, const Instruction &instruction, uint32_t) {
  predicateBits(warp, instruction.result[0]) = ~predicateBits(warp, instruction.source[0]);
}

uint32_t StatementDecoder::predicate() { return predicateOf(takeOperand()); }

uint32_t StatementDecoder::predicateOf(const Operand &operand) {
  if (!operand.negated)
    return sourceOf(operand, ScalarType::Pred);
  Operand plain = operand;
  plain.negated = false;
  Instruction invert;
  invert.run = complement;
  invert.line = statement.line;
  invert.source[0] = sourceOf(plain, ScalarType::Pred);
  invert.reads =
      kernel.list({reads.begin() + (reads.empty() ? 0 : static_cast<ptrdiff_t>(reads.size()) - 1), reads.end()});
  sources.pop_back();
  invert.result[0] = scratch(false);
  kernel.emit(invert, "not.pred");
  sources.push_back(invert.result[0]);
  return invert.result[0];
}

uint32_t StatementDecoder::label() {
  const Operand &operand = takeOperand();
  if (operand.kind != Operand::Kind::Label)
    refuse("expected a label");
  return operand.index;
}

uint32_t StatementDecoder::scratch(bool isWide) { return kernel.newSlot(isWide); }

void StatementDecoder::useWgmma() { kernel.kernel.usesWgmma = true; }

void StatementDecoder::finish() {
  if (nextPiece < pieces.size())
    refuse("unknown modifier ." + pieces[nextPiece]);
  if (operandsLeft())
    refuse("too many operands");
  out.results = kernel.list(results);
  out.sources = kernel.list(sources);
  out.reads = kernel.list(reads);
  out.writes = kernel.list(writes);
  kernel.emit(out, statement.opcode);
}

} // namespace lmopt::ptx
