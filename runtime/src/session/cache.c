/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Key/value memory: made for the whole context, taken as tokens arrive. On the host the system does that, page by page.
 * On a GPU addresses are reserved, and memory is mapped before the step that needs it: positions lie in blocks of
 * LMOPT_DEVICE_CACHE_BLOCK, one block after another, so what a sequence has reached is always the beginning. What was
 * taken stays with the session, also when the sequence is cut back. Layers that look back over a window keep a ring of
 * the latest positions: of a longer context they need no more memory than of one of that length, and a sequence that is
 * cut back further than the rings reach is read again (history.c). Cost: nothing in most steps; four driver calls for
 * each 2 MB of a GPU. Tested by test/unit/runtime/SessionTest.cpp and DeviceSessionTest.cpp.
 */
#include "runtime/src/session/cache.h"

#include "runtime/src/session/team.h"

enum { DEFAULT_CONTEXT = 8192 };

static bool is_on_gpu(const lmopt_session_t *session) { return lmoptp_team_device(session->team) != NULL; }

static uint64_t bytes_of(const lmopt_session_t *session, int64_t positions) {
  const lmopt_model_t *model = session->model;
  uint64_t bytes, rings;
  bool overflows = __builtin_mul_overflow((uint64_t)positions, model->table->cache_bytes_per_position, &bytes);
  uint64_t in_rings = (uint64_t)min64(positions, model->ring_positions);
  overflows |= __builtin_mul_overflow(in_rings, model->ring_bytes_per_position, &rings);
  overflows |= __builtin_add_overflow(bytes, rings, &bytes);
  return overflows ? UINT64_MAX : bytes;
}

static int64_t whole_blocks(const lmopt_session_t *session, int64_t positions) {
  return (int64_t)lmoptp_round_up((uint64_t)positions,
                                  is_on_gpu(session) ? LMOPT_DEVICE_CACHE_BLOCK : LMOPT_CACHE_BLOCK);
}

lmopt_status_t lmoptp_cache_choose(lmopt_session_t *session, int64_t context, lmopt_error_t *error) {
  const lmopt_code_table_t *table = session->model->table;
  if (table->kind != LMOPT_KIND_DECODER)
    return LMOPT_OK;
  if (context < 0 || context > table->max_positions)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "session: a context of %lld positions; the model allows 1 to %u",
                       (long long)context, table->max_positions);
  if (session->window)
    context = session->window;
  session->context = context ? context : min64(table->max_positions, DEFAULT_CONTEXT);
  return LMOPT_OK;
}

uint64_t lmoptp_cache_first_bytes(const lmopt_session_t *session) {
  return is_on_gpu(session) ? bytes_of(session, LMOPT_DEVICE_CACHE_BLOCK) : 0;
}

static lmopt_status_t make_pages(lmopt_session_t *session, lmopt_error_t *error) {
  lmopt_status_t status =
      lmoptp_pages_create(lmoptp_team_device(session->team), session->cache_size, "the cache", &session->pages, error);
  if (!status)
    session->cache = (void *)(uintptr_t)lmoptp_pages_address(session->pages);
  return status;
}

lmopt_status_t lmoptp_cache_create(lmopt_session_t *session, lmopt_error_t *error) {
  const lmopt_model_t *model = session->model;
  session->ring_back = INT64_MAX;
  if (model->table->kind != LMOPT_KIND_DECODER)
    return LMOPT_OK;
  session->capacity = whole_blocks(session, session->context);
  if (model->ring_positions && session->capacity > model->ring_positions) // else they hold the whole context
    session->ring_back = model->ring_back;
  session->cache_size = bytes_of(session, session->capacity);
  if (is_on_gpu(session))
    return make_pages(session, error);
  session->cache = lmoptp_reserve(session->cache_size);
  if (session->cache)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_RESOURCE,
                     "out of memory: a context of %lld positions needs %llu bytes; ask for a shorter context",
                     (long long)session->context, (unsigned long long)session->cache_size);
}

void lmoptp_cache_destroy(lmopt_session_t *session) {
  if (session->pages)
    lmoptp_pages_destroy(session->pages);
  else
    lmoptp_unreserve(session->cache, session->cache_size);
}

static lmopt_status_t map_pages(lmopt_session_t *session, int64_t positions, lmopt_error_t *error) {
  if (!session->pages)
    return LMOPT_OK;
  uint64_t mapped = lmoptp_pages_mapped(session->pages), wanted = bytes_of(session, whole_blocks(session, positions));
  return wanted <= mapped ? LMOPT_OK : lmoptp_pages_map(session->pages, mapped, wanted - mapped, error);
}

lmopt_status_t lmoptp_cache_reach(lmopt_session_t *session, int64_t positions, lmopt_error_t *error) {
  lmopt_status_t status = map_pages(session, positions, error);
  if (!status && (session->position == 0 || positions > session->furthest))
    session->furthest = positions;
  return status;
}
