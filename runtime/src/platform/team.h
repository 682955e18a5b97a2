/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a team of threads, for those who give it steps. Tested through test/unit/runtime/SessionTest.cpp.
 */
#ifndef LMOPT_SRC_PLATFORM_TEAM_H
#define LMOPT_SRC_PLATFORM_TEAM_H

#include "runtime/src/platform/support.h"

/* Runs entry->run(step, thread, threads) on every thread of the team; the caller is thread 0. The arena for the step
 * and `scratch_bytes` of memory for encoder segments are grown first; prepare() may place pointers into the step once
 * they stand. */
typedef void (*lmoptp_prepare_fn)(lmopt_step_t *step, void *scratch, void *user);
lmopt_status_t lmoptp_team_step(lmopt_team_t *team, const lmopt_code_table_t *table, const lmopt_entry_t *entry,
                                lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                lmopt_error_t *error);
/* Makes sure that later steps of this model need no memory. */
lmopt_status_t lmoptp_team_fit(lmopt_team_t *team, const lmopt_code_table_t *table, lmopt_error_t *error);
void lmoptp_team_retain(lmopt_team_t *team);

#endif
