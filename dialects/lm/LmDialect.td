// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `lm` dialect itself and the constraints on tensors that its ops share.
// In: nothing. Out: LmDialect.{h,cpp}.inc and names that LmTypes, LmAttributes, LmWeights and the families of ops build on.
// Tested by test/dialects/lm.

#ifndef LMOPT_DIALECTS_LM_LMDIALECT_TD
#define LMOPT_DIALECTS_LM_LMDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

include "dialects/lm/interfaces/Step.td"

def LM_Dialect : Dialect {
  let name = "lm";
  let cppNamespace = "::lmopt::lm";
  let summary = "what a language model computes, in the words of a model engineer";
  let description = [{
    The dialect says *what* a model computes: embedding, norm, linear, attention, gated products, pooling. It does not
    say how: no tiles, no buffers, no threads. A module is flat: `lm.param` symbols for the weights and one function
    (`@forward` of a decoder, `@encode` of an encoder) with the layers written out one after another, because every
    layer may have its own widths and head counts.

    Shapes: an activation is a `tensor<BxTxNxf32>`, batch x sequence x width. Batch and sequence may be dynamic, widths
    are static. Quantized activations are one value too, `!lm.codes<BxTxN, ...>`. Weights are never IR text: a `lm.param`
    points into a file, or derives its value lazily from other weights; inline, as `dense<...>`, stand only those of tests and
    the small ones that a pass has fitted (lm-factorize-softmax).

    State is explicit: the key/value memory is a value of type `!lm.cache`, taken and given back by `lm.attention` (and
    by its halves, `lm.cache_append` and `lm.attend`), so prefill, decode and batch all come from one graph.

    Each op lists its constraints as C1, C2, ...; the same number stands in the verifier and in the name of the test
    that violates it. What the declared operand types guarantee already has no number. The meaning of each op is a plain
    function, `dialects/lm/<family>/Reference.h` (which family: docs/ops.md); the examples below are executed by a test,
    and the comment that begins with `// @` is what the interpreter prints.

    Discardable attributes of the module, verified by the dialect: `lm.config` (dictionary: `architecture` and `name`
    strings, counts as `i64`), `lm.tokenizer` and `lm.chat_template` (file name and text, strings), `lm.source` (array
    of dictionaries that say which files the model came from). And of any op: `lm.part`, the name of the part of the
    model that the op is (`layers.3.attn.q`); options that choose layers are patterns over it. Names need not differ, and
    need not be there.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
    /// Adds the ops of a family and promises their meanings.
    template <typename... Ops>
    void registerFamily(::llvm::StringRef name);
  }];
}

//===- Tensors that ops take and give ----------------------------------------------------------------------------===//

// The width is what kernels are specialised for, so it is always known (a dynamic one is negative).
def LM_StaticWidth : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getShape().back() > 0">;

class LM_TensorOf<Type element, list<int> ranks, string what>
    : ConfinedType<RankedTensorOf<[element]>, [HasAnyRankOfPred<ranks>], what, "::mlir::RankedTensorType">;
class LM_WideTensorOf<Type element, list<int> ranks, string what>
    : ConfinedType<RankedTensorOf<[element]>, [HasAnyRankOfPred<ranks>, LM_StaticWidth], what,
                   "::mlir::RankedTensorType">;

def LM_Activation : LM_WideTensorOf<F32, [3], "batch x sequence x width tensor of f32 with a static, positive width">;
def LM_Vectors : LM_WideTensorOf<F32, [2], "batch x width tensor of f32 with a static, positive width">;
def LM_ActivationOrVectors
    : LM_WideTensorOf<F32, [2, 3], "batch x [sequence x] width tensor of f32 with a static, positive width">;
def LM_Halves : LM_WideTensorOf<BF16, [3], "batch x sequence x width tensor of bf16 with a static, positive width">;

def LM_Ids : LM_TensorOf<I32, [2], "batch x sequence tensor of i32">;
def LM_Lengths : LM_TensorOf<I32, [1], "batch tensor of i32">;

// An op that computes: it has a meaning (interfaces/Meaning.td), which the interpreter brings, and states its facts
// (interfaces/Step.td); `facts` are those that have a default and are otherwise for this op.
class LM_Op<string mnemonic, list<Trait> traits = [], list<string> facts = []>
    : Op<LM_Dialect, mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<LM_StepOpInterface, facts>])>;

// An op that computes nothing.
def LM_NoComputation : NativeOpTrait<"NoComputation"> { let cppNamespace = "::lmopt::lm"; }
class LM_Declaration<string mnemonic, list<Trait> traits = []>
    : Op<LM_Dialect, mnemonic, !listconcat(traits, [LM_NoComputation])>;

#endif // LMOPT_DIALECTS_LM_LMDIALECT_TD
