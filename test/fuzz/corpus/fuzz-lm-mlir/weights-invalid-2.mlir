lm.param @scale_c1_int8 : tensor<2x3xf32> = #lm.scale<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, 2.0>
