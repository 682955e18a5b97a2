/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A development tool: whether lmopt_session_generate gives what a loop of single calls gives.
 *
 * In: model.so, a file of little-endian int32 token ids (a prompt), and
 *   --device NAME  where (default: threads)
 *   --threads N    with how many (default 1)
 *   --count N      tokens (default 24)
 *   --lookup N, --draft M.so   the call guesses at most so many tokens at once, always (default of a draft: 4)
 * Greedy and by samplers of several top_k, to the end and stopped in the middle. Out: how many tokens were compared.
 * Exit code 1 when a token, the position or the logits after the last one differ. Used by test/e2e/devices.py and
 * speculation.py.
 */
#include "lmopt/lmopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1024 };

typedef struct {
  int32_t tokens[MOST];
  long count, enough;
} text_t;

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "same_generation: %s: %s\n", what, detail);
  exit(2);
}

static void check(lmopt_status_t status, const lmopt_error_t *error, const char *what) {
  if (status != LMOPT_OK)
    fail(what, error->message);
}

static int receive(void *user, int32_t token) {
  text_t *text = user;
  text->tokens[text->count++] = token;
  return text->count == text->enough;
}

static lmopt_sampler_t *make_sampler(float temperature, int32_t top_k, int32_t vocabulary) {
  lmopt_error_t error = {0};
  lmopt_sampler_options_t options = {
      .struct_size = sizeof options, .temperature = temperature, .top_k = top_k, .seed = 3};
  lmopt_sampler_t *sampler = NULL;
  check(lmopt_sampler_create(&options, vocabulary, &sampler, &error), &error, "sampler");
  return sampler;
}

/* Feeds the prompt anew; the result is what is fed next. */
static int32_t start(lmopt_session_t *session, const int32_t *ids, long length, float *logits,
                     lmopt_sampler_t *sampler) {
  lmopt_error_t error = {0};
  int32_t token = 0;
  check(lmopt_session_truncate(session, 0, &error), &error, "truncate");
  check(lmopt_session_prefill(session, ids, length, logits, &error), &error, "prefill");
  check(lmopt_sampler_sample(sampler, logits, &token, &error), &error, "sample");
  return token;
}

/* The logits after the last token are left in `logits`. */
static void finish(lmopt_session_t *session, const text_t *text, float *logits) {
  lmopt_error_t error = {0};
  check(lmopt_session_decode(session, text->tokens[text->count - 1], logits, &error), &error, "decode");
}

static void run_loop(lmopt_session_t *session, int32_t token, lmopt_sampler_t *sampler, long count, float *logits,
                     text_t *text) {
  lmopt_error_t error = {0};
  for (long i = 0, over = 0; i < count && !over; ++i) {
    check(lmopt_session_decode_top(session, token, lmopt_sampler_top(sampler), logits, &error), &error, "decode_top");
    check(lmopt_sampler_sample(sampler, logits, &token, &error), &error, "sample");
    over = receive(text, token);
  }
  finish(session, text, logits);
}

static void run_call(lmopt_session_t *session, int32_t token, lmopt_sampler_t *sampler, long count, float *logits,
                     text_t *text) {
  lmopt_error_t error = {0};
  check(lmopt_session_generate(session, token, sampler, count, receive, text, &error), &error, "generate");
  finish(session, text, logits);
}

typedef struct {
  lmopt_session_t *session;
  const int32_t *ids;
  long length, count;
  int32_t vocabulary;
  float *logits[2];
} job_t;

/* Tokens that were compared; none: they differ. */
static long compare(const job_t *job, float temperature, int32_t top_k, long enough) {
  text_t texts[2];
  for (int way = 0; way < 2; ++way) {
    lmopt_sampler_t *sampler = make_sampler(temperature, top_k, job->vocabulary);
    texts[way] = (text_t){.enough = enough};
    int32_t token = start(job->session, job->ids, job->length, job->logits[way], sampler);
    (way ? run_call : run_loop)(job->session, token, sampler, job->count, job->logits[way], &texts[way]);
    lmopt_sampler_destroy(sampler);
  }
  if (texts[0].count != texts[1].count ||
      memcmp(texts[0].tokens, texts[1].tokens, (size_t)texts[0].count * sizeof *texts[0].tokens) != 0 ||
      memcmp(job->logits[0], job->logits[1], (size_t)job->vocabulary * sizeof **job->logits) != 0)
    return 0;
  return texts[0].count;
}

static void read_ids(const char *path, int32_t *ids, long *length) {
  FILE *file = fopen(path, "rb");
  if (!file)
    fail("cannot read", path);
  *length = (long)fread(ids, sizeof *ids, MOST, file);
  fclose(file);
  if (!*length)
    fail("no ids", path);
}

/* Nothing, where nothing is asked for. */
static void speculate(lmopt_session_t *session, int32_t lookup, const char *draft) {
  lmopt_error_t error = {0};
  lmopt_model_t *model = NULL;
  if (!lookup && !draft)
    return;
  if (draft)
    check(lmopt_model_open(draft, NULL, &model, &error), &error, "draft");
  lmopt_speculation_options_t options = {
      .struct_size = sizeof options, .lookup = lookup > 0, .draft = model, .most = lookup ? lookup : 4, .always = 1};
  check(lmopt_session_speculate(session, &options, &error), &error, "speculate");
  lmopt_model_destroy(model);
}

static void tell_guesses(const lmopt_session_t *session) {
  lmopt_speculation_info_t info = {.struct_size = sizeof info};
  check(lmopt_session_get_speculation(session, &info, NULL), NULL, "speculation");
  if (info.passes)
    printf("%lld of %lld guesses accepted\n", (long long)info.accepted, (long long)info.proposed);
}

int main(int argc, char **argv) {
  const char *device = NULL, *draft = NULL;
  int32_t threads = 1, lookup = 0;
  static int32_t ids[MOST];
  job_t job = {.ids = ids, .count = 24};
  if (argc < 3 || argc % 2 == 0)
    fail("usage", "same_generation MODEL.so IDS [--device NAME] [--threads N] [--count N] [--lookup N] [--draft M.so]");
  for (int i = 3; i < argc; i += 2)
    if (!strcmp(argv[i], "--device"))
      device = argv[i + 1];
    else if (!strcmp(argv[i], "--count"))
      job.count = strtol(argv[i + 1], NULL, 10);
    else if (!strcmp(argv[i], "--threads"))
      threads = (int32_t)strtol(argv[i + 1], NULL, 10);
    else if (!strcmp(argv[i], "--lookup"))
      lookup = (int32_t)strtol(argv[i + 1], NULL, 10);
    else if (!strcmp(argv[i], "--draft"))
      draft = argv[i + 1];
    else
      fail("unknown option", argv[i]);
  if (job.count < 2 || job.count > MOST)
    fail("--count", "2 to 1024");
  read_ids(argv[2], ids, &job.length);

  lmopt_error_t error = {0};
  lmopt_model_t *model = NULL;
  check(lmopt_model_open(argv[1], NULL, &model, &error), &error, "open");
  lmopt_model_info_t info = {.struct_size = sizeof info};
  check(lmopt_model_get_info(model, &info, &error), &error, "info");
  job.vocabulary = info.vocabulary;
  lmopt_session_options_t options = {.struct_size = sizeof options, .threads = device ? 0 : threads, .device = device};
  check(lmopt_session_create(model, &options, &job.session, &error), &error, "session");
  speculate(job.session, lookup, draft);
  for (int i = 0; i < 2; ++i)
    job.logits[i] = malloc((size_t)job.vocabulary * sizeof *job.logits[i]);
  if (!job.logits[0] || !job.logits[1])
    fail("out of memory", "malloc");

  const struct {
    float temperature;
    int32_t top_k;
  } samplers[] = {{0, 0}, {1, 0}, {1, 1}, {1, 8}, {5, 40}};
  long compared = 0, wrong = 0;
  for (size_t i = 0; i < sizeof samplers / sizeof *samplers; ++i)
    for (long enough = job.count; enough > 0; enough -= job.count / 2) {
      long same = compare(&job, samplers[i].temperature, samplers[i].top_k, enough);
      compared += same;
      wrong += !same;
    }
  tell_guesses(job.session);
  printf("%ld tokens compared, %ld texts differ\n", compared, wrong);
  free(job.logits[0]);
  free(job.logits[1]);
  lmopt_session_destroy(job.session);
  lmopt_model_destroy(model);
  return wrong ? 1 : 0;
}
