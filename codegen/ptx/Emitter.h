// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small vocabulary over MLIR builders in which kernels for GPUs are written: what one thread does. Every call appends
// ops of arith, scf, llvm (addresses) and nvvm at the insertion point; nothing is hidden. Counters are i32; addresses
// are a base and a byte offset, as in codegen/cpu/Emitter.h. Tested through the kernels (test/unit/codegen/ptx).
#ifndef LMOPT_CODEGEN_PTX_EMITTER_H
#define LMOPT_CODEGEN_PTX_EMITTER_H

#include "codegen/ptx/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

#include <functional>

namespace lmopt::nvptx {

constexpr int64_t kWarpLanes = 32;
/// Of a tile of weights, as a warp loads them: 16 a lane.
constexpr int64_t kSliceBytes = 16 * kWarpLanes;

/// Of a tile of weights whose length depends on it: what is one piece in memory.
constexpr int64_t kBlockBytes = 64;

/// Weights that somebody brings to shared memory for a body, each warp of which takes what it would have loaded, in
/// ascending order. All lanes of a warp ask for the same.
class SliceSource {
public:
  using Value = mlir::Value;
  virtual ~SliceSource() = default;
  /// The 16 bytes that a lane has of slice `slice` of the block's tile; each is taken once.
  virtual mlir::SmallVector<Value> take(class Emitter &e, Value slice) = 0;

  // Of a tile in blocks (WeightStream::blocks). `passed`: what a warp is done with, 0 at first.
  /// Blocks `from` to `end` of the tile are there; what is wholly before is let go of. The result is `passed` then.
  virtual Value reach(class Emitter &e, Value passed, Value from, Value end) = 0;
  /// Lets go of a tile of so many blocks to its end.
  virtual void leave(class Emitter &e, Value passed, Value blocks) = 0;
  /// Where a block lies that was reached.
  virtual Value blockAt(class Emitter &e, Value block) = 0;
};

/// Where a body runs that is not a kernel by itself but a part of one (persistent/): which block of its grid it stands
/// for, and how its threads, the first of a block, wait for one another.
struct VirtualBlock {
  mlir::Value x, y, z;
  int64_t threads = 0, barrier = 0;
  SliceSource *slices = nullptr;
};

class Emitter {
public:
  using Value = mlir::Value;
  using Values = mlir::SmallVector<Value>;

  Emitter(mlir::OpBuilder &builder, mlir::Location loc, const Target &target,
          const VirtualBlock *virtualBlock = nullptr)
      : b(builder), loc(loc), target(target), virtualBlock(virtualBlock) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  const Target &target;

  // Types.
  mlir::Type i32() { return b.getI32Type(); }
  mlir::Type f32() { return b.getF32Type(); }
  mlir::Type f64() { return b.getF64Type(); }
  mlir::Type ints() { return i32(); } ///< of what a thread holds: one number (codegen/Functions.h)
  mlir::Type floats() { return f32(); }
  mlir::Type globalPtr() { return mlir::LLVM::LLVMPointerType::get(b.getContext(), 1); }
  mlir::Type sharedPtr() { return mlir::LLVM::LLVMPointerType::get(b.getContext(), 3); }

  // Constants.
  Value number(int64_t value); ///< i32
  Value floatOf(float value);
  Value floatsOf(float value) { return floatOf(value); }
  Value intsOf(int32_t value) { return number(value); }

  // Arithmetic on i32, f32 and f64; the type picks the op. No product and sum become one operation unless it says fma.
  Value add(Value a, Value c);
  Value sub(Value a, Value c);
  Value mul(Value a, Value c);
  Value div(Value a, Value c); ///< floats, or unsigned
  Value rem(Value a, Value c); ///< unsigned
  Value fma(Value a, Value c, Value sum);
  Value add(Value a, int64_t c) { return c ? add(a, number(c)) : a; }
  Value mul(Value a, int64_t c);
  Value div(Value a, int64_t c);
  Value rem(Value a, int64_t c);
  Value bitAnd(Value a, int64_t mask);
  Value bitAnd(Value a, Value c); ///< of conditions: both hold
  Value bitXor(Value a, Value c);
  Value shl(Value a, int64_t bits);
  Value shr(Value a, int64_t bits); ///< logical
  Value shl(Value a, Value c);
  Value shr(Value a, Value c); ///< logical
  Value shrSigned(Value a, Value c);
  Value less(Value a, Value c); ///< unsigned, or ordered floats
  Value equal(Value a, Value c);
  Value isNumber(Value x); ///< not NaN
  Value select(Value condition, Value a, Value c);
  Value min(Value a, Value c); ///< signed, or floats: c where one is NaN, as on CPUs
  Value max(Value a, Value c);
  Value bitcast(Value a, mlir::Type type);
  Value toFloat(Value integer); ///< signed
  Value fromHalf(Value bits);   ///< f16 in an i16
  Value toDouble(Value x);      ///< f32 as f64
  Value toSingle(Value x);      ///< f64 as f32, rounded to nearest
  Value roundToInt(Value x);    ///< to nearest, ties to even; |x| < 2^22
  Value sqrt(Value x);          ///< rounded to nearest
  /// Bits whose upper half is x as bf16, rounded to nearest, ties to even.
  Value roundedToBf16(Value x);
  Value asBf16(Value x);               ///< that number, as f32
  Value narrow(Value a, int64_t bits); ///< the low bits of an i32
  Value countBits(Value a);            ///< that are set
  /// Four bytes of the eight of a and c, named by the lowest three bits of the lowest four nibbles; their fourth bit
  /// must not be set (prmt).
  Value pickBytes(Value a, Value c, Value nibbles);
  /// Two numbers as bf16 in one i32, rounded to nearest, ties to even.
  Value packBf16(Value low, Value high);

  // Who a thread is.
  Value thread(); ///< in its block
  Value lane() { return bitAnd(thread(), kWarpLanes - 1); }
  Value warp() { return shr(thread(), 5); }
  Value block(); ///< in the grid, along x
  Value blockY();
  Value blockZ();

  // Memory. A base in global memory takes offsets of 64 bits, one in shared memory of 32.
  Value shared(); ///< the block's dynamic shared memory, aligned to 128
  Value at(Value base, Value offset);
  Value at(Value base, int64_t offset);
  /// base + index * bytes, where the product may need 64 bits.
  Value atElement(Value base, Value index, int64_t bytes);
  Value atElement(Value base, Value index, Value bytes);
  Value load(mlir::Type type, Value address, int64_t alignment = 4);
  Value loadPointer(Value address); ///< to global memory
  void store(Value value, Value address, int64_t alignment = 4);
  Values loadFour(mlir::Type type, Value address); ///< i32 or f32 that lie at a multiple of 16
  /// Slice `slice` of a tile of weights (linear/Fragments.h) as a lane has it, whose part of the first one lies at
  /// `tile`; eight warps share the slices of a tile, number w those whose number is w modulo 8.
  Values loadSlice(Value tile, Value slice);
  /// Who brings them to shared memory, or null: then there is no use in asking ahead for many.
  SliceSource *sliceSource() const { return virtualBlock ? virtualBlock->slices : nullptr; }
  Values loadWords(Value address) { return loadFour(i32(), address); }
  Values loadTwoWords(Value address);                  ///< that lie at a multiple of 8
  void storeRun(const Values &numbers, Value address); ///< 1, 2 or 4, to a multiple of what they take
  void storeFour(const Values &numbers, Value address) { storeRun(numbers, address); }
  /// 16 bytes to shared memory, behind the thread's back; see waitForCopies. Of them `bytes` come from there, the rest
  /// are zero.
  void copyAsync(Value to, Value from, Value bytes);
  void copyEightAsync(Value to, Value from);
  /// Those of this thread since the last call are one group.
  void closeCopies();
  /// All groups of this thread but the `pending` last have arrived; other threads see them behind a barrier.
  void waitForCopies(int64_t pending = 0);

  // Warps and blocks.
  void barrier();
  void barrier(int64_t id, int64_t threads); ///< one of sixteen, of so many threads
  /// A number of several lanes in each of them: again and again with that of the lane whose number differs in a mask.
  Value acrossLanes(Value own, llvm::ArrayRef<int64_t> masks, llvm::function_ref<Value(Value, Value)> combine);
  /// Of what each warp has in its first lane, in all threads of the block: in the order of the warps. `list`: shared
  /// memory for a number of each of the `warps`, which nobody else uses before the next barrier but one.
  Value acrossWarps(Value ofWarp, Value list, int64_t warps, llvm::function_ref<Value(Value, Value)> combine);
  /// The number that a lane has, in all of them. All lanes name the same or each its own.
  Value ofLane(Value own, Value lane);
  Value ballot(Value condition); ///< a bit for each lane for which it holds
  /// Four matrices of 8 x 8 numbers of 16 bits from shared memory: lanes 8 i .. 8 i + 7 give the addresses of the rows
  /// of matrix i, 16 bytes each; a lane gets of each what the operand of a product has there (ldmatrix). Transposed:
  /// the rows in memory are what a product sums over.
  Values loadMatrices(Value rowAddress, bool isTransposed = false);
  /// 16 outputs x 32 inputs of s8 times 32 inputs x 8 rows of u8, added to `sums`, modulo 2^32: layouts in Fragments.h.
  Values mmaS8U8(const Values &weights, const Values &rows, const Values &sums);
  Values mmaS8S8(const Values &weights, const Values &rows, const Values &sums);
  /// 16 outputs x 16 inputs times 16 inputs x 8 rows of bf16, added to f32 sums.
  Values mmaBf16(const Values &weights, const Values &rows, const Values &sums);

  // Control flow. Loops stay loops: ptxas would unroll one of 9 turns and run out of registers.
  Values loop(Value from, Value to, int64_t step, const Values &carried,
              const std::function<Values(Value, const Values &)> &body);
  void loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body);
  /// One that ptxas does not unroll either: of few turns, mostly, where unrolling costs registers that the rest needs.
  void rolledLoop(Value from, Value to, int64_t step, const std::function<void(Value)> &body);
  void ifThen(Value condition, const std::function<void()> &body);
  void ifThenElse(Value condition, const std::function<void()> &body, const std::function<void()> &otherwise);
  /// What the body gives, else `otherwise`.
  Values ifThen(Value condition, const Values &otherwise, const std::function<Values()> &body);

private:
  const VirtualBlock *virtualBlock;

  Value shuffle(Value own, Value lane, mlir::NVVM::ShflKind kind);
  bool isFloat(Value a) { return mlir::isa<mlir::FloatType>(a.getType()); }
  Value offsetFor(Value base, Value offset);
  Values mma(const Values &weights, const Values &rows, const Values &sums, mlir::NVVM::MMATypes weightType,
             mlir::NVVM::MMATypes rowType, int64_t depth);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_EMITTER_H
