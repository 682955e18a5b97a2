/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A compiled model in miniature, written by hand against abi.h: same note, sections and query function as codegen
 * makes, and entries that compute something a test can compute too. Decoder: hash(p) = sum over j <= p of (token_j + 1)
 * * (j + 1) * weight[token_j]; logit v = (hash + 31 v + p) mod 1009. Encoder: the same hash over the whole sequence;
 * vector element d = (hash + d) mod 1009. A sequence longer than rope_switch has each product plus 5. Every thread
 * writes the cache rows and arena cells of its share, so that a lost barrier, a wrong partition, a shared cache or an
 * overlapping arena changes the result. A step that breaks the contract of abi.h gives NaN. FAKE_ENCODER chooses the
 * kind; FAKE_SWITCH is the rope_switch; FAKE_STATE keeps the hash in the state of the sequence, not in its cache;
 * FAKE_PERIOD adds 700 to the logit of token (7 p + 3) mod FAKE_PERIOD: text that mostly repeats itself;
 * FAKE_RING keeps the hashes of the latest so many positions in a ring behind the cache, and goes on from there;
 * FAKE_RICH is an encoder with an input "marks" (each product plus 3 * mark) and a second result, "traces", three
 * floats for each token: ((hash so far + d) mod 1009); FAKE_TABLE lets a test change the code table, which is longer
 * than those we know; FAKE_SPLIT leaves the weights to a file "fake.weights"; FAKE_TOKENIZER is a blob to carry;
 * FAKE_CONSTRUCTOR adds code that runs when the library is loaded, and leaves a mark. seal_artifact.cpp adds the
 * checksums.
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
#ifdef FAKE_STATE
enum { STATE = sizeof(int64_t[2]) };
#else
enum { STATE = 0 };
#endif
#ifndef FAKE_RING
#define FAKE_RING 0
#endif
#ifdef FAKE_PERIOD
#define FAVOUR(token, position) ((token) == (7 * (position) + 3) % FAKE_PERIOD ? 700 : 0)
#else
#define FAVOUR(token, position) 0
#endif
enum { VOCABULARY = 97, TRACE = 3, WEIGHTS = 2048, MODULUS = 1009, PER_THREAD = 64 };

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
_Static_assert(LMOPT_ABI_VERSION == 4, "the note below says 4");
__asm__(".pushsection .note.lmopt,\"a\",@note\n"
        ".p2align 2\n.long 6, 40, 0x4c4d0001\n.asciz \"lmopt\"\n.p2align 2\n"
        ".quad 0x54504f4d4c\n.long 4, 4\n.quad 1\n.quad 8192\n.quad 0\n"
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

typedef struct {
  int64_t hash, tokens;
} state_t; // what the state holds, with FAKE_STATE

static const lmopt_segment_t *segment_at(const lmopt_step_t *step, int64_t index) {
  return (const lmopt_segment_t *)((const char *)step->segments + index * step->segment_size);
}

static int step_is_sound(const lmopt_step_t *step, int64_t max_rows) {
  if (step->struct_size != sizeof *step || step->reserved || step->rows < 1 || step->rows > max_rows ||
      (uintptr_t)step->weights % 4096 || (uintptr_t)step->arena % 64 || (_mm_getcsr() & ~0x3fu) != 0x1f80)
    return 0;
  int64_t row = 0;
  for (int64_t i = 0; i < step->segment_count; ++i) {
    const lmopt_segment_t *segment = segment_at(step, i);
    if (segment->row != row || segment->rows < 1 || segment->capacity % LMOPT_CACHE_BLOCK ||
        segment->position + segment->rows > segment->capacity || (uintptr_t)segment->cache % 64 || segment->rope < 0 ||
        segment->rope > (FAKE_SWITCH > 0))
      return 0;
    const state_t *state = segment->state;
    if (STATE > 0 && ((uintptr_t)state % 64 || state->tokens != segment->position || (!state->tokens && state->hash)))
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
  int64_t i = 0;
  while (row >= segment_at(step, i)->row + segment_at(step, i)->rows)
    ++i;
  return segment_at(step, i);
}

static void write_cache(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  const int32_t *weights = step->weights;
  for (int64_t row = thread; row < step->rows; row += threads) {
    const lmopt_segment_t *segment = segment_of(step, row);
    int64_t position = segment->position + row - segment->row, token = step->tokens[row];
    cell_t *cell = (cell_t *)segment->cache + position;
    cell->rope = segment->rope;
    cell->product = (token + 1) * (position + 1) * weights[token] + 5 * segment->rope;
#ifdef FAKE_RICH
    cell->product += 3 * step->inputs[0][row];
#endif
  }
}

// Segments are shared out: a state is a chain, and has one owner.
static void write_state_hashes(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  int64_t *hashes = step->arena;
  for (int64_t i = thread; i < step->segment_count; i += threads) {
    const lmopt_segment_t *segment = segment_at(step, i);
    const cell_t *cells = segment->cache;
    state_t *state = segment->state;
    for (int64_t j = 0; j < segment->rows; ++j, ++state->tokens)
      hashes[segment->row + j] = state->hash += cells[segment->position + j].product;
  }
}

// What a ring holds for a position is the hash that the next one goes on from.
static void write_ring_hashes(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  int64_t *hashes = step->arena;
  for (int64_t i = thread; i < step->segment_count; i += threads) {
    const lmopt_segment_t *segment = segment_at(step, i);
    const cell_t *cells = segment->cache;
    int64_t *ring = (int64_t *)((cell_t *)segment->cache + segment->capacity);
    int64_t length = segment->capacity < FAKE_RING ? segment->capacity : FAKE_RING;
    for (int64_t j = 0, position = segment->position; j < segment->rows; ++j, ++position) {
      int64_t before = position ? ring[(position - 1) % length] : 0;
      hashes[segment->row + j] = ring[position % length] = before + cells[position].product;
    }
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
    step->results[0][i] = value;
}

// 0: the step is not sound.
static int hash_rows(const lmopt_step_t *step, int64_t thread, int64_t threads, int64_t max_rows) {
  if (!step_is_sound(step, max_rows))
    return 0;
  mark(step, thread, 0);
  write_cache(step, thread, threads);
  meet(step, thread, threads);
  mark(step, thread, 1);
  (STATE > 0 ? write_state_hashes : FAKE_RING > 0 ? write_ring_hashes : write_hashes)(step, thread, threads);
  meet(step, thread, threads);
  return 1;
}

static void run(const lmopt_step_t *step, int64_t thread, int64_t threads, int64_t max_rows) {
  if (!hash_rows(step, thread, threads, max_rows)) {
    if (thread == 0)
      fill(step, __builtin_nanf(""));
    return;
  }
  const int64_t *hashes = step->arena;
  int64_t outputs = KIND == LMOPT_KIND_DECODER ? step->output_count : step->segment_count;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t row = 0, position = 0;
    if (KIND == LMOPT_KIND_DECODER) {
      row = step->output_rows[i];
      const lmopt_segment_t *segment = segment_of(step, row);
      position = segment->position + row - segment->row;
    } else {
      row = segment_at(step, i)->row + segment_at(step, i)->rows - 1;
    }
    for (int64_t v = thread; v < WIDTH; v += threads)
      step->results[0][i * WIDTH + v] =
          (float)((hashes[row] + (KIND == LMOPT_KIND_DECODER ? 31 * v + position : v)) % MODULUS + FAVOUR(v, position));
  }
}

#ifdef FAKE_RICH
static void write_traces(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  const int64_t *hashes = step->arena;
  for (int64_t row = thread; row < step->rows; row += threads)
    for (int64_t d = 0; d < TRACE; ++d)
      step->results[1][row * TRACE + d] = (float)((hashes[row] + d) % MODULUS);
}
#endif

static void many_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  run(step, thread, threads, PREFILL_ROWS);
#ifdef FAKE_RICH
  write_traces(step, thread, threads);
#endif
}

#ifndef FAKE_ENCODER
static void few_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  run(step, thread, threads, DECODE_ROWS);
}
#ifdef FAKE_TABLE
// Keeps the first `top` logits, which are not the greatest: so that tests see which entry ran, and what it was told.
static void top_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  run(step, thread, threads, DECODE_ROWS);
  for (int64_t i = 0; i < step->output_count; ++i)
    for (int64_t v = thread; v < WIDTH; v += threads)
      if (v >= step->top)
        step->results[0][i * WIDTH + v] = -__builtin_inff();
}
// The logit of the target alone.
static void score_rows(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  int sound = hash_rows(step, thread, threads, PREFILL_ROWS);
  const int64_t *hashes = step->arena;
  for (int64_t i = thread; i < step->output_count; i += threads) {
    int64_t row = step->output_rows[i];
    const lmopt_segment_t *segment = segment_of(step, row);
    int64_t position = segment->position + row - segment->row;
    float logit = (float)((hashes[row] + 31 * (int64_t)step->inputs[0][row] + position) % MODULUS);
    step->results[0][i] = sound ? logit : __builtin_nanf("");
  }
}
static const lmopt_input_t targets[] = {{"targets", VOCABULARY, 0}};
static const lmopt_result_t scores[] = {{"scores", LMOPT_DOMAIN_OUTPUTS, 1}};
#endif
#endif

#ifdef FAKE_ENCODER
static const lmopt_result_t results[] = {{"embedding", LMOPT_DOMAIN_SEQUENCES, WIDTH},
                                         {"traces", LMOPT_DOMAIN_TOKENS, TRACE}};
#else
static const lmopt_result_t results[] = {{"logits", LMOPT_DOMAIN_OUTPUTS, WIDTH}};
#endif
#ifdef FAKE_RICH
static const lmopt_input_t inputs[] = {{"marks", 5, 0}};
enum { INPUTS = 1, RESULTS = 2 };
#else
static const lmopt_input_t *const inputs = NULL;
enum { INPUTS = 0, RESULTS = 1 };
#endif

#ifdef FAKE_TABLE
// As an lmopt of the future might write it: longer structs, an entry that nobody knows yet in front.
typedef struct {
  lmopt_entry_t known;
  uint64_t later[3];
} entry_t;
typedef struct {
  lmopt_code_table_t known;
  uint64_t later[2];
} table_t;
#define TABLE_QUALIFIERS __attribute__((visibility("default")))
#define TABLE fake_table
#else
typedef struct {
  lmopt_entry_t known;
} entry_t;
typedef struct {
  lmopt_code_table_t known;
} table_t;
#define TABLE_QUALIFIERS static const
#define TABLE table
#endif

#define FAKE_ENTRY(title, function, rows, top)                                                                         \
  {.known = {title, function, KIND, rows, inputs, results, INPUTS, RESULTS, top, 0}}
TABLE_QUALIFIERS entry_t fake_entries[] = {
#ifdef FAKE_TABLE
    {.known = {"summarize", NULL, 77, 0, NULL, NULL, 0, 0, 0, 0}, .later = {1, 2, 3}},
#endif
#ifdef FAKE_ENCODER
    FAKE_ENTRY("encode", many_rows, PREFILL_ROWS, 0),
#else
    FAKE_ENTRY("decode", few_rows, DECODE_ROWS, 0),
    FAKE_ENTRY("prefill", many_rows, PREFILL_ROWS, 0),
#ifdef FAKE_TABLE
    FAKE_ENTRY("decode_top", top_rows, DECODE_ROWS, 5),
    {.known = {"score", score_rows, KIND, PREFILL_ROWS, targets, scores, 1, 1, 0, 0}},
#endif
#endif
};

TABLE_QUALIFIERS table_t TABLE = {
    .known =
        {
            .struct_size = sizeof(table_t),
            .abi_version = LMOPT_ABI_VERSION,
            .kind = KIND,
            .vocabulary = VOCABULARY,
            .max_positions = MAX_POSITIONS,
            .rope_switch = FAKE_SWITCH,
            .step_size = sizeof(lmopt_step_t),
            .segment_size = sizeof(lmopt_segment_t),
            .cache_bytes_per_position = sizeof(cell_t),
            .state_bytes_per_sequence = STATE,
            .arena_bytes = PREFILL_ROWS * sizeof(int64_t),
            .arena_bytes_per_thread = PER_THREAD,
            .build = "fake model",
            .entries = (const lmopt_entry_t *)fake_entries,
            .entry_count = sizeof fake_entries / sizeof fake_entries[0],
            .entry_size = sizeof(entry_t),
            .ring_bytes_per_position = FAKE_RING ? sizeof(int64_t) : 0,
            .ring_positions = FAKE_RING,
            .ring_back = FAKE_RING ? FAKE_RING - 1 : 0,
        },
};

__attribute__((visibility("default"))) const lmopt_code_table_t *lmopt_model_query(uint32_t abi) {
  return (abi & LMOPT_QUERY_ABI_MASK) >= LMOPT_ABI_VERSION ? &TABLE.known : NULL;
}
