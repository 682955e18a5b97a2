// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Walker.h.
#include "codegen/ptx/persistent/Walker.h"

#include "codegen/ptx/Rows.h"
#include "codegen/ptx/persistent/ConstantMemory.h"

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

/// Barriers of a block: where the threads of a body meet, and where all that walk do.
constexpr int64_t kBodyBarrier = 1;

/// Behind all that bodies have in shared memory.
int64_t recordPlace(const KernelLibrary &kernels, ArrayRef<int64_t> numbers) {
  int64_t most = 0;
  for (int64_t number : numbers)
    most = std::max(most, kernels.kernels()[static_cast<size_t>(number)].shape.sharedBytes);
  return roundUp(most, LMOPT_WALK_RECORD_ALIGNMENT);
}

class WalkerEmitter {
public:
  WalkerEmitter(Emitter &e, const WalkerSpec &spec, ArrayRef<KernelEntry> bodies, int64_t stride, int64_t place,
                ValueRange a)
      : e(e), spec(spec), bodies(bodies), stride(stride), records(a[0]), counter(a[1]), count(a[2]), thread(e.thread()),
        blocks(NVVM::GridDimXOp::create(e.b, e.loc, e.i32())), record(e.at(e.shared(), place)) {}

  void run() {
    copyRecord(e.number(0));
    e.barrier(spec.barrier.barrier, spec.barrier.threads);
    e.loop(e.number(0), count, 1, [&](Value number) {
      doRecord();
      Value next = e.add(number, 1);
      e.ifThen(e.less(next, count),
               [&] { spec.barrier.emit(e, counter, e.mul(next, blocks), [&] { copyRecord(next); }); });
    });
  }

private:
  Emitter &e;
  const WalkerSpec &spec;
  ArrayRef<KernelEntry> bodies; ///< as spec.kernels numbers them
  int64_t stride;
  Value records, counter, count, thread, blocks, record;

  void copyRecord(Value number) {
    Value from = e.atElement(records, number, stride);
    e.loop(thread, e.number(stride / 16), WalkerSpec::kThreads, [&](Value i) {
      Value offset = e.mul(i, 16);
      e.storeFour(e.loadWords(e.at(from, offset)), e.at(record, offset));
    });
  }
  Value headAt(size_t offset) { return e.load(e.i32(), e.at(record, static_cast<int64_t>(offset))); }

  void doRecord() {
    Value number = headAt(offsetof(lmopt_walk_record_t, kernel));
    Value index = arith::IndexCastUIOp::create(e.b, e.loc, e.b.getIndexType(), number);
    auto choice = scf::IndexSwitchOp::create(e.b, e.loc, TypeRange(), index, spec.kernels,
                                             static_cast<unsigned>(spec.kernels.size()));
    for (auto [region, body] : llvm::zip_equal(choice.getCaseRegions(), bodies))
      inRegion(region, [&, &one = body] { doKernel(one); });
    // The runtime writes no other numbers.
    inRegion(choice.getDefaultRegion(), [&] { LLVM::Trap::create(e.b, e.loc); });
  }
  void inRegion(Region &region, llvm::function_ref<void()> body) {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.createBlock(&region);
    body();
    scf::YieldOp::create(e.b, e.loc);
  }

  void doKernel(const KernelEntry &kernel) {
    SmallVector<Value> arguments = argumentsOf(kernel);
    auto doIt = [&] { eachBlock(kernel, arguments); };
    if (kernel.shape.threads < WalkerSpec::kThreads)
      e.ifThen(e.less(thread, e.number(kernel.shape.threads)), doIt);
    else
      doIt();
    for (auto [kind, argument] : llvm::zip_equal(kernel.arguments, arguments))
      if (kind == ArgumentKind::Constant)
        markConstant(argument);
  }

  SmallVector<Value> argumentsOf(const KernelEntry &kernel) {
    SmallVector<Value> arguments;
    for (auto [kind, offset] : llvm::zip_equal(kernel.arguments, kernel.argumentOffsets())) {
      Value place = e.at(record, static_cast<int64_t>(sizeof(lmopt_walk_record_t)) + offset);
      arguments.push_back(kind == ArgumentKind::Number ? e.load(e.i32(), place) : e.loadPointer(place));
    }
    return arguments;
  }

  void eachBlock(const KernelEntry &kernel, ArrayRef<Value> arguments) {
    Value width = headAt(offsetof(lmopt_walk_record_t, grid)), height = headAt(offsetof(lmopt_walk_record_t, grid[1]));
    Value end = e.mul(e.mul(width, height), headAt(offsetof(lmopt_walk_record_t, grid[2])));
    auto loop = scf::ForOp::create(e.b, e.loc, e.block(), end, blocks);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar(), rest = e.div(number, width);
    VirtualBlock block = {e.rem(number, width), e.rem(rest, height), e.div(rest, height), kernel.shape.threads,
                          kBodyBarrier};
    Emitter own(e.b, e.loc, e.target, &block);
    kernel.body(own, arguments);
    own.barrier(); // the next one has other things in shared memory
  }
};

} // namespace

std::string walkerKernel(KernelLibrary &kernels, const WalkerSpec &spec) {
  using Kind = ArgumentKind;
  std::vector<KernelEntry> bodies;
  for (int64_t number : spec.kernels)
    bodies.push_back(kernels.kernels()[static_cast<size_t>(number)]);
  int64_t stride = recordBytes(kernels, spec.kernels), place = recordPlace(kernels, spec.kernels);
  // Two blocks: of 128 registers a thread, which all bodies get along with.
  KernelShape shape = {WalkerSpec::kThreads, /*leastBlocks=*/2, place + stride};
  std::string name = kernels.define("walk" + std::to_string(bodies.size()) + "_" + kernels.getTarget().chip, shape,
                                    {Kind::Constant, Kind::Memory, Kind::Number}, [=](Emitter &e, ValueRange a) {
                                      WalkerEmitter(e, spec, bodies, stride, place, a).run();
                                    });
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
    walkerKernel(kernels, {{numbers.begin(), numbers.end()}, {}});
}

} // namespace lmopt::nvptx
