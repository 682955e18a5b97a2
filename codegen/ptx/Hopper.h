// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels for sm_90a say beyond Emitter.h: mbarriers, bulk copies, products of four warps (wgmma). Each function
// appends ops of nvvm or inline PTX at the emitter's insertion point. Source: PTX ISA, "mbarrier", "Asynchronous Data
// Copy", "Asynchronous Warpgroup Level Matrix Instructions"; ptx.md 1.1, 2.2. Tested by the kernels
// (test/unit/codegen/ptx/LinearTileHopperTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_HOPPER_H
#define LMOPT_CODEGEN_PTX_HOPPER_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx::hopper {

using Value = mlir::Value;
using Values = Emitter::Values;

/// Of an mbarrier in shared memory.
constexpr int64_t kBarrierBytes = 8;

//===--- mbarriers; one thread sets them up, before a barrier of the block ---===//

/// `arrivals` make a phase complete.
void initBarrier(Emitter &e, Value barrier, int64_t arrivals);
/// What initBarrier did is seen by other threads and by copies.
void publishBarriers(Emitter &e);
void arrive(Emitter &e, Value barrier);
// What follows is done by lanes for which `when` holds, without a branch: the lanes of a warp stay together, as wgmma
// and waits for copies want them.
void arriveIf(Emitter &e, Value when, Value barrier);
/// The phase is not complete before so many bytes have come, too.
void arriveExpectingIf(Emitter &e, Value when, Value barrier, Value bytes);
/// Until the phase of this parity (0 or 1) is complete. Of a fresh mbarrier the one before the first is: parity 1.
void wait(Emitter &e, Value barrier, Value parity);

//===--- Copies ---===//

/// A range from global to shared memory, which `barrier` counts; all are multiples of 16.
void copyBulkIf(Emitter &e, Value when, Value to, Value from, Value bytes, Value barrier);
/// What this thread wrote to shared memory, or has waited for, is seen by wgmma of whoever hears of it.
void publishToProducts(Emitter &e);

//===--- wgmma, by all warps of four on end ---===//

/// Rows of 128 bytes at a multiple of 1024, chunk c of 16 bytes of row r at place c xor (r mod 8), as operand of a
/// product; each 32 bytes along the rows are kDescriptorSlice more.
Value descriptorOf(Emitter &e, Value sharedAddress);
constexpr int64_t kDescriptorSlice = 2;
/// Registers written so far are seen by the products that follow.
void beginProducts(Emitter &e);
/// Each warp: 16 outputs (an operand, as mma.sync has it) of one slice times `columns` rows, added to its sums, four of
/// each eight rows. s8 times u8 where sums are integers, else bf16. Until waitForProducts nothing may touch the sums or
/// the operand.
Values product(Emitter &e, const Values &weights, Value rows, const Values &sums);
void closeProducts(Emitter &e);
void waitForProducts(Emitter &e);
/// Nothing; but LLVM, which does not know that products read their operands later, keeps them as they are up to here.
void keep(Emitter &e, const Values &operands);

} // namespace lmopt::nvptx::hopper

#endif // LMOPT_CODEGEN_PTX_HOPPER_H
