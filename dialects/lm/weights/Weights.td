// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weight attributes: where the value of a `lm.param` comes from. Leaves point into files; derived ones are computed from
// other weights when they are read (dialects/lm/Weights.h), so that weights stream one at a time and a rewrite of a weight
// is a rewrite of one line of IR. Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.

#ifndef LMOPT_DIALECTS_LM_WEIGHTS_WEIGHTS_TD
#define LMOPT_DIALECTS_LM_WEIGHTS_WEIGHTS_TD

include "dialects/lm/LmAttributes.td"

def LM_WeightAttrInterface : AttrInterface<"WeightAttrInterface"> {
  let cppNamespace = "::lmopt::lm";
  let description = [{
    An attribute that stands for the value of a weight. Its form (f32 or codes, shape as far as it is known before any
    file is read) is what the verifiers of `lm.param` and of derived weights look at.

    The form of every weight attribute is bounded: at most 64 derivations deep and 256 leaves, so that no module text
    makes the compiler work without end.
  }];
  let methods = [
    InterfaceMethod<"The form of the weight; total, the attribute has been verified.", "::lmopt::lm::WeightForm",
                    "getForm">,
    InterfaceMethod<"What it does to the numbers of its sources.", "::lmopt::lm::WeightEffect", "getEffect">,
    InterfaceMethod<"The numbers, or a located error; reads the sources through `evaluation`.",
                    "::mlir::FailureOr<::lmopt::lm::WeightData>", "evaluate", (ins "::lmopt::lm::Evaluation &":$evaluation)>
  ];
}

def LM_FileCodesInterface : AttrInterface<"FileCodesInterface"> {
  let cppNamespace = "::lmopt::lm";
  let description = [{
    A leaf whose tensor may hold codes that a product can take as they are (`#lm.native`): one that is read from a file in
    which another tool has quantized it.
  }];
  let methods = [
    InterfaceMethod<"What codes they are; nothing when the tensor holds numbers.", "::std::optional<::lmopt::lm::FileCodes>",
                    "getFileCodes">,
    InterfaceMethod<"Codes, scales and minima, not decoded; only where getFileCodes names no problem.",
                    "::mlir::FailureOr<::lmopt::lm::WeightData>", "readFileCodes",
                    (ins "::lmopt::lm::Evaluation &":$evaluation)>
  ];
}

// One weight = one definition here and one file of its name, which says how it is verified, its form and its value.
// `effect`: a case of WeightEffect (Lm.h).
class LM_Weight<string name, string attrMnemonic, string effect, list<Trait> traits = []>
    : LM_Attr<name, attrMnemonic, !listconcat([DeclareAttrInterfaceMethods<LM_WeightAttrInterface>], traits)> {
  let genVerifyDecl = 1;
  let extraClassDefinition =
      "::lmopt::lm::WeightEffect $cppClass::getEffect() const { return ::lmopt::lm::WeightEffect::"#effect#"; }\n";
}

// A parameter that is itself a weight: dense<...> or an attribute with WeightAttrInterface (checked by the verifiers).
def LM_WeightParameter : AttrOrTypeParameter<"::mlir::Attribute", "weight">;

//===- Leaves ----------------------------------------------------------------------------------------------------===//

def LM_GgufFormat : LM_Enum<"GgufFormat", "block format of a GGUF tensor", [
    I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"f16", 1>, I32EnumAttrCase<"bf16", 2>, I32EnumAttrCase<"q4_0", 3>,
    I32EnumAttrCase<"q4_1", 4>, I32EnumAttrCase<"q5_0", 5>, I32EnumAttrCase<"q5_1", 6>, I32EnumAttrCase<"q8_0", 7>,
    I32EnumAttrCase<"q4_k", 8>, I32EnumAttrCase<"q5_k", 9>, I32EnumAttrCase<"q6_k", 10>, I32EnumAttrCase<"q2_k", 11>,
    I32EnumAttrCase<"q3_k", 12>, I32EnumAttrCase<"iq4_nl", 13>, I32EnumAttrCase<"iq4_xs", 14>,
    I32EnumAttrCase<"mxfp4", 15>]>;

def LM_GgufAttr : LM_Weight<"Gguf", "gguf", "Read", [DeclareAttrInterfaceMethods<LM_FileCodesInterface>]> {
  let summary = "a tensor of a GGUF file, decoded to f32";
  let description = [{
    `#lm.gguf<"model.gguf", "blk.0.attn_q.weight", q4_1>`: file (relative names start at the folder of the module),
    name of the tensor, and its block format, which must be what the file says. The shape in the file must be the
    shape that is asked for (GGUF lists the fastest dimension first, so `ne = [in, out]` is an OUT x IN matrix).

    Constraints:
    - C1: neither name is empty.
  }];
  let parameters = (ins StringRefParameter<"file">:$path, StringRefParameter<"tensor">:$key,
                        EnumParameter<LM_GgufFormat>:$format);
  let assemblyFormat = "`<` $path `,` $key `,` $format `>`";
}

def LM_SafetensorsFormat : LM_Enum<"SafetensorsFormat", "element type of a safetensors tensor", [
    I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"f16", 1>, I32EnumAttrCase<"bf16", 2>, I32EnumAttrCase<"i8", 3>]>;

def LM_SafetensorsAttr : LM_Weight<"Safetensors", "safetensors", "Read"> {
  let summary = "a tensor of a safetensors file";
  let description = [{
    `#lm.safetensors<"model.safetensors", "model.embed_tokens.weight", bf16>`: decoded to f32. With `i8` the tensor
    holds the codes of an int8 matrix, and the tensor of the same name with `.scale` appended its f32 scales ([OUT]).

    Constraints:
    - C1: neither name is empty.
  }];
  let parameters = (ins StringRefParameter<"file">:$path, StringRefParameter<"tensor">:$key,
                        EnumParameter<LM_SafetensorsFormat>:$format);
  let assemblyFormat = "`<` $path `,` $key `,` $format `>`";
}

//===- Codes of other tools ---------------------------------------------------------------------------------------===//

include "dialects/lm/weights/Packed.td"

//===- Statistics ------------------------------------------------------------------------------------------------===//

def LM_StatisticsAttr : LM_Attr<"Statistics", "statistics"> {
  let summary = "what calibration measured of a value";
  let description = [{
    `#lm.statistics<"stats.safetensors", "layers.0.ffn.down">`: the sums over the rows of the value of that name in a file of
    `lmopt calibrate`, whose format is passes/analysis/Statistics.h. Not a weight, but what some are computed with.

    Constraints:
    - C1: neither name is empty.
  }];
  let parameters = (ins StringRefParameter<"file">:$path, StringRefParameter<"value">:$key);
  let assemblyFormat = "`<` $path `,` $key `>`";
  let genVerifyDecl = 1;
}

def LM_FitAttr : LM_Attr<"Fit", "fit"> {
  let summary = "the second moments that the rounding of a matrix is fitted to: those of what the matrix is multiplied with";
  let description = [{
    `#lm.fit<[<"stats.safetensors", "layers.0.ffn.down">], damping = 0.01>`: the sum of x xᵀ over the rows of a value, not
    centred. With several statistics, the sum of all of them: several linears that read different values share the matrix.

    `#lm.fit<[...], times = dense<...> : tensor<4xf32>, rotated = 2, damping = 0.01>`: the moments of x diag(v) H, with v the numbers
    of `times` and H the block Hadamard matrix of `lm.rotate`, when x was measured and a rewrite then scaled or rotated it.

    Rounding is column by column (GPTQ; optimal brain compression). With M the moments, d = damping * mean of their diagonal, and
    M + d I = A D Aᵀ, A upper triangular with ones on its diagonal, column k of a row w becomes

        q[k] = round(w[k] + sum over j < k of (w[j] - q[j]) A[j, k])

    to the nearest number that the format has, which makes (w - q)(M + d I)(w - q)ᵀ = sum over k of D[k] (...)² small: each column takes
    up what the ones before it have lost. From techniques 10.4; Frantar et al. 2022; in this form Chee et al. 2023.

    With `zeros = true`, numbers that are zero stay zero, and the others make up for them too: for matrices with zeros that are to be
    left out.

    Constraints:
    - C1: there is at least one of the statistics.
    - C2: `times`, if given, is a dense f32 vector.
    - C3: `rotated` is 0 or a power of two from 2 to 65536.
    - C4: the damping is positive.
    - The statistics have as many numbers as the matrix has columns (seen when the file is read), `rotated` divides them.
  }];
  let parameters = (ins ArrayRefParameter<"::lmopt::lm::StatisticsAttr">:$statistics,
                        OptionalParameter<"::mlir::Attribute">:$times, DefaultValuedParameter<"int64_t", "0">:$rotated,
                        LM_Real:$damping, DefaultValuedParameter<"bool", "false">:$zeros);
  let assemblyFormat = [{
    `<` `[` $statistics `]` `,` (`times` `=` $times^ `,`)? (`rotated` `=` $rotated^ `,`)? `damping` `=` $damping
    (`,` `zeros` `=` $zeros^)? `>`
  }];
  let genVerifyDecl = 1;
}

//===- Derived weights -------------------------------------------------------------------------------------------===//

def LM_RowAttr : LM_Weight<"Row", "row", "Moved"> {
  let summary = "row i of a matrix, as a vector";
  let description = [{
    Constraints:
    - C1: the source is an f32 matrix with more than i rows.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$index);
  let assemblyFormat = "`<` $source `,` $index `>`";
}

def LM_DropRowsAttr : LM_Weight<"DropRows", "drop_rows", "Moved"> {
  let summary = "a matrix without its first n rows";
  let description = [{
    For tables whose first rows stand for nothing, as those of positions that begin at 2.

    Constraints:
    - C1: the source is an f32 matrix with more than n rows; n is not negative.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$count);
  let assemblyFormat = "`<` $source `,` $count `>`";
}

def LM_TakeRowsAttr : LM_Weight<"TakeRows", "take_rows", "Moved"> {
  let summary = "some rows of a matrix, or some numbers of a vector";
  let description = [{
    `#lm.take_rows<W, kept = [0, 2, 3]>`: what is left of a layer whose other neurons are gone, or of a table whose other
    tokens are.

    Constraints:
    - C1: the source is an f32 matrix or vector.
    - C2: the kept rows are ascending, there is at least one, and the source has them all.
  }];
  let parameters = (ins LM_WeightParameter:$source, ArrayRefParameter<"int64_t">:$kept);
  let assemblyFormat = "`<` $source `,` `kept` `=` `[` $kept `]` `>`";
  let extraClassDeclaration = [{
    /// The value for this source: an f32 matrix or vector, or a grouped or int8 matrix.
    ::mlir::FailureOr<::lmopt::lm::WeightData> take(::lmopt::lm::Evaluation &evaluation,
                                                    ::lmopt::lm::WeightData source) const;
  }];
}

def LM_ReorderRowsAttr : LM_Weight<"ReorderRows", "reorder_rows", "Moved"> {
  let summary = "a matrix or vector with its rows in another order";
  let description = [{
    `#lm.reorder_rows<W, order = [2, 0, 1]>`: row i is row order[i] of W. So the words of a class stand together.

    Constraints:
    - C1: the source is an f32 matrix or vector.
    - C2: each row of the source stands in the order once.
  }];
  let parameters = (ins LM_WeightParameter:$source, ArrayRefParameter<"int64_t">:$order);
  let assemblyFormat = "`<` $source `,` `order` `=` `[` $order `]` `>`";
  let extraClassDeclaration = [{
    /// The value for this source: an f32 matrix or vector, or an int8 matrix.
    ::mlir::FailureOr<::lmopt::lm::WeightData> reorder(::lmopt::lm::Evaluation &evaluation,
                                                       ::lmopt::lm::WeightData source) const;
  }];
}

def LM_DistanceBucketsAttr : LM_Weight<"DistanceBuckets", "distance_buckets", "Moved"> {
  let summary = "a table of ranges of distances as one of single distances";
  let description = [{
    `#lm.distance_buckets<E, max = D>`: what T5 and MPNet learn for ranges of distances between key and query (`E`, buckets x
    heads) as the `bias` of `lm.attention`, heads x (2 D + 1). Number k of row h is E[b, h] with b the bucket of the distance
    d = k - D. Of B buckets the first half is of keys that are not behind the query (d <= 0), the second of those that are.
    With n = B / 2 and e = n / 2,

        b = (d > 0 ? n : 0) + (|d| < e ? |d| : min(n - 1, e + floor((n - e) ln(|d| / e) / ln(D / e))))

    so that beyond D nothing changes any more. The logarithms are those of f32, as where such models are trained. From
    techniques 3.3 and 16; Raffel et al. 2020.

    Constraints:
    - C1: the source is an f32 matrix.
    - C2: its rows are a multiple of 4.
    - C3: D is above a quarter of its rows and at most 65536.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$max);
  let assemblyFormat = "`<` $source `,` `max` `=` $max `>`";
}

def LM_SumAttr : LM_Weight<"Sum", "sum", "Computed"> {
  let summary = "A + B, element by element";
  let description = [{
    Constraints:
    - C1: both are f32 and of the same shape.
  }];
  let parameters = (ins LM_WeightParameter:$lhs, LM_WeightParameter:$rhs);
  let assemblyFormat = "`<` $lhs `,` $rhs `>`";
}

def LM_ScaleAttr : LM_Weight<"Scale", "scale", "Computed"> {
  let summary = "f * W";
  let description = [{
    Constraints:
    - C1: the source is f32.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_Real:$factor);
  let assemblyFormat = "`<` $source `,` $factor `>`";
}

def LM_ScaleColumnsAttr : LM_Weight<"ScaleColumns", "scale_columns", "Computed"> {
  let summary = "W diag(v): column k times v[k]";
  let description = [{
    Constraints:
    - C1: W is an f32 matrix, v an f32 vector with one number for each column.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$vector);
  let assemblyFormat = "`<` $source `,` $vector `>`";
}

def LM_ScaleRowsAttr : LM_Weight<"ScaleRows", "scale_rows", "Computed"> {
  let summary = "diag(v) W: row n times v[n]; of a vector, number n times v[n]";
  let description = [{
    Constraints:
    - C1: W is an f32 matrix or vector, v an f32 vector with one number for each row.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$vector);
  let assemblyFormat = "`<` $source `,` $vector `>`";
}

def LM_MatvecAddAttr : LM_Weight<"MatvecAdd", "matvec_add", "Computed"> {
  let summary = "W v + b, a vector; b may be absent";
  let description = [{
    Constraints:
    - C1: W is an f32 matrix, v an f32 vector with one number for each column.
    - C2: b, if there is one, is an f32 vector with one number for each row.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$vector,
                        OptionalParameter<"::mlir::Attribute">:$bias);
  let assemblyFormat = "`<` $source `,` $vector (`,` $bias^)? `>`";
}

def LM_AddToRowsAttr : LM_Weight<"AddToRows", "add_to_rows", "Computed"> {
  let summary = "each row of W plus v";
  let description = [{
    Constraints:
    - C1: W is an f32 matrix, v an f32 vector with one number for each column.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$vector);
  let assemblyFormat = "`<` $source `,` $vector `>`";
}

def LM_TransposeAttr : LM_Weight<"Transpose", "transpose", "Moved"> {
  let summary = "Wᵀ: columns become rows";
  let description = [{
    For files that hold a matrix the other way round, [IN, OUT]: `#lm.transpose<#lm.safetensors<...>>`.

    Constraints:
    - C1: the source is an f32 matrix.
  }];
  let parameters = (ins LM_WeightParameter:$source);
  let assemblyFormat = "`<` $source `>`";
}

def LM_TransposeEachAttr : LM_Weight<"TransposeEach", "transpose_each", "Moved"> {
  let summary = "several matrices, each the other way round: [E, A, B] becomes [E, B, A]";
  let description = [{
    For files that hold the layers of experts as one tensor, [EXPERT, IN, OUT]. `#lm.reshape` brings the result to a matrix.

    Constraints:
    - C1: the source is f32 and of rank 3.
  }];
  let parameters = (ins LM_WeightParameter:$source);
  let assemblyFormat = "`<` $source `>`";
}

def LM_ReshapeAttr : LM_Weight<"Reshape", "reshape", "Moved"> {
  let summary = "the same numbers in the same order in another shape";
  let description = [{
    `#lm.reshape<W, shape = [12, 4]>`: of a tensor [3, 4, 4] the rows of the three matrices below one another; of a column
    [7, 1] with `shape = [7]` a vector. Three sizes are several matrices again, for `#lm.transpose_each`.

    Constraints:
    - C1: the source is f32 and of rank 1 to 4.
    - C2: `shape` has one to three positive sizes.
    - C3: the source has as many numbers.
  }];
  let parameters = (ins LM_WeightParameter:$source, ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` $source `,` `shape` `=` `[` $shape `]` `>`";
}

def LM_TakeBlocksAttr : LM_Weight<"TakeBlocks", "take_blocks", "Moved"> {
  let summary = "every n-th block of rows: a part of what a maker fused head by head";
  let description = [{
    `#lm.take_blocks<W, size = S, first = F, step = N>`: the rows of W are blocks of S; kept are those with the numbers
    F, F + N, F + 2 N, ... With the rows of queries, keys and values of head 0, then those of head 1, and so on (GPT-NeoX), F = 1
    and N = 3 give the keys of all heads.

    Constraints:
    - C1: the source is an f32 matrix or vector.
    - C2: `size` and `step` are positive, `first` is from 0 to `step` - 1.
    - C3: `size` times `step` divides the rows.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$size, "int64_t":$first, "int64_t":$step);
  let assemblyFormat = "`<` $source `,` struct($size, $first, $step) `>`";
}

def LM_SinusoidsAttr : LM_Weight<"Sinusoids", "sinusoids", "Computed"> {
  let summary = "the sines and cosines of positions, times a learned number";
  let description = [{
    `#lm.sinusoids<s, rows = R, columns = D>`: a table of R positions,

        T[t, 2 i] = s sin(t / 10000^(2 i / D))    T[t, 2 i + 1] = s cos(t / 10000^(2 i / D))

    computed in f64 and rounded to f32 once. Makers do not store it, only the factor. Vaswani et al., Attention Is All You Need (2017);
    with a factor Hua et al., Transformer Quality in Linear Time (2022); techniques 3.3.

    Constraints:
    - C1: s is an f32 vector of one number.
    - C2: `rows` is positive, `columns` positive and even, and together they are at most 2^28 numbers.
  }];
  let parameters = (ins LM_WeightParameter:$factor, "int64_t":$rows, "int64_t":$columns);
  let assemblyFormat = "`<` $factor `,` struct($rows, $columns) `>`";
}

def LM_ConcatRowsAttr : LM_Weight<"ConcatRows", "concat_rows", "Moved"> {
  let summary = "the rows of several matrices below one another, or the numbers of several vectors";
  let description = [{
    `#lm.concat_rows<[Q, K, V]>`: what linears that read one value are together, to be factored as one.

    Constraints:
    - C1: there is at least one source; all are f32 matrices, or all f32 vectors.
    - C2: matrices have equally many columns.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute", "weights">:$sources);
  let assemblyFormat = "`<` `[` $sources `]` `>`";
}

def LM_AbsorbHeadsAttr : LM_Weight<"AbsorbHeads", "absorb_heads", "Computed"> {
  let summary = "A_gᵀ W_h for each head h: a factor of keys or values becomes part of what queries or results are made by";
  let description = [{
    `#lm.absorb_heads<W, factor = A, heads = H, kv_heads = G>`: W has the rows of H heads of width d, A those of G heads of
    width d and r columns. The rows of head h become the r rows A_gᵀ W_h, g = floor(h G / H) the head of keys that it reads.
    With k_g = A_g z that is q_hᵀ k_g = (A_gᵀ q_h)ᵀ z, so the queries may see z itself.

    Constraints:
    - C1: W is an f32 matrix or vector, A an f32 matrix.
    - C2: `kv_heads` is positive and divides `heads`, which divides the rows of W.
    - C3: `kv_heads` divides the rows of A, and its heads are as wide as those of W.
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$factor, "int64_t":$heads, "int64_t":$kv_heads);
  let assemblyFormat = "`<` $source `,` struct($factor, $heads, $kv_heads) `>`";
}

def LM_PermuteRopeAttr : LM_Weight<"PermuteRope", "permute_rope", "Moved"> {
  let summary = "rows of each head brought from one rotary layout to the other";
  let description = [{
    With `from = interleaved`, row 2 i + p of each head becomes row p * dims / 2 + i (half-split order); with
    `from = half` the other way round. Only the first `dims` rows of a head move (default: all of the head). Works on
    the matrices of queries and keys and on their bias vectors.

    Constraints:
    - C1: the source is an f32 matrix or vector.
    - C2: `heads` is positive and divides the number of rows.
    - C3: `dims` is even and at most the rows of a head.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$heads, EnumParameter<LM_RopeLayout>:$from,
                        DefaultValuedParameter<"int64_t", "0">:$dims);
  let assemblyFormat = "`<` $source `,` struct($heads, $from, $dims) `>`";
  let extraClassDeclaration = [{
    /// The value for this source: an f32 matrix or vector, or a grouped or int8 matrix (a permutation of rows leaves
    /// groups of inputs as they are).
    ::mlir::FailureOr<::lmopt::lm::WeightData> permute(::lmopt::lm::Evaluation &evaluation,
                                                       ::lmopt::lm::WeightData source) const;
  }];
}

def LM_RotateColumnsAttr : LM_Weight<"RotateColumns", "rotate_columns", "Computed"> {
  let summary = "W H with H the block-diagonal normalized Hadamard matrix";
  let description = [{
    H has blocks H_b / sqrt(b) on its diagonal, H_b in natural (Sylvester) order; it is symmetric and orthogonal, so
    x Wᵀ = (x H)(W H)ᵀ. See `lm.rotate`.

    Constraints:
    - C1: the source is an f32 matrix or vector.
    - C2: `block` is a power of two from 2 to 65536 and divides the last dimension.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$block);
  let assemblyFormat = "`<` $source `,` struct($block) `>`";
}

def LM_NarrowAttr : LM_Weight<"Narrow", "narrow", "Rounded"> {
  let summary = "each number rounded to bf16, half to even";
  let description = [{
    Numbers must be finite and stay so. The result is a bf16 weight.

    Constraints:
    - C1: the source is an f32 matrix.
  }];
  let parameters = (ins LM_WeightParameter:$source);
  let assemblyFormat = "`<` $source `>`";
}

def LM_FakeQuantizeAttr : LM_Weight<"FakeQuantize", "fake_quantize", "Rounded"> {
  let summary = "a matrix as its model was trained to see it: each number the nearest of those that codes of 8 bits stand for";
  let description = [{
    `#lm.fake_quantize<W, ranges = R>`: with r the number of R for the row, or the only one, all in f32, rounding half to even:

        s = r / steps    code = clamp(round(w * (steps / r)), least, 127)    the result: s * code

    R are scales (`steps = 1`, as of PyTorch's weight_fake_quant) or greatest magnitudes (`steps = 127`, as NVIDIA's _amax): rounding
    is by the very factor that training multiplied with, so that the codes are those that it saw, also where w is half way between two.
    `least` is -127 or, where training used all 8 bits, -128. Training saw such a matrix, so nothing of the model is lost by it:
    `#lm.exactness<trained>`. `#lm.quantize_rows` takes these codes and scales as they are. From techniques 10.2.

    Constraints:
    - C1: W is an f32 matrix.
    - C2: R is f32: one number or one for each row, as a vector or a matrix of one column.
    - C3: `steps` is from 1 to 255.
    - C4: `least` is -127 or -128.
    - The numbers of R are positive, and so are s and steps / r, neither too large nor too small for f32 (seen when R is read).
  }];
  let parameters = (ins LM_WeightParameter:$source, LM_WeightParameter:$ranges,
                        DefaultValuedParameter<"int64_t", "1">:$steps, DefaultValuedParameter<"int64_t", "-127">:$least);
  let assemblyFormat = "`<` $source `,` struct($ranges, $steps, $least) `>`";
  let extraClassDeclaration = [{
    /// The codes, and one scale a row.
    ::mlir::FailureOr<::lmopt::lm::WeightData> readCodes(::lmopt::lm::Evaluation &evaluation) const;
  }];
}

def LM_QuantizeRowsAttr : LM_Weight<"QuantizeRows", "quantize_rows", "Rounded"> {
  let summary = "int8 codes, one scale a row";
  let description = [{
    s = max|w| / 127 over the row, code = clamp(round_half_even(w / s), -127, 127); a row of zeros has s = 0 and codes
    0. The result is an `!lm.int8` weight.

    With `fit`, codes are chosen column by column as `#lm.fit` says, in descending order of the moments' diagonal: the inputs that count
    most are rounded first, while the others can still make up for them. Scales stay the same.

    Codes that training has given, `#lm.fake_quantize`, stay what they are, with or without `fit`: nothing is rounded. So they do when
    its rows were moved (`#lm.permute_rope`, `#lm.take_rows`, `#lm.reorder_rows`) or multiplied (`#lm.scale`, `#lm.scale_rows`), which
    only concerns the scales.

    Constraints:
    - C1: the source is an f32 matrix.
    - C2: `fit` scales as many columns and rotates blocks that divide them.
  }];
  let parameters = (ins LM_WeightParameter:$source, OptionalParameter<"::lmopt::lm::FitAttr">:$fit);
  let assemblyFormat = "`<` $source (`,` `fit` `=` $fit^)? `>`";
  let builders = [AttrBuilder<(ins "::mlir::Attribute":$source), [{ return $_get($_ctxt, source, ::lmopt::lm::FitAttr()); }]>];
}

def LM_QuantizeGroupsAttr : LM_Weight<"QuantizeGroups", "quantize_groups", "Rounded"> {
  let summary = "codes of 4 or 8 bits with an f16 scale, or scale and minimum, for each group of inputs";
  let description = [{
    `#lm.quantize_groups<W, bits = B, group = G>`: over each group, with m the number of the greatest magnitude,

        B = 8:  scale = f16(|m| / 127)    code = clamp(round(w / scale), -127, 127)
        B = 4:  scale = f16(m / -8)       code = clamp(round(w / scale), -8, 7)

    The 4-bit scale is signed: the greatest magnitude gets the code -8, of which there is no positive twin.
    `#lm.quantize_groups<W, bits = 4, group = G, min>`, with lo and hi the least and the greatest number:

        min = f16(lo)    scale = f16((hi - lo) / 15)    code = clamp(round((w - min) / scale), 0, 15)

    With `scales = 8`, scales and minima are stored in 8 bits each, with a number u for each row (`!lm.grouped`). Let lo and hi reach
    to zero, so that no minimum is positive, and width = hi - lo; u is the greatest width of the row's groups over 15 * 255, its last 8
    bits rounded up to zero:

        c = clamp(round(width / 15 / u), 1, 255)    z = clamp(round(-16 lo / (u c)), 0, 255)    codes as above

    All in f32, rounding half to even; where the scale is 0, so are the codes. W that was made from such codes (a decoded
    q4_1 tensor) gets its codes back. The result is an `!lm.grouped` weight.

    With `fit`, codes are chosen column by column as `#lm.fit` says, in the order of the columns. Scale and minimum of a group are
    chosen when its turn comes, from what its numbers have become by then: of some ranges, from the whole one to a fifth less, the
    one that costs least by D. Of numbers that are codes already, nothing is lost and the codes are the same.

    Constraints:
    - C1: the source is an f32 matrix.
    - C2: the group is positive and divides the number of columns.
    - C3: bits is 4 or 8; only 4-bit codes have minima.
    - C4: `fit` scales as many columns and rotates blocks that divide them.
    - C5: scales have 16 bits, or with minima 8.
    - C6: `fit` keeps no zeros where there are minima: zero need not be one of their numbers.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$bits, "int64_t":$group, "bool":$hasMin,
                        "int64_t":$scaleBits, OptionalParameter<"::lmopt::lm::FitAttr">:$fit);
  let assemblyFormat = [{
    `<` $source `,` `bits` `=` $bits `,` `group` `=` $group `` custom<MinScalesFit>($hasMin, $scaleBits, $fit) `>`
  }];
  let builders = [AttrBuilder<(ins "::mlir::Attribute":$source, "int64_t":$bits, "int64_t":$group, "bool":$hasMin),
                              [{ return $_get($_ctxt, source, bits, group, hasMin, 16, ::lmopt::lm::FitAttr()); }]>];
}

def LM_QuantizeCodebookAttr : LM_Weight<"QuantizeCodebook", "quantize_codebook", "Rounded"> {
  let summary = "numbers of entries of a codebook that is optimal for the matrix";
  let description = [{
    `#lm.quantize_codebook<W, entries = 256>`: with s = max|w| of a row (f32) and u = w / s, so that all u lie in -1 .. 1, the
    codebook c makes

        sum over n, k of h[k] s[n]² (u[n, k] - c[code[n, k]])²      code: the nearest entry, h[k] = 1

    least: the optimum of k-means in one dimension, by dynamic programming, over the 4096 cells of equal width that u falls into (a
    cell is never divided). With fewer different numbers than entries nothing is lost. A row of zeros has s = 0.

    `#lm.quantize_codebook<W, entries = E, group = G>`, E = 4, 8 or 16: the same with entries rounded to integers of -127 .. 127 and a
    scale for each group. The codebook is that of all rows, or of 512 evenly spaced (floor(i N / 512)) where there are more. Codebook
    and scales are chosen by turns, five times: at first s = f16(m / 127), m the number of the group's
    greatest magnitude with its sign, so that u lies in -127 .. 127 (later what lies beyond counts as its end cells); then of
    s = f16(± p m / 127) with p = 0.6, 0.64, .. 1.28 the one that loses least.

    With `fit`, h[k] is the mean square of input k, and codes are chosen column by column as `#lm.fit` says: of 256 entries in
    descending order of the moments' diagonal; in groups in the order of the columns, a scale when the turn of a group comes, from what
    its numbers have become by then: of the s above the one that costs least by D, or one a 25th less or more.

    The result is an `!lm.codebook` weight. From techniques 10.3 and 15.5.

    Constraints:
    - C1: the source is an f32 matrix.
    - C2: there are 4, 8 or 16 entries with a group, or 256 without.
    - C3: the group is positive and divides the number of columns.
    - C4: `fit` scales as many columns and rotates blocks that divide them.
    - C5: `fit` keeps no zeros: zero need not be an entry.
  }];
  let parameters = (ins LM_WeightParameter:$source, "int64_t":$entries, DefaultValuedParameter<"int64_t", "0">:$group,
                        OptionalParameter<"::lmopt::lm::FitAttr">:$fit);
  let assemblyFormat = "`<` $source `,` struct($entries, $group, $fit) `>`";
}

def LM_NativeAttr : LM_Weight<"Native", "native", "Read"> {
  let summary = "the codes of a tensor as the file holds them: of GGUF, GPTQ, AWQ or compressed-tensors";
  let description = [{
    `#lm.native<#lm.gguf<"model.gguf", "blk.0.attn_q.weight", q4_1>>`: not decoded, so that nothing is rounded twice. The
    format of the tensor says what the weight is:

    | format | weight | scale of a group, minimum |
    |---|---|---|
    | q4_0, q4_1, q5_0, q5_1, q8_0 | `!lm.grouped`, 4, 4, 5, 5, 8 bits, group = 32; q4_1 and q5_1 with minima | those of the block |
    | q4_k, q5_k | `!lm.grouped`, 4 or 5 bits, group = 32, min | d s and -dmin m, rounded to f16 |
    | q2_k | `!lm.grouped`, 4 bits of which two are used, group = 16, min | the same |
    | q6_k | `!lm.grouped`, 6 bits, group = 16 | d s, rounded to f16 |
    | q3_k | `!lm.grouped`, 4 bits of which three are used, group = 16 | the same |
    | iq4_nl, iq4_xs | `!lm.codebook`, 16 entries, group = 32 | d, d s rounded to f16 |
    | mxfp4 | `!lm.codebook`, 16 entries (twice the numbers of e2m1), group = 32 | a power of two |
    | `#lm.packed` without zeros | `!lm.grouped`, 4 bits (of which 2 or 3 may be used) or 8, its group | those of the file |
    | `#lm.packed` with zeros, at most 4 bits | `!lm.grouped`, 4 bits, its group, min | s and -s z, rounded to f16 |

    Codes are the file's, bit for bit. d and dmin are f16 and s and m integers, so that rounding moves a scale or a minimum by
    at most 2^-11 of itself (below 2^-14 not at all: there f16 holds every multiple of 2^-24). What f16 cannot hold is an error.

    Rows may be permuted for rotary positions, `#lm.native<#lm.permute_rope<#lm.gguf<...>, ...>>`, or be some of the
    file's (`#lm.take_rows`, `#lm.take_blocks`), and all numbers may be scaled (`#lm.scale`), which scales and minima are before
    they are rounded. The matrices of experts, which a file may hold as one tensor [E, N, K] or as a tensor each, stand below
    one another: `#lm.native<#lm.reshape<#lm.gguf<...>, shape = [E N, K]>>`, `#lm.native<#lm.concat_rows<[...]>>`.

    With `group = G` groups of the file are cut into parts of G, each with the scale of the whole: the numbers stay the same, and
    activations, which are quantized in the weight's groups, lose less.

    Constraints:
    - C1: the source is a `#lm.gguf` or `#lm.packed` in one of these forms, or a `#lm.permute_rope`, `#lm.take_rows`,
      `#lm.take_blocks`, `#lm.scale` or `#lm.reshape` of one, or a `#lm.concat_rows` of several of one form.
    - A reshaped tensor keeps its rows (seen when the file is read).
    - C2: `group`, where it is given (0: it is not), is positive and divides the group of the codes.
  }];
  let parameters = (ins LM_WeightParameter:$source, DefaultValuedParameter<"int64_t", "0">:$group);
  let assemblyFormat = "`<` $source (`,` `group` `=` $group^)? `>`";
  let builders = [AttrBuilder<(ins "::mlir::Attribute":$source), [{ return $_get($_ctxt, source, int64_t(0)); }]>];
  let extraClassDeclaration = [{
    /// The tensor in the file, of several the first, or null when the source is none that C1 allows.
    static ::lmopt::lm::FileCodesInterface findLeaf(::mlir::Attribute source);
  }];
}

//===- Refitted to statistics ------------------------------------------------------------------------------------===//

include "dialects/lm/weights/Fitted.td"

//===- With zeros ------------------------------------------------------------------------------------------------===//

include "dialects/lm/weights/Sparse.td"

#endif // LMOPT_DIALECTS_LM_WEIGHTS_WEIGHTS_TD
