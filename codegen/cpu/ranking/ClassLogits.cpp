// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax of two levels for CPUs. In: products z of the words, class after class, and a score s for each class (or
// the rows that z are made from). Out: y[word] = min(z - lse_c(z), 0) + s[c] - lse(s), or of these the `count` greatest
// and -infinity elsewhere. From techniques 5.2.
//
// The greatest, for each row, on one thread: log p(c) = s[c] - lse(s) is known before any word is multiplied. The class
// with the greatest is opened: its panels are computed by the kernel of the whole product, its words go into a list of
// the `count` greatest so far. Then the next class; it ends when log p(c) of the next is below the last of the list.
// That is exact, also in f32: the first term is not above 0, and rounding keeps order, so y[word] <= log p(c). Both
// kernels make y by the same instructions from the same products, so what one finds is what the other has, bit for bit.
// (A panel that two classes share is computed for both.) A class of one word has nothing to open: y = log p(c).
//
// What is no number is never among the greatest: every comparison is false for it.
// Cost: C numbers for each class that is opened, the rows of W in it, a walk over N results to fill them. Tested by
// test/unit/codegen/ClassLogitsKernelTest.cpp, test/codegen/run-compiled/ranking.mlir.
#include "codegen/cpu/ranking/ClassLogits.h"

#include "codegen/cpu/linear/LinearParts.h"

#include "lmopt/abi.h"

#include <cstddef>
#include <limits>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;
constexpr float kNone = -std::numeric_limits<float>::infinity();

// What both kernels do with the words of a class. Addresses are of one row.
struct ClassEmitter {
  Emitter &e;
  const ClassTables &sizes;
  Value tables;

  Value integer(Value base, Value number) {
    Value found = e.load(e.b.getI32Type(), e.at(base, e.mul(number, 4)));
    return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), found);
  }
  Value begin(Value group) { return integer(e.at(tables, sizes.beginOffset()), group); }
  Value word(Value place) { return integer(tables, place); }
  Value number(Value row, Value i) { return e.load(e.b.getF32Type(), e.at(row, e.mul(i, 4))); }

  Value inside(Value i, Value end) { return e.maskBelow(e.sub(end, i)); }
  Value numbers(Value row, Value i, Value end, float beyond) {
    Value mask = inside(i, end);
    return e.select(mask, e.loadMasked(e.floats(), e.at(row, e.mul(i, 4)), mask), e.floatsOf(beyond));
  }

  // log sum exp of the numbers from `from` to `to` of a row, in all lanes.
  Value logSumExp(Value row, Value from, Value to) {
    Value greatest = e.loop(from, to, kLanes, {e.floatsOf(kNone)}, [&](Value i, const Values &carried) {
      return Values{e.max(numbers(row, i, to, kNone), carried[0])};
    })[0];
    greatest = e.broadcast(e.reduceMax(greatest));
    Value sum = e.loop(from, to, kLanes, {e.floatsOf(0)}, [&](Value i, const Values &carried) {
      Value power = e.exp(e.sub(numbers(row, i, to, 0), greatest));
      return Values{e.add(carried[0], e.select(inside(i, to), power, e.floatsOf(0)))};
    })[0];
    return e.add(greatest, e.log(e.broadcast(e.reduceAdd(sum))));
  }

  // Where the product of place 0 would be: the products of a row begin behind the classes of one word.
  Value fromFirst(Value products) { return e.at(products, -4 * sizes.singles); }

  // y of products, `chance` = log p(c): vectors.
  Value logits(Value z, Value within, Value chance) {
    Value share = e.sub(z, within);
    return e.add(e.select(e.less(e.floatsOf(0), share), e.floatsOf(0), share), chance);
  }
};

// 16 results of `scratch` to the words of the places from `i` on, as far as `to`.
void scatter(ClassEmitter &c, Value i, Value to, Value out, Value scratch) {
  Emitter &e = c.e;
  e.loop(i, e.min(e.add(i, kLanes), to), 1,
         [&](Value place) { e.store(c.number(scratch, e.sub(place, i)), e.at(out, e.mul(c.word(place), 4))); });
}

// Words that are classes by themselves: place and class are the same number.
void emitSingles(ClassEmitter &c, Value scores, Value total, Value out, Value scratch) {
  Emitter &e = c.e;
  Value end = e.index(c.sizes.singles);
  e.loop(e.index(0), end, kLanes, [&](Value i) {
    e.store(e.sub(c.numbers(scores, i, end, 0), total), scratch, 64);
    scatter(c, i, end, out, scratch);
  });
}

// All logits of a row, in the order of ids; 16 at a time pass through `scratch`.
void emitRow(ClassEmitter &c, Value products, Value scores, Value out, Value scratch) {
  Emitter &e = c.e;
  Value total = c.logSumExp(scores, e.index(0), e.index(c.sizes.classes));
  if (c.sizes.singles)
    emitSingles(c, scores, total, out, scratch);
  products = c.fromFirst(products);
  e.loop(c.sizes.singles, c.sizes.classes, 1, [&](Value group) {
    Value from = c.begin(group), to = c.begin(e.add(group, 1));
    Value within = c.logSumExp(products, from, to);
    Value chance = e.sub(e.broadcast(c.number(scores, group)), total);
    e.loop(from, to, kLanes, [&](Value i) {
      e.store(c.logits(c.numbers(products, i, to, 0), within, chance), scratch, 64);
      scatter(c, i, to, out, scratch);
    });
  });
}

// The greatest of one row at a time.
struct TopClassEmitter {
  Emitter &e;
  const TopClassSpec &spec;
  const std::string &product; ///< the kernel of the product, with padded rows of results
  Value in, weights, scores, tables, out, scratch, step;
  ClassEmitter classes{e, spec.tables, tables};

  Value chances() { return e.at(scratch, spec.chanceOffset()); }
  Value listAt(Value j) { return e.at(scratch, e.add(e.mul(j, 4), spec.listOffset())); }
  Value idAt(Value j) { return e.at(scratch, e.add(e.mul(j, 4), spec.idOffset())); }
  Value cell(int64_t number) { return e.at(scratch, spec.cellOffset() + 8 * number); } ///< 0: opened, 1: more may be
  Value atLeast(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGE, a, c); }
  Value same(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, a, c); }
  Value last(Value count) { return e.load(e.b.getF32Type(), listAt(e.sub(count, e.index(1)))); }

  void begin(Value row) {
    Value from = e.at(scores, e.mul(row, floatRowBytes(spec.tables.classes)));
    Value end = e.index(spec.tables.classes), total = classes.logSumExp(from, e.index(0), end);
    e.loop(e.index(0), end, kLanes, [&](Value i) {
      e.store(e.sub(classes.numbers(from, i, end, kNone), total), e.at(chances(), e.mul(i, 4)), 64);
    });
    e.loop(0, floatRowBytes(spec.count), 64, [&](Value at) {
      e.store(e.floatsOf(kNone), e.at(scratch, e.add(at, spec.listOffset())), 64);
      e.store(e.intsOf(std::numeric_limits<int32_t>::max()), e.at(scratch, e.add(at, spec.idOffset())), 64);
    });
    e.store(e.index(0), cell(0), 8);
    e.store(e.index(1), cell(1), 8);
  }

  // The likeliest class that is not opened, and its log p; the first of equal ones.
  std::pair<Value, Value> likeliest() {
    Values found = e.loop(e.index(0), e.index(spec.tables.classes), kLanes, {e.floatsOf(kNone), e.intsOf(0)},
                          [&](Value i, const Values &best) {
                            Value chance = e.load(e.floats(), e.at(chances(), e.mul(i, 4)), 64);
                            Value more = e.less(best[0], chance);
                            Value from = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), i);
                            return Values{e.select(more, chance, best[0]),
                                          e.select(more, e.add(e.laneIds(), e.broadcast(from)), best[1])};
                          });
    Value chance = e.reduceMax(found[0]);
    Value none = e.intsOf(std::numeric_limits<int32_t>::max());
    Value number = e.reduceMin(e.select(same(found[0], e.broadcast(chance)), found[1], none));
    return {arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), number), chance};
  }

  // Where it belongs in the list, which is in order; what was there moves on, the last one out.
  void insert(Value y, Value id, Value count) {
    e.loop(e.index(0), count, 1, {y, id}, [&](Value j, const Values &carried) {
      Value there = e.load(e.b.getF32Type(), listAt(j)), itsId = e.load(e.b.getI32Type(), idAt(j));
      Value first = arith::AndIOp::create(e.b, e.loc, same(carried[0], there), e.less(carried[1], itsId));
      Value before = arith::OrIOp::create(e.b, e.loc, e.less(there, carried[0]), first);
      e.store(e.select(before, carried[0], there), listAt(j));
      e.store(e.select(before, carried[1], itsId), idAt(j));
      return Values{e.select(before, there, carried[0]), e.select(before, itsId, carried[1])};
    });
  }

  Value products() { return classes.fromFirst(scratch); } ///< by place

  void multiply(Value row, Value from, Value to) {
    Value input = e.at(in, e.mul(row, spec.exact.inStride())), lanes = e.index(kLanes);
    Value first = e.add(from, -spec.tables.singles), last = e.add(to, kLanes - 1 - spec.tables.singles);
    func::CallOp::create(
        e.b, e.loc, product, TypeRange(),
        ValueRange{input, weights, scratch, e.index(0), e.index(1), e.div(first, lanes), e.div(last, lanes)});
  }

  void open(Value row, Value group, Value chance, Value count) {
    if (!spec.tables.singles)
      return openShared(row, group, chance, count);
    e.ifElse(
        e.less(group, e.index(spec.tables.singles)), [&] { offer(chance, group, count); },
        [&] { openShared(row, group, chance, count); });
  }

  void openShared(Value row, Value group, Value chance, Value count) {
    Value from = classes.begin(group), to = classes.begin(e.add(group, 1));
    multiply(row, from, to);
    Value within = classes.logSumExp(products(), from, to), all = e.broadcast(chance);
    e.loop(from, to, kLanes, [&](Value i) {
      Value at = e.at(products(), e.mul(i, 4)), mask = classes.inside(i, to);
      Value y = classes.logits(classes.numbers(products(), i, to, 0), within, all);
      e.storeMasked(y, at, mask);
      Value good = arith::AndIOp::create(e.b, e.loc, mask, atLeast(y, e.broadcast(last(count))));
      e.ifThen(vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, good), [&] {
        Value end = e.min(e.add(i, kLanes), to);
        e.loop(i, end, 1, [&](Value place) { offer(classes.number(products(), place), place, count); });
      });
    });
    e.store(e.add(e.load(e.b.getI64Type(), cell(0), 8), 1), cell(0), 8);
  }

  void offer(Value y, Value place, Value count) {
    e.ifThen(atLeast(y, last(count)), [&] {
      Value id = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), classes.word(place));
      insert(y, id, count);
    });
  }

  void openNext(Value row, Value count) {
    auto [group, chance] = likeliest();
    Value some = e.less(e.f32(kNone), chance);
    Value more = arith::AndIOp::create(e.b, e.loc, some, atLeast(chance, last(count)));
    e.ifElse(
        more,
        [&, group = group, chance = chance] {
          open(row, group, chance, count);
          e.store(e.f32(kNone), e.at(chances(), e.mul(group, 4)));
        },
        [&] { e.store(e.index(0), cell(1), 8); });
  }

  // The list to the ids; all else is -infinity.
  void finish(Value row, Value count) {
    const LinearSpec result = spec.result();
    e.loop(0, result.panels(), 1, [&](Value panel) { storePanel(e, result, out, e.floatsOf(kNone), row, panel); });
    Value to = e.at(out, e.mul(row, spec.exact.outStride));
    e.loop(e.index(0), count, 1, [&](Value j) {
      Value y = e.load(e.b.getF32Type(), listAt(j));
      e.ifThen(e.less(e.f32(kNone), y), [&] {
        Value id = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), e.load(e.b.getI32Type(), idAt(j)));
        e.store(y, e.at(to, e.mul(id, 4)));
      });
    });
  }

  // As many as the caller asks for, `count` at most.
  Value wantedCount() {
    Value asked = loadInteger(e, step, offsetof(lmopt_step_t, top)), most = e.index(spec.count);
    return e.select(e.less(e.index(0), asked), e.min(asked, most), most);
  }

  void emitRow(Value row) {
    Value count = wantedCount();
    begin(row);
    e.loop(0, spec.tables.classes, 1, [&](Value) {
      Value more = e.equal(e.load(e.b.getI64Type(), cell(1), 8), e.index(1));
      e.ifThen(more, [&] { openNext(row, count); });
    });
    finish(row, count);
  }
};

std::string sizesText(const ClassTables &tables) {
  std::string text = "n" + std::to_string(tables.words) + "_c" + std::to_string(tables.classes);
  return tables.singles ? text + "_s" + std::to_string(tables.singles) : text;
}
} // namespace

std::string classLogitsKernel(KernelLibrary &kernels, const ClassSpec &spec) {
  std::string name = "class_logits_" + sizesText(spec.tables) + "_to" + std::to_string(spec.outStride);
  return kernels.define(name, 5, 2, [&](Emitter &e, ValueRange a) {
    ClassEmitter classes{e, spec.tables, a[2]};
    e.loop(a[5], a[6], 1, [&](Value row) {
      emitRow(classes, e.at(a[0], e.mul(row, floatRowBytes(spec.tables.sharing()))),
              e.at(a[1], e.mul(row, floatRowBytes(spec.tables.classes))), e.at(a[3], e.mul(row, spec.outStride)), a[4]);
    });
  });
}

std::string topClassLinearKernel(KernelLibrary &kernels, const TopClassSpec &spec) {
  LinearSpec padded = spec.exact;
  padded.outStride = floatRowBytes(spec.exact.outputs);
  std::string product = linearKernel(kernels, padded);
  std::string name = "top" + std::to_string(spec.count) + "_of_" + sizesText(spec.tables) + "_to" +
                     std::to_string(spec.exact.outStride) + "_" + product;
  return kernels.define(name, 7, 2, [&](Emitter &e, ValueRange a) {
    TopClassEmitter emitter{e, spec, product, a[0], a[1], a[2], a[3], a[4], a[5], a[6]};
    e.loop(a[7], a[8], 1, [&](Value row) { emitter.emitRow(row); });
  });
}

} // namespace lmopt::cpu
