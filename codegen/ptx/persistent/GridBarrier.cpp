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
    wait(e, counter, target);
  });
  NVVM::SyncWarpOp::create(e.b, e.loc, e.number(-1)); // wherever the loop of one lane stands in the code
  e.barrier(barrier, threads);
}

// No access of this thread may move across it: they are kept away by the barriers of the block on both sides.
void GridBarrier::arrive(Emitter &e, Value counter) {
  NVVM::InlinePtxOp::create(e.b, e.loc, TypeRange(), ValueRange{counter, e.number(1)}, ValueRange(),
                            "red.release.gpu.global.add.u32 [{$r0}], {$r1};", Value());
}

void GridBarrier::wait(Emitter &e, Value counter, Value target) const {
  poll.emit(e, [&] {
    Value seen = LLVM::LoadOp::create(e.b, e.loc, e.i32(), counter, /*alignment=*/4, /*isVolatile=*/false,
                                      /*isNonTemporal=*/false, /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                      LLVM::AtomicOrdering::acquire, "device");
    return e.less(seen, target);
  });
}

} // namespace lmopt::nvptx
