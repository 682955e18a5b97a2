// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest scores of a router; see Gates.h. Every thread adds up all terms of the softmax, in the order of experts.
#include "codegen/Functions.h"
#include "codegen/ptx/conditional/Choice.h"
#include "codegen/ptx/conditional/Gates.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

class TopGatesEmitter {
public:
  TopGatesEmitter(Emitter &e, const TopGatesSpec &spec, ValueRange a)
      : e(e), spec(spec), from(e.atElement(a[0], e.block(), rowBytes(spec.experts, 4))),
        to(e.atElement(a[1], e.block(), rowBytes(spec.experts, 4))), choice{e, e.shared(), spec.experts},
        ranks(e.at(e.shared(), spec.ranksOffset())), terms(e.at(e.shared(), spec.termsOffset())),
        greatest(e.at(e.shared(), spec.greatestOffset())) {}

  void run() {
    each([&](Value expert) { choice.put(expert, scoreOf(expert)); });
    e.barrier();
    if (spec.softmax == TopGatesSpec::Softmax::None)
      return store([&](Value expert) { return e.select(isChosen(choice.rank(expert)), e.floatOf(1), e.floatOf(0)); });
    findRanks();
    e.barrier();
    each([&](Value expert) { e.store(termOf(expert), at(terms, expert)); });
    e.barrier();
    Value sum = sumOfTerms();
    store([&](Value expert) {
      Value gate = e.div(e.load(e.f32(), at(terms, expert)), sum);
      return e.select(isChosen(rankOf(expert)), gate, e.floatOf(0));
    });
  }

private:
  Emitter &e;
  const TopGatesSpec &spec;
  Value from, to;
  Choice choice;
  Value ranks, terms, greatest;

  Value at(Value base, Value i) { return e.at(base, e.mul(i, 4)); }
  Value scoreOf(Value expert) { return e.load(e.f32(), at(from, expert)); }
  Value isChosen(Value rank) { return e.less(rank, e.number(spec.count)); }
  void each(const std::function<void(Value)> &body) {
    e.loop(e.thread(), e.number(spec.experts), spec.threads(), body);
  }
  Value rankOf(Value expert) { return e.load(e.i32(), at(ranks, expert)); }
  void findRanks() {
    each([&](Value expert) {
      Value rank = choice.rank(expert);
      e.store(rank, at(ranks, expert));
      e.ifThen(e.equal(rank, e.number(0)), [&] { e.store(scoreOf(expert), greatest); });
    });
  }
  // exp(score - greatest) of those that are summed. What is no number stays so, though the formula clamps it.
  Value termOf(Value expert) {
    Value exponent = e.sub(scoreOf(expert), e.load(e.f32(), greatest));
    Value power = e.select(e.isNumber(exponent), functions::exp(e, exponent), exponent);
    bool isAll = spec.softmax == TopGatesSpec::Softmax::All;
    return isAll ? power : e.select(isChosen(rankOf(expert)), power, e.floatOf(0));
  }
  Value sumOfTerms() {
    return e.loop(e.number(0), e.number(spec.experts), 1, {e.floatOf(0)}, [&](Value expert, const Values &so) {
      return Values{e.add(so[0], e.load(e.f32(), at(terms, expert)))};
    })[0];
  }
  void store(llvm::function_ref<Value(Value)> gate) {
    int64_t padded = rowBytes(spec.experts, 4) / 4;
    e.loop(e.thread(), e.number(padded), spec.threads(), [&](Value expert) {
      Value isExpert = e.less(expert, e.number(spec.experts));
      Value number = padded == spec.experts
                         ? gate(expert)
                         : e.ifThen(isExpert, {e.floatOf(0)}, [&] { return Values{gate(expert)}; })[0];
      e.store(number, at(to, expert));
    });
  }
};

} // namespace

std::string topGatesKernel(KernelLibrary &kernels, const TopGatesSpec &spec) {
  using Kind = ArgumentKind;
  static const char *const words[] = {"chosen", "all", "none"};
  std::string name = "top_gates" + std::to_string(spec.count) + "_n" + std::to_string(spec.experts) + "_" +
                     words[static_cast<int>(spec.softmax)] + "_" + kernels.getTarget().chip;
  KernelShape shape = {spec.threads(), /*leastBlocks=*/1, spec.sharedBytes()};
  return kernels.define(name, shape, {Kind::Memory, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { TopGatesEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
