/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A complete program that continues a text with a model that `lmopt compile` made.
 *
 *   generate MODEL.so "The capital of France is" [TOKENS]
 *
 * It shows the whole way: open -> session -> tokens -> prefill -> (sample -> decode)* -> text. For a model that was
 * trained for conversations, make the prompt with lmopt_model_chat and encode it with LMOPT_TOKENIZE_PARSE_SPECIAL
 * alone. Compiled and run by the test example-generate.
 */
#include <lmopt/lmopt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All handles of the program, so that there is one place that gives them back. */
typedef struct {
  lmopt_model_t *model;
  lmopt_session_t *session;
  lmopt_sampler_t *sampler;
  lmopt_detokenizer_t *detokenizer;
  int32_t *prompt;
  float *logits;
} program_t;

/* Text to tokens: the first call tells how many there are. */
static lmopt_status_t encode(program_t *program, const char *text, size_t *count, lmopt_error_t *error) {
  const lmopt_tokenizer_t *tokenizer = lmopt_model_tokenizer(program->model);
  lmopt_status_t status =
      lmopt_tokenizer_encode(tokenizer, text, strlen(text), LMOPT_TOKENIZE_DEFAULT, NULL, 0, count, error);
  if (status)
    return status;
  size_t capacity = *count;
  program->prompt = malloc((capacity + 1) * sizeof *program->prompt);
  if (!program->prompt) {
    error->status = LMOPT_ERROR_RESOURCE;
    strcpy(error->message, "out of memory");
    return error->status;
  }
  return lmopt_tokenizer_encode(tokenizer, text, strlen(text), LMOPT_TOKENIZE_DEFAULT, program->prompt, capacity, count,
                                error);
}

static lmopt_status_t prepare(program_t *program, const char *path, lmopt_error_t *error) {
  lmopt_status_t status = lmopt_model_open(path, NULL, &program->model, error);
  if (status)
    return status;
  lmopt_model_info_t info = {.struct_size = sizeof info};
  status = lmopt_model_get_info(program->model, &info, error);
  if (status)
    return status;
  const lmopt_tokenizer_t *tokenizer = lmopt_model_tokenizer(program->model);
  program->logits = malloc((size_t)info.output_width * sizeof *program->logits);
  if (info.kind != LMOPT_MODEL_DECODER || !tokenizer || !program->logits) {
    error->status = LMOPT_ERROR_UNSUPPORTED;
    strcpy(error->message, "this program needs a decoder with a tokenizer, and memory for its logits");
    return error->status;
  }
  /* NULL options: a team of all CPUs, the model's own context length. */
  status = lmopt_session_create(program->model, NULL, &program->session, error);
  /* Defaults: greedy. For other text each time set temperature, top_p and a seed. */
  if (!status)
    status = lmopt_sampler_create(NULL, info.vocabulary, &program->sampler, error);
  if (!status)
    status = lmopt_detokenizer_create(tokenizer, 0, &program->detokenizer, error);
  return status;
}

static lmopt_status_t generate(program_t *program, const char *text, long tokens, lmopt_error_t *error) {
  const char *bytes;
  size_t count, size;
  lmopt_status_t status = encode(program, text, &count, error);
  if (!status)
    status = lmopt_session_prefill(program->session, program->prompt, (int64_t)count, program->logits, error);
  for (long i = 0; i < tokens && !status; ++i) {
    int32_t token;
    status = lmopt_sampler_sample(program->sampler, program->logits, &token, error);
    if (status || lmopt_tokenizer_is_end(lmopt_model_tokenizer(program->model), token))
      break;
    /* Text comes out as soon as it is certain: a character may need several tokens. */
    status = lmopt_detokenizer_push(program->detokenizer, token, &bytes, &size, error);
    if (status)
      break;
    fwrite(bytes, 1, size, stdout);
    fflush(stdout);
    status = lmopt_session_decode(program->session, token, program->logits, error);
  }
  if (!status)
    status = lmopt_detokenizer_flush(program->detokenizer, &bytes, &size, error);
  if (!status)
    fwrite(bytes, 1, size, stdout);
  putchar('\n');
  return status;
}

static void clean_up(program_t *program) {
  lmopt_detokenizer_destroy(program->detokenizer);
  lmopt_sampler_destroy(program->sampler);
  lmopt_session_destroy(program->session);
  lmopt_model_destroy(program->model);
  free(program->prompt);
  free(program->logits);
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: %s MODEL.so PROMPT [TOKENS]\n", argv[0]);
    return LMOPT_ERROR_USAGE;
  }
  program_t program = {0};
  lmopt_error_t error = {LMOPT_OK, ""};
  lmopt_status_t status = prepare(&program, argv[1], &error);
  if (!status)
    status = generate(&program, argv[2], argc == 4 ? atol(argv[3]) : 32, &error);
  if (status)
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
  clean_up(&program);
  return status; /* the exit codes of the lmopt driver */
}
