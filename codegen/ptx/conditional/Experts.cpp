// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Experts.h.
#include "codegen/ptx/conditional/Experts.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

/// The gate of an expert for a row, and whether it is used: also where it is no number.
struct Gates {
  Emitter &e;
  Value row; ///< address

  Gates(Emitter &e, const ExpertsSpec &spec, Value gates)
      : e(e), row(e.atElement(gates, e.blockY(), rowBytes(spec.experts, 4))) {}
  Value of(Value expert) { return e.load(e.f32(), e.at(row, e.mul(expert, 4))); }
  Value isUsed(Value gate) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, gate, e.floatOf(0)); }
};

class HiddenEmitter {
public:
  HiddenEmitter(Emitter &e, const ExpertsSpec &spec, ValueRange a)
      : e(e), spec(spec), x(e.atElement(a[0], e.blockY(), spec.rows.keyBytes())), gates(e, spec, a[1]), weights(a[2]),
        hidden(e.atElement(a[3], e.blockY(), spec.hiddenBytes())), expert(e.div(e.block(), spec.blocksOfExpert())),
        first(e.add(e.mul(e.rem(e.block(), spec.blocksOfExpert()), ExpertsSpec::kNeurons), e.mul(e.warp(), kOfWarp))),
        products{e, spec.rows.inputs} {}

  void run() {
    Value isNeeded = e.bitAnd(gates.isUsed(gates.of(expert)), e.less(first, e.number(spec.neurons())));
    e.ifThen(isNeeded, [&] {
      Values sums, ups;
      for (int64_t some = 0; some < kOfWarp; some += together())
        multiply(some, sums, ups);
      finish(sums, ups);
    });
  }

private:
  static constexpr int64_t kOfWarp = ExpertsSpec::kNeurons / (ExpertsSpec::kThreads / kWarpLanes);
  Emitter &e;
  const ExpertsSpec &spec;
  Value x;
  Gates gates;
  Value weights, hidden, expert, first;
  RowProducts products;

  int64_t together() const { return spec.rows.up ? kOfWarp / 2 : kOfWarp; }
  Value bias(Value neuron) {
    Value beside = e.atElement(e.at(weights, spec.rows.numbersOffset()), neuron, NeuronRows::kNumbersBytes);
    return e.load(e.f32(), e.at(beside, NeuronRows::kBias));
  }

  // Some neurons of the warp; what is beyond the expert's last one is that one again.
  void multiply(int64_t some, Values &sums, Values &ups) {
    Values rows;
    for (int64_t i = 0; i < together(); ++i)
      rows.push_back(e.atElement(weights, neuron(e.add(first, some + i)), spec.rows.neuronBytes()));
    for (int64_t i = 0; spec.rows.up && i < together(); ++i)
      rows.push_back(e.at(rows[static_cast<size_t>(i)], spec.rows.upOffset()));
    Values all = products.sums(x, rows);
    sums.append(all.begin(), all.begin() + together());
    ups.append(all.begin() + together(), all.end());
  }
  Value neuron(Value i) { return e.add(e.mul(expert, spec.neurons()), e.min(i, e.number(spec.neurons() - 1))); }
  // A lane each.
  void finish(const Values &sums, const Values &ups) {
    Value own = e.add(first, e.lane()), place = neuron(own);
    Value number = activated(e, spec.kind, e.add(ofOwn(sums), bias(place)));
    if (spec.rows.up)
      number = e.mul(number, ofOwn(ups));
    Value end = e.min(e.add(first, kOfWarp), e.number(spec.neurons()));
    e.ifThen(e.less(own, end), [&] { e.store(number, e.at(hidden, e.mul(place, 4))); });
  }
  Value ofOwn(const Values &numbers) {
    Value own = numbers[0];
    for (size_t i = 1; i < numbers.size(); ++i)
      own = e.select(e.equal(e.lane(), e.number(static_cast<int64_t>(i))), numbers[i], own);
    return own;
  }
};

class ResultEmitter {
public:
  ResultEmitter(Emitter &e, const ExpertsSpec &spec, ValueRange a)
      : e(e), spec(spec), gates(e, spec, a[0]), weights(a[1]),
        hidden(e.atElement(a[2], e.blockY(), spec.hiddenBytes())),
        to(e.atElement(a[3], e.blockY(), spec.rows.valueBytes())), columns{e, spec.rows.outputs, e.block()} {}

  void run() {
    columns.finish(sumOf([&](Value expert, Value gate, Value sum) { return e.fma(gate, ofExpert(expert), sum); }), to,
                   [&](Value sum) { return spec.rows.added ? e.add(sum, biases()) : sum; });
  }

private:
  static constexpr int64_t kAhead = 8; ///< rows on their way
  Emitter &e;
  const ExpertsSpec &spec;
  Gates gates;
  Value weights, hidden, to;
  ColumnSums columns;

  // Over the experts that are used.
  Value sumOf(const std::function<Value(Value, Value, Value)> &add) {
    return e.loop(e.number(0), e.number(spec.experts), 1, {e.floatOf(0)}, [&](Value expert, const Values &so) {
      Value gate = gates.of(expert);
      return e.ifThen(gates.isUsed(gate), so, [&] { return Values{add(expert, gate, so[0])}; });
    })[0];
  }
  Value biases() {
    return sumOf([&](Value expert, Value gate, Value sum) {
      Value row = e.atElement(e.at(weights, spec.rows.addedOffset()), expert, spec.rows.valueBytes());
      return e.fma(gate, e.load(e.f32(), e.at(row, columns.columnOffset())), sum);
    });
  }

  // What a warp has of an expert: every eighth of its neurons.
  Value ofExpert(Value expert) {
    Value first = e.mul(expert, spec.neurons());
    int64_t step = ColumnSums::kWarps * kAhead, whole = spec.neurons() / step * step;
    Value sum = e.loop(e.warp(), e.number(whole), step, {e.floatOf(0)}, [&](Value i, const Values &so) {
      return Values{addNeurons(e.add(first, i), kAhead, so[0])};
    })[0];
    return e.loop(e.add(e.warp(), whole), e.number(spec.neurons()), ColumnSums::kWarps, {sum},
                  [&](Value i, const Values &so) { return Values{addNeurons(e.add(first, i), 1, so[0])}; })[0];
  }
  Value addNeurons(Value first, int64_t count, Value sum) {
    Values numbers, values;
    for (int64_t i = 0; i < count; ++i) {
      Value neuron = e.add(first, i * ColumnSums::kWarps);
      Value row = e.at(e.atElement(weights, neuron, spec.rows.neuronBytes()), spec.rows.valueOffset());
      numbers.push_back(e.load(e.f32(), e.at(hidden, e.mul(neuron, 4))));
      values.push_back(e.load(e.f32(), e.at(row, columns.columnOffset())));
    }
    for (size_t i = 0; i < numbers.size(); ++i)
      sum = e.fma(numbers[i], values[i], sum);
    return sum;
  }
};

std::string nameOf(const char *part, const ExpertsSpec &spec, const Target &target) {
  return std::string("experts_") + part + std::to_string(spec.experts) + "_" + kernelWord(spec.kind) + "_" +
         wordOf(spec.rows) + "_" + target.chip;
}

} // namespace

std::string expertsHiddenKernel(KernelLibrary &kernels, const ExpertsSpec &spec) {
  using Kind = ArgumentKind;
  return kernels.define(nameOf("hidden", spec, kernels.getTarget()), {ExpertsSpec::kThreads},
                        {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { HiddenEmitter(e, spec, a).run(); });
}

std::string expertsResultKernel(KernelLibrary &kernels, const ExpertsSpec &spec) {
  using Kind = ArgumentKind;
  KernelShape shape = {ColumnSums::kThreads, /*leastBlocks=*/1, ColumnSums::kSharedBytes};
  return kernels.define(nameOf("result", spec, kernels.getTarget()), shape,
                        {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { ResultEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
