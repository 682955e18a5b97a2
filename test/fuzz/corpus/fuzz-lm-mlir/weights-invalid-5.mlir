lm.param @permute_rope_c2_no_heads : tensor<8xf32> = #lm.permute_rope<#lm.gguf<"f", "k", f32>, heads = 0, from = half>
