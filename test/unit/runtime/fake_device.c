/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A model for GPUs in miniature, written by hand against abi.h: note, metadata and query function as codegen makes
 * them, entries that launch the kernels of fake_device.ptx. It computes what fake_model.c does, in launches:
 *
 *   remember: a product for each row, into the cache (encoder: into the arena)
 *   sum:      the hash of the sequence up to each row, into the arena
 *   answer:   logits, vectors or traces from the hashes
 *   choose:   the greatest logits of a row, and what makes the next step ready
 *
 * A step that breaks the contract launches a kernel that does not exist. FAKE_ENCODER is an encoder with an input
 * "marks" and a second result "traces"; FAKE_SWITCH is the rope_switch; FAKE_STATE asks for a state, which sessions on
 * GPUs do not have; FAKE_TOKENIZER is a blob to carry; FAKE_CELL is the bytes of a position in the cache (16; an
 * encoder may have no others); FAKE_TRACE the width of traces (3); FAKE_POSITIONS the most of a decoder (200);
 * FAKE_TOP how many of the greatest logits it finds (5); FAKE_VOCABULARY its tokens (97), though none from 2048 on has
 * a weight; FAKE_MANY names 17 architectures; FAKE_WALKED has a walker for all kernels ("1") or for all but "answer"
 * ("0"; make_fake_walker.py); FAKE_CHOICE is a token that is put down in the place of the greatest, whatever it is.
 * seal_artifact.cpp adds the checksums.
 */
#include "lmopt/abi.h"

#include <stddef.h>
#include <stdint.h>

#ifndef FAKE_VOCABULARY
#define FAKE_VOCABULARY 97
#endif
#ifndef FAKE_POSITIONS
#define FAKE_POSITIONS 200
#endif
#ifdef FAKE_ENCODER
enum { KIND = LMOPT_KIND_ENCODER, WIDTH = 8, MAX_POSITIONS = 64, PREFILL_ROWS = 100 };
#else
enum {
  KIND = LMOPT_KIND_DECODER,
  WIDTH = FAKE_VOCABULARY,
  MAX_POSITIONS = FAKE_POSITIONS,
  PREFILL_ROWS = 32,
  DECODE_ROWS = 4
};
#endif
#ifndef FAKE_SWITCH
#define FAKE_SWITCH 0
#endif
#ifdef FAKE_STATE
enum { STATE = 16 };
#else
enum { STATE = 0 };
#endif
#ifndef FAKE_CELL
#define FAKE_CELL 16
#endif
#ifndef FAKE_TRACE
#define FAKE_TRACE 3
#endif
#ifndef FAKE_TOP
#define FAKE_TOP 5
#endif
#ifndef FAKE_CHOICE
#define FAKE_CHOICE INT32_MIN // the greatest
#endif
enum { VOCABULARY = FAKE_VOCABULARY, TOP = FAKE_TOP, BLOCK = 32, ARENA = 2 * 8 * 128 };
enum { REMEMBER, SUM, ANSWER, CHOOSE, NO_KERNEL };

_Static_assert(LMOPT_ABI_VERSION == 4 && LMOPT_DEVICE_CUDA == 1, "the note below says so");
__asm__(".pushsection .note.lmopt,\"a\",@note\n"
        ".p2align 2\n.long 6, 40, 0x4c4d0001\n.asciz \"lmopt\"\n.p2align 2\n"
        ".quad 0x54504f4d4c\n.long 4, 4\n.quad 0\n.quad 8192\n.long 1, 0\n"
        ".popsection\n");

// weight[i] = 7 i + 3
__asm__(".pushsection .lmopt.weights,\"\",@progbits\n.p2align 12\n"
        ".set value, 3\n.rept 2048\n.long value\n.set value, value + 7\n.endr\n"
        ".popsection\n");

#ifdef FAKE_TOKENIZER
#define FIRST_SPARE "tokenizer"
#define SPARE_CONTENTS ".incbin \"" FAKE_TOKENIZER "\""
#else
#define FIRST_SPARE "spare.1"
#define SPARE_CONTENTS ".zero 128"
#endif

#ifdef FAKE_WALKED
#define KERNELS "5, 5" // the last one
#define WALKED "1"
#define ANSWER_WALKED FAKE_WALKED
#define WALK_ENTRY ".long name_walk - meta_kernels, 32, 64, 20, 0\n"
#define WALK_NAME "name_walk: .asciz \"walk\"\n"
#else
#define KERNELS "4, 0"
#define WALKED "0"
#define ANSWER_WALKED "0"
#define WALK_ENTRY ""
#define WALK_NAME ""
#endif

// Two blobs have no meaning: places for tests. Threads of a block: 32 of all kernels. Dynamic shared memory: "answer"
// has some. Bytes of arguments: 48, 44, 60, 52.
#define ENTRY(name, begin, end)                                                                                        \
  "77: .asciz \"" name "\"\n.zero 32 - (. - 77b)\n.quad " begin " - meta_start\n.quad " end " - " begin "\n"
#ifdef FAKE_MANY
#define META_COUNT "37"
#define MANY                                                                                                           \
  ".irp n, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75\n" ENTRY(                                    \
      "kernels.sm_\\n", "meta_kernels", "meta_kernels_end") ENTRY("ptx.sm_\\n", "meta_ptx", "meta_ptx_end") ".endr\n"
#else
#define META_COUNT "5"
#define MANY ""
#endif
__asm__(".pushsection .lmopt.meta,\"\",@progbits\n.p2align 3\n"
        "meta_start:\n.quad 0x3130444d504f4d4c\n.quad " META_COUNT "\n" //
        ENTRY("manifest", "meta_manifest", "meta_manifest_end")
            ENTRY("kernels.sm_80", "meta_kernels", "meta_kernels_end") ENTRY("ptx.sm_80", "meta_ptx", "meta_ptx_end") //
        ENTRY(FIRST_SPARE, "meta_spare", "meta_spare_end") ENTRY("spare.2", "meta_other", "meta_other_end") MANY      //
        "meta_manifest: .ascii \"{\\\"name\\\": \\\"fake\\\"}\"\nmeta_manifest_end:\n"
        ".p2align 3\nmeta_kernels: .quad 0x32304e4b504f4d4c\n.long " KERNELS "\n"
        ".long name_remember - meta_kernels, 32, 0, 48, " WALKED "\n"
        ".long name_sum - meta_kernels, 32, 0, 44, " WALKED "\n"
        ".long name_answer - meta_kernels, 32, 64, 60, " ANSWER_WALKED "\n"
        ".long name_choose - meta_kernels, 32, 0, 52, " WALKED "\n" WALK_ENTRY
        "name_remember: .asciz \"remember\"\nname_sum: .asciz \"sum\"\nname_answer: .asciz \"answer\"\n"
        "name_choose: .asciz \"choose\"\n" WALK_NAME "meta_kernels_end:\n"
        "meta_ptx: .incbin \"" FAKE_PTX "\"\nmeta_ptx_end:\n"
        "meta_spare: " SPARE_CONTENTS "\nmeta_spare_end:\n"
        "meta_other: .zero 128\nmeta_other_end:\n"
        ".popsection\n");

/*===--- Arguments as they lie in parameter space ---===*/

typedef struct {
  uint64_t rows, tokens, marks, weights, products;
  uint32_t count, block;
} remember_t;
typedef struct {
  uint64_t rows, segments, products, hashes;
  uint32_t count, block, positions;
} sum_t;
typedef struct {
  uint64_t rows, hashes, outputs, segments, targets, out;
  uint32_t width, factor, positional;
} answer_t;
typedef struct {
  uint64_t rows, tokens, logits, greatest, chosen;
  uint32_t width, top, choice;
} choose_t;

static uint64_t address_of(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

static void launch(const lmopt_step_t *step, uint32_t kernel, int64_t blocks, const void *arguments) {
  const uint32_t grid[3] = {(uint32_t)blocks, 1, 1};
  step->device->launch(step->device->user, kernel, grid, arguments);
}

/*===--- The contract ---===*/

static const lmopt_segment_t *segment_at(const lmopt_step_t *step, int64_t index) {
  return (const lmopt_segment_t *)((const char *)step->segments + index * step->segment_size);
}

static int segment_is_sound(const lmopt_segment_t *segment, int64_t row) {
  int has_cache = KIND == LMOPT_KIND_DECODER;
  return segment->row == row && segment->rows >= 1 && !segment->state && (segment->cache != NULL) == has_cache &&
         (!has_cache || (segment->capacity % LMOPT_DEVICE_CACHE_BLOCK == 0 &&
                         segment->position + segment->rows <= segment->capacity));
}

static int step_is_sound(const lmopt_step_t *step, int64_t thread, int64_t threads, int64_t unit) {
  const lmopt_device_t *device = step->device;
  if (step->struct_size != sizeof *step || step->reserved || step->rows < 1 || step->rows > PREFILL_ROWS ||
      thread != 0 || threads != 1 || step->mark || !step->weights || address_of(step->arena) % 64 || !device ||
      device->struct_size != sizeof *device || device->reserved || !device->rows || !device->segments)
    return 0;
  int64_t row = 0, positions = 0;
  for (int64_t i = 0; i < step->segment_count; ++i) {
    const lmopt_segment_t *segment = segment_at(step, i);
    if (!segment_is_sound(segment, row))
      return 0;
    row += segment->rows;
    if (segment->position + segment->rows > positions)
      positions = segment->position + segment->rows;
  }
  return row == step->rows && device->positions == (positions + unit - 1) / unit * unit;
}

/*===--- Entries ---===*/

enum { PRODUCTS = 0, HASHES = ARENA / 2 }; // where in the arena

// Positions come in so many at once. 0: the step is not sound.
static int hash_rows(const lmopt_step_t *step, int64_t thread, int64_t threads, int64_t unit, uint64_t marks) {
  uint64_t arena = address_of(step->arena);
  if (!step_is_sound(step, thread, threads, unit)) {
    launch(step, NO_KERNEL, 1, NULL);
    return 0;
  }
  uint32_t rows = (uint32_t)step->rows;
  uint32_t block = FAKE_CELL * LMOPT_DEVICE_CACHE_BLOCK;
  remember_t remember = {.rows = step->device->rows,
                         .tokens = address_of(step->tokens),
                         .marks = marks,
                         .weights = address_of(step->weights),
                         .products = arena + PRODUCTS,
                         .count = rows,
                         .block = block};
  sum_t sum = {.rows = step->device->rows,
               .segments = step->device->segments,
               .products = arena + PRODUCTS,
               .hashes = arena + HASHES,
               .count = rows,
               .block = block,
               .positions = (uint32_t)step->device->positions};
  launch(step, REMEMBER, (rows + BLOCK - 1) / BLOCK, &remember);
  launch(step, SUM, (rows + BLOCK - 1) / BLOCK, &sum);
  return 1;
}

static answer_t answer_of(const lmopt_step_t *step, const float *out, uint32_t width, uint32_t factor) {
  return (answer_t){.rows = step->device->rows,
                    .hashes = address_of(step->arena) + HASHES,
                    .out = address_of(out),
                    .width = width,
                    .factor = factor};
}

#ifdef FAKE_ENCODER
static void encode(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  if (!hash_rows(step, thread, threads, 1, address_of(step->inputs[0])))
    return;
  answer_t vectors = answer_of(step, step->results[0], WIDTH, 1),
           traces = answer_of(step, step->results[1], FAKE_TRACE, 1);
  vectors.segments = step->device->segments;
  launch(step, ANSWER, step->segment_count, &vectors);
  launch(step, ANSWER, step->rows, &traces);
}
static const lmopt_input_t inputs[] = {{"marks", 5, 0}};
static const lmopt_result_t results[] = {{"embedding", LMOPT_DOMAIN_SEQUENCES, WIDTH},
                                         {"traces", LMOPT_DOMAIN_TOKENS, FAKE_TRACE}};
#else
static void answer_outputs(const lmopt_step_t *step, uint32_t width, uint64_t targets) {
  answer_t answer = answer_of(step, step->results[0], width, 31);
  answer.outputs = address_of(step->output_rows);
  answer.targets = targets;
  answer.positional = 1;
  if (step->output_count)
    launch(step, ANSWER, step->output_count, &answer);
}

static void prefill(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  if (hash_rows(step, thread, threads, 1, 0))
    answer_outputs(step, WIDTH, 0);
}
static void decode(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  if (hash_rows(step, thread, threads, LMOPT_DEVICE_POSITIONS_UNIT, 0))
    answer_outputs(step, WIDTH, 0);
}
#ifndef FAKE_TOKENIZER // whose user takes its word for it
static void decode_top(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  if (!hash_rows(step, thread, threads, LMOPT_DEVICE_POSITIONS_UNIT, 0))
    return;
  answer_outputs(step, WIDTH, 0);
  choose_t choose = {.rows = step->device->rows,
                     .tokens = address_of(step->tokens),
                     .logits = address_of(step->results[0]),
                     .greatest = step->device->greatest,
                     .chosen = step->device->chosen,
                     .width = WIDTH,
                     .top = (uint32_t)step->top,
                     .choice = (uint32_t)(FAKE_CHOICE)};
  launch(step, CHOOSE, step->output_count, &choose);
}
#endif
// The logit of the target alone.
static void score(const lmopt_step_t *step, int64_t thread, int64_t threads) {
  if (hash_rows(step, thread, threads, 1, 0))
    answer_outputs(step, 1, address_of(step->inputs[0]));
}
static const lmopt_input_t targets[] = {{"targets", VOCABULARY, 0}};
static const lmopt_result_t results[] = {{"logits", LMOPT_DOMAIN_OUTPUTS, WIDTH}};
static const lmopt_result_t scores[] = {{"scores", LMOPT_DOMAIN_OUTPUTS, 1}};
#endif

static const lmopt_entry_t entries[] = {
#ifdef FAKE_ENCODER
    {"encode", encode, KIND, PREFILL_ROWS, inputs, results, 1, 2, 0, 0},
#else
    {"prefill", prefill, KIND, PREFILL_ROWS, NULL, results, 0, 1, 0, 0},
    {"decode", decode, KIND, DECODE_ROWS, NULL, results, 0, 1, 0, 0},
#ifndef FAKE_TOKENIZER
    {"decode_top", decode_top, KIND, DECODE_ROWS, NULL, results, 0, 1, TOP, 0},
#endif
    {"score", score, KIND, PREFILL_ROWS, targets, scores, 1, 1, 0, 0},
#endif
};

static const lmopt_code_table_t table = {
    .struct_size = sizeof table,
    .abi_version = LMOPT_ABI_VERSION,
    .kind = KIND,
    .vocabulary = VOCABULARY,
    .max_positions = MAX_POSITIONS,
    .rope_switch = FAKE_SWITCH,
    .step_size = sizeof(lmopt_step_t),
    .segment_size = sizeof(lmopt_segment_t),
    .cache_bytes_per_position = KIND == LMOPT_KIND_DECODER || FAKE_CELL != 16 ? FAKE_CELL : 0,
    .state_bytes_per_sequence = STATE,
    .arena_bytes = ARENA,
    .build = "fake model",
    .entries = entries,
    .entry_count = sizeof entries / sizeof entries[0],
    .entry_size = sizeof entries[0],
};

__attribute__((visibility("default"))) const lmopt_code_table_t *lmopt_model_query(uint32_t abi) {
  return (abi & LMOPT_QUERY_ABI_MASK) >= LMOPT_ABI_VERSION ? &table : NULL;
}
