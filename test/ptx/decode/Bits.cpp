// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// and, or, xor, not, cnot, shl, shr, shf, bfe, bfi, prmt, lop3, popc, clz, brev, bfind.
// Source: PTX ISA, "Logic and Shift Instructions", "Integer Arithmetic Instructions". Tested by
// test/ptx/unit/BitsTest.cpp and the oracles.
#include "test/ptx/decode/TypeSwitch.h"

namespace lmopt::ptx {

namespace {
struct And {
  template <typename T>
  static T apply(T a, T b) {
    return a & b;
  }
};
struct Or {
  template <typename T>
  static T apply(T a, T b) {
    return a | b;
  }
};
struct Xor {
  template <typename T>
  static T apply(T a, T b) {
    return a ^ b;
  }
};
struct Not {
  template <typename T>
  static T apply(T a) {
    return static_cast<T>(~a);
  }
};

/// Amounts beyond the width give zero, or the sign.
template <typename T>
struct ShiftLeft {
  static T apply(T a, uint32_t b) { return b >= sizeof(T) * 8 ? T(0) : static_cast<T>(static_cast<uint64_t>(a) << b); }
};
template <typename T>
struct ShiftRight {
  static T apply(T a, uint32_t b) {
    constexpr uint32_t kMost = sizeof(T) * 8 - 1;
    if (!std::is_signed_v<T> && b > kMost)
      return 0;
    return static_cast<T>(a >> std::min(b, kMost));
  }
};

/// 64 bits b:a, moved by c (modulo 32, or at most 32), of which the upper or lower half is taken.
template <bool kLeft, bool kWrap>
struct FunnelShift {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t both = uint64_t(b) << 32 | a;
    c = kWrap ? c & 31 : std::min(c, 32u);
    return kLeft ? static_cast<uint32_t>((c == 32 ? uint64_t(a) << 32 : both << c) >> 32)
                 : static_cast<uint32_t>(both >> c);
  }
};

/// Only the lower 8 bits of position and length count. Beyond the top stand copies of the field's sign, or zeros.
template <typename T>
struct ExtractField {
  static T apply(T a, uint32_t position, uint32_t length) {
    constexpr uint32_t kBits = sizeof(T) * 8;
    position &= 255;
    length &= 255;
    if (length == 0)
      return 0;
    using U = std::make_unsigned_t<T>;
    uint32_t signAt = std::min(position + length - 1, kBits - 1);
    bool sign = std::is_signed_v<T> && (static_cast<U>(a) >> signAt & 1);
    U field = position >= kBits ? U(0) : static_cast<U>(static_cast<U>(a) >> position);
    uint32_t valid = position >= kBits ? 0 : std::min(length, kBits - position);
    U mask = valid == kBits ? ~U(0) : static_cast<U>((U(1) << valid) - 1);
    return static_cast<T>((field & mask) | (sign ? ~mask : U(0)));
  }
};

template <typename T>
struct InsertField {
  static T apply(T a, T b, uint32_t position, uint32_t length) {
    position &= 255;
    length &= 255;
    constexpr uint32_t kBits = sizeof(T) * 8;
    if (length == 0 || position >= kBits)
      return b;
    T mask = length >= kBits ? ~T(0) : static_cast<T>((T(1) << length) - 1);
    mask = static_cast<T>(mask << position);
    return static_cast<T>((b & ~mask) | (static_cast<T>(a << position) & mask));
  }
};

/// Each of four selectors names one of eight bytes; its bit 3 asks for copies of that byte's sign.
struct Permute {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t selectors) {
    uint64_t both = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (unsigned i = 0; i < 4; ++i) {
      uint32_t selector = selectors >> (4 * i);
      auto byte = static_cast<uint32_t>(both >> (8 * (selector & 7))) & 255;
      if (selector & 8)
        byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * i);
    }
    return result;
  }
};

template <typename T>
struct CountOnes {
  static uint32_t apply(T a) { return static_cast<uint32_t>(__builtin_popcountll(a)); }
};
template <typename T>
struct LeadingZeros {
  static uint32_t apply(T a) {
    return a ? static_cast<uint32_t>(__builtin_clzll(a)) - (64 - sizeof(T) * 8) : sizeof(T) * 8;
  }
};
template <typename T>
struct Reverse {
  static T apply(T a) {
    T result = 0;
    for (unsigned i = 0; i < sizeof(T) * 8; ++i, a >>= 1)
      result = static_cast<T>(result << 1 | (a & 1));
    return result;
  }
};
/// The position of the highest bit that is not the sign, or all ones.
template <typename T>
struct FindHighest {
  static uint32_t apply(T a) {
    auto bits = static_cast<std::make_unsigned_t<T>>(a < 0 ? ~a : a);
    return bits ? 63 - static_cast<uint32_t>(__builtin_clzll(bits)) : ~0u;
  }
};
struct IsZero {
  template <typename T>
  static T apply(T a) {
    return a == 0;
  }
};

template <typename Op>
void runPredicates(Warp &warp, const Instruction &i, uint32_t mask) {
  setPredicate(warp, i.result[0],
               Op::template apply<uint32_t>(predicateBits(warp, i.source[0]), predicateBits(warp, i.source[1])), mask);
}

template <typename Op>
void decodeLogic(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::Pred, ScalarType::B16, ScalarType::B32, ScalarType::B64});
  bool isPredicate = type == ScalarType::Pred;
  s.out.run = isPredicate ? runPredicates<Op> : integerBinary<Op>(type);
  s.out.result[0] = s.result(type);
  for (unsigned i = 0; i < 2; ++i)
    s.out.source[i] = isPredicate ? s.predicate() : s.source(type);
}

void runNotPredicate(Warp &warp, const Instruction &i, uint32_t mask) {
  setPredicate(warp, i.result[0], ~predicateBits(warp, i.source[0]), mask);
}

template <typename Op>
void decodeUnary(StatementDecoder &s) {
  bool isNot = std::is_same_v<Op, Not>;
  ScalarType type = isNot ? s.type({ScalarType::Pred, ScalarType::B16, ScalarType::B32, ScalarType::B64})
                          : s.type({ScalarType::B16, ScalarType::B32, ScalarType::B64});
  s.out.run = type == ScalarType::Pred ? runNotPredicate : integerUnary<Op>(type);
  s.out.result[0] = s.result(type);
  s.out.source[0] = type == ScalarType::Pred ? s.predicate() : s.source(type);
}

Handler leftShift(ScalarType type) {
  switch (type) {
  case ScalarType::B16:
    return map2<ShiftLeft<uint16_t>, uint16_t, uint16_t, uint32_t>;
  case ScalarType::B32:
    return map2<ShiftLeft<uint32_t>, uint32_t, uint32_t, uint32_t>;
  case ScalarType::B64:
    return map2<ShiftLeft<uint64_t>, uint64_t, uint64_t, uint32_t>;
  default:
    return nullptr;
  }
}

Handler rightShift(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map2<ShiftRight<int16_t>, int16_t, int16_t, uint32_t>;
  case ScalarType::U16:
  case ScalarType::B16:
    return map2<ShiftRight<uint16_t>, uint16_t, uint16_t, uint32_t>;
  case ScalarType::S32:
    return map2<ShiftRight<int32_t>, int32_t, int32_t, uint32_t>;
  case ScalarType::U32:
  case ScalarType::B32:
    return map2<ShiftRight<uint32_t>, uint32_t, uint32_t, uint32_t>;
  case ScalarType::S64:
    return map2<ShiftRight<int64_t>, int64_t, int64_t, uint32_t>;
  case ScalarType::U64:
  case ScalarType::B64:
    return map2<ShiftRight<uint64_t>, uint64_t, uint64_t, uint32_t>;
  default:
    return nullptr;
  }
}

template <bool kLeft>
void decodeShift(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::B16, ScalarType::B32, ScalarType::B64, ScalarType::U16, ScalarType::U32,
                            ScalarType::U64, ScalarType::S16, ScalarType::S32, ScalarType::S64});
  s.out.run = kLeft ? leftShift(type) : rightShift(type);
  if (!s.out.run)
    s.refuse("shl is for untyped bits");
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(ScalarType::U32);
}

void takeTernary(StatementDecoder &s, ScalarType type, Handler run) {
  s.out.run = run;
  s.out.result[0] = s.result(type);
  for (unsigned i = 0; i < 3; ++i)
    s.out.source[i] = s.source(i == 0 ? type : ScalarType::B32);
}

void decodeFunnel(StatementDecoder &s) {
  bool isLeft = s.expectOneOf({"l", "r"}) == 0;
  bool wraps = s.expectOneOf({"clamp", "wrap"}) == 1;
  s.type({ScalarType::B32});
  using U = uint32_t;
  takeTernary(s, ScalarType::B32,
              isLeft
                  ? (wraps ? map3<FunnelShift<true, true>, U, U, U, U> : map3<FunnelShift<true, false>, U, U, U, U>)
                  : (wraps ? map3<FunnelShift<false, true>, U, U, U, U> : map3<FunnelShift<false, false>, U, U, U, U>));
}

void decodeExtract(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::U32, ScalarType::S32, ScalarType::U64, ScalarType::S64});
  Handler run = type == ScalarType::U32   ? map3<ExtractField<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t>
                : type == ScalarType::S32 ? map3<ExtractField<int32_t>, int32_t, int32_t, uint32_t, uint32_t>
                : type == ScalarType::U64 ? map3<ExtractField<uint64_t>, uint64_t, uint64_t, uint32_t, uint32_t>
                                          : map3<ExtractField<int64_t>, int64_t, int64_t, uint32_t, uint32_t>;
  takeTernary(s, type, run);
}

void decodeInsert(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::B32, ScalarType::B64});
  s.out.run = type == ScalarType::B32 ? map4<InsertField<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>
                                      : map4<InsertField<uint64_t>, uint64_t, uint64_t, uint64_t, uint32_t, uint32_t>;
  s.out.result[0] = s.result(type);
  for (unsigned i = 0; i < 4; ++i)
    s.out.source[i] = s.source(i < 2 ? type : ScalarType::B32);
}

void decodePermute(StatementDecoder &s) {
  s.type({ScalarType::B32});
  takeTernary(s, ScalarType::B32, map3<Permute, uint32_t, uint32_t, uint32_t, uint32_t>);
}

/// Bit 4a + 2b + c of the table is the result for the bits a, b, c.
void runLookup(Warp &warp, const Instruction &i, uint32_t mask) {
  const uint32_t *a = words(warp, i.source[0]), *b = words(warp, i.source[1]), *c = words(warp, i.source[2]);
  uint32_t results[kLanes] = {};
  for (uint32_t entry = 0; entry < 8; ++entry)
    if (i.immediate >> entry & 1)
      for (uint32_t l = 0; l < kLanes; ++l)
        results[l] |= (entry & 4 ? a[l] : ~a[l]) & (entry & 2 ? b[l] : ~b[l]) & (entry & 1 ? c[l] : ~c[l]);
  blend<uint32_t>(words(warp, i.result[0]), results, mask);
}

void decodeLookup(StatementDecoder &s) {
  s.type({ScalarType::B32});
  takeTernary(s, ScalarType::B32, runLookup);
  s.out.immediate = s.immediate(0, 255);
}

template <template <typename> class Op>
void decodeCount(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::B32, ScalarType::B64});
  s.out.run = type == ScalarType::B32 ? map1<Op<uint32_t>, uint32_t, uint32_t> : map1<Op<uint64_t>, uint32_t, uint64_t>;
  s.out.result[0] = s.result(ScalarType::U32);
  s.out.source[0] = s.source(type);
}

void decodeReverse(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::B32, ScalarType::B64});
  s.out.run = type == ScalarType::B32 ? map1<Reverse<uint32_t>, uint32_t, uint32_t>
                                      : map1<Reverse<uint64_t>, uint64_t, uint64_t>;
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
}

void decodeFindHighest(StatementDecoder &s) {
  ScalarType type = s.type({ScalarType::U32, ScalarType::S32, ScalarType::U64, ScalarType::S64});
  s.out.run = type == ScalarType::U32   ? map1<FindHighest<uint32_t>, uint32_t, uint32_t>
              : type == ScalarType::S32 ? map1<FindHighest<int32_t>, uint32_t, int32_t>
              : type == ScalarType::U64 ? map1<FindHighest<uint64_t>, uint32_t, uint64_t>
                                        : map1<FindHighest<int64_t>, uint32_t, int64_t>;
  s.out.result[0] = s.result(ScalarType::U32);
  s.out.source[0] = s.source(type);
}
} // namespace

void addBits(StatementTable &table) {
  table["and"] = decodeLogic<And>;
  table["or"] = decodeLogic<Or>;
  table["xor"] = decodeLogic<Xor>;
  table["not"] = decodeUnary<Not>;
  table["cnot"] = decodeUnary<IsZero>;
  table["shl"] = decodeShift<true>;
  table["shr"] = decodeShift<false>;
  table["shf"] = decodeFunnel;
  table["bfe"] = decodeExtract;
  table["bfi"] = decodeInsert;
  table["prmt"] = decodePermute;
  table["lop3"] = decodeLookup;
  table["popc"] = decodeCount<CountOnes>;
  table["clz"] = decodeCount<LeadingZeros>;
  table["brev"] = decodeReverse;
  table["bfind"] = decodeFindHighest;
}

} // namespace lmopt::ptx
