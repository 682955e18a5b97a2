// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WarpGroupProbes.h. Both operands lie in shared memory as tiles of rows of 128 bytes, swizzled by 128 bytes, which
// is where prefill has its rows. Bytes are copied there as they come: any are as good, as long as they are random. Codes
// are signed on both sides: the unit is the same, and wgmma of unlike signs needs PTX 8.4.
// Source of the descriptor: PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions"; ptx.md 2.2.
#include "codegen/ptx/probes/WarpGroupProbes.h"

#include "codegen/ptx/probes/Probes.h"

using namespace mlir;

namespace lmopt::nvptx {

using Value = Emitter::Value;

static constexpr int64_t kColumns = 256, kRows = 64, kRowBytes = 128, kProductBytes = 32;
static constexpr int64_t kSums = kColumns * kRows / kWarpGroupThreads;
/// Eight rows are an atom of 1024 bytes; rows go along 128 bytes; swizzle of 128 bytes.
static constexpr uint64_t kDescriptor = uint64_t(1) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;

static Value wide(Emitter &e, uint64_t number) {
  return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(static_cast<int64_t>(number)));
}

/// Of the tile at this address of shared memory, which is a multiple of 1024.
static Value descriptorOf(Emitter &e, Value address) {
  Value start = LLVM::PtrToIntOp::create(e.b, e.loc, e.i32(), address);
  Value units = arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), e.bitAnd(e.shr(start, 4), 0x3fff));
  return arith::OrIOp::create(e.b, e.loc, units, wide(e, kDescriptor));
}

/// The beginning of the tiles: dynamic shared memory is aligned to 128 only.
static Value tiles(Emitter &e) {
  Value start = LLVM::PtrToIntOp::create(e.b, e.loc, e.i32(), e.shared());
  return e.at(e.shared(), e.bitAnd(e.sub(e.number(0), start), 1023));
}

static void fill(Emitter &e, Value from, Value into) {
  Value first = e.mul(e.thread(), 16);
  e.loop(first, e.number(kProbeTileBytes), kWarpGroupThreads * 16,
         [&](Value byte) { e.storeFour(e.loadWords(e.at(from, byte)), e.at(into, byte)); });
  // What threads wrote, the tensor cores read by another way.
  NVVM::FenceProxyOp::create(
      e.b, e.loc, NVVM::ProxyKindAttr::get(e.b.getContext(), NVVM::ProxyKind::async_shared),
      NVVM::SharedSpaceAttr::get(e.b.getContext(), NVVM::SharedSpace::shared_cta));
  e.barrier();
}

static Value multiply(Emitter &e, Value a, Value b, Value sums, bool isFloat) {
  MLIRContext *context = e.b.getContext();
  auto typed = [&](NVVM::WGMMATypes type) { return NVVM::WGMMATypesAttr::get(context, type); };
  auto plain = NVVM::WGMMAScaleInAttr::get(context, NVVM::WGMMAScaleIn::one);
  return NVVM::WgmmaMmaAsyncOp::create(
      e.b, e.loc, sums.getType(), sums, a, b,
      NVVM::MMAShapeAttr::get(context, kRows, kColumns, isFloat ? kProductBytes / 2 : kProductBytes),
      typed(isFloat ? NVVM::WGMMATypes::bf16 : NVVM::WGMMATypes::s8),
      typed(isFloat ? NVVM::WGMMATypes::bf16 : NVVM::WGMMATypes::s8),
      typed(isFloat ? NVVM::WGMMATypes::f32 : NVVM::WGMMATypes::s32),
      NVVM::WGMMAScaleOutAttr::get(context, NVVM::WGMMAScaleOut::one), plain, plain,
      NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::row), NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::col),
      NVVM::MMAIntOverflowAttr());
}

/// One turn: products along a row of 128 bytes.
static Value turn(Emitter &e, Value a, Value b, Value sums, bool isFloat) {
  NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc);
  for (int64_t i = 0; i < kProbeTileProducts; ++i) {
    Value further = wide(e, static_cast<uint64_t>(i * kProductBytes >> 4));
    sums = multiply(e, e.add(a, further), e.add(b, further), sums, isFloat);
  }
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0);
  return sums;
}

static Value zeros(Emitter &e, bool isFloat) {
  Type element = isFloat ? e.f32() : e.i32();
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(kSums, element));
  Value sums = LLVM::PoisonOp::create(e.b, e.loc, type), zero = isFloat ? e.floatOf(0) : e.number(0);
  for (int64_t i = 0; i < kSums; ++i)
    sums = LLVM::InsertValueOp::create(e.b, e.loc, sums, zero, i);
  return sums;
}

static void define(KernelLibrary &kernels, const std::string &name, bool isFloat) {
  const ArgumentKind arguments[] = {ArgumentKind::Constant, ArgumentKind::Memory, ArgumentKind::Number};
  kernels.define(name, {kWarpGroupThreads, 2, kProbeTileBytes + 1024}, arguments, [=](Emitter &e, ValueRange args) {
    Value first = tiles(e);
    fill(e, args[0], first);
    Value a = descriptorOf(e, first), b = descriptorOf(e, e.at(first, kRows * kRowBytes));
    Value sums = e.loop(e.number(0), args[2], 1, {zeros(e, isFloat)}, [&](Value, const Emitter::Values &before) {
      return Emitter::Values{turn(e, a, b, before[0], isFloat)};
    })[0];
    Value all = LLVM::ExtractValueOp::create(e.b, e.loc, sums, 0);
    for (int64_t i = 1; i < kSums; ++i)
      all = e.add(all, LLVM::ExtractValueOp::create(e.b, e.loc, sums, i));
    e.store(all, e.atElement(args[1], probeThread(e, kWarpGroupThreads), 4));
  });
}

void defineWarpGroupProbes(KernelLibrary &kernels) {
  define(kernels, "probe_wgmma_s8s8", false);
  define(kernels, "probe_wgmma_bf16", true);
}

} // namespace lmopt::nvptx
