/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A complete program that tells how alike texts are, with an encoder that `lmopt compile` made.
 *
 *   embed MODEL.so "A man is eating food." "Somebody eats." "The sky is blue."
 *
 * All texts go through the model in one call, packed without padding; then each further text is compared with the
 * first: the cosine of their vectors, one line each. Compiled and run by the test example-embed.
 */
#include <lmopt/lmopt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 64 };

/* All handles of the program, so that there is one place that gives them back. */
typedef struct {
  lmopt_model_t *model;
  lmopt_session_t *session;
  int32_t *tokens;
  float *vectors;
  int64_t lengths[MAX_TEXTS];
} program_t;

static lmopt_status_t fail(lmopt_error_t *error, lmopt_status_t status, const char *message) {
  error->status = status;
  snprintf(error->message, sizeof error->message, "%s", message);
  return status;
}

/* Appends the tokens of one text to program->tokens, which has room for `room` more. */
static lmopt_status_t tokenize(program_t *program, const char *text, int64_t *length, int32_t *tokens, size_t room,
                               lmopt_error_t *error) {
  size_t count;
  lmopt_status_t status = lmopt_tokenizer_encode(lmopt_model_tokenizer(program->model), text, strlen(text),
                                                 LMOPT_TOKENIZE_DEFAULT, tokens, room, &count, error);
  if (!status && count > room)
    status = fail(error, LMOPT_ERROR_USAGE, "a text has more tokens than the model can take");
  *length = (int64_t)count;
  return status;
}

static lmopt_status_t encode(program_t *program, const lmopt_model_info_t *info, char **texts, int count,
                             lmopt_error_t *error) {
  size_t longest = (size_t)info->max_positions, used = 0;
  program->tokens = malloc((size_t)count * longest * sizeof *program->tokens);
  program->vectors = malloc((size_t)count * (size_t)info->output_width * sizeof *program->vectors);
  if (!program->tokens || !program->vectors)
    return fail(error, LMOPT_ERROR_RESOURCE, "out of memory");
  for (int i = 0; i < count; ++i) {
    lmopt_status_t status = tokenize(program, texts[i], &program->lengths[i], program->tokens + used, longest, error);
    if (status)
      return status;
    used += (size_t)program->lengths[i];
  }
  return lmopt_session_encode(program->session, program->tokens, program->lengths, count, program->vectors, error);
}

static double cosine(const float *a, const float *b, int32_t width) {
  double dot = 0, aa = 0, bb = 0;
  for (int32_t i = 0; i < width; ++i) {
    dot += (double)a[i] * b[i];
    aa += (double)a[i] * a[i];
    bb += (double)b[i] * b[i];
  }
  return dot / sqrt(aa * bb);
}

static lmopt_status_t run(program_t *program, const char *path, char **texts, int count, lmopt_error_t *error) {
  lmopt_status_t status = lmopt_model_open(path, NULL, &program->model, error);
  if (status)
    return status;
  lmopt_model_info_t info = {.struct_size = sizeof info};
  status = lmopt_model_get_info(program->model, &info, error);
  if (!status && (info.kind != LMOPT_MODEL_ENCODER || !lmopt_model_tokenizer(program->model)))
    status = fail(error, LMOPT_ERROR_UNSUPPORTED, "this program needs an encoder with a tokenizer");
  if (!status)
    status = lmopt_session_create(program->model, NULL, &program->session, error);
  if (!status)
    status = encode(program, &info, texts, count, error);
  for (int i = 1; i < count && !status; ++i)
    printf("%.4f  %s\n",
           cosine(program->vectors, program->vectors + (size_t)i * (size_t)info.output_width, info.output_width),
           texts[i]);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > MAX_TEXTS + 2) {
    fprintf(stderr, "usage: %s MODEL.so TEXT TEXT... (at most %d)\n", argv[0], MAX_TEXTS);
    return LMOPT_ERROR_USAGE;
  }
  program_t program = {0};
  lmopt_error_t error = {LMOPT_OK, ""};
  lmopt_status_t status = run(&program, argv[1], argv + 2, argc - 2, &error);
  if (status)
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
  lmopt_session_destroy(program.session);
  lmopt_model_destroy(program.model);
  free(program.tokens);
  free(program.vectors);
  return status; /* the exit codes of the lmopt driver */
}
