/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Tables of characters for chat templates, as Python sees them. Made by runtime/unicode/generate_chat_tables.py.
 */
#ifndef LMOPT_SRC_CHAT_CHARACTERS_H
#define LMOPT_SRC_CHAT_CHARACTERS_H

#include <stdint.h>

// The methods of Python's str that say so of one character; same order as FLAGS in the generator.
enum {
  CHARACTER_ALPHA = 1 << 0,
  CHARACTER_DECIMAL = 1 << 1,
  CHARACTER_DIGIT = 1 << 2,
  CHARACTER_NUMERIC = 1 << 3,
  CHARACTER_PRINTABLE = 1 << 4,
  CHARACTER_SPACE = 1 << 5,
  CHARACTER_LOWER = 1 << 6,
  CHARACTER_UPPER = 1 << 7,
  CHARACTER_TITLE = 1 << 8,
  CHARACTER_IGNORABLE = 1 << 9, // a final sigma is looked for behind it
  CHARACTER_CASED = CHARACTER_LOWER | CHARACTER_UPPER | CHARACTER_TITLE,
  CHARACTER_ALNUM = CHARACTER_ALPHA | CHARACTER_DECIMAL | CHARACTER_DIGIT | CHARACTER_NUMERIC
};

typedef struct {
  uint32_t from, to[3]; // 0: no further character
} chat_form_t;

extern const uint16_t tpl_character_flags[];
extern const uint16_t tpl_character_blocks[]; // 128 characters each
extern const uint8_t tpl_character_classes[]; // indices into the flags
extern const chat_form_t tpl_upper_forms[];
extern const uint32_t tpl_upper_forms_count;
extern const chat_form_t tpl_title_forms[]; // where they are not the upper ones
extern const uint32_t tpl_title_forms_count;
extern const chat_form_t tpl_folded_forms[]; // where they are not the lower ones
extern const uint32_t tpl_folded_forms_count;

#endif
