// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// setp, set, selp: comparisons of every type, ordered and unordered. Source: PTX ISA, "Comparison and Selection
// Instructions". Tested by test/ptx/unit/CompareTest.cpp and the oracles.
#include "test/ptx/decode/TypeSwitch.h"

namespace lmopt::ptx {

namespace {
enum class Comparison : uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, BothNumbers, AnyNan };

/// kUnordered: true if one of the operands is NaN.
template <Comparison kWhich, bool kUnordered>
struct Compare {
  template <typename T>
  static bool apply(T a, T b) {
    bool unordered = isNan(a) || isNan(b);
    if constexpr (kWhich == Comparison::BothNumbers)
      return !unordered;
    else if constexpr (kWhich == Comparison::AnyNan)
      return unordered;
    else
      return unordered ? kUnordered : compare(a, b);
  }
  template <typename T>
  static bool compare(T a, T b) {
    switch (kWhich) {
    case Comparison::Equal:
      return a == b;
    case Comparison::NotEqual:
      return a != b;
    case Comparison::Less:
      return a < b;
    case Comparison::LessEqual:
      return a <= b;
    case Comparison::Greater:
      return a > b;
    default:
      return a >= b;
    }
  }
};

template <typename T>
T asOperand(Storage<T> bits, bool flush) {
  if constexpr (std::is_same_v<T, float>)
    return flush ? flushed(load<float>(bits)) : load<float>(bits);
  else
    return load<T>(bits);
}

/// A type of 16 bits that compares as the f32 of its value.
template <typename Format>
struct Narrow {
  uint16_t bits;
};
template <typename T>
struct OperandOf {
  using Bits = Storage<T>;
  static T get(Bits bits, bool flush) { return asOperand<T>(bits, flush); }
};
template <typename Format>
struct OperandOf<Narrow<Format>> {
  using Bits = uint32_t;
  static float get(Bits bits, bool) { return Format::widen(static_cast<uint16_t>(bits)); }
};

template <typename T, typename Op>
uint32_t compareLanes(Warp &warp, const Instruction &i) {
  using Bits = typename OperandOf<T>::Bits;
  const Bits *a = lanesOf<std::conditional_t<sizeof(Bits) == 8, uint64_t, uint32_t>>(warp, i.source[0]);
  const Bits *b = lanesOf<std::conditional_t<sizeof(Bits) == 8, uint64_t, uint32_t>>(warp, i.source[1]);
  uint32_t bits = 0;
  for (uint32_t l = 0; l < kLanes; ++l)
    bits |= static_cast<uint32_t>(Op::apply(OperandOf<T>::get(a[l], i.flag), OperandOf<T>::get(b[l], i.flag))) << l;
  return bits;
}

enum Combination : uint8_t { kPlain, kAnd, kOr, kXor };

uint32_t combine(uint8_t how, uint32_t bits, uint32_t other) {
  return how == kAnd ? bits & other : how == kOr ? bits | other : how == kXor ? bits ^ other : bits;
}

/// p = (a cmp b) op c; q = !(a cmp b) op c
template <typename T, typename Op>
void runSetPredicate(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t bits = compareLanes<T, Op>(warp, i);
  uint32_t other = i.source[2] == kNoSlot ? 0 : predicateBits(warp, i.source[2]);
  setPredicate(warp, i.result[0], combine(i.option, bits, other), mask);
  if (i.result[1] != kNoSlot)
    setPredicate(warp, i.result[1], combine(i.option, ~bits, other), mask);
}

template <typename T, typename Op>
void runSet(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t bits = compareLanes<T, Op>(warp, i);
  uint32_t yes = i.elements == 1 ? bitsAs<uint32_t>(1.0f) : ~0u;
  forLanes(mask, [&](uint32_t lane) { words(warp, i.result[0])[lane] = isActive(bits, lane) ? yes : 0; });
}

template <typename T, bool kIsSet, Comparison kWhich, bool kUnordered = false>
constexpr Handler kCompare =
    kIsSet ? runSet<T, Compare<kWhich, kUnordered>> : runSetPredicate<T, Compare<kWhich, kUnordered>>;

template <typename T, bool kIsSet>
Handler comparisonHandler(const std::string &name) {
  using C = Comparison;
  static const std::map<std::string, Handler, std::less<>> kOrdered = {
      {"eq", kCompare<T, kIsSet, C::Equal>},   {"ne", kCompare<T, kIsSet, C::NotEqual>},
      {"lt", kCompare<T, kIsSet, C::Less>},    {"le", kCompare<T, kIsSet, C::LessEqual>},
      {"gt", kCompare<T, kIsSet, C::Greater>}, {"ge", kCompare<T, kIsSet, C::GreaterEqual>},
  };
  auto found = kOrdered.find(name);
  return found == kOrdered.end() ? nullptr : found->second;
}

/// lo, ls, hi, hs say that integers are unsigned.
template <typename T, bool kIsSet>
Handler unsignedHandler(const std::string &name) {
  std::string plain = name == "lo" ? "lt" : name == "ls" ? "le" : name == "hi" ? "gt" : name == "hs" ? "ge" : name;
  return comparisonHandler<T, kIsSet>(plain);
}

template <typename T, bool kIsSet>
Handler floatHandler(const std::string &name) {
  using C = Comparison;
  static const std::map<std::string, Handler, std::less<>> kUnordered = {
      {"equ", kCompare<T, kIsSet, C::Equal, true>},   {"neu", kCompare<T, kIsSet, C::NotEqual, true>},
      {"ltu", kCompare<T, kIsSet, C::Less, true>},    {"leu", kCompare<T, kIsSet, C::LessEqual, true>},
      {"gtu", kCompare<T, kIsSet, C::Greater, true>}, {"geu", kCompare<T, kIsSet, C::GreaterEqual, true>},
      {"num", kCompare<T, kIsSet, C::BothNumbers>},   {"nan", kCompare<T, kIsSet, C::AnyNan>},
  };
  auto found = kUnordered.find(name);
  return found == kUnordered.end() ? comparisonHandler<T, kIsSet>(name) : found->second;
}

/// Untyped bits are equal or not.
template <typename T, bool kIsSet>
Handler bitsHandler(const std::string &name) {
  return name == "eq" || name == "ne" ? comparisonHandler<T, kIsSet>(name) : nullptr;
}

template <bool kIsSet>
Handler handlerFor(ScalarType type, const std::string &name) {
  switch (type) {
  case ScalarType::B16:
    return bitsHandler<uint16_t, kIsSet>(name);
  case ScalarType::B32:
    return bitsHandler<uint32_t, kIsSet>(name);
  case ScalarType::B64:
    return bitsHandler<uint64_t, kIsSet>(name);
  case ScalarType::U16:
    return unsignedHandler<uint16_t, kIsSet>(name);
  case ScalarType::U32:
    return unsignedHandler<uint32_t, kIsSet>(name);
  case ScalarType::U64:
    return unsignedHandler<uint64_t, kIsSet>(name);
  case ScalarType::S16:
    return comparisonHandler<int16_t, kIsSet>(name);
  case ScalarType::S32:
    return comparisonHandler<int32_t, kIsSet>(name);
  case ScalarType::S64:
    return comparisonHandler<int64_t, kIsSet>(name);
  case ScalarType::F16:
    return floatHandler<Narrow<HalfFormat>, kIsSet>(name);
  case ScalarType::BF16:
    return floatHandler<Narrow<BfloatFormat>, kIsSet>(name);
  case ScalarType::F32:
    return floatHandler<float, kIsSet>(name);
  case ScalarType::F64:
    return floatHandler<double, kIsSet>(name);
  default:
    return nullptr;
  }
}

constexpr std::initializer_list<ScalarType> kCompared = {
    ScalarType::B16,  ScalarType::B32, ScalarType::B64, ScalarType::U16, ScalarType::U32,
    ScalarType::U64,  ScalarType::S16, ScalarType::S32, ScalarType::S64, ScalarType::F16,
    ScalarType::BF16, ScalarType::F32, ScalarType::F64};

void requireHandler(StatementDecoder &s) {
  if (!s.out.run)
    s.refuse("no such comparison for this type");
}

void decodeSetPredicate(StatementDecoder &s) {
  std::string comparison = s.takeShape();
  s.out.option = static_cast<uint8_t>(s.takeOneOf({"and", "or", "xor"}) + 1);
  s.out.flag = s.take("ftz");
  ScalarType type = s.type(kCompared);
  s.out.run = handlerFor<false>(type, comparison);
  requireHandler(s);
  const Operand &results = s.takeOperand();
  bool isPair = results.kind == Operand::Kind::Pair;
  s.out.result[0] = s.resultOf(isPair ? results.elements[0] : results, ScalarType::Pred);
  if (isPair)
    s.out.result[1] = s.resultOf(results.elements[1], ScalarType::Pred);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
  if (s.out.option != kPlain)
    s.out.source[2] = s.predicate();
}

void decodeSet(StatementDecoder &s) {
  std::string comparison = s.takeShape();
  s.out.flag = s.take("ftz");
  ScalarType result = s.type({ScalarType::U32, ScalarType::S32, ScalarType::F32});
  ScalarType type = s.type(kCompared);
  s.out.elements = result == ScalarType::F32 ? 1 : 2;
  s.out.run = handlerFor<true>(type, comparison);
  requireHandler(s);
  s.out.result[0] = s.result(result);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
}

template <typename T>
void runSelect(Warp &warp, const Instruction &i, uint32_t mask) {
  const Storage<T> *a = lanesOf<T>(warp, i.source[0]), *b = lanesOf<T>(warp, i.source[1]);
  uint32_t choice = predicateBits(warp, i.source[2]);
  Storage<T> results[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l)
    results[l] = choice >> l & 1 ? a[l] : b[l];
  blend<T>(lanesOf<T>(warp, i.result[0]), results, mask);
}

void decodeSelect(StatementDecoder &s) {
  ScalarType type =
      s.type({ScalarType::B16, ScalarType::B32, ScalarType::B64, ScalarType::U16, ScalarType::U32, ScalarType::U64,
              ScalarType::S16, ScalarType::S32, ScalarType::S64, ScalarType::F32, ScalarType::F64});
  s.out.run = sizeOf(type) == 8 ? runSelect<uint64_t> : runSelect<uint32_t>;
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
  s.out.source[2] = s.predicate();
}
} // namespace

void addComparisons(StatementTable &table) {
  table["setp"] = decodeSetPredicate;
  table["set"] = decodeSet;
  table["selp"] = decodeSelect;
}

} // namespace lmopt::ptx
