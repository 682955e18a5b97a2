/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Formatting of strings in chat templates: "%s: %5.2f" % values (also the filter `format`), and "{}: {:5.2f}".format().
 * Source: Python's "printf-style String Formatting" and "Format String Syntax", re-implemented.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <string.h>

/*===--- % ---===*/

typedef struct {
  chat_t *chat;
  text_t format;
  size_t at;
  value_t values; // what stands behind %
  size_t used;    // of a tuple, or 1 for a single value
  buffer_t out;
} percent_t;

static bool is_tuple(value_t value) { return value.kind == V_LIST && value.list->tuple; }

static value_t next_value(percent_t *percent) {
  bool tuple = is_tuple(percent->values);
  if (percent->used >= (tuple ? percent->values.list->count : 1))
    tpl_chat_fail(percent->chat, LMOPT_ERROR_MALFORMED, "'%%' has too few values");
  return tuple ? percent->values.list->items[percent->used++] : (++percent->used, percent->values);
}

static char peek(const percent_t *percent) {
  if (percent->at >= percent->format.size)
    tpl_chat_fail(percent->chat, LMOPT_ERROR_MALFORMED, "the format ends behind '%%'");
  return percent->format.data[percent->at];
}

// A number, or '*' for the next value; -1: neither.
static int64_t take_number(percent_t *percent) {
  int64_t number = -1;
  if (peek(percent) == '*') {
    ++percent->at;
    return tpl_want_int(percent->chat, next_value(percent), "a width");
  }
  for (; peek(percent) >= '0' && peek(percent) <= '9'; ++percent->at) {
    number = (number < 0 ? 0 : number) * 10 + (peek(percent) - '0');
    if (number > CHAT_MAX_OUTPUT)
      tpl_chat_fail(percent->chat, LMOPT_ERROR_MALFORMED, "a width of more than %d", CHAT_MAX_OUTPUT);
  }
  return number;
}

// "(key)": the value of a mapping.
static bool take_key(percent_t *percent, value_t *value) {
  if (peek(percent) != '(')
    return false;
  size_t begin = ++percent->at;
  for (int open = 1; open; ++percent->at)
    open += (peek(percent) == '(') - (peek(percent) == ')');
  text_t key = {percent->format.data + begin, percent->at - 1 - begin};
  const value_t *found =
      percent->values.kind == V_DICT ? tpl_dict_find_text(percent->chat, percent->values.dict, key) : NULL;
  if (!found)
    tpl_chat_fail(percent->chat, LMOPT_ERROR_MALFORMED, "'%%(%.*s)' has no value", TEXT_ARGS(key));
  *value = *found;
  return true;
}

static spec_t take_flags(percent_t *percent) {
  spec_t spec = {.fill = TEXT(" "), .align = '>'};
  for (const char *flags = "-+ #0"; strchr(flags, peek(percent)) && peek(percent); ++percent->at) {
    char flag = peek(percent);
    spec.align = flag == '-' ? '<' : flag == '0' && spec.align != '<' ? '=' : spec.align;
    spec.sign = flag == '+' || (flag == ' ' && spec.sign != '+') ? flag : spec.sign;
    spec.alternate |= flag == '#';
  }
  if (spec.align == '=')
    spec.fill = TEXT("0");
  return spec;
}

static void put_integer(percent_t *percent, value_t value, spec_t spec) {
  chat_t *chat = percent->chat;
  tpl_want_defined(chat, value);
  if (value.kind == V_FLOAT && strchr("diu", spec.type)) {
    if (!(fabs(value.real) < 9e18))
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
    value = tpl_value_int((int64_t)value.real);
  }
  if (spec.precision >= 0)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "a precision for integers");
  spec.type = strchr("diu", spec.type) ? 'd' : spec.type;
  tpl_buffer_text(chat, &percent->out, tpl_format_integer(chat, tpl_want_int(chat, value, "the value of %d"), &spec));
}

static void put_float(percent_t *percent, value_t value, spec_t spec) {
  chat_t *chat = percent->chat;
  tpl_want_defined(chat, value);
  double real = value.kind == V_FLOAT ? value.real : (double)tpl_want_int(chat, value, "the value of %f");
  tpl_buffer_text(chat, &percent->out, tpl_format_double(chat, real, &spec));
}

static void put_text(percent_t *percent, value_t value, spec_t spec) {
  chat_t *chat = percent->chat;
  text_t text;
  buffer_t shown = {0};
  if (spec.type == 's') {
    text = tpl_value_string(chat, value);
  } else if (spec.type == 'r') {
    tpl_value_repr(chat, &shown, value);
    text = tpl_buffer_finish(&shown);
  } else {
    if (value.kind == V_INT)
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "'%%c' of a number");
    text = tpl_want_text(chat, value, "the value of %c");
    if (tpl_utf8_count(text) != 1)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%%c' needs one character");
  }
  spec.fill = TEXT(" "); // zeros are for numbers
  spec.align = spec.align == '<' ? '<' : '>';
  tpl_buffer_text(chat, &percent->out, tpl_format_text(chat, text, &spec));
}

// Behind a '%'.
static void put_conversion(percent_t *percent) {
  value_t value;
  bool keyed = take_key(percent, &value);
  spec_t spec = take_flags(percent);
  spec.width = take_number(percent);
  if (spec.width < -1) { // from '*'
    spec.width = -spec.width;
    spec.align = '<';
    spec.fill = TEXT(" ");
  }
  spec.precision = -1;
  if (peek(percent) == '.') {
    ++percent->at;
    spec.precision = take_number(percent);
    spec.precision = spec.precision < 0 ? 0 : spec.precision;
  }
  while (strchr("hlL", peek(percent)) && peek(percent))
    ++percent->at;
  spec.type = peek(percent);
  ++percent->at;
  if (spec.type == '%') {
    tpl_buffer_text(percent->chat, &percent->out, TEXT("%"));
    return;
  }
  if (!keyed)
    value = next_value(percent);
  if (spec.type && strchr("diuoxX", spec.type))
    put_integer(percent, value, spec);
  else if (spec.type && strchr("eEfFgG", spec.type))
    put_float(percent, value, spec);
  else if (spec.type && strchr("src", spec.type))
    put_text(percent, value, spec);
  else
    tpl_chat_fail(percent->chat, spec.type == 'a' ? LMOPT_ERROR_UNSUPPORTED : LMOPT_ERROR_MALFORMED,
                  "the conversion '%%%c'", spec.type);
}

value_t tpl_format_percent(chat_t *chat, text_t format, value_t values) {
  percent_t percent = {.chat = chat, .format = format, .values = values};
  while (percent.at < format.size) {
    tpl_chat_step(chat, 1);
    size_t mark = tpl_text_find(format, TEXT("%"), percent.at);
    mark = mark == SIZE_MAX ? format.size : mark;
    tpl_buffer_append(chat, &percent.out, format.data + percent.at, mark - percent.at);
    percent.at = mark + 1;
    if (mark < format.size)
      put_conversion(&percent);
  }
  bool open = values.kind == V_DICT || values.kind == V_UNDEFINED || values.kind == V_RANGE ||
              (values.kind == V_LIST && !values.list->tuple); // Python does not count those
  if (!open && percent.used < (is_tuple(values) ? values.list->count : 1))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%%' has more values than the format names");
  return tpl_value_text(tpl_buffer_finish(&percent.out));
}

/*===--- {} ---===*/

typedef struct {
  chat_t *chat;
  const arguments_t *arguments;
  int64_t next; // of the fields without a name; -1: fields have numbers
} braces_t;

static value_t field_value(braces_t *braces, text_t name) {
  const arguments_t *arguments = braces->arguments;
  value_t index = name.size ? tpl_text_index(braces->chat, name) : tpl_value_int(braces->next);
  if (index.kind == V_INT) {
    bool automatic = !name.size;
    if (automatic ? braces->next < 0 : braces->next > 0)
      tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "fields with and without a number in one format");
    braces->next = automatic ? braces->next + 1 : -1;
    if ((uint64_t)index.integer < arguments->count && !arguments->names[index.integer].size)
      return arguments->values[index.integer];
    tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "'format' has no value for field %lld",
                  (long long)index.integer);
  }
  for (size_t i = 0; i < arguments->count; ++i)
    if (tpl_text_equal(arguments->names[i], name))
      return arguments->values[i];
  tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "'format' has no value '%.*s'", TEXT_ARGS(name));
}

// "name.attribute[item]"
static value_t path_value(braces_t *braces, text_t path) {
  size_t at = 0, begin;
  while (at < path.size && path.data[at] != '.' && path.data[at] != '[')
    ++at;
  value_t value = field_value(braces, (text_t){path.data, at});
  while (at < path.size) {
    bool item = path.data[at] == '[';
    if (!item && path.data[at] != '.')
      tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "the field '%.*s'", TEXT_ARGS(path));
    for (begin = ++at; at < path.size && (item ? path.data[at] != ']' : path.data[at] != '.' && path.data[at] != '[');)
      ++at;
    text_t part = {path.data + begin, at - begin};
    if (!part.size || (item && at == path.size))
      tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "the field '%.*s'", TEXT_ARGS(path));
    value = item ? tpl_get_item(braces->chat, value, tpl_text_index(braces->chat, part))
                 : tpl_get_attribute(braces->chat, value, part);
    at += item;
  }
  return value;
}

static value_t converted(braces_t *braces, value_t value, text_t conversion) {
  buffer_t shown = {0};
  if (tpl_text_is(conversion, "s"))
    return tpl_value_text(tpl_value_string(braces->chat, value));
  if (!tpl_text_is(conversion, "r"))
    tpl_chat_fail(braces->chat, tpl_text_is(conversion, "a") ? LMOPT_ERROR_UNSUPPORTED : LMOPT_ERROR_MALFORMED,
                  "the conversion '!%.*s'", TEXT_ARGS(conversion));
  tpl_value_repr(braces->chat, &shown, value);
  return tpl_value_text(tpl_buffer_finish(&shown));
}

static text_t format_fields(braces_t *braces, text_t format, int level);

// What stands between { and }: path, !conversion, :specification (which may have fields of its own).
static text_t format_field(braces_t *braces, text_t field, int level) {
  size_t end = 0, brackets = 0;
  for (; end < field.size; ++end) {
    brackets = field.data[end] == '[' ? 1 : field.data[end] == ']' ? 0 : brackets;
    if (!brackets && (field.data[end] == '!' || field.data[end] == ':'))
      break;
  }
  value_t value = path_value(braces, (text_t){field.data, end});
  text_t spec = TEXT("");
  if (end < field.size && field.data[end] == '!') {
    size_t colon = tpl_text_find(field, TEXT(":"), end);
    size_t stop = colon == SIZE_MAX ? field.size : colon;
    value = converted(braces, value, (text_t){field.data + end + 1, stop - end - 1});
    end = stop;
  }
  if (end < field.size)
    spec = format_fields(braces, (text_t){field.data + end + 1, field.size - end - 1}, level + 1);
  return tpl_format_value(braces->chat, value, spec);
}

static size_t field_end(braces_t *braces, text_t format, size_t at) {
  for (int open = 1; at < format.size; ++at) {
    open += (format.data[at] == '{') - (format.data[at] == '}');
    if (!open)
      return at;
  }
  tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "'{' without '}' in a format");
}

static text_t format_fields(braces_t *braces, text_t format, int level) {
  buffer_t out = {0};
  if (level > 1)
    tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "fields inside fields inside fields");
  for (size_t at = 0; at < format.size; ++at) {
    char c = format.data[at];
    tpl_chat_step(braces->chat, 1);
    if (c != '{' && c != '}') {
      tpl_buffer_append(braces->chat, &out, &c, 1);
    } else if (level == 0 && at + 1 < format.size && format.data[at + 1] == c) {
      tpl_buffer_append(braces->chat, &out, &c, 1);
      ++at;
    } else if (c == '}') {
      tpl_chat_fail(braces->chat, LMOPT_ERROR_MALFORMED, "'}' without '{' in a format");
    } else {
      size_t end = field_end(braces, format, at + 1);
      tpl_buffer_text(braces->chat, &out, format_field(braces, (text_t){format.data + at + 1, end - at - 1}, level));
      at = end;
    }
  }
  return tpl_buffer_finish(&out);
}

text_t tpl_format_braces(chat_t *chat, text_t format, const arguments_t *arguments) {
  braces_t braces = {chat, arguments, 0};
  return format_fields(&braces, format, 0);
}
