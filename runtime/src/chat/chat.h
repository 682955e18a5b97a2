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

#include "../internal.h"

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
  CHAT_MAX_DEPTH = 200,
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
  V_NAMESPACE,
  V_LOOP,
  V_FUNCTION
} value_kind_t;

typedef enum { F_RAISE, F_NAMESPACE, F_RANGE, F_DICT } function_t;

typedef struct list list_t;
typedef struct dict dict_t;
typedef struct loop loop_t;

typedef struct {
  value_kind_t kind;
  union {
    bool boolean;
    int64_t integer;
    double real;
    text_t text; // V_STRING; V_UNDEFINED: the name that was looked for
    list_t *list;
    dict_t *dict; // V_DICT, V_NAMESPACE
    const loop_t *loop;
    function_t function;
  };
} value_t;

struct list {
  value_t *items;
  size_t count, capacity;
  bool tuple; // printed with ()
};

struct dict { // in order of insertion
  value_t *keys, *values;
  size_t count, capacity;
};

struct loop {
  const list_t *items;
  size_t index;
};

/*===--- Syntax tree ---===*/

typedef enum {
  // Statements
  N_TEXT,     // value
  N_OUTPUT,   // a
  N_IF,       // children: condition, body, condition, body, ..., [else body]
  N_FOR,      // a target, b items, c filter or NULL; children: body, [else body]
  N_SET,      // a target, b value
  N_SET_BODY, // a target, b body
  N_BREAK,
  N_CONTINUE,
  N_BODY, // children
  // Expressions
  N_CONSTANT,  // value
  N_NAME,      // value
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
  text_t *names; // of keyword arguments, beside children; empty: positional
  size_t count;
  value_t value;
};

/*===--- One rendering ---===*/

typedef struct scope scope_t;

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

/* value.c */
value_t tpl_value_none(void);
value_t tpl_value_bool(bool boolean);
value_t tpl_value_int(int64_t integer);
value_t tpl_value_float(double real);
value_t tpl_value_text(text_t text);
value_t tpl_value_undefined(text_t name);
value_t tpl_value_list(chat_t *chat, bool tuple);
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
text_t tpl_value_string(chat_t *chat, value_t value); // as Python's str()
void tpl_value_repr(chat_t *chat, buffer_t *buffer, value_t value);
void tpl_value_json(chat_t *chat, buffer_t *buffer, value_t value, int64_t indent); // indent < 0: on one line
const list_t *tpl_value_items(chat_t *chat, value_t value);                         // what a loop over it yields
const char *tpl_value_type(value_t value);
size_t tpl_float_text(double real, char text[32]);

/* json.c */
value_t tpl_json_parse(chat_t *chat, text_t source, const char *what);

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
  token_t token; // inside a tag: the next one
  bool pending;  // a tag begins right after the text just returned
  piece_t pending_kind;
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
bool tpl_token_is(const lexer_t *lexer, const char *text); // an operator
bool tpl_token_named(const lexer_t *lexer, const char *name);
bool tpl_accept(lexer_t *lexer, const char *text);
bool tpl_accept_name(lexer_t *lexer, const char *name);
void tpl_expect(lexer_t *lexer, const char *text);
_Noreturn void tpl_fail_token(lexer_t *lexer, const char *expected);

/* evaluate.c, execute.c */
typedef struct {
  value_t *values;
  const text_t *names; // empty text: positional
  size_t count;
} arguments_t;
value_t tpl_evaluate(chat_t *chat, const node_t *node);
void tpl_execute(chat_t *chat, const node_t *template_body, buffer_t *out);
value_t tpl_scope_find(chat_t *chat, text_t name);
void tpl_scope_set(chat_t *chat, text_t name, value_t value);
scope_t *tpl_scope_push(chat_t *chat);
void tpl_scope_pop(chat_t *chat);
value_t tpl_get_attribute(chat_t *chat, value_t object, text_t name);

/* functions.c, filters.c, tests.c */
value_t tpl_argument(chat_t *chat, const arguments_t *arguments, size_t position, const char *name, value_t otherwise);
void tpl_check_arguments(chat_t *chat, const arguments_t *arguments, size_t least, size_t most, const char *what);
value_t tpl_call_function(chat_t *chat, function_t function, const arguments_t *arguments);
value_t tpl_call_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments);
bool tpl_is_method(value_t object, text_t name);
value_t tpl_apply_filter(chat_t *chat, value_t input, text_t name, const arguments_t *arguments);
bool tpl_apply_test(chat_t *chat, value_t input, text_t name, const arguments_t *arguments);
int64_t tpl_want_int(chat_t *chat, value_t value, const char *what);
text_t tpl_want_text(chat_t *chat, value_t value, const char *what);
text_t tpl_text_case(chat_t *chat, text_t text, char mode); // u upper, l lower, c capitalize, t title
text_t tpl_text_replace(chat_t *chat, text_t text, text_t old, text_t with, int64_t most);
text_t tpl_text_strip_set(chat_t *chat, value_t input, value_t set, bool left, bool right);

#endif
