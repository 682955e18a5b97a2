// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Leaves in the codes of other tools: GPTQ, AWQ, compressed-tensors. Included by Weights.td, which has the classes.
// Tested by test/dialects/lm/roundtrip.mlir, weights-invalid.mlir and test/unit/dialects/PackedTest.cpp.

#ifndef LMOPT_DIALECTS_LM_WEIGHTS_PACKED_TD
#define LMOPT_DIALECTS_LM_WEIGHTS_PACKED_TD

def LM_IntegersAttr : LM_Attr<"Integers", "integers"> {
  let summary = "a tensor of integers of a safetensors file";
  let description = [{
    `#lm.integers<"model.safetensors", "model.layers.0.mlp.up_proj.qweight">`: I32 or I8. Not a weight, but what codes are read
    from.

    Constraints:
    - C1: neither name is empty.
  }];
  let parameters = (ins StringRefParameter<"file">:$path, StringRefParameter<"tensor">:$key);
  let assemblyFormat = "`<` $path `,` $key `>`";
  let genVerifyDecl = 1;
}

def LM_PackedLayout : LM_Enum<"PackedLayout", "how a tool lays out codes, scales and zero points of a linear", [
    I32EnumAttrCase<"gptq", 0>, I32EnumAttrCase<"gptq_v2", 1>, I32EnumAttrCase<"awq", 2>,
    I32EnumAttrCase<"compressed", 3>, I32EnumAttrCase<"bytes", 4>]>;

def LM_PackedAttr : LM_Weight<"Packed", "packed", "Read", [DeclareAttrInterfaceMethods<LM_FileCodesInterface>]> {
  let summary = "a matrix in codes as GPTQ, AWQ or compressed-tensors store it, decoded to f32";
  let description = [{
    `#lm.packed<gptq, codes = #lm.integers<"m.safetensors", "up_proj.qweight">, scales = #lm.safetensors<"m.safetensors",
    "up_proj.scales", f16>, zeros = #lm.integers<"m.safetensors", "up_proj.qzeros">, bits = 4, group = 128, rows = 1536,
    columns = 576>`: with OUT = `rows`, IN = `columns`, u the codes (0 .. 2^bits - 1) and g = k / group,

        W[n, k] = scale[n, g] * (u[n, k] - z[n, g])

    exact in f32. Without `zeros` z is 2^(bits - 1), the middle. `order` names a tensor of IN integers that say which
    group an input belongs to instead (GPTQ with act-order).

    Numbers of a few bits lie in words of 32 bits, side by side along one dimension:

    | layout | codes | scales | zeros |
    |---|---|---|---|
    | gptq | I32 [IN bits / 32, OUT], words of a column | [IN / group, OUT] | I32 [IN / group, OUT bits / 32], each less one (mod 2^bits) |
    | gptq_v2 | the same | the same | the same, as they are |
    | awq | I32 [IN, OUT / 8], in the order 0 2 4 6 1 3 5 7 | [IN / group, OUT] | I32 [IN / group, OUT / 8], in that order, too |
    | compressed | I32 [OUT, IN bits / 32] | [OUT, IN / group] | I32 [OUT bits / 32, IN / group], words of a column |
    | bytes | I8 [OUT, IN], u - 128 | [OUT, IN / group], or one number | I8 [OUT, IN / group], z - 128 |

    Its codes can be multiplied as they are (`#lm.native`), those of `bytes` with one scale a row also as an `!lm.int8`
    (`#lm.quantize_rows`). From: auto-gptq, autoawq, compressed-tensors; Frantar et al. 2022; Lin et al. 2023.

    Constraints:
    - C1: the scales are f32, a matrix or one number.
    - C2: bits are 2, 3, 4 or 8 with gptq and gptq_v2, 4 with awq, 2, 4 or 8 with compressed, 8 with bytes.
    - C3: rows and columns are positive and at most 2^40 together; the group is positive and divides the columns.
    - C4: only gptq and gptq_v2 have an order.
    - The tensors have these types and shapes, and groups of an order are those of the scales (seen when the file is read).
  }];
  let parameters = (ins EnumParameter<LM_PackedLayout>:$layout, "::lmopt::lm::IntegersAttr":$codes,
                        LM_WeightParameter:$scales, OptionalParameter<"::lmopt::lm::IntegersAttr">:$zeros,
                        OptionalParameter<"::lmopt::lm::IntegersAttr">:$order, "int64_t":$bits, "int64_t":$group,
                        "int64_t":$rows, "int64_t":$columns);
  let assemblyFormat = "`<` $layout `,` struct(qualified($codes), $scales, qualified($zeros), qualified($order), $bits, $group, $rows, $columns) `>`";
  let extraClassDeclaration = [{
    /// Codes of 8 bits with one scale a row, which an `!lm.int8` holds.
    bool hasRowCodes() const;
    /// Those, as an int8 matrix.
    ::mlir::FailureOr<::lmopt::lm::WeightData> readRowCodes(::lmopt::lm::Evaluation &evaluation) const;
  }];
}

#endif // LMOPT_DIALECTS_LM_WEIGHTS_PACKED_TD
