// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention, whole: heads, groups, mask, rotary positions and cache in one op, so that a pass can rewrite it without
// recognising a pattern of products. Tested by test/dialects/lm/attention.

#ifndef LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD
#define LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"

def LM_AttentionOp : LM_Op<"attention", [Pure, AttrSizedOperandSegments], ["getAccesses", "getState"]> {
  let summary = "softmax(scale Q Kᵀ + mask) V for each head";
  let description = [{
    For each sequence and each head h of width d = width(query) / heads, which reads key/value head
    g = floor(h kv_heads / heads):

        score[i, j] = scale * (q_h[i] . k_g[j])      for the keys j that query i may see
        p[i, :]     = softmax(score[i, :])           (a query that sees no key gets zeros)
        y_h[i]      = sum_j p[i, j] v_g[j]

    and y is the heads side by side. With `rope`, q and k are rotated by their absolute positions first (values are
    not). Two forms:

    *decoder*: `lm.attention %q, %k, %v, %cache {...} : ... -> (y, !lm.cache)`. The T rows of this step follow the P
    positions that the cache holds for this layer; row t has position P + t. The rotated keys and the values are
    appended to the cache of layer `layer`, and queries see the whole of it under the mask. The cache is a value: the
    result is the longer cache.

    *encoder*: `lm.attention %q, %k, %v lengths %len {...} : ... -> y`. Row t has position t. Keys with t >= len[b] are
    masked; rows of y with t >= len[b] are zero.

    Shapes: q (B, T, heads d), k (B, T, kv_heads d), v (B, T, kv_heads dv), y (B, T, heads dv); d and dv may differ.
    `as bf16` keeps keys and values as bf16 and rounds the scaled queries and the softmax weights (before they are
    normalized) to bf16 too; products of two are exact in f32, sums are f32. `as i8` keeps each key and value head as
    codes c = round(x / s) of 8 bits with one scale s = max |x| / 127 for each position, and computes with c s; scaled
    queries and softmax weights may be carried in 16 bits of their largest. Without `as`, all is f32.

    `layer` numbers the attentions of a model from 0; it names the place in the cache.

    Constraints:
    - C1: exactly one of `cache` and `lengths` is given; there is a second result if and only if there is a cache.
    - C2: `heads` is positive and divides the width of the query.
    - C3: `kv_heads` is positive, divides `heads`, and divides the widths of key and value.
    - C4: query and key have the same width of a head.
    - C5: the width of the result is `heads` times the width of a value head.
    - C6: batch and sequence of query, key, value and result agree (and the batch of `lengths`).
    - C7: `layer` is 0 to 65535.
    - C8: `rope` turns at most the width of a head.
    - C9: `scale` is finite.
    - C10: a cache is used by one op only.
    - C11: with a cache the mask is `#lm.causal`.
    - C12: `as` gives f32, bf16 or i8; with bf16 the width of a head is even, with i8 at most 512 (sums stay exact).

    ```mlir
    func.func @one_key() -> tensor<1x2x2xf32> {
      %q = arith.constant dense<1.0> : tensor<1x2x2xf32>
      %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
      %len = arith.constant dense<[1]> : tensor<1xi32>
      %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi32>) -> tensor<1x2x2xf32>
      return %y : tensor<1x2x2xf32>
    }
    // @one_key: tensor<1x2x2xf32> [[[5, 6], [0, 0]]]
    func.func @decode(%cache: !lm.cache) -> tensor<1x2x2xf32> {
      %q = arith.constant dense<0.0> : tensor<1x2x2xf32>
      %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
      %y, %longer = lm.attention %q, %q, %v, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0,
                                                     mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 2,
                                                                                        layout = half>}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> (tensor<1x2x2xf32>, !lm.cache)
      return %y : tensor<1x2x2xf32>
    }
    // @decode: tensor<1x2x2xf32> [[[5, 6], [6, 7]]]
    ```
  }];
  let arguments = (ins LM_Activation:$query, LM_Activation:$key, LM_Activation:$value, Optional<LM_CacheType>:$cache,
                       Optional<LM_Lengths>:$lengths, I64Attr:$layer, I64Attr:$heads, I64Attr:$kv_heads,
                       F64Attr:$scale, LM_MaskAttr:$mask, OptionalAttr<LM_RopeAttr>:$rope,
                       OptionalAttr<TypeAttr>:$element);
  let results = (outs LM_Activation:$result, Optional<LM_CacheType>:$next_cache);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`,` $cache^)? (`lengths` $lengths^)?
        ` ` `{` `layer` `=` $layer `,` `heads` `=` $heads `,` `kv_heads` `=` $kv_heads `,` `scale` `=` $scale
        `,` `mask` `=` $mask (`,` `rope` `=` qualified($rope)^)? `}` (`as` $element^)?
        attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // Decoder form: give `cache`; encoder form: give `lengths`; the other one is null. `rope` may be null. The result
    // types follow from query, value and heads.
    OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$key, "::mlir::Value":$value, "::mlir::Value":$cache,
                   "::mlir::Value":$lengths, "int64_t":$layer, "int64_t":$heads, "int64_t":$kvHeads, "double":$scale,
                   "::mlir::Attribute":$mask, "::lmopt::lm::RopeAttr":$rope)>
  ];
  let extraClassDeclaration = [{
    /// Width of a head of query and key.
    int64_t getHeadWidth() { return getQuery().getType().getDimSize(2) / getHeads(); }
    /// Width of a head of value and result.
    int64_t getValueWidth() { return getValue().getType().getDimSize(2) / getKvHeads(); }
    bool isBf16() { return getElement() && getElement()->isBF16(); }
    bool isInt8() { return getElement() && getElement()->isSignlessInteger(8); }
    bool isCausal() { return ::llvm::isa<::lmopt::lm::CausalAttr>(getMask()); }
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD
