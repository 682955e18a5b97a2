// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary of kernels for GPUs; see Emitter.h.
#include "codegen/ptx/Emitter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lmopt::nvptx {

using Value = Emitter::Value;
using Values = Emitter::Values;

//===--- Constants, arithmetic ---===//

Value Emitter::number(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}
Value Emitter::floatOf(float value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value)); }

Value Emitter::add(Value a, Value c) {
  return isFloat(a) ? Value(arith::AddFOp::create(b, loc, a, c)) : Value(arith::AddIOp::create(b, loc, a, c));
}
Value Emitter::sub(Value a, Value c) {
  return isFloat(a) ? Value(arith::SubFOp::create(b, loc, a, c)) : Value(arith::SubIOp::create(b, loc, a, c));
}
Value Emitter::mul(Value a, Value c) {
  return isFloat(a) ? Value(arith::MulFOp::create(b, loc, a, c)) : Value(arith::MulIOp::create(b, loc, a, c));
}
Value Emitter::div(Value a, Value c) {
  return isFloat(a) ? Value(arith::DivFOp::create(b, loc, a, c)) : Value(arith::DivUIOp::create(b, loc, a, c));
}
Value Emitter::rem(Value a, Value c) { return arith::RemUIOp::create(b, loc, a, c); }
Value Emitter::fma(Value a, Value c, Value sum) { return LLVM::FMAOp::create(b, loc, a, c, sum); }

Value Emitter::mul(Value a, int64_t c) {
  if (c == 1)
    return a;
  return llvm::isPowerOf2_64(static_cast<uint64_t>(c)) ? shl(a, llvm::Log2_64(static_cast<uint64_t>(c)))
                                                       : mul(a, number(c));
}
Value Emitter::div(Value a, int64_t c) { return c == 1 ? a : div(a, number(c)); }
Value Emitter::rem(Value a, int64_t c) { return rem(a, number(c)); }
Value Emitter::bitAnd(Value a, int64_t mask) { return arith::AndIOp::create(b, loc, a, number(mask)); }
Value Emitter::bitAnd(Value a, Value c) { return arith::AndIOp::create(b, loc, a, c); }
Value Emitter::bitXor(Value a, Value c) { return arith::XOrIOp::create(b, loc, a, c); }
Value Emitter::shl(Value a, int64_t bits) { return arith::ShLIOp::create(b, loc, a, number(bits)); }
Value Emitter::shr(Value a, int64_t bits) { return arith::ShRUIOp::create(b, loc, a, number(bits)); }
Value Emitter::shl(Value a, Value c) { return arith::ShLIOp::create(b, loc, a, c); }
Value Emitter::shrSigned(Value a, Value c) { return arith::ShRSIOp::create(b, loc, a, c); }
Value Emitter::less(Value a, Value c) {
  if (isFloat(a))
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, a, c);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, a, c);
}
Value Emitter::equal(Value a, Value c) { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a, c); }
Value Emitter::isNumber(Value x) { return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD, x, x); }
Value Emitter::select(Value condition, Value a, Value c) { return arith::SelectOp::create(b, loc, condition, a, c); }
Value Emitter::min(Value a, Value c) {
  if (isFloat(a))
    return select(less(a, c), a, c);
  return arith::MinSIOp::create(b, loc, a, c);
}
Value Emitter::max(Value a, Value c) {
  if (isFloat(a))
    return select(less(c, a), a, c);
  return arith::MaxSIOp::create(b, loc, a, c);
}
Value Emitter::bitcast(Value a, Type type) {
  return a.getType() == type ? a : Value(arith::BitcastOp::create(b, loc, type, a));
}
// As on CPUs: 1.5 * 2^23 more, and the rounded integer stands in the low bits of the sum.
Value Emitter::roundToInt(Value x) { return sub(bitcast(add(x, floatOf(12582912.0F)), i32()), number(0x4B400000)); }
Value Emitter::sqrt(Value x) { return LLVM::SqrtOp::create(b, loc, x.getType(), x); }
Value Emitter::fromHalf(Value bits) {
  Value half = arith::BitcastOp::create(b, loc, b.getF16Type(), bits);
  return arith::ExtFOp::create(b, loc, f32(), half);
}
Value Emitter::toDouble(Value x) { return arith::ExtFOp::create(b, loc, f64(), x); }
Value Emitter::toSingle(Value x) { return arith::TruncFOp::create(b, loc, f32(), x); }
// Half of what is cut off more, and one more where the last kept bit is set: ties go to even.
Value Emitter::roundedToBf16(Value x) {
  Value bits = bitcast(x, i32());
  return add(add(bits, 0x7fff), bitAnd(shr(bits, 16), 1));
}
Value Emitter::asBf16(Value x) { return bitcast(bitAnd(roundedToBf16(x), static_cast<int32_t>(0xffff0000U)), f32()); }
Value Emitter::shr(Value a, Value c) { return arith::ShRUIOp::create(b, loc, a, c); }
Value Emitter::countBits(Value a) { return LLVM::CtPopOp::create(b, loc, i32(), a); }
Value Emitter::pickBytes(Value a, Value c, Value nibbles) {
  return LLVM::CallIntrinsicOp::create(b, loc, i32(), b.getStringAttr("llvm.nvvm.prmt"), ValueRange{a, c, nibbles})
      .getResult(0);
}
Value Emitter::narrow(Value a, int64_t bits) {
  return arith::TruncIOp::create(b, loc, b.getIntegerType(static_cast<unsigned>(bits)), a);
}
Value Emitter::packBf16(Value low, Value high) {
  Value pair = LLVM::PoisonOp::create(b, loc, VectorType::get({2}, f32()));
  pair = LLVM::InsertElementOp::create(b, loc, pair, low, number(0));
  pair = LLVM::InsertElementOp::create(b, loc, pair, high, number(1));
  Value halves = LLVM::FPTruncOp::create(b, loc, VectorType::get({2}, b.getBF16Type()), pair);
  return LLVM::BitcastOp::create(b, loc, i32(), halves);
}
Value Emitter::toFloat(Value integer) { return arith::SIToFPOp::create(b, loc, f32(), integer); }

//===--- Threads ---===//

Value Emitter::thread() { return NVVM::ThreadIdXOp::create(b, loc, i32()); }
Value Emitter::block() { return virtualBlock ? virtualBlock->x : NVVM::BlockIdXOp::create(b, loc, i32()); }
Value Emitter::blockY() { return virtualBlock ? virtualBlock->y : NVVM::BlockIdYOp::create(b, loc, i32()); }
Value Emitter::blockZ() { return virtualBlock ? virtualBlock->z : NVVM::BlockIdZOp::create(b, loc, i32()); }

//===--- Memory ---===//

Value Emitter::shared() { return LLVM::AddressOfOp::create(b, loc, sharedPtr(), "shared_memory"); }

Value Emitter::offsetFor(Value base, Value offset) {
  bool isGlobal = cast<LLVM::LLVMPointerType>(base.getType()).getAddressSpace() == 1;
  if (!isGlobal || offset.getType().isInteger(64))
    return offset;
  return arith::ExtUIOp::create(b, loc, b.getI64Type(), offset);
}

Value Emitter::at(Value base, Value offset) {
  return LLVM::GEPOp::create(b, loc, base.getType(), b.getI8Type(), base, offsetFor(base, offset));
}

Value Emitter::at(Value base, int64_t offset) {
  bool isShort = llvm::isUInt<32>(static_cast<uint64_t>(offset));
  if (offset == 0)
    return base;
  return at(base, isShort ? number(offset) : Value(arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(offset))));
}

Value Emitter::atElement(Value base, Value index, int64_t bytes) {
  Value wide = arith::ExtUIOp::create(b, loc, b.getI64Type(), index);
  return at(base, arith::MulIOp::create(b, loc, wide, arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(bytes))));
}

Value Emitter::atElement(Value base, Value index, Value bytes) {
  auto wide = [&](Value a) -> Value { return arith::ExtUIOp::create(b, loc, b.getI64Type(), a); };
  return at(base, arith::MulIOp::create(b, loc, wide(index), wide(bytes)));
}

Value Emitter::load(Type type, Value address, int64_t alignment) {
  return LLVM::LoadOp::create(b, loc, type, address, static_cast<unsigned>(alignment));
}
Value Emitter::loadPointer(Value address) {
  return LLVM::IntToPtrOp::create(b, loc, globalPtr(), load(b.getI64Type(), address, 8));
}
void Emitter::store(Value value, Value address, int64_t alignment) {
  LLVM::StoreOp::create(b, loc, value, address, static_cast<unsigned>(alignment));
}

Values Emitter::loadFour(Type type, Value address) {
  Value vector = load(VectorType::get({4}, type), address, 16);
  Values words;
  for (int64_t i = 0; i < 4; ++i)
    words.push_back(LLVM::ExtractElementOp::create(b, loc, vector, number(i)));
  return words;
}

Values Emitter::loadSlice(Value tile, Value slice) {
  if (virtualBlock && virtualBlock->slices)
    return virtualBlock->slices->take(*this, slice);
  return loadWords(at(tile, mul(slice, kSliceBytes)));
}

Values Emitter::loadTwoWords(Value address) {
  Value both = load(b.getI64Type(), address, 8);
  Value bits = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 32);
  Value high = arith::ShRUIOp::create(b, loc, both, bits);
  return {narrow(both, 32), narrow(high, 32)};
}

void Emitter::storeRun(const Values &numbers, Value address) {
  auto count = static_cast<int64_t>(numbers.size());
  Value vector = LLVM::PoisonOp::create(b, loc, VectorType::get({count}, numbers[0].getType()));
  for (auto [i, one] : llvm::enumerate(numbers))
    vector = LLVM::InsertElementOp::create(b, loc, vector, one, number(static_cast<int64_t>(i)));
  store(vector, address, 4 * count);
}

void Emitter::copyAsync(Value to, Value from, Value bytes) {
  NVVM::CpAsyncOp::create(b, loc, to, from, 16, NVVM::LoadCacheModifierKind::CG, bytes);
}
void Emitter::copyEightAsync(Value to, Value from) {
  NVVM::CpAsyncOp::create(b, loc, to, from, 8, NVVM::LoadCacheModifierKind::CA, Value());
}
void Emitter::closeCopies() { NVVM::CpAsyncCommitGroupOp::create(b, loc); }
void Emitter::waitForCopies(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(b, loc, static_cast<uint32_t>(pending));
}

//===--- Warps and blocks ---===//

void Emitter::barrier() {
  if (virtualBlock)
    barrier(virtualBlock->barrier, virtualBlock->threads);
  else
    NVVM::BarrierOp::create(b, loc);
}
void Emitter::barrier(int64_t id, int64_t threads) {
  NVVM::BarrierOp::create(b, loc, TypeRange(), number(id), number(threads), {}, Value());
}

// 32 bits at a time: a number of 64 goes in two halves.
Value Emitter::shuffle(Value own, Value lane, NVVM::ShflKind kind) {
  if (own.getType().isF64()) {
    Type wide = b.getI64Type();
    Value bits = bitcast(own, wide), half = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(32));
    Value low = shuffle(narrow(bits, 32), lane, kind);
    Value high = shuffle(narrow(arith::ShRUIOp::create(b, loc, bits, half), 32), lane, kind);
    Value shifted = shl(arith::ExtUIOp::create(b, loc, wide, high), half);
    return bitcast(arith::OrIOp::create(b, loc, shifted, arith::ExtUIOp::create(b, loc, wide, low)), f64());
  }
  return NVVM::ShflOp::create(b, loc, own.getType(), number(-1), own, lane, number(kWarpLanes - 1), kind, UnitAttr());
}

Value Emitter::acrossLanes(Value own, ArrayRef<int64_t> masks, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t mask : masks)
    own = combine(own, shuffle(own, number(mask), NVVM::ShflKind::bfly));
  return own;
}
Value Emitter::acrossWarps(Value ofWarp, Value list, int64_t warps, llvm::function_ref<Value(Value, Value)> combine) {
  ifThen(equal(lane(), number(0)), [&] { store(ofWarp, at(list, mul(warp(), 4))); });
  barrier();
  Value result = load(ofWarp.getType(), list);
  for (int64_t other = 1; other < warps; ++other)
    result = combine(result, load(ofWarp.getType(), at(list, 4 * other)));
  return result;
}
Value Emitter::ofLane(Value own, Value lane) { return shuffle(own, lane, NVVM::ShflKind::idx); }
Value Emitter::ballot(Value condition) {
  return NVVM::VoteSyncOp::create(b, loc, i32(), number(-1), condition, NVVM::VoteSyncKind::ballot);
}

Values Emitter::loadMatrices(Value rowAddress, bool isTransposed) {
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, i32()));
  Value made = NVVM::LdMatrixOp::create(
      b, loc, type, rowAddress, /*num=*/4, isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  Values result;
  for (int64_t i = 0; i < 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, loc, made, i));
  return result;
}

Values Emitter::mma(const Values &weights, const Values &rows, const Values &sums, NVVM::MMATypes weightType,
                    NVVM::MMATypes rowType, int64_t depth) {
  Type element = sums[0].getType();
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, element));
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (!isFloat(sums[0]))
    overflow = NVVM::MMAIntOverflow::wrapped;
  Value made = NVVM::MmaOp::create(b, loc, type, weights, rows, sums, {16, 8, depth}, std::nullopt, overflow,
                                   {{weightType, rowType}}, {{NVVM::MMALayout::row, NVVM::MMALayout::col}});
  Values result;
  for (int64_t i = 0; i < 4; ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, loc, made, i));
  return result;
}

Values Emitter::mmaS8U8(const Values &weights, const Values &rows, const Values &sums) {
  return mma(weights, rows, sums, NVVM::MMATypes::s8, NVVM::MMATypes::u8, 32);
}
Values Emitter::mmaS8S8(const Values &weights, const Values &rows, const Values &sums) {
  return mma(weights, rows, sums, NVVM::MMATypes::s8, NVVM::MMATypes::s8, 32);
}
Values Emitter::mmaBf16(const Values &weights, const Values &rows, const Values &sums) {
  return mma(weights, rows, sums, NVVM::MMATypes::bf16, NVVM::MMATypes::bf16, 16);
}

//===--- Control flow ---===//

Values Emitter::loop(Value from, Value to, int64_t step, const Values &carried,
                     const std::function<Values(Value, const Values &)> &body) {
  auto op =
      scf::ForOp::create(b, loc, from, to, number(step), carried, [&](OpBuilder &, Location, Value i, ValueRange args) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToEnd(i.getParentBlock());
        scf::YieldOp::create(b, loc, body(i, Values(args.begin(), args.end())));
      });
  return Values(op.getResults().begin(), op.getResults().end());
}

void Emitter::loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body) {
  loop(from, to, step, Values(), [&](Value i, const Values &) {
    body(i);
    return Values();
  });
}

void Emitter::rolledLoop(Value from, Value to, int64_t step, const std::function<void(Value)> &body) {
  loop(from, to, step, body);
  Operation *made = &*std::prev(b.getInsertionPoint());
  MLIRContext *context = b.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  made->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}));
}

void Emitter::ifThen(Value condition, const std::function<void()> &body) {
  auto made = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(made.thenBlock());
  body();
}

void Emitter::ifThenElse(Value condition, const std::function<void()> &body, const std::function<void()> &otherwise) {
  auto made = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(made.thenBlock());
  body();
  b.setInsertionPointToStart(made.elseBlock());
  otherwise();
}

Values Emitter::ifThen(Value condition, const Values &otherwise, const std::function<Values()> &body) {
  auto made = scf::IfOp::create(b, loc, TypeRange(ValueRange(otherwise)), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(made.elseBlock());
  scf::YieldOp::create(b, loc, otherwise);
  b.setInsertionPointToStart(made.thenBlock());
  scf::YieldOp::create(b, loc, body());
  return Values(made.getResults().begin(), made.getResults().end());
}

} // namespace lmopt::nvptx
