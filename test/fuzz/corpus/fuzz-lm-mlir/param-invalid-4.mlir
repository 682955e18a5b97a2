func.func @param_inside_function() {
  lm.param @inside : tensor<2xf32> = dense<1.0>
  return
}
