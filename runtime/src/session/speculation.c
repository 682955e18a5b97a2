/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Guesses of what comes next, which a pass over several rows then computes with (generate.c). In: the tokens of a
 * session. Out: some that may follow, by what followed the latest ones earlier in the sequence (lookup.c), or by a
 * smaller model, greedily; as many as will pay (payoff.c). Guesses decide about speed alone.
 *
 * The draft is a session of its own that follows ours: `common` tells how many of its tokens still are those of the
 * sequence; the rest is cut off, and what is missing is read, when it is asked the next time. Its guesses are its most
 * probable tokens whatever the sampler does: no others are more often the ones that are drawn from the model, as long
 * as the draw itself must be that of single steps. Sources: Saxena 2023 (lookup); Leviathan et al. 2023 (drafts, passes
 * over several rows; not their rule of acceptance, which gives the same distribution but other tokens). Tested by
 * test/unit/runtime/SpeculationTest.cpp.
 */
#include "runtime/src/session/speculation.h"

#include "runtime/src/session/check.h"
#include "runtime/src/session/history.h"
#include "runtime/src/session/team.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double lmoptp_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/*===--- Making and unmaking ---===*/

void lmoptp_speculation_destroy(lmoptp_speculation_t *speculation) {
  if (!speculation)
    return;
  lmoptp_lookup_destroy(&speculation->lookup);
  lmopt_session_destroy(speculation->draft);
  free(speculation);
}

static const char function[] = "lmopt_session_speculate";

static lmopt_status_t check_options(const lmopt_session_t *session, const lmopt_speculation_options_t *options,
                                    lmopt_error_t *error) {
  if (session->speculation)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: the session speculates already", function);
  if (session->held)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "%s: the session holds %lld tokens already; call it before the first one", function,
                       (long long)session->held);
  if (!options->lookup && !options->draft)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: nothing to guess from; ask for lookup, or give a draft",
                       function);
  if (options->most < 0 || options->most > LMOPTP_MOST_PROPOSED)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: most is %d, expected 1 to %d", function, options->most,
                       LMOPTP_MOST_PROPOSED);
  return LMOPT_OK;
}

static lmopt_status_t check_state(const lmopt_model_t *model, lmopt_error_t *error) {
  if (!model->table->state_bytes_per_sequence)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_UNSUPPORTED,
                     "%s keeps a state of %llu bytes for each sequence, which has no way back: no speculation",
                     model->artifact->path, (unsigned long long)model->table->state_bytes_per_sequence);
}

// The first token that the two have different texts for; a model without a tokenizer is taken at its word.
static lmopt_status_t compare_tokens(const lmopt_model_t *model, const lmopt_model_t *draft, lmopt_error_t *error) {
  int32_t vocabulary = (int32_t)model->table->vocabulary;
  for (int32_t id = 0; model->tokenizer && draft->tokenizer && id < vocabulary; ++id) {
    const char *ours = NULL, *theirs = NULL;
    size_t our_size = 0, their_size = 0;
    lmopt_status_t status = lmopt_tokenizer_piece(model->tokenizer, id, &ours, &our_size, error);
    if (!status)
      status = lmopt_tokenizer_piece(draft->tokenizer, id, &theirs, &their_size, error);
    if (status)
      return status;
    if (our_size != their_size || (our_size && memcmp(ours, theirs, our_size) != 0))
      return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                         "%s: token %d is '%.*s' in %s and '%.*s' in the draft %s; a draft needs the same vocabulary",
                         function, id, (int)min64((int64_t)our_size, 40), ours, model->artifact->path,
                         (int)min64((int64_t)their_size, 40), theirs, draft->artifact->path);
  }
  return LMOPT_OK;
}

static lmopt_status_t check_draft(const lmopt_model_t *model, const lmopt_model_t *draft, lmopt_error_t *error) {
  if (draft->table->kind != LMOPT_KIND_DECODER)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: the draft %s is an encoder", function, draft->artifact->path);
  if (draft->table->vocabulary != model->table->vocabulary)
    return lmoptp_fail(
        error, LMOPT_ERROR_USAGE, "%s: the draft %s has %u tokens, but %s has %u; a draft needs the same vocabulary",
        function, draft->artifact->path, draft->table->vocabulary, model->artifact->path, model->table->vocabulary);
  lmopt_status_t status = check_state(draft, error);
  return status ? status : compare_tokens(model, draft, error);
}

static lmopt_status_t make_draft(const lmopt_session_t *session, lmopt_model_t *draft, lmoptp_speculation_t *made,
                                 lmopt_error_t *error) {
  lmopt_status_t status = check_draft(session->model, draft, error);
  if (status)
    return status;
  lmopt_session_options_t options = {
      .struct_size = sizeof options,
      .team = session->team,
      .context = min64(session->context, draft->table->max_positions),
      .cancel = session->cancel,
  };
  return lmopt_session_create(draft, &options, &made->draft, error);
}

static lmopt_status_t fill_in(lmopt_session_t *session, const lmopt_speculation_options_t *options,
                              lmoptp_speculation_t *made, lmopt_error_t *error) {
  const lmopt_model_t *model = session->model;
  double weights = (double)model->artifact->layout.note.weight_bytes;
  made->looks_up = options->lookup != 0;
  made->is_always = options->always != 0;
  made->most = min64(options->most ? options->most : LMOPTP_MOST_PROPOSED, model->many->max_rows - 1);
  lmoptp_payoff_start(&made->payoff,
                      options->draft ? (double)options->draft->artifact->layout.note.weight_bytes / weights : 0);
  lmopt_status_t status = lmoptp_history_require(session, error);
  if (!status && made->looks_up)
    status = lmoptp_lookup_create(session->context, &made->lookup, error);
  return status || !options->draft ? status : make_draft(session, options->draft, made, error);
}

lmopt_status_t lmopt_session_speculate(lmopt_session_t *session, const lmopt_speculation_options_t *options,
                                       lmopt_error_t *error) {
  lmopt_speculation_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_speculation_options_t", error);
  if (!status)
    status = lmoptp_check_kind(session, LMOPT_KIND_DECODER, function, error);
  if (!status)
    status = check_options(session, &own, error);
  if (!status && lmoptp_team_device(session->team))
    status = lmoptp_fail(error, LMOPT_ERROR_UNSUPPORTED, "%s computes on a GPU; sessions there do not speculate yet",
                         session->model->artifact->path);
  if (!status)
    status = check_state(session->model, error);
  if (status)
    return status;
  lmoptp_speculation_t *made = calloc(1, sizeof *made);
  if (!made)
    return lmoptp_fail_memory(error, sizeof *made, "the guesses of a session");
  status = fill_in(session, &own, made, error);
  if (status)
    lmoptp_speculation_destroy(made);
  else
    session->speculation = made;
  return status;
}

lmopt_status_t lmopt_session_get_speculation(const lmopt_session_t *session, lmopt_speculation_info_t *info,
                                             lmopt_error_t *error) {
  lmopt_speculation_info_t own = {.struct_size = sizeof own};
  const lmoptp_speculation_t *speculation = session->speculation;
  if (speculation) {
    own.passes = speculation->passes;
    own.proposed = speculation->proposed;
    own.accepted = speculation->accepted;
  }
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_speculation_info_t", error);
}

void lmoptp_speculation_keep(lmoptp_speculation_t *speculation, int64_t position) {
  if (!speculation)
    return;
  if (speculation->looks_up)
    lmoptp_lookup_keep(&speculation->lookup, position);
  speculation->common = min64(speculation->common, position);
}

/*===--- Guesses ---===*/

// What followed, and where that reaches the end of the sequence, what would follow it: text that goes round in circles.
static void copy_place(const int32_t *tokens, int64_t count, int64_t position, lmoptp_proposal_t *proposal) {
  for (int64_t i = 0; i < LMOPTP_MOST_PROPOSED; ++i, ++position)
    proposal->tokens[i] = position < count ? tokens[position] : proposal->tokens[position - count];
  proposal->known = LMOPTP_MOST_PROPOSED;
}

static void look_up(lmopt_session_t *session, int32_t token, int64_t most, lmoptp_proposal_t *proposal, double *rate) {
  lmoptp_speculation_t *speculation = session->speculation;
  session->history[session->held] = token; // where it will be
  int64_t count = session->held + 1,
          position = lmoptp_lookup_find(&speculation->lookup, session->history, count, &proposal->agreement);
  if (position < 0)
    return;
  copy_place(session->history, count, position, proposal);
  proposal->count =
      speculation->is_always ? most : lmoptp_payoff_lookup(&speculation->payoff, proposal->agreement, most, rate);
}

// What the draft cannot hold it is not asked for.
static int64_t drafts_wanted(lmopt_session_t *session, int64_t most, double *rate) {
  lmoptp_speculation_t *speculation = session->speculation;
  most = min64(most, speculation->draft->context - session->held);
  if (most <= 0)
    return 0;
  return speculation->is_always ? most : lmoptp_payoff_drafts(&speculation->payoff, most, rate);
}

static int take_guess(void *user, int32_t token) {
  lmoptp_proposal_t *proposal = user;
  proposal->tokens[proposal->known++] = token;
  return 0;
}

// Brings the draft to the tokens of the session, then lets it go on.
static lmopt_status_t ask_draft(lmopt_session_t *session, int32_t token, int64_t count, lmoptp_proposal_t *proposal,
                                lmopt_error_t *error) {
  lmoptp_speculation_t *speculation = session->speculation;
  lmopt_session_t *draft = speculation->draft;
  *proposal = (lmoptp_proposal_t){0};
  lmopt_status_t status = lmopt_session_truncate(draft, min64(speculation->common, draft->held), error);
  if (!status && draft->held < session->held)
    status = lmopt_session_prefill(draft, session->history + draft->held, session->held - draft->held, NULL, error);
  speculation->common = draft->held;
  double start = lmoptp_seconds(); // what it had to read before is mostly the prompt, once
  if (!status)
    status = lmopt_session_generate(draft, token, NULL, count, take_guess, proposal, error);
  proposal->count = proposal->known;
  if (!status)
    lmoptp_payoff_draft(&speculation->payoff, count, lmoptp_seconds() - start);
  return status;
}

lmopt_status_t lmoptp_speculation_propose(lmopt_session_t *session, int32_t token, int64_t most,
                                          lmoptp_proposal_t *proposal, lmopt_error_t *error) {
  lmoptp_speculation_t *speculation = session->speculation;
  double rate = 0, draft_rate = 0;
  *proposal = (lmoptp_proposal_t){0};
  most = min64(most, speculation->most);
  if (speculation->looks_up)
    look_up(session, token, most, proposal, &rate);
  int64_t drafts = speculation->draft && most > 0 ? drafts_wanted(session, most, &draft_rate) : 0;
  bool is_better = proposal->count == 0 || draft_rate > rate;
  return drafts > 0 && is_better ? ask_draft(session, token, drafts, proposal, error) : LMOPT_OK;
}

/*===--- What came of them ---===*/

void lmoptp_speculation_learn(lmoptp_speculation_t *speculation, const lmoptp_proposal_t *proposal, int64_t index,
                              bool is_same) {
  int source = proposal->agreement ? lmoptp_source_of(proposal->agreement + index) : LMOPTP_FROM_DRAFT;
  lmoptp_payoff_learn(&speculation->payoff, source, is_same);
}

void lmoptp_speculation_end(lmopt_session_t *session, const lmoptp_proposal_t *proposal, int64_t accepted,
                            double seconds) {
  lmoptp_speculation_t *speculation = session->speculation;
  ++speculation->passes;
  speculation->proposed += proposal->count;
  speculation->accepted += accepted;
  speculation->payoff.unused += accepted + 1;
  lmoptp_payoff_pass(&speculation->payoff, proposal->count + 1, seconds);
  bool is_drafted = proposal->count && !proposal->agreement;
  if (is_drafted) // it holds the token and all of its guesses but the last
    speculation->common = min64(speculation->draft->held, session->held);
}
