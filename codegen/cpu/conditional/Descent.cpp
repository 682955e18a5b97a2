// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens walk down a tree of neurons, all of a block level by level. In: rows of f32, neurons. Out: for each token its
// numbers a_l and its last neuron, tokens in the order of these. From techniques 6.3; the order is our own.
//
// What bounds it. A product of a token and a neuron is K multiplications; the row of the token comes from the second-
// level cache (32 bytes a cycle on Zen 4, half of what the multiplications could take), the row of the neuron from the
// first, if the tokens of a neuron follow one another. So:
//   1. Lists. Tokens stand in the order of their neurons; those at one neuron are a run. After a step a run is split,
//      stably, by the way that its tokens take (four ways, counted in the four halves of one integer).
//   2. Two levels a step: a run's tokens, eight at a time, are multiplied with the neuron and both its children. One of
//      three products is for nothing, but each row of a token is read once for two levels, and 24 sums hide the latency
//      of their additions. (256-bit registers: two tokens, six sums of two registers.) One or two tokens that are left
//      of a run are walked one level at a time, without what is for nothing.
//   3. Two phases: tiles of tokens whose rows fit in the second-level cache walk the first levels; then the block is
//      put into the order of their neurons, and tiles of that order walk the others. So rows come from memory twice,
//      and weights once a block, whatever the number of levels.
//
// The way is that of the sum in f64. |error| <= (K / 16 + 6) 2^-24 |x| |w| of a sum in f32 (16 lanes of K / 16 fused
// steps, four additions, the bias; Cauchy-Schwarz): where |a| is smaller, or no finite number, Recheck adds again, as
// the interpreter does, in f64. A row of zeros has reach 0 and is exact.
//
// Each a_l is one chain of additions along k, whatever the tokens beside it: which thread, tile or block does not
// change a bit. Tested by test/unit/codegen/NeuronTreeKernelTest.cpp.
#include "codegen/cpu/conditional/Descent.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace lmopt::cpu {

using Values = Emitter::Values;

Value loadNumbers(Emitter &e, RowNumber format, Value address) {
  if (format == RowNumber::F32)
    return e.load(e.floats(), address, 64);
  auto type = [&](Type element) { return VectorType::get({kLanes}, element); };
  if (format == RowNumber::Bf16) {
    Value bits = arith::ExtUIOp::create(e.b, e.loc, e.ints(), e.load(type(e.b.getI16Type()), address, 32));
    return e.bitcast(e.shl(bits, e.intsOf(16)), e.floats());
  }
  return e.toFloat(arith::ExtSIOp::create(e.b, e.loc, e.ints(), e.load(type(e.b.getI8Type()), address, 16)));
}

Value loadNumber(Emitter &e, Value list, Value i) {
  Value found = e.load(e.b.getI32Type(), e.at(list, e.mul(i, 4)));
  return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), found);
}

void storeNumber(Emitter &e, Value number, Value list, Value i) {
  e.store(arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), number), e.at(list, e.mul(i, 4)));
}

namespace {

Value isTrue(Emitter &e, arith::CmpFPredicate predicate, Value a, Value c) {
  return arith::CmpFOp::create(e.b, e.loc, predicate, a, c);
}
Value either(Emitter &e, Value a, Value c) { return arith::OrIOp::create(e.b, e.loc, a, c); }
Value both(Emitter &e, Value a, Value c) { return arith::AndIOp::create(e.b, e.loc, a, c); }
Value asInteger(Emitter &e, Value bit) { return arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), bit); }

// from -> next(from) -> ... while `condition` holds.
Value repeat(Emitter &e, Value from, const std::function<Value(Value)> &condition,
             const std::function<Value(Value)> &next) {
  Type type = from.getType();
  auto loop = scf::WhileOp::create(e.b, e.loc, TypeRange(type), ValueRange(from));
  OpBuilder::InsertionGuard guard(e.b);
  Block *before = e.b.createBlock(&loop.getBefore(), {}, type, e.loc);
  e.b.setInsertionPointToStart(before);
  scf::ConditionOp::create(e.b, e.loc, condition(before->getArgument(0)), before->getArguments());
  Block *after = e.b.createBlock(&loop.getAfter(), {}, type, e.loc);
  e.b.setInsertionPointToStart(after);
  scf::YieldOp::create(e.b, e.loc, ValueRange(next(after->getArgument(0))));
  return loop.getResult(0);
}

// What all kernels of a descent are given: (in, rows, biases, norms, scratch).
struct Tree {
  Emitter &e;
  const DescentSpec &spec;
  TreeValues values;

  Tree(Emitter &e, const DescentSpec &spec, ValueRange a) : e(e), spec(spec), values{a[0], a[1], a[2], a[3], a[4]} {}

  Value tokenRow(Value token) { return e.at(values.in, e.mul(token, floatRowBytes(spec.rows.inputs))); }
  Value neuronRow(Value neuron) { return e.at(values.rows, e.mul(neuron, spec.rows.rowBytes())); }
  Value real(Value base, Value i) { return e.load(e.b.getF32Type(), e.at(base, e.mul(i, 4))); }
  Value part(int64_t offset) { return e.at(values.scratch, offset); }
  Value numberAddress(Value token, Value level) {
    return e.at(part(spec.numbersOffset()), e.mul(e.add(e.mul(token, spec.numbersPerToken()), level), 4));
  }

  // a > 0, and for those who want it a = 0.
  Value goesRight(Value a, Value zero) {
    return isTrue(e, spec.tieRight ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT, a, zero);
  }

  struct Decision {
    Value number, right, uncertain;
  };
  Decision decide(Value sum, Value neuron, Value reach) {
    Value a = e.add(sum, real(values.biases, neuron)), magnitude = withoutSign(a);
    Value near = isTrue(e, arith::CmpFPredicate::ULT, magnitude, e.mul(reach, real(values.norms, neuron)));
    Value infinity = e.f32(std::numeric_limits<float>::infinity());
    return {a, goesRight(a, e.f32(0)), either(e, near, isTrue(e, arith::CmpFPredicate::UGE, magnitude, infinity))};
  }
  Value withoutSign(Value a) {
    Value bits = e.bitAnd(e.bitcast(a, e.b.getI32Type()), e.i32(0x7fffffff));
    return e.bitcast(bits, e.b.getF32Type());
  }
  Value childOf(Value neuron, Value right) { return e.add(e.add(e.mul(neuron, 2), 1), asInteger(e, right)); }
};

//===--- Again, in f64 ---===//

// sum of four, k mod 4, as dialects/lm/conditional/Reference.cpp has it: products of f32 are exact in f64, so that it
// is the same whether they are fused with their additions or not.
Value exactNumber(Tree &t, Value token, Value neuron) {
  Emitter &e = t.e;
  auto doubles = VectorType::get({4}, e.b.getF64Type());
  auto wide = [&](Value v) { return arith::ExtFOp::create(e.b, e.loc, doubles, v).getResult(); };
  Value x = t.tokenRow(token), w = t.neuronRow(neuron);
  Value zero = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(doubles, 0.0));
  Value sums = e.loop(e.index(0), e.index(t.spec.rows.keyVectors()), 1, {zero}, [&](Value i, const Values &carried) {
    Value xs = e.load(e.floats(), e.at(x, e.mul(i, 64)), 64), total = carried[0];
    Value ws = loadNumbers(e, t.spec.rows.keyFormat, e.at(w, e.mul(i, t.spec.rows.keyVectorBytes())));
    for (int64_t k = 0; k < kLanes; k += 4) {
      SmallVector<int64_t> four{k, k + 1, k + 2, k + 3};
      total = e.add(total, e.mul(wide(e.shuffle(xs, four)), wide(e.shuffle(ws, four))));
    }
    return Values{total};
  })[0];
  Value sum = e.add(e.add(e.lane(sums, 0), e.lane(sums, 1)), e.add(e.lane(sums, 2), e.lane(sums, 3)));
  Value bias = arith::ExtFOp::create(e.b, e.loc, e.b.getF64Type(), t.real(t.values.biases, neuron));
  return arith::TruncFOp::create(e.b, e.loc, e.b.getF32Type(), e.add(sum, bias));
}

// (tree, token, position, neuron, level): the numbers of `levels` levels from there, and the way.
void emitRecheck(Tree &t, int64_t levels, ValueRange a) {
  Emitter &e = t.e;
  Value token = a[0], position = a[1], neuron = a[2], way = e.index(0);
  for (int64_t level = 0; level < levels; ++level) {
    Value number = exactNumber(t, token, neuron), right = t.goesRight(number, e.f32(0));
    e.store(number, t.numberAddress(token, e.add(a[3], level)));
    way = e.add(e.mul(way, 2), asInteger(e, right));
    neuron = t.childOf(neuron, right);
  }
  storeNumber(e, e.mul(way, 16), t.part(t.spec.waysOffset()), position);
}

//===--- A step ---===//

// Products of some tokens with some neurons: sum j of token k is number j * tokens + k, 16 lanes of it. `next`: rows
// that will be needed, asked for on the way.
Values products(Tree &t, const Values &xs, const Values &ws, const Values &next) {
  Emitter &e = t.e;
  const NeuronRows &rows = t.spec.rows;
  Values zeros(xs.size() * ws.size(), e.floatsOf(0));
  return e.loop(e.index(0), e.index(rows.keyVectors()), 1, zeros, [&](Value i, const Values &carried) {
    Values sums = carried, columns;
    Value offset = e.mul(i, 64), keyOffset = e.mul(i, rows.keyVectorBytes());
    for (Value w : ws)
      columns.push_back(loadNumbers(e, rows.keyFormat, e.at(w, keyOffset)));
    for (Value row : next)
      e.prefetch(e.at(row, offset));
    for (size_t k = 0; k < xs.size(); ++k) {
      Value x = e.load(e.floats(), e.at(xs[k], offset), 64);
      for (size_t j = 0; j < ws.size(); ++j)
        sums[j * xs.size() + k] = e.fma(x, columns[j], sums[j * xs.size() + k]);
    }
    return sums;
  });
}

Value sumOf(Tree &t, Value x, Value w) {
  Emitter &e = t.e;
  return e.lane(e.reduceRows(products(t, {x}, {w}, {}), [&](Value a, Value c) { return e.add(a, c); }), 0);
}

// Tokens that are multiplied together, and how many of the next tile are asked for meanwhile: three steps at least of
// a tile ask for all of the next.
int64_t heightOf(const Emitter &e) { return e.shape.tilePanels > 1 ? 8 : 2; }
int64_t aheadOf(const Emitter &e) { return e.shape.tilePanels > 1 ? 3 : 1; }

struct Step {
  Tree &tree;
  int64_t levels; ///< 1 or 2
  bool last;      ///< no level follows: tokens stay where they are
  const std::string &recheck;
  Value begin, end, level, from, to; ///< from, to: the lists
  Value ahead, aheadBegin, aheadEnd; ///< a list, whose rows will be needed next
  Emitter &e = tree.e;
  const DescentSpec &spec = tree.spec;

  Value tokens(Value list) { return e.at(list, spec.tokensOffset(0)); }
  Value neurons(Value list) { return e.at(list, spec.neuronsOffset(0)); }
  Value ways() { return tree.part(spec.waysOffset()); }
  Value sums() { return tree.part(spec.sumsOffset()); }

  // Sum j of token k, of `count` tokens, is at sumOffset + 4 k.
  static int64_t sumOffset(int64_t j, int64_t count) { return j * count / 8 * 64 + j * count % 8 * 4; }
  void storeSums(const Values &lanes) {
    for (size_t i = 0; i < lanes.size(); i += 8) {
      Values rows(lanes.begin() + i, lanes.begin() + std::min(i + 8, lanes.size()));
      Value reduced = e.reduceRows(rows, [&](Value a, Value c) { return e.add(a, c); });
      e.store(reduced, e.at(sums(), static_cast<int64_t>(i) * 8), 64);
    }
  }
  Value loadSum(int64_t j, int64_t count, Value k) {
    return e.load(e.b.getF32Type(), e.at(e.at(sums(), sumOffset(j, count)), e.mul(k, 4)));
  }

  // `count` tokens from a position on, those beyond the run read its last one.
  void together(Value position, Value runEnd, Value neuron, int64_t count) {
    Values xs, ws{tree.neuronRow(neuron)};
    for (int64_t k = 0; k < count; ++k)
      xs.push_back(tree.tokenRow(loadNumber(e, tokens(from), e.min(e.add(position, k), e.add(runEnd, -1)))));
    if (levels == 2) {
      Value left = tree.neuronRow(e.add(e.mul(neuron, 2), 1));
      ws.append({left, e.at(left, spec.rows.rowBytes())});
    }
    Values next;
    Value place = e.add(aheadBegin, e.mul(e.div(e.sub(position, begin), e.index(heightOf(e))), aheadOf(e)));
    for (int64_t j = 0; j < aheadOf(e); ++j)
      next.push_back(tree.tokenRow(loadNumber(e, tokens(ahead), e.min(e.add(place, j), e.add(aheadEnd, -1)))));
    storeSums(products(tree, xs, ws, next));
    e.loop(e.index(0), e.min(e.index(count), e.sub(runEnd, position)), 1, [&](Value k) {
      auto sumOfSide = [&](Value right) { return e.select(right, loadSum(2, count, k), loadSum(1, count, k)); };
      decide(e.add(position, k), neuron, loadSum(0, count, k), sumOfSide);
    });
  }

  // One token, a level at a time.
  void alone(Value position, Value neuron) {
    Value x = tree.tokenRow(loadNumber(e, tokens(from), position));
    Value left = tree.neuronRow(e.add(e.mul(neuron, 2), 1));
    decide(position, neuron, sumOf(tree, x, tree.neuronRow(neuron)),
           [&](Value right) { return sumOf(tree, x, e.select(right, e.at(left, spec.rows.rowBytes()), left)); });
  }

  // Numbers and way of one token.
  void decide(Value position, Value neuron, Value sum, const std::function<Value(Value)> &sumOfSide) {
    Value token = loadNumber(e, tokens(from), position), reach = tree.real(tree.part(spec.reachOffset()), token);
    Tree::Decision first = tree.decide(sum, neuron, reach);
    Value way = asInteger(e, first.right), uncertain = first.uncertain;
    e.store(first.number, tree.numberAddress(token, level));
    if (levels == 2) {
      Tree::Decision second = tree.decide(sumOfSide(first.right), tree.childOf(neuron, first.right), reach);
      e.store(second.number, tree.numberAddress(token, e.add(level, 1)));
      way = e.add(e.mul(way, 2), asInteger(e, second.right));
      uncertain = either(e, uncertain, second.uncertain);
    }
    storeNumber(e, e.mul(way, 16), ways(), position);
    e.ifThen(uncertain, [&] {
      Values arguments = tree.values.all();
      arguments.append({token, position, neuron, level});
      func::CallOp::create(e.b, e.loc, recheck, TypeRange(), arguments);
    });
  }

  // The run, split by the ways of its tokens.
  void split(Value runBegin, Value runEnd, Value neuron) {
    Value one = e.index(1), field = e.index(0xffff);
    Value counts = e.loop(runBegin, runEnd, 1, {e.index(0)}, [&](Value i, const Values &carried) {
      return Values{e.add(carried[0], e.shl(one, loadNumber(e, ways(), i)))};
    })[0];
    Value next = e.mul(counts, 0x0001000100010000); // begins of the four, in 16 bits each
    e.loop(runBegin, runEnd, 1, {next}, [&](Value i, const Values &carried) {
      Value way = loadNumber(e, ways(), i);
      Value place = e.add(runBegin, e.bitAnd(e.shrLogical(carried[0], way), field));
      Value child = e.add(e.add(e.mul(neuron, 4), 3), e.shrLogical(way, e.index(4)));
      storeNumber(e, loadNumber(e, tokens(from), i), tokens(to), place);
      storeNumber(e, child, neurons(to), place);
      return Values{e.add(carried[0], e.shl(one, way))};
    });
  }

  // No level follows: which neuron was the last.
  void finish(Value runBegin, Value runEnd, Value neuron) {
    if (levels == 1)
      return;
    e.loop(runBegin, runEnd, 1, [&](Value i) {
      Value first = e.shrLogical(loadNumber(e, ways(), i), e.index(5));
      storeNumber(e, e.add(e.add(e.mul(neuron, 2), 1), first), neurons(from), i);
    });
  }

  void run(Value runBegin, Value runEnd, Value neuron) {
    int64_t height = heightOf(e);
    Value whole = e.sub(runEnd, e.rem(e.sub(runEnd, runBegin), e.index(height)));
    e.loop(runBegin, whole, height, [&](Value position) { together(position, runEnd, neuron, height); });
    Value left = e.sub(runEnd, whole);
    auto each = [&] { e.loop(whole, runEnd, 1, [&](Value position) { alone(position, neuron); }); };
    if (height == 2) {
      each();
    } else {
      e.ifElse(e.less(left, e.index(3)), each, [&] {
        e.ifElse(
            e.less(left, e.index(5)), [&] { together(whole, runEnd, neuron, 4); },
            [&] { together(whole, runEnd, neuron, 8); });
      });
    }
    last ? finish(runBegin, runEnd, neuron) : split(runBegin, runEnd, neuron);
  }

  void emit() {
    repeat(
        e, begin, [&](Value i) { return e.less(i, end); },
        [&](Value i) {
          Value neuron = loadNumber(e, neurons(from), i);
          Value runEnd = repeat(
              e, e.add(i, 1),
              [&](Value j) { // what stands behind the end of the list may be read
                return both(e, e.less(j, end), e.equal(loadNumber(e, neurons(from), j), neuron));
              },
              [&](Value j) { return e.add(j, 1); });
          run(i, runEnd, neuron);
          return runEnd;
        });
  }
};

//===--- Few tokens ---===//

// How much of both children's rows is asked for before it is known which one is next: what memory sends while it
// answers. More would be in the way of what is needed (Zen 4, a way of 12 levels from memory: 7.0 us with none, 5.8
// with 512 bytes, 5.2 with 768, 5.4 with 1024, 6.0 with 1536).
constexpr int64_t kBegins = 768;

// (tree, count): tokens one by one, for batches so small that no neuron has several. Bound by memory: while a row is
// multiplied, what is left of it and the beginnings of both children's come, and what the neuron adds comes when its
// number is known.
void walkTokens(Tree &t, const std::string &recheck, Value count) {
  Emitter &e = t.e;
  const DescentSpec &spec = t.spec;
  int64_t begins = std::min(spec.rows.valueOffset(), kBegins);
  auto askFor = [&](Value row, int64_t begin, int64_t end) {
    e.loop(begin, end, 64, [&](Value offset) { e.prefetch(e.at(row, offset)); });
  };
  e.loop(e.index(0), count, 1, [&](Value token) {
    Value x = t.tokenRow(token), reach = t.real(t.part(spec.reachOffset()), token);
    storeNumber(e, token, t.part(spec.tokensOffset(0)), token);
    e.loop(e.index(0), e.index(spec.levels), 1, {e.index(0)}, [&](Value level, const Values &carried) {
      Value neuron = carried[0], row = t.neuronRow(neuron), left = t.neuronRow(e.add(e.mul(neuron, 2), 1));
      askFor(row, begins, spec.rows.valueOffset());
      e.ifThen(e.less(level, e.index(spec.levels - 1)), [&] {
        askFor(left, 0, begins);
        askFor(e.at(left, spec.rows.rowBytes()), 0, begins);
      });
      Tree::Decision decision = t.decide(sumOf(t, x, row), neuron, reach);
      storeNumber(e, e.mul(asInteger(e, decision.right), 16), t.part(spec.waysOffset()), token);
      e.store(decision.number, t.numberAddress(token, level));
      e.ifThen(decision.uncertain, [&] {
        Values arguments = t.values.all();
        arguments.append({token, token, neuron, level});
        func::CallOp::create(e.b, e.loc, recheck, TypeRange(), arguments);
      });
      askFor(row, spec.rows.valueOffset(), spec.rows.rowBytes());
      storeNumber(e, neuron, t.part(spec.neuronsOffset(0)), token);
      Value way = e.shrLogical(loadNumber(e, t.part(spec.waysOffset()), token), e.index(4));
      return Values{e.add(e.add(e.mul(neuron, 2), 1), way)};
    });
  });
}

//===--- Of a whole block ---===//

// The reach of the errors of a row: what is behind the norm of a neuron in the inequality above.
void emitReach(Emitter &e, const DescentSpec &spec, Value row, Value to) {
  int64_t vectors = spec.rows.keyVectors();
  auto load = [&](Value i) { return e.load(e.floats(), e.at(row, e.mul(i, 64)), 64); };
  // Four sums: each addition waits four cycles for the one before.
  auto add = [&](Value i, int64_t chains, Values sums) {
    for (int64_t c = 0; c < chains; ++c) {
      Value x = load(e.add(i, c));
      sums[c] = e.fma(x, x, sums[c]);
    }
    return sums;
  };
  Values squares = e.loop(e.index(0), e.index(vectors / 4 * 4), 4, Values(4, e.floatsOf(0)),
                          [&](Value i, const Values &sums) { return add(i, 4, sums); });
  squares = add(e.index(vectors / 4 * 4), vectors % 4, squares);
  Value sum = e.reduceAdd(e.add(e.add(squares[0], squares[1]), e.add(squares[2], squares[3])));
  e.ifElse(
      isTrue(e, arith::CmpFPredicate::UNE, sum, e.f32(0)),
      [&] {
        // Rounded up by far more than the sum of squares and the root are off; squares below 2^-126 are in the least.
        float units = static_cast<float>(static_cast<double>(vectors + 8) * 0x1p-24 * 1.001);
        Value root = e.intrinsic("llvm.sqrt", e.b.getF32Type(), {sum});
        e.store(e.add(e.mul(root, e.f32(units)), e.f32(0x1p-60f)), to);
      },
      [&] { // squares may all have been too small
        Value bits = e.loop(e.index(0), e.index(vectors), 1, {e.intsOf(0)}, [&](Value i, const Values &carried) {
          return Values{arith::OrIOp::create(e.b, e.loc, carried[0], e.bitcast(e.magnitude(load(i)), e.ints()))};
        })[0];
        Value any = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, bits);
        e.store(e.select(e.equal(any, e.i32(0)), e.f32(0), e.f32(0x1p-60f)), to);
      });
}

// (scratch, from, to, count): the list put into the order of its neurons, which are all of the level behind the first
// ones.
void emitOrder(Emitter &e, const DescentSpec &spec, ValueRange a) {
  int64_t bins = int64_t{1} << spec.firstLevels();
  Value counts = e.at(a[0], spec.countsOffset()), one = e.index(1);
  auto tokens = [&](Value list) { return e.at(list, spec.tokensOffset(0)); };
  auto neurons = [&](Value list) { return e.at(list, spec.neuronsOffset(0)); };
  auto bin = [&](Value i) { return e.add(loadNumber(e, neurons(a[1]), i), 1 - bins); };
  e.loop(0, bins, 1, [&](Value b) { storeNumber(e, e.index(0), counts, b); });
  e.loop(e.index(0), a[3], 1,
         [&](Value i) { storeNumber(e, e.add(loadNumber(e, counts, bin(i)), one), counts, bin(i)); });
  e.loop(e.index(0), e.index(bins), 1, {e.index(0)}, [&](Value b, const Values &carried) {
    Value count = loadNumber(e, counts, b);
    storeNumber(e, carried[0], counts, b);
    return Values{e.add(carried[0], count)};
  });
  e.loop(e.index(0), a[3], 1, [&](Value i) {
    Value b = bin(i), place = loadNumber(e, counts, b);
    storeNumber(e, e.add(place, one), counts, b);
    storeNumber(e, loadNumber(e, tokens(a[1]), i), tokens(a[2]), place);
    storeNumber(e, loadNumber(e, neurons(a[1]), i), neurons(a[2]), place);
  });
}

std::string textOf(const DescentSpec &spec) {
  static const char *const formats[] = {"f32", "bf16", "s8"};
  const NeuronRows &rows = spec.rows;
  return std::string(formats[int(rows.keyFormat)]) + "_" + formats[int(rows.valueFormat)] + "_l" +
         std::to_string(spec.levels) + "_k" + std::to_string(rows.inputs) + "_n" + std::to_string(rows.outputs) +
         (spec.tieRight ? "_tieright" : "") + (spec.trees > 1 ? "_trees" + std::to_string(spec.trees) : "");
}

std::string recheckKernel(KernelLibrary &kernels, const DescentSpec &spec, int64_t levels) {
  std::string name = "descend_again" + std::to_string(levels) + "_" + textOf(spec);
  return kernels.define(name, 5, 4, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    emitRecheck(tree, levels, a.drop_front(5));
  });
}

std::string stepKernel(KernelLibrary &kernels, const DescentSpec &spec, int64_t levels, bool last) {
  std::string ofTree = std::to_string(levels) + "_" + textOf(spec), recheck = recheckKernel(kernels, spec, levels);
  // (tree, from, to, begin, end, level)
  return kernels.define((last ? "descend_last" : "descend") + ofTree, 8, 5, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    Step{tree, levels, last, recheck, a[8], a[9], a[10], a[5], a[6], a[7], a[11], a[12]}.emit();
  });
}
} // namespace

Descent::Descent(KernelLibrary &kernels, const DescentSpec &spec) : spec(spec) {
  if (spec.levels > 2)
    pairs = stepKernel(kernels, spec, 2, false);
  if (spec.levels % 2 == 0)
    lastPair = stepKernel(kernels, spec, 2, true);
  else
    lastSingle = stepKernel(kernels, spec, 1, true);
  std::string recheck = recheckKernel(kernels, spec, 1);
  walk = kernels.define("descend_walk_" + textOf(spec), 5, 1, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    walkTokens(tree, recheck, a[5]);
  });
  if (spec.firstLevels() < spec.levels)
    order =
        kernels.define("descend_order_" + textOf(spec), 3, 1, [&](Emitter &e, ValueRange a) { emitOrder(e, spec, a); });
  reaches = kernels.define("descend_reach_" + textOf(spec), 2, 2, [&](Emitter &e, ValueRange a) {
    e.loop(a[2], a[3], 1, [&](Value token) {
      Value row = e.at(a[0], e.mul(token, floatRowBytes(spec.rows.inputs)));
      emitReach(e, spec, row, e.at(a[1], e.add(e.mul(token, 4), spec.reachOffset())));
    });
  });
}

// Steps that move tokens from list to list: the last of all does not.
int64_t Descent::stepsBetween(int64_t from, int64_t to) const {
  int64_t moves = 0;
  for (int64_t level = from; level < to; level += 2)
    moves += level + 2 < spec.levels ? 1 : 0;
  return moves + (from == 0 && to == spec.levels && spec.firstLevels() < to ? 1 : 0);
}

void Descent::emitSteps(Emitter &e, const TreeValues &tree, Value begin, Value end, Value count, int64_t from,
                        int64_t to) const {
  int64_t list = from == 0 ? 0 : (stepsBetween(0, from) + 1) % 2;
  auto listAt = [&](int64_t number) { return e.at(tree.scratch, 2 * number * spec.listBytes()); };
  int64_t start = list;
  for (int64_t level = from; level < to; level += 2) {
    bool last = level + 2 >= spec.levels;
    const std::string &name = !last ? pairs : level + 1 < spec.levels ? lastPair : lastSingle;
    Values arguments = tree.all();
    Value ahead = e.min(e.add(end, (level - from) / 2 * spec.tileTokens() * aheadOf(e) / heightOf(e)), count);
    arguments.append({listAt(list), listAt(1 - list), listAt(start), begin, end, e.index(level), ahead, count});
    func::CallOp::create(e.b, e.loc, name, TypeRange(), arguments);
    list = last ? list : 1 - list;
  }
}

void Descent::emitWalk(Emitter &e, const TreeValues &tree, Value count, bool firstTree) const {
  if (firstTree)
    func::CallOp::create(e.b, e.loc, reaches, TypeRange(), ValueRange{tree.in, tree.scratch, e.index(0), count});
  Values arguments = tree.all();
  arguments.push_back(count);
  func::CallOp::create(e.b, e.loc, walk, TypeRange(), arguments);
}

void Descent::emitFirst(Emitter &e, const TreeValues &tree, Value count, bool firstTree) const {
  Value tokens = e.at(tree.scratch, spec.tokensOffset(0)), neurons = e.at(tree.scratch, spec.neuronsOffset(0));
  e.loop(e.index(0), count, 1, [&](Value i) {
    storeNumber(e, i, tokens, i);
    storeNumber(e, e.index(0), neurons, i);
  });
  int64_t first = spec.firstLevels();
  e.loop(e.index(0), count, spec.tileTokens(), [&](Value begin) {
    Value end = e.min(e.add(begin, spec.tileTokens()), count);
    if (firstTree)
      func::CallOp::create(e.b, e.loc, reaches, TypeRange(), ValueRange{tree.in, tree.scratch, begin, end});
    emitSteps(e, tree, begin, end, count, 0, first);
  });
  if (first == spec.levels)
    return;
  int64_t list = stepsBetween(0, first) % 2;
  auto listAt = [&](int64_t number) { return e.at(tree.scratch, 2 * number * spec.listBytes()); };
  func::CallOp::create(e.b, e.loc, order, TypeRange(), ValueRange{tree.scratch, listAt(list), listAt(1 - list), count});
}

void Descent::emitRest(Emitter &e, const TreeValues &tree, Value begin, Value end, Value count) const {
  if (spec.firstLevels() < spec.levels) {
    emitSteps(e, tree, begin, end, count, spec.firstLevels(), spec.levels);
  }
}

} // namespace lmopt::cpu
