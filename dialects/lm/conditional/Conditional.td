// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers of which each token uses a part of its own: trees of neurons, experts behind a tree or a router (in f32 or in
// codes), and a product that leaves out what is multiplied by zero. Weights stand neuron by neuron: row n of the first matrix is what neuron n is
// multiplied with, row n of the second what it adds; only experts in codes have a row for each output there. Tested by
// test/dialects/lm/conditional.

#ifndef LMOPT_DIALECTS_LM_CONDITIONAL_CONDITIONAL_TD
#define LMOPT_DIALECTS_LM_CONDITIONAL_CONDITIONAL_TD

include "dialects/lm/LmAttributes.td"
include "dialects/lm/LmTypes.td"

def LM_NeuronTreeOp : LM_Op<"neuron_tree", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a tree whose nodes are neurons: those on one way from the root are computed";
  let description = [{
    A tree of L levels has 2^L - 1 neurons, numbered level by level from the root on, and a token goes through L of them:

        n_0 = 0    a_l = sum_k W[n_l, k] x[k] + b[n_l]    n_{l+1} = 2 n_l + 1 + (a_l > 0)
        y[m] = sum_l f(a_l) V[n_l, m]

    for each row x of the input. f is `kind`. With `tie_right` a_l = 0 goes to the right too; what is no number (NaN) goes to
    the left either way. `trees` such trees stand one behind the other in W, b and V; their results are added.

    a_l decides as an f32 number, the sum rounded once. `by` gives rows of fewer bits to take the numbers from: f(u_l) then
    stands in the place of f(a_l), u_l = sum_k U[n_l, k] x[k] + b[n_l] with U the weight behind `by`; a_l still decides, so
    the way does not depend on it. Code looks at a_l itself only where u_l is too near to zero to tell.

    Shapes: x (B, T, K), W and U (N, K), b (N), V (N, M), y (B, T, M), N = trees * (2^L - 1).
    Belcak and Wattenhofer, Exponentially Faster Language Modelling (2023); techniques 6.1.

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of f32 or bf16.
    - C2: its columns are the width of the input.
    - C3: its rows are `trees` times 2^L - 1, with L from 1 to 24.
    - C4: `bias`, if given, names an f32 vector with a number for each row.
    - C5: `values` names a `lm.param` that is a matrix of f32 or bf16 or of type `!lm.int8`, with as many rows and as many
      columns as the result is wide.
    - C6: input and result agree in batch and sequence.
    - C7: `narrow` (behind `by`), if given, names a matrix as in C5 of the sizes of the first, which is then of f32.
    - C8: there is a tree.

    ```mlir
    lm.param @w : tensor<7x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [2.0, 0.0]]>
    lm.param @b : tensor<7xf32> = dense<[0.0, 0.5, -0.25, 0.0, 0.0, 0.1, 0.0]>
    lm.param @v : tensor<7x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]>
    func.func @three_levels() -> tensor<1x3x2xf32> {
      %x = arith.constant dense<[[[0.5, -1.0], [-0.5, 0.25], [0.0, 1.0]]]> : tensor<1x3x2xf32>
      %y = lm.neuron_tree %x, @w bias @b to @v {kind = gelu} : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32>
      return %y : tensor<1x3x2xf32>
    }
    // @three_levels: tensor<1x3x2xf32> [[[0.175761, -0.0660573], [0.425761, 0.580029], [0.841345, 1.39979]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias,
                       FlatSymbolRefAttr:$values, OptionalAttr<FlatSymbolRefAttr>:$narrow,
                       LM_ActivationKindAttr:$kind, DefaultValuedAttr<I64Attr, "1">:$trees, UnitAttr:$tie_right);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `to` $values (`by` $narrow^)? ` `
        `{` `kind` `=` `` $kind (`tie_right` $tie_right^)? (`,` `trees` `=` $trees^)? `}`
        attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// L; 0 where the rows are no trees (C3).
    static int64_t levelsOf(int64_t rows, int64_t trees);
  }];
}

def LM_TreeGatesOp : LM_Op<"tree_gates", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a tree of hyperplanes chooses leaves: 1 for those that are chosen, 0 for others";
  let description = [{
    An inner node n of a tree of D levels has a_n = sum_k W[n, k] x[k] + b[n], as an f32 number, and sends a token on to the
    right (node 2n + 2) where a_n > 0, else to the left (2n + 1), with `tie_right` also 0 to the right; NaN goes to the left.
    The way from the root (0) ends at leaf j, node 2^D - 1 + j: y[j] = 1.

    With `count` = k there are k such leaves, those of least cost: the cost of a leaf is the sum of |a_n| over the nodes
    at which the way to it takes the other side. (log p of a leaf, where a node goes right with probability sigmoid(a_n),
    loses just |a_n| there.) Of equal cost the leaf with the smaller number comes first; |NaN| counts as 0.

    Shapes: x (B, T, K), W (2^D - 1, K), b (2^D - 1), y (B, T, 2^D). Belcak and Wattenhofer, Fast Feedforward Networks (2023);
    techniques 6.2.

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of f32.
    - C2: its columns are the width of the input.
    - C3: its rows are one fewer than the result is wide, which is a power of two from 2 to 2^20.
    - C4: `bias`, if given, names an f32 vector with a number for each row.
    - C5: input and result agree in batch and sequence.
    - C6: `count` is from 1 to the width of the result.

    ```mlir
    lm.param @w : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [0.5, 1.0]]>
    func.func @two_leaves() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[0.25, -2.0]]]> : tensor<1x1x2xf32>
      %y = lm.tree_gates %x, @w {count = 2} : (tensor<1x1x2xf32>) -> tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @two_leaves: tensor<1x1x4xf32> [[[1, 0, 1, 0]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias,
                       DefaultValuedAttr<I64Attr, "1">:$count, UnitAttr:$tie_right);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? ` ` `{` `count` `=` $count (`,` `tie_right` $tie_right^)? `}`
        attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_TopGatesOp : LM_Op<"top_gates", [Pure, AllTypesMatch<["scores", "result"]>]> {
  let summary = "the greatest scores of a router as gates, 0 for others";
  let description = [{
    Of the E scores of a row the `count` greatest are chosen, of equal ones those that come first; NaN is less than all. For
    those y[e] is, by `softmax`,

    - "chosen": exp s[e] / sum over the chosen of exp s (Mixtral),
    - "all": exp s[e] / sum over all of exp s (Switch, Qwen-MoE without normalization),
    - "none": 1;

    y[e] = 0 for the others.

    Shapes: s and y (B, T, E).

    Constraints:
    - C1: `count` is from 1 to E.
    - C2: `softmax` is one of these.

    ```mlir
    func.func @two_of_three() -> tensor<1x1x3xf32> {
      %s = arith.constant dense<[[[1.0, 0.0, 1.0]]]> : tensor<1x1x3xf32>
      %y = lm.top_gates %s {count = 2, softmax = "chosen"} : tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @two_of_three: tensor<1x1x3xf32> [[[0.5, 0, 0.5]]]
    ```
  }];
  let arguments = (ins LM_Activation:$scores, I64Attr:$count, StrAttr:$softmax);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $scores ` ` `{` `count` `=` $count `,` `softmax` `=` $softmax `}` attr-dict-with-keyword `:` type($result)
  }];
  let hasVerifier = 1;
}

def LM_ExpertsOp : LM_Op<"experts", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "feed-forward layers side by side, of which each token uses those whose gate is not zero";
  let description = [{
    Expert e has neurons e H to e H + H - 1. For each row, with gates g,

        u[i] = sum_k W[i, k] x[k] + b[i]    h[i] = f(u[i])    or, with `up`, h[i] = f(u[i]) sum_k U[i, k] x[k]
        y[m] = sum_{e: g[e] != 0} g[e] (sum_{i in e} h[i] V[i, m] + c[e, m])

    f is `kind`. An expert whose gate is zero is not computed, so it adds nothing even where it would be infinite.

    Shapes: x (B, T, K), g (B, T, E), W and U (E H, K), b (E H), V (E H, M), c (E, M), y (B, T, M).

    Constraints:
    - C1: `weight` and, if given, `up` name params that are matrices of f32.
    - C2: their columns are the width of the input.
    - C3: their rows are a multiple of the width of the gates.
    - C4: `bias`, if given, names an f32 vector with a number for each row.
    - C5: `values` names an f32 matrix with as many rows and as many columns as the result is wide.
    - C6: `values_bias`, if given, names an f32 matrix with a row for each gate and as many columns as the result is wide.
    - C7: input, gates and result agree in batch and sequence.

    ```mlir
    lm.param @w : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
    lm.param @v : tensor<2x1xf32> = dense<[[2.0], [5.0]]>
    lm.param @c : tensor<2x1xf32> = dense<[[0.25], [0.5]]>
    func.func @one_of_two() -> tensor<1x2x1xf32> {
      %x = arith.constant dense<[[[1.0, 3.0], [1.0, 3.0]]]> : tensor<1x2x2xf32>
      %g = arith.constant dense<[[[0.0, 1.0], [0.5, 0.0]]]> : tensor<1x2x2xf32>
      %y = lm.experts %x by %g, @w to @v bias @c {kind = relu}
          : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x1xf32>
      return %y : tensor<1x2x1xf32>
    }
    // @one_of_two: tensor<1x2x1xf32> [[[15.5], [1.125]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, LM_Activation:$gates, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, OptionalAttr<FlatSymbolRefAttr>:$up,
                       FlatSymbolRefAttr:$values, OptionalAttr<FlatSymbolRefAttr>:$values_bias,
                       LM_ActivationKindAttr:$kind);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `by` $gates `,` $weight (`bias` $bias^)? (`times` $up^)? `to` $values (`bias` $values_bias^)? ` `
        `{` `kind` `=` `` $kind `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_GroupedExpertsOp : LM_Op<"grouped_experts", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "experts whose matrices are codes in groups";
  let description = [{
    What `lm.experts` means, with the products of `lm.grouped_linear`. For each row, with gates g,

        u = x W_eᵀ    h = f(u)    or, with `up`, h = f(u) (x U_eᵀ), number by number
        y = sum_{e: g[e] != 0} g[e] (q(h) V_eᵀ)

    x are codes in groups, q is `lm.quantize_groups` with the groups of V, f is `kind`. W_e and U_e are the rows e H to
    e H + H - 1 of `weight` and `up`, V_e the rows e M to e M + M - 1 of `values`: a row for each output, as files have it,
    and not for each neuron as in `lm.experts`, since the codes that share a scale are those that are added up. An expert
    whose gate is zero is not computed.

    Shapes: x (B, T, K) of s8 codes in groups of G, g (B, T, E), W and U (E H, K) in groups of G, V (E M, H) in groups of any
    size, y (B, T, M).

    Constraints:
    - C1: `weight`, `values` and, if given, `up` name params of type `!lm.grouped`, or of type `!lm.codebook` with groups.
    - C2: the columns of `weight` and `up` are the width of the input.
    - C3: the rows of `weight` are a multiple of the width of the gates, and `up` has as many.
    - C4: activations have the groups of `weight` and of `up`.
    - C5: `values` has for each gate as many rows as the result is wide, and as many columns as an expert has neurons.
    - C6: input, gates and result agree in batch and sequence.
    - C7: a group has at most 65536 numbers, so that the int32 sums cannot overflow.

    ```mlir
    lm.param @w : !lm.grouped<4x2, bits = 8, group = 2>
        = #lm.quantize_groups<dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]> : tensor<4x2xf32>, bits = 8, group = 2>
    lm.param @v : !lm.grouped<2x2, bits = 8, group = 2>
        = #lm.quantize_groups<dense<[[2.0, 1.0], [1.0, 4.0]]> : tensor<2x2xf32>, bits = 8, group = 2>
    func.func @one_of_two_in_codes() -> tensor<1x2x1xf32> {
      %x = arith.constant dense<[[[1.0, 3.0], [1.0, 3.0]]]> : tensor<1x2x2xf32>
      %g = arith.constant dense<[[[0.0, 1.0], [0.5, 0.0]]]> : tensor<1x2x2xf32>
      %q = lm.quantize_groups %x : (tensor<1x2x2xf32>) -> !lm.codes<1x2x2, s8, group = 2>
      %y = lm.grouped_experts %q by %g, @w to @v {kind = relu}
          : (!lm.codes<1x2x2, s8, group = 2>, tensor<1x2x2xf32>) -> tensor<1x2x1xf32>
      return %y : tensor<1x2x1xf32>
    }
    // @one_of_two_in_codes: tensor<1x2x1xf32> [[[4.02307], [2.50363]]]
    ```
  }];
  let arguments = (ins LM_SignedCodes:$input, LM_Activation:$gates, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$up, FlatSymbolRefAttr:$values, LM_ActivationKindAttr:$kind);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `by` $gates `,` $weight (`times` $up^)? `to` $values ` ` `{` `kind` `=` `` $kind `}`
        attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_NonzeroLinearOp : LM_Op<"nonzero_linear", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "y = x V + b, by the rows of V whose number in x is not zero";
  let description = [{
        y[m] = sum_{k: x[k] != 0} x[k] V[k, m] + b[m]

    The product of `lm.linear` with the transposed matrix, in which a number that is zero is left out: of finite weights it is
    the same, and a row whose number is zero need not be read. It pays behind an activation that makes zeros (ReLU).

    Shapes: x (B, T, K), V (K, M), b (M), y (B, T, M).

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of f32 or bf16 or of type `!lm.int8`.
    - C2: its rows are the width of the input.
    - C3: its columns are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: input and result agree in batch and sequence.

    ```mlir
    lm.param @v : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
    func.func @without_zeros() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[1.0, 0.0, 2.0]]]> : tensor<1x1x3xf32>
      %y = lm.nonzero_linear %x, @v : (tensor<1x1x3xf32>) -> tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @without_zeros: tensor<1x1x2xf32> [[[11, 14]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_CONDITIONAL_CONDITIONAL_TD
