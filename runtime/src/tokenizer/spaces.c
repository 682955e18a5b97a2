/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Blanks as SentencePiece's normalizer treats them: one in front of the text, only one of several, U+2581 for each.
 *
 * In: characters that the table of replacements has been applied to (none of SentencePiece's own tables puts two blanks
 * in a row), and LMOPT_SPACES_*. Out: characters. Two programs do it, and differ at ends of texts and in texts of
 * blanks only: sentencepiece puts the first blank before anything else and takes all at the end away, a U+2581 of the
 * text among them; llama.cpp (llm_tokenizer_ugm) puts a blank where a word begins. Source: Kudo and Richardson,
 * SentencePiece (2018), and these programs. Tested by test/unit/tokenizer/NormalizeTest.cpp and
 * test/tools/sentencepiece_parity.py.
 */
#include "runtime/src/tokenizer/chars.h"

enum { SPACE_CHARACTER = 0x2581 };

/* What is put comes from no byte of the text. */
static void put_space(uint32_t space, const lmopt_char_t *before, lmopt_chars_t *out) {
  lmopt_char_t from = {0, before->begin, before->begin};
  lmopt_chars_push(out, space, &from);
}

static void as_the_package(uint32_t space, int has_prefix, int squeezes, const lmopt_chars_t *in, lmopt_chars_t *out) {
  static const lmopt_char_t nothing = {0, 0, 0}; /* replacements may have left none of a text */
  int after_blank = squeezes;
  if (has_prefix)
    put_space(space, in->size ? in->data : &nothing, out);
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    int is_blank = in->data[i].c == ' ';
    if (is_blank && after_blank)
      continue;
    lmopt_chars_push(out, is_blank ? space : in->data[i].c, &in->data[i]);
    after_blank = is_blank && squeezes;
  }
  while (squeezes && out->size && out->data[out->size - 1].c == space)
    --out->size;
}

static void before_words(uint32_t space, int has_prefix, int squeezes, const lmopt_chars_t *in, lmopt_chars_t *out) {
  int in_word = 0, is_first = 1;
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    int is_blank = in->data[i].c == ' ';
    if (!is_blank && !in_word && (squeezes || (has_prefix && is_first))) {
      put_space(space, &in->data[i], out);
      is_first = 0;
    }
    in_word = !is_blank;
    if (!is_blank || !squeezes)
      lmopt_chars_push(out, is_blank ? space : in->data[i].c, &in->data[i]);
  }
}

void lmopt_apply_spaces(uint32_t rules, int inside, const lmopt_chars_t *in, lmopt_chars_t *out) {
  uint32_t space = rules & LMOPT_SPACES_ESCAPE ? SPACE_CHARACTER : ' ';
  int has_prefix = (rules & LMOPT_SPACES_PREFIX) && !(inside && (rules & LMOPT_SPACES_FIRST));
  int squeezes = (rules & LMOPT_SPACES_SQUEEZE) != 0;
  if (rules & LMOPT_SPACES_BEFORE_WORD)
    before_words(space, has_prefix, squeezes, in, out);
  else
    as_the_package(space, has_prefix, squeezes, in, out);
}
