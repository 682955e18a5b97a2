// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small vocabulary over MLIR builders in which kernels are written: values, loops, loads and stores by byte address.
// Every call appends ops of arith, vector, scf and llvm (addresses) at the insertion point of the builder; nothing is
// hidden. Vectors of floats have 16 lanes on every target: LLVM splits them where registers are narrower.
// Tested through the kernels (test/unit/codegen).
#ifndef LMOPT_CODEGEN_CPU_EMITTER_H
#define LMOPT_CODEGEN_CPU_EMITTER_H

#include "codegen/cpu/Rows.h"
#include "codegen/cpu/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

#include <functional>

namespace lmopt::cpu {

class Emitter {
public:
  using Value = mlir::Value;
  using Values = mlir::SmallVector<Value>;

  Emitter(mlir::OpBuilder &builder, mlir::Location loc, const Target &target)
      : b(builder), loc(loc), shape(target.shape), spelling(target.spelling) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  const Shape &shape; ///< what kernels may ask; how steps are spelled is decided in here and in LowerDot.cpp

  // Types.
  mlir::Type ptrType() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::VectorType floats(int64_t n = kLanes) { return mlir::VectorType::get({n}, b.getF32Type()); }
  mlir::VectorType ints(int64_t n = kLanes) { return mlir::VectorType::get({n}, b.getI32Type()); }
  mlir::VectorType halves(int64_t n = 2 * kLanes) { return mlir::VectorType::get({n}, b.getBF16Type()); }
  mlir::VectorType words(int64_t n = 2 * kLanes) { return mlir::VectorType::get({n}, b.getI16Type()); }
  mlir::VectorType bytes(int64_t n = 4 * kLanes) { return mlir::VectorType::get({n}, b.getI8Type()); }

  // Constants; the vector forms repeat the number in every lane.
  Value index(int64_t value); ///< i64, the type of all counters and byte offsets
  Value i32(int32_t value);
  Value f32(float value);
  Value floatsOf(float value, int64_t n = kLanes);
  Value intsOf(int32_t value, int64_t n = kLanes);
  Value intsFrom(mlir::ArrayRef<int32_t> lanes);
  Value floatsFrom(mlir::ArrayRef<float> lanes);

  // Arithmetic on scalars or vectors; the element type picks the integer or the float op.
  Value add(Value a, Value c);
  Value sub(Value a, Value c);
  Value mul(Value a, Value c);
  Value div(Value a, Value c); ///< floats, or unsigned integers
  Value rem(Value a, Value c); ///< unsigned integers
  Value min(Value a, Value c); ///< floats: not NaN-propagating; integers: signed
  Value max(Value a, Value c);
  Value fma(Value a, Value c, Value sum); ///< a * c + sum, fused where the shape says so
  Value add(Value a, int64_t c) { return c ? add(a, index(c)) : a; }
  Value mul(Value a, int64_t c) { return c == 1 ? a : mul(a, index(c)); }
  Value shl(Value a, Value c);
  Value shrLogical(Value a, Value c);
  Value shrSigned(Value a, Value c);
  Value bitAnd(Value a, Value c);
  Value less(Value a, Value c);  ///< signed integers or ordered floats
  Value equal(Value a, Value c); ///< integers
  Value select(Value condition, Value a, Value c);
  Value bitcast(Value a, mlir::Type type);
  Value toFloat(Value ints);       ///< signed i32 -> f32, lane by lane
  Value roundToInt(Value floats);  ///< to nearest, ties to even; |x| < 2^22
  Value narrowToBytes(Value ints); ///< low byte of each lane
  /// i32 to i16, or i16 to u8, clamped; 512 bits each. By pieces of 128 bits: those of a and of c take turns.
  Value packClamped(Value a, Value c);
  Value toBf16(Value floats);      ///< to nearest, ties to even
  Value roundToBf16(Value floats); ///< the same numbers, still as floats; where the shape has no bf16
  /// One of LLVM's own, by name: for those who spell steps, not for kernels.
  Value intrinsic(mlir::StringRef name, mlir::Type type, mlir::ValueRange operands);
  Value magnitude(Value floats); ///< without the sign
  Value broadcast(Value scalar, int64_t n = kLanes);
  Value shuffle(Value vector, mlir::ArrayRef<int64_t> lanes);
  Value shuffle(Value a, Value c, mlir::ArrayRef<int64_t> lanes); ///< lanes of `c` are numbered after those of `a`
  Value countBits(Value integer);                                 ///< of an i64
  /// 64 bytes, those whose bit of the mask (i64) is set from memory in order, the others zero. May read 64 bytes from
  /// there, whatever the mask says.
  Value expandBytes(Value address, Value mask);
  Value fromHalf(Value bits);    ///< i16 lanes that hold finite f16 numbers, to f32
  Value reduceAdd(Value vector); ///< the order of the sum is fixed by the target's shuffle tree
  Value reduceMin(Value vector);
  Value reduceMax(Value vector);
  /// Lane r of the result: row r's 16 lanes folded; at most 8 rows, further lanes repeat. One tree for all rows.
  Value reduceRows(Values rows, const std::function<Value(Value, Value)> &combine);
  Value lane(Value vector, int64_t i);
  Value laneIds(); ///< 0, 1, ... 15 as i32

  // Memory. Addresses are byte offsets from a base.
  Value at(Value base, Value byteOffset);
  Value at(Value base, int64_t byteOffset) { return byteOffset ? at(base, index(byteOffset)) : base; }
  Value load(mlir::Type type, Value address, int64_t alignment = 4);
  void store(Value value, Value address, int64_t alignment = 4);
  /// The same, never before what is loaded so above it (to LLVM: volatile). Memory that nothing has read yet comes as
  /// fast as it can only in the order of its addresses: the processor sees the next lines coming.
  Value loadInOrder(mlir::Type type, Value address, int64_t alignment = 4);
  Value loadFloats(Value address) { return load(floats(), address); }
  Value loadMasked(mlir::VectorType type, Value address, Value mask); ///< lanes outside read as zero
  void storeMasked(Value value, Value address, Value mask);
  Value maskBelow(Value count);     ///< lanes with id < count (i64, may exceed 16)
  void prefetch(Value address);     ///< into the second-level cache
  void prefetchOnce(Value address); ///< what is read a single time: into the first level only

  // Control flow. Bodies receive the counter (i64) and the carried values.
  void loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body);
  void loop(Value from, Value to, Value step, const std::function<void(Value)> &body);
  void loop(int64_t from, int64_t to, int64_t step, const std::function<void(Value)> &body);
  Values loop(Value from, Value to, int64_t step, const Values &carried,
              const std::function<Values(Value, const Values &)> &body);
  /// One that LLVM does not unroll: its registers are all in use.
  Values loopAsWritten(Value from, Value to, int64_t step, const Values &carried,
                       const std::function<Values(Value, const Values &)> &body);
  void ifThen(Value condition, const std::function<void()> &body);
  void ifElse(Value condition, const std::function<void()> &then, const std::function<void()> &otherwise);

  // Functions of vectors, in VectorMath.cpp.
  Value exp(Value x);
  Value log(Value x);                ///< of positive normal numbers
  Value exp2(Value x, bool forBf16); ///< 2^x for x <= 126; zero from -126 down
  Value erf(Value x);
  Value tanh(Value x);
  Value sigmoid(Value x);
  Value geluFor8Bits(Value x);
  Value siluFor8Bits(Value x);
  Value reciprocalSqrt(Value scalar);

private:
  bool isFloat(Value a);
  Value roundedToBf16(Value bits);
  Value bf16OfInstruction(Value bits);
  const Spelling &spelling;
};

} // namespace lmopt::cpu

#endif
