// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of the dialect: the key/value memory of a sequence, quantized activations, and matrices of weights in codes,
// with a scale for each row or for each short group of inputs, or with a codebook. How a weight is stored its type says
// (interfaces/WeightType.td). Tested by test/dialects/lm/roundtrip.mlir and types-invalid.mlir.

#ifndef LMOPT_DIALECTS_LM_LMTYPES_TD
#define LMOPT_DIALECTS_LM_LMTYPES_TD

include "dialects/lm/LmDialect.td"
include "dialects/lm/interfaces/WeightType.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class LM_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<LM_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def LM_CacheType : LM_Type<"Cache", "cache"> {
  let summary = "keys and values of the positions seen so far, of all layers";
  let description = [{
    The state of a decoder between steps. For each layer it holds the rotated keys and the values of every position
    seen so far. `lm.attention` and `lm.cache_append` take a cache and give the cache with the rows of this step
    appended; `lm.attend` reads one. To a cache value rows are appended at most once, so that lowering may do that in place.
  }];
}

def LM_CodesType : LM_Type<"Codes", "codes", [ShapedTypeInterface]> {
  let summary = "quantized activations: codes of 8 bits and what they are codes of";
  let description = [{
    Rows of codes, and with each row the numbers that say what its codes stand for: one value, as they lie in one row of
    memory.

    `!lm.codes<BxTxK, u8>`: codes 0 .. 255, a scale (f32) and a zero point (0 .. 255) for each row:

        x[b, t, k] = scale[b, t] * (code[b, t, k] - zero[b, t])

    `!lm.codes<BxTxK, s8, group = G>`: signed codes and a scale (f32) for each G of a row:

        x[b, t, k] = scale[b, t, k / G] * code[b, t, k]

    Batch and sequence may be dynamic (`?`).

    Constraints:
    - C1: there are three sizes, batch x sequence x width, and the width is static and positive.
    - C2: u8 codes have no group; s8 codes have one, which is positive and divides the width.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "bool":$isSigned, "int64_t":$group);
  let extraClassDeclaration = [{
    /// Of s8 codes: scales of a row.
    int64_t getGroupsPerRow() const { return getShape().back() / getGroup(); }
    // ShapedTypeInterface: codes have the shape of the activations.
    ::mlir::Type getElementType() const;
    bool hasRank() const { return true; }
    ::mlir::ShapedType cloneWith(::std::optional<::llvm::ArrayRef<int64_t>> shape, ::mlir::Type elementType) const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def LM_UnsignedCodes
    : ConfinedType<LM_CodesType, [CPred<"!::llvm::cast<::lmopt::lm::CodesType>($_self).getIsSigned()">],
                   "u8 codes (!lm.codes<..., u8>)", "::lmopt::lm::CodesType">;
def LM_SignedCodes
    : ConfinedType<LM_CodesType, [CPred<"::llvm::cast<::lmopt::lm::CodesType>($_self).getIsSigned()">],
                   "s8 codes in groups (!lm.codes<..., s8, group = G>)", "::lmopt::lm::CodesType">;

def LM_Int8Type : LM_Type<"Int8", "int8", [DeclareTypeInterfaceMethods<LM_WeightTypeInterface>]> {
  let summary = "matrix of signed 8-bit codes with one f32 scale a row";
  let description = [{
    `!lm.int8<OUTxIN>` is a matrix W[n, k] = scale[n] * code[n, k] with codes in -127 .. 127. (-128 stands
    there only when a model was trained with it: `#lm.fake_quantize`.)

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def LM_SparseInt8Type : LM_Type<"SparseInt8", "sparse_int8", [DeclareTypeInterfaceMethods<LM_WeightTypeInterface>]> {
  let summary = "matrix of signed 8-bit codes with one f32 scale a row, stored without the blocks that are zero";
  let description = [{
    `!lm.sparse_int8<OUTxIN, block = RxC, stored = S>` is the matrix of an `!lm.int8` of that size. It is cut into blocks of R
    outputs x C inputs, those at the end smaller; the S blocks in which a code is not zero are stored, and where they lie.
    With blocks of 1x1 each code is stored for itself.

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
    - C2: both sizes of a block are from 1 to 65536.
    - C3: no more blocks are stored than there are.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$blockRows, "int64_t":$blockColumns,
                        "int64_t":$stored);
  let extraClassDeclaration = [{
    /// Of the whole matrix.
    int64_t getBlocks() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def LM_GroupedType : LM_Type<"Grouped", "grouped", [DeclareTypeInterfaceMethods<LM_WeightTypeInterface>]> {
  let summary = "matrix of codes of 4 to 8 bits with f16 scales for short groups of inputs";
  let description = [{
    `!lm.grouped<OUTxIN, bits = B, group = G>` is a matrix of signed codes of B = 4, 5, 6 or 8 bits, -2^(B-1) .. 2^(B-1) - 1:

        W[n, k] = scale[n, k / G] * code[n, k]

    `!lm.grouped<OUTxIN, bits = B, group = G, min>`, B = 4 or 5, has codes 0 .. 2^B - 1 and a second number for each group:

        W[n, k] = scale[n, k / G] * code[n, k] + min[n, k / G]

    Scales and minima are numbers that f16 can hold. `!lm.grouped<OUTxIN, bits = 4, group = G, min, scales = 8>` stores them in 8
    bits each, with a number u (f32, its last 8 bits zero) for each row:

        scale[n, g] = u[n] * c[n, g]    min[n, g] = -scale[n, g] * z[n, g] / 16    c and z from 0 to 255

    With G = 32 these are GGUF's q8_0, q5_0, q5_1, q4_0 and q4_1, value by value: 8.5, 5.5, 6, 4.5 and 5 bits a weight.

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
    - C2: bits is 4, 5, 6 or 8.
    - C3: the group is positive and divides the number of columns.
    - C4: only codes of 4 and 5 bits have minima.
    - C5: scales have 16 bits, or beside 4-bit codes with minima 8.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$bits, "int64_t":$group, "bool":$hasMin,
                        "int64_t":$scaleBits);
  let builders = [TypeBuilder<(ins "int64_t":$rows, "int64_t":$columns, "int64_t":$bits, "int64_t":$group, "bool":$hasMin), [{
    return $_get($_ctxt, rows, columns, bits, group, hasMin, /*scaleBits=*/16);
  }]>];
  let extraClassDeclaration = [{
    int64_t getGroupsPerRow() const { return getColumns() / getGroup(); }
    /// Bits of a weight with its share of scale and minimum.
    double getBitsPerWeight() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def LM_CodebookType : LM_Type<"Codebook", "codebook", [DeclareTypeInterfaceMethods<LM_WeightTypeInterface>]> {
  let summary = "matrix of numbers of entries of a codebook, with scales";
  let description = [{
    One codebook c, in ascending order, for the whole matrix, and for each weight the number of its entry.

    `!lm.codebook<OUTxIN, entries = E, group = G>`, E = 4, 8 or 16 (codes of 2, 3 or 4 bits): entries are integers from -127 to
    127, each group of inputs has a scale that f16 can hold:

        W[n, k] = scale[n, k / G] * c[code[n, k]]

    so that products with it are the exact integer sums of `lm.grouped_linear`. `!lm.codebook<OUTxIN, entries = 256>` (codes of 8
    bits): entries are f32, each row has a scale (f32):

        W[n, k] = scale[n] * c[code[n, k]]

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
    - C2: there are 4, 8 or 16 entries with a group, or 256 without.
    - C3: the group is positive and divides the number of columns.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$entries, "int64_t":$group);
  let extraClassDeclaration = [{
    /// Entries are integers and groups have scales; else entries are f32 and rows have scales.
    bool isGrouped() const { return getGroup() != 0; }
    /// Of the number of an entry.
    int64_t getBits() const;
    /// Bits of a weight with its share of the scales; the codebook itself has 16 bytes at most, or 1 KiB.
    double getBitsPerWeight() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // LMOPT_DIALECTS_LM_LMTYPES_TD
