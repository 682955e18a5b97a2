// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention, whole: heads, groups, mask, rotary positions and cache in one op, so that a pass can rewrite it without
// recognising a pattern of products. And its two halves, one of which writes a cache and one reads it: what code is
// generated from (lm-expand-attention), and what attention over somebody else's keys is made of.
// Tested by test/dialects/lm/attention.

#ifndef LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD
#define LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"

// What attention and both of its halves can be asked; `questions`: those that have a mask.
defvar elementQuestions = [{
    bool isBf16() { return getElement() && getElement()->isBF16(); }
    bool isInt8() { return getElement() && getElement()->isSignlessInteger(8); }
  }];
defvar questions = elementQuestions # [{
    bool isCausal() { return ::llvm::isa<::lmopt::lm::CausalAttr>(getMask()); }
    /// What scores grow by from position to position, or null.
    ::lmopt::lm::AlibiAttr getAlibi() {
      return ::llvm::dyn_cast_or_null<::lmopt::lm::AlibiAttr>(getPositionBiasAttr());
    }
    /// The table of what distances add to scores, or null.
    ::mlir::FlatSymbolRefAttr getDistanceTable() {
      return ::llvm::dyn_cast_or_null<::mlir::FlatSymbolRefAttr>(getPositionBiasAttr());
    }
    /// The last positions that a query sees, or how far both ways; 0: all of them.
    int64_t getWindow() {
      if (auto full = ::llvm::dyn_cast<::lmopt::lm::FullAttr>(getMask()))
        return full.getWindow();
      return ::llvm::cast<::lmopt::lm::CausalAttr>(getMask()).getWindow();
    }
    /// How many heads of the query read each head of keys and values.
    ::llvm::SmallVector<int64_t> getGroupSizes() {
      if (auto sizes = getGroups())
        return ::llvm::to_vector(*sizes);
      return ::llvm::SmallVector<int64_t>(getKvHeads(), getHeads() / getKvHeads());
    }
  }];

// Those that are given keys and values, and so also what these are projected by.
defvar projects = [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>];
defvar projectsMethods = ["getAccesses", "getState", "getPositionLimit"];
defvar projectionFormat = "(`project` `=` qualified($projection)^ (`by` $key_projection^ `,` $value_projection)?)?";

def LM_AttentionOp : LM_Op<"attention", projects, projectsMethods> {
  let summary = "softmax(scale Q Kᵀ + mask) V for each head";
  let description = [{
    For each sequence and each head h of width d = width(query) / heads, which reads key/value head
    g = floor(h kv_heads / heads):

        score[i, j] = scale * (q_h[i] . k_g[j])      for the keys j that query i may see
        score[i, j] = C tanh(score[i, j] / C)        with `soft_cap = C`
        score[i, j] = score[i, j] + bias(h, j - i)   with `bias`, of the positions of key and query
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

    `bias = #lm.alibi<slopes = [...]>` adds slopes[h] (j - i), one slope for each head. `bias = @table` names an f32 matrix
    of heads rows and 2 D + 1 columns, and adds table[h, clamp(j - i, -D, D) + D]: relative positions, which T5, MPNet and
    others learn for ranges of distances that end at D (`#lm.distance_buckets`).

    `groups = [3, 2, 3]` says how many query heads, in their order, read each of the kv_heads, where that is not the same
    for all: what is left when some of a model's heads are removed (lm-prune-heads).

    With `project = #lm.projection<...>` the keys and values of a sequence become few before queries see them; `by @e, @f`
    names the matrices E of keys and F of values, which may be the same, of a learned one.

    `layer` numbers the attentions of a model from 0; it names the place in the cache, which holds all positions whatever
    the window of the mask.

    It is `lm.cache_append` of key and value and `lm.attend` of the query, one after the other.

    Constraints:
    - C1: exactly one of `cache` and `lengths` is given; there is a second result if and only if there is a cache.
    - C2: `heads` is positive and divides the width of the query.
    - C3: `kv_heads` is positive, divides `heads` (unless `groups` are given), and divides the widths of key and value.
    - C4: query and key have the same width of a head.
    - C5: the width of the result is `heads` times the width of a value head.
    - C6: batch and sequence of query, key, value and result agree (and the batch of `lengths`).
    - C7: `layer` is 0 to 65535.
    - C8: `rope` turns at most the width of a head.
    - C9: `scale` is finite.
    - C10: beside this op only `lm.attend` uses the cache, and where it reads the same layer it comes before.
    - C11: with a cache the mask is `#lm.causal`.
    - C12: `as` gives f32, bf16 or i8; with bf16 the width of a head is even, with i8 at most 512 (sums stay exact).
    - C13: `groups` are as many as `kv_heads`, each at least 1, and together `heads`.
    - C14: `project` stands with `lengths`, the mask `#lm.full` without a window, and no `rope`.
    - C15: `by` stands with a learned projection and only there; it names f32 matrices of `rank` rows and equally many columns.
    - C16: a static sequence length is at most these columns.
    - C17: `soft_cap` is finite and positive.
    - C18: `bias` has `heads` slopes, or names an f32 matrix of `heads` rows and an odd number of columns.
    - C19: `bias` stands without `project`: rows of a projection have no position.

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
    func.func @window(%cache: !lm.cache) -> tensor<1x2x2xf32> {
      %q = arith.constant dense<0.0> : tensor<1x2x2xf32>
      %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
      %y, %longer = lm.attention %q, %q, %v, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0 soft_cap = 50.0,
                                                     mask = #lm.causal<window = 1>}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> (tensor<1x2x2xf32>, !lm.cache)
      return %y : tensor<1x2x2xf32>
    }
    // @window: tensor<1x2x2xf32> [[[5, 6], [7, 8]]]
    func.func @neighbours() -> tensor<1x3x2xf32> {
      %q = arith.constant dense<0.0> : tensor<1x3x2xf32>
      %v = arith.constant dense<[[[4.0, 0.0], [0.0, 4.0], [0.0, 8.0]]]> : tensor<1x3x2xf32>
      %len = arith.constant dense<[3]> : tensor<1xi32>
      %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full<window = 1>}
          : (tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x3x2xf32>
      return %y : tensor<1x3x2xf32>
    }
    // @neighbours: tensor<1x3x2xf32> [[[2, 2], [1.33333, 4], [0, 6]]]
    func.func @slopes(%cache: !lm.cache) -> tensor<1x2x2xf32> {
      %q = arith.constant dense<0.0> : tensor<1x2x2xf32>
      %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
      %y, %longer = lm.attention %q, %q, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 1.0,
                                                     mask = #lm.causal bias = #lm.alibi<slopes = [0.0, 100.0]>}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> (tensor<1x2x2xf32>, !lm.cache)
      return %y : tensor<1x2x2xf32>
    }
    // @slopes: tensor<1x2x2xf32> [[[5, 6], [6, 8]]]
    lm.param @far : tensor<1x3xf32> = dense<[[100.0, 0.0, 100.0]]>
    func.func @distances() -> tensor<1x3x1xf32> {
      %q = arith.constant dense<0.0> : tensor<1x3x1xf32>
      %v = arith.constant dense<[[[1.0], [2.0], [3.0]]]> : tensor<1x3x1xf32>
      %len = arith.constant dense<[3]> : tensor<1xi32>
      %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full
                                                 bias = @far}
          : (tensor<1x3x1xf32>, tensor<1x3x1xf32>, tensor<1x3x1xf32>, tensor<1xi32>) -> tensor<1x3x1xf32>
      return %y : tensor<1x3x1xf32>
    }
    // @distances: tensor<1x3x1xf32> [[[2.5], [2], [1.5]]]
    func.func @uneven_groups() -> tensor<1x1x6xf32> {
      %q = arith.constant dense<1.0> : tensor<1x1x6xf32>
      %v = arith.constant dense<[[[5.0, 6.0, 7.0, 8.0]]]> : tensor<1x1x4xf32>
      %len = arith.constant dense<[1]> : tensor<1xi32>
      %y = lm.attention %q, %v, %v lengths %len {layer = 0, heads = 3, kv_heads = 2 groups = [2, 1], scale = 1.0,
                                                 mask = #lm.full}
          : (tensor<1x1x6xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>, tensor<1xi32>) -> tensor<1x1x6xf32>
      return %y : tensor<1x1x6xf32>
    }
    // @uneven_groups: tensor<1x1x6xf32> [[[5, 6, 5, 6, 7, 8]]]
    func.func @means() -> tensor<1x3x2xf32> {
      %q = arith.constant dense<0.0> : tensor<1x3x2xf32>
      %v = arith.constant dense<[[[4.0, 0.0], [0.0, 4.0], [0.0, 8.0]]]> : tensor<1x3x2xf32>
      %len = arith.constant dense<[3]> : tensor<1xi32>
      %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full
                                                 project = #lm.projection<means, rank = 2>}
          : (tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x3x2xf32>
      return %y : tensor<1x3x2xf32>
    }
    // @means: tensor<1x3x2xf32> [[[2, 3], [2, 3], [2, 3]]]
    ```
  }];
  let arguments = (ins LM_Activation:$query, LM_Activation:$key, LM_Activation:$value, Optional<LM_CacheType>:$cache,
                       Optional<LM_Lengths>:$lengths, I64Attr:$layer, I64Attr:$heads, I64Attr:$kv_heads,
                       F64Attr:$scale, LM_MaskAttr:$mask, OptionalAttr<LM_RopeAttr>:$rope,
                       OptionalAttr<DenseI64ArrayAttr>:$groups, OptionalAttr<TypeAttr>:$element,
                       OptionalAttr<LM_ProjectionAttr>:$projection, OptionalAttr<FlatSymbolRefAttr>:$key_projection,
                       OptionalAttr<FlatSymbolRefAttr>:$value_projection, OptionalAttr<F64Attr>:$soft_cap,
                       OptionalAttr<LM_PositionBiasAttr>:$position_bias);
  let results = (outs LM_Activation:$result, Optional<LM_CacheType>:$next_cache);
  let assemblyFormat = !strconcat([{
    $query `,` $key `,` $value (`,` $cache^)? (`lengths` $lengths^)?
        ` ` `{` `layer` `=` $layer `,` `heads` `=` $heads `,` `kv_heads` `=` $kv_heads
        (`groups` `=` $groups^)? `,` `scale` `=` $scale (`soft_cap` `=` $soft_cap^)?
        `,` `mask` `=` $mask (`,` `rope` `=` qualified($rope)^)? (`bias` `=` $position_bias^)?}], projectionFormat, [{ `}` (`as` $element^)?
        attr-dict-with-keyword `:` functional-type(operands, results)
  }]);
  let builders = [
    // Decoder form: give `cache`; encoder form: give `lengths`; the other one is null. `rope` may be null. The result
    // types follow from query, value and heads. Groups are even, and there is neither soft cap nor bias.
    OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$key, "::mlir::Value":$value, "::mlir::Value":$cache,
                   "::mlir::Value":$lengths, "int64_t":$layer, "int64_t":$heads, "int64_t":$kvHeads, "double":$scale,
                   "::mlir::Attribute":$mask, "::lmopt::lm::RopeAttr":$rope)>
  ];
  let extraClassDeclaration = questions # [{
    /// Puts its halves, lm.cache_append and lm.attend, in its place.
    void expand();
    /// Width of a head of query and key.
    int64_t getHeadWidth() { return getQuery().getType().getDimSize(2) / getHeads(); }
    /// Width of a head of value and result.
    int64_t getValueWidth() { return getValue().getType().getDimSize(2) / getKvHeads(); }
  }];
  let hasVerifier = 1;
}

def LM_CacheAppendOp : LM_Op<"cache_append", projects, projectsMethods> {
  let summary = "the first half of attention: keys and values of this step go into the cache";
  let description = [{
    Two forms, as `lm.attention` has:

    *decoder*: `lm.cache_append %k, %v, %cache {...} : ... -> !lm.cache`. The T rows of this step follow the P positions
    that the cache holds for layer `layer`; row t has position P + t. The result is the longer cache.

    *encoder*: `lm.cache_append %k, %v lengths %len {...} : ... -> !lm.cache`. The cache of the T rows of this step only;
    row t has position t, and those with t >= len[b] do not count.

    With `rope`, keys are rotated by their absolute positions before they are kept (values are not).

    With `project` the cache holds the few rows that become of those of a sequence instead (`lm.attention`); they are rounded
    as others are.

    Shapes: k (B, T, kv_heads d), v (B, T, kv_heads dv). `as bf16` rounds keys and values to bf16; `as i8` keeps each key
    and value head as codes c = round(x / s) of 8 bits with one scale s = max |x| / 127 for each position. Without `as`
    they stay f32.

    Constraints:
    - C1: exactly one of `cache` and `lengths` is given.
    - C2: `kv_heads` is positive and divides the widths of key and value.
    - C3: batch and sequence of key and value agree (and the batch of `lengths`).
    - C4: `layer` is 0 to 65535.
    - C5: `rope` turns at most the width of a head of the key.
    - C6: `as` gives f32, bf16 or i8; with bf16 the width of a head of the key is even, with i8 heads are at most 512.
    - C7: beside this op only `lm.attend` uses the cache, and where it reads the same layer it comes before; so the rows
      may be appended in place.
    - C8: the cache was not made of `lengths`, if an op before it in its block made it.
    - C9: `project` stands with `lengths` and no `rope`.
    - C10: `by` stands with a learned projection and only there; it names f32 matrices of `rank` rows and equally many columns.
    - C11: a static sequence length is at most these columns.

    ```mlir
    func.func @append_twice(%none: !lm.cache) -> tensor<1x1x2xf32> {
      %x = arith.constant dense<0.0> : tensor<1x1x2xf32>
      %v0 = arith.constant dense<[[[5.0, 6.0]]]> : tensor<1x1x2xf32>
      %v1 = arith.constant dense<[[[7.0, 8.0]]]> : tensor<1x1x2xf32>
      %one = lm.cache_append %x, %v0, %none {layer = 0, kv_heads = 1}
          : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> !lm.cache
      %two = lm.cache_append %x, %v1, %one {layer = 0, kv_heads = 1}
          : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> !lm.cache
      %y = lm.attend %x, %two {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal}
          : (tensor<1x1x2xf32>, !lm.cache) -> tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @append_twice: tensor<1x1x2xf32> [[[6, 7]]]
    ```
  }];
  let arguments = (ins LM_Activation:$key, LM_Activation:$value, Optional<LM_CacheType>:$cache,
                       Optional<LM_Lengths>:$lengths, I64Attr:$layer, I64Attr:$kv_heads, OptionalAttr<LM_RopeAttr>:$rope,
                       OptionalAttr<TypeAttr>:$element, OptionalAttr<LM_ProjectionAttr>:$projection,
                       OptionalAttr<FlatSymbolRefAttr>:$key_projection, OptionalAttr<FlatSymbolRefAttr>:$value_projection);
  let results = (outs LM_CacheType:$result);
  let assemblyFormat = !strconcat([{
    $key `,` $value (`,` $cache^)? (`lengths` $lengths^)?
        ` ` `{` `layer` `=` $layer `,` `kv_heads` `=` $kv_heads (`,` `rope` `=` qualified($rope)^)?}],
        projectionFormat, [{ `}` (`as` $element^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }]);
  let builders = [
    // Decoder form: give `cache`; encoder form: give `lengths`; the other one is null. `rope` and `element` may be null.
    OpBuilder<(ins "::mlir::Value":$key, "::mlir::Value":$value, "::mlir::Value":$cache, "::mlir::Value":$lengths,
                   "int64_t":$layer, "int64_t":$kvHeads, "::lmopt::lm::RopeAttr":$rope, "::mlir::TypeAttr":$element)>
  ];
  let extraClassDeclaration = elementQuestions # [{
    /// Width of a head of the key.
    int64_t getHeadWidth() { return getKey().getType().getDimSize(2) / getKvHeads(); }
    /// Width of a head of the value.
    int64_t getValueWidth() { return getValue().getType().getDimSize(2) / getKvHeads(); }
  }];
  let hasVerifier = 1;
}

def LM_AttendOp : LM_Op<"attend", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>],
                        ["getAccesses", "getState"]> {
  let summary = "the second half of attention: queries over the keys and values that a cache holds";
  let description = [{
    Formulas, `as`, `bias`, and the rotation of queries are those of `lm.attention`. Two forms:

    *decoder*: `lm.attend %q, %kept {...} : ... -> y`. The T rows of q are the last T of the positions that the cache holds
    for layer `layer`; they see the whole of it under the mask. The cache stays as it is.

    *encoder*: `lm.attend %q, %kept lengths %len {...} : ... -> y`. Row t has position t. Keys with t >= len[b] are masked;
    rows of y with t >= len[b] are zero.

    Shapes: q (B, T, heads d), y (B, T, heads dv).

    Constraints:
    - C1: `heads` is positive and divides the widths of query and result.
    - C2: `kv_heads` is positive and divides `heads` (unless `groups` are given).
    - C3: batch and sequence of query and result agree (and the batch of `lengths`).
    - C4: `layer` is 0 to 65535.
    - C5: `rope` turns at most the width of a head of the query.
    - C6: `scale` is finite.
    - C7: without `lengths` the mask is `#lm.causal`.
    - C8: `as` gives f32, bf16 or i8; with bf16 the width of a head of the query is even, with i8 heads are at most 512.
    - C9: the op that made the cache, if it stands before this one in its block and is `lm.cache_append` or
      `lm.attention`, appended this `layer`, with the same `kv_heads`, `rope`, `project` and `as`.
    - C10: its heads of keys have the width of those of the query, its heads of values that of those of the result.
    - C11: it has the same `lengths` or none either, and its batch is that of the query (with `lengths` also its sequence).
    - C12: `groups` are as many as `kv_heads`, each at least 1, and together `heads`.
    - C13: `project` stands with `lengths`, the mask `#lm.full` without a window, and no `rope`.
    - C14: `soft_cap` is finite and positive.
    - C15: `bias` has `heads` slopes, or names an f32 matrix of `heads` rows and an odd number of columns.
    - C16: `bias` stands without `project`.

    ```mlir
    func.func @attend_to_one_key() -> tensor<1x2x2xf32> {
      %q = arith.constant dense<1.0> : tensor<1x2x2xf32>
      %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
      %len = arith.constant dense<[1]> : tensor<1xi32>
      %kept = lm.cache_append %q, %v lengths %len {layer = 0, kv_heads = 1}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi32>) -> !lm.cache
      %y = lm.attend %q, %kept lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full}
          : (tensor<1x2x2xf32>, !lm.cache, tensor<1xi32>) -> tensor<1x2x2xf32>
      return %y : tensor<1x2x2xf32>
    }
    // @attend_to_one_key: tensor<1x2x2xf32> [[[5, 6], [0, 0]]]
    ```
  }];
  let arguments = (ins LM_Activation:$query, LM_CacheType:$cache, Optional<LM_Lengths>:$lengths, I64Attr:$layer,
                       I64Attr:$heads, I64Attr:$kv_heads, F64Attr:$scale, LM_MaskAttr:$mask,
                       OptionalAttr<LM_RopeAttr>:$rope, OptionalAttr<DenseI64ArrayAttr>:$groups,
                       OptionalAttr<TypeAttr>:$element, OptionalAttr<LM_ProjectionAttr>:$projection,
                       OptionalAttr<F64Attr>:$soft_cap, OptionalAttr<LM_PositionBiasAttr>:$position_bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $query `,` $cache (`lengths` $lengths^)?
        ` ` `{` `layer` `=` $layer `,` `heads` `=` $heads `,` `kv_heads` `=` $kv_heads
        (`groups` `=` $groups^)? `,` `scale` `=` $scale (`soft_cap` `=` $soft_cap^)?
        `,` `mask` `=` $mask (`,` `rope` `=` qualified($rope)^)? (`bias` `=` $position_bias^)?
        (`project` `=` qualified($projection)^)? `}`
        (`as` $element^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // `lengths` (null for the decoder form), `layer`, `kv_heads`, `rope`, `as`, `project` and the width of the result
    // follow from the append that made the cache. Groups are even, and there is neither soft cap nor bias.
    OpBuilder<(ins "::mlir::Value":$query, "::lmopt::lm::CacheAppendOp":$append, "int64_t":$heads, "double":$scale,
                   "::mlir::Attribute":$mask)>
  ];
  let extraClassDeclaration = questions # [{
    /// Width of a head of the query, and so of the keys.
    int64_t getHeadWidth() { return getQuery().getType().getDimSize(2) / getHeads(); }
    /// Width of a head of the result, and so of the values.
    int64_t getValueWidth() { return getResult().getType().getDimSize(2) / getHeads(); }
    /// What made the cache; null when that is not to be seen here.
    ::lmopt::lm::CacheAppendOp getAppend();
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_ATTENTION_ATTENTION_TD
