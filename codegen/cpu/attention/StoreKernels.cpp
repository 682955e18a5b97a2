// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Storing keys and values into the cache: keys turned by RoPE, both in the order in which attention multiplies them.
// In: rows of keys and values, the table of rows. Out: the cache (layout in AttentionSpec.h).
// Tested by test/unit/codegen/AttentionKernelTest.cpp.
#include "codegen/cpu/attention/CacheView.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {
//===--- f32 and bf16 ---===//

// The lines of the position's panel, at the position's 4 bytes.
PanelLines keyLines(Emitter &e, const AttentionSpec &spec, const KeyPanels &keys, Value position) {
  PanelLines lines = keys.lines(e, spec, e.div(position, e.index(kLanes)));
  return {e.at(lines.base, e.mul(e.rem(position, e.index(kLanes)), 4)), lines.stride};
}

// One key: 4 bytes (a float, or a pair of bf16) in each line of its panel.
void storeKey(Emitter &e, const AttentionSpec &spec, const Turn &turn, Value from, KeyPanels keys, Value position) {
  PanelLines lines = keyLines(e, spec, keys, position);
  turnHead(e, spec, turn, from, [&](int64_t d, Value v) {
    int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
    int64_t factors = spec.bf16() ? 2 : 1;
    if (spec.bf16() && lanes == 1) { // half of ropeDims is odd, so a pair may have a dimension of each half
      Value half = e.lane(e.toBf16(v), 0);
      return e.store(half, e.at(lines.at(e, e.index(d / 2)), d % 2 * 2), 2);
    }
    if (spec.bf16())
      v = e.bitcast(e.toBf16(v), e.ints(lanes / 2));
    for (int64_t i = 0; i < lanes / factors; ++i)
      e.store(e.lane(v, i), lines.at(e, e.index(d / factors + i)));
  });
}

// One value: a row of floats, or every other bf16 of the row of its pair of positions.
void storeValue(Emitter &e, const AttentionSpec &spec, Value from, Value values, Value position) {
  int64_t lanes = lanesFor(spec.valueHeadDim());
  Value row = e.at(values, e.mul(position, spec.valueBytes()));
  if (spec.bf16())
    row = e.at(values,
               e.add(e.mul(e.div(position, e.index(2)), 4 * spec.valueDim()), e.mul(e.rem(position, e.index(2)), 2)));
  for (int64_t d = 0; d < spec.valueHeadDim(); d += lanes) {
    Value v = e.load(e.floats(lanes), e.at(from, 4 * d));
    if (!spec.bf16()) {
      e.store(v, e.at(row, 4 * d));
      continue;
    }
    v = e.toBf16(v);
    for (int64_t i = 0; i < lanes; ++i)
      e.store(e.lane(v, i), e.at(row, 4 * (d + i)), 2);
  }
}
// Two neighbouring positions, the first of them even: whole lines of pairs.
void storeValuePair(Emitter &e, const AttentionSpec &spec, Value from, Value next, Value values, Value position) {
  int64_t lanes = lanesFor(spec.valueHeadDim());
  SmallVector<int64_t> interleaved;
  for (int64_t i = 0; i < lanes; ++i)
    interleaved.append({i, i + lanes});
  Value row = e.at(values, e.mul(position, spec.valueBytes()));
  for (int64_t d = 0; d < spec.valueHeadDim(); d += lanes) {
    Value first = e.toBf16(e.load(e.floats(lanes), e.at(from, 4 * d)));
    Value second = e.toBf16(e.load(e.floats(lanes), e.at(next, 4 * d)));
    e.store(e.shuffle(first, second, interleaved), e.at(row, 4 * d));
  }
}

// Whether this row's value is written together with the next row's, or was with the one's before: both in the share of
// this thread, neighbours in one sequence. (A value alone is 2 bytes in every 4; MiniLM spent 1.5 % of its time there.)
struct Pairing {
  Value withNext, withBefore;
  Pairing(Emitter &e, Value rowInfo, Value row, Value begin, Value end, const RowInfo &info) {
    Value odd = e.equal(e.rem(info.position, e.index(2)), e.index(1));
    Value even = e.equal(e.rem(info.position, e.index(2)), e.index(0));
    RowInfo next = loadRowInfo(e, rowInfo, e.min(e.add(row, 1), e.add(end, -1)));
    RowInfo before = loadRowInfo(e, rowInfo, e.max(e.add(row, -1), begin));
    withNext = e.bitAnd(even, follows(e, info, next));
    withBefore = e.bitAnd(odd, follows(e, before, info));
  }
  static Value follows(Emitter &e, const RowInfo &first, const RowInfo &second) {
    Value together = LLVM::ICmpOp::create(e.b, e.loc, LLVM::ICmpPredicate::eq, first.cache, second.cache);
    return e.bitAnd(together, e.equal(e.add(first.position, 1), second.position));
  }
};

//===--- i8 ---===//

// A head in registers, and where each of them begins.
struct Head {
  Emitter::Values parts;
  SmallVector<int64_t> begins;
};

int64_t lanesOf(Value part) { return cast<VectorType>(part.getType()).getDimSize(0); }

// The largest magnitude of the head gets the code 127; a head of zeros has the scale 0.
struct Codes {
  Value scale;
  Emitter::Values parts; ///< i32
};
Codes encode(Emitter &e, const Head &head) {
  Value largest = e.f32(0);
  for (Value part : head.parts)
    largest = e.max(e.reduceMax(e.max(part, e.sub(e.floatsOf(0, lanesOf(part)), part))), largest);
  Value inverse = e.select(e.less(e.f32(0), largest), e.div(e.f32(127), largest), e.f32(0));
  Codes codes{e.mul(largest, e.f32(1.0f / 127)), {}};
  for (Value part : head.parts)
    codes.parts.push_back(e.roundToInt(e.mul(part, e.broadcast(inverse, lanesOf(part)))));
  return codes;
}

// A key lies across its panel: four dimensions are neighbours, the next four are a line (16 positions) away.
void storeKeyCodes(Emitter &e, const AttentionSpec &spec, const Turn &turn, Value from, KeyPanels keys,
                   Value position) {
  Head head;
  turnHead(e, spec, turn, from, [&](int64_t d, Value v) {
    head.parts.push_back(v);
    head.begins.push_back(d);
  });
  Codes codes = encode(e, head);
  PanelLines lines = keyLines(e, spec, keys, position);
  for (size_t i = 0; i < head.parts.size(); ++i) {
    int64_t lanes = lanesOf(head.parts[i]), begin = head.begins[i];
    Value bytes = e.narrowToBytes(e.add(codes.parts[i], e.intsOf(128, lanes)));
    bool fours = lanes % 4 == 0 && begin % 4 == 0;
    Value groups = fours ? e.bitcast(bytes, e.ints(lanes / 4)) : bytes;
    for (int64_t j = 0; j < (fours ? lanes / 4 : lanes); ++j) {
      int64_t d = begin + (fours ? 4 * j : j);
      e.store(e.lane(groups, j), e.at(lines.at(e, e.index(d / 4)), d % 4), fours ? 4 : 1);
    }
  }
  e.store(codes.scale, lines.at(e, e.index(spec.keyDim() / 4)));
}

// Four positions of one dimension are neighbours.
void storeValueCodes(Emitter &e, const AttentionSpec &spec, Value from, Value values, Value position) {
  Head head;
  int64_t lanes = lanesFor(spec.valueHeadDim());
  for (int64_t d = 0; d < spec.valueHeadDim(); d += lanes)
    head.parts.push_back(e.load(e.floats(lanes), e.at(from, 4 * d)));
  Codes codes = encode(e, head);
  Value panel = e.at(values, e.mul(e.div(position, e.index(kLanes)), kLanes * spec.valueBytes()));
  Value within = e.rem(position, e.index(kLanes));
  Value four = e.mul(e.div(within, e.index(4)), 4 * spec.valueDim());
  Value value = e.at(panel, e.add(four, e.rem(within, e.index(4))));
  for (size_t i = 0; i < codes.parts.size(); ++i) {
    Value bytes = e.narrowToBytes(codes.parts[i]);
    for (int64_t j = 0; j < lanes; ++j)
      e.store(e.lane(bytes, j), e.at(value, 4 * (i * lanes + j)), 1);
  }
  e.store(codes.scale, e.at(panel, e.add(e.mul(within, 4), kLanes * spec.valueDim())));
}
} // namespace

void storeOneKey(Emitter &e, const AttentionSpec &spec, const Turn &turn, Value from, KeyPanels keys, Value position) {
  return spec.integer() ? storeKeyCodes(e, spec, turn, from, keys, position)
                        : storeKey(e, spec, turn, from, keys, position);
}

void storeOneValue(Emitter &e, const AttentionSpec &spec, Value from, Value values, Value position) {
  return spec.integer() ? storeValueCodes(e, spec, from, values, position)
                        : storeValue(e, spec, from, values, position);
}

std::string storeKernel(KernelLibrary &kernels, const AttentionSpec &spec, const RopeTable &table, bool splitHeads) {
  return kernels.define(attentionName("store_kv", spec, table, splitHeads), 4, 5, [&](Emitter &e, ValueRange args) {
    Value keys = args[0], values = args[1], rope = args[2], rowInfo = args[3], layerOffset = args[4];
    Value thread = args[7], threads = args[8];
    int64_t keyBytes = floatRowBytes(spec.kvHeads * spec.headDim);
    int64_t valueBytes = floatRowBytes(spec.kvHeads * spec.valueHeadDim());
    e.loop(args[5], args[6], 1, [&](Value row) {
      RowInfo info = loadRowInfo(e, rowInfo, row);
      CacheView view = layerView(e, spec, info, layerOffset);
      Turn turn = loadTurn(e, table, rope, info);
      Value kept = view.kept(info.position);
      auto store = [&](Value kvHead, const std::function<void(Value, Value)> &putValue) {
        Value key = e.add(e.mul(row, keyBytes), e.mul(kvHead, 4 * spec.headDim));
        Value value = key; // in rows of one width
        if (spec.otherValueDim)
          value = e.add(e.mul(row, valueBytes), e.mul(kvHead, 4 * spec.valueHeadDim()));
        storeOneKey(e, spec, turn, e.at(keys, key), view.keys(kvHead), kept);
        putValue(e.at(values, value), view.values(kvHead));
      };
      auto single = [&](Value from, Value to) { storeOneValue(e, spec, from, to, kept); };
      if (!splitHeads && spec.bf16()) {
        Pairing pairing(e, rowInfo, row, args[5], args[6], info);
        return e.loop(0, spec.kvHeads, 1, [&](Value kvHead) {
          store(kvHead, [&](Value from, Value to) {
            e.ifElse(
                pairing.withNext, [&] { storeValuePair(e, spec, from, e.at(from, valueBytes), to, kept); },
                [&] { e.ifElse(pairing.withBefore, [] {}, [&] { single(from, to); }); });
          });
        });
      }
      if (!splitHeads)
        return e.loop(0, spec.kvHeads, 1, [&](Value kvHead) { store(kvHead, single); });
      e.loop(e.index(0), e.index(spec.kvHeads), 1, [&](Value kvHead) {
        Value turnOf = e.rem(e.add(e.mul(row, spec.kvHeads), kvHead), threads);
        e.ifThen(e.equal(turnOf, thread), [&] { store(kvHead, single); });
      });
    });
  });
}

} // namespace lmopt::cpu
