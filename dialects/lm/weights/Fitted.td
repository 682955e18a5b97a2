// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that are computed anew from a matrix, most of them fitted to statistics: columns that others have gone from,
// products of low rank, heads of another width. The end of Weights.td, which includes this file.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_FITTED_TD
#define LMOPT_DIALECTS_LM_WEIGHTS_FITTED_TD

def LM_RefitColumnsAttr : LM_Weight<"RefitColumns", "refit_columns", "Rounded"> {
  let summary = "the columns of W that are kept, refitted so that they stand for the others as well as they can";
  let description = [{
    With C the centred second moments of the inputs of W, K the kept ones and R the others:

        W' = W[:, K] + W[:, R] C[R, K] (C[K, K] + d I)^-1      d = damping * mean of the diagonal of C

    which makes sum |W (x - mean) - W' (x - mean)[K]|² + d |W' - W[:, K]|² over the text of the statistics least. What is lost
    of the mean is `#lm.refit_bias`. Computed in f64, in a fixed order. From techniques 7.4.

    Constraints:
    - C1: W is an f32 matrix.
    - C2: the kept columns are ascending, there is at least one, and W has them all.
    - C3: the damping is positive and finite.
    - The statistics have as many numbers as W has columns (seen when the file is read).
  }];
  let parameters = (ins LM_WeightParameter:$source, "::lmopt::lm::StatisticsAttr":$statistics,
                        ArrayRefParameter<"int64_t">:$kept, LM_Real:$damping);
  let assemblyFormat = "`<` $source `,` $statistics `,` `kept` `=` `[` $kept `]` `,` `damping` `=` $damping `>`";
}

def LM_RefitBiasAttr : LM_Weight<"RefitBias", "refit_bias", "Rounded"> {
  let summary = "the bias beside a refitted matrix: b + W mean - W' mean[K]; b may be absent";
  let description = [{
    So that the mean of the results over the text of the statistics stays what it was.

    Constraints:
    - C1: the source is `#lm.refit_columns`.
    - C2: b, if there is one, is an f32 vector with one number for each row.
  }];
  let parameters = (ins "::lmopt::lm::RefitColumnsAttr":$source, OptionalParameter<"::mlir::Attribute">:$bias);
  let assemblyFormat = "`<` $source (`,` $bias^)? `>`";
}

//===- Low rank --------------------------------------------------------------------------------------------------===//

def LM_LowRankMethod : LM_Enum<"LowRankMethod", "what a product of low rank is nearest in", [
    I32EnumAttrCase<"plain", 0>, I32EnumAttrCase<"whitened", 1>, I32EnumAttrCase<"asvd", 2>]>;

def LM_LowRankAttr : LM_Weight<"LowRank", "low_rank", "Rounded"> {
  let summary = "the nearest matrix to W that is a product of two narrow ones, A B";
  let description = [{
    Of all A [m, r] and B [r, n] those that make tr((W - A B) M (W - A B)ᵀ) least, by a singular value decomposition:

        plain:     M = I
        whitened:  M = C + d I, C the centred second moments of the inputs of W, d = damping * mean of the diagonal of C
        asvd:      M = diag(rms[k]^(2 alpha)), rms[k]² the mean square of input k

    so that `whitened` loses least of the results over the text of the statistics: of their squares, the discarded squares of
    singular values. This weight is the product; `#lm.low_rank_left` is A, `#lm.low_rank_right` is B. All that are made of one
    are computed together, once. In f64, in a fixed order. From techniques 8.1.

    Constraints:
    - C1: W is an f32 matrix.
    - C2: the rank is at least 1 and at most the lesser of m and n.
    - C3: `plain` has no statistics, the others have.
    - C4: the damping is positive with `whitened` and 0 otherwise; alpha is positive and at most 1 with `asvd` and 0 otherwise.
    - The statistics have as many numbers as W has columns (seen when the file is read).
  }];
  let parameters = (ins LM_WeightParameter:$source, EnumParameter<LM_LowRankMethod>:$method, "int64_t":$rank,
                        OptionalParameter<"::lmopt::lm::StatisticsAttr">:$statistics,
                        LM_DefaultReal<"::lmopt::lm::Real(0.0)">:$damping, LM_DefaultReal<"::lmopt::lm::Real(0.0)">:$alpha);
  let assemblyFormat = "`<` $source `,` $method `,` struct($rank, $statistics, $damping, $alpha) `>`";
}

def LM_LowRankLeftAttr : LM_Weight<"LowRankLeft", "low_rank_left", "Rounded"> {
  let summary = "A [m, r] of a matrix of low rank: the second of two linears";
  let description = [{
    U_r Z_r^1/2 of the singular value decomposition, so that the numbers between the two linears are neither large nor small.

    Constraints:
    - C1: the source is `#lm.low_rank`.
  }];
  let parameters = (ins "::lmopt::lm::LowRankAttr":$source);
  let assemblyFormat = "`<` $source `>`";
}

def LM_LowRankRightAttr : LM_Weight<"LowRankRight", "low_rank_right", "Rounded"> {
  let summary = "B [r, n] of a matrix of low rank: the first of two linears";
  let description = [{
    Constraints:
    - C1: the source is `#lm.low_rank`.
  }];
  let parameters = (ins "::lmopt::lm::LowRankAttr":$source);
  let assemblyFormat = "`<` $source `>`";
}

def LM_LowRankBiasAttr : LM_Weight<"LowRankBias", "low_rank_bias", "Rounded"> {
  let summary = "the bias beside a matrix of low rank: b + (W - A B) mean; b may be absent";
  let description = [{
    So that the mean of the results over the text of the statistics stays what it was.

    Constraints:
    - C1: the source is `#lm.low_rank` with `whitened`: only that one is fitted to what deviates from the mean.
    - C2: b, if there is one, is an f32 vector with one number for each row.
  }];
  let parameters = (ins "::lmopt::lm::LowRankAttr":$source, OptionalParameter<"::mlir::Attribute">:$bias);
  let assemblyFormat = "`<` $source (`,` $bias^)? `>`";
}

def LM_HeadProductKind : LM_Enum<"HeadProductKind", "which product of two matrices of an attention's heads", [
    I32EnumAttrCase<"scores", 0>, I32EnumAttrCase<"outputs", 1>]>;

def LM_HeadPart : LM_Enum<"HeadPart", "one of the weights of a product of heads", [
    I32EnumAttrCase<"first", 0>, I32EnumAttrCase<"first_bias", 1>, I32EnumAttrCase<"second", 2>,
    I32EnumAttrCase<"second_bias", 3>]>;

def LM_ReducedHeadsAttr : LM_Weight<"ReducedHeads", "reduced_heads", "Rounded"> {
  let summary = "a weight of an attention whose heads pass fewer numbers on";
  let description = [{
    A score is a product of x with W_Qᵀ W_K of a head, what a head adds to the result one with W_O W_V: nobody else sees the d
    numbers between the two matrices, so they may be exchanged for r others. For each key/value head, with the heads that read it,

        outputs:  first = W_O [width, heads d], second = W_V [kv_heads d, n]    sum |(W_O W_V - W_O' W_V') (x - mean)|²
        scores:   first = W_Q [heads d, n],     second = W_K [kv_heads d, n]    sum over i, j of (what changes in score i, j)²

    is least over the text of the statistics of x; keys are taken without their mean, since that adds the same to all scores of
    a query, which softmax does not see. Let X = L Lᵀ be the second moments of the first matrix's d numbers (with the damping on its
    diagonal, as a share of its mean), Y those of the second's, and U the eigenvectors of Lᵀ Y L, values Z²: then
    W_V' = Z_r^-1/2 U_rᵀ Lᵀ W_V and W_O' = W_O L^-T U_r Z_r^1/2, and W_K', W_Q' likewise. With r = d nothing changes but by rounding.
    From techniques 8.2.

    `part` says which of the new weights this is: one of the matrices, with r for d, or one of the biases. Those of queries, keys and
    values become biases of the r numbers; the first bias of `outputs`, that of the result, takes up what is lost of the mean.
    All parts are computed together, once.

    Constraints:
    - C1: both matrices are f32 matrices, and the biases vectors with a number for each of their rows.
    - C2: `kv_heads` is positive and divides `heads`; both divide the side of their matrix that has the heads, with the same d.
    - C3: the rank is at least 1 and at most d.
    - C4: the damping is positive.
    - C5: a bias that is asked for is there, or is the first of `outputs`.
    - The statistics have as many numbers as the second matrix has columns (seen when the file is read).
  }];
  let parameters = (ins EnumParameter<LM_HeadProductKind>:$kind, EnumParameter<LM_HeadPart>:$part,
                        LM_WeightParameter:$first, LM_WeightParameter:$second, "::lmopt::lm::StatisticsAttr":$statistics,
                        "int64_t":$heads, "int64_t":$kv_heads, "int64_t":$rank, LM_Real:$damping,
                        OptionalParameter<"::mlir::Attribute">:$first_bias, OptionalParameter<"::mlir::Attribute">:$second_bias);
  let assemblyFormat = [{ `<` $kind `,` $part `,` struct($first, $second, $statistics, $heads, $kv_heads, $rank, $damping,
                          $first_bias, $second_bias) `>` }];
}

#endif // LMOPT_DIALECTS_LM_WEIGHTS_FITTED_TD
