// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RowKernel.h.
#include "codegen/ptx/rows/RowKernel.h"

#include "codegen/Functions.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = RowSpec::kThreads, kWarps = kThreads / kWarpLanes;
/// Neighbouring numbers that a thread loads at once: 16 bytes.
constexpr int64_t kRun = 4;

class RowEmitter {
public:
  RowEmitter(Emitter &e, const RowSpec &spec, ValueRange pointers)
      : e(e), spec(spec), pointers(pointers), shared(e.shared()), thread(e.thread()), row(e.block()) {}

  void run() {
    for (const RowStep &step : spec.steps)
      given.push_back(emit(step));
  }

private:
  Emitter &e;
  const RowSpec &spec;
  ValueRange pointers;
  Value shared, thread, row;
  std::vector<Values> given; ///< of each step: kRun numbers a turn

  int64_t padded() const { return spec.floatBytes() / 4; }
  int64_t turns() const { return (spec.codeBytes() + kThreads * kRun - 1) / (kThreads * kRun); }
  Value pointer(const RowStep &step, size_t i) { return pointers[static_cast<size_t>(step.pointers[i])]; }
  const Values &operand(const RowStep &step, size_t i) const { return given[static_cast<size_t>(step.operands[i])]; }
  Value firstOf(int64_t turn) { return e.mul(e.add(thread, turn * kThreads), kRun); }

  // Whether all numbers of a turn lie below `width`, for all threads.
  static bool isWhole(int64_t turn, int64_t width) { return (turn + 1) * kThreads * kRun <= width; }
  void below(int64_t turn, int64_t width, const std::function<void()> &body) {
    isWhole(turn, width) ? body() : e.ifThen(e.less(firstOf(turn), e.number(width)), body);
  }

  Values emit(const RowStep &step) {
    switch (step.kind) {
    case RowStepKind::Load:
      return load(e.atElement(pointer(step, 0), row, spec.floatBytes()));
    case RowStepKind::Gather:
      return load(
          e.atElement(pointer(step, 0), e.load(e.i32(), e.atElement(pointer(step, 1), row, 4)), spec.floatBytes()));
    case RowStepKind::Add:
      return zip(operand(step, 0), operand(step, 1), [&](Value a, Value c) { return e.add(a, c); });
    case RowStepKind::Gated:
      return zip(operand(step, 0), operand(step, 1),
                 [&](Value a, Value c) { return e.mul(functions::activation(e, step.activation, false, a), c); });
    case RowStepKind::Activate:
      return each(operand(step, 0), [&](Value a) { return functions::activation(e, step.activation, false, a); });
    case RowStepKind::RmsNorm:
      return rmsNorm(step);
    case RowStepKind::LayerNorm:
      return layerNorm(step);
    case RowStepKind::StoreFloats:
    case RowStepKind::StoreHalves:
    case RowStepKind::StoreCodes:
      store(step);
      return {};
    }
    return {};
  }

  static Values each(const Values &numbers, llvm::function_ref<Value(Value)> function) {
    return Values(llvm::map_range(numbers, function));
  }
  static Values zip(const Values &left, const Values &right, llvm::function_ref<Value(Value, Value)> function) {
    Values result;
    for (auto [a, c] : llvm::zip_equal(left, right))
      result.push_back(function(a, c));
    return result;
  }

  // What lies beyond the row's padding is zero.
  Values load(Value from) {
    Values numbers;
    for (int64_t turn = 0; turn < turns(); ++turn) {
      auto body = [&] { return e.loadFour(e.f32(), e.at(from, e.mul(firstOf(turn), 4))); };
      llvm::append_range(numbers, isWhole(turn, padded()) ? body()
                                                          : e.ifThen(e.less(firstOf(turn), e.number(padded())),
                                                                     Values(kRun, e.floatOf(0)), body));
    }
    return numbers;
  }

  // Zero where there is no number of the row.
  Values masked(const Values &numbers) {
    Values result;
    for (auto [i, number] : llvm::enumerate(numbers)) {
      auto turn = static_cast<int64_t>(i) / kRun;
      Value place = e.add(firstOf(turn), static_cast<int64_t>(i) % kRun);
      result.push_back(isWhole(turn, spec.width) ? number
                                                 : e.select(e.less(place, e.number(spec.width)), number, e.floatOf(0)));
    }
    return result;
  }

  //===--- Numbers of a whole row ---===//

  /// One number of all threads: within a warp by shuffles, then the warps in their order.
  Value reduce(Value own, llvm::function_ref<Value(Value, Value)> combine) {
    own = e.acrossLanes(own, {16, 8, 4, 2, 1}, combine);
    e.barrier(); // who is behind may still read what was there before
    e.ifThen(e.equal(e.lane(), e.number(0)), [&] { e.store(own, e.at(shared, e.mul(e.warp(), 4))); });
    e.barrier();
    Value whole = e.load(e.f32(), shared);
    for (int64_t warp = 1; warp < kWarps; ++warp)
      whole = combine(whole, e.load(e.f32(), e.at(shared, 4 * warp)));
    return whole;
  }
  Value sum(const Values &numbers) {
    Value own = numbers.front();
    for (Value number : llvm::drop_begin(numbers))
      own = e.add(own, number);
    return reduce(own, [&](Value a, Value c) { return e.add(a, c); });
  }
  Value mean(const Values &numbers) { return e.mul(sum(numbers), e.floatOf(1.0F / static_cast<float>(spec.width))); }
  Value meanOfSquares(const Values &numbers) {
    return mean(each(numbers, [&](Value x) { return e.mul(x, x); }));
  }
  Value reciprocalSqrt(Value x) { return e.div(e.floatOf(1), e.sqrt(x)); }

  Values rmsNorm(const RowStep &step) {
    const Values &x = operand(step, 0);
    Value factor = reciprocalSqrt(e.add(meanOfSquares(x), e.floatOf(step.epsilon)));
    return zip(x, load(pointer(step, 0)), [&](Value a, Value weight) { return e.mul(e.mul(a, factor), weight); });
  }

  // The variance is the mean of squared differences from the mean, as the oracle has it.
  Values layerNorm(const RowStep &step) {
    Value average = mean(operand(step, 0));
    Values x = masked(each(operand(step, 0), [&](Value a) { return e.sub(a, average); }));
    Value factor = reciprocalSqrt(e.add(meanOfSquares(x), e.floatOf(step.epsilon)));
    Values scaled =
        zip(x, load(pointer(step, 0)), [&](Value a, Value weight) { return e.mul(e.mul(a, factor), weight); });
    return zip(scaled, load(pointer(step, 1)), [&](Value a, Value c) { return e.add(a, c); });
  }

  //===--- Stores ---===//

  void store(const RowStep &step) {
    if (step.kind == RowStepKind::StoreCodes)
      return storeCodes(step);
    bool halves = step.kind == RowStepKind::StoreHalves;
    Value to = e.atElement(pointer(step, 0), row, halves ? spec.halfBytes() : spec.floatBytes());
    for (int64_t turn = 0; turn < turns(); ++turn) {
      Values run = runOf(operand(step, 0), turn);
      below(turn, halves ? spec.halfBytes() / 2 : padded(), [&] {
        if (halves)
          storeHalves(run, e.at(to, e.mul(firstOf(turn), 2)));
        else
          e.storeFour(run, e.at(to, e.mul(firstOf(turn), 4)));
      });
    }
  }
  static Values runOf(const Values &numbers, int64_t turn) {
    return Values(ArrayRef(numbers).slice(static_cast<size_t>(turn * kRun), kRun));
  }

  void storeHalves(const Values &run, Value to) {
    for (int64_t pair = 0; pair < 2; ++pair) {
      Value low = e.shr(e.roundedToBf16(run[static_cast<size_t>(2 * pair)]), 16);
      Value high = e.bitAnd(e.roundedToBf16(run[static_cast<size_t>(2 * pair + 1)]), static_cast<int32_t>(0xffff0000U));
      e.store(arith::OrIOp::create(e.b, e.loc, low, high), e.at(to, 4 * pair));
    }
  }

  // As codegen/cpu/quantize/QuantizeRows.cpp: a row of (almost) zeros gets scale 0 and all codes equal to the zero
  // point.
  void storeCodes(const RowStep &step) {
    const Values &x = operand(step, 0);
    Value low = e.floatOf(0), high = e.floatOf(0);
    for (Value number : x)
      low = e.min(number, low), high = e.max(number, high);
    low = reduce(low, [&](Value a, Value c) { return e.min(a, c); });
    high = reduce(high, [&](Value a, Value c) { return e.max(a, c); });
    Value scale = e.div(e.sub(high, low), e.floatOf(255));
    Value usable = e.less(e.floatOf(1e-35F), scale);
    scale = e.select(usable, scale, e.floatOf(0));
    Value inverse = e.select(usable, e.div(e.floatOf(1), scale), e.floatOf(0));
    Value zeroPoint = clamped(e.roundToInt(e.mul(e.sub(e.floatOf(0), low), inverse)));
    e.ifThen(e.equal(thread, e.number(0)), [&] {
      e.store(scale, e.atElement(pointer(step, 1), row, 4));
      e.store(zeroPoint, e.atElement(pointer(step, 2), row, 4));
    });
    Value to = e.atElement(pointer(step, 0), row, spec.codeBytes());
    for (int64_t turn = 0; turn < turns(); ++turn)
      below(turn, spec.codeBytes(), [&] {
        Value word = e.number(0);
        for (auto [i, number] : llvm::enumerate(runOf(x, turn))) {
          Value code = clamped(e.add(e.roundToInt(e.mul(number, inverse)), zeroPoint));
          word = arith::OrIOp::create(e.b, e.loc, word, e.shl(code, static_cast<int64_t>(8 * i)));
        }
        e.store(word, e.at(to, firstOf(turn)));
      });
  }
  Value clamped(Value code) { return e.max(e.min(code, e.number(255)), e.number(0)); }
};

//===--- Names and arguments ---===//

const char *wordOf(RowStepKind kind) {
  switch (kind) {
  case RowStepKind::Load:
    return "load";
  case RowStepKind::Gather:
    return "gather";
  case RowStepKind::Add:
    return "add";
  case RowStepKind::Gated:
    return "gated";
  case RowStepKind::Activate:
    return "act";
  case RowStepKind::RmsNorm:
    return "rmsnorm";
  case RowStepKind::LayerNorm:
    return "layernorm";
  case RowStepKind::StoreFloats:
    return "f32";
  case RowStepKind::StoreHalves:
    return "bf16";
  case RowStepKind::StoreCodes:
    return "u8";
  }
  return "";
}

std::string nameOf(const RowSpec &spec, const Target &target) {
  std::string name = "rows" + std::to_string(spec.width);
  for (const RowStep &step : spec.steps) {
    name += std::string("_") + wordOf(step.kind);
    for (int64_t operand : step.operands)
      name += "_" + std::to_string(operand);
    for (int64_t pointer : step.pointers)
      name += "p" + std::to_string(pointer);
    if (step.kind == RowStepKind::Gated || step.kind == RowStepKind::Activate)
      name += kernelWord(step.activation);
    if (step.epsilon != 0)
      name += "e" + std::to_string(llvm::bit_cast<uint32_t>(step.epsilon));
  }
  return name + "_" + target.chip;
}

bool isWeight(RowStepKind kind, size_t pointer) {
  return kind == RowStepKind::RmsNorm || kind == RowStepKind::LayerNorm ||
         (kind == RowStepKind::Gather && pointer == 0);
}

SmallVector<ArgumentKind> kindsOf(const RowSpec &spec) {
  SmallVector<ArgumentKind> kinds;
  for (const RowStep &step : spec.steps)
    for (auto [i, pointer] : llvm::enumerate(step.pointers)) {
      if (static_cast<size_t>(pointer) >= kinds.size())
        kinds.resize(static_cast<size_t>(pointer) + 1, ArgumentKind::Memory);
      if (isWeight(step.kind, i))
        kinds[static_cast<size_t>(pointer)] = ArgumentKind::Constant;
    }
  return kinds;
}

} // namespace

std::string rowKernel(KernelLibrary &kernels, const RowSpec &spec) {
  KernelShape shape = {kThreads, /*leastBlocks=*/1, /*sharedBytes=*/4 * kWarps};
  return kernels.define(nameOf(spec, kernels.getTarget()), shape, kindsOf(spec),
                        [&](Emitter &e, ValueRange pointers) { RowEmitter(e, spec, pointers).run(); });
}

} // namespace lmopt::nvptx
