/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The insides of the chat template engine, a bounded subset of Jinja: values, syntax tree, and what the files here
 * share.
 *
 * All memory of one rendering comes from one arena and goes with it. Errors leave by longjmp to lmopt_chat_render, so
 * that the code reads like the language it implements; nothing but the arena needs care on the way. Every loop and
 * every recursion counts steps and depth, so that no template can hang, eat memory or overflow the stack. Meaning:
 * Jinja2 3.1 with trim_blocks and lstrip_blocks, as Hugging Face transformers configures it.
 */
#ifndef LMOPT_SRC_CHAT_CHAT_H
#define LMOPT_SRC_CHAT_CHAT_H

#include "runtime/src/platform/support.h"

#include <setjmp.h>

// Bounds on one rendering. Real templates need a few thousand steps and a few kilobytes for each message.
enum {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  CHAT_MAX_STEPS = 100 * 1000, // the fuzzer should try many templates, not wait for a few
#else
  CHAT_MAX_STEPS = 20 * 1000 * 1000,
#endif
  CHAT_MAX_MEMORY = 256 << 20,
  CHAT_MAX_OUTPUT = 64 << 20,
  CHAT_MAX_DEPTH = 500,
  CHAT_MAX_TEMPLATE = 4 << 20
};

typedef struct {
  const char *data; // UTF-8, not zero-terminated
  size_t size;
} text_t;

#define TEXT(literal) ((text_t){literal, sizeof(literal) - 1})

typedef enum {
  V_UNDEFINED,
  V_NONE,
  V_BOOL,
  V_INT,
  V_FLOAT,
  V_STRING,
  V_LIST, // also tuples
  V_DICT,
  V_VIEW,     // what keys(), values() and items() give: it has a length and no index
  V_RANGE,    // what range() gives
  V_ITERATOR, // what map, select and their like give: true, without length, and empty when it was read once
  V_NAMESPACE,
  V_LOOP,
  V_FUNCTION,
  V_METHOD, // a method together with its object, before the call
  V_MACRO
} value_kind_t;

typedef enum { F_RAISE, F_NAMESPACE, F_RANGE, F_DICT, F_STRFTIME, F_CYCLER, F_JOINER, F_LIPSUM, F_SELF } function_t;

typedef struct list list_t;
typedef struct dict dict_t;
typedef struct loop loop_t;
typedef struct method method_t;
typedef struct macro macro_t;

typedef struct {
  value_kind_t kind;
  bool markup; // V_STRING: `safe` or `escape` made it; what it would be joined with has to be escaped
  union {
    bool boolean;
    int64_t integer;
    double real;
    text_t text;  // V_STRING; V_UNDEFINED: the name that was looked for
    list_t *list; // V_LIST, V_VIEW, V_RANGE, V_ITERATOR
    dict_t *dict; // V_DICT, V_NAMESPACE
    loop_t *loop;
    function_t function;
    const method_t *method;
    const macro_t *macro;
  };
} value_t;

struct list {
  value_t *items;
  size_t count, capacity;
  size_t position;      // V_ITERATOR: items before it were read
  const int64_t *range; // V_RANGE: begin, end, step
  bool tuple;           // printed with ()
  bool group;           // a tuple of groupby: its items are also called `grouper` and `list`
  const char *view;     // V_VIEW: the name of the Python type
};

struct dict { // in order of insertion
  value_t *keys, *values;
  size_t count, capacity;
};

struct method {
  value_t object;
  text_t name;
};

/*===--- Syntax tree ---===*/

typedef enum {
  // Statements
  N_TEXT,      // value
  N_OUTPUT,    // a
  N_IF,        // children: condition, body, condition, body, ..., [else body]
  N_FOR,       // a target, b items, c filter or NULL; children: body, [else body]; value: true when recursive
  N_SET,       // a target, b value
  N_SET_BODY,  // a target, b filters over N_HOLE or NULL; children: body
  N_FILTERED,  // b filters over N_HOLE; children: body
  N_WITH,      // children: value, ..., body; a: tuple of targets
  N_MACRO,     // value: name; a: tuple of parameters; children: body, default, ... (of the last parameters)
  N_CALL_BODY, // as N_MACRO, without a name; b: the call that is given the body as `caller`, NULL: {% generation %}
  N_BREAK,
  N_CONTINUE,
  N_BODY, // children
  // Expressions
  N_CONSTANT,  // value
  N_NAME,      // value
  N_HOLE,      // what a block made, at the place of a filter's input
  N_LIST,      // children
  N_TUPLE,     // children
  N_DICT,      // children: key, value, ...
  N_ATTRIBUTE, // a object; value: name
  N_ITEM,      // a object, b index
  N_SLICE,     // a object; children: begin, end, step (each may be NULL)
  N_CALL,      // a callee; children: arguments; names
  N_FILTER,    // a input; value: name; children: arguments; names
  N_TEST,      // a input; value: name; children: arguments
  N_NOT,       // a
  N_NEGATE,    // a
  N_PLUS,      // a
  N_AND,       // a, b
  N_OR,        // a, b
  N_CONDITION, // a if b else c (c may be NULL)
  N_COMPARE,   // a op b, chained: children: first, second, ...; ops in value.list as integers
  N_BINARY     // a op b
} node_kind_t;

typedef enum { // operators of N_BINARY and N_COMPARE
  OP_ADD,
  OP_SUBTRACT,
  OP_MULTIPLY,
  OP_DIVIDE,
  OP_FLOOR_DIVIDE,
  OP_MODULO,
  OP_POWER,
  OP_CONCAT,
  OP_EQ,
  OP_NE,
  OP_LT,
  OP_LE,
  OP_GT,
  OP_GE,
  OP_IN,
  OP_NOT_IN
} operator_t;

typedef struct node node_t;
struct node {
  node_kind_t kind;
  operator_t op;
  size_t at; // offset into the template, for messages
  node_t *a, *b, *c;
  node_t **children;
  text_t *names; // of keyword arguments, beside children; empty: positional; "*", "**": to be unpacked
  size_t count;
  value_t value;
  uint32_t uses;       // N_MACRO, N_CALL_BODY: which of USES_* its body names
  struct names *unset; // N_BODY that has a scope: see scope.c
};

enum { USES_CALLER = 1, USES_VARARGS = 2, USES_KWARGS = 4 };

/*===--- One rendering ---===*/

typedef struct scope scope_t;

struct macro {
  text_t name;
  const node_t *node;
  scope_t *scope; // where it was defined
};

struct loop {
  const list_t *source; // all items
  size_t next;          // the first of them that was not yet looked at
  list_t *items;        // those for which the loop's condition holds, as far as they were asked for
  size_t index;
  int64_t depth; // of a recursive loop, from 0
  const node_t *node;
  scope_t *scope;   // around the loop
  value_t *changed; // what loop.changed() saw last
};

typedef struct {
  char *data;
  size_t size, capacity;
} buffer_t;

typedef struct {
  jmp_buf failed;
  lmopt_status_t status;
  lmopt_error_t *error;
  struct block *blocks; // the arena
  size_t memory;
  int64_t steps;
  int depth;
  text_t source;
  size_t at; // where we are in the template: what a message names
  scope_t *scope;
  value_t hole; // of N_HOLE
  int64_t now;  // lmopt_chat_options_t
} chat_t;

/* support.c: arena, text, failing */
_Noreturn void tpl_chat_fail(chat_t *chat, lmopt_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void *tpl_chat_allocate(chat_t *chat, size_t size);
void tpl_chat_release(chat_t *chat);
void tpl_chat_step(chat_t *chat, size_t steps);
void tpl_chat_enter(chat_t *chat); // one level deeper; chat_leave on the way out
void tpl_chat_leave(chat_t *chat);
void tpl_buffer_append(chat_t *chat, buffer_t *buffer, const char *data, size_t size);
void tpl_buffer_text(chat_t *chat, buffer_t *buffer, text_t text);
text_t tpl_buffer_finish(const buffer_t *buffer);
bool tpl_text_equal(text_t a, text_t b);
bool tpl_text_is(text_t text, const char *literal);
int tpl_text_compare(text_t a, text_t b);
size_t tpl_text_find(text_t text, text_t part, size_t from); // SIZE_MAX: not there
size_t tpl_utf8_length(text_t text, size_t at);              // bytes of the character at `at`
size_t tpl_utf8_count(text_t text);
size_t tpl_space_length(text_t text, size_t at);  // bytes of the white space at `at`, 0 if there is none
size_t tpl_space_before(text_t text, size_t end); // the same for what ends at `end`
text_t tpl_text_strip(text_t text, bool left, bool right);
#define TEXT_ARGS(text) (int)((text).size < 60 ? (text).size : 60), (text).data

/* characters.c */
#define NO_CHARACTER 0xffffffffu // a byte that is no UTF-8
typedef enum { CASE_UPPER, CASE_LOWER, CASE_CAPITALIZE, CASE_TITLE, CASE_SWAP, CASE_FOLD } case_mode_t;
uint32_t tpl_character(text_t text, size_t at, size_t *length);
uint32_t tpl_character_class(uint32_t c); // CHARACTER_* of characters.h
void tpl_buffer_character(chat_t *chat, buffer_t *buffer, uint32_t c);
text_t tpl_text_case(chat_t *chat, text_t text, case_mode_t mode);
text_t tpl_text_title_words(chat_t *chat, text_t text);
bool tpl_text_has_class(chat_t *chat, text_t text, uint32_t class); // all of its characters, and there is one
bool tpl_text_is_case(chat_t *chat, text_t text, uint32_t class);
bool tpl_text_is_title(chat_t *chat, text_t text);

/* value.c */
value_t tpl_value_none(void);
value_t tpl_value_bool(bool boolean);
value_t tpl_value_int(int64_t integer);
value_t tpl_value_float(double real);
value_t tpl_value_text(text_t text);
value_t tpl_value_undefined(text_t name);
value_t tpl_value_list(chat_t *chat, bool tuple);
value_t tpl_value_iterator(list_t *list);
value_t tpl_value_method(chat_t *chat, value_t object, text_t name);
value_t tpl_value_dict(chat_t *chat);
void tpl_list_push(chat_t *chat, list_t *list, value_t item);
void tpl_dict_set(chat_t *chat, dict_t *dict, value_t key, value_t value);
bool tpl_value_is_key(value_t value);
const value_t *tpl_dict_find(chat_t *chat, const dict_t *dict, value_t key);
const value_t *tpl_dict_find_text(chat_t *chat, const dict_t *dict, text_t key);
bool tpl_value_truth(value_t value);
bool tpl_value_equal(chat_t *chat, value_t a, value_t b);
int tpl_value_order(chat_t *chat, value_t a, value_t b); // -1, 0, 1; 2: NaN; fails when there is no order
bool tpl_value_contains(chat_t *chat, value_t container, value_t item);
const list_t *tpl_value_items(chat_t *chat, value_t value); // what a loop over it yields
const char *tpl_value_type(value_t value);

/* print.c */
text_t tpl_value_string(chat_t *chat, value_t value); // as Python's str()
void tpl_value_repr(chat_t *chat, buffer_t *buffer, value_t value);
void tpl_text_repr(chat_t *chat, buffer_t *buffer, text_t text, bool ascii);
size_t tpl_float_text(double real, char text[32]);

/* json.c, json_write.c */
value_t tpl_json_parse(chat_t *chat, text_t source, const char *what);
typedef struct {
  text_t indent; // of one level
  bool lines;    // each member on a line of its own
  bool ascii, sort;
  text_t between_items, behind_key;
} json_style_t;
void tpl_value_json(chat_t *chat, buffer_t *buffer, value_t value, const json_style_t *style);

/* lexer.c */
typedef enum { T_END_OF_TAG, T_NAME, T_STRING, T_INT, T_FLOAT, T_OPERATOR } token_kind_t;
typedef struct {
  token_kind_t kind;
  text_t text; // name; operator; string with its escapes resolved
  value_t value;
  size_t at;
} token_t;
typedef enum { P_TEXT, P_OUTPUT, P_STATEMENT, P_END } piece_t;
typedef struct {
  chat_t *chat;
  size_t at;
  bool line_start; // the last tag took its newline along
  bool strip_next; // the last tag ended in -%} or -}}
  int brackets;    // open ones inside the tag
  piece_t inside;
  token_t token;     // inside a tag: the next one
  bool pending;      // a tag begins right after the text just returned
  int in_loop;       // loops around
  int may_break;     // those of them that `break` can leave
  uint32_t uses;     // USES_* of the names read so far in this macro
  uint32_t assigned; // those that were assigned before they were read: they are names like any other
} lexer_t;
text_t tpl_lexer_normalise(chat_t *chat, text_t source);
piece_t tpl_lexer_piece(lexer_t *lexer, text_t *text);
void tpl_lexer_next(lexer_t *lexer);

/* parser.c, expression.c */
node_t *tpl_parse_template(chat_t *chat);
node_t *tpl_new_node(chat_t *chat, node_kind_t kind, size_t at);
void tpl_add_child(chat_t *chat, node_t *node, node_t *child, text_t name);
node_t *tpl_parse_expression(lexer_t *lexer, bool with_condition);
node_t *tpl_parse_tuple(lexer_t *lexer, bool with_condition);
node_t *tpl_parse_block_filters(lexer_t *lexer, bool first);
uint32_t tpl_special_name(text_t name);
bool tpl_token_is(const lexer_t *lexer, const char *text); // an operator
bool tpl_token_named(const lexer_t *lexer, const char *name);
bool tpl_accept(lexer_t *lexer, const char *text);
bool tpl_accept_name(lexer_t *lexer, const char *name);
void tpl_expect(lexer_t *lexer, const char *text);
_Noreturn void tpl_fail_token(lexer_t *lexer, const char *expected);

/* scope.c */
void tpl_find_unset(chat_t *chat, node_t *template_body);
scope_t *tpl_scope_push(chat_t *chat);
void tpl_scope_pop(chat_t *chat);
void tpl_scope_clear(scope_t *scope);
value_t tpl_scope_find(chat_t *chat, text_t name);
void tpl_scope_set(chat_t *chat, text_t name, value_t value);
void tpl_scope_hide(chat_t *chat, const node_t *body); // the names that the body assigns before it reads them

/* operators.c */
void tpl_want_defined(chat_t *chat, value_t value);
int64_t tpl_want_int(chat_t *chat, value_t value, const char *what);
text_t tpl_want_text(chat_t *chat, value_t value, const char *what);
value_t tpl_binary(chat_t *chat, operator_t op, value_t a, value_t b);
value_t tpl_signed(chat_t *chat, value_t value, bool negative);
value_t tpl_value_repeat(chat_t *chat, value_t value, int64_t times);
bool tpl_compare(chat_t *chat, operator_t op, value_t a, value_t b);

/* access.c */
value_t tpl_get_attribute(chat_t *chat, value_t object, text_t name);      // object.name
value_t tpl_get_attribute_only(chat_t *chat, value_t object, text_t name); // object|attr(name)
value_t tpl_get_item(chat_t *chat, value_t object, value_t index);         // object[index]
value_t tpl_get_path(chat_t *chat, value_t object, value_t path, const value_t *otherwise);
value_t tpl_get_slice(chat_t *chat, value_t object, const value_t parts[3]);
value_t tpl_text_index(chat_t *chat, text_t text);
text_t tpl_text_part(chat_t *chat, text_t text, size_t begin, size_t end);

/* evaluate.c, execute.c, macros.c */
typedef struct {
  value_t *values;
  text_t *names; // empty text: positional
  size_t count, capacity;
} arguments_t;
typedef enum { GO_ON, BREAK, CONTINUE } flow_t;
value_t tpl_evaluate(chat_t *chat, const node_t *node);
value_t tpl_evaluate_call(chat_t *chat, const node_t *node, value_t caller);
value_t tpl_call(chat_t *chat, value_t callee, const arguments_t *arguments);
void tpl_execute(chat_t *chat, const node_t *template_body, buffer_t *out);
flow_t tpl_run(chat_t *chat, const node_t *node, buffer_t *out);
flow_t tpl_run_scoped(chat_t *chat, const node_t *body, buffer_t *out);
void tpl_assign(chat_t *chat, const node_t *target, value_t value);
flow_t tpl_run_loop(chat_t *chat, const node_t *node, buffer_t *out);
value_t tpl_loop_attribute(chat_t *chat, loop_t *loop, text_t name);
value_t tpl_call_loop(chat_t *chat, loop_t *loop, const arguments_t *arguments);
value_t tpl_loop_method(chat_t *chat, loop_t *loop, text_t name, const arguments_t *arguments);
void tpl_run_macro(chat_t *chat, const node_t *node);
void tpl_run_call(chat_t *chat, const node_t *node, buffer_t *out);
value_t tpl_call_macro(chat_t *chat, const macro_t *macro, const arguments_t *arguments);

/* arguments.c: what a filter, test, function or method is called with, by the names of its parameters */
typedef struct {
  const arguments_t *all;
  value_t values[5];
  bool given[5];
} call_t;
call_t tpl_bind(chat_t *chat, const arguments_t *arguments, const char *parameters, int required, const char *what);
int64_t tpl_call_int(chat_t *chat, const call_t *call, int index, int64_t otherwise, const char *what);
bool tpl_call_bool(const call_t *call, int index, bool otherwise);
text_t tpl_call_text(chat_t *chat, const call_t *call, int index, text_t otherwise, const char *what);
value_t tpl_call_value(const call_t *call, int index, value_t otherwise);

/* functions.c, methods.c, text_methods.c, text.c, format.c, format_spec.c, filters*.c, tests.c */
value_t tpl_call_function(chat_t *chat, function_t function, const arguments_t *arguments);
value_t tpl_call_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments);
value_t tpl_call_text_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments);
bool tpl_is_method(value_t object, text_t name);
bool tpl_is_text_method(text_t name);
value_t tpl_apply_filter(chat_t *chat, value_t input, text_t name, const arguments_t *arguments);
bool tpl_apply_test(chat_t *chat, value_t input, text_t name, const arguments_t *arguments);
bool tpl_is_filter_name(text_t name);
bool tpl_is_test_name(text_t name);
void tpl_namespace_set(chat_t *chat, value_t object, value_t key, value_t value); // also of a mapping being made
list_t *tpl_list_sorted(chat_t *chat, const list_t *items, const list_t *keys, bool reverse);
text_t tpl_text_escape(chat_t *chat, text_t text);
value_t tpl_text_join(chat_t *chat, text_t between, const list_t *items);
size_t tpl_text_find_last(chat_t *chat, text_t text, text_t part);
text_t tpl_text_replace(chat_t *chat, text_t text, text_t old, text_t with, int64_t most);
text_t tpl_text_strip_set(chat_t *chat, text_t text, value_t set, bool left, bool right);
text_t tpl_text_pad(chat_t *chat, text_t text, int64_t width, text_t fill, char align);
value_t tpl_text_split(chat_t *chat, text_t text, const call_t *call, bool from_right);
value_t tpl_text_lines(chat_t *chat, text_t text, bool keep_ends);
value_t tpl_format_percent(chat_t *chat, text_t format, value_t values);
text_t tpl_format_braces(chat_t *chat, text_t format, const arguments_t *arguments);
text_t tpl_format_value(chat_t *chat, value_t value, text_t spec); // as Python's format()
typedef struct {
  text_t fill;
  char align;    // < > ^ =, 0: as the type wants
  char sign;     // + or blank, 0: only where it is a minus
  char grouping; // , or _ between thousands
  char type;     // 0: none
  bool alternate;
  int64_t width, precision; // -1: none
} spec_t;
text_t tpl_format_integer(chat_t *chat, int64_t integer, const spec_t *spec);
text_t tpl_format_double(chat_t *chat, double real, const spec_t *spec);
text_t tpl_format_text(chat_t *chat, text_t text, const spec_t *spec);

#endif
