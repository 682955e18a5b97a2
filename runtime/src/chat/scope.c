/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Scopes of names in chat templates, and which names a scope hides. The bodies of loops, macros, call, with, filter and
 * set blocks have a scope of their own; `if` has none.
 *
 * Jinja decides before it runs where a name lives: when a scope assigns a name that it has not read before, the name
 * is the scope's own from its beginning, so a loop above the assignment sees it as undefined even where the caller has
 * given a variable of that name. tpl_find_unset walks the tree once and notes those names at the body they belong to.
 * Source: Jinja2 3.1, jinja2/idtracking.py, its rules re-implemented. Tested by test/unit/runtime, fuzzed by
 * fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

struct scope {
  scope_t *parent;
  text_t *names;
  value_t *values;
  size_t count, capacity;
};

scope_t *tpl_scope_push(chat_t *chat) {
  scope_t *scope = tpl_chat_allocate(chat, sizeof *scope);
  scope->parent = chat->scope;
  return chat->scope = scope;
}

void tpl_scope_pop(chat_t *chat) { chat->scope = chat->scope->parent; }
void tpl_scope_clear(scope_t *scope) { scope->count = 0; }

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

/*===--- Names that a scope assigns before it reads them ---===*/

typedef struct names {
  text_t *items;
  size_t count, capacity;
} names_t;

typedef struct frame {
  const struct frame *parent;
  names_t known; // read or assigned here
  names_t unset; // of those: assigned first, and known nowhere around
} frame_t;

static bool has_name(chat_t *chat, const names_t *names, text_t name) {
  tpl_chat_step(chat, names->count / 8);
  for (size_t i = 0; i < names->count; ++i)
    if (tpl_text_equal(names->items[i], name))
      return true;
  return false;
}

static void add_name(chat_t *chat, names_t *names, text_t name) {
  if (names->count == names->capacity) {
    size_t capacity = names->capacity ? names->capacity * 2 : 8;
    text_t *items = tpl_chat_allocate(chat, capacity * sizeof *items);
    if (names->count)
      memcpy(items, names->items, names->count * sizeof *items);
    names->items = items;
    names->capacity = capacity;
  }
  names->items[names->count++] = name;
}

static bool is_known(chat_t *chat, const frame_t *frame, text_t name) {
  for (; frame; frame = frame->parent)
    if (has_name(chat, &frame->known, name))
      return true;
  return false;
}

static void read_name(chat_t *chat, frame_t *frame, text_t name) {
  if (!is_known(chat, frame, name))
    add_name(chat, &frame->known, name);
}

static void assign_name(chat_t *chat, frame_t *frame, text_t name) {
  if (has_name(chat, &frame->known, name))
    return;
  if (!is_known(chat, frame->parent, name))
    add_name(chat, &frame->unset, name);
  add_name(chat, &frame->known, name);
}

static void assign_target(chat_t *chat, frame_t *frame, const node_t *target) {
  tpl_chat_enter(chat);
  if (target->kind == N_NAME)
    assign_name(chat, frame, target->value.text);
  else if (target->kind == N_ATTRIBUTE)
    read_name(chat, frame, target->a->value.text);
  for (size_t i = 0; target->kind == N_TUPLE && i < target->count; ++i)
    assign_target(chat, frame, target->children[i]);
  tpl_chat_leave(chat);
}

static void know_parameters(chat_t *chat, frame_t *frame, const node_t *target) {
  tpl_chat_enter(chat);
  if (target->kind == N_NAME && !has_name(chat, &frame->known, target->value.text))
    add_name(chat, &frame->known, target->value.text);
  for (size_t i = 0; target->kind == N_TUPLE && i < target->count; ++i)
    know_parameters(chat, frame, target->children[i]);
  tpl_chat_leave(chat);
}

static void visit(chat_t *chat, frame_t *frame, const node_t *node);

static void visit_children(chat_t *chat, frame_t *frame, const node_t *node) {
  visit(chat, frame, node->a);
  visit(chat, frame, node->b);
  visit(chat, frame, node->c);
  for (size_t i = 0; i < node->count; ++i)
    visit(chat, frame, node->children[i]);
}

// A list that shares the first names; the next one that is added makes a copy.
static names_t branch_of(names_t names) {
  names.capacity = names.count;
  return names;
}

// Each branch begins with what was known before it. What only branches assign is looked up like a name that is read.
static void visit_if(chat_t *chat, frame_t *frame, const node_t *node, size_t first) {
  visit(chat, frame, node->children[first]);
  frame_t before = *frame;
  for (size_t i = first + 1; i < node->count; ++i) {
    frame_t branch = {before.parent, branch_of(before.known), branch_of(before.unset)};
    bool nested = i == first + 2 && i + 1 < node->count; // elif: an if of its own in this branch
    if (nested)
      visit_if(chat, &branch, node, i);
    else
      visit(chat, &branch, node->children[i]);
    for (size_t j = before.known.count; j < branch.known.count; ++j)
      if (!has_name(chat, &frame->known, branch.known.items[j]))
        add_name(chat, &frame->known, branch.known.items[j]);
    if (nested)
      break;
  }
}

static void visit_statement(chat_t *chat, frame_t *frame, const node_t *node) {
  switch (node->kind) {
  case N_IF:
    visit_if(chat, frame, node, 0);
    break;
  case N_FOR:
  case N_CALL_BODY:
    visit(chat, frame, node->b);
    break;
  case N_SET:
    visit(chat, frame, node->b);
    assign_target(chat, frame, node->a);
    break;
  case N_SET_BODY:
    assign_target(chat, frame, node->a);
    break;
  case N_FILTERED:
    visit(chat, frame, node->b);
    break;
  case N_WITH:
    for (size_t i = 0; i + 1 < node->count; ++i)
      visit(chat, frame, node->children[i]);
    break;
  case N_MACRO:
    assign_name(chat, frame, node->value.text);
    break;
  default:
    visit_children(chat, frame, node);
  }
}

static void visit(chat_t *chat, frame_t *frame, const node_t *node) {
  if (!node)
    return;
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  if (node->kind == N_NAME)
    read_name(chat, frame, node->value.text);
  else
    visit_statement(chat, frame, node);
  tpl_chat_leave(chat);
}

static void find_inner(chat_t *chat, const frame_t *frame, const node_t *node);

// One body with a scope of its own inside `parent`.
static void find_body(chat_t *chat, const frame_t *parent, const node_t *parameters, const node_t *owner,
                      node_t *body) {
  frame_t frame = {.parent = parent};
  if (parameters)
    know_parameters(chat, &frame, parameters);
  if (owner->kind == N_FOR)
    add_name(chat, &frame.known, TEXT("loop"));
  static const char *const special[] = {"caller", "varargs", "kwargs"}; // USES_*
  for (unsigned i = 0; i < 3; ++i)
    if (owner->uses & (1u << i))
      add_name(chat, &frame.known, (text_t){special[i], strlen(special[i])});
  if (owner->kind == N_MACRO || owner->kind == N_CALL_BODY)
    for (size_t i = 1; i < owner->count; ++i) // defaults
      visit(chat, &frame, owner->children[i]);
  visit(chat, &frame, body);
  if (frame.unset.count) {
    body->unset = tpl_chat_allocate(chat, sizeof frame.unset);
    *body->unset = frame.unset;
  }
  find_inner(chat, &frame, body);
}

static void find_inner(chat_t *chat, const frame_t *frame, const node_t *node) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  switch (node->kind) {
  case N_FOR:
    for (size_t i = 0; i < node->count; ++i)
      find_body(chat, frame, i ? NULL : node->a, node, node->children[i]);
    break;
  case N_SET_BODY:
  case N_FILTERED:
    find_body(chat, frame, NULL, node, node->children[0]);
    break;
  case N_WITH:
    find_body(chat, frame, node->a, node, node->children[node->count - 1]);
    break;
  case N_MACRO:
  case N_CALL_BODY:
    find_body(chat, frame, node->a, node, node->children[0]);
    break;
  case N_IF:
  case N_BODY:
    for (size_t i = 0; i < node->count; ++i)
      find_inner(chat, frame, node->children[i]);
    break;
  default:
    break;
  }
  tpl_chat_leave(chat);
}

void tpl_find_unset(chat_t *chat, node_t *template_body) {
  node_t root = {.kind = N_BODY};
  find_body(chat, NULL, NULL, &root, template_body);
}

void tpl_scope_hide(chat_t *chat, const node_t *body) {
  for (size_t i = 0; body->unset && i < body->unset->count; ++i)
    tpl_scope_set(chat, body->unset->items[i], tpl_value_undefined(body->unset->items[i]));
}
