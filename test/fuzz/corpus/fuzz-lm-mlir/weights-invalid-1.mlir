lm.param @row_c1_negative : tensor<3xf32> = #lm.row<#lm.gguf<"f", "k", f32>, -1>
