lm.param @param_c1_dynamic : tensor<?xf32> = #lm.gguf<"f", "k", f32>
