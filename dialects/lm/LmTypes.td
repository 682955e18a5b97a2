// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of the dialect: the key/value memory of a sequence, and matrices of weights in codes, with a scale for each
// row or for each short group of inputs.
// Tested by test/dialects/lm/roundtrip.mlir and types-invalid.mlir.

#ifndef LMOPT_DIALECTS_LM_LMTYPES_TD
#define LMOPT_DIALECTS_LM_LMTYPES_TD

include "dialects/lm/LmDialect.td"

class LM_Type<string name, string typeMnemonic> : TypeDef<LM_Dialect, name> { let mnemonic = typeMnemonic; }

def LM_CacheType : LM_Type<"Cache", "cache"> {
  let summary = "keys and values of the positions seen so far, of all layers";
  let description = [{
    The state of a decoder between steps. For each layer it holds the rotated keys and the values of every position
    seen so far. `lm.attention` and `lm.cache_append` take a cache and give the cache with the rows of this step
    appended; `lm.attend` reads one. To a cache value rows are appended at most once, so that lowering may do that in place.
  }];
}

def LM_Int8Type : LM_Type<"Int8", "int8"> {
  let summary = "matrix of signed 8-bit codes with one f32 scale a row";
  let description = [{
    `!lm.int8<OUTxIN>` is a matrix W[n, k] = scale[n] * code[n, k] with codes in -127 .. 127 (-128 is not used, so
    that negation is safe).

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def LM_GroupedType : LM_Type<"Grouped", "grouped"> {
  let summary = "matrix of 4-bit or 8-bit codes with f16 scales for short groups of inputs";
  let description = [{
    `!lm.grouped<OUTxIN, bits = B, group = G>` is a matrix of signed codes, B = 4: -8 .. 7, B = 8: -128 .. 127:

        W[n, k] = scale[n, k / G] * code[n, k]

    `!lm.grouped<OUTxIN, bits = 4, group = G, min>` has codes 0 .. 15 and a second number for each group:

        W[n, k] = scale[n, k / G] * code[n, k] + min[n, k / G]

    Scales and minima are numbers that f16 can hold. With G = 32 these are GGUF's q8_0, q4_0 and q4_1, value by value:
    8.5, 4.5 and 5 bits a weight.

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
    - C2: bits is 4 or 8.
    - C3: the group is positive and divides the number of columns.
    - C4: only 4-bit codes have minima.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$bits, "int64_t":$group, "bool":$hasMin);
  let extraClassDeclaration = [{
    int64_t getGroupsPerRow() const { return getColumns() / getGroup(); }
    /// Bits of a weight with its share of scale and minimum.
    double getBitsPerWeight() const { return double(getBits()) + (getHasMin() ? 32.0 : 16.0) / double(getGroup()); }
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // LMOPT_DIALECTS_LM_LMTYPES_TD
