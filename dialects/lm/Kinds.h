// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kinds of pointwise functions and of pooling, each listed once, for all who do something of their own for each
// kind: the meaning (elementwise/Reference.cpp, pooling/Reference.cpp), kernels (codegen/cpu), makers' names
// (frontends). Plain C++. The enumerations of the IR (LmAttributes.td) list the same in the same order:
// LmAttributes.cpp does not compile otherwise, and no switch over a kind compiles that leaves one out.
#ifndef LMOPT_DIALECTS_LM_KINDS_H
#define LMOPT_DIALECTS_LM_KINDS_H

/// X(name, word in the IR, word in the names of kernels)
#define LMOPT_ACTIVATIONS(X)                                                                                           \
  X(Gelu, gelu, "gelu")                                                                                                \
  X(GeluTanh, gelu_tanh, "gelutanh")                                                                                   \
  X(Silu, silu, "silu")                                                                                                \
  X(Relu, relu, "relu")                                                                                                \
  X(Tanh, tanh, "tanh")

#define LMOPT_POOLINGS(X)                                                                                              \
  X(Mean, mean, "mean")                                                                                                \
  X(Cls, cls, "first")                                                                                                 \
  X(Max, max, "max")                                                                                                   \
  X(Last, last, "last")                                                                                                \
  X(MeanSqrt, mean_sqrt, "meansqrt")                                                                                   \
  X(Weighted, weighted, "weighted")

namespace lmopt {

#define LMOPT_NAME(name, word, kernel) name,
enum class Activation { LMOPT_ACTIVATIONS(LMOPT_NAME) };
enum class Pooling { LMOPT_POOLINGS(LMOPT_NAME) };
#undef LMOPT_NAME

#define LMOPT_KERNEL_WORD(name, word, kernel) kernel,
inline const char *kernelWord(Activation activation) {
  static const char *const words[] = {LMOPT_ACTIVATIONS(LMOPT_KERNEL_WORD)};
  return words[static_cast<int>(activation)];
}
inline const char *kernelWord(Pooling pooling) {
  static const char *const words[] = {LMOPT_POOLINGS(LMOPT_KERNEL_WORD)};
  return words[static_cast<int>(pooling)];
}
#undef LMOPT_KERNEL_WORD

} // namespace lmopt

#endif // LMOPT_DIALECTS_LM_KINDS_H
