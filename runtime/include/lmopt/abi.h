/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The border between a compiled model (`model.so`) and the runtime: plain C structs, versioned, no other contract
 * exists.
 *
 * What one artifact holds, seen from here:
 *   - an ELF note (section .note.lmopt, owner "lmopt", type LMOPT_NOTE_TYPE) with lmopt_note_t: readable without
 * dlopen, so that a wrong CPU or a wrong ABI is refused before any code of the model runs;
 *   - section .lmopt.weights: packed weights, page aligned, not loaded by the dynamic loader; the runtime maps it
 *     read-only from the file itself;
 *   - section .lmopt.meta: a directory of named blobs (lmopt_meta_header_t), not loaded either;
 *   - section .lmopt.checksums: the last bytes of the file, a checksum for each part of all bytes before them, so that
 *     damage is found before the dynamic loader reads any of it (lmopt_checksums_header_t);
 *   - one exported function, lmopt_model_query, that returns the code table.
 *
 * Written by codegen/link, read by runtime/src/artifact/artifact.c and verify.c; tested by test/unit and by the
 * end-to-end tests.
 */
#ifndef LMOPT_ABI_H
#define LMOPT_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when the meaning of anything in this file changes. A runtime serves [LMOPT_ABI_MIN, LMOPT_ABI_VERSION].
 *   1  the first one
 *   2  every byte of the file has a checksum, split-out weights end with lmopt_weights_trailer_t, segments say which
 *      rotary angles hold for them. Version 1 is not served any more: its damage would go unseen.
 *   3  steps and segments can grow, entries are found by name, results are many and of any domain, tokens come with
 *      further numbers, sequences have a state. Version 2 is not served any more: its steps have another shape.
 *   4  caches may have rings (lmopt_code_table_t.ring_positions). Code that has none is of version 3. */
#define LMOPT_ABI_VERSION 4u
#define LMOPT_ABI_WITHOUT_RINGS 3u
#define LMOPT_ABI_MIN 3u

/* What may change within a version. lmopt_step_t, lmopt_segment_t, lmopt_code_table_t and lmopt_entry_t grow at their
 * ends, and no field ever changes its meaning. Who fills in a struct says how long it is (step.struct_size,
 * step.segment_size, table.struct_size, table.entry_size), and who reads an array of them strides by that size. Code
 * says how much of a step and of a segment it reads (table.step_size, table.segment_size): a runtime whose structs are
 * shorter does not serve it, so code may trust every field up to there. A runtime knows from table.struct_size and
 * table.entry_size which fields are there; the others are as if 0. */

#define LMOPT_NOTE_TYPE 0x4c4d0001u /* 'L' 'M' + layout 1 */
#define LMOPT_NOTE_MAGIC 0x54504f4d4cull

/* CPU features that the code of an artifact may need (lmopt_note_t.isa). The runtime checks CPUID and XCR0 for each. */
enum {
  LMOPT_ISA_SSE42 = 1u << 0,
  LMOPT_ISA_AVX = 1u << 1,
  LMOPT_ISA_AVX2 = 1u << 2,
  LMOPT_ISA_FMA = 1u << 3,
  LMOPT_ISA_F16C = 1u << 4,
  LMOPT_ISA_BMI2 = 1u << 5,
  LMOPT_ISA_AVX512F = 1u << 6,
  LMOPT_ISA_AVX512BW = 1u << 7,
  LMOPT_ISA_AVX512VL = 1u << 8,
  LMOPT_ISA_AVX512DQ = 1u << 9,
  LMOPT_ISA_AVX512VNNI = 1u << 10,
  LMOPT_ISA_AVX512BF16 = 1u << 11,
  LMOPT_ISA_AVXVNNI = 1u << 12,
  LMOPT_ISA_AVX512VBMI = 1u << 13,
  LMOPT_ISA_AVX512VBMI2 = 1u << 14
};

/* Contents of the ELF note: fixed size, little endian. An artifact may hold several versions of its code over the same
 * weights: it then has a note for each, the least demanding first, that differ in `isa` only. The last one whose
 * features the CPU has is the one to run. */
#define LMOPT_MAX_VERSIONS 8
typedef struct lmopt_note {
  uint64_t magic;   /* LMOPT_NOTE_MAGIC */
  uint32_t abi_min; /* ABI versions that the code table can serve */
  uint32_t abi_max;
  uint64_t isa;          /* LMOPT_ISA_* bits that the code needs */
  uint64_t weight_bytes; /* size of .lmopt.weights (or of the split-out file without its trailer) */
  uint32_t device;       /* LMOPT_DEVICE_*: who computes; a runtime refuses those it does not know */
  uint32_t reserved;     /* must be 0 */
} lmopt_note_t;

/* CPU: the entries do all the work. CUDA: they run on the host and only launch kernels; whatever they name as memory,
 * but for the step itself, its arrays of pointers and its segments, is the GPU's. */
enum { LMOPT_DEVICE_CPU = 0, LMOPT_DEVICE_CUDA = 1 };

/* Section .lmopt.meta: this header, then `count` entries, then the blobs. Offsets count from the start of the section.
 * Names in use: "manifest" (JSON; what `lmopt inspect` prints), "tokenizer" (see tokenizer_format.h),
 * "chat_template" (Jinja text), "head" (lmopt_head_t), "weights_file" (name of the split-out weights beside the .so;
 * absent if inside). For GPUs, for each architecture as ptxas names it: "ptx.sm_80" (text), "cubin.sm_80" (what ptxas
 * made of it; may be absent) and "kernels.sm_80" (lmopt_kernels_t). */
#define LMOPT_META_MAGIC 0x3130444d504f4d4cull /* "LMOPMD01" */
#define LMOPT_META_NAME_SIZE 32
typedef struct lmopt_meta_header {
  uint64_t magic; /* LMOPT_META_MAGIC */
  uint64_t count;
} lmopt_meta_header_t;
typedef struct lmopt_meta_entry {
  char name[LMOPT_META_NAME_SIZE]; /* zero-terminated */
  uint64_t offset;
  uint64_t size;
} lmopt_meta_entry_t;

/* The blob "head" of an encoder whose first result is the answer to a task: this, then `label_count` names, each
 * zero-terminated UTF-8, in the order of the columns. */
enum {
  LMOPT_HEAD_NONE = 0,
  LMOPT_HEAD_SEQUENCE_CLASSIFICATION = 1, /* a row of classes for each sequence */
  LMOPT_HEAD_TOKEN_CLASSIFICATION = 2,    /* a row of classes for each token */
  LMOPT_HEAD_MASKED_LM = 3,               /* a row of [vocabulary] for each token; no labels */
  LMOPT_HEAD_QUESTION_ANSWERING = 4       /* start and end of the answer for each token; no labels */
};
enum { LMOPT_HEAD_RAW = 0, LMOPT_HEAD_SOFTMAX = 1, LMOPT_HEAD_SIGMOID = 2 };
typedef struct lmopt_head {
  uint32_t task;   /* LMOPT_HEAD_*, not NONE */
  uint32_t scores; /* how logits become scores */
  uint32_t label_count;
  uint32_t reserved; /* 0 */
} lmopt_head_t;

/* The blob "kernels.ARCHITECTURE": this, then `count` kernels, in the same order for each architecture, then their
 * names. One of them may be the walker: instead of launching kernels that it knows one after another, a runtime may
 * write down what it would launch, and launch the walker (lmopt_walk_t). */
#define LMOPT_KERNELS_MAGIC 0x32304e4b504f4d4cull /* "LMOPKN02" */
typedef struct lmopt_kernel {
  uint32_t name;           /* where in the blob its name stands, zero-terminated: that of the image's function */
  uint32_t threads;        /* of a block */
  uint32_t shared_bytes;   /* dynamic shared memory of a block */
  uint32_t argument_bytes; /* of its parameters, in parameter space */
  uint32_t walked;         /* 1: the walker does it, too; else 0 */
} lmopt_kernel_t;
typedef struct lmopt_kernels {
  uint64_t magic; /* LMOPT_KERNELS_MAGIC */
  uint32_t count;
  uint32_t walker; /* its number and 1; 0: there is none */
} lmopt_kernels_t;

/* What the walker goes through: records one after another, each with the arguments of its kernel behind it, as they lie
 * in parameter space. From one to the next: the head and the longest arguments of all kernels that are walked, rounded
 * up to a multiple of LMOPT_WALK_RECORD_ALIGNMENT. Of more threads in a block than a kernel has, those beyond are idle.
 */
#define LMOPT_WALK_RECORD_ALIGNMENT 16
typedef struct lmopt_walk_record {
  uint32_t kernel; /* its number */
  uint32_t grid[3];
} lmopt_walk_record_t;
/* The arguments of the walker. It is launched cooperatively, on one axis, on no more blocks than are resident at once.
 */
typedef struct lmopt_walk {
  uint64_t records; /* address of the first; a multiple of LMOPT_WALK_RECORD_ALIGNMENT */
  uint64_t counter; /* address of a uint32_t of this launch alone; 0 when it begins */
  uint32_t count;   /* of records, at least 1 */
} lmopt_walk_t;
#define LMOPT_WALK_ARGUMENT_BYTES 20 /* of lmopt_walk_t without the padding behind it */

/* Section .lmopt.checksums: this header, then `count` entries; it ends where the file ends. The entries lie one after
 * another and cover the file from its first byte to this section, without a gap, so that nothing which a loader reads
 * is left out: "ELF header and program headers", each section with the padding behind it by its name, and "section
 * headers". All are compared when an artifact is opened but for the one of .lmopt.weights: that one when somebody asks.
 *
 * A checksum finds accidents: a half-copied file, a bad disk. Whoever changes a file on purpose changes its checksums
 * too: it is no signature.
 *
 * The checksum of n bytes is 64 bits, made of their 64-bit little-endian words w[0], w[1], ... (filled up with zeros to
 * a multiple of 64 bytes) in eight lanes; arithmetic is modulo 2^64:
 *   mix(state, word) = x ^ x >> 29, where x = (state ^ word) * LMOPT_CHECKSUM_FACTOR
 *   lane[i] = i + 1                               for i = 0 .. 7
 *   lane[j % 8] = mix(lane[j % 8], w[j])          for all words in order
 *   sum = n, then sum = mix(sum, lane[i])         for i = 0 .. 7
 * mix is a bijection of the state and of the word, so damage within one word is always found; of other accidents about
 * one in 2^64 escapes. docs/rationale.md tells why this one. */
#define LMOPT_CHECKSUMS_MAGIC 0x31304b43504f4d4cull /* "LMOPCK01" */
#define LMOPT_CHECKSUM_FACTOR 0xd6e8feb86659fd93ull
#define LMOPT_PART_NAME_SIZE 40
typedef struct lmopt_checksums_header {
  uint64_t magic; /* LMOPT_CHECKSUMS_MAGIC */
  uint64_t count;
  uint64_t weights; /* checksum of the split-out weights without their trailer; 0 when they are inside */
  uint64_t self;    /* checksum of this header, with `self` 0, and the entries */
} lmopt_checksums_header_t;
typedef struct lmopt_checksum {
  char name[LMOPT_PART_NAME_SIZE]; /* zero-terminated */
  uint64_t offset;                 /* in the file */
  uint64_t size;
  uint64_t checksum;
} lmopt_checksum_t;

/* The end of a file of split-out weights, behind weight_bytes bytes. It tells which weights these are, so that those of
 * another model are refused without reading them. */
#define LMOPT_WEIGHTS_MAGIC 0x31305457504f4d4cull /* "LMOPWT01" */
typedef struct lmopt_weights_trailer {
  uint64_t magic;    /* LMOPT_WEIGHTS_MAGIC */
  uint64_t checksum; /* as lmopt_checksums_header_t.weights */
} lmopt_weights_trailer_t;

/* A run of consecutive rows (tokens) that belong to one sequence. One step may carry many: a prompt chunk is one
 * segment, a batch of decoding sessions is one row each, a batch of sentences is one whole sentence each. */
typedef struct lmopt_segment {
  void *cache;      /* this sequence's key/value memory, 64-byte aligned: cache_bytes_per_position * capacity bytes and
                       ring_bytes_per_position * min(capacity, ring_positions).
                       Decoder: kept between steps. Encoder: scratch, contents never read across steps. */
  int64_t capacity; /* positions in `cache`; a multiple of LMOPT_CACHE_BLOCK */
  int64_t position; /* position of the first row; 0 for encoders. position + rows <= capacity */
  int64_t row;      /* first row of the step that belongs to this segment */
  int64_t rows;     /* how many, >= 1 */
  int64_t rope;     /* which rotary angles turn queries and keys: 0, or 1 when the whole sequence is longer than
                       rope_switch. All keys in `cache` were turned by the same. */
  void *state;      /* this sequence's state, whatever its length: state_bytes_per_sequence bytes, 64-byte aligned. All
                       zero at position 0; else as the step left it that brought the sequence to `position`. */
} lmopt_segment_t;

/* Keys are stored as blocks of 16 positions (one 512-bit register of floats), so capacities are whole blocks. */
#define LMOPT_CACHE_BLOCK 16

/* What kernels of a GPU are told of a row of the step, and of a segment; the runtime makes these tables anew for each
 * step. Cache: blocks of LMOPT_DEVICE_CACHE_BLOCK positions one after another, each of so many times
 * cache_bytes_per_position, with ring_bytes_per_position beside it in those of the first ring_positions: what a
 * sequence has not reached needs no memory. */
#define LMOPT_DEVICE_CACHE_BLOCK 64
typedef struct lmopt_device_row {
  uint64_t cache;   /* address of its sequence's cache; 0 for encoders */
  int32_t position; /* in its sequence */
  int32_t segment;  /* number of its segment */
  int32_t first;    /* first row of its segment */
  int32_t rows;     /* of its segment */
  int32_t rope;     /* as lmopt_segment_t */
  int32_t reserved; /* 0 */
} lmopt_device_row_t;
typedef struct lmopt_device_segment {
  int32_t first, rows;
} lmopt_device_segment_t;

/* One of the greatest logits of a row, which are in descending order, of equal ones the smaller token first; token -1
 * and -infinity where there are no more: NaN and -infinity are none. */
typedef struct lmopt_device_top {
  float logit;
  int32_t token;
} lmopt_device_top_t;

/* How the code of an artifact for GPUs has kernels launched, in order, each after the one before has ended.
 *
 * What "decode" and "decode_top" launch depends on the numbers rows, segment_count, output_count, top and positions,
 * and on addresses of the GPU that the step and this struct name, and on nothing else: neither on what lies at those
 * addresses nor on segments. A runtime may record what they launch once, and replay it for every step in which these
 * are the same. So that they are for many steps on end, those entries are told positions in whole units. */
#define LMOPT_DEVICE_POSITIONS_UNIT 256
typedef struct lmopt_device {
  uint32_t struct_size;
  uint32_t reserved;       /* 0 */
  uint64_t rows, segments; /* addresses of lmopt_device_row_t [rows], lmopt_device_segment_t [segment_count] */
  int64_t positions;       /* of the longest sequence, with this step's; "decode" and "decode_top": rounded up to a
                              multiple of LMOPT_DEVICE_POSITIONS_UNIT, also beyond the capacity */
  /* Kernel number `kernel` on grid[0] x grid[1] x grid[2] blocks. `arguments`: its parameters as they lie in parameter
   * space; they are copied. What fails is found by who called the entry. */
  void (*launch)(void *user, uint32_t kernel, const uint32_t *grid, const void *arguments);
  void *user;
  uint64_t greatest; /* "decode_top": address of lmopt_device_top_t [output_count][top of the step]: what it gives. Its
                        result, all logits, is only room that it needs */
  uint64_t chosen;   /* "decode_top" of one row and one output: 0, or the address of a list of tokens: an int32_t, how
                        many there are, and then these. The entry adds the greatest logit's token (-1: there is none), and
                        makes ready the next step: it writes that token (0: there is none) to `tokens` and adds 1 to the
                        position of the row */
} lmopt_device_t;

/* The arguments of one step. Every thread of the team calls the same entry with the same step. */
typedef struct lmopt_step {
  uint32_t struct_size;
  uint32_t reserved;     /* must be 0 */
  const void *weights;   /* the mapped weights, page aligned */
  void *arena;           /* arena_bytes + threads * arena_bytes_per_thread, 64-byte aligned */
  const int32_t *tokens; /* [rows], each in [0, vocabulary) */
  int64_t rows;          /* 1 .. max_rows of the entry */
  const lmopt_segment_t *segments;
  int64_t segment_size; /* bytes from one segment to the next */
  int64_t segment_count;
  const int32_t *const *inputs; /* [input_count of the entry]: each [rows], in [0, limit) */
  float *const *results;        /* [result_count of the entry]: each [rows of its domain][width], without padding; NULL
                                   only where the domain has no rows */
  const int32_t *output_rows;   /* [output_count]: the rows that LMOPT_DOMAIN_OUTPUTS means, ascending */
  int64_t output_count;         /* decoder: may be 0 (the early chunks of a prompt); encoder: 0 */
  /* All threads of the team wait here for one another; never called when the team is one thread. */
  void (*barrier)(void *team);
  void *team;
  /* NULL, or told by every thread what it does from now on: the number of a kernel call (an index into "steps" of the
   * manifest), or LMOPT_MARK_WAIT before it waits at the barrier. */
  void (*mark)(void *mark_user, int64_t thread, int64_t what);
  void *mark_user;
  int64_t top; /* entries that give the greatest logits only: how many of each row, at most `top` of the entry; 0: so
                  many */
  const lmopt_device_t *device; /* of an artifact for GPUs; its entries are called by one thread */
} lmopt_step_t;

enum { LMOPT_MARK_WAIT = -1, LMOPT_MARK_BEGIN = -2, LMOPT_MARK_END = -3 };

typedef void (*lmopt_entry_fn)(const lmopt_step_t *step, int64_t thread, int64_t threads);

/* What comes with every token beside its id, as "token_types": 0 for the first text of a pair, 1 for the second. */
typedef struct lmopt_input {
  const char *name;
  uint32_t limit;    /* the numbers are below this, >= 1 */
  uint32_t reserved; /* 0 */
} lmopt_input_t;

/* What one row of a result stands for: a row of the step; a row that output_rows names; a segment. */
enum { LMOPT_DOMAIN_TOKENS = 0, LMOPT_DOMAIN_OUTPUTS = 1, LMOPT_DOMAIN_SEQUENCES = 2 };

typedef struct lmopt_result {
  const char *name; /* "logits", "embedding", ... */
  uint32_t domain;  /* LMOPT_DOMAIN_* */
  uint32_t width;   /* floats in a row, >= 1 */
} lmopt_result_t;

/* How an entry takes sequences: DECODER appends to them, the cache is kept; ENCODER takes whole ones. */
enum { LMOPT_KIND_DECODER = 0, LMOPT_KIND_ENCODER = 1 };

/* Most inputs, and most results, of an entry. */
#define LMOPT_MAX_LISTED 64

/* One way into the code. A runtime looks for those it knows by name and leaves others alone. */
typedef struct lmopt_entry {
  const char *name;
  lmopt_entry_fn run;
  uint32_t kind;     /* LMOPT_KIND_* */
  uint32_t max_rows; /* most rows of one step */
  const lmopt_input_t *inputs;
  const lmopt_result_t *results;
  uint32_t input_count;
  uint32_t result_count; /* >= 1 */
  uint32_t top;          /* the logits are the so many greatest of each row, or as many as the step says; the others are
                            -infinity. 0: all of them. Of an artifact for GPUs: see lmopt_device_t.greatest */
  uint32_t reserved;     /* 0 */
} lmopt_entry_t;
/* Entries without `top` and what follows it serve too. */
#define LMOPT_ENTRY_SIZE_MIN offsetof(lmopt_entry_t, top)

/* Decoder: many rows, and few rows, one for each sequence; the first result is the logits, [outputs, vocabulary]. Some
 * have another one, as "decode" with the greatest logits only, and one, as "prefill", that has the input "targets", a
 * token for each row, and gives the logarithm of that token's probability as the next one, [outputs, 1], and no logits.
 * An artifact for CPUs computes all rows in one kernel before the next: called by one thread alone, "decode" and
 * "decode_top" take several rows of one sequence as well, and give the same. Encoder: one entry. */
#define LMOPT_ENTRY_PREFILL "prefill"
#define LMOPT_ENTRY_DECODE "decode"
#define LMOPT_ENTRY_DECODE_TOP "decode_top"
#define LMOPT_ENTRY_SCORE "score"
#define LMOPT_ENTRY_ENCODE "encode"

/* What lmopt_model_query returns: constants of the model and its entries. Lives as long as the library. */
typedef struct lmopt_code_table {
  uint32_t struct_size;
  uint32_t abi_version;
  uint32_t kind;          /* LMOPT_KIND_*: which entries there are */
  uint32_t vocabulary;    /* token ids are below this */
  uint32_t max_positions; /* longest sequence the model can take */
  uint32_t rope_switch;   /* sequences of more tokens have other rotary angles, at all their positions; 0: all lengths
                             have the same */
  uint32_t step_size;     /* bytes of lmopt_step_t that the code reads at most */
  uint32_t segment_size;  /* the same of lmopt_segment_t */
  uint64_t cache_bytes_per_position;
  uint64_t state_bytes_per_sequence;
  uint64_t arena_bytes;            /* shared by the team */
  uint64_t arena_bytes_per_thread; /* times the number of threads */
  const char *build;               /* "lmopt <version>", for messages */
  const lmopt_entry_t *entries;
  uint32_t entry_count;
  uint32_t entry_size; /* bytes from one entry to the next */
  /* Layers that look back over a window keep the latest ring_positions only; 0: there are none. A multiple of
   * LMOPT_DEVICE_CACHE_BLOCK, less than max_positions. A sequence that was cut back goes on from there when what is
   * left is at most ring_back behind the furthest position that was written; else it is read again from its first. */
  uint64_t ring_bytes_per_position; /* of these layers, beside cache_bytes_per_position */
  uint32_t ring_positions, ring_back;
} lmopt_code_table_t;
/* Tables without rings end before them. */
#define LMOPT_CODE_TABLE_SIZE_MIN offsetof(lmopt_code_table_t, ring_bytes_per_position)

static inline const lmopt_entry_t *lmopt_entry_at(const lmopt_code_table_t *table, uint32_t index) {
  return (const lmopt_entry_t *)(const void *)((const char *)table->entries + (size_t)index * table->entry_size);
}
/* The entry of that name, or NULL. */
static inline const lmopt_entry_t *lmopt_entry_find(const lmopt_code_table_t *table, const char *name) {
  for (uint32_t i = 0; i < table->entry_count; ++i)
    if (strcmp(lmopt_entry_at(table, i)->name, name) == 0)
      return lmopt_entry_at(table, i);
  return (const lmopt_entry_t *)0;
}

/* The only exported symbol. The lower half of `abi` is the greatest ABI version the caller knows, the upper half the
 * version of the code that is wanted, counted as the notes are; NULL when it cannot be served. It may be called on
 * every x86-64 CPU; what the table of a version leads to, only where its features are there. */
#define LMOPT_QUERY_VERSION_SHIFT 16
#define LMOPT_QUERY_ABI_MASK 0xffffu
typedef const lmopt_code_table_t *(*lmopt_model_query_fn)(uint32_t abi);
#define LMOPT_MODEL_QUERY_SYMBOL "lmopt_model_query"

#ifdef __cplusplus
}
#endif
#endif
