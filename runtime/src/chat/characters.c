/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Letters of any alphabet in chat templates: upper(), lower(), title() and their like with the special cases that
 * Python knows (one letter may become three; a sigma at the end of a word), and the questions isalpha(), isupper(), ...
 * Bytes that are no UTF-8 stay as they are and belong to no class. Tested by test/unit/runtime, fuzzed by
 * fuzz-chat-template.
 */
#include "characters.h"

#include "chat.h"
#include "runtime/src/tokenizer/unicode.h"

#include <string.h>

uint32_t tpl_character(text_t text, size_t at, size_t *length) {
  const unsigned char *bytes = (const unsigned char *)text.data + at;
  static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  *length = tpl_utf8_length(text, at);
  if (*length == 1 && bytes[0] >= 0x80)
    return NO_CHARACTER;
  uint32_t c = bytes[0] & lead[*length];
  for (size_t i = 1; i < *length; ++i)
    c = c << 6 | (bytes[i] & 0x3f);
  return c;
}

void tpl_buffer_character(chat_t *chat, buffer_t *buffer, uint32_t c) {
  uint8_t bytes[4];
  tpl_buffer_append(chat, buffer, (const char *)bytes, lmopt_utf8_encode(c, bytes));
}

uint32_t tpl_character_class(uint32_t c) {
  if (c > 0x10ffff)
    return 0;
  return tpl_character_flags[tpl_character_classes[tpl_character_blocks[c / 128] * 128 + c % 128]];
}

static const chat_form_t *find_form(const chat_form_t *forms, uint32_t count, uint32_t c) {
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (forms[middle].from < c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && forms[low].from == c ? &forms[low] : NULL;
}

/*===--- Forms of one character ---===*/

typedef struct {
  chat_t *chat;
  text_t text;
  size_t at, length;
  uint32_t c;
  buffer_t out;
} casing_t;

static void put_same(casing_t *casing) {
  tpl_buffer_append(casing->chat, &casing->out, casing->text.data + casing->at, casing->length);
}

static bool put_form(casing_t *casing, const chat_form_t *forms, uint32_t count) {
  const chat_form_t *form = find_form(forms, count, casing->c);
  for (int i = 0; form && i < 3 && form->to[i]; ++i)
    tpl_buffer_character(casing->chat, &casing->out, form->to[i]);
  return form != NULL;
}

static void put_upper(casing_t *casing) {
  if (!put_form(casing, tpl_upper_forms, tpl_upper_forms_count))
    put_same(casing);
}

static void put_title(casing_t *casing) {
  if (!put_form(casing, tpl_title_forms, tpl_title_forms_count))
    put_upper(casing);
}

// Whether a word ends at the sigma: behind a letter, and none follows; what carries no case does not count.
static bool is_final_sigma(const casing_t *casing) {
  uint32_t class = CHARACTER_IGNORABLE;
  size_t at = casing->at, length;
  while (at > 0 && (class & CHARACTER_IGNORABLE)) {
    do
      --at;
    while (at > 0 && ((unsigned char)casing->text.data[at] & 0xc0) == 0x80);
    class = tpl_character_class(tpl_character(casing->text, at, &length));
    tpl_chat_step(casing->chat, 1);
  }
  if ((class & CHARACTER_IGNORABLE) || !(class & CHARACTER_CASED))
    return false;
  class = CHARACTER_IGNORABLE;
  for (at = casing->at + casing->length; at < casing->text.size && (class & CHARACTER_IGNORABLE); at += length) {
    class = tpl_character_class(tpl_character(casing->text, at, &length));
    tpl_chat_step(casing->chat, 1);
  }
  return (class & CHARACTER_IGNORABLE) || !(class & CHARACTER_CASED);
}

static void put_lower(casing_t *casing) {
  if (casing->c == 0x3a3) {
    tpl_buffer_character(casing->chat, &casing->out, is_final_sigma(casing) ? 0x3c2 : 0x3c3);
    return;
  }
  // lmopt_char_lower knows letters that are younger than the other tables.
  bool cased = tpl_character_class(casing->c) & CHARACTER_CASED;
  uint32_t second = 0, lower = cased ? lmopt_char_lower(casing->c, &second) : casing->c;
  if (lower == casing->c) {
    put_same(casing);
    return;
  }
  tpl_buffer_character(casing->chat, &casing->out, lower);
  if (second)
    tpl_buffer_character(casing->chat, &casing->out, second);
}

static void put_folded(casing_t *casing) {
  if (!put_form(casing, tpl_folded_forms, tpl_folded_forms_count)) {
    if (casing->c == 0x3a3)
      tpl_buffer_character(casing->chat, &casing->out, 0x3c3);
    else
      put_lower(casing);
  }
}

/*===--- Texts ---===*/

text_t tpl_text_case(chat_t *chat, text_t text, case_mode_t mode) {
  casing_t casing = {.chat = chat, .text = text};
  bool inside = false; // of a word
  tpl_chat_step(chat, text.size / 8);
  for (; casing.at < text.size; casing.at += casing.length) {
    casing.c = tpl_character(text, casing.at, &casing.length);
    uint32_t class = tpl_character_class(casing.c);
    if (mode == CASE_UPPER || (mode == CASE_SWAP && (class & CHARACTER_LOWER)))
      put_upper(&casing);
    else if (mode == CASE_FOLD)
      put_folded(&casing);
    else if (mode == CASE_SWAP && !(class & CHARACTER_UPPER))
      put_same(&casing);
    else if ((mode == CASE_CAPITALIZE && casing.at == 0) || (mode == CASE_TITLE && !inside))
      put_title(&casing);
    else
      put_lower(&casing);
    inside = (class & CHARACTER_CASED) != 0;
  }
  return tpl_buffer_finish(&casing.out);
}

// Jinja's filter `title` has words of its own: they begin behind white space and - ( { [ <.
text_t tpl_text_title_words(chat_t *chat, text_t text) {
  buffer_t out = {0};
  for (size_t begin = 0, end; begin < text.size; begin = end) {
    size_t length = tpl_utf8_length(text, begin), rest;
    for (end = begin + length; end < text.size; end += tpl_utf8_length(text, end))
      if (tpl_space_length(text, end) || memchr("-({[<", text.data[end], 5))
        break;
    tpl_buffer_text(chat, &out, tpl_text_case(chat, (text_t){text.data + begin, length}, CASE_UPPER));
    rest = begin + length;
    if (tpl_space_length(text, begin) || memchr("-({[<", text.data[begin], 5))
      end = rest; // what separates words is no word
    tpl_buffer_text(chat, &out, tpl_text_case(chat, (text_t){text.data + rest, end - rest}, CASE_LOWER));
    tpl_chat_step(chat, 1);
  }
  return tpl_buffer_finish(&out);
}

bool tpl_text_has_class(chat_t *chat, text_t text, uint32_t class) {
  size_t length;
  tpl_chat_step(chat, text.size / 8);
  for (size_t at = 0; at < text.size; at += length)
    if (!(tpl_character_class(tpl_character(text, at, &length)) & class))
      return false;
  return text.size > 0;
}

// islower (class LOWER, other UPPER | TITLE), isupper (UPPER, other LOWER | TITLE): some of one, none of the other.
bool tpl_text_is_case(chat_t *chat, text_t text, uint32_t class) {
  size_t length;
  bool found = false;
  tpl_chat_step(chat, text.size / 8);
  for (size_t at = 0; at < text.size; at += length) {
    uint32_t flags = tpl_character_class(tpl_character(text, at, &length));
    if (flags & CHARACTER_CASED & ~class)
      return false;
    found |= (flags & class) != 0;
  }
  return found;
}

bool tpl_text_is_title(chat_t *chat, text_t text) {
  size_t length;
  bool found = false, inside = false;
  tpl_chat_step(chat, text.size / 8);
  for (size_t at = 0; at < text.size; at += length) {
    uint32_t flags = tpl_character_class(tpl_character(text, at, &length));
    if ((flags & (CHARACTER_UPPER | CHARACTER_TITLE) && inside) || (flags & CHARACTER_LOWER && !inside))
      return false;
    inside = (flags & CHARACTER_CASED) != 0;
    found |= inside;
  }
  return found;
}
