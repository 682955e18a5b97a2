// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel dialect: what generated kernels need and MLIR has no op for: dot products and look-ups in short tables,
// whose meaning is the same on every instruction set. Lowered by codegen/cpu/LowerDot.cpp; tested in test/dialects/lmk
// and test/codegen/cpu.

#ifndef LMOPT_DIALECTS_LMK_OPS
#define LMOPT_DIALECTS_LMK_OPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Lmk_Dialect : Dialect {
  let name = "lmk";
  let cppNamespace = "::lmopt::lmk";
  let summary = "What kernels are made of beyond the stock dialects";
  let description = [{
    Kernels are written in scf, arith, vector and llvm (addresses). This dialect adds the operations that have no stock
    spelling and several hardware spellings; a lowering for one instruction set replaces them.
  }];
}

class Lmk_DotOp<string name> : Op<Lmk_Dialect, name, [Pure]> {
  let arguments = (ins AnyVectorOfNonZeroRank:$accumulator, AnyVectorOfNonZeroRank:$lhs, AnyVectorOfNonZeroRank:$rhs);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $accumulator `,` $lhs `,` $rhs attr-dict `:` custom<DotTypes>(type($accumulator), type($lhs), type($rhs),
    type($result))
  }];
  let hasVerifier = 1;
}

def Lmk_DotU8S8Op : Lmk_DotOp<"dot_u8s8"> {
  let summary = "Groups of four u8 x s8 products, summed into i32 lanes";
  let description = [{
    `result[i] = accumulator[i] + sum over j in 0..3 of zext(lhs[4 i + j]) * sext(rhs[4 i + j])`

    The sum is exact modulo 2^32: no step saturates, on any instruction set. (`vpmaddubsw`, the usual spelling before
    VNNI, saturates its 16-bit sums and is therefore never used.) Source: Intel SDM, VPDPBUSD.

    Constraints:
    * C1: the byte vectors have four times as many elements as the accumulator.
    * C2: all three vectors have one fixed dimension.

    Example:
    ```mlir
    func.func @dot(%acc: vector<16xi32>, %u: vector<64xi8>, %s: vector<64xi8>) -> vector<16xi32> {
      %r = lmk.dot_u8s8 %acc, %u, %s : vector<16xi32>, vector<64xi8>
      return %r : vector<16xi32>
    }
    ```
  }];
}

def Lmk_DotS16Op : Lmk_DotOp<"dot_s16"> {
  let summary = "Pairs of s16 x s16 products, summed into i32 lanes";
  let description = [{
    `result[i] = accumulator[i] + sext(lhs[2 i]) * sext(rhs[2 i]) + sext(lhs[2 i + 1]) * sext(rhs[2 i + 1])`

    The sum is exact modulo 2^32. CPUs without products of bytes multiply codes so, widened once for many products.
    Source: Intel SDM, PMADDWD.

    Constraints:
    * C1: the vectors of words have twice as many elements as the accumulator.
    * C2: all three vectors have one fixed dimension.

    Example:
    ```mlir
    func.func @dot(%acc: vector<16xi32>, %a: vector<32xi16>, %b: vector<32xi16>) -> vector<16xi32> {
      %r = lmk.dot_s16 %acc, %a, %b : vector<16xi32>, vector<32xi16>
      return %r : vector<16xi32>
    }
    ```
  }];
}

def Lmk_DotBf16Op : Lmk_DotOp<"dot_bf16"> {
  let summary = "Pairs of bf16 products, summed into f32 lanes";
  let description = [{
    `result[i] = accumulator[i] + lhs[2 i] * rhs[2 i] + lhs[2 i + 1] * rhs[2 i + 1]`

    Products of two bf16 are exact in f32; in which order the three numbers are added, and whether subnormal numbers count,
    is left to the hardware (VDPBF16PS flushes them), so the last bits may differ between instruction sets.
    Source: Intel SDM, VDPBF16PS.

    Constraints:
    * C1: the bf16 vectors have twice as many elements as the accumulator.
    * C2: all three vectors have one fixed dimension.

    Example:
    ```mlir
    func.func @dot(%acc: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
      %r = lmk.dot_bf16 %acc, %a, %b : vector<16xf32>, vector<32xbf16>
      return %r : vector<16xf32>
    }
    ```
  }];
}

def Lmk_LookupOp : Op<Lmk_Dialect, "lookup", [Pure]> {
  let summary = "Bytes of a table of 16, chosen by number";
  let description = [{
    `result[i] = table[numbers[i]]`

    Numbers are 0 to 15; what stands for any other is left to the hardware. Source: Intel SDM, PSHUFB.

    Constraints:
    * C1: the table is a vector of 16 bytes.
    * C2: numbers are bytes in a vector of one fixed dimension, a multiple of 16.

    Example:
    ```mlir
    func.func @lookup(%table: vector<16xi8>, %numbers: vector<64xi8>) -> vector<64xi8> {
      %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<64xi8>
      return %r : vector<64xi8>
    }
    ```
  }];
  let arguments = (ins AnyVectorOfNonZeroRank:$table, AnyVectorOfNonZeroRank:$numbers);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $table `,` $numbers attr-dict `:` custom<LookupTypes>(type($table), type($numbers), type($result))
  }];
  let hasVerifier = 1;
}

#endif
