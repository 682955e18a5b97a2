/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Macros and call blocks of chat templates. A macro sees the names around its definition, not those around its call.
 * `varargs`, `kwargs` and `caller` exist in a macro whose body names them; without, arguments beyond the parameters are
 * errors. Source: Jinja2 3.1, jinja2/runtime.py (Macro), its rules re-implemented.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

static value_t make_macro(chat_t *chat, const node_t *node, text_t name) {
  macro_t *macro = tpl_chat_allocate(chat, sizeof *macro);
  *macro = (macro_t){name, node, chat->scope};
  return (value_t){.kind = V_MACRO, .macro = macro};
}

void tpl_run_macro(chat_t *chat, const node_t *node) {
  tpl_scope_set(chat, node->value.text, make_macro(chat, node, node->value.text));
}

void tpl_run_call(chat_t *chat, const node_t *node, buffer_t *out) {
  if (!node->b) { // generation
    tpl_run_scoped(chat, node->children[0], out);
    return;
  }
  value_t result = tpl_evaluate_call(chat, node->b, make_macro(chat, node, TEXT("caller")));
  tpl_buffer_text(chat, out, tpl_value_string(chat, result));
}

static size_t find_parameter(const macro_t *macro, text_t name) {
  const node_t *parameters = macro->node->a;
  for (size_t i = 0; i < parameters->count; ++i)
    if (tpl_text_equal(parameters->children[i]->value.text, name))
      return i;
  return SIZE_MAX;
}

// Parameters that got a value; those beyond into `varargs` and `kwargs`.
static void take_arguments(chat_t *chat, const macro_t *macro, const arguments_t *arguments, value_t *values,
                           bool *given) {
  const node_t *node = macro->node;
  value_t rest = tpl_value_list(chat, true), named = tpl_value_dict(chat);
  value_t caller = tpl_value_undefined(TEXT("caller"));
  bool own_caller = node->uses & USES_CALLER && find_parameter(macro, TEXT("caller")) == SIZE_MAX;
  for (size_t i = 0; i < arguments->count; ++i) {
    text_t name = arguments->names[i];
    size_t at = name.size ? find_parameter(macro, name) : i;
    if (at < node->a->count && !given[at]) {
      values[at] = arguments->values[i];
      given[at] = true;
    } else if (own_caller && tpl_text_is(name, "caller")) {
      caller = arguments->values[i].kind == V_NONE ? caller : arguments->values[i];
    } else if (!name.size && node->uses & USES_VARARGS) {
      tpl_list_push(chat, rest.list, arguments->values[i]);
    } else if (name.size && node->uses & USES_KWARGS) {
      tpl_dict_set(chat, named.dict, tpl_value_text(name), arguments->values[i]);
    } else {
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "macro '%.*s' has no parameter for argument %zu%s%.*s",
                    TEXT_ARGS(macro->name), i + 1, name.size ? ", " : "", TEXT_ARGS(name));
    }
  }
  if (own_caller)
    tpl_scope_set(chat, TEXT("caller"), caller);
  if (node->uses & USES_KWARGS)
    tpl_scope_set(chat, TEXT("kwargs"), named);
  if (node->uses & USES_VARARGS)
    tpl_scope_set(chat, TEXT("varargs"), rest);
}

// What was given first: defaults see all of it.
static void set_parameters(chat_t *chat, const macro_t *macro, const value_t *values, const bool *given) {
  const node_t *node = macro->node, *parameters = node->a;
  size_t defaults = node->count - 1, first = parameters->count - defaults;
  for (size_t i = 0; i < parameters->count; ++i) {
    text_t name = parameters->children[i]->value.text;
    tpl_scope_set(chat, name, given[i] ? values[i] : tpl_value_undefined(name));
  }
  for (size_t i = first; i < parameters->count; ++i)
    if (!given[i])
      tpl_scope_set(chat, parameters->children[i]->value.text, tpl_evaluate(chat, node->children[1 + i - first]));
}

value_t tpl_call_macro(chat_t *chat, const macro_t *macro, const arguments_t *arguments) {
  size_t count = macro->node->a->count;
  value_t *values = tpl_chat_allocate(chat, (count + 1) * sizeof *values);
  bool *given = tpl_chat_allocate(chat, (count + 1) * sizeof *given);
  scope_t *outside = chat->scope;
  buffer_t out = {0};
  chat->scope = macro->scope;
  tpl_scope_push(chat);
  tpl_scope_hide(chat, macro->node->children[0]);
  take_arguments(chat, macro, arguments, values, given);
  set_parameters(chat, macro, values, given);
  tpl_run(chat, macro->node->children[0], &out);
  chat->scope = outside;
  return tpl_value_text(tpl_buffer_finish(&out));
}
