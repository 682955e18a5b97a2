// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One latent for the keys and values of all heads. In: attention and its four linears. Out: the same over one narrow head of
// keys that are the values, too. From techniques 8.2. Tested by test/passes/latent-attention.
#ifndef LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_TD
#define LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmLatentAttentionPass : Pass<"lm-latent-attention", "::mlir::ModuleOp"> {
  let summary = "keep one narrow vector a token for the keys and values of all heads (latent attention)";
  let description = [{
    W_K and W_V of all heads below one another are factored as A B with r numbers between. z = B x is then all that is kept of a token,
    as key and as value: A_K becomes part of what queries are made by, A_V part of what reads the results of the heads.

    ```mlir
    %q = lm.linear %x, @q : ... -> tensor<?x?x384xf32>
    %k = lm.linear %x, @k : ... -> tensor<?x?x384xf32>
    %v = lm.linear %x, @v : ... -> tensor<?x?x384xf32>
    %a = lm.attention %q, %k, %v lengths %n {heads = 12, kv_heads = 12, ...} : ... -> tensor<?x?x384xf32>
    %y = lm.linear %a, @o : ...
    // after, with rank=128: 128 numbers are kept of a token for 768
    lm.param @kv : tensor<128x384xf32> = #lm.low_rank_right<<#lm.concat_rows<[K, V]>, whitened, rank = 128, ...>>
    lm.param @q : tensor<1536x384xf32> = #lm.absorb_heads<Q, factor = A_K, heads = 12, kv_heads = 12>
    lm.param @o : tensor<384x1536xf32> = #lm.transpose<#lm.absorb_heads<#lm.transpose<O>, factor = A_V, ...>>
    %z = lm.linear %x, @kv : ... -> tensor<?x?x128xf32>
    %q = lm.linear %x, @q : ... -> tensor<?x?x1536xf32>
    %a = lm.attention %q, %z, %z lengths %n {heads = 12, kv_heads = 1, ...} : ... -> tensor<?x?x1536xf32>
    ```

    What is lost of keys and values together, less their means, is least over the text of the statistics for the rank. The means are
    kept: of values in the bias of the output; what all keys have in common, their bias too, adds the same to every score of a query
    and changes no softmax. At the full rank, the width of x, the function stays.

    It is the memory of a token that gets less, and what a step of decoding reads; queries and results become as wide as heads times r,
    so products are more wherever r is more than the width of a head. For decoders with many heads and long texts. Code for CPUs keeps z
    twice, since keys and values lie in different orders: 2 r numbers of a token, which `lmopt inspect` shows as cache_bytes_per_position.

    Rotary positions stand between A_K and the queries and are refused by name; leave such attentions out with `skip`. A rank that
    keeps no less than keys and values are is an error. Statistics must be of the model as it stands here. Attention stays as it is
    where its weights or values are also used elsewhere, or where rows beyond a text's length can be seen in a result. Remarks:
    `LatentAttention` with the numbers kept of how many, and the relative error, sqrt(lost / all) of the variance of keys and values;
    `NotLatent` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"rank", "rank", "int64_t", /*default=*/"-1", "Numbers that are kept of a token">,
    Option<"damping", "damping", "double", /*default=*/"1e-6",
           "Share of the mean variance of the inputs that is added to each">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of attentions, e.g. layers.3.attn; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of attentions to leave alone">
  ];
}

#endif // LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_TD
