/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a sampler, for who generates (generate.c). See sampler.c.
 */
#ifndef LMOPT_SRC_SESSION_SAMPLER_H
#define LMOPT_SRC_SESSION_SAMPLER_H

#include "lmopt/abi.h"
#include "runtime/src/platform/support.h"

bool lmoptp_sampler_is_greedy(const lmopt_sampler_t *sampler);
int32_t lmoptp_sampler_vocabulary(const lmopt_sampler_t *sampler);
/* As lmopt_sampler_sample, of the `count` greatest logits alone: at least as many as lmopt_sampler_top says. */
lmopt_status_t lmoptp_sampler_sample_top(lmopt_sampler_t *sampler, const lmopt_device_top_t *greatest, int64_t count,
                                         int32_t *token, lmopt_error_t *error);
/* No logit was a number. */
lmopt_status_t lmoptp_sampler_fail(const lmopt_sampler_t *sampler, lmopt_error_t *error);

#endif
