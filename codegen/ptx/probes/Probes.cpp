// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Probes.h. Every result is stored, or LLVM would leave out what made it. Operands come from memory: random bits,
// because what a unit draws, and so how fast its clock runs, depends on them.
#include "codegen/ptx/probes/Probes.h"

#include "codegen/ptx/persistent/GridBarrier.h"
#include "codegen/ptx/probes/WarpGroupProbes.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace lmopt::nvptx {

using Value = Emitter::Value;
using Values = Emitter::Values;

Value probeThread(Emitter &e, int64_t threads) { return e.add(e.mul(e.block(), threads), e.thread()); }

//===--- Memory ---===//

/// `body` with the addresses that this thread has in a turn: neighbours read neighbouring pieces.
static void forPieces(Emitter &e, ValueRange bases, Value turns, Value stride, Values carried,
                      const std::function<Values(ArrayRef<Values>, const Values &)> &body,
                      const std::function<void(const Values &)> &atEnd) {
  Value own = probeThread(e, kProbeThreads);
  atEnd(e.loop(e.number(0), turns, 1, carried, [&](Value turn, const Values &before) {
    SmallVector<Values> places(bases.size());
    for (int64_t i = 0; i < kProbePieces; ++i) {
      Value piece = e.add(e.mul(e.add(e.mul(turn, kProbePieces), i), stride), own);
      for (auto [list, base] : llvm::zip_equal(places, bases))
        list.push_back(e.atElement(base, piece, 16));
    }
    return body(places, before);
  }));
}

static void defineMemoryProbes(KernelLibrary &kernels) {
  const ArgumentKind arguments[] = {ArgumentKind::Constant, ArgumentKind::Memory, ArgumentKind::Number,
                                    ArgumentKind::Number};
  const KernelShape shape = {kProbeThreads, 8, 0};
  kernels.define("probe_read", shape, arguments, [](Emitter &e, ValueRange args) {
    auto read = [&](ArrayRef<Values> places, const Values &before) {
      SmallVector<Values> pieces;
      for (Value place : places[0]) // all are asked for before the first is used
        pieces.push_back(e.loadWords(place));
      Value all = before[0];
      for (const Values &piece : pieces)
        for (Value word : piece)
          all = e.bitXor(all, word);
      return Values{all};
    };
    forPieces(e, args.take_front(1), args[2], args[3], {e.number(0)}, read, [&](const Values &all) {
      e.store(all[0], e.atElement(args[1], probeThread(e, kProbeThreads), 4));
    });
  });
  kernels.define("probe_copy", shape, arguments, [](Emitter &e, ValueRange args) {
    auto copy = [&](ArrayRef<Values> places, const Values &) {
      SmallVector<Values> pieces;
      for (Value place : places[0])
        pieces.push_back(e.loadWords(place));
      for (auto [piece, place] : llvm::zip_equal(pieces, places[1]))
        e.storeFour(piece, place);
      return Values();
    };
    forPieces(e, args.take_front(2), args[2], args[3], {}, copy, [](const Values &) {});
  });
}

//===--- Products ---===//

static const ArgumentKind kProductArguments[] = {ArgumentKind::Constant, ArgumentKind::Memory, ArgumentKind::Number};

static void defineFma(KernelLibrary &kernels) {
  kernels.define("probe_fma_f32", {kProbeThreads, 4, 0}, kProductArguments, [](Emitter &e, ValueRange args) {
    Value factor = e.load(e.f32(), args[0]), addend = e.load(e.f32(), e.at(args[0], 4));
    Values numbers;
    for (int64_t i = 0; i < kProbeFmas; ++i)
      numbers.push_back(e.floatOf(static_cast<float>(i)));
    numbers = e.loop(e.number(0), args[2], 1, numbers, [&](Value, const Values &before) {
      Values after;
      for (Value number : before)
        after.push_back(e.fma(number, factor, addend));
      return after;
    });
    Value sum = numbers[0];
    for (Value number : llvm::drop_begin(numbers))
      sum = e.add(sum, number);
    e.store(sum, e.atElement(args[1], probeThread(e, kProbeThreads), 4));
  });
}

/// All warps multiply the same operands: A at the beginning, a B for each chain behind it.
static void defineMma(KernelLibrary &kernels, const std::string &name, bool isFloat) {
  kernels.define(name, {kProbeThreads, 2, 0}, kProductArguments, [=](Emitter &e, ValueRange args) {
    Value zero = isFloat ? e.floatOf(0) : e.number(0);
    Values a = e.loadWords(e.atElement(args[0], e.lane(), 16)), b;
    for (int64_t chain = 0; chain < kProbeChains; ++chain)
      for (int64_t word = 0; word < 2; ++word)
        b.push_back(e.load(e.i32(), e.at(e.atElement(args[0], e.lane(), 8), 512 + 256 * chain + 4 * word)));
    Values sums = e.loop(e.number(0), args[2], 1, Values(4 * kProbeChains, zero), [&](Value, const Values &before) {
      Values after;
      for (int64_t chain = 0; chain < kProbeChains; ++chain) {
        Values own(before.begin() + 4 * chain, before.begin() + 4 * chain + 4), rows = {b[2 * chain], b[2 * chain + 1]};
        llvm::append_range(after, isFloat ? e.mmaBf16(a, rows, own) : e.mmaS8U8(a, rows, own));
      }
      return after;
    });
    Values made(sums.begin(), sums.begin() + 4);
    for (int64_t i = 4; i < 4 * kProbeChains; ++i)
      made[i % 4] = e.add(made[i % 4], sums[i]);
    e.storeFour(made, e.atElement(args[1], probeThread(e, kProbeThreads), 16));
  });
}

/// What stands between two kernels of the persistent one.
static void defineBarrier(KernelLibrary &kernels) {
  const ArgumentKind arguments[] = {ArgumentKind::Memory, ArgumentKind::Number, ArgumentKind::Number};
  kernels.define("probe_barrier", {kProbeThreads, 1, 0}, arguments, [](Emitter &e, ValueRange args) {
    Value counter = args[0], blocks = args[2];
    e.loop(e.number(0), args[1], 1,
           [&](Value turn) { GridBarrier().emit(e, counter, e.mul(e.add(turn, 1), blocks), [] {}); });
  });
}

void defineProbes(KernelLibrary &kernels) {
  kernels.define("probe_empty", {kProbeThreads, 1, 0}, {}, [](Emitter &, ValueRange) {});
  defineBarrier(kernels);
  defineMemoryProbes(kernels);
  defineFma(kernels);
  defineMma(kernels, "probe_mma_u8s8", false);
  defineMma(kernels, "probe_mma_bf16", true);
  if (kernels.getTarget().chip == "sm_90a")
    defineWarpGroupProbes(kernels);
}

int64_t workOfProbe(llvm::StringRef name) {
  constexpr int64_t kPieces = kProbeThreads * kProbePieces * 16, kWarps = kProbeThreads / kWarpLanes;
  constexpr int64_t kMma = 2 * 16 * 8 * 32, kTile = 2 * 64 * 256 * 32; // of bytes; half as many of bf16
  return llvm::StringSwitch<int64_t>(name)
      .Case("probe_read", kPieces)
      .Case("probe_copy", 2 * kPieces)
      .Case("probe_fma_f32", 2 * kProbeFmas * kProbeThreads)
      .Case("probe_mma_u8s8", kMma * kProbeChains * kWarps)
      .Case("probe_mma_bf16", kMma / 2 * kProbeChains * kWarps)
      .Case("probe_wgmma_s8s8", kTile * kProbeTileProducts)
      .Case("probe_wgmma_bf16", kTile / 2 * kProbeTileProducts)
      .Default(0);
}

} // namespace lmopt::nvptx
