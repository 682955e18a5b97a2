/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The state of a session. Who works on it, each relying on those before: check.c (what callers give), cache.c (memory
 * of a sequence), step.c (one step of the generated code), window.c (sessions without end), history.c (what is read
 * again), session.c (decoders) and encode.c (encoders), speculation.c (guesses), generate.c (which tokens follow).
 * Where it computes is known to its team only (team.c).
 */
#ifndef LMOPT_SRC_SESSION_H
#define LMOPT_SRC_SESSION_H

#include "runtime/src/artifact/model.h"
#include "runtime/src/device/device.h"

struct lmopt_session {
  lmopt_model_t *model;
  lmopt_team_t *team;
  lmopt_cancel_t *cancel;
  void *cache;           // where the team computes
  int64_t capacity;      // positions that it is for
  uint64_t cache_size;   // bytes
  lmoptp_pages_t *pages; // of a team that is a GPU: what `cache` is the address of
  void *state;           // of a decoder whose code has one; NULL: it has none
  int32_t *zeros;        // of an encoder with inputs: for those that nobody gives
  int64_t context;
  // Tokens of the sequence, and how many of them the cache holds: fewer only while the others wait to be read again.
  int64_t held, position;
  int32_t *history; // the tokens themselves where that may happen, or NULL
  // With rings in the cache: behind the furthest position that was written (since the sequence was read from its
  // first), and how far behind it what is left of a sequence may end that goes on from there.
  int64_t furthest, ring_back;
  int64_t expected; // the caller's word how long the sequence will be
  int64_t rope;     // by which rotary angles the keys in the cache are turned, as lmopt_segment_t
  int64_t window, sinks, dropped;
  bool marked;                            // seen before in the same batch
  struct lmoptp_speculation *speculation; // NULL: it does not
  // Room for the segments and output rows of one step.
  lmopt_segment_t *segments;
  int32_t *rows;
  int64_t room;
};

/* What the code keeps of positions from `position` on is void. Of a cache the rest stays, but in rings what further
 * positions have taken the place of; a state has no way back. */
static inline void lmoptp_keep(lmopt_session_t *session, int64_t position) {
  if (position >= session->position)
    return;
  bool is_there = !session->state && session->furthest - position <= session->ring_back;
  session->position = is_there ? position : 0;
}

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* The rotary angles of a sequence of `length` tokens, as lmopt_segment_t. */
static inline int64_t lmoptp_rope_of(const lmopt_code_table_t *table, int64_t length) {
  return table->rope_switch && length > (int64_t)table->rope_switch;
}

#endif
