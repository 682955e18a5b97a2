/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The global functions of chat templates: those of Jinja, and raise_exception and strftime_now of transformers.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <locale.h>
#include <string.h>
#include <time.h>

/*===--- namespace, dict, range ---===*/

// transformers lets no namespace have names that begin with an underscore.
void tpl_namespace_set(chat_t *chat, value_t object, value_t key, value_t value) {
  if (object.kind == V_NAMESPACE && key.kind == V_STRING && key.text.size && key.text.data[0] == '_')
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "an attribute of a namespace must not begin with '_': '%.*s'",
                  TEXT_ARGS(key.text));
  tpl_dict_set(chat, object.dict, key, value);
}

static void add_members(chat_t *chat, value_t object, value_t from) {
  if (from.kind == V_DICT) {
    for (size_t i = 0; i < from.dict->count; ++i)
      tpl_namespace_set(chat, object, from.dict->keys[i], from.dict->values[i]);
    return;
  }
  const list_t *pairs = tpl_value_items(chat, from);
  for (size_t i = 0; i < pairs->count; ++i) {
    const list_t *pair = tpl_value_items(chat, pairs->items[i]);
    if (pair->count != 2)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a member of a mapping needs a key and a value, found %zu values",
                    pair->count);
    tpl_namespace_set(chat, object, pair->items[0], pair->items[1]);
  }
}

static value_t make_members(chat_t *chat, const arguments_t *arguments, value_kind_t kind) {
  value_t result = tpl_value_dict(chat);
  result.kind = kind;
  for (size_t i = 0; i < arguments->count; ++i) {
    if (arguments->names[i].size)
      tpl_namespace_set(chat, result, tpl_value_text(arguments->names[i]), arguments->values[i]);
    else if (i == 0)
      add_members(chat, result, arguments->values[i]);
    else
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "more than one argument without a name");
  }
  return result;
}

// Jinja's sandbox has no longer ones.
enum { MAX_RANGE = 100000 };

static value_t make_range(chat_t *chat, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "$ $ $", 1, "range");
  int64_t *range = tpl_chat_allocate(chat, 3 * sizeof *range);
  for (int i = 0; i < 3; ++i)
    range[i] = tpl_call_int(chat, &call, i, i == 2, "an argument of range");
  if (!call.given[1]) {
    range[1] = range[0];
    range[0] = 0;
  }
  if (range[2] == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the step of range is zero");
  value_t list = tpl_value_list(chat, false);
  list.kind = V_RANGE;
  list.list->range = range;
  for (int64_t i = range[0]; range[2] > 0 ? i < range[1] : i > range[1];) {
    if (list.list->count == MAX_RANGE)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a range of more than %d numbers", MAX_RANGE);
    tpl_list_push(chat, list.list, tpl_value_int(i));
    if (__builtin_add_overflow(i, range[2], &i))
      break;
  }
  return list;
}

/*===--- strftime_now ---===*/

// The time on the clock on the wall; *microseconds beside it.
static struct tm wall_clock(chat_t *chat, long *microseconds) {
  struct tm result;
  struct timespec now = {.tv_sec = (time_t)chat->now};
  bool failed;
  if (chat->now) {
    failed = !gmtime_r(&now.tv_sec, &result);
  } else {
    failed = clock_gettime(CLOCK_REALTIME, &now) != 0;
    tzset();
    failed = failed || !localtime_r(&now.tv_sec, &result);
  }
  if (failed)
    tpl_chat_fail(chat, LMOPT_ERROR_RESOURCE, "the time cannot be read");
  *microseconds = now.tv_nsec / 1000;
  return result;
}

// %f, %z and %Z are not the C library's: Python's datetime puts microseconds for one, and nothing for a zone.
static text_t own_directives(chat_t *chat, text_t format, long microseconds) {
  buffer_t out = {0};
  for (size_t i = 0; i < format.size; ++i) {
    char next = format.data[i] == '%' && i + 1 < format.size ? format.data[i + 1] : 0;
    if (format.data[i] == 0)
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "a zero byte in the format of a time");
    if (next == 'f') {
      char digits[24];
      for (int j = 5; j >= 0; --j, microseconds /= 10)
        digits[j] = (char)('0' + microseconds % 10);
      tpl_buffer_append(chat, &out, digits, 6);
    } else if (next != 'z' && next != 'Z') {
      tpl_buffer_append(chat, &out, format.data + i, next ? 2 : 1);
    }
    i += next != 0;
  }
  tpl_buffer_append(chat, &out, "", 1);
  return tpl_buffer_finish(&out);
}

// Names of days and months are English, whatever language the program that hosts us has chosen.
static value_t format_now(chat_t *chat, text_t format) {
  long microseconds;
  struct tm now = wall_clock(chat, &microseconds);
  format = own_directives(chat, format, microseconds);
  size_t capacity = format.size * 32 + 64; // no directive makes more of two characters
  char *text = tpl_chat_allocate(chat, capacity);
  locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!english)
    tpl_chat_fail(chat, LMOPT_ERROR_RESOURCE, "no memory for the names of days and months");
  size_t size = strftime_l(text, capacity, format.data, &now, english);
  freelocale(english);
  if (!size && format.size > 1) // widths as in "%999d", which glibc knows
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the format of a time '%.*s'", TEXT_ARGS(format));
  return tpl_value_text((text_t){text, size});
}

/*===--- All of them ---===*/

static _Noreturn void raise_exception(chat_t *chat, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "message", 1, "raise_exception");
  text_t message = tpl_value_string(chat, call.values[0]);
  int size = message.size < 300 ? (int)message.size : 300;
  tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the template refuses this conversation: %.*s", size, message.data);
}

value_t tpl_call_function(chat_t *chat, function_t function, const arguments_t *arguments) {
  call_t call;
  switch (function) {
  case F_RAISE:
    raise_exception(chat, arguments);
  case F_NAMESPACE:
    return make_members(chat, arguments, V_NAMESPACE);
  case F_DICT:
    return make_members(chat, arguments, V_DICT);
  case F_RANGE:
    return make_range(chat, arguments);
  case F_STRFTIME:
    call = tpl_bind(chat, arguments, "format", 1, "strftime_now");
    return format_now(chat, tpl_want_text(chat, call.values[0], "the format of a time"));
  case F_CYCLER:
  case F_JOINER:
  case F_LIPSUM:
  case F_SELF:
    break;
  }
  static const char *const names[] = {[F_CYCLER] = "cycler", [F_JOINER] = "joiner", [F_LIPSUM] = "lipsum"};
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the function '%s'", function == F_SELF ? "self" : names[function]);
}
