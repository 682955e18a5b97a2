// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of a descent: tokens of a range by one or two levels, and few tokens by all. In: a list of tokens in the
// order of their neurons. Out: their numbers, and the list in the order of the neurons they go on to. Why it is done so
// stands in Descent.cpp. Tested by test/unit/codegen/NeuronTreeKernelTest.cpp.
#include "codegen/cpu/conditional/DescentTree.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

// Products of some tokens with some neurons: sum j of token k is number j * tokens + k, 16 lanes of it.
struct Products {
  Tree &t;
  const Values &xs, &ws;
  Emitter &e = t.e;
  const NeuronRows &rows = t.spec.rows;

  // Where 16 lanes are two registers, all of the lower halves come first, then all of the upper ones: twelve sums, two
  // tokens and one neuron are all that lives at a time of 16 registers. (Zen 3's instructions on Zen 5, 16384 tokens of
  // 768 numbers, 12 levels: the least of 30 rounds is 12.1 ms, 13.2 where lanes stay together, whose sums do not stay
  // in registers.) Rows of fewer bits are widened 16 at a time.
  int64_t parts() const { return rows.keyFormat == RowNumber::F32 && e.shape.tilePanels == 1 ? 2 : 1; }
  int64_t lanes() const { return kLanes / parts(); }
  size_t count() const { return xs.size() * ws.size(); }
  VectorType type() const { return VectorType::get({lanes()}, e.b.getF32Type()); }

  Value token(size_t k, Value i, int64_t part) {
    return e.load(type(), e.at(e.at(xs[k], e.mul(i, 64)), part * lanes() * 4), lanes() * 4);
  }
  Value neuron(size_t j, Value i, int64_t part) {
    if (parts() == 1)
      return loadNumbers(e, rows.keyFormat, e.at(ws[j], e.mul(i, rows.keyVectorBytes())));
    return e.load(type(), e.at(e.at(ws[j], e.mul(i, 64)), part * lanes() * 4), lanes() * 4);
  }
  // Of tokens and neurons those that are fewer are kept, the others come one by one.
  void multiply(Value i, int64_t part, Values &sums, const std::function<void()> &meanwhile) {
    bool keepsNeurons = ws.size() < xs.size();
    size_t few = std::min(xs.size(), ws.size()), many = std::max(xs.size(), ws.size());
    Values kept;
    for (size_t f = 0; f < few; ++f)
      kept.push_back(keepsNeurons ? neuron(f, i, part) : token(f, i, part));
    meanwhile();
    for (size_t m = 0; m < many; ++m) {
      Value one = keepsNeurons ? token(m, i, part) : neuron(m, i, part);
      for (size_t f = 0; f < few; ++f) {
        Value &sum = sums[part * count() + (keepsNeurons ? f * many + m : m * few + f)];
        sum = e.fma(keepsNeurons ? one : kept[f], keepsNeurons ? kept[f] : one, sum);
      }
    }
  }
  // One chain of additions for each lane. `next`: rows that will be needed, asked for on the way.
  Values piece(int64_t begin, int64_t end, const Values &next) {
    Value zero = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type(), 0.0f));
    return e.loop(e.index(begin), e.index(end), 1, Values(parts() * count(), zero),
                  [&](Value i, const Values &carried) {
                    Values sums = carried;
                    for (int64_t part = 0; part < parts(); ++part)
                      multiply(i, part, sums, [&] {
                        for (Value row : part == 0 ? next : Values())
                          e.prefetch(e.at(row, e.mul(i, 64)));
                      });
                    return sums;
                  });
  }
  // A sum is that of its pieces (NeuronRows::pieces).
  Values all(const Values &next) {
    int64_t length = rows.keyVectors() / rows.pieces();
    Values totals = piece(0, length, next);
    for (int64_t begin = length; begin < rows.keyVectors(); begin += length)
      for (auto [total, sum] : llvm::zip_equal(totals, piece(begin, begin + length, next)))
        total = e.add(total, sum);
    for (size_t i = 0; parts() == 2 && i < count(); ++i)
      totals[i] = e.shuffle(totals[i], totals[count() + i], llvm::to_vector(llvm::seq<int64_t>(0, kLanes)));
    totals.resize(count());
    return totals;
  }
};

// One product: the pieces of its sum side by side, so that additions of one do not wait for another's.
Value oneProduct(Tree &t, Value x, Value w) {
  Emitter &e = t.e;
  const NeuronRows &rows = t.spec.rows;
  int64_t pieces = rows.pieces(), piece = rows.keyVectors() / pieces;
  Values zeros(pieces, e.floatsOf(0));
  Values sums = e.loop(e.index(0), e.index(piece), 1, zeros, [&](Value i, const Values &carried) {
    Values next = carried;
    for (int64_t p = 0; p < pieces; ++p) {
      Value vector = e.add(i, p * piece);
      Value key = loadNumbers(e, rows.keyFormat, e.at(w, e.mul(vector, rows.keyVectorBytes())));
      next[p] = e.fma(e.load(e.floats(), e.at(x, e.mul(vector, 64)), 64), key, next[p]);
    }
    return next;
  });
  Value total = sums[0];
  for (int64_t p = 1; p < pieces; ++p)
    total = e.add(total, sums[p]);
  return total;
}

Value sumOf(Tree &t, Value x, Value w) {
  Emitter &e = t.e;
  return e.lane(e.reduceRows({oneProduct(t, x, w)}, [&](Value a, Value c) { return e.add(a, c); }), 0);
}

// Tokens that are multiplied together, and how many of those that follow are asked for meanwhile: three steps at least
// of a tile ask for all of the next.
int64_t heightOf(const Emitter &e) { return e.shape.tilePanels > 1 ? 8 : 2; }
int64_t aheadOf(const Emitter &e) { return e.shape.tilePanels > 1 ? 3 : 1; }

// The decision of a token at a neuron.
struct Decider {
  Tree &tree;
  const std::string &recheck;
  Emitter &e = tree.e;

  // The side, 0 or 1, by way of the list of ways: there a second look leaves it.
  Value decide(Value token, Value position, Value neuron, Value level, Value sum) {
    const NeuronRows &rows = tree.spec.rows;
    if (rows.keyFormat == RowNumber::S8)
      sum = e.mul(sum, tree.numberOf(neuron, NeuronRows::kKeyScale));
    Value number = e.add(sum, tree.numberOf(neuron, NeuronRows::kBias));
    Value error = e.mul(tree.reach(token), tree.numberOf(neuron, NeuronRows::kNorm));
    Value ways = tree.part(tree.spec.waysOffset());
    e.store(number, tree.numberAddress(token, level));
    storeNumber(e, tree.side(number), ways, position);
    e.ifThen(tree.isUncertain(number, error), [&] {
      Values arguments = tree.values.all();
      arguments.append({token, position, neuron, level});
      func::CallOp::create(e.b, e.loc, recheck, TypeRange(), arguments);
    });
    return loadNumber(e, ways, position);
  }
};

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

  // `count` tokens from a position on; those beyond the run read its last one.
  void together(Value position, Value runEnd, Value neuron, int64_t count) {
    Values xs, ws{tree.neuronRow(neuron)};
    for (int64_t k = 0; k < count; ++k)
      xs.push_back(tree.tokenRow(loadNumber(e, tokens(from), e.min(e.add(position, k), e.add(runEnd, -1)))));
    if (levels == 2) {
      Value left = tree.neuronRow(e.add(e.mul(neuron, 2), 1));
      ws.append({left, e.at(left, spec.rows.rowBytes())});
    }
    storeSums(Products{tree, xs, ws}.all(rowsAhead(position)));
    e.loop(e.index(0), e.min(e.index(count), e.sub(runEnd, position)), 1, [&](Value k) {
      advance(e.add(position, k), neuron, loadSum(0, count, k), [&](Value side) {
        return e.select(e.equal(side, e.index(0)), loadSum(1, count, k), loadSum(2, count, k));
      });
    });
  }
  Values rowsAhead(Value position) {
    Values rows;
    Value place = e.add(aheadBegin, e.mul(e.div(e.sub(position, begin), e.index(heightOf(e))), aheadOf(e)));
    for (int64_t j = 0; j < aheadOf(e); ++j)
      rows.push_back(tree.tokenRow(loadNumber(e, tokens(ahead), e.min(e.add(place, j), e.add(aheadEnd, -1)))));
    return rows;
  }

  // One token, a level at a time.
  void alone(Value position, Value neuron) {
    Value x = tree.tokenRow(loadNumber(e, tokens(from), position));
    advance(position, neuron, sumOf(tree, x, tree.neuronRow(neuron)),
            [&](Value side) { return sumOf(tree, x, tree.neuronRow(tree.childOf(neuron, side))); });
  }

  // The way of one token; where levels are two, `sumOfSide` gives what it has with a child.
  void advance(Value position, Value neuron, Value sum, const std::function<Value(Value)> &sumOfSide) {
    Value token = loadNumber(e, tokens(from), position);
    Decider decider{tree, recheck};
    Value way = decider.decide(token, position, neuron, level, sum);
    if (levels == 2) {
      Value child = tree.childOf(neuron, way);
      Value side = decider.decide(token, position, child, e.add(level, 1), sumOfSide(way));
      way = e.add(e.mul(way, 2), side);
    }
    storeNumber(e, e.mul(way, 16), ways(), position);
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
                return arith::AndIOp::create(e.b, e.loc, e.less(j, end),
                                             e.equal(loadNumber(e, neurons(from), j), neuron))
                    .getResult();
              },
              [&](Value j) { return e.add(j, 1); });
          run(i, runEnd, neuron);
          return runEnd;
        });
  }
};

// How much of both children's rows is asked for before it is known which one is next: what memory sends while it
// answers. More would be in the way of what is needed (Zen 4, bench-cmm --no-dense --cold --batch 1 --rounds 10, a way
// of 12 levels: 5.8 us with 512 bytes, 5.2 with 768, 5.4 with 1024, 6.0 with 1536.)
constexpr int64_t kBegins = 768;

// Bound by memory: while a row is multiplied, what is left of it and the beginnings of both children's come, and what
// the neuron adds comes when its number is known.
void emitWalk(Tree &t, const std::string &recheck, Value count) {
  Emitter &e = t.e;
  const DescentSpec &spec = t.spec;
  int64_t begins = std::min(spec.rows.valueOffset(), kBegins);
  auto askFor = [&](Value row, int64_t begin, int64_t end) {
    e.loop(begin, end, 64, [&](Value offset) { e.prefetch(e.at(row, offset)); });
  };
  e.loop(e.index(0), count, 1, [&](Value token) {
    Value x = t.tokenRow(token);
    storeNumber(e, token, t.part(spec.tokensOffset(0)), token);
    e.loop(e.index(0), e.index(spec.levels), 1, {e.index(0)}, [&](Value level, const Values &carried) {
      Value neuron = carried[0], row = t.neuronRow(neuron), left = t.neuronRow(e.add(e.mul(neuron, 2), 1));
      askFor(row, begins, spec.rows.valueOffset());
      e.ifThen(e.less(level, e.index(spec.levels - 1)), [&] {
        askFor(left, 0, begins);
        askFor(e.at(left, spec.rows.rowBytes()), 0, begins);
      });
      Value side = Decider{t, recheck}.decide(token, token, neuron, level, sumOf(t, x, row));
      storeNumber(e, e.mul(side, 16), t.part(spec.waysOffset()), token); // as steps leave it
      askFor(row, spec.rows.valueOffset(), spec.rows.rowBytes());
      storeNumber(e, neuron, t.part(spec.neuronsOffset(0)), token);
      return Values{t.childOf(neuron, side)};
    });
  });
}
} // namespace

std::pair<int64_t, int64_t> stepAhead(const Emitter &e) { return {aheadOf(e), heightOf(e)}; }

std::string stepKernel(KernelLibrary &kernels, const DescentSpec &spec, int64_t levels, bool last) {
  std::string recheck = recheckKernel(kernels, spec);
  std::string name = (last ? "descend_last" : "descend") + std::to_string(levels) + "_" + textOf(spec);
  return kernels.define(name, 8, 5, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    Step{tree, levels, last, recheck, a[8], a[9], a[10], a[5], a[6], a[7], a[11], a[12]}.emit();
  });
}

std::string walkKernel(KernelLibrary &kernels, const DescentSpec &spec) {
  std::string recheck = recheckKernel(kernels, spec);
  return kernels.define("descend_walk_" + textOf(spec), 5, 1, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    emitWalk(tree, recheck, a[5]);
  });
}

} // namespace lmopt::cpu
