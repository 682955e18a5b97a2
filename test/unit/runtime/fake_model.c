/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A compiled model in miniature, written by hand against abi.h: same note, sections and query function as codegen
 * makes, and entries that compute something a test can compute too. Decoder: hash(p) = sum over j <= p of (token_j + 1)
 * * (j + 1) * weight[token_j]; logit v = (hash + 31 v + p) mod 1009. Encoder: the same hash over the whole sequence;
 * vector element d = (hash + d) mod 1009. A sequence longer than rope_switch has each product plus 5. Every thread
 * writes the cache rows and arena cells of its share, so that a lost barrier, a wrong partition, a shared cache or an
 * overlapping arena changes the result. A step that breaks the contract of abi.h gives NaN. FAKE_ENCODER chooses the
 * kind; FAKE_SWITCH is the rope_switch; FAKE_SPLIT leaves the weights to a file "fake.weights";
 * FAKE_TOKENIZER is a blob to carry; FAKE_CONSTRUCTOR adds code that runs when the library is loaded, and leaves a
 * mark. seal_artifact.cpp adds the checksums.
 */
#include "lmopt/abi.h"

#include <stddef.h>
#include <string.h>
#include <xmmintrin.h>

#ifdef FAKE_ENCODER
enum { KIND = LMOPT_KIND_ENCODER, WIDTH = 8, MAX_POSITIONS = 64, PREFILL_ROWS = 100, DECODE_ROWS = 0 };
#else
enum { KIND = LMOPT_KIND_DECODER, WIDTH = 97, MAX_POSITIONS = 200, PREFILL_ROWS = 32, DECODE_ROWS = 4 };
#endif
#ifndef FAKE_SWITCH
#define FAKE_SWITCH 0
#endif
enum { VOCABULARY = 97, WEIGHTS = 2048, MODULUS = 1009, PER_THREAD = 64 };

#ifdef FAKE_CONSTRUCTOR
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
// Makes the file that the environment variable LMOPT_TEST_MARK names.
__attribute__((constructor)) static void leave_a_mark(void) {
  const char *path = getenv("LMOPT_TEST_MARK");
  int fd = path ? open(path, O_CREAT | O_WRONLY, 0600) : -1;
  if (fd >= 0)
    close(fd);
}
#endif

// The note: name "lmopt", contents as lmopt_note_t.
_Static_assert(LMOPT_ABI_VERSION == 2, "the note below says 2");
__asm__(".pushsection .note.lmopt,\"a\",@note\n"
        ".p2align 2\n.long 6, 40, 0x4c4d0001\n.asciz \"lmopt\"\n.p2align 2\n"
        ".quad 0x54504f4d4c\n.long 2, 2\n.quad 1\n.quad 8192\n.quad 0\n"
        ".popsection\n");

#ifndef FAKE_SPLIT
// weight[i] = 7 i + 3
__asm__(".pushsection .lmopt.weights,\"\",@progbits\n.p2align 12\n"
        ".set value, 3\n.rept 2048\n.long value\n.set value, value + 7\n.endr\n"
        ".popsection\n");
#endif

#define ENTRY(name, begin, end)                                                                                        \
  "77: .asciz \"" name "\"\n.zero 32 - (. - 77b)\n.quad " begin " - meta_start\n.quad " end " - " begin "\n"
__asm__(".pushsection .lmopt.meta,\"\",@progbits\n.p2align 3\n"
        "meta_start:\n.quad 0x3130444d504f4d4c\n"
#if defined(FAKE_SPLIT)
        ".quad 3\n" ENTRY("weights_file", "meta_weights", "meta_weights_end")
#elif defined(FAKE_TOKENIZER)
        ".quad 3\n" ENTRY("tokenizer", "meta_tokenizer", "meta_tokenizer_end")
#else
        ".quad 2\n"
#endif
            ENTRY("manifest", "meta_manifest", "meta_manifest_end") ENTRY(
                "chat_template", "meta_template",
                "meta_template_end") "meta_manifest: .ascii \"{\\\"name\\\": \\\"fake\\\"}\"\nmeta_manifest_end:\n"
                                     "meta_template: .ascii \"{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ "
                                     "eos_token }}{% endfor %}\"\n"
                                     "meta_template_end:\n"
#if defined(FAKE_SPLIT)
                                     "meta_weights: .ascii \"fake.weights\"\nmeta_weights_end:\n"
#elif defined(FAKE_TOKENIZER)
                                     "meta_tokenizer: .incbin \"" FAKE_TOKENIZER "\"\nmeta_tokenizer_end:\n"
#endif
                                     ".popsection\n");

typedef struct {
  int64_t rope, product;
} cell_t; // what the cache holds for one position

static int step_is_sound(const lmopt_step_t *step, int64_t max_rows) {
  if (step->struct_size != sizeof *step || step->reserved || step->rows < 1 || step->rows > max_rows ||
      (uintptr_t)step->weights % 4096 || (uintptr_t)step->arena % 64 || (_mm_getcsr() & ~0x3fu) != 0x1f80)
    return 0;
  int64_t row = 0;
  for (int64_t i = 0; i < step->segment_count; ++i) {
    const lmopt_segment_t *segment = &step->segments[i];
    if (segment->row != row || segment->rows < 1 || segment->capacity % LMOPT_CACHE_BLOCK ||
        segment->position + segment->rows > segment->capacity || (uintptr_t)segment->cache % 64 || segment->rope < 0 ||
        segment->rope > (FAKE_SWITCH > 0))
      return 0;
    const cell_t *cells = segment->cache; // all keys of a sequence are turned alike
    for (int64_t j = 0; j < segment->position; ++j)
      if (cells[j].rope != segment->rope)
        return 0;
    row += segment->rows;
  }
  return row == step->rows;
}

static void mark(const lmopt_step_t *step, int64_t thread, int64_t what) {
  if (step->mark)
    step->mark(step->mark_user, thread, what);
}

static void meet(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  mark(step, thread, LMOPT_MARK_WAIT);
  if (threads > 1)
    step->barrier(step->team);
}

// The segment of a row.
static const lmopt_segment_t *segment_of(const lmopt_step_t *step, int64_t row) {
  const lmopt_segment_t *segment = step->segments;
  while (row >= segment->row + segment->rows)
    ++segment;
  return segment;
}

static void write_cache(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  const int32_t *weights = step->weights;
  for (int64_t row = thread; row < step->rows; row += threads) {
    const lmopt_segment_t *segment = segment_of(step, row);
    int64_t position = segment->position + row - segment->row, token = step->tokens[row];
    cell_t *cell = (cell_t *)segment->cache + position;
    cell->rope = segment->rope;
    cell->product = (token + 1) * (position + 1) * weights[token] + 5 * segment->rope;
  }
}

static void write_hashes(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  int64_t *hashes = step->arena;
  int64_t *own = (int64_t *)((char *)step->arena + PREFILL_ROWS * sizeof *hashes + thread * PER_THREAD);
  for (int64_t row = threads - 1 - thread; row < step->rows; row += threads) {
    const lmopt_segment_t *segment = segment_of(step, row);
    const cell_t *cells = segment->cache;
    *own = 0; // a cell of the thread's own part of the arena
    for (int64_t j = 0; j <= segment->position + row - segment->row; ++j)
      *own += cells[j].product;
    hashes[row] = *own;
  }
}

static void fill(const lmopt_step_t *step, float value) {
  int64_t rows = KIND == LMOPT_KIND_DECODER ? step->output_count : step->segment_count;
  for (int64_t i = 0; i < rows * WIDTH; ++i)
    step->output[i] = value;
}

static void run(const lmopt_step_t *step, int64_t thread, int64_t threads, int64_t max_rows) {
  if (!step_is_sound(step, max_rows)) {
    if (thread == 0)
      fill(step, __builtin_nanf(""));
    return;
  }
  mark(step, thread, 0);
  write_cache(step, thread, threads);
  meet(step, thread, threads);
  mark(step, thread, 1);
  write_hashes(step, thread, threads);
  meet(step, thread, threads);
  const int64_t *hashes = step->arena;
  int64_t outputs = KIND == LMOPT_KIND_DECODER ? step->output_count : step->segment_count;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t row = 0, position = 0;
    if (KIND == LMOPT_KIND_DECODER) {
      row = step->output_rows[i];
      const lmopt_segment_t *segment = segment_of(step, row);
      position = segment->position + row - segment->row;
    } else {
      row = step->segments[i].row + step->segments[i].rows - 1;
    }
    for (int64_t v = thread; v < WIDTH; v += threads)
      step->output[i * WIDTH + v] =
          (float)((hashes[row] + (KIND == LMOPT_KIND_DECODER ? 31 * v + position : v)) % MODULUS);
  }
}

static void many_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  run(step, thread, threads, PREFILL_ROWS);
}

#ifndef FAKE_ENCODER
static void few_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  run(step, thread, threads, DECODE_ROWS);
}
#endif

static const lmopt_code_table_t table = {
    .struct_size = sizeof table,
    .abi_version = LMOPT_ABI_VERSION,
    .kind = KIND,
    .vocabulary = VOCABULARY,
    .output_width = WIDTH,
    .max_positions = MAX_POSITIONS,
    .prefill_rows = PREFILL_ROWS,
    .decode_rows = DECODE_ROWS,
    .cache_bytes_per_position = sizeof(cell_t),
    .arena_bytes = PREFILL_ROWS * sizeof(int64_t),
    .arena_bytes_per_thread = PER_THREAD,
#ifdef FAKE_ENCODER
    .encode = many_rows,
#else
    .prefill = many_rows,
    .decode = few_rows,
#endif
    .build = "fake model",
    .rope_switch = FAKE_SWITCH,
};

__attribute__((visibility("default"))) const lmopt_code_table_t *lmopt_model_query(uint32_t abi) {
  return (abi & LMOPT_QUERY_ABI_MASK) >= LMOPT_ABI_VERSION ? &table : NULL;
}
