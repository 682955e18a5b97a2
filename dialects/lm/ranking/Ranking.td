// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by classes of words, by a tree or by a preview, the greatest results of a product, for those who choose the next
// token among them, and the score of one token, for those who have it.
// Tested by test/dialects/lm/ranking.

#ifndef LMOPT_DIALECTS_LM_RANKING_RANKING_TD
#define LMOPT_DIALECTS_LM_RANKING_RANKING_TD

include "dialects/lm/LmAttributes.td"
include "dialects/lm/LmTypes.td"

def LM_TopLinearOp : LM_Op<"top_linear", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the greatest numbers of y = x Wᵀ + b, found without all of the product";
  let description = [{
    y[b, t, n] = sum_k x[b, t, k] W[n, k] + bias[n]    where that is one of the `count` greatest of its row,
                 -infinity                             elsewhere

    Of equal numbers that with the smaller n comes first; what is no number (NaN) is not among them. Whoever runs the op
    may ask for fewer than `count` (`lmopt_step_t.top`).

    The other operands only say where to look, and change no result. `preview` must be what

        %rotated = lm.rotate %x {block = B}          (%x itself without `block`)
        %codes = lm.quantize_dynamic %rotated
        %preview = lm.quantized_linear %codes, @preview bias @b

    give, with x in f32 also where the op reads it as bf16 (`lm.narrow`), and @preview the int8 codes of W rotated by the
    same blocks: close to all of the product and of fewer bytes. Code bounds by how much it is off, and computes what
    the bound does not rule out; the interpreter computes all.

    Shapes: x (B, T, K) and W (N, K) both of f32 or both of bf16, bias (N), rotated (B, T, K), codes (B, T, K), preview and
    y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of the type of x.
    - C2: its columns are the width of x.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: x, rotated, codes, preview and result agree in batch and sequence, the first three and the last two in width.
    - C6: `preview_weight` names a `lm.param` of type `!lm.int8` with the sizes of the weight.
    - C7: `count` is from 1 to the width of the result.
    - C8: `block`, if given, is a power of two from 2 to 65536 that divides the width of x.

    ```mlir
    lm.param @w : tensor<4x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]>
    lm.param @p : !lm.int8<4x2> = #lm.quantize_rows<dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]> : tensor<4x2xf32>>
    func.func @greatest() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
      %c = lm.quantize_dynamic %x : (tensor<1x1x2xf32>) -> !lm.codes<1x1x2, u8>
      %p = lm.quantized_linear %c, @p : (!lm.codes<1x1x2, u8>) -> tensor<1x1x4xf32>
      %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2}
          : (tensor<1x1x2xf32>, tensor<1x1x4xf32>, tensor<1x1x2xf32>, !lm.codes<1x1x2, u8>) -> tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @greatest: tensor<1x1x4xf32> [[[-inf, 3, 5, -inf]]]
    ```
  }];
  let arguments = (ins AnyTypeOf<[LM_Activation, LM_Halves]>:$input, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, LM_Activation:$preview, LM_Activation:$rotated,
                       LM_UnsignedCodes:$codes, FlatSymbolRefAttr:$preview_weight, I64Attr:$count,
                       DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `preview` $preview `of` $rotated `,` $codes `,` $preview_weight ` `
        `{` `count` `=` $count (`,` `block` `=` $block^)? `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_ClassLogitsOp : LM_Op<"class_logits", [Pure]> {
  let summary = "the softmax of two levels, as logits: of the class, and of the word in its class";
  let description = [{
    y[b, t, words[i]] = min(z[b, t, i] - log sum_{j in c} exp z[b, t, j], 0) + s[b, t, c] - log sum_k exp s[b, t, k]

    with c the class of which words[i] is: log p(word | class) + log p(class), so that exp y adds up to 1. z are products
    of the words in the order of the classes, s a score for each class. (Without rounding the first term is never above
    0; `min` keeps it so.) A word that is a class by itself has p(word | class) = 1 and no product: with S such classes, which
    come first, z[b, t, i - S] stands for z[b, t, i]. The head of an adaptive softmax is made of them.

    Shapes: z (B, T, N - S), s (B, T, C), y (B, T, N).

    Constraints:
    - C1: products, scores and result agree in batch and sequence, and products are as wide as there are words that share
      their class with another.
    - C2: the classes have as many words as the result is wide.
    - C3: there are as many classes as the scores are wide.

    ```mlir
    func.func @two_levels() -> tensor<1x1x3xf32> {
      %z = arith.constant dense<[[[1.0, 1.0]]]> : tensor<1x1x2xf32>
      %s = arith.constant dense<[[[0.0, 0.0]]]> : tensor<1x1x2xf32>
      %y = lm.class_logits %z, %s {classes = <words = [2, 0, 1], sizes = [1, 2]>}
          : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @two_levels: tensor<1x1x3xf32> [[[-1.38629, -1.38629, -0.693147]]]
    ```
  }];
  let arguments = (ins LM_Activation:$products, LM_Activation:$scores, LM_ClassesAttr:$classes);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $products `,` $scores ` ` `{` `classes` `=` $classes `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_TopClassLinearOp
    : LM_Op<"top_class_linear", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the greatest of lm.class_logits, found without all of the product";
  let description = [{
    `y = lm.class_logits(x Wᵀ + b, s)` where that is one of the `count` greatest of its row, and -infinity elsewhere. Of
    equal numbers that with the smaller id comes first; what is no number (NaN) is not among them. Whoever runs the op may
    ask for fewer than `count` (`lmopt_step_t.top`).

    No word is likelier than its class, so code computes the rows of W of the likeliest class, then of the next, and
    ends when a class is less likely than the last of the words that are wanted; the interpreter computes all.

    Shapes: x (B, T, K) of f32, bf16 or codes, W (N - S, K) in the format that goes with it, bias (N - S), s (B, T, C),
    y (B, T, N), with S classes of one word.

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of f32 or bf16 as x is, of type `!lm.int8` where x is u8 codes, and
      of integers in the groups of x where x is s8 codes.
    - C2: its columns are the width of x.
    - C3: its rows are the words that share their class with another.
    - C4: `bias`, if given, names an f32 vector with a number for each row.
    - C5: x, scores and result agree in batch and sequence.
    - C6: the classes have as many words as the result is wide, and there are as many as the scores are wide.
    - C7: `count` is from 1 to the width of the result.

    ```mlir
    lm.param @w : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
    func.func @greatest_by_class() -> tensor<1x1x3xf32> {
      %x = arith.constant dense<[[[2.0, 2.0]]]> : tensor<1x1x2xf32>
      %s = arith.constant dense<[[[0.0, 0.0]]]> : tensor<1x1x2xf32>
      %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2], sizes = [1, 2]>}
          : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @greatest_by_class: tensor<1x1x3xf32> [[[-0.693147, -1.38629, -inf]]]
    ```
  }];
  let arguments = (ins AnyTypeOf<[LM_Activation, LM_Halves, LM_UnsignedCodes, LM_SignedCodes]>:$input,
                       FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias, LM_Activation:$scores,
                       I64Attr:$count, LM_ClassesAttr:$classes);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `of` $scores ` ` `{` `count` `=` $count `,` `classes` `=` $classes `}`
        attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_PreviewLinearOp
    : LM_Op<"preview_linear", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "y = x Wᵀ + b where a preview is great, the preview elsewhere";
  let description = [{
    y[b, t, n] = sum_k x[b, t, k] W[n, k] + bias[n]    where p[b, t, n] is one of the `count` greatest of its row,
                 p[b, t, n]                            elsewhere

    Of equal numbers of p that with the smaller n comes first; what is no number (NaN) is not among them. SVD-softmax
    (Shim et al., 2017): p is a product of a lower rank, W the matrix itself. Its words of little probability have to be right
    together only, in the sum that all are divided by. Nothing says that the greatest of y are those of the whole
    product: `lm.top_linear` does.

    Shapes: x (B, T, K) and W (N, K) both of f32 or both of bf16, bias (N), p and y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of the type of x.
    - C2: its columns are the width of x.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: x, preview and result agree in batch and sequence, preview and result in width.
    - C6: `count` is from 1 to the width of the result.

    ```mlir
    lm.param @w : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]>
    func.func @rescored() -> tensor<1x1x3xf32> {
      %x = arith.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
      %p = arith.constant dense<[[[1.5, 2.5, 4.5]]]> : tensor<1x1x3xf32>
      %y = lm.preview_linear %x, @w preview %p {count = 2}
          : (tensor<1x1x2xf32>, tensor<1x1x3xf32>) -> tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @rescored: tensor<1x1x3xf32> [[[1.5, 3, 5]]]
    ```
  }];
  let arguments = (ins AnyTypeOf<[LM_Activation, LM_Halves]>:$input, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, LM_Activation:$preview, I64Attr:$count);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `preview` $preview ` ` `{` `count` `=` $count `}` attr-dict-with-keyword `:`
        functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_TreeLogitsOp : LM_Op<"tree_logits", [Pure]> {
  let summary = "the softmax by a binary tree, as logits: a decision at each node on the way to a word";
  let description = [{
    y[b, t, w] = sum over the nodes n from the root to word w of log sigmoid(+s[b, t, n] where the way goes left,
                                                                             -s[b, t, n] where it goes right)

    in that order, so that exp y adds up to 1. Hierarchical softmax (Morin and Bengio, 2005): one word needs the scores of its nodes
    alone, which `lm.tree_score` makes use of.

    Shapes: s (B, T, N - 1), y (B, T, N).

    Constraints:
    - C1: scores and result agree in batch and sequence.
    - C2: the scores are as wide as the tree has nodes.
    - C3: the result is as wide as the tree has words.

    ```mlir
    func.func @by_tree() -> tensor<1x1x3xf32> {
      %s = arith.constant dense<[[[0.0, 0.0]]]> : tensor<1x1x2xf32>
      %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @by_tree: tensor<1x1x3xf32> [[[-0.693147, -1.38629, -1.38629]]]
    ```
  }];
  let arguments = (ins LM_Activation:$scores, LM_WordTreeAttr:$tree);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $scores ` ` `{` `tree` `=` $tree `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LM_TreeScoreOp : LM_Op<"tree_score", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the number that lm.tree_logits has for one word";
  let description = [{
    y[b, t, 0] = lm.tree_logits(x Wᵀ + b)[b, t, targets[b, t]], of which code computes the nodes on the way to that word alone.

    Shapes: x (B, T, K) of f32, bf16 or codes, W (N - 1, K) in the format that goes with it, bias (N - 1), targets (B, T),
    y (B, T, 1).

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of f32 or bf16 as x is, of type `!lm.int8` where x is u8 codes, and
      of integers in the groups of x where x is s8 codes.
    - C2: its columns are the width of x.
    - C3: its rows are the nodes of the tree.
    - C4: `bias`, if given, names an f32 vector with a number for each node.
    - C5: x, targets and result agree in batch and sequence, and the result has width 1.
    - Each target is a word of the tree (seen when the op runs).

    ```mlir
    lm.param @w : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
    func.func @one_word() -> tensor<1x1x1xf32> {
      %x = arith.constant dense<0.0> : tensor<1x1x2xf32>
      %word = arith.constant dense<2> : tensor<1x1xi32>
      %y = lm.tree_score %x, @w of %word {tree = <left = [4, 1], right = [0, 2]>}
          : (tensor<1x1x2xf32>, tensor<1x1xi32>) -> tensor<1x1x1xf32>
      return %y : tensor<1x1x1xf32>
    }
    // @one_word: tensor<1x1x1xf32> [[[-1.38629]]]
    ```
  }];
  let arguments = (ins AnyTypeOf<[LM_Activation, LM_Halves, LM_UnsignedCodes, LM_SignedCodes]>:$input,
                       FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias, LM_Ids:$targets,
                       LM_WordTreeAttr:$tree);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `of` $targets ` ` `{` `tree` `=` $tree `}` attr-dict-with-keyword `:`
        functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_RANKING_RANKING_TD
