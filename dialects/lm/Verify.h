// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of several families of ops need. An op's numbered constraints stand in <Family>.cpp of its folder:
// verify() checks what the op alone shows, verifySymbolUses() what needs the params that it names.
// Tested by test/dialects/lm/*/invalid.mlir, one function for each number.

#ifndef LMOPT_DIALECTS_LM_VERIFY_H
#define LMOPT_DIALECTS_LM_VERIFY_H

#include "dialects/lm/param/Param.h"

namespace lmopt::lm {

/// The first `count` sizes (batch, sequence) agree as far as they are known.
bool leadingSizesAgree(mlir::ShapedType a, mlir::ShapedType b, unsigned count = 2);

/// The last size.
int64_t widthOf(mlir::Value value);

/// Of lm.soft_cap and of scores: finite and positive.
llvm::LogicalResult verifyCap(mlir::Operation *op, const llvm::APFloat &cap, llvm::StringRef constraint);

/// A power of two from 2 to 65536.
bool isRotationBlock(int64_t block);

/// The f32 param of rank `rank` that `symbol` names; an error with the number of the constraint otherwise.
mlir::FailureOr<ParamOp> expectF32Param(mlir::Operation *op, mlir::SymbolTableCollection &tables,
                                        mlir::FlatSymbolRefAttr symbol, int64_t rank, llvm::StringRef constraint);

/// An optional vector of `width` numbers (weights of norms, biases).
llvm::LogicalResult verifyVector(mlir::Operation *op, mlir::SymbolTableCollection &tables,
                                 mlir::FlatSymbolRefAttr symbol, int64_t width, llvm::StringRef constraint);

/// A matrix against the widths around it: columns = input (C2), rows = result (C3).
llvm::LogicalResult verifyMatrix(mlir::Operation *op, ParamOp weight, int64_t inputWidth, int64_t resultWidth);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_VERIFY_H
