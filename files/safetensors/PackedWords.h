// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices of small numbers in words of 32 bits, as GPTQ, AWQ and compressed-tensors store codes and zero points in
// tensors of I32. A line of numbers, a row or a column, is a stream of bits, the lowest of the first word first: number
// i of a line lies at bit i * bits, so that with 3 bits some lie in two words. A line begins with a word of its own.
//
//   bits = 4:   | 7 | 6 | 5 | 4 | 3 | 2 | 1 | 0 |  one word, numbers 0 to 7 of a line
//   as AWQ:     | 7 | 5 | 3 | 1 | 6 | 4 | 2 | 0 |  what unpacks well on its GPUs
//
// In: words as they lie in the file (unaligned, little-endian). Out: one byte a number. From: the packages auto-gptq,
// autoawq, compressed-tensors. Tested by test/unit/files/PackedWordsTest.cpp.
#ifndef LMOPT_FILES_SAFETENSORS_PACKEDWORDS_H
#define LMOPT_FILES_SAFETENSORS_PACKEDWORDS_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace lmopt {

struct PackedWords {
  enum class Lines { Rows, Columns };

  int64_t rows = 0, columns = 0; // of numbers
  int bits = 4;                  // 2, 3, 4 or 8
  Lines lines = Lines::Rows;
  bool interleaved = false; // as AWQ: bits is 4 and lines are rows

  /// Of the matrix of words.
  std::vector<int64_t> shape() const;
  /// The numbers row by row; `words` has as many words as the shape says.
  std::vector<uint8_t> unpack(const char *words) const;
};

/// The matrix the other way round.
std::vector<uint8_t> transposed(const std::vector<uint8_t> &numbers, int64_t rows, int64_t columns);

/// How a tool lays out the codes of a linear; in the order of lm.packed's layouts, which show the shapes.
enum class CodeLayout { Gptq, GptqV2, Awq, Compressed, Bytes };

/// Whether the file's rows are inputs, not outputs.
bool hasInputRows(CodeLayout layout);
/// The words of codes and of zero points; not of Bytes.
PackedWords wordsOfCodes(CodeLayout layout, int64_t outputs, int64_t inputs, int bits);
PackedWords wordsOfZeros(CodeLayout layout, int64_t outputs, int64_t groups, int bits);
/// Codes and zero points with outputs as rows; zero points as they are subtracted, whatever is stored.
std::vector<uint8_t> unpackCodes(CodeLayout layout, const PackedWords &words, const char *data);
std::vector<uint8_t> unpackZeros(CodeLayout layout, const PackedWords &words, const char *data);
/// The same of Bytes: signed bytes as numbers from 0 to 255.
std::vector<uint8_t> unsignedBytes(std::string_view data);

} // namespace lmopt

#endif // LMOPT_FILES_SAFETENSORS_PACKEDWORDS_H
