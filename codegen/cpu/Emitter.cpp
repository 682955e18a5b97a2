// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Appends single ops; see Emitter.h.
#include "codegen/cpu/Emitter.h"

#include "lmopt/abi.h"

using namespace mlir;

namespace lmopt::cpu {

bool Emitter::isFloat(Value a) { return isa<FloatType>(getElementTypeOrSelf(a.getType())); }

Value Emitter::index(int64_t value) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)); }
Value Emitter::i32(int32_t value) { return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value)); }
Value Emitter::f32(float value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value)); }

Value Emitter::floatsOf(float value, int64_t n) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(floats(n), value));
}
Value Emitter::intsOf(int32_t value, int64_t n) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(ints(n), value));
}
Value Emitter::intsFrom(ArrayRef<int32_t> lanes) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(ints(lanes.size()), lanes));
}
Value Emitter::floatsFrom(ArrayRef<float> lanes) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(floats(lanes.size()), lanes));
}

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

// Compare and select rather than minnum/maxnum: x86 has it as one instruction (vminps), without a fix-up for NaN.
Value Emitter::min(Value a, Value c) { return select(less(a, c), a, c); }
Value Emitter::max(Value a, Value c) { return select(less(c, a), a, c); }

Value Emitter::fma(Value a, Value c, Value sum) {
  // Without the instruction, llvm.fma would become a library call for every lane.
  if (!shape.fma)
    return add(mul(a, c), sum);
  return LLVM::FMAOp::create(b, loc, sum.getType(), a, c, sum);
}

Value Emitter::shl(Value a, Value c) { return arith::ShLIOp::create(b, loc, a, c); }
Value Emitter::shrLogical(Value a, Value c) { return arith::ShRUIOp::create(b, loc, a, c); }
Value Emitter::shrSigned(Value a, Value c) { return arith::ShRSIOp::create(b, loc, a, c); }
Value Emitter::bitAnd(Value a, Value c) { return arith::AndIOp::create(b, loc, a, c); }

Value Emitter::less(Value a, Value c) {
  if (isFloat(a))
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, a, c);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a, c);
}
Value Emitter::equal(Value a, Value c) { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a, c); }
Value Emitter::select(Value condition, Value a, Value c) { return arith::SelectOp::create(b, loc, condition, a, c); }
Value Emitter::bitcast(Value a, Type type) {
  if (isa<VectorType>(type))
    return vector::BitCastOp::create(b, loc, cast<VectorType>(type), a);
  return arith::BitcastOp::create(b, loc, type, a);
}

Value Emitter::toFloat(Value v) {
  Type type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(v.getType()))
    type = vector.clone(type);
  return arith::SIToFPOp::create(b, loc, type, v);
}

Value Emitter::roundToInt(Value v) {
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the sum: the FPU's own rounding (nearest even) does
  // it, with no instruction that an old CPU lacks.
  constexpr float kMagic = 12582912.0f;
  int64_t n = cast<VectorType>(v.getType()).getDimSize(0);
  return sub(bitcast(add(v, floatsOf(kMagic, n)), ints(n)), intsOf(0x4B400000, n));
}

Value Emitter::magnitude(Value v) {
  int64_t n = cast<VectorType>(v.getType()).getDimSize(0);
  return bitcast(bitAnd(bitcast(v, ints(n)), intsOf(0x7fffffff, n)), floats(n));
}

Value Emitter::narrowToBytes(Value v) {
  int64_t n = cast<VectorType>(v.getType()).getDimSize(0);
  return arith::TruncIOp::create(b, loc, bytes(n), v);
}

Value Emitter::intrinsic(StringRef name, Type type, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(name), operands).getResult(0);
}

Value Emitter::packClamped(Value a, Value c) {
  auto from = cast<VectorType>(a.getType());
  bool words = from.getElementTypeBitWidth() == 32;
  auto typeOf = [&](int64_t bits) {
    return words ? VectorType::get({bits / 16}, b.getI16Type()) : VectorType::get({bits / 8}, b.getI8Type());
  };
  if (spelling.has(LMOPT_ISA_AVX512BW))
    return intrinsic(words ? "llvm.x86.avx512.packssdw.512" : "llvm.x86.avx512.packuswb.512", typeOf(512), {a, c});
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(typeOf(512)));
  int64_t lanes = from.getDimSize(0) / 4;
  for (int64_t piece = 0; piece < 4; ++piece) {
    auto slice = [&](Value v) -> Value {
      return vector::ExtractStridedSliceOp::create(b, loc, v, ArrayRef<int64_t>{piece * lanes},
                                                   ArrayRef<int64_t>{lanes}, ArrayRef<int64_t>{1});
    };
    Value packed = intrinsic(words ? "llvm.x86.sse2.packssdw.128" : "llvm.x86.sse2.packuswb.128", typeOf(128),
                             {slice(a), slice(c)});
    result = vector::InsertStridedSliceOp::create(b, loc, packed, result, ArrayRef<int64_t>{2 * piece * lanes},
                                                  ArrayRef<int64_t>{1});
  }
  return result;
}

// Half of the last kept bit is added, one less when that bit is even; numbers are finite.
Value Emitter::roundedToBf16(Value bits) {
  int64_t n = cast<VectorType>(bits.getType()).getDimSize(0);
  Value odd = bitAnd(shrLogical(bits, intsOf(16, n)), intsOf(1, n));
  return shrLogical(add(bits, add(odd, intsOf(0x7fff, n))), intsOf(16, n));
}

// As VCVTNEPS2BF16 does it (Intel SDM): subnormal numbers become zero, what is no number stays none.
Value Emitter::bf16OfInstruction(Value bits) {
  int64_t n = cast<VectorType>(bits.getType()).getDimSize(0);
  Value upper = shrLogical(bits, intsOf(16, n)), infinity = intsOf(0x7f800000, n);
  Value subnormal = equal(bitAnd(bits, infinity), intsOf(0, n));
  Value noNumber = less(infinity, bitAnd(bits, intsOf(0x7fffffff, n)));
  Value quiet = add(bitAnd(upper, intsOf(~0x40, n)), intsOf(0x40, n));
  Value result = select(noNumber, quiet, roundedToBf16(bits));
  return select(subnormal, bitAnd(upper, intsOf(0x8000, n)), result);
}

Value Emitter::toBf16(Value v) {
  int64_t n = cast<VectorType>(v.getType()).getDimSize(0);
  auto type = VectorType::get({n}, b.getBF16Type());
  if (spelling.has(LMOPT_ISA_AVX512BF16))
    return arith::TruncFOp::create(b, loc, type, v);
  // Without the instruction, LLVM would call a library function for every lane.
  Value bits = bitcast(v, ints(n)), rounded = shape.bf16 ? bf16OfInstruction(bits) : roundedToBf16(bits);
  return bitcast(arith::TruncIOp::create(b, loc, VectorType::get({n}, b.getI16Type()), rounded), type);
}

Value Emitter::roundToBf16(Value v) {
  int64_t n = cast<VectorType>(v.getType()).getDimSize(0);
  return bitcast(shl(roundedToBf16(bitcast(v, ints(n))), intsOf(16, n)), floats(n));
}

Value Emitter::broadcast(Value scalar, int64_t n) {
  return vector::BroadcastOp::create(b, loc, VectorType::get({n}, scalar.getType()), scalar);
}
Value Emitter::shuffle(Value v, ArrayRef<int64_t> lanes) { return shuffle(v, v, lanes); }
Value Emitter::shuffle(Value a, Value c, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, loc, a, c, lanes);
}

Value Emitter::countBits(Value integer) { return intrinsic("llvm.ctpop", integer.getType(), {integer}); }

// Eight bytes at a time, by the instruction that deposits the bits of a word: a set bit of the mask makes a byte of
// ones.
static Value expandByDeposit(Emitter &e, Value address, Value mask) {
  Emitter::Values words;
  auto deposit = [&](Value bits, Value into) {
    return e.intrinsic("llvm.x86.bmi.pdep.64", e.b.getI64Type(), {bits, into});
  };
  for (int64_t word = 0; word < 8; ++word) {
    Value bits = e.bitAnd(e.shrLogical(mask, e.index(8 * word)), e.index(0xff));
    Value ones = e.mul(deposit(bits, e.index(0x0101010101010101)), 0xff);
    words.push_back(deposit(e.load(e.b.getI64Type(), address, 1), ones));
    address = e.at(address, e.countBits(bits));
  }
  return e.bitcast(
      vector::FromElementsOp::create(e.b, e.loc, VectorType::get({8}, e.b.getI64Type()), words).getResult(), e.bytes());
}

Value Emitter::expandBytes(Value address, Value mask) {
  if (spelling.has(LMOPT_ISA_BMI2) && !spelling.has(LMOPT_ISA_AVX512VBMI2))
    return expandByDeposit(*this, address, mask);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(bytes()));
  Value set = LLVM::BitcastOp::create(b, loc, VectorType::get({64}, b.getI1Type()), mask);
  if (spelling.has(LMOPT_ISA_AVX512VBMI2))
    return intrinsic("llvm.x86.avx512.mask.expand", bytes(), {load(bytes(), address, 1), zero, set});
  return intrinsic("llvm.masked.expandload", bytes(), {address, set, zero}); // LLVM makes a branch for each byte
}

Value Emitter::fromHalf(Value bits) {
  int64_t n = cast<VectorType>(bits.getType()).getDimSize(0);
  if (spelling.has(LMOPT_ISA_F16C))
    return arith::ExtFOp::create(b, loc, floats(n), bitcast(bits, VectorType::get({n}, b.getF16Type())));
  // Without the instruction, LLVM would call a library function for every lane. As the bits of an f32, those of an f16
  // (exponent and fraction, moved up by 13) are the number times 2^-112, subnormal ones too.
  Value wide = arith::ExtUIOp::create(b, loc, ints(n), bits);
  Value magnitude = bitcast(shl(bitAnd(wide, intsOf(0x7fff, n)), intsOf(13, n)), floats(n));
  Value sign = shl(bitAnd(wide, intsOf(0x8000, n)), intsOf(16, n));
  Value scaled = mul(magnitude, floatsOf(0x1p112f, n));
  return bitcast(add(bitcast(scaled, ints(n)), sign), floats(n)); // the sign bit of the product is clear
}

// reassoc lets the backend sum halves against halves; without it the reduction is a chain of 16 additions.
Value Emitter::reduceAdd(Value v) {
  auto flags = isFloat(v) ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, v, flags);
}
// Halves against halves by hand: the reduction ops of LLVM carry NaN rules that cost instructions.
static Value reduceHalves(Emitter &e, Value v, const std::function<Value(Value, Value)> &combine) {
  for (int64_t n = cast<VectorType>(v.getType()).getDimSize(0); n > 1; n /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < n / 2; ++i) {
      low.push_back(i);
      high.push_back(i + n / 2);
    }
    v = combine(e.shuffle(v, low), e.shuffle(v, high));
  }
  return e.lane(v, 0);
}
Value Emitter::reduceMin(Value v) {
  return reduceHalves(*this, v, [&](Value a, Value c) { return min(a, c); });
}
Value Emitter::reduceMax(Value v) {
  return reduceHalves(*this, v, [&](Value a, Value c) { return max(a, c); });
}
// Each round folds groups of lanes by half, so that two vectors fit into one: after three rounds there is one vector
// with two lanes of each row, which the last round adds.
Value Emitter::reduceRows(Values rows, const std::function<Value(Value, Value)> &combine) {
  while (rows.size() < 8)
    rows.push_back(rows.back());
  for (int64_t group = kLanes; group >= 2; group /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t begin = 0; begin < 2 * kLanes; begin += group)
      for (int64_t i = begin; i < begin + group / 2; ++i) {
        low.push_back(i);
        high.push_back(i + group / 2);
      }
    Values next;
    for (size_t i = 0; i < rows.size(); i += 2) {
      Value partner = rows.size() > 1 ? rows[i + 1] : rows[i];
      next.push_back(combine(shuffle(rows[i], partner, low), shuffle(rows[i], partner, high)));
    }
    rows = next;
  }
  return rows[0];
}
Value Emitter::lane(Value v, int64_t i) { return vector::ExtractOp::create(b, loc, v, ArrayRef<int64_t>{i}); }
Value Emitter::laneIds() {
  SmallVector<int32_t> ids;
  for (int32_t i = 0; i < kLanes; ++i)
    ids.push_back(i);
  return intsFrom(ids);
}

Value Emitter::at(Value base, Value byteOffset) {
  return LLVM::GEPOp::create(b, loc, ptrType(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{byteOffset},
                             LLVM::GEPNoWrapFlags::inbounds);
}
Value Emitter::load(Type type, Value address, int64_t alignment) {
  return LLVM::LoadOp::create(b, loc, type, address, alignment);
}
Value Emitter::loadInOrder(Type type, Value address, int64_t alignment) {
  return LLVM::LoadOp::create(b, loc, type, address, alignment, /*isVolatile=*/true);
}
void Emitter::store(Value value, Value address, int64_t alignment) {
  LLVM::StoreOp::create(b, loc, value, address, alignment);
}
Value Emitter::loadMasked(VectorType type, Value address, Value mask) {
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(b, loc, Type(type), address, mask, zero, /*alignment=*/4u);
}
void Emitter::storeMasked(Value value, Value address, Value mask) {
  LLVM::MaskedStoreOp::create(b, loc, value, address, mask, /*alignment=*/4u);
}
Value Emitter::maskBelow(Value count) {
  Value clipped = arith::TruncIOp::create(b, loc, b.getI32Type(), min(count, index(1 << 20)));
  return less(laneIds(), broadcast(clipped));
}
void Emitter::prefetch(Value address) { LLVM::Prefetch::create(b, loc, address, /*rw=*/0u, /*hint=*/2u, /*cache=*/1u); }
void Emitter::prefetchOnce(Value address) {
  LLVM::Prefetch::create(b, loc, address, /*rw=*/0u, /*hint=*/0u, /*cache=*/1u);
}

void Emitter::loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body) {
  loop(from, to, step, Values{}, [&](Value i, const Values &) {
    body(i);
    return Values{};
  });
}
void Emitter::loop(Value from, Value to, Value step, const std::function<void(Value)> &body) {
  auto op = scf::ForOp::create(b, loc, from, to, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}
void Emitter::loop(int64_t from, int64_t to, int64_t step, const std::function<void(Value)> &body) {
  if (to - from <= step && to > from) // one round: no loop
    return body(index(from));
  if (to > from)
    loop(index(from), index(to), step, body);
}
// The branch that the loop becomes takes the attribute along.
Emitter::Values Emitter::loopAsWritten(Value from, Value to, int64_t step, const Values &carried,
                                       const std::function<Values(Value, const Values &)> &body) {
  Values results = loop(from, to, step, carried, body);
  MLIRContext *context = b.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  results.front().getDefiningOp()->setAttr(
      "llvm.loop_annotation",
      LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}));
  return results;
}

Emitter::Values Emitter::loop(Value from, Value to, int64_t step, const Values &carried,
                              const std::function<Values(Value, const Values &)> &body) {
  auto op =
      scf::ForOp::create(b, loc, from, to, index(step), carried, [&](OpBuilder &, Location, Value i, ValueRange args) {
        OpBuilder::InsertionGuard guard(b);
        // The callback's builder is ours or a copy of it, depending on the op: set the point.
        b.setInsertionPointToEnd(i.getParentBlock());
        Values results = body(i, Values(args.begin(), args.end()));
        scf::YieldOp::create(b, loc, results);
      });
  return Values(op.getResults().begin(), op.getResults().end());
}
void Emitter::ifThen(Value condition, const std::function<void()> &body) { ifElse(condition, body, nullptr); }
void Emitter::ifElse(Value condition, const std::function<void()> &then, const std::function<void()> &otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElse=*/otherwise != nullptr);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(op.elseBlock());
  otherwise();
}

} // namespace lmopt::cpu
