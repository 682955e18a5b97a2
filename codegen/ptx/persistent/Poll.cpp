// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Poll.h.
#include "codegen/ptx/persistent/Poll.h"

using namespace mlir;

namespace lmopt::nvptx {

void Poll::emit(Emitter &e, llvm::function_ref<Value()> isNotYet) const {
  Value start = NVVM::GlobalTimerOp::create(e.b, e.loc, e.b.getI64Type()), none = e.number(0);
  OpBuilder::InsertionGuard guard(e.b);
  auto loop = scf::WhileOp::create(e.b, e.loc, TypeRange(e.i32()), ValueRange(none));
  Block *ask = e.b.createBlock(&loop.getBefore(), {}, {e.i32()}, {e.loc});
  scf::ConditionOp::create(e.b, e.loc, isNotYet(), ask->getArguments());
  Block *wait = e.b.createBlock(&loop.getAfter(), {}, {e.i32()}, {e.loc});
  Value polls = wait->getArgument(0);
  beforeNext(e, polls, start);
  scf::YieldOp::create(e.b, e.loc, ValueRange(e.add(polls, 1)));
}

// Who has asked often lets others have the memory, and looks at the clock.
void Poll::beforeNext(Emitter &e, Value polls, Value start) const {
  e.ifThen(e.less(e.number(kEagerPolls - 1), polls), [&] {
    NVVM::NanosleepOp::create(e.b, e.loc, e.number(kSleepNanoseconds));
    Value now = NVVM::GlobalTimerOp::create(e.b, e.loc, e.b.getI64Type());
    Value most = arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(nanoseconds));
    e.ifThen(e.less(most, arith::SubIOp::create(e.b, e.loc, now, start)), [&] { LLVM::Trap::create(e.b, e.loc); });
  });
}

} // namespace lmopt::nvptx
