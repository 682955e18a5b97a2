// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by classes of words: what they are made from, and the kernels for them. See ClassLogits.cpp for how and why.
// Tested by test/unit/codegen/ClassLogitsKernelTest.cpp and test/codegen/run-compiled/ranking.mlir.
#ifndef LMOPT_CODEGEN_CPU_RANKING_CLASSLOGITS_H
#define LMOPT_CODEGEN_CPU_RANKING_CLASSLOGITS_H

#include "codegen/cpu/linear/LinearSpec.h"

namespace lmopt::cpu {

/// Classes, packed: [round_up(N, 16)] i32 words, class after class; [C + 1] i32, where each class begins. Those of one
/// word come first and have no products.
struct ClassTables {
  int64_t words = 0, classes = 0, singles = 0;

  int64_t sharing() const { return words - singles; } ///< words that have products

  int64_t beginOffset() const { return floatRowBytes(words); }
  int64_t bytes() const { return beginOffset() + floatRowBytes(classes + 1); }
};

struct ClassSpec {
  ClassTables tables;
  int64_t outStride = 0; ///< bytes from one row of results to the next
};

/// Products and scores in padded rows; 64 bytes of scratch.
/// (products, scores, tables, out, scratch, rowBegin, rowEnd)
std::string classLogitsKernel(KernelLibrary &kernels, const ClassSpec &spec);

struct TopClassSpec {
  LinearSpec exact; ///< the product of the words that have one; its outStride is that of the result
  ClassTables tables;
  int64_t count = 1; ///< of the greatest, at most

  /// Rows of the result: of all words.
  LinearSpec result() const {
    LinearSpec all = exact;
    all.outputs = tables.words;
    return all;
  }

  /// Of a thread: products of the classes that were opened; log p of the others; the greatest so far and their ids; how
  /// many classes were opened, and whether more may be.
  int64_t chanceOffset() const { return floatRowBytes(exact.outputs); }
  int64_t listOffset() const { return chanceOffset() + floatRowBytes(tables.classes); }
  int64_t idOffset() const { return listOffset() + floatRowBytes(count); }
  int64_t cellOffset() const { return idOffset() + floatRowBytes(count); }
  int64_t scratchBytes() const { return cellOffset() + 64; }
};

/// (in, weights, scores, tables, out, scratch, step, rowBegin, rowEnd)
std::string topClassLinearKernel(KernelLibrary &kernels, const TopClassSpec &spec);

} // namespace lmopt::cpu

#endif
