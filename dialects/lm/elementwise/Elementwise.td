// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Number by number: residual sums, biases, activations, gated products, caps. Tested by test/dialects/lm/elementwise.

#ifndef LMOPT_DIALECTS_LM_ELEMENTWISE_ELEMENTWISE_TD
#define LMOPT_DIALECTS_LM_ELEMENTWISE_ELEMENTWISE_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"

def LM_AddOp : LM_Op<"add", [Pure, Commutative, AllTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "a + b (the residual sum)";
  let description = [{
    ```mlir
    func.func @residual() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
      %h = lm.add %x, %x : tensor<1x1x2xf32>
      return %h : tensor<1x1x2xf32>
    }
    // @residual: tensor<1x1x2xf32> [[[2, 4]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$lhs, LM_ActivationOrVectors:$rhs);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs), [{
    build($_builder, $_state, lhs.getType(), lhs, rhs);
  }]>];
}

def LM_BiasAddOp
    : LM_Op<"bias_add", [Pure, AllTypesMatch<["input", "result"]>,
                         DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "adds a vector to each token";
  let description = [{
    y[b, t, k] = x[b, t, k] + v[k]

    A bias_add of a linear (in any format) without bias that has no other use becomes the bias of the linear.

    Constraints:
    - C1: `vector` names an f32 vector as long as x is wide.

    ```mlir
    lm.param @v : tensor<2xf32> = dense<[10.0, 20.0]>
    func.func @shift() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
      %y = lm.bias_add %x, @v : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @shift: tensor<1x1x2xf32> [[[11, 22]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, FlatSymbolRefAttr:$vector);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$input `,` $vector attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$vector)>];
  let hasCanonicalizeMethod = 1;
}

def LM_ActivationOp : LM_Op<"activation", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "a pointwise function";
  let description = [{
    - `gelu`: x (1 + erf(x / sqrt 2)) / 2
    - `gelu_tanh`: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
    - `silu`: x / (1 + exp(-x))
    - `relu`: max(x, 0)
    - `tanh`

    relu(relu(x)) folds to relu(x).

    ```mlir
    func.func @positive() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[-1.0, 2.0]]]> : tensor<1x1x2xf32>
      %y = lm.activation %x {kind = relu} : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @positive: tensor<1x1x2xf32> [[[0, 2]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, LM_ActivationKindAttr:$kind);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$input ` ` `{` `kind` `=` `` $kind `}` attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ActivationKind":$kind), [{
    build($_builder, $_state, input.getType(), input, kind);
  }]>];
  let hasFolder = 1;
}

def LM_GatedProductOp : LM_Op<"gated_product", [Pure, AllTypesMatch<["gate", "up", "result"]>]> {
  let summary = "f(gate) * up, the middle of a gated feed-forward block";
  let description = [{
    y = f(gate) up, number by number, with the functions of `lm.activation`.

    Constraints:
    - C1: the kind is gelu, gelu_tanh, silu or relu.

    ```mlir
    func.func @gated() -> tensor<1x1x2xf32> {
      %gate = arith.constant dense<[[[-1.0, 2.0]]]> : tensor<1x1x2xf32>
      %up = arith.constant dense<[[[3.0, 5.0]]]> : tensor<1x1x2xf32>
      %y = lm.gated_product %gate, %up {kind = relu} : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @gated: tensor<1x1x2xf32> [[[0, 10]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$gate, LM_ActivationOrVectors:$up, LM_ActivationKindAttr:$kind);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$gate `,` $up ` ` `{` `kind` `=` `` $kind `}` attr-dict-with-keyword `:` type($result)";
  let builders = [
    OpBuilder<(ins "::mlir::Value":$gate, "::mlir::Value":$up, "::lmopt::lm::ActivationKind":$kind), [{
      build($_builder, $_state, gate.getType(), gate, up, kind);
    }]>
  ];
  let hasVerifier = 1;
}

def LM_SoftCapOp : LM_Op<"soft_cap", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "bends numbers so that they stay within a cap";
  let description = [{
    y = C tanh(x / C), number by number, with `cap = C`.

    Constraints:
    - C1: `cap` is finite and positive.

    ```mlir
    func.func @capped() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[0.0, 1000.0]]]> : tensor<1x1x2xf32>
      %y = lm.soft_cap %x {cap = 30.0} : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @capped: tensor<1x1x2xf32> [[[0, 30]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, F64Attr:$cap);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$input ` ` `{` `cap` `=` $cap `}` attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "double":$cap), [{
    build($_builder, $_state, input.getType(), input, $_builder.getF64FloatAttr(cap));
  }]>];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_ELEMENTWISE_ELEMENTWISE_TD
