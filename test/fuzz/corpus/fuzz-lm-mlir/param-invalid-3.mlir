lm.param @param_c3_group : !lm.int8<2x4, group = 2> = #lm.quantize_rows<#lm.gguf<"f", "k", f32>, group = 4>
