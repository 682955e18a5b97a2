// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mov between registers, from variables' addresses and special registers, and between a register and its parts;
// isspacep. Source: PTX ISA, "mov", "Special Registers". Tested by test/ptx/unit/MemoryTest.cpp and ConvertTest.cpp.
#include "test/ptx/decode/Decoder.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/Launch.h"

namespace lmopt::ptx {

namespace {
struct Same {
  template <typename T>
  static T apply(T a) {
    return a;
  }
};

void runMovePredicate(Warp &warp, const Instruction &i, uint32_t mask) {
  setPredicate(warp, i.result[0], predicateBits(warp, i.source[0]), mask);
}

/// Bits of one part: the parts share the whole equally, the first is the lowest.
uint64_t partOf(uint64_t whole, unsigned part, unsigned bits) {
  return whole >> (part * bits) & (~uint64_t(0) >> (64 - bits));
}

void runUnpack(Warp &warp, const Instruction &i, uint32_t mask) {
  unsigned bits = i.elementBytes * 8u;
  for (unsigned part = 0; part < i.elements; ++part) {
    uint32_t slot = warp.launch.kernel.slots[i.results.first + part];
    forLanes(mask, [&](uint32_t lane) {
      uint64_t whole = i.flag ? wideWords(warp, i.source[0])[lane] : words(warp, i.source[0])[lane];
      words(warp, slot)[lane] = static_cast<uint32_t>(partOf(whole, part, bits));
    });
  }
}

void runPack(Warp &warp, const Instruction &i, uint32_t mask) {
  unsigned bits = i.elementBytes * 8u;
  forLanes(mask, [&](uint32_t lane) {
    uint64_t whole = 0;
    for (unsigned part = 0; part < i.elements; ++part)
      whole |= partOf(words(warp, warp.launch.kernel.slots[i.sources.first + part])[lane], 0, bits) << (part * bits);
    if (i.flag)
      wideWords(warp, i.result[0])[lane] = whole;
    else
      words(warp, i.result[0])[lane] = static_cast<uint32_t>(whole);
  });
}

ScalarType partType(StatementDecoder &s, ScalarType whole, size_t parts) {
  unsigned bytes = parts == 2 || parts == 4 ? sizeOf(whole) / static_cast<unsigned>(parts) : 0;
  s.out.elements = static_cast<uint8_t>(parts);
  s.out.elementBytes = static_cast<uint8_t>(bytes);
  s.out.flag = sizeOf(whole) == 8;
  if (bytes == 4)
    return ScalarType::B32;
  if (bytes == 2)
    return ScalarType::B16;
  if (bytes == 1)
    return ScalarType::B8;
  s.refuse("a register does not have so many parts");
}

void decodeUnpack(StatementDecoder &s, ScalarType type) {
  const Operand &results = s.takeOperand();
  ScalarType part = partType(s, type, results.elements.size());
  for (const Operand &element : results.elements)
    s.resultOf(element, part);
  s.out.source[0] = s.source(type);
  s.out.run = runUnpack;
}

void decodePack(StatementDecoder &s, ScalarType type) {
  s.out.result[0] = s.result(type);
  const Operand &sources = s.takeOperand();
  ScalarType part = partType(s, type, sources.elements.size());
  for (const Operand &element : sources.elements)
    s.sourceOf(element, part);
  s.out.run = runPack;
}

/// Time is what has been executed: one instruction of a warp is a nanosecond.
void runTime(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t now = warp.instructions + warp.launch.progress;
  forLanes(mask, [&](uint32_t lane) {
    if (i.flag)
      wideWords(warp, i.result[0])[lane] = now;
    else
      words(warp, i.result[0])[lane] = static_cast<uint32_t>(now);
  });
}

bool isTime(const Operand &operand) {
  for (const char *name : {"%clock", "%clock64", "%globaltimer", "%globaltimer_lo"})
    if (operand.kind == Operand::Kind::Special && operand.name == name)
      return true;
  return false;
}

void decodeTime(StatementDecoder &s, ScalarType type) {
  const Operand &time = s.takeOperand();
  s.out.flag = sizeOf(type) == 8;
  if (s.out.flag != (time.name == "%clock64" || time.name == "%globaltimer"))
    s.refuse("'" + time.name + "' has another size");
  s.out.run = runTime;
}

void decodeMove(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::Pred, ScalarType::B16, ScalarType::B32, ScalarType::B64, ScalarType::U16,
                            ScalarType::U32, ScalarType::U64, ScalarType::S16, ScalarType::S32, ScalarType::S64,
                            ScalarType::F32, ScalarType::F64, ScalarType::F16, ScalarType::BF16});
  if (s.peekOperand().kind == Operand::Kind::Vector)
    return decodeUnpack(s, type);
  if (s.operandsLeft() == 2 && s.statement.operands[1].kind == Operand::Kind::Vector)
    return decodePack(s, type);
  s.out.result[0] = s.result(type);
  if (isTime(s.peekOperand()))
    return decodeTime(s, type);
  bool isPredicate = type == ScalarType::Pred;
  s.out.isCopy = true;
  s.out.source[0] = isPredicate ? s.predicate() : s.source(type);
  s.out.run = isPredicate         ? runMovePredicate
              : sizeOf(type) == 8 ? map1<Same, uint64_t, uint64_t>
                                  : map1<Same, uint32_t, uint32_t>;
}

void runIsSpace(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t bits = 0;
  forLanes(mask, [&](uint32_t lane) {
    uint64_t window = wideWords(warp, i.source[0])[lane] >> 48 << 48;
    bool isGlobal = window != kSharedWindow && window != kLocalWindow && window != kParameterWindow;
    bits |= static_cast<uint32_t>(i.immediate ? window == static_cast<uint64_t>(i.immediate) : isGlobal) << lane;
  });
  setPredicate(warp, i.result[0], bits, mask);
}

void decodeIsSpace(StatementDecoder &s) {
  constexpr uint64_t kWindows[] = {0, kSharedWindow, kSharedWindow, kLocalWindow, kParameterWindow};
  int which = s.expectOneOf({"global", "shared", "shared::cta", "local", "param"});
  s.out.immediate = static_cast<int64_t>(kWindows[which]);
  s.out.result[0] = s.result(ScalarType::Pred);
  s.out.source[0] = s.source(ScalarType::B64);
  s.out.run = runIsSpace;
}
} // namespace

void addMoves(StatementTable &table) {
  table["mov"] = decodeMove;
  table["isspacep"] = decodeIsSpace;
}

} // namespace lmopt::ptx
