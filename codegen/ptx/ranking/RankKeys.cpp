// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RankKeys.h.
#include "codegen/ptx/ranking/RankKeys.h"

#include <limits>

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

Value RankKeys::constant(uint64_t value) {
  return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(static_cast<int64_t>(value)));
}
Value RankKeys::none() { return constant(0); }
Value RankKeys::equal(Value a, Value b) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, a, b); }
Value RankKeys::atLeast(Value a, Value b) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::uge, a, b); }
Value RankKeys::isSome(Value key) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, key, none()); }

Value RankKeys::turned(Value logit) {
  Value bits = e.bitcast(e.add(logit, e.floatOf(0)), e.i32()); // -0 to 0: they are equal
  Value negative = e.shrSigned(bits, e.number(31)), sign = e.number(std::numeric_limits<int32_t>::min());
  return e.bitXor(bits, arith::OrIOp::create(e.b, e.loc, negative, sign)); // all bits of negative ones
}
Value RankKeys::isRanked(Value logit) { return e.less(e.floatOf(-std::numeric_limits<float>::infinity()), logit); }
Value RankKeys::wordOf(Value logit) { return e.select(isRanked(logit), turned(logit), e.number(0)); }

Value RankKeys::keyOf(Value logit, Value token) {
  auto wide = [&](Value word) { return arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), word); };
  Value high = arith::ShLIOp::create(e.b, e.loc, wide(turned(logit)), constant(32));
  Value key = arith::OrIOp::create(e.b, e.loc, high, wide(e.bitXor(token, e.number(-1))));
  return e.select(isRanked(logit), key, none());
}

Value RankKeys::tokenOf(Value key) {
  Value token = e.bitXor(e.narrow(key, 32), e.number(-1));
  return e.select(isSome(key), token, e.number(-1));
}

Value RankKeys::greatestWord(Value own) {
  return NVVM::ReduxOp::create(e.b, e.loc, e.i32(), own, NVVM::ReduxKind::UMAX, e.number(-1));
}

// The high halves first; of those that have the greatest, the low ones.
Value RankKeys::greatestOfWarp(Value own) {
  Value high = e.narrow(arith::ShRUIOp::create(e.b, e.loc, own, constant(32)), 32), low = e.narrow(own, 32);
  Value first = greatestWord(high);
  Value second = greatestWord(e.select(e.equal(high, first), low, e.number(0)));
  auto wide = [&](Value word) { return arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), word); };
  return arith::OrIOp::create(e.b, e.loc, arith::ShLIOp::create(e.b, e.loc, wide(first), constant(32)), wide(second));
}

// Batcher's odd-even merge sort of eight: 19 pairs.
void RankKeys::sort(Values &keys) {
  static constexpr int kPairs[][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {1, 2}, {5, 6},
                                      {0, 4}, {1, 5}, {2, 6}, {3, 7}, {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};
  for (auto [a, b] : kPairs) {
    Value great = arith::MaxUIOp::create(e.b, e.loc, keys[a], keys[b]);
    keys[b] = arith::MinUIOp::create(e.b, e.loc, keys[a], keys[b]);
    keys[a] = great;
  }
}

// The key of a turn stays with the lane of that number, until all are written at once: no lane leaves the loop.
void RankKeys::turns(Value top, const Values &start, const Best &best, const Pop &pop, const Out &out) {
  Values carried = start;
  carried.append(kMost / kWarpLanes, none());
  Values after = e.loop(e.number(0), top, 1, carried, [&](Value turn, const Values &so) {
    Values next(so.begin(), so.begin() + static_cast<ptrdiff_t>(start.size()));
    Value key = greatestOfWarp(best(next));
    next = pop(next, key);
    for (size_t i = start.size(); i < so.size(); ++i)
      next.push_back(e.select(e.equal(turn, placeOf(i - start.size())), key, so[i]));
    return next;
  });
  for (size_t i = start.size(); i < after.size(); ++i) {
    Value place = placeOf(i - start.size());
    e.ifThen(e.less(place, top), [&] { out(place, after[i]); });
  }
}

void RankKeys::mergeLanes(const Values &keys, Value top, const Out &out) {
  auto pop = [&](const Values &left, Value key) {
    Value isOwn = equal(left[0], key);
    Values next;
    for (size_t i = 0; i < left.size(); ++i)
      next.push_back(e.select(isOwn, i + 1 < left.size() ? left[i + 1] : none(), left[i]));
    return next;
  };
  turns(top, keys, [](const Values &left) { return left[0]; }, pop, out);
}

// A lane carries of each of its lists which key is next, and that key. Where nothing is left, lists stay as they are; a
// lane that has fewer lists than others reads in the first one's place.
void RankKeys::merge(Value lists, int64_t count, Value stride, Value top, const Out &out) {
  Values starts, carried;
  for (int64_t i = 0; i < count; i += kWarpLanes) {
    Value list = e.add(e.lane(), i), isThere = e.less(list, e.number(count));
    starts.push_back(e.at(lists, e.mul(e.select(isThere, list, e.number(0)), stride)));
    carried.append({e.number(0), e.select(isThere, load(starts.back()), none())});
  }
  auto best = [&](const Values &so) {
    Value own = so[1];
    for (size_t i = 3; i < so.size(); i += 2)
      own = arith::MaxUIOp::create(e.b, e.loc, own, so[i]);
    return own;
  };
  Value last = e.add(top, -1);
  auto pop = [&](const Values &so, Value key) {
    Values next;
    for (size_t i = 0; i < so.size(); i += 2) {
      Value isIt = e.bitAnd(equal(so[i + 1], key), isSome(key));
      Value place = e.add(so[i], e.select(isIt, e.number(1), e.number(0)));
      Value after = load(e.at(starts[i / 2], e.mul(e.min(place, last), 8)));
      after = e.select(e.less(last, place), none(), after);
      next.append({place, e.select(isIt, after, so[i + 1])});
    }
    return next;
  };
  turns(top, carried, best, pop, out);
}

Value RankKeys::keyAt(Value place, Value lists, int64_t count, Value top, Value told) {
  Value stride = e.mul(top, kBytes), own = e.atElement(lists, e.blockY(), e.mul(stride, count));
  e.ifThen(e.equal(e.warp(), e.number(0)), [&] {
    merge(own, count, stride, top,
          [&](Value at, Value key) { e.ifThen(e.equal(at, place), [&] { e.store(key, told, 8); }); });
  });
  e.barrier();
  return load(told);
}

} // namespace lmopt::nvptx
