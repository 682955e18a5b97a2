/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Executes statements: writes texts and outputs, loops, chooses, assigns. Scopes as in Jinja: a loop's body has its
 * own, made anew for each turn, so that an assignment inside never reaches out (namespaces are the way to do that);
 * `if` has none. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

struct scope {
  scope_t *parent;
  text_t *names;
  value_t *values;
  size_t count, capacity;
};

typedef enum { GO_ON, BREAK, CONTINUE } flow_t;

static flow_t run(chat_t *chat, const node_t *node, buffer_t *out);

scope_t *tpl_scope_push(chat_t *chat) {
  scope_t *scope = tpl_chat_allocate(chat, sizeof *scope);
  scope->parent = chat->scope;
  return chat->scope = scope;
}

void tpl_scope_pop(chat_t *chat) { chat->scope = chat->scope->parent; }

value_t tpl_scope_find(chat_t *chat, text_t name) {
  for (const scope_t *scope = chat->scope; scope; scope = scope->parent) {
    tpl_chat_step(chat, scope->count / 8);
    for (size_t i = 0; i < scope->count; ++i)
      if (tpl_text_equal(scope->names[i], name))
        return scope->values[i];
  }
  return tpl_value_undefined(name);
}

void tpl_scope_set(chat_t *chat, text_t name, value_t value) {
  scope_t *scope = chat->scope;
  tpl_chat_step(chat, 1 + scope->count / 8);
  for (size_t i = 0; i < scope->count; ++i)
    if (tpl_text_equal(scope->names[i], name)) {
      scope->values[i] = value;
      return;
    }
  if (scope->count == scope->capacity) {
    size_t capacity = scope->capacity ? scope->capacity * 2 : 4;
    text_t *names = tpl_chat_allocate(chat, capacity * sizeof *names);
    value_t *values = tpl_chat_allocate(chat, capacity * sizeof *values);
    if (scope->count) {
      memcpy(names, scope->names, scope->count * sizeof *names);
      memcpy(values, scope->values, scope->count * sizeof *values);
    }
    scope->names = names;
    scope->values = values;
    scope->capacity = capacity;
  }
  scope->names[scope->count] = name;
  scope->values[scope->count++] = value;
}

static void assign_one(chat_t *chat, const node_t *target, value_t value) {
  chat->at = target->at;
  if (target->kind == N_NAME) {
    tpl_scope_set(chat, target->value.text, value);
    return;
  }
  value_t object = tpl_scope_find(chat, target->a->value.text);
  if (object.kind != V_NAMESPACE)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "only a namespace's attributes can be set; '%.*s' is %s",
                  TEXT_ARGS(target->a->value.text), tpl_value_type(object));
  tpl_dict_set(chat, object.dict, target->value, value);
}

static void assign(chat_t *chat, const node_t *target, value_t value) {
  if (target->kind != N_TUPLE) {
    assign_one(chat, target, value);
    return;
  }
  const list_t *items = tpl_value_items(chat, value);
  chat->at = target->at;
  if (items->count != target->count)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%zu names for %zu values", target->count, items->count);
  for (size_t i = 0; i < items->count; ++i)
    assign_one(chat, target->children[i], items->items[i]);
}

// Those items for which the loop's condition holds; they are what `loop` counts.
static const list_t *select_items(chat_t *chat, const node_t *node, const list_t *items) {
  list_t *selected = tpl_value_list(chat, false).list;
  tpl_scope_push(chat);
  for (size_t i = 0; i < items->count; ++i) {
    assign(chat, node->a, items->items[i]);
    if (tpl_value_truth(tpl_evaluate(chat, node->c)))
      tpl_list_push(chat, selected, items->items[i]);
  }
  tpl_scope_pop(chat);
  return selected;
}

static flow_t run_for(chat_t *chat, const node_t *node, buffer_t *out) {
  value_t iterated = tpl_evaluate(chat, node->b);
  chat->at = node->at;
  const list_t *items = tpl_value_items(chat, iterated);
  if (node->c)
    items = select_items(chat, node, items);
  if (items->count == 0)
    return node->count > 1 ? run(chat, node->children[1], out) : GO_ON;
  loop_t *loop = tpl_chat_allocate(chat, sizeof *loop);
  loop->items = items;
  scope_t *scope = tpl_scope_push(chat);
  for (size_t count = items->count; loop->index < count; ++loop->index) {
    tpl_chat_step(chat, 1);
    scope->count = 0; // a new scope for each turn
    tpl_scope_set(chat, TEXT("loop"), (value_t){.kind = V_LOOP, .loop = loop});
    assign(chat, node->a, items->items[loop->index]);
    if (run(chat, node->children[0], out) == BREAK)
      break;
  }
  tpl_scope_pop(chat);
  return GO_ON;
}

static flow_t run_if(chat_t *chat, const node_t *node, buffer_t *out) {
  size_t i = 0;
  for (; i + 1 < node->count; i += 2)
    if (tpl_value_truth(tpl_evaluate(chat, node->children[i])))
      return run(chat, node->children[i + 1], out);
  return i < node->count ? run(chat, node->children[i], out) : GO_ON;
}

static void run_set_body(chat_t *chat, const node_t *node) {
  buffer_t body = {0};
  tpl_scope_push(chat);
  run(chat, node->b, &body);
  tpl_scope_pop(chat);
  assign(chat, node->a, tpl_value_text((text_t){body.data ? body.data : "", body.size}));
}

static flow_t run_body(chat_t *chat, const node_t *node, buffer_t *out) {
  flow_t flow = GO_ON;
  for (size_t i = 0; i < node->count && flow == GO_ON; ++i)
    flow = run(chat, node->children[i], out);
  return flow;
}

static flow_t run_node(chat_t *chat, const node_t *node, buffer_t *out) {
  switch (node->kind) {
  case N_TEXT:
    tpl_buffer_text(chat, out, node->value.text);
    return GO_ON;
  case N_OUTPUT:
    tpl_buffer_text(chat, out, tpl_value_string(chat, tpl_evaluate(chat, node->a)));
    return GO_ON;
  case N_IF:
    return run_if(chat, node, out);
  case N_FOR:
    return run_for(chat, node, out);
  case N_SET:
    assign(chat, node->a, tpl_evaluate(chat, node->b));
    return GO_ON;
  case N_SET_BODY:
    run_set_body(chat, node);
    return GO_ON;
  case N_BREAK:
    return BREAK;
  case N_CONTINUE:
    return CONTINUE;
  default:
    return run_body(chat, node, out);
  }
}

static flow_t run(chat_t *chat, const node_t *node, buffer_t *out) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  flow_t flow = run_node(chat, node, out);
  tpl_chat_leave(chat);
  return flow;
}

void tpl_execute(chat_t *chat, const node_t *template_body, buffer_t *out) { run(chat, template_body, out); }
