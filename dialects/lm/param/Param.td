// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.param: the symbol that names a weight. Its value is read through dialects/lm/Weights.h. Tested by test/dialects/lm/param.

#ifndef LMOPT_DIALECTS_LM_PARAM_PARAM_TD
#define LMOPT_DIALECTS_LM_PARAM_PARAM_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/weights/Weights.td"

def LM_ParamOp : LM_Declaration<"param", [Symbol]> {
  let summary = "a weight, by name";
  let description = [{
    A symbol whose value is a weight: a tensor of f32, a matrix of bf16 or of codes, static, and known when the model is compiled.
    The value is an attribute: a leaf (`#lm.gguf`, `#lm.safetensors`, or `dense<...>` in tests) or a weight derived
    from others. Ops name the weight they use: `lm.linear %x, @layers.0.attn.q.weight`. Names follow the parts of the
    model (`layers.N.attn.q.weight`), because options that choose layers are patterns over them.

    `exactness` says how the weight relates to the source model; a rewrite that is not exact must set it.

    Params are private to their module: one that nothing names is removed by `--symbol-dce`.

    Constraints:
    - C1: the type is a tensor of f32 with static, positive sizes (at most 2^40 elements, rank 1 to 4), a matrix of
      bf16, `!lm.int8`, `!lm.sparse_int8`, `!lm.grouped` or `!lm.codebook`.
    - C2: the value is a weight attribute or a `dense` one.
    - C3: form and type agree: an f32 or bf16 weight has a tensor type, an int8 weight an int8 type, a grouped weight a
      grouped type with the same bits, group and minima.
    - C4: as far as the shape of the value is known, it is the shape of the type.
    - C5: a `dense` value has the very type of the param.

    ```mlir
    lm.param @table : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, -4.0]]>
    lm.param @row : tensor<2xf32> = #lm.row<dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>, 1>
    lm.param @codes : !lm.int8<2x2> = #lm.quantize_rows<dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>>
        exactness <approximate, error = 4.0e-3>
    func.func @sum_of_row() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[10.0, 20.0]]]> : tensor<1x1x2xf32>
      %y = lm.bias_add %x, @row : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @sum_of_row: tensor<1x1x2xf32> [[[13, 16]]]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, AnyAttr:$value,
                       OptionalAttr<LM_ExactnessAttr>:$exactness);
  let assemblyFormat = [{
    $sym_name `:` $type `=` custom<WeightValue>($value, ref($type)) (`exactness` $exactness^)? attr-dict-with-keyword
  }];
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::Type":$type, "::mlir::Attribute":$value,
                   CArg<"::lmopt::lm::ExactnessAttr", "{}">:$exactness)>
  ];
  let extraClassDeclaration = [{
    /// How the numbers are stored the type says; whether it is one of WeightTypeInterface or a tensor makes no
    /// difference here. Shape: rows x columns of a matrix of codes, of the tensor otherwise.
    ::llvm::SmallVector<int64_t> getShape();
    int64_t getNumElements();
    /// For people: `f32`, `bf16`, `int8`, `int4 g32 min`.
    std::string getFormatName();
    int64_t getStoredBytes();
    /// Nothing outside the module can name a weight.
    ::mlir::SymbolTable::Visibility getVisibility() { return ::mlir::SymbolTable::Visibility::Private; }
  }];
  let skipDefaultBuilders = 1;
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

#endif // LMOPT_DIALECTS_LM_PARAM_PARAM_TD
