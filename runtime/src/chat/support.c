/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the chat template engine stands on: an arena with a limit, counters of steps and depth, failing with a place,
 * growing buffers, and texts in UTF-8 (bytes that are no UTF-8 count as one character each). Tested by
 * test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*===--- Failing ---===*/

static void place(const chat_t *chat, size_t *line, size_t *column) {
  *line = *column = 1;
  for (size_t i = 0; i < chat->at && i < chat->source.size; i += tpl_utf8_length(chat->source, i)) {
    ++*column;
    if (chat->source.data[i] == '\n') {
      ++*line;
      *column = 1;
    }
  }
}

void tpl_chat_fail(chat_t *chat, lmopt_status_t status, const char *format, ...) {
  char message[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  size_t line, column;
  place(chat, &line, &column);
  chat->status = lmoptp_fail(chat->error, status, "chat template, %zu:%zu: %s", line, column, message);
  longjmp(chat->failed, 1);
}

void tpl_chat_step(chat_t *chat, size_t steps) {
  chat->steps += (int64_t)(steps < CHAT_MAX_STEPS ? steps : CHAT_MAX_STEPS);
  if (chat->steps > CHAT_MAX_STEPS)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "more than %d steps; does it loop without end?", CHAT_MAX_STEPS);
}

void tpl_chat_enter(chat_t *chat) {
  if (++chat->depth > CHAT_MAX_DEPTH)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "nested deeper than %d levels", CHAT_MAX_DEPTH);
}

void tpl_chat_leave(chat_t *chat) { --chat->depth; }

/*===--- Arena ---===*/

struct block {
  struct block *next;
  size_t used, size;
  max_align_t data[];
};

void *tpl_chat_allocate(chat_t *chat, size_t size) {
  size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
  if (size > CHAT_MAX_MEMORY || rounded > CHAT_MAX_MEMORY - chat->memory)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "needs more than %d MiB of memory", CHAT_MAX_MEMORY >> 20);
  struct block *block = chat->blocks;
  if (!block || block->size - block->used < rounded) {
    size_t wanted = rounded > 16384 ? rounded : 16384;
    block = malloc(sizeof *block + wanted);
    if (!block)
      tpl_chat_fail(chat, LMOPT_ERROR_RESOURCE, "out of memory");
    *block = (struct block){.next = chat->blocks, .size = wanted};
    chat->blocks = block;
  }
  void *memory = (char *)block->data + block->used;
  block->used += rounded;
  chat->memory += rounded;
  return memset(memory, 0, size);
}

void tpl_chat_release(chat_t *chat) {
  for (struct block *block = chat->blocks, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  chat->blocks = NULL;
}

void tpl_buffer_append(chat_t *chat, buffer_t *buffer, const char *data, size_t size) {
  if (size == 0)
    return;
  if (size > CHAT_MAX_OUTPUT - buffer->size)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "makes a text of more than %d MiB", CHAT_MAX_OUTPUT >> 20);
  if (size > buffer->capacity - buffer->size) {
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 64;
    while (capacity < buffer->size + size)
      capacity *= 2;
    char *grown = tpl_chat_allocate(chat, capacity);
    if (buffer->size)
      memcpy(grown, buffer->data, buffer->size);
    buffer->data = grown;
    buffer->capacity = capacity;
  }
  memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  tpl_chat_step(chat, size / 16);
}

void tpl_buffer_text(chat_t *chat, buffer_t *buffer, text_t text) {
  tpl_buffer_append(chat, buffer, text.data, text.size);
}

text_t tpl_buffer_finish(const buffer_t *buffer) { return (text_t){buffer->data ? buffer->data : "", buffer->size}; }

/*===--- Texts ---===*/

bool tpl_text_equal(text_t a, text_t b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool tpl_text_is(text_t text, const char *literal) {
  return text.size == strlen(literal) && (text.size == 0 || memcmp(text.data, literal, text.size) == 0);
}

// The order of UTF-8 bytes is the order of code points.
int tpl_text_compare(text_t a, text_t b) {
  size_t common = a.size < b.size ? a.size : b.size;
  int order = common ? memcmp(a.data, b.data, common) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

size_t tpl_text_find(text_t text, text_t part, size_t from) {
  if (from > text.size || part.size > text.size - from)
    return SIZE_MAX;
  if (part.size == 0)
    return from;
  const char *found = memmem(text.data + from, text.size - from, part.data, part.size);
  return found ? (size_t)(found - text.data) : SIZE_MAX;
}

size_t tpl_utf8_length(text_t text, size_t at) {
  unsigned char first = (unsigned char)text.data[at];
  size_t length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (length > text.size - at)
    return 1;
  for (size_t i = 1; i < length; ++i)
    if (((unsigned char)text.data[at + i] & 0xc0) != 0x80)
      return 1;
  return length;
}

size_t tpl_utf8_count(text_t text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size; i += tpl_utf8_length(text, i))
    ++count;
  return count;
}

// What Python's str.isspace says, beyond ASCII.
static const char *const wide_spaces[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
    "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
    "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

static bool is_space(unsigned char byte) {
  return byte == ' ' || (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 31);
}

static bool is_wide_space(const char *data, size_t size) {
  for (size_t i = 0; i < sizeof wide_spaces / sizeof *wide_spaces; ++i)
    if (strlen(wide_spaces[i]) == size && memcmp(wide_spaces[i], data, size) == 0)
      return true;
  return false;
}

size_t tpl_space_length(text_t text, size_t at) {
  if (at >= text.size)
    return 0;
  if (is_space((unsigned char)text.data[at]))
    return 1;
  size_t length = tpl_utf8_length(text, at);
  return length > 1 && is_wide_space(text.data + at, length) ? length : 0;
}

size_t tpl_space_before(text_t text, size_t end) {
  if (end == 0)
    return 0;
  if (is_space((unsigned char)text.data[end - 1]))
    return 1;
  for (size_t length = 2; length <= 3 && length <= end; ++length)
    if (is_wide_space(text.data + end - length, length))
      return length;
  return 0;
}

text_t tpl_text_strip(text_t text, bool left, bool right) {
  size_t begin = 0, end = text.size, length;
  while (left && (length = tpl_space_length(text, begin)))
    begin += length;
  while (right && end > begin && (length = tpl_space_before(text, end)))
    end -= length;
  return (text_t){text.data + begin, end - begin};
}
