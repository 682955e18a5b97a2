/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Loops of chat templates and the variable `loop`. A loop's body has a scope of its own, made anew for each turn, so
 * that an assignment inside never reaches out (namespaces are the way to do that). The condition of a loop is asked as
 * late as Jinja asks it: item by item, unless loop.length, loop.last or the like need to know more; what the body did
 * before can change the answer. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

// Whether the item holds; the condition sees what is around the loop and the item, not the loop's body.
static bool holds(chat_t *chat, const loop_t *loop, value_t item) {
  scope_t *inside = chat->scope;
  chat->scope = loop->scope;
  tpl_scope_push(chat);
  tpl_assign(chat, loop->node->a, item);
  bool result = tpl_value_truth(tpl_evaluate(chat, loop->node->c));
  chat->scope = inside;
  return result;
}

// Looks for items until there are more than `index`; false when the source ends before.
static bool has_item(chat_t *chat, loop_t *loop, size_t index) {
  while (loop->items->count <= index && loop->next < loop->source->count) {
    value_t item = loop->source->items[loop->next++];
    if (holds(chat, loop, item))
      tpl_list_push(chat, loop->items, item);
  }
  return loop->items->count > index;
}

static int64_t length(chat_t *chat, loop_t *loop) {
  has_item(chat, loop, SIZE_MAX - 1);
  return (int64_t)loop->items->count;
}

static flow_t run_turns(chat_t *chat, const node_t *node, value_t iterated, int64_t depth, buffer_t *out) {
  loop_t *loop = tpl_chat_allocate(chat, sizeof *loop);
  chat->at = node->at;
  *loop = (loop_t){.source = tpl_value_items(chat, iterated), .depth = depth, .node = node, .scope = chat->scope};
  loop->items = node->c ? tpl_value_list(chat, false).list : (list_t *)loop->source; // only read
  loop->next = node->c ? 0 : loop->source->count;
  scope_t *scope = tpl_scope_push(chat);
  bool completed = false; // a turn; else counts those that `continue` or `break` left as none, as Jinja does
  for (; has_item(chat, loop, loop->index); ++loop->index) {
    tpl_chat_step(chat, 1);
    tpl_scope_clear(scope);
    tpl_scope_set(chat, TEXT("loop"), (value_t){.kind = V_LOOP, .loop = loop});
    tpl_scope_hide(chat, node->children[0]);
    tpl_assign(chat, node->a, loop->items->items[loop->index]);
    flow_t flow = tpl_run(chat, node->children[0], out);
    completed |= flow == GO_ON;
    if (flow == BREAK)
      break;
  }
  tpl_scope_pop(chat);
  return !completed && node->count > 1 ? tpl_run_scoped(chat, node->children[1], out) : GO_ON;
}

flow_t tpl_run_loop(chat_t *chat, const node_t *node, buffer_t *out) {
  return run_turns(chat, node, tpl_evaluate(chat, node->b), 0, out);
}

// loop(items) inside a recursive loop: the text of the same loop over other items.
value_t tpl_call_loop(chat_t *chat, loop_t *loop, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "iterable", 1, "loop");
  if (!tpl_value_truth(loop->node->value))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a loop that is called must be marked 'recursive'");
  buffer_t out = {0};
  scope_t *inside = chat->scope;
  chat->scope = loop->scope;
  run_turns(chat, loop->node, call.values[0], loop->depth + 1, &out);
  chat->scope = inside;
  return tpl_value_text(tpl_buffer_finish(&out));
}

static value_t item_or_undefined(chat_t *chat, loop_t *loop, size_t index, text_t name) {
  return index != SIZE_MAX && has_item(chat, loop, index) ? loop->items->items[index] : tpl_value_undefined(name);
}

value_t tpl_loop_attribute(chat_t *chat, loop_t *loop, text_t name) {
  int64_t index = (int64_t)loop->index;
  if (tpl_text_is(name, "index"))
    return tpl_value_int(index + 1);
  if (tpl_text_is(name, "index0"))
    return tpl_value_int(index);
  if (tpl_text_is(name, "first"))
    return tpl_value_bool(index == 0);
  if (tpl_text_is(name, "last"))
    return tpl_value_bool(!has_item(chat, loop, loop->index + 1));
  if (tpl_text_is(name, "length"))
    return tpl_value_int(length(chat, loop));
  if (tpl_text_is(name, "revindex"))
    return tpl_value_int(length(chat, loop) - index);
  if (tpl_text_is(name, "revindex0"))
    return tpl_value_int(length(chat, loop) - index - 1);
  if (tpl_text_is(name, "depth"))
    return tpl_value_int(loop->depth + 1);
  if (tpl_text_is(name, "depth0"))
    return tpl_value_int(loop->depth);
  if (tpl_text_is(name, "previtem"))
    return item_or_undefined(chat, loop, loop->index - 1, name);
  if (tpl_text_is(name, "nextitem"))
    return item_or_undefined(chat, loop, loop->index + 1, name);
  if (tpl_text_is(name, "cycle") || tpl_text_is(name, "changed"))
    return tpl_value_method(chat, (value_t){.kind = V_LOOP, .loop = loop}, name);
  return tpl_value_undefined(name);
}

static value_t positional(chat_t *chat, const arguments_t *arguments, const char *what) {
  value_t tuple = tpl_value_list(chat, true);
  for (size_t i = 0; i < arguments->count; ++i) {
    if (arguments->names[i].size)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s takes no named arguments", what);
    tpl_list_push(chat, tuple.list, arguments->values[i]);
  }
  return tuple;
}

value_t tpl_loop_method(chat_t *chat, loop_t *loop, text_t name, const arguments_t *arguments) {
  bool cycles = tpl_text_is(name, "cycle");
  value_t values = positional(chat, arguments, cycles ? "loop.cycle" : "loop.changed");
  if (cycles) {
    if (!arguments->count)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "loop.cycle needs values");
    return arguments->values[loop->index % arguments->count];
  }
  if (loop->changed && tpl_value_equal(chat, *loop->changed, values))
    return tpl_value_bool(false);
  loop->changed = tpl_chat_allocate(chat, sizeof *loop->changed);
  *loop->changed = values;
  return tpl_value_bool(true);
}
