// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers as rows of 32 values, and functions applied to every lane of them.
//
// Values of up to 32 bits are kept in 32, with zeros above; a result goes into the lanes of the mask only. All lanes
// are computed, which is cheaper than asking, so a function here must accept any bits.
#ifndef LMOPT_TEST_PTX_MACHINE_LANES_H
#define LMOPT_TEST_PTX_MACHINE_LANES_H

#include "test/ptx/machine/Warp.h"

#include <cstring>
#include <type_traits>

namespace lmopt::ptx {

/// A value's bits as another type's.
template <typename To, typename From>
inline To bitsAs(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <typename T>
using Storage = std::conditional_t<(sizeof(T) <= 4), uint32_t, uint64_t>;

template <typename T>
inline T load(Storage<T> bits) {
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8)
    return bitsAs<T>(bits);
  else
    return static_cast<T>(bits);
}

template <typename T>
inline Storage<T> store(T value) {
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8)
    return bitsAs<Storage<T>>(value);
  else
    return static_cast<std::make_unsigned_t<T>>(value);
}

template <typename T>
inline Storage<T> *lanesOf(Warp &warp, uint32_t slot) {
  return reinterpret_cast<Storage<T> *>(warp.registers + size_t(slot) * kLanes);
}
inline uint32_t *words(Warp &warp, uint32_t slot) { return lanesOf<uint32_t>(warp, slot); }
inline uint64_t *wideWords(Warp &warp, uint32_t slot) { return lanesOf<uint64_t>(warp, slot); }

/// A predicate: bit l is lane l.
inline uint32_t &predicateBits(Warp &warp, uint32_t slot) { return *words(warp, slot); }

inline bool isActive(uint32_t mask, uint32_t lane) { return mask >> lane & 1; }

/// Calls `visit(lane)` for each lane of the mask.
template <typename Visit>
inline void forLanes(uint32_t mask, Visit visit) {
  for (; mask; mask &= mask - 1)
    visit(static_cast<uint32_t>(__builtin_ctz(mask)));
}

template <typename T>
inline void blend(Storage<T> *into, const Storage<T> *from, uint32_t mask) {
  if (mask == kAllLanes)
    std::memcpy(into, from, sizeof(*into) * kLanes);
  else
    forLanes(mask, [&](uint32_t lane) { into[lane] = from[lane]; });
}

/// d = Op(a)
template <typename Op, typename D, typename A>
void map1(Warp &warp, const Instruction &i, uint32_t mask) {
  const Storage<A> *a = lanesOf<A>(warp, i.source[0]);
  Storage<D> results[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l)
    results[l] = store<D>(Op::apply(load<A>(a[l])));
  blend<D>(lanesOf<D>(warp, i.result[0]), results, mask);
}

/// d = Op(a, b)
template <typename Op, typename D, typename A, typename B>
void map2(Warp &warp, const Instruction &i, uint32_t mask) {
  const Storage<A> *a = lanesOf<A>(warp, i.source[0]);
  const Storage<B> *b = lanesOf<B>(warp, i.source[1]);
  Storage<D> results[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l)
    results[l] = store<D>(Op::apply(load<A>(a[l]), load<B>(b[l])));
  blend<D>(lanesOf<D>(warp, i.result[0]), results, mask);
}

/// d = Op(a, b, c)
template <typename Op, typename D, typename A, typename B, typename C>
void map3(Warp &warp, const Instruction &i, uint32_t mask) {
  const Storage<A> *a = lanesOf<A>(warp, i.source[0]);
  const Storage<B> *b = lanesOf<B>(warp, i.source[1]);
  const Storage<C> *c = lanesOf<C>(warp, i.source[2]);
  Storage<D> results[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l)
    results[l] = store<D>(Op::apply(load<A>(a[l]), load<B>(b[l]), load<C>(c[l])));
  blend<D>(lanesOf<D>(warp, i.result[0]), results, mask);
}

/// d = Op(a, b, c, e)
template <typename Op, typename D, typename A, typename B, typename C, typename E>
void map4(Warp &warp, const Instruction &i, uint32_t mask) {
  const Storage<A> *a = lanesOf<A>(warp, i.source[0]);
  const Storage<B> *b = lanesOf<B>(warp, i.source[1]);
  const Storage<C> *c = lanesOf<C>(warp, i.source[2]);
  const Storage<E> *e = lanesOf<E>(warp, i.source[3]);
  Storage<D> results[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l)
    results[l] = store<D>(Op::apply(load<A>(a[l]), load<B>(b[l]), load<C>(c[l]), load<E>(e[l])));
  blend<D>(lanesOf<D>(warp, i.result[0]), results, mask);
}

inline void setPredicate(Warp &warp, uint32_t slot, uint32_t bits, uint32_t mask) {
  uint32_t &into = predicateBits(warp, slot);
  into = (into & ~mask) | (bits & mask);
}

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_LANES_H
