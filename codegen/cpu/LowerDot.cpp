// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The spellings of lmk.dot_u8s8, lmk.dot_s16, lmk.dot_bf16 and lmk.lookup; see LowerDot.h. The widening forms never use
// vpmaddubsw: it saturates its 16-bit sums. Even and odd bytes are widened to 16 bits apart, so that vpmaddwd adds two
// exact products at a time:
//
//   lane (32 bits)      u3 u2 u1 u0
//   even = lane & 00ff00ff         -> u2, u0 as 16-bit numbers; signed bytes: shift left then right by 8
//   odd  = lane >> 8 per 16 bits   -> u3, u1
//   sum += madd(evenU, evenS) + madd(oddU, oddS)
//
// |product| <= 255 * 128, two of them stay below 2^17: exact in 32 bits.
//
// vdpbf16ps is two fused multiply-adds, the upper pair first, that round to nearest even whatever MXCSR says, take
// subnormal numbers as zero and give zero for them (Intel SDM; like all of SSE, they call a result subnormal by what
// rounding to 24 bits of an unbounded exponent makes of it). So it can be written in steps, bit for bit but for which
// NaN of several comes out.
#include "codegen/cpu/LowerDot.h"

#include "codegen/cpu/Emitter.h"
#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

Value slice(Emitter &e, Value v, int64_t from, int64_t count) {
  return vector::ExtractStridedSliceOp::create(e.b, e.loc, v, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{count},
                                               ArrayRef<int64_t>{1});
}

// Splits the operands into `parts` equal pieces, applies `dot` to each and puts the sums together again.
Value inParts(Emitter &e, int64_t parts, Value acc, Value u, Value s,
              const std::function<Value(Value, Value, Value)> &dot) {
  if (parts == 1)
    return dot(acc, u, s);
  int64_t all = cast<VectorType>(acc.getType()).getDimSize(0), lanes = all / parts;
  int64_t factors = cast<VectorType>(u.getType()).getDimSize(0) / all; // of a sum
  Value result = acc;
  for (int64_t i = 0; i < parts; ++i) {
    Value part = dot(slice(e, acc, i * lanes, lanes), slice(e, u, factors * i * lanes, factors * lanes),
                     slice(e, s, factors * i * lanes, factors * lanes));
    result = vector::InsertStridedSliceOp::create(e.b, e.loc, part, result, ArrayRef<int64_t>{i * lanes},
                                                  ArrayRef<int64_t>{1});
  }
  return result;
}

Value widening(Emitter &e, Value acc, Value u, Value s, StringRef madd) {
  int64_t lanes = cast<VectorType>(acc.getType()).getDimSize(0);
  auto words = VectorType::get({2 * lanes}, e.b.getI16Type());
  auto word = [&](int16_t value) -> Value {
    return arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(words, value));
  };
  Value uw = e.bitcast(u, words), sw = e.bitcast(s, words);
  Value even = e.intrinsic(madd, acc.getType(), {e.bitAnd(uw, word(0xff)), e.shrSigned(e.shl(sw, word(8)), word(8))});
  Value odd = e.intrinsic(madd, acc.getType(), {e.shrLogical(uw, word(8)), e.shrSigned(sw, word(8))});
  return e.add(e.add(acc, even), odd);
}

Value portable(Emitter &e, Value acc, Value u, Value s) {
  int64_t lanes = cast<VectorType>(acc.getType()).getDimSize(0);
  Value ui = e.bitcast(u, e.ints(lanes)), si = e.bitcast(s, e.ints(lanes));
  for (int32_t byte = 0; byte < 4; ++byte) {
    Value a = e.bitAnd(e.shrLogical(ui, e.intsOf(8 * byte, lanes)), e.intsOf(0xff, lanes));
    Value c = e.shrSigned(e.shl(si, e.intsOf(24 - 8 * byte, lanes)), e.intsOf(24, lanes));
    acc = e.add(acc, e.mul(a, c));
  }
  return acc;
}

Value lowerDot(Emitter &e, DotIsa isa, Value acc, Value u, Value s) {
  auto call = [&](StringRef name) {
    return [&e, name](Value a, Value x, Value y) { return e.intrinsic(name, a.getType(), {a, x, y}); };
  };
  auto madd = [&](StringRef name) {
    return [&e, name](Value a, Value x, Value y) { return widening(e, a, x, y, name); };
  };
  switch (isa) {
  case DotIsa::Avx512Vnni:
    return inParts(e, 1, acc, u, s, call("llvm.x86.avx512.vpdpbusd.512"));
  case DotIsa::AvxVnni: // the same intrinsic serves the VEX and the EVEX encoding
    return inParts(e, 2, acc, u, s, call("llvm.x86.avx512.vpdpbusd.256"));
  case DotIsa::Avx512Bw:
    return inParts(e, 1, acc, u, s, madd("llvm.x86.avx512.pmaddw.d.512"));
  case DotIsa::Avx2:
    return inParts(e, 2, acc, u, s, madd("llvm.x86.avx2.pmadd.wd"));
  case DotIsa::Portable:
    return portable(e, acc, u, s);
  }
  return acc;
}

Value portableWords(Emitter &e, Value acc, Value a, Value c) {
  int64_t lanes = cast<VectorType>(acc.getType()).getDimSize(0);
  Value ai = e.bitcast(a, e.ints(lanes)), ci = e.bitcast(c, e.ints(lanes)), half = e.intsOf(16, lanes);
  auto low = [&](Value v) { return e.shrSigned(e.shl(v, half), half); };
  auto high = [&](Value v) { return e.shrSigned(v, half); };
  return e.add(e.add(acc, e.mul(low(ai), low(ci))), e.mul(high(ai), high(ci)));
}

Value lowerDotS16(Emitter &e, DotIsa isa, Value acc, Value a, Value c) {
  auto madd = [&](StringRef name) {
    return [&e, name](Value sum, Value x, Value y) { return e.add(sum, e.intrinsic(name, sum.getType(), {x, y})); };
  };
  switch (isa) {
  case DotIsa::Avx512Vnni:
  case DotIsa::Avx512Bw:
    return inParts(e, 1, acc, a, c, madd("llvm.x86.avx512.pmaddw.d.512"));
  case DotIsa::AvxVnni:
  case DotIsa::Avx2:
    return inParts(e, 2, acc, a, c, madd("llvm.x86.avx2.pmadd.wd"));
  case DotIsa::Portable:
    return portableWords(e, acc, a, c);
  }
  return acc;
}

// bf16 to f32: the 16 bits become the upper half. Element 2i of a pair sits in the low half of lane i.
Value widenedBf16(Emitter &e, Value acc, Value a, Value c) {
  int64_t lanes = cast<VectorType>(acc.getType()).getDimSize(0);
  Value ai = e.bitcast(a, e.ints(lanes)), ci = e.bitcast(c, e.ints(lanes));
  auto even = [&](Value v) { return e.bitcast(e.shl(v, e.intsOf(16, lanes)), e.floats(lanes)); };
  auto odd = [&](Value v) { return e.bitcast(e.bitAnd(v, e.intsOf(-65536, lanes)), e.floats(lanes)); };
  return e.fma(even(ai), even(ci), e.fma(odd(ai), odd(ci), acc)); // in the order of the instruction
}

// Zero of the same sign where `condition` holds.
Value zeroWhere(Emitter &e, Value condition, Value v) {
  int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
  Value bits = e.bitcast(v, e.ints(lanes));
  return e.bitcast(e.select(condition, e.bitAnd(bits, e.intsOf(INT32_MIN, lanes)), bits), e.floats(lanes));
}
Value withoutSubnormal(Emitter &e, Value v) {
  int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
  return zeroWhere(e, e.less(e.magnitude(v), e.floatsOf(0x1p-126f, lanes)), v);
}

// a * c + sum of numbers that are not subnormal. What rounding makes of a result below 2^-126 is seen where it is 2^64
// times as large. (Where that overflows, the sum is a multiple of 2^-86: zero, or not subnormal.)
Value flushingFma(Emitter &e, Value a, Value c, Value sum) {
  int64_t lanes = cast<VectorType>(sum.getType()).getDimSize(0);
  auto fma = [&](Value x, Value y, Value z) -> Value { return LLVM::FMAOp::create(e.b, e.loc, z.getType(), x, y, z); };
  Value up = e.floatsOf(0x1p64f, lanes);
  Value raised = fma(e.mul(a, up), c, e.mul(sum, up));
  return zeroWhere(e, e.less(e.magnitude(raised), e.floatsOf(0x1p-62f, lanes)), fma(a, c, sum));
}

Value steppedBf16(Emitter &e, Value acc, Value a, Value c) {
  int64_t lanes = cast<VectorType>(acc.getType()).getDimSize(0);
  Value ai = e.bitcast(a, e.ints(lanes)), ci = e.bitcast(c, e.ints(lanes));
  auto number = [&](Value bits) { return withoutSubnormal(e, e.bitcast(bits, e.floats(lanes))); };
  auto upper = [&](Value v) { return number(e.bitAnd(v, e.intsOf(-65536, lanes))); };
  auto lower = [&](Value v) { return number(e.shl(v, e.intsOf(16, lanes))); };
  Value sum = flushingFma(e, upper(ai), upper(ci), withoutSubnormal(e, acc));
  return flushingFma(e, lower(ai), lower(ci), sum);
}

Value lowerDotBf16(Emitter &e, DotBf16 spelling, Value acc, Value a, Value c) {
  switch (spelling) {
  case DotBf16::Avx512Bf16:
    return e.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", acc.getType(), {acc, a, c});
  case DotBf16::InSteps:
    return steppedBf16(e, acc, a, c);
  case DotBf16::Widened:
    return widenedBf16(e, acc, a, c);
  }
  return acc;
}

// 16 comparisons, where there is no shuffle of bytes.
Value comparedLookup(Emitter &e, Value table, Value numbers) {
  auto type = cast<VectorType>(numbers.getType());
  auto inAll = [&](Value byte) -> Value { return vector::BroadcastOp::create(e.b, e.loc, type, byte); };
  Value result = inAll(e.lane(table, 0));
  for (int8_t i = 1; i < 16; ++i) {
    Value number = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, i));
    result = e.select(e.equal(numbers, number), inAll(e.lane(table, i)), result);
  }
  return result;
}

// The instruction looks up within each 16 bytes, so that the table is repeated for each.
Value lowerLookup(Emitter &e, DotIsa isa, Value table, Value numbers) {
  if (isa == DotIsa::Portable)
    return comparedLookup(e, table, numbers);
  auto type = cast<VectorType>(numbers.getType());
  int64_t count = type.getDimSize(0);
  bool wide = isa == DotIsa::Avx512Vnni || isa == DotIsa::Avx512Bw;
  int64_t width = wide && count % 64 == 0 ? 64 : count % 32 == 0 ? 32 : 16;
  StringRef name = width == 64   ? "llvm.x86.avx512.pshuf.b.512"
                   : width == 32 ? "llvm.x86.avx2.pshuf.b"
                                 : "llvm.x86.ssse3.pshuf.b.128";
  SmallVector<int64_t> repeated;
  for (int64_t i = 0; i < width; ++i)
    repeated.push_back(i % 16);
  Value tables = e.shuffle(table, repeated), result = numbers;
  if (count == width)
    return e.intrinsic(name, type, {tables, numbers});
  for (int64_t from = 0; from < count; from += width) {
    Value part = e.intrinsic(name, e.bytes(width), {tables, slice(e, numbers, from, width)});
    result =
        vector::InsertStridedSliceOp::create(e.b, e.loc, part, result, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{1});
  }
  return result;
}

struct LowerDotPass : public PassWrapper<LowerDotPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerDotPass)
  LowerDotPass() = default;
  explicit LowerDotPass(const Target &target) {
    isaName = dotIsaName(target.spelling.dot);
    bf16 = target.dotBf16();
    fma = target.shape.fma;
  }
  LowerDotPass(const LowerDotPass &other) : PassWrapper(other) {
    isaName = other.isaName;
    bf16 = other.bf16;
    fma = other.fma;
  }

  StringRef getArgument() const final { return "lmk-lower-dot"; }
  StringRef getDescription() const final {
    return "Spell the dot products of lmk in instructions of one instruction set";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, vector::VectorDialect, LLVM::LLVMDialect>();
  }
  Option<std::string> isaName{*this, "isa",
                              llvm::cl::desc("avx512vnni, avxvnni, avx512bw, avx2 or portable; all give the same bits"),
                              llvm::cl::init("portable")};

  Option<DotBf16> bf16{*this, "bf16",
                       llvm::cl::desc("how lmk.dot_bf16 is spelled on registers of 16 sums (others are widened)"),
                       llvm::cl::init(DotBf16::Widened),
                       llvm::cl::values(clEnumValN(DotBf16::Avx512Bf16, "avx512bf16", "VDPBF16PS"),
                                        clEnumValN(DotBf16::InSteps, "steps", "its steps in f32, with the same bits"),
                                        clEnumValN(DotBf16::Widened, "widened", "products and sums of f32"))};
  Option<bool> fma{*this, "fma", llvm::cl::desc("widened sums are fused multiply-adds"), llvm::cl::init(false)};

  /// False, and an error where the op stands, if one has another number of sums than the instructions.
  template <typename DotOp>
  bool lowerDots(DotIsa isa, Value (*lower)(Emitter &, DotIsa, Value, Value, Value)) {
    WalkResult result = getOperation()->walk([&](DotOp op) {
      int64_t lanes = cast<VectorType>(op.getResult().getType()).getDimSize(0);
      if (isa != DotIsa::Portable && lanes != kLanes) {
        op.emitOpError("can be lowered to ") << isaName << " only with " << kLanes << " sums, found " << lanes;
        return WalkResult::interrupt();
      }
      OpBuilder builder(op);
      Target target;
      Emitter e(builder, op.getLoc(), target);
      op.replaceAllUsesWith(lower(e, isa, op.getAccumulator(), op.getLhs(), op.getRhs()));
      op.erase();
      return WalkResult::advance();
    });
    return !result.wasInterrupted();
  }

  void runOnOperation() override {
    DotIsa isa = DotIsa::Portable;
    bool known = false;
    for (DotIsa candidate : {DotIsa::Avx512Vnni, DotIsa::AvxVnni, DotIsa::Avx512Bw, DotIsa::Avx2, DotIsa::Portable})
      if (isaName == dotIsaName(candidate)) {
        isa = candidate;
        known = true;
      }
    if (!known) {
      getOperation()->emitError("lmk-lower-dot: unknown isa '")
          << isaName << "'; expected avx512vnni, avxvnni, avx512bw, avx2 or portable";
      return signalPassFailure();
    }
    bool lowered = lowerDots<lmk::DotU8S8Op>(isa, lowerDot) && lowerDots<lmk::DotS16Op>(isa, lowerDotS16);
    if (!lowered)
      return signalPassFailure();
    getOperation()->walk([&](lmk::LookupOp op) {
      OpBuilder builder(op);
      Target target;
      Emitter e(builder, op.getLoc(), target);
      op.replaceAllUsesWith(lowerLookup(e, isa, op.getTable(), op.getNumbers()));
      op.erase();
    });
    Target target;
    target.shape.fma = fma;
    getOperation()->walk([&](lmk::DotBf16Op op) {
      OpBuilder builder(op);
      Emitter e(builder, op.getLoc(), target);
      bool fits = cast<VectorType>(op.getResult().getType()).getDimSize(0) == kLanes;
      op.replaceAllUsesWith(
          lowerDotBf16(e, fits ? bf16 : DotBf16::Widened, op.getAccumulator(), op.getLhs(), op.getRhs()));
      op.erase();
    });
  }
};
} // namespace

std::unique_ptr<Pass> createLowerDotPass(const Target &target) { return std::make_unique<LowerDotPass>(target); }

void registerLowerDotPass() {
  PassRegistration<LowerDotPass>([] { return std::make_unique<LowerDotPass>(); });
}

} // namespace lmopt::cpu
