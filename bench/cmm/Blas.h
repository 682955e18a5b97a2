// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A BLAS that is loaded when it is asked for, so that lmopt does not depend on one. In: the file of a shared library
// with CBLAS functions (libopenblas.so.0, libmkl_rt.so.2). Out: its functions, on one thread.
#ifndef LMOPT_BENCH_CMM_BLAS_H
#define LMOPT_BENCH_CMM_BLAS_H

#include <cstdint>
#include <string>

namespace lmopt::bench {

class Blas {
public:
  /// Ends the program with a message where the library lacks something.
  explicit Blas(const std::string &file);

  /// out = a b^T or, not `transposed`, a b; rows in order, no padding: m x k times k x n.
  void product(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k, bool transposed) const;
  float dot(const float *a, const float *b, int64_t n) const { return sdot(int(n), a, 1, b, 1); }
  void add(float factor, const float *x, float *y, int64_t n) const { saxpy(int(n), factor, x, 1, y, 1); }

private:
  using Gemm = void (*)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *,
                        int);
  Gemm sgemm;
  float (*sdot)(int, const float *, int, const float *, int);
  void (*saxpy)(int, float, const float *, int, float *, int);
};

} // namespace lmopt::bench

#endif
