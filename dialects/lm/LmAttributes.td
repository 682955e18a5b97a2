// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes of ops: kinds (activation, pooling), mask patterns, rotary positions and the exactness of a weight.
// Weight attributes have their own file, weights/Weights.td. Tested by test/dialects/lm/attributes*.mlir.

#ifndef LMOPT_DIALECTS_LM_LMATTRIBUTES_TD
#define LMOPT_DIALECTS_LM_LMATTRIBUTES_TD

include "dialects/lm/LmDialect.td"

class LM_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<LM_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

class LM_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::lmopt::lm";
  let genSpecializedAttr = 0;
}

// A finite double, printed without type and compared by its bits (see LmReal.h).
def LM_Real : AttrOrTypeParameter<"::lmopt::lm::Real", "finite number">;
def LM_OptionalReal : OptionalParameter<"std::optional<::lmopt::lm::Real>">;
def LM_RealList : OptionalArrayRefParameter<"::lmopt::lm::Real", "finite numbers"> {
  let parser = "::lmopt::lm::parseReals($_parser)";
  let printer = "::lmopt::lm::printReals($_printer, $_self)";
}
class LM_DefaultReal<string value> : DefaultValuedParameter<"::lmopt::lm::Real", value>;

//===- Kinds -----------------------------------------------------------------------------------------------------===//

def LM_ActivationKind : LM_Enum<"ActivationKind", "pointwise function", [
    I32EnumAttrCase<"gelu", 0>, I32EnumAttrCase<"gelu_tanh", 1>, I32EnumAttrCase<"silu", 2>,
    I32EnumAttrCase<"relu", 3>, I32EnumAttrCase<"tanh", 4>]>;
def LM_ActivationKindAttr : EnumAttr<LM_Dialect, LM_ActivationKind, "activation_kind">;

def LM_PoolKind : LM_Enum<"PoolKind", "how the vectors of a sequence become one", [
    I32EnumAttrCase<"mean", 0>, I32EnumAttrCase<"cls", 1>, I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"last", 3>,
    I32EnumAttrCase<"mean_sqrt", 4>, I32EnumAttrCase<"weighted", 5>]>;
def LM_PoolKindAttr : EnumAttr<LM_Dialect, LM_PoolKind, "pool_kind">;
def LM_PoolKindsAttr : TypedArrayAttrBase<LM_PoolKindAttr, "kinds of pooling">;

//===- Masks -----------------------------------------------------------------------------------------------------===//

def LM_CausalAttr : LM_Attr<"Causal", "causal"> {
  let summary = "a query at position p sees the keys at positions <= p, or the last of them";
  let description = [{
    `#lm.causal`: the positions 0 .. p. `#lm.causal<window = W>`: the last W of them, max(0, p - W + 1) .. p.

    Constraints:
    - C1: the window, if there is one, is at least 1 (0 is none).
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$window); // 0: none
  let assemblyFormat = "(`<` struct($window)^ `>`)?";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static CausalAttr get(::mlir::MLIRContext *context) { return get(context, /*window=*/0); }
  }];
}
def LM_FullAttr : LM_Attr<"Full", "full"> {
  let summary = "every query sees every key, or those near it (padding is masked apart, by lengths)";
  let description = [{
    `#lm.full<window = W>`: a query at position p sees the keys at p - W .. p + W.

    Constraints:
    - C1: the window, if there is one, is at least 1 (0 is none).
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$window); // 0: none
  let assemblyFormat = "(`<` struct($window)^ `>`)?";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static FullAttr get(::mlir::MLIRContext *context) { return get(context, /*window=*/0); }
  }];
}
def LM_MaskAttr : AnyAttrOf<[LM_CausalAttr, LM_FullAttr], "mask pattern">;

//===- Projected keys and values ---------------------------------------------------------------------------------===//

def LM_ProjectionKind : LM_Enum<"ProjectionKind", "what the keys and values of a sequence are multiplied by", [
    I32EnumAttrCase<"means", 0>, I32EnumAttrCase<"learned", 1>]>;

def LM_ProjectionAttr : LM_Attr<"Projection", "projection"> {
  let summary = "the keys and values of a sequence become few before queries see them (Linformer)";
  let description = [{
    Of n tokens, K' = E K and V' = F V have r rows, the same for all heads, and attention is over these r:

    - `means`: r = min(rank, n), and row s is the mean of the tokens floor(s n / r) to floor((s + 1) n / r) - 1. Up to
      `rank` tokens that is attention as it was.
    - `learned`: r = rank, E and F are weights of rank rows, of which the first n columns count.

    From techniques 9.6; Wang et al. 2020.

    Constraints:
    - C1: the rank is 1 to 65536.
  }];
  let parameters = (ins EnumParameter<LM_ProjectionKind>:$kind, "int64_t":$rank);
  let assemblyFormat = "`<` $kind `,` `rank` `=` $rank `>`";
  let extraClassDeclaration = [{
    bool isLearned() const { return getKind() == ProjectionKind::learned; }
    /// How many rows become of those of a sequence.
    int64_t rowsOf(int64_t tokens) const { return isLearned() ? getRank() : std::min<int64_t>(getRank(), tokens); }
  }];
  let genVerifyDecl = 1;
}

//===- Rotary positions ------------------------------------------------------------------------------------------===//

def LM_RopeLayout : LM_Enum<"RopeLayout", "which two numbers of a head are rotated together", [
    I32EnumAttrCase<"half", 0>, I32EnumAttrCase<"interleaved", 1>]>;

def LM_RopeScalingKind : LM_Enum<"RopeScalingKind", "how rotary frequencies were stretched for longer contexts", [
    I32EnumAttrCase<"linear", 0>, I32EnumAttrCase<"dynamic", 1>, I32EnumAttrCase<"yarn", 2>,
    I32EnumAttrCase<"llama3", 3>, I32EnumAttrCase<"longrope", 4>]>;

def LM_RopeScalingAttr : LM_Attr<"RopeScaling", "rope_scaling"> {
  let summary = "how rotary frequencies were stretched for longer contexts";
  let description = [{
    The kinds and parameters of Hugging Face's `rope_scaling` (source: transformers `modeling_rope_utils.py`):

    - `linear`: theta_i / factor.
    - `dynamic`: base * ((factor * L / L0) - (factor - 1))^(d / (d - 2)) for sequences of L > L0 =
      `original_positions`, the unchanged base up to L0.
    - `yarn`: a ramp over the dimensions between `beta_fast` and `beta_slow` from theta / factor to theta; queries and
      keys are multiplied by `attention_factor` (default 0.1 ln(factor) + 1).
    - `llama3`: by wavelength, with `low_frequency` and `high_frequency`.
    - `longrope`: theta_i / short_factors[i] for L <= L0, theta_i / long_factors[i] beyond; attention factor
      sqrt(1 + ln(factor) / ln(L0)).

    L is the length of the whole sequence when its latest tokens are in: all its positions are turned alike, so a
    sequence that grows beyond L0 (with `dynamic`: beyond L0, by any token) is another one from its first token on. Keys
    in a cache stay as they were turned; a sequence whose L changes is read again from the start. Code is generated for
    `dynamic` up to L0 only, where it changes nothing.

    Constraints:
    - C1: `factor` is at least 1 (for longrope it is the stretched length over `original_positions`).
    - C2: all kinds but `linear` need `original_positions` > 1.
    - C3: the two lists of factors stand with `longrope` and only there, have the same length and hold positive numbers.
    - C4: `beta_fast` > `beta_slow` > 0 and 0 < `low_frequency` < `high_frequency`; `attention_factor` > 0.
  }];
  let parameters = (ins EnumParameter<LM_RopeScalingKind>:$kind, LM_Real:$factor,
                        DefaultValuedParameter<"int64_t", "0">:$original_positions,
                        LM_DefaultReal<"::lmopt::lm::Real(32.0)">:$beta_fast,
                        LM_DefaultReal<"::lmopt::lm::Real(1.0)">:$beta_slow,
                        LM_DefaultReal<"::lmopt::lm::Real(1.0)">:$low_frequency,
                        LM_DefaultReal<"::lmopt::lm::Real(4.0)">:$high_frequency,
                        LM_OptionalReal:$attention_factor,
                        LM_RealList:$short_factors, LM_RealList:$long_factors);
  let assemblyFormat = [{ `<` $kind `,` struct($factor, $original_positions, $beta_fast, $beta_slow, $low_frequency,
                          $high_frequency, $attention_factor, $short_factors, $long_factors) `>` }];
  let genVerifyDecl = 1;
}

def LM_RopeAttr : LM_Attr<"Rope", "rope"> {
  let summary = "rotary positions";
  let description = [{
    Rotates pairs of numbers in each head of queries and keys by the angle position * theta_i with
    theta_i = base^(-2 i / dims), i < dims / 2. `half` pairs (i, i + dims / 2), `interleaved` pairs (2 i, 2 i + 1).
    Numbers beyond `dims` stay as they are (partial rotary).

    Constraints:
    - C1: `base` > 1.
    - C2: `dims` is even and positive, at most 65536.
    - C3: longrope factor lists have dims / 2 elements.
  }];
  let parameters = (ins LM_Real:$base, "int64_t":$dims, EnumParameter<LM_RopeLayout>:$layout,
                        OptionalParameter<"::lmopt::lm::RopeScalingAttr">:$scaling);
  let assemblyFormat = "`<` struct($base, $dims, $layout, qualified($scaling)) `>`";
  let builders = [
    AttrBuilder<(ins "double":$base, "int64_t":$dims, "::lmopt::lm::RopeLayout":$layout,
                     CArg<"::lmopt::lm::RopeScalingAttr", "{}">:$scaling),
                [{ return $_get($_ctxt, ::lmopt::lm::Real(base), dims, layout, scaling); }]>
  ];
  let extraClassDeclaration = [{
    /// Longest sequence that is turned as all shorter ones are; beyond it the angles depend on the length (see
    /// #lm.rope_scaling). 0: they never do, as also with two equal lists of factors.
    int64_t getSwitchPositions() const;
  }];
  let genVerifyDecl = 1;
}

//===- Biases of positions ---------------------------------------------------------------------------------------===//

def LM_AlibiAttr : LM_Attr<"Alibi", "alibi"> {
  let summary = "a number for each head, by which scores grow from position to position";
  let description = [{
    `#lm.alibi<slopes = [0.5, 0.25]>`: bias(h, j - i) = slopes[h] (j - i), for keys before the query less the further they
    are. From Press et al. 2022 (techniques 5). Slopes are listed, not computed from the number of heads, so that those
    of a model with fewer heads are those that it was trained with.

    Constraints:
    - C1: there is at least one slope.
  }];
  let parameters = (ins LM_RealList:$slopes);
  let assemblyFormat = "`<` struct($slopes) `>`";
  let genVerifyDecl = 1;
}
/// One of these, or the lm.param of a table of distances.
def LM_PositionBiasAttr : AnyAttrOf<[LM_AlibiAttr, FlatSymbolRefAttr], "bias of positions: #lm.alibi or a table">;

//===- Classes of words ------------------------------------------------------------------------------------------===//

def LM_ClassesAttr : LM_Attr<"Classes", "classes"> {
  let summary = "the words of a vocabulary, each in one class";
  let description = [{
    `#lm.classes<words = [2, 0, 1], sizes = [1, 2]>`: class after class, the words (their ids) of each; here word 2 alone,
    words 0 and 1 together.

    Constraints:
    - C1: each class has a word, and the sizes of the classes add up to the number of words.
    - C2: each id from 0 to the number of words, without it, stands there once.
    - C3: classes of one word come before the others, and there is another.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$words, ArrayRefParameter<"int64_t">:$sizes);
  let assemblyFormat = "`<` `words` `=` `[` $words `]` `,` `sizes` `=` `[` $sizes `]` `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// How many classes are of one word.
    int64_t getSingles() const;
    /// How many words share their class with another.
    int64_t getSharing() const { return static_cast<int64_t>(getWords().size()) - getSingles(); }
  }];
}

def LM_WordTreeAttr : LM_Attr<"WordTree", "word_tree"> {
  let summary = "a binary tree with the words of a vocabulary as its leaves";
  let description = [{
    `#lm.word_tree<left = [4, 1], right = [0, 2]>`: of N words and N - 1 inner nodes, what is on each side of each node: a word
    by its id, node n by N + n. Here, with three words, the root has node 1 (3 + 1) on its left and word 0 on its right, node 1
    has words 1 and 2.

    Constraints:
    - C1: there are as many left sides as right ones, at least one.
    - C2: each word, and each node but node 0, which is the root, stands there once.
    - C3: a node comes behind the one that it is a side of.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$left, ArrayRefParameter<"int64_t">:$right);
  let assemblyFormat = "`<` `left` `=` `[` $left `]` `,` `right` `=` `[` $right `]` `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getNodes() const { return static_cast<int64_t>(getLeft().size()); }
    int64_t getWords() const { return getNodes() + 1; }
  }];
}

//===- Codes of activations ---------------------------------------------------------------------------------------===//

def LM_CodeRangeAttr : LM_Attr<"CodeRange", "code_range"> {
  let summary = "what the codes of 8 bits of all rows of a value stand for";
  let description = [{
    `#lm.code_range<range = 2.0, steps = 255, zero = 100, least = 0, greatest = 255>`: all in f32,

        step = range / steps    factor = steps / range
        code of x = clamp(round_half_even(x * factor) + zero, least, greatest)    stands for (code - zero) * step

    `range` is a scale (`steps = 1`) or a greatest magnitude (`steps = 127`); the factor is the very number that training
    multiplied with, so that the codes are those that it saw.

    Constraints:
    - C1: `range` is a positive number of f32, and so are step and factor, neither too large nor too small for it.
    - C2: `steps` is from 1 to 255.
    - C3: 0 <= `least` <= `zero` <= `greatest` <= 255, and `least` < `greatest`: the code of 0 stands for 0.
  }];
  let parameters = (ins LM_Real:$range, "int64_t":$steps, "int64_t":$zero, "int64_t":$least, "int64_t":$greatest);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    float getStep() const { return float(double(getRange())) / float(getSteps()); }
    float getFactor() const { return float(getSteps()) / float(double(getRange())); }
  }];
  let genVerifyDecl = 1;
}

//===- Exactness -------------------------------------------------------------------------------------------------===//

def LM_ExactnessKind : LM_Enum<"ExactnessKind", "how a weight relates to the source model", [
    I32EnumAttrCase<"exact", 0>, I32EnumAttrCase<"approximate", 1>, I32EnumAttrCase<"trained", 2>]>;

def LM_ExactnessAttr : LM_Attr<"Exactness", "exactness"> {
  let summary = "how a weight relates to the source model";
  let description = [{
    `exact`: the same function up to rounding. `approximate`: a lossy rewrite; `error` is its measured relative error
    (Frobenius norm of the difference over that of the original). `trained`: taken from training after the rewrite, or with
    the rewrite in place already.

    Constraints:
    - C1: `error` is not negative and stands with `approximate` or `trained` only.
  }];
  let parameters = (ins EnumParameter<LM_ExactnessKind>:$kind, LM_OptionalReal:$error);
  let assemblyFormat = "`<` $kind (`,` `error` `=` $error^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_DIALECTS_LM_LMATTRIBUTES_TD
