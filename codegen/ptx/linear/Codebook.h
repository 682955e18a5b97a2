// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that are numbers of 4, 8 or 16 integer entries: how the numbers of a lane lie, and how they become the
// operand of a product of codes. In: four words of a lane (3 bits: and two of upper bits), the entries. Out: four words
// of s8.
//
// What mma.sync takes is four words of four bytes for 32 inputs, `parts` of them for the 64 (4 bits) or 128 inputs of a
// slice. One instruction, prmt, picks four bytes of eight by four nibbles: the numbers of a word's four bytes are four
// neighbouring nibbles already:
//
//   4 bits  part p: nibbles 4 p to 4 p + 3. Of 16 entries the lower and the upper eight are picked from, then the
//   fourth
//           bit chooses between both: 6 or 7 instructions a word
//   2 bits  part p: nibbles 4 (p mod 2) to 4 (p mod 2) + 3, in each the bits 2 (p / 2) and one more: 3 instructions
//   3 bits  the lower two as above; behind all slices 8 bytes a lane: bit p of nibble i of half a word is the upper bit
//           of byte i of part p: 5 instructions
//
// The CPU looks entries up by a shuffle of bytes, too. Tested by test/unit/codegen/ptx/CodebookDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_CODEBOOK_H
#define LMOPT_CODEGEN_PTX_LINEAR_CODEBOOK_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

/// What a lane has of a slice, from numbers [outputs][inputs]; `bytes` are zero before.
void packEntryNumbers(const LinearSpec &spec, const uint8_t *numbers, int64_t tile, int64_t slice, int64_t lane,
                      std::vector<char> &bytes);

/// The operand of a part; `words`: four of the slice, then two of upper bits if there are 3. `table`: the entries in
/// four words.
Emitter::Values entriesOf(Emitter &e, const LinearSpec &spec, const Emitter::Values &table,
                          const Emitter::Values &words, int64_t part);

/// The number of an entry: input `i` of four whose numbers lie in a word (and half a word of upper bits) of `part`,
/// which is known when the kernel runs.
mlir::Value entryNumber(Emitter &e, const LinearSpec &spec, mlir::Value word, mlir::Value upper, mlir::Value part,
                        int64_t i);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_CODEBOOK_H
