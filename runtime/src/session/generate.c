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
 *
 * Whichever it is, tokens, positions and errors are those of single steps: steps on end stop where a single one would
 * do more than append (a full window, another length of rotary angles). Source: ptx.md 5.2. Tested by
 * test/unit/runtime/GenerateTest.cpp and DeviceGenerateTest.cpp.
 */
#include "runtime/src/session/cache.h"
#include "runtime/src/session/check.h"
#include "runtime/src/session/history.h"
#include "runtime/src/session/sampler.h"
#include "runtime/src/session/step.h"
#include "runtime/src/session/team.h"
#include "runtime/src/session/window.h"

typedef struct {
  lmopt_session_t *session;
  lmopt_sampler_t *sampler;
  int32_t token; // comes next
  lmopt_token_fn receive;
  void *user;
  bool is_over;                 // the receiver has enough
  float *logits;                // [vocabulary], or
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

// How many steps do nothing but append, after history_prepare.
static int64_t steps_on_end(const lmopt_session_t *session, int64_t wanted) {
  int64_t steps = lmoptp_window_fit(session, min64(wanted, LMOPTP_MOST_ON_END));
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

static lmopt_status_t generate(generation_t *g, int64_t count, lmopt_error_t *error) {
  bool on_end = g->greatest && lmoptp_sampler_is_greedy(g->sampler);
  lmopt_status_t status = LMOPT_OK;
  for (int64_t left = count, steps; left > 0 && !status && !g->is_over; left -= steps) {
    steps = on_end ? left : 1;
    status = on_end ? take_steps(g, &steps, error) : take_step(g, error);
  }
  return status;
}

// One place for what the sampler looks at: all logits, or the greatest alone.
static lmopt_status_t generate_in(generation_t *g, int64_t count, lmopt_error_t *error) {
  const lmopt_model_t *model = g->session->model;
  bool is_enough = lmoptp_team_finds_greatest(g->session->team, model, g->top);
  uint64_t bytes =
      is_enough ? (uint64_t)g->top * sizeof *g->greatest : (uint64_t)model->table->vocabulary * sizeof *g->logits;
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
