/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Executes statements: writes texts and outputs, chooses, assigns, applies filters to blocks. Loops are in loop.c,
 * macros in macros.c. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

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
  tpl_namespace_set(chat, object, target->value, value);
}

void tpl_assign(chat_t *chat, const node_t *target, value_t value) {
  if (target->kind != N_TUPLE) {
    assign_one(chat, target, value);
    return;
  }
  tpl_chat_enter(chat);
  const list_t *items = tpl_value_items(chat, value);
  chat->at = target->at;
  if (items->count != target->count)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%zu names for %zu values", target->count, items->count);
  for (size_t i = 0; i < items->count; ++i)
    tpl_assign(chat, target->children[i], items->items[i]);
  tpl_chat_leave(chat);
}

flow_t tpl_run_scoped(chat_t *chat, const node_t *body, buffer_t *out) {
  tpl_scope_push(chat);
  tpl_scope_hide(chat, body);
  flow_t flow = tpl_run(chat, body, out);
  tpl_scope_pop(chat);
  return flow;
}

static flow_t run_if(chat_t *chat, const node_t *node, buffer_t *out) {
  size_t i = 0;
  for (; i + 1 < node->count; i += 2)
    if (tpl_value_truth(tpl_evaluate(chat, node->children[i])))
      return tpl_run(chat, node->children[i + 1], out);
  return i < node->count ? tpl_run(chat, node->children[i], out) : GO_ON;
}

// The text of a block, through its filters. A `break` inside leaves the block without a result.
static flow_t run_filtered(chat_t *chat, const node_t *node, value_t *result) {
  buffer_t body = {0};
  flow_t flow = tpl_run_scoped(chat, node->children[0], &body);
  if (flow != GO_ON)
    return flow;
  chat->hole = tpl_value_text(tpl_buffer_finish(&body));
  *result = tpl_evaluate(chat, node->b);
  return GO_ON;
}

static flow_t run_set_body(chat_t *chat, const node_t *node) {
  value_t result;
  flow_t flow = run_filtered(chat, node, &result);
  if (flow == GO_ON)
    tpl_assign(chat, node->a, result);
  return flow;
}

static flow_t run_filter(chat_t *chat, const node_t *node, buffer_t *out) {
  value_t result;
  flow_t flow = run_filtered(chat, node, &result);
  if (flow == GO_ON)
    tpl_buffer_text(chat, out, tpl_value_string(chat, result));
  return flow;
}

// All values are found before the first name is set.
static flow_t run_with(chat_t *chat, const node_t *node, buffer_t *out) {
  value_t values = tpl_value_list(chat, true);
  const node_t *body = node->children[node->count - 1];
  for (size_t i = 0; i + 1 < node->count; ++i)
    tpl_list_push(chat, values.list, tpl_evaluate(chat, node->children[i]));
  tpl_scope_push(chat);
  tpl_scope_hide(chat, body);
  for (size_t i = 0; i < values.list->count; ++i)
    tpl_assign(chat, node->a->children[i], values.list->items[i]);
  flow_t flow = tpl_run(chat, body, out);
  tpl_scope_pop(chat);
  return flow;
}

static flow_t run_body(chat_t *chat, const node_t *node, buffer_t *out) {
  flow_t flow = GO_ON;
  for (size_t i = 0; i < node->count && flow == GO_ON; ++i)
    flow = tpl_run(chat, node->children[i], out);
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
    return tpl_run_loop(chat, node, out);
  case N_SET:
    tpl_assign(chat, node->a, tpl_evaluate(chat, node->b));
    return GO_ON;
  case N_SET_BODY:
    return run_set_body(chat, node);
  case N_FILTERED:
    return run_filter(chat, node, out);
  case N_WITH:
    return run_with(chat, node, out);
  case N_MACRO:
    tpl_run_macro(chat, node);
    return GO_ON;
  case N_CALL_BODY:
    tpl_run_call(chat, node, out);
    return GO_ON;
  case N_BREAK:
    return BREAK;
  case N_CONTINUE:
    return CONTINUE;
  default:
    return run_body(chat, node, out);
  }
}

flow_t tpl_run(chat_t *chat, const node_t *node, buffer_t *out) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  flow_t flow = run_node(chat, node, out);
  tpl_chat_leave(chat);
  return flow;
}

void tpl_execute(chat_t *chat, const node_t *template_body, buffer_t *out) {
  tpl_scope_push(chat);
  tpl_scope_hide(chat, template_body);
  tpl_run(chat, template_body, out);
}
