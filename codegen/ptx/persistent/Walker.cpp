// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Walker.h.
#include "codegen/ptx/persistent/Walker.h"

#include "codegen/ptx/Rows.h"
#include "codegen/ptx/persistent/ConstantMemory.h"
#include "codegen/ptx/persistent/WeightRing.h"

#include "lmopt/abi.h"

#include <cstddef>
#include <set>

using namespace mlir;

namespace lmopt::nvptx {

int64_t recordBytes(const KernelLibrary &kernels, ArrayRef<int64_t> numbers) {
  int64_t most = 0;
  for (int64_t number : numbers)
    most = std::max(most, kernels.kernels()[static_cast<size_t>(number)].argumentBytes());
  return roundUp(static_cast<int64_t>(sizeof(lmopt_walk_record_t)) + most, LMOPT_WALK_RECORD_ALIGNMENT);
}

namespace {

/// Barriers of a block: where the threads of a body meet, and where all do before they begin.
constexpr int64_t kBodyBarrier = 1, kStartBarrier = 2;
/// Shared memory of a block with a ring: 99 KB is what cards of 8.6, 8.9 and 12.0 give it.
constexpr int64_t kMostShared = 99 << 10;
constexpr int64_t kMostStages = 16, kLeastStages = 4;

/// What a walker has, and where it lies in shared memory: what bodies have, the record, the ring.
struct Layout {
  std::vector<KernelEntry> bodies; ///< in the order of WalkerSpec::kernels
  int64_t stride = 0, recordPlace = 0;
  RingSpec ring;

  Layout(const KernelLibrary &kernels, const WalkerSpec &spec) : stride(recordBytes(kernels, spec.kernels)) {
    for (int64_t number : spec.kernels)
      bodies.push_back(kernels.kernels()[static_cast<size_t>(number)]);
    for (const KernelEntry &body : bodies)
      recordPlace = std::max(recordPlace, roundUp(body.shape.sharedBytes, LMOPT_WALK_RECORD_ALIGNMENT));
    ring.poll = spec.barrier.poll;
    ring.place = recordPlace + stride;
    if (llvm::any_of(bodies, hasStream))
      ring.stages = spec.stages ? *spec.stages : stagesThatFit();
  }
  static bool hasStream(const KernelEntry &kernel) { return kernel.stream.isSome(); }
  int64_t sharedBytes() const { return ring.place + RingSpec::bytesOf(ring.stages); }
  /// Two would leave 96 registers a thread with the ring and 128 without it, with which ptxas spills; the ring has
  /// enough under way for one.
  static constexpr int64_t kLeastBlocks = 1;
  int64_t threads() const { return WalkerSpec::kThreads + (ring.stages ? kWarpLanes : 0); }

private:
  /// None where not even the fewest do.
  int64_t stagesThatFit() const {
    int64_t stages = kMostStages;
    while (stages >= kLeastStages && ring.place + RingSpec::bytesOf(stages) > kMostShared)
      stages /= 2;
    return stages >= kLeastStages ? stages : 0;
  }
};

/// A record in shared or in global memory.
class Record {
public:
  Record(Emitter &e, Value at) : e(e), at(at) {}

  Value kernel() { return headAt(offsetof(lmopt_walk_record_t, kernel)); }
  Value width() { return headAt(offsetof(lmopt_walk_record_t, grid)); }
  Value height() { return headAt(offsetof(lmopt_walk_record_t, grid[1])); }
  Value blocks() { return e.mul(e.mul(width(), height()), headAt(offsetof(lmopt_walk_record_t, grid[2]))); }
  SmallVector<Value> argumentsOf(const KernelEntry &kernel) {
    SmallVector<Value> arguments;
    for (auto [kind, offset] : llvm::zip_equal(kernel.arguments, kernel.argumentOffsets())) {
      Value place = e.at(at, static_cast<int64_t>(sizeof(lmopt_walk_record_t)) + offset);
      arguments.push_back(kind == ArgumentKind::Number ? e.load(e.i32(), place) : e.loadPointer(place));
    }
    return arguments;
  }

private:
  Emitter &e;
  Value at;
  Value headAt(size_t offset) { return e.load(e.i32(), e.at(at, static_cast<int64_t>(offset))); }
};

class WalkerEmitter {
public:
  WalkerEmitter(Emitter &e, const WalkerSpec &spec, const Layout &layout, ValueRange a)
      : e(e), spec(spec), layout(layout), records(a[0]), counter(a[1]), count(a[2]), thread(e.thread()),
        walkers(NVVM::GridDimXOp::create(e.b, e.loc, e.i32())), recordAt(e.at(e.shared(), layout.recordPlace)),
        ring(e, layout.ring) {}

  void run() {
    if (hasRing())
      e.ifThen(e.equal(thread, e.number(0)), [&] { ring.initialize(); });
    copyRecord(e.number(0));
    e.barrier(kStartBarrier, layout.threads());
    if (!hasRing())
      return compute();
    Value computes = e.less(thread, e.number(WalkerSpec::kThreads));
    e.ifThen(computes, [&] { compute(); });
    e.ifThen(e.equal(e.warp(), e.number(RingSpec::kWarps)), [&] { feed(); });
  }

private:
  using Values = Emitter::Values;
  Emitter &e;
  const WalkerSpec &spec;
  const Layout &layout;
  Value records, counter, count, thread, walkers, recordAt;
  WeightRing ring;

  bool hasRing() const { return layout.ring.stages > 0; }

  void copyRecord(Value number) {
    Value from = e.atElement(records, number, layout.stride);
    e.loop(thread, e.number(layout.stride / 16), WalkerSpec::kThreads, [&](Value i) {
      Value offset = e.mul(i, 16);
      e.storeFour(e.loadWords(e.at(from, offset)), e.at(recordAt, offset));
    });
  }

  // Carried: the stage of the ring that comes next.
  void compute() {
    e.loop(e.number(0), count, 1, Values{e.number(0)}, [&](Value number, const Values &carried) {
      Record record(e, recordAt);
      Value stage = choose(
          record, carried[0], [](const KernelEntry &) { return true; },
          [&](const KernelEntry &kernel) { return doKernel(record, kernel, carried[0]); });
      Value next = e.add(number, 1);
      e.ifThen(e.less(next, count),
               [&] { spec.barrier.emit(e, counter, e.mul(next, walkers), [&] { copyRecord(next); }); });
      return Values{stage};
    });
  }

  // The warp that brings weights goes through the same records, and waits for nothing but room.
  void feed() {
    Value end = e.loop(e.number(0), count, 1, Values{e.number(0)}, [&](Value number, const Values &carried) {
      Record record(e, e.atElement(records, number, layout.stride));
      return Values{choose(record, carried[0], Layout::hasStream,
                           [&](const KernelEntry &kernel) { return feedKernel(record, kernel, carried[0]); })};
    })[0];
    ring.finish(end);
  }

  /// What `body` gives for the record's kernel, or `otherwise` where it is none of `which`; all are known to compute().
  Value choose(Record &record, Value otherwise, llvm::function_ref<bool(const KernelEntry &)> which,
               llvm::function_ref<Value(const KernelEntry &)> body) {
    std::vector<int64_t> numbers;
    for (const KernelEntry &kernel : layout.bodies)
      if (which(kernel))
        numbers.push_back(kernel.number);
    Value index = arith::IndexCastUIOp::create(e.b, e.loc, e.b.getIndexType(), record.kernel());
    auto choice = scf::IndexSwitchOp::create(e.b, e.loc, TypeRange(e.i32()), index, numbers,
                                             static_cast<unsigned>(numbers.size()));
    size_t next = 0;
    for (const KernelEntry &kernel : layout.bodies)
      if (which(kernel))
        inRegion(choice.getCaseRegions()[next++], [&] { return body(kernel); });
    inRegion(choice.getDefaultRegion(), [&] {
      if (numbers.size() == layout.bodies.size()) // the runtime writes no other numbers
        LLVM::Trap::create(e.b, e.loc);
      return otherwise;
    });
    return choice.getResult(0);
  }
  void inRegion(Region &region, llvm::function_ref<Value()> body) {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.createBlock(&region);
    scf::YieldOp::create(e.b, e.loc, ValueRange(body()));
  }

  Value doKernel(Record &record, const KernelEntry &kernel, Value stage) {
    SmallVector<Value> arguments = record.argumentsOf(kernel);
    Value next = stage;
    auto doIt = [&] {
      next = eachBlock(record, kernel, stage,
                       [&](VirtualBlock block, Value first) { return doBlock(kernel, block, arguments, first); });
    };
    if (kernel.shape.threads < WalkerSpec::kThreads)
      e.ifThen(e.less(thread, e.number(kernel.shape.threads)), doIt);
    else
      doIt();
    SmallVector<Value> constants;
    for (auto [kind, argument] : llvm::zip_equal(kernel.arguments, arguments))
      if (kind == ArgumentKind::Constant)
        constants.push_back(argument);
    markConstant(constants);
    return Layout::hasStream(kernel) ? next : stage;
  }
  Value doBlock(const KernelEntry &kernel, VirtualBlock block, ArrayRef<Value> arguments, Value first) {
    bool fromRing = hasRing() && Layout::hasStream(kernel);
    TileOfRing tile(ring, first);
    block.slices = fromRing ? &tile : nullptr;
    Emitter own(e.b, e.loc, e.target, &block);
    kernel.body(own, arguments);
    if (fromRing && !kernel.stream.blocks)
      ring.skip(first, kernel.stream.slices);
    own.barrier(); // the next one has other things in shared memory
    return e.add(first, stagesOf(own, kernel.stream, arguments));
  }
  static Value stagesOf(Emitter &own, const WeightStream &stream, ArrayRef<Value> arguments) {
    return stream.blocks ? WeightRing::stagesOfBlocks(own, stream.blocks(own, arguments))
                         : own.number(RingSpec::stagesOf(stream.slices));
  }
  Value feedKernel(Record &record, const KernelEntry &kernel, Value stage) {
    SmallVector<Value> arguments = record.argumentsOf(kernel);
    return eachBlock(record, kernel, stage, [&](VirtualBlock block, Value first) {
      Emitter own(e.b, e.loc, e.target, &block);
      Value from = kernel.stream.begin(own, arguments);
      return kernel.stream.blocks ? ring.loadBlocks(from, kernel.stream.blocks(own, arguments), first)
                                  : ring.load(from, kernel.stream.slices, first);
    });
  }

  /// The thread's number, from which LLVM would else derive numbers of all bodies ahead of the records, and keep them.
  Value threadAnew() {
    return NVVM::InlinePtxOp::create(e.b, e.loc, TypeRange(e.i32()), ValueRange(thread), ValueRange(),
                                     "mov.u32 {$w0}, {$r0};", Value())
        .getResult(0);
  }

  /// Those of the record's blocks that are this walker's; carries the stage from one to the next.
  Value eachBlock(Record &record, const KernelEntry &kernel, Value stage,
                  llvm::function_ref<Value(VirtualBlock, Value)> body) {
    Value width = record.width(), height = record.height(), own = threadAnew();
    auto loop = scf::ForOp::create(e.b, e.loc, e.block(), record.blocks(), walkers, ValueRange(stage));
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar(), rest = e.div(number, width);
    VirtualBlock block = {e.rem(number, width), e.rem(rest, height), e.div(rest, height),
                          kernel.shape.threads, kBodyBarrier,        nullptr};
    scf::YieldOp::create(e.b, e.loc, ValueRange(body(block, loop.getRegionIterArg(0))));
    loop.walk([&](NVVM::ThreadIdXOp thread) { thread.replaceAllUsesWith(own); });
    return loop.getResult(0);
  }
};

} // namespace

std::string walkerKernel(KernelLibrary &kernels, const WalkerSpec &spec) {
  using Kind = ArgumentKind;
  Layout layout(kernels, spec);
  KernelShape shape = {layout.threads(), Layout::kLeastBlocks, layout.sharedBytes()};
  std::string name = kernels.define("walk" + std::to_string(layout.bodies.size()) + "_" + kernels.getTarget().chip,
                                    shape, {Kind::Constant, Kind::Memory, Kind::Number},
                                    [=](Emitter &e, ValueRange a) { WalkerEmitter(e, spec, layout, a).run(); });
  kernels.setWalker({kernels.kernel(name).number, spec.kernels});
  return name;
}

void addWalker(KernelLibrary &kernels, ArrayRef<Launch> launches) {
  std::set<int64_t> numbers;
  for (const Launch &launch : launches)
    if (launch.leastRows <= WalkerSpec::kRows) {
      const KernelEntry &kernel = kernels.kernel(launch.kernel);
      if (kernel.shape.threads > WalkerSpec::kThreads)
        return;
      numbers.insert(kernel.number);
    }
  if (!numbers.empty())
    walkerKernel(kernels, {{numbers.begin(), numbers.end()}, {}, {}});
}

} // namespace lmopt::nvptx
