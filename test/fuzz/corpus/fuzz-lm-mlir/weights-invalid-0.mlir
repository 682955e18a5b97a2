lm.param @gguf_c1_path : tensor<2xf32> = #lm.gguf<"", "key", f32>
