// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax of two levels on GPUs: y[word] = min(z - lse_c(z), 0) + s[c] - lse(s), of products z of the words, class
// after class, and a score s for each class.
//
//   class_sums     each class and row: log sum exp of its products; of all scores    grid (1 + shared classes, rows)
//   class_logits   each word and row                                                 grid (words / 256, rows)
//
// A block of the first adds in an order of its own (each thread what lies 256 numbers apart, lanes, warps), so logits
// may differ from CPUs in their last bits; from there on it is what CPUs do. A thread of the second has a word and
// fetches its product, so that logits are written side by side. The greatest logits are found among all of them
// (TopLogits.h), or among those of classes that are open (OpenedClasses.h): then only their products are read, and the
// words of others have -infinity.
//
// In: products [rows][words that share their class], scores [rows][classes] f32, padded; the table below. Out: logits.
// Cost: z is read three times, from the second-level cache; a class of 40000 words takes its block 20 turns for each of
// two walks. Source: techniques 5.2. Tested by test/unit/codegen/ptx/ClassLogitsTest.cpp and
// test/e2e/device_heads.py.
#ifndef LMOPT_CODEGEN_PTX_RANKING_CLASSLOGITS_H
#define LMOPT_CODEGEN_PTX_RANKING_CLASSLOGITS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Rows.h"

namespace lmopt::nvptx {

/// Words of classes, packed: [words]{i32 number of its product, i32 class}; from the next 32 bytes on, where the
/// products of each shared class begin, i32, and where the last ones end; from the next 32 bytes on, the class of each
/// product, i32. Classes of one word come first and have no products: their number is -1.
struct ClassTable {
  int64_t words = 0, classes = 0, singles = 0;

  int64_t sharing() const { return words - singles; }  ///< words that have products
  int64_t shared() const { return classes - singles; } ///< classes of them
  int64_t beginOffset() const { return rowBytes(words, 8); }
  int64_t classOffset() const { return beginOffset() + rowBytes(shared() + 1, 4); }
  int64_t bytes() const { return classOffset() + rowBytes(sharing(), 4); }
  /// What class_sums leaves of a row: of all scores, then of each shared class.
  int64_t sumsBytes() const { return rowBytes(1 + shared(), 4); }
};
/// In: words, class after class, and how many each class has.
std::vector<char> packClasses(const ClassTable &table, llvm::ArrayRef<int64_t> words, llvm::ArrayRef<int64_t> sizes);

/// (products, scores, table, sums); with `opened` also (when each class was opened, i32 [rows][classes]; a number):
/// only the classes that were opened then.
std::string classSumsKernel(KernelLibrary &kernels, const ClassTable &table, bool opened = false);
/// (products, scores, table, sums, logits); with `opened` also (the same array): those that are 0 are closed.
/// `outStride`: bytes from one row of logits to the next; what lies between the last of a row and the next row becomes
/// zero.
std::string classLogitsKernel(KernelLibrary &kernels, const ClassTable &table, int64_t outStride, bool opened = false);
/// Blocks of a row.
int64_t classLogitsBlocks(int64_t outStride);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_CLASSLOGITS_H
