// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads a BLAS; see Blas.h.
#include "bench/cmm/Blas.h"

#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>

namespace lmopt::bench {

template <class Function>
static void find(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function)
    return;
  std::fprintf(stderr, "bench-cmm: the BLAS has no %s\n", name);
  std::exit(1);
}

Blas::Blas(const std::string &file) {
  // One thread: both read these when they start.
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv("MKL_THREADING_LAYER", "SEQUENTIAL", 1);
  setenv("MKL_INTERFACE_LAYER", "LP64", 1);
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::fprintf(stderr, "bench-cmm: %s\n", dlerror());
    std::exit(1);
  }
  find(library, "cblas_sgemm", sgemm);
  find(library, "cblas_sdot", sdot);
  find(library, "cblas_saxpy", saxpy);
}

void Blas::product(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k, bool transposed) const {
  constexpr int kRowMajor = 101, kAsIs = 111, kTransposed = 112; // of cblas.h
  sgemm(kRowMajor, kAsIs, transposed ? kTransposed : kAsIs, int(m), int(n), int(k), 1, a, int(k), b,
        int(transposed ? k : n), 0, out, int(n));
}

} // namespace lmopt::bench
