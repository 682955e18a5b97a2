// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two types of the dialect: the key/value memory of a sequence and a matrix of int8 weights.
// Tested by test/dialects/lm/roundtrip.mlir and types-invalid.mlir.

#ifndef LMOPT_DIALECTS_LM_LMTYPES_TD
#define LMOPT_DIALECTS_LM_LMTYPES_TD

include "dialects/lm/LmDialect.td"

class LM_Type<string name, string typeMnemonic> : TypeDef<LM_Dialect, name> { let mnemonic = typeMnemonic; }

def LM_CacheType : LM_Type<"Cache", "cache"> {
  let summary = "keys and values of the positions seen so far, of all layers";
  let description = [{
    The state of a decoder between steps. For each layer it holds the rotated keys and the values of every position
    seen so far. `lm.attention` takes a cache and gives the cache with the rows of this step appended. A cache value is
    used at most once, so that lowering may append in place.
  }];
}

def LM_Int8Type : LM_Type<"Int8", "int8"> {
  let summary = "matrix of signed 8-bit codes with f32 scales";
  let description = [{
    `!lm.int8<OUTxIN>` is a matrix W[n, k] = scale[n] * code[n, k] with codes in -127 .. 127 (-128 is not used, so
    that negation is safe). `!lm.int8<OUTxIN, group = G>` has one scale for each G inputs:
    W[n, k] = scale[n, k / G] * code[n, k].

    Constraints:
    - C1: both sizes are positive and their product is at most 2^40.
    - C2: the group, if there is one, is positive and divides the number of columns.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$group);
  let builders = [
    TypeBuilder<(ins "int64_t":$rows, "int64_t":$columns), [{ return $_get($_ctxt, rows, columns, /*group=*/0); }]>
  ];
  let extraClassDeclaration = [{
    /// True when each row has one scale (group() is 0 then).
    bool hasRowScales() const { return getGroup() == 0; }
    /// Scales of one row: 1, or columns / group.
    int64_t getScalesPerRow() const { return getGroup() == 0 ? 1 : getColumns() / getGroup(); }
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // LMOPT_DIALECTS_LM_LMTYPES_TD
