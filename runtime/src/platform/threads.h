/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A team whose members are threads of the host, for session/team.c, which makes the public team of it. Tested through
 * test/unit/runtime/SessionTest.cpp.
 */
#ifndef LMOPT_SRC_PLATFORM_THREADS_H
#define LMOPT_SRC_PLATFORM_THREADS_H

#include "runtime/src/platform/support.h"

typedef struct lmoptp_threads lmoptp_threads_t;

lmopt_status_t lmoptp_threads_create(const lmopt_team_options_t *options, lmoptp_threads_t **out, lmopt_error_t *error);
void lmoptp_threads_destroy(lmoptp_threads_t *team);
int32_t lmoptp_threads_count(const lmoptp_threads_t *team);
void lmoptp_threads_set_profile(lmoptp_threads_t *team, lmopt_profile_fn profile, void *user);

/* Runs entry->run(step, thread, threads) on every thread of the team; the caller is thread 0. The arena for the step
 * and `scratch_bytes` of memory for encoder segments are grown first; prepare() may place pointers into the step once
 * they stand. */
typedef void (*lmoptp_prepare_fn)(lmopt_step_t *step, void *scratch, void *user);
lmopt_status_t lmoptp_threads_step(lmoptp_threads_t *team, const lmopt_code_table_t *table, const lmopt_entry_t *entry,
                                   lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                   lmopt_error_t *error);
/* Makes sure that later steps of this model need no memory. */
lmopt_status_t lmoptp_threads_fit(lmoptp_threads_t *team, const lmopt_code_table_t *table, lmopt_error_t *error);

#endif
