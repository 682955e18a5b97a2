// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Hopper.h.
#include "codegen/ptx/Hopper.h"

using namespace mlir;

namespace lmopt::nvptx::hopper {

//===--- mbarriers ---===//

void initBarrier(Emitter &e, Value barrier, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(e.b, e.loc, barrier, e.number(arrivals), Value());
}
void publishBarriers(Emitter &e) { NVVM::FenceMbarrierInitOp::create(e.b, e.loc); }
void arrive(Emitter &e, Value barrier) { NVVM::MBarrierArriveOp::create(e.b, e.loc, e.b.getI64Type(), barrier); }

static Value narrowAddress(Emitter &e, Value shared) { return LLVM::PtrToIntOp::create(e.b, e.loc, e.i32(), shared); }
static void inlinePtx(Emitter &e, Value when, ValueRange operands, StringRef text) {
  NVVM::InlinePtxOp::create(e.b, e.loc, TypeRange(), operands, ValueRange(), text, when);
}

// What these give, the phase, nobody wants (_).
void arriveIf(Emitter &e, Value when, Value barrier) {
  inlinePtx(e, when, narrowAddress(e, barrier), "mbarrier.arrive.shared.b64 _, [{$r0}];");
}
void arriveExpectingIf(Emitter &e, Value when, Value barrier, Value bytes) {
  inlinePtx(e, when, {narrowAddress(e, barrier), bytes}, "mbarrier.arrive.expect_tx.shared.b64 _, [{$r0}], {$r1};");
}

/// How long hardware may put a waiting thread to sleep before it looks again, in nanoseconds: it is woken before.
constexpr int64_t kMostSleep = 10000000;

void wait(Emitter &e, Value barrier, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(e.b, e.loc, barrier, parity, e.number(kMostSleep));
}

//===--- Copies ---===//

// PTX before 8.6 knows copies to the memory of a cluster only; a block is a cluster of its own here, and its addresses
// are those of the cluster, too.
void copyBulkIf(Emitter &e, Value when, Value to, Value from, Value bytes, Value barrier) {
  inlinePtx(e, when, {narrowAddress(e, to), from, bytes, narrowAddress(e, barrier)},
            "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [{$r0}], [{$r1}], {$r2}, [{$r3}];");
}
void publishToProducts(Emitter &e) {
  NVVM::FenceProxyOp::create(e.b, e.loc, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(e.b.getContext(), NVVM::SharedSpace::shared_cta));
}

//===--- wgmma ---===//

Value descriptorOf(Emitter &e, Value sharedAddress) {
  // Bits 0-13: the address; 32-45: from eight rows to the next; both in units of 16 bytes. 62-63: 1 is this swizzle,
  // for which bits 16-29 mean nothing.
  constexpr uint64_t fixed = uint64_t(1024 / 16) << 32 | uint64_t(1) << 62;
  Value wide =
      arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), e.bitAnd(e.shr(narrowAddress(e, sharedAddress), 4), 0x3fff));
  Value rest = arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(static_cast<int64_t>(fixed)));
  return arith::OrIOp::create(e.b, e.loc, wide, rest);
}

void beginProducts(Emitter &e) { NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc); }
void closeProducts(Emitter &e) { NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc); }
void waitForProducts(Emitter &e) { NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0); }

static Operation *inlineAsm(Emitter &e, Type result, const Values &operands, const std::string &text,
                            const std::string &constraints) {
  return LLVM::InlineAsmOp::create(e.b, e.loc, result, operands, text, constraints, /*has_side_effects=*/true,
                                   /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr());
}

void keep(Emitter &e, const Values &operands) {
  std::string constraints = "r";
  for (size_t i = 1; i < operands.size(); ++i)
    constraints += ",r";
  inlineAsm(e, Type(), operands, "", constraints);
}

static std::string operandList(size_t first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

/// The sums are results and operands: $0 .. $(count-1) stand for both.
static std::string instructionOf(size_t count, bool isInteger) {
  std::string columns = std::to_string(2 * count);
  return "wgmma.mma_async.sync.aligned.m64n" + columns + (isInteger ? "k32.s32.s8.u8 " : "k16.f32.bf16.bf16 ") +
         operandList(0, count) + ", " + operandList(count, 4) + ", $" + std::to_string(count + 4) +
         (isInteger ? ", 1;" : ", 1, 1, 1, 0;");
}
static std::string constraintsOf(size_t count, bool isInteger) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += isInteger ? "=r," : "=f,";
  text += "r,r,r,r,l";
  for (size_t i = 0; i < count; ++i)
    text += "," + std::to_string(i);
  return text;
}

// nvvm.wgmma takes both operands from shared memory.
Values product(Emitter &e, const Values &weights, Value rows, const Values &sums) {
  bool isInteger = sums[0].getType().isInteger();
  Values operands = weights;
  operands.push_back(rows);
  llvm::append_range(operands, sums);
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(sums.size(), sums[0].getType()));
  Value made =
      inlineAsm(e, type, operands, instructionOf(sums.size(), isInteger), constraintsOf(sums.size(), isInteger))
          ->getResult(0);
  Values result;
  for (size_t i = 0; i < sums.size(); ++i)
    result.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, made, static_cast<int64_t>(i)));
  return result;
}

} // namespace lmopt::nvptx::hopper
