/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Continues a sequence by tokens that a sampler chooses. In: a session, the token that comes next. Out: the tokens, one
 * by one, to the caller; a session that holds all of them but the last.
 *
 *   threads                      a step, all the logits that the sampler looks at, its choice; again
 *   a GPU that finds the         the same with the greatest logits alone, a few pairs of logit and token
 *   greatest logits, a sampler
 *   the same, greedy             several steps on end, each of which makes the next one ready; then their tokens, of
 *                                which those that the caller does not take leave no trace: the cache is written again
 *                                where they were
 *   threads, with guesses        a step over the token and those that may follow it, their logits; as long as the
 *   (speculation.c)              sampler chooses what was guessed, the next row counts, too; the others leave no trace
 *
 * Whichever it is, tokens, positions and errors are those of single steps: steps on end stop where a single one would
 * do more than append (a full window, another length of rotary angles). Source: ptx.md 5.2. Tested by
 * test/unit/runtime/GenerateTest.cpp, SpeculationTest.cpp and DeviceGenerateTest.cpp.
 */
#include "runtime/src/session/cache.h"
#include "runtime/src/session/check.h"
#include "runtime/src/session/history.h"
#include "runtime/src/session/sampler.h"
#include "runtime/src/session/speculation.h"
#include "runtime/src/session/step.h"
#include "runtime/src/session/team.h"
#include "runtime/src/session/window.h"

#include <string.h>

typedef struct {
  lmopt_session_t *session;
  lmopt_sampler_t *sampler;
  int32_t token; // comes next
  lmopt_token_fn receive;
  void *user;
  bool is_over;                 // the receiver has enough
  float *logits;                // [vocabulary], with guesses so many for each row; or
  lmopt_device_top_t *greatest; // [top]
  int32_t top;
} generation_t;

/*===--- One token ---===*/

// The session holds `token`, and `chosen` follows it.
static void deliver(generation_t *g, int32_t chosen) {
  g->token = chosen;
  g->is_over = g->receive(g->user, chosen) != 0;
}

static lmopt_status_t choose_from_logits(generation_t *g, int32_t *chosen, lmopt_error_t *error) {
  lmopt_status_t status = lmopt_session_decode_top(g->session, g->token, g->top, g->logits, error);
  return status ? status : lmopt_sampler_sample(g->sampler, g->logits, chosen, error);
}

static lmopt_status_t choose_from_greatest(generation_t *g, int32_t *chosen, lmopt_error_t *error) {
  lmopt_session_t *session = g->session;
  lmopt_status_t status = lmoptp_history_prepare(session, session->team, 1, error);
  if (!status)
    status = lmoptp_top_pass(session, g->token, g->top, g->greatest, error);
  if (status)
    return status;
  lmoptp_history_append(session, &g->token, 1);
  return lmoptp_sampler_sample_top(g->sampler, g->greatest, g->top, chosen, error);
}

static lmopt_status_t take_step(generation_t *g, lmopt_error_t *error) {
  int32_t chosen;
  lmopt_status_t status = g->greatest ? choose_from_greatest(g, &chosen, error) : choose_from_logits(g, &chosen, error);
  if (!status)
    deliver(g, chosen);
  return status;
}

/*===--- Steps on end ---===*/

// How many steps do nothing but append, after history_prepare; of which all but the first may be taken back.
static int64_t steps_on_end(const lmopt_session_t *session, int64_t wanted) {
  int64_t steps = lmoptp_window_fit(session, min64(wanted, LMOPTP_MOST_ON_END));
  steps = min64(steps - 1, session->ring_back) + 1;
  int64_t last = session->model->table->rope_switch; // position that has the angles of short sequences
  return last && !session->rope ? min64(steps, last - session->held) : steps;
}

// Memory for all of them; or else for one, which then has a reason to fail.
static lmopt_status_t reach(lmopt_session_t *session, int64_t *steps, lmopt_error_t *error) {
  if (*steps > 1 && lmoptp_cache_reach(session, session->position + *steps, NULL) == LMOPT_OK)
    return LMOPT_OK;
  *steps = 1;
  return lmoptp_cache_reach(session, session->position + 1, error);
}

static lmopt_status_t accept(generation_t *g, int32_t chosen, lmopt_error_t *error) {
  lmoptp_history_append(g->session, &g->token, 1);
  ++g->session->position;
  if (chosen < 0)
    return lmoptp_sampler_fail(g->sampler, error);
  if (chosen >= lmoptp_sampler_vocabulary(g->sampler))
    return lmoptp_fail(error, LMOPT_ERROR_INTERNAL, "%s: entry \"%s\" chose token %d of %d",
                       g->session->model->artifact->path, LMOPT_ENTRY_DECODE_TOP, chosen,
                       lmoptp_sampler_vocabulary(g->sampler));
  deliver(g, chosen);
  return LMOPT_OK;
}

// *steps: how many are wanted, then how many were taken.
static lmopt_status_t take_steps(generation_t *g, int64_t *steps, lmopt_error_t *error) {
  lmopt_session_t *session = g->session;
  lmopt_status_t status = lmoptp_check_cancel(session, error);
  if (!status)
    status = lmoptp_history_prepare(session, session->team, 1, error);
  if (status)
    return status;
  *steps = steps_on_end(session, *steps);
  int32_t chosen[LMOPTP_MOST_ON_END];
  status = reach(session, steps, error);
  if (!status)
    status = lmoptp_greedy_pass(session, g->token, *steps, chosen, error);
  for (int64_t i = 0; i < *steps && !status && !g->is_over; ++i) {
    if (i > 0)
      status = lmoptp_check_cancel(session, error);
    if (!status)
      status = accept(g, chosen[i], error);
  }
  return status;
}

/*===--- Guesses ---===*/

// Rows of a pass as long as the sampler chooses the guess that is the next one.
static lmopt_status_t accept_rows(generation_t *g, const lmoptp_proposal_t *proposal, lmopt_error_t *error) {
  lmopt_session_t *session = g->session;
  int64_t vocabulary = lmoptp_sampler_vocabulary(g->sampler);
  bool is_same = true;
  for (int64_t i = 0; i <= proposal->count && is_same && !g->is_over; ++i) {
    int32_t chosen;
    lmopt_status_t status = i ? lmoptp_check_cancel(session, error) : LMOPT_OK;
    if (status)
      return status;
    lmoptp_history_append(session, &g->token, 1);
    ++session->position;
    status = lmopt_sampler_sample(g->sampler, g->logits + i * vocabulary, &chosen, error);
    if (status)
      return status;
    is_same = i < proposal->known && chosen == proposal->tokens[i];
    if (i < proposal->known)
      lmoptp_speculation_learn(session->speculation, proposal, i, is_same);
    deliver(g, chosen);
  }
  return LMOPT_OK;
}

// *steps: how many are wanted, then how many were taken.
static lmopt_status_t take_guesses(generation_t *g, int64_t *steps, lmopt_error_t *error) {
  lmopt_session_t *session = g->session;
  lmoptp_proposal_t proposal;
  lmopt_status_t status = lmoptp_check_cancel(session, error);
  if (!status)
    status = lmoptp_history_prepare(session, session->team, 1, error);
  if (!status)
    status = lmoptp_speculation_propose(session, g->token, steps_on_end(session, *steps) - 1, &proposal, error);
  if (status)
    return status;
  int32_t rows[1 + LMOPTP_MOST_PROPOSED] = {g->token};
  memcpy(rows + 1, proposal.tokens, (size_t)proposal.count * sizeof *rows);
  double start = lmoptp_seconds();
  status = lmoptp_rows_pass(session, rows, proposal.count + 1, g->top, g->logits, error);
  if (status)
    return status;
  double seconds = lmoptp_seconds() - start;
  int64_t held = session->held;
  status = accept_rows(g, &proposal, error);
  *steps = session->held - held;
  lmoptp_speculation_end(session, &proposal, *steps - 1, seconds);
  return status;
}

/*===--- The whole ---===*/

static lmopt_status_t check(const lmopt_session_t *session, const lmopt_sampler_t *sampler, int32_t token,
                            int64_t count, lmopt_token_fn receive, lmopt_error_t *error) {
  static const char function[] = "lmopt_session_generate";
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_DECODER, function, error);
  if (!status)
    status = lmoptp_check_tokens(session, &token, 1, error);
  if (status)
    return status;
  if (!receive)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: nobody receives the tokens", function);
  if (count < 0)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: %lld tokens; 0 or more are expected", function, (long long)count);
  if (!session->window && count > session->context - session->held)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "%s: the context is full: %lld of %lld positions are taken and %lld more are asked for",
                       function, (long long)session->held, (long long)session->context, (long long)count);
  int32_t vocabulary = (int32_t)session->model->table->vocabulary;
  if (sampler && lmoptp_sampler_vocabulary(sampler) != vocabulary)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: the sampler takes %d logits, the model gives %d", function,
                       lmoptp_sampler_vocabulary(sampler), vocabulary);
  return LMOPT_OK;
}

// *steps: how many are wanted, then how many were taken.
static lmopt_status_t take_some(generation_t *g, int64_t *steps, lmopt_error_t *error) {
  if (g->session->speculation)
    return take_guesses(g, steps, error);
  if (g->greatest && lmoptp_sampler_is_greedy(g->sampler))
    return take_steps(g, steps, error);
  *steps = 1;
  return take_step(g, error);
}

static lmopt_status_t generate(generation_t *g, int64_t count, lmopt_error_t *error) {
  lmopt_status_t status = LMOPT_OK;
  for (int64_t left = count, steps; left > 0 && !status && !g->is_over; left -= steps) {
    steps = left;
    status = take_some(g, &steps, error);
  }
  return status;
}

// One place for what the sampler looks at: all logits, or the greatest alone.
static lmopt_status_t generate_in(generation_t *g, int64_t count, lmopt_error_t *error) {
  const lmopt_model_t *model = g->session->model;
  bool is_enough = lmoptp_team_finds_greatest(g->session->team, model, g->top);
  uint64_t rows = g->session->speculation ? (uint64_t)g->session->speculation->most + 1 : 1;
  uint64_t bytes =
      is_enough ? (uint64_t)g->top * sizeof *g->greatest : rows * model->table->vocabulary * sizeof *g->logits;
  void *room = lmoptp_reserve(bytes);
  if (!room)
    return lmoptp_fail_memory(error, bytes, "the logits of a step");
  if (is_enough)
    g->greatest = room;
  else
    g->logits = room;
  lmopt_status_t status = generate(g, count, error);
  lmoptp_unreserve(room, bytes);
  return status;
}

lmopt_status_t lmopt_session_generate(lmopt_session_t *session, int32_t token, lmopt_sampler_t *sampler, int64_t count,
                                      lmopt_token_fn receive, void *user, lmopt_error_t *error) {
  lmopt_status_t status = check(session, sampler, token, count, receive, error);
  lmopt_sampler_t *greedy = NULL;
  if (!status && !sampler)
    status = lmopt_sampler_create(NULL, (int32_t)session->model->table->vocabulary, &greedy, error);
  if (status)
    return status;
  generation_t g = {
      .session = session, .sampler = sampler ? sampler : greedy, .token = token, .receive = receive, .user = user};
  g.top = lmopt_sampler_top(g.sampler);
  status = count ? generate_in(&g, count, error) : LMOPT_OK;
  lmopt_sampler_destroy(greedy);
  return status;
}
