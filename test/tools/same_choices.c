/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A development tool: whether the greatest logits alone (lmopt_sessions_decode_top) are those among all logits, on a
 * text.
 *
 * In: model.so, a file of little-endian int32 token ids, and
 *   --top K       greatest logits of each step (default 1)
 *   --sessions N  pieces of the text, one behind another, that are decoded together (default 16)
 *   --steps S     tokens of each piece (default: as many as there are)
 *   --threads T   (default 1)
 * Each piece is fed token by token to two sessions: one gives all logits, one the greatest K. Out: the steps that were
 * compared, and how often a logit that is there differs in a bit, or one of the K greatest is missing (the smaller id
 * first where equal). Exit code 1 when any does. Used for the figures of docs/performance.md; e2e-top compares
 * fixtures.
 */
#include "lmopt/lmopt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SESSIONS = 64 };

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "same_choices: %s: %s\n", what, detail);
  exit(2);
}

static void check(lmopt_status_t status, const lmopt_error_t *error, const char *what) {
  if (status != LMOPT_OK)
    fail(what, error->message);
}

static int32_t *read_ids(const char *path, long *count) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END))
    fail("cannot read", path);
  long size = ftell(file);
  rewind(file);
  int32_t *ids = malloc(size > 0 ? (size_t)size : 1);
  *count = size / (long)sizeof *ids;
  if (!ids || fread(ids, sizeof *ids, (size_t)*count, file) != (size_t)*count)
    fail("cannot read", path);
  fclose(file);
  return ids;
}

/* How many of the `top` greatest of `all` are not in `some`, or not the same, and how many others differ. */
static long differences(const float *all, const float *some, int32_t vocabulary, int32_t top) {
  long wrong = 0;
  for (int32_t v = 0; v < vocabulary; ++v)
    wrong += some[v] != -INFINITY && memcmp(all + v, some + v, sizeof *all) != 0;
  unsigned char *taken = calloc((size_t)vocabulary, 1);
  if (!taken)
    fail("out of memory", "calloc");
  for (int32_t i = 0; i < top; ++i) {
    int32_t best = -1;
    for (int32_t v = 0; v < vocabulary; ++v)
      if (!taken[v] && (best < 0 || all[v] > all[best]))
        best = v;
    taken[best] = 1;
    wrong += memcmp(all + best, some + best, sizeof *all) != 0;
  }
  free(taken);
  return wrong;
}

static lmopt_session_t *open_session(lmopt_model_t *model, lmopt_team_t *team, int64_t context) {
  lmopt_error_t error = {0};
  lmopt_session_options_t options = {.struct_size = sizeof options, .team = team, .context = context};
  lmopt_session_t *session = NULL;
  check(lmopt_session_create(model, &options, &session, &error), &error, "session");
  return session;
}

int main(int argc, char **argv) {
  long top = 1, count = 16, steps = 0, threads = 1;
  const char *paths[2] = {NULL, NULL};
  int given = 0;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--", 2)) {
      if (given == 2)
        fail("one argument too many", argv[i]);
      paths[given++] = argv[i];
      continue;
    }
    long *number = !strcmp(argv[i], "--top")        ? &top
                   : !strcmp(argv[i], "--sessions") ? &count
                   : !strcmp(argv[i], "--steps")    ? &steps
                   : !strcmp(argv[i], "--threads")  ? &threads
                                                    : NULL;
    if (!number || i + 1 == argc)
      fail("unknown option, or one without a value", argv[i]);
    *number = atol(argv[++i]);
  }
  if (given != 2 || top < 1 || count < 1 || count > MOST_SESSIONS)
    fail("usage", "same_choices MODEL.so IDS [--top K] [--sessions N] [--steps S] [--threads T]");
  lmopt_error_t error = {0};
  lmopt_model_t *model = NULL;
  check(lmopt_model_open(paths[0], NULL, &model, &error), &error, "open");
  lmopt_model_info_t info = {.struct_size = sizeof info};
  check(lmopt_model_get_info(model, &info, &error), &error, "info");
  if (top > info.top_logits)
    fail("the model does not find so many of the greatest logits alone", paths[0]);
  long length = 0;
  int32_t *ids = read_ids(paths[1], &length);
  long stride = length / count;
  steps = steps > 0 && steps < stride ? steps : stride;
  steps = steps < info.max_positions ? steps : info.max_positions;

  lmopt_team_options_t team_options = {.struct_size = sizeof team_options, .threads = (int32_t)threads};
  lmopt_team_t *team = NULL;
  check(lmopt_team_create(&team_options, &team, &error), &error, "team");
  lmopt_session_t *whole[MOST_SESSIONS], *best[MOST_SESSIONS];
  for (long i = 0; i < count; ++i) {
    whole[i] = open_session(model, team, steps);
    best[i] = open_session(model, team, steps);
  }
  size_t floats = (size_t)count * (size_t)info.vocabulary;
  float *all = malloc(floats * sizeof *all), *some = malloc(floats * sizeof *some);
  if (!all || !some)
    fail("out of memory", "malloc");
  long wrong = 0, kept = 0;
  for (long s = 0; s < steps; ++s) {
    int32_t tokens[MOST_SESSIONS];
    for (long i = 0; i < count; ++i)
      tokens[i] = ids[i * stride + s];
    check(lmopt_sessions_decode(whole, count, tokens, all, &error), &error, "decode");
    check(lmopt_sessions_decode_top(best, count, tokens, (int32_t)top, some, &error), &error, "decode_top");
    for (long i = 0; i < count; ++i)
      wrong += differences(all + i * info.vocabulary, some + i * info.vocabulary, info.vocabulary, (int32_t)top);
    for (size_t v = 0; v < floats; ++v)
      kept += some[v] != -INFINITY;
  }
  printf("%ld steps, %.2f logits kept of each, %ld differences\n", steps * count,
         (double)kept / (double)(steps * count), wrong);
  for (long i = 0; i < count; ++i) {
    lmopt_session_destroy(whole[i]);
    lmopt_session_destroy(best[i]);
  }
  lmopt_team_destroy(team);
  lmopt_model_destroy(model);
  free(ids);
  free(all);
  free(some);
  return wrong != 0;
}
