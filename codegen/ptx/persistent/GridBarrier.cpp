// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GridBarrier.h.
#include "codegen/ptx/persistent/GridBarrier.h"

using namespace mlir;

namespace lmopt::nvptx {

void GridBarrier::emit(Emitter &e, Value counter, Value target, const std::function<void()> &meanwhile) const {
  e.barrier(barrier, threads);
  meanwhile();
  e.ifThen(e.equal(e.thread(), e.number(0)), [&] {
    arrive(e, counter);
    poll(e, counter, target);
  });
  NVVM::SyncWarpOp::create(e.b, e.loc, e.number(-1)); // wherever the loop of one lane stands in the code
  e.barrier(barrier, threads);
}

// No access of this thread may move across it: they are kept away by the barriers of the block on both sides.
void GridBarrier::arrive(Emitter &e, Value counter) const {
  NVVM::InlinePtxOp::create(e.b, e.loc, TypeRange(), ValueRange{counter, e.number(1)}, ValueRange(),
                            "red.release.gpu.global.add.u32 [{$r0}], {$r1};", Value());
}

void GridBarrier::poll(Emitter &e, Value counter, Value target) const {
  Value start = NVVM::GlobalTimerOp::create(e.b, e.loc, e.b.getI64Type()), none = e.number(0);
  OpBuilder::InsertionGuard guard(e.b);
  auto loop = scf::WhileOp::create(e.b, e.loc, TypeRange(e.i32()), ValueRange(none));
  Block *ask = e.b.createBlock(&loop.getBefore(), {}, {e.i32()}, {e.loc});
  Value seen = LLVM::LoadOp::create(e.b, e.loc, e.i32(), counter, /*alignment=*/4, /*isVolatile=*/false,
                                    /*isNonTemporal=*/false, /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                    LLVM::AtomicOrdering::acquire, "device");
  scf::ConditionOp::create(e.b, e.loc, e.less(seen, target), ask->getArguments());
  Block *wait = e.b.createBlock(&loop.getAfter(), {}, {e.i32()}, {e.loc});
  Value polls = wait->getArgument(0);
  beforeNextPoll(e, polls, start);
  scf::YieldOp::create(e.b, e.loc, ValueRange(e.add(polls, 1)));
}

// Who has asked often lets others have the memory, and looks at the clock.
void GridBarrier::beforeNextPoll(Emitter &e, Value polls, Value start) const {
  e.ifThen(e.less(e.number(kEagerPolls - 1), polls), [&] {
    NVVM::NanosleepOp::create(e.b, e.loc, e.number(kSleepNanoseconds));
    Value now = NVVM::GlobalTimerOp::create(e.b, e.loc, e.b.getI64Type());
    Value most = arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(nanoseconds));
    e.ifThen(e.less(most, arith::SubIOp::create(e.b, e.loc, now, start)), [&] { LLVM::Trap::create(e.b, e.loc); });
  });
}

} // namespace lmopt::nvptx
