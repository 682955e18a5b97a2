lm.param @param_c1_large : tensor<4294967296x4294967296xf32> = #lm.gguf<"f", "k", f32>
