/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A development tool: runs token ids through a compiled model by the public C interface and writes the raw floats.
 *
 * In: model.so, a file of little-endian int32 token ids. Out: a file of fp32: decoder: logits of the chosen positions
 * of each sequence; encoder: one vector of each sequence. Options:
 *   --length L      the ids are sequences of L tokens each (default: all ids are one sequence)
 *   --lengths FILE  ... of varying lengths, given as int32 (instead of --length)
 *   --first R       write the logits of the positions R, R+1, ... of each sequence only (default 0)
 *   --last R        ... and of none from R on (default: to the end)
 *   --split A,B,..  feed each sequence in pieces of A, B, ... tokens, the last number again and again; pieces of one go
 *                   through lmopt_session_decode. Default: the whole sequence at once. Encoder: how many sequences a
 * call.
 *   --threads N     (default 1)
 *   --device NAME   as lmopt_session_options_t (default: the CPU)
 *   --top K         pieces of one go through lmopt_session_decode_top
 *   --together N    N sequences at once, a token of each in a pass (lmopt_sessions_decode_top, or without --top
 *                   lmopt_sessions_decode): all are as long; their rows are written pass by pass
 * Used by compare_quality.py and by the end-to-end tests (test/e2e).
 */
#include "lmopt/lmopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *model, *ids_path, *out_path, *lengths_path, *split, *device;
  long length, first, last, threads, together;
  int top;
} options_t;

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "dump_logits: %s: %s\n", what, detail);
  exit(1);
}

static void check(lmopt_status_t status, const lmopt_error_t *error, const char *what) {
  if (status != LMOPT_OK)
    fail(what, error->message);
}

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory)
    fail("out of memory", "malloc");
  return memory;
}

static int32_t *read_ints(const char *path, long *count) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END))
    fail("cannot read", path);
  long size = ftell(file);
  rewind(file);
  int32_t *values = allocate((size_t)size);
  *count = size / (long)sizeof(int32_t);
  if (fread(values, sizeof(int32_t), (size_t)*count, file) != (size_t)*count)
    fail("cannot read", path);
  fclose(file);
  return values;
}

static options_t parse(int argc, char **argv) {
  options_t options = {.threads = 1, .last = -1};
  const char **positional[] = {&options.model, &options.ids_path, &options.out_path};
  int given = 0;
  for (int i = 1; i < argc; ++i) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strncmp(argv[i], "--", 2)) {
      if (given == 3)
        fail("one argument too many", argv[i]);
      *positional[given++] = argv[i];
      continue;
    }
    if (!value)
      fail("option without value", argv[i]);
    if (!strcmp(argv[i], "--length"))
      options.length = atol(value);
    else if (!strcmp(argv[i], "--lengths"))
      options.lengths_path = value;
    else if (!strcmp(argv[i], "--first"))
      options.first = atol(value);
    else if (!strcmp(argv[i], "--last"))
      options.last = atol(value);
    else if (!strcmp(argv[i], "--split"))
      options.split = value;
    else if (!strcmp(argv[i], "--threads"))
      options.threads = atol(value);
    else if (!strcmp(argv[i], "--device"))
      options.device = value;
    else if (!strcmp(argv[i], "--top"))
      options.top = atoi(value);
    else if (!strcmp(argv[i], "--together"))
      options.together = atol(value);
    else
      fail("unknown option", argv[i]);
    ++i;
  }
  if (given != 3)
    fail("usage", "dump_logits MODEL.so IDS OUT [--length L | --lengths FILE] [--first R] [--last R] [--split A,B,..] "
                  "[--threads N] [--device NAME] [--top K] [--together N]");
  return options;
}

/* The next piece of `--split` out of what is left; *cursor stays on the last number. */
static long next_piece(const char **cursor, long left) {
  if (!*cursor)
    return left;
  char *end;
  long piece = strtol(*cursor, &end, 10);
  if (end == *cursor || piece < 1)
    fail("--split needs positive numbers", *cursor);
  if (*end == ',')
    *cursor = end + 1;
  return piece < left ? piece : left;
}

typedef struct {
  FILE *out;
  long position, first, last; /* position of the next row in its sequence; rows in [first, last) are written */
  size_t width;
} writer_t;

static int write_rows(void *user, int64_t first, int64_t rows, const float *logits) {
  (void)first;
  writer_t *writer = user;
  for (int64_t row = 0; row < rows; ++row, ++writer->position)
    if (writer->position >= writer->first && writer->position < writer->last &&
        fwrite(logits + (size_t)row * writer->width, sizeof(float), writer->width, writer->out) != writer->width)
      return 1;
  return 0;
}

static void run_decoder(lmopt_session_t *session, const options_t *options, const int32_t *ids, long length,
                        writer_t *writer) {
  lmopt_error_t error = {0};
  const char *cursor = options->split;
  float *logits = allocate(writer->width * sizeof(float));
  check(lmopt_session_truncate(session, 0, &error), &error, "truncate");
  writer->position = 0;
  writer->last = options->last < 0 ? length : options->last;
  for (long done = 0; done < length;) {
    long piece = next_piece(&cursor, length - done);
    if (piece == 1) {
      check(options->top ? lmopt_session_decode_top(session, ids[done], options->top, logits, &error)
                         : lmopt_session_decode(session, ids[done], logits, &error),
            &error, "decode");
      if (write_rows(writer, 0, 1, logits))
        fail("cannot write", options->out_path);
    } else {
      /* Rows before --first are not asked for: logits are the dearest part. */
      long begin = options->first > done ? options->first - done : 0;
      begin = begin < piece ? begin : piece;
      writer->position = done + begin;
      check(lmopt_session_prefill_rows(session, ids + done, piece, begin, write_rows, writer, &error), &error,
            "prefill");
      writer->position = done + piece;
    }
    done += piece;
  }
  free(logits);
}

/* The sequences from `ids` on, of `length` tokens each, by sessions that share the team of `settings`. */
static void run_together(lmopt_model_t *model, const lmopt_session_options_t *settings, const options_t *options,
                         const int32_t *ids, long length, const writer_t *writer) {
  lmopt_error_t error = {0};
  size_t count = (size_t)options->together;
  lmopt_session_t **sessions = allocate(count * sizeof *sessions);
  int32_t *tokens = allocate(count * sizeof *tokens);
  float *logits = allocate(count * writer->width * sizeof *logits);
  for (size_t i = 0; i < count; ++i)
    check(lmopt_session_create(model, settings, sessions + i, &error), &error, "session");
  for (long done = 0; done < length; ++done) {
    for (size_t i = 0; i < count; ++i)
      tokens[i] = ids[(long)i * length + done];
    check(options->top ? lmopt_sessions_decode_top(sessions, (int64_t)count, tokens, options->top, logits, &error)
                       : lmopt_sessions_decode(sessions, (int64_t)count, tokens, logits, &error),
          &error, "decode");
    if (fwrite(logits, writer->width * sizeof(float), count, writer->out) != count)
      fail("cannot write", options->out_path);
  }
  for (size_t i = 0; i < count; ++i)
    lmopt_session_destroy(sessions[i]);
  free(sessions);
  free(tokens);
  free(logits);
}

static void run_all_together(lmopt_model_t *model, const options_t *options, const int32_t *ids, const int64_t *lengths,
                             long count, const writer_t *writer) {
  lmopt_error_t error = {0};
  lmopt_team_options_t of_team = {.struct_size = sizeof of_team, .device = options->device};
  of_team.threads = options->device ? 0 : (int32_t)options->threads;
  lmopt_session_options_t settings = {.struct_size = sizeof settings};
  check(lmopt_team_create(&of_team, &settings.team, &error), &error, "team");
  for (long i = 0; i < count; ++i)
    if (lengths[i] != lengths[0] || count % options->together)
      fail("--together needs sequences of one length, as many as it says", options->ids_path);
  for (long i = 0; i < count; i += options->together)
    run_together(model, &settings, options, ids + i * (long)lengths[0], (long)lengths[0], writer);
  lmopt_team_destroy(settings.team);
}

static void run_encoder(lmopt_session_t *session, const options_t *options, const int32_t *ids, const int64_t *lengths,
                        long count, const writer_t *writer) {
  lmopt_error_t error = {0};
  const char *cursor = options->split;
  for (long done = 0; done < count;) {
    long piece = next_piece(&cursor, count - done);
    float *vectors = allocate((size_t)piece * writer->width * sizeof(float));
    check(lmopt_session_encode(session, ids, lengths + done, piece, vectors, &error), &error, "encode");
    if (fwrite(vectors, writer->width * sizeof(float), (size_t)piece, writer->out) != (size_t)piece)
      fail("cannot write", options->out_path);
    free(vectors);
    for (long i = 0; i < piece; ++i)
      ids += lengths[done + i];
    done += piece;
  }
}

static int64_t *sequence_lengths(const options_t *options, long ids, long *count) {
  long total = 0;
  int32_t *given = options->lengths_path ? read_ints(options->lengths_path, count) : NULL;
  long each = options->length > 0 ? options->length : ids;
  if (!given)
    *count = each ? ids / each : 0;
  int64_t *lengths = allocate((size_t)*count * sizeof(int64_t));
  for (long i = 0; i < *count; ++i)
    total += (long)(lengths[i] = given ? given[i] : each);
  free(given);
  if (total != ids)
    fail("the lengths do not add up to the number of ids", options->ids_path);
  return lengths;
}

int main(int argc, char **argv) {
  options_t options = parse(argc, argv);
  lmopt_error_t error = {0};
  lmopt_model_t *model = NULL;
  lmopt_session_t *session = NULL;
  lmopt_model_info_t info = {.struct_size = sizeof info};
  lmopt_session_options_t settings = {
      .struct_size = sizeof settings, .threads = (int32_t)options.threads, .device = options.device};
  long id_count, count = 0;
  int32_t *ids = read_ints(options.ids_path, &id_count);
  int64_t *lengths = sequence_lengths(&options, id_count, &count);

  check(lmopt_model_open(options.model, NULL, &model, &error), &error, options.model);
  check(lmopt_model_get_info(model, &info, &error), &error, "model info");
  check(lmopt_session_create(model, &settings, &session, &error), &error, "session");
  writer_t writer = {.out = fopen(options.out_path, "wb"), .first = options.first, .width = (size_t)info.output_width};
  if (!writer.out)
    fail("cannot write", options.out_path);
  if (info.kind == LMOPT_MODEL_ENCODER)
    run_encoder(session, &options, ids, lengths, count, &writer);
  else if (options.together > 0)
    run_all_together(model, &options, ids, lengths, count, &writer);
  const int32_t *at = ids;
  for (long i = 0; i < count && info.kind == LMOPT_MODEL_DECODER && options.together <= 0; at += lengths[i++])
    run_decoder(session, &options, at, (long)lengths[i], &writer);
  if (fclose(writer.out))
    fail("cannot write", options.out_path);
  lmopt_session_destroy(session);
  lmopt_model_destroy(model);
  free(lengths);
  free(ids);
  return 0;
}
