/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The public interface of the lmopt runtime: open a compiled model, make sessions, turn tokens into logits or vectors,
 * sample, render chat templates.
 *
 * In: model.so as `lmopt compile` wrote it. Out: floats in memory of the caller.
 * Rules that hold for every function:
 *   - it never prints, exits, throws, or keeps global state; any number of models may be open;
 *   - a function that can fail returns lmopt_status_t and, when `error` is not NULL, fills it in; `out` parameters are
 *     written only on success;
 *   - structs of options begin with `struct_size`, which the caller sets to sizeof the struct as it was compiled;
 * fields beyond it count as zero, zero always means "default", and a NULL pointer to options means all defaults;
 *   - a *_destroy function takes NULL and frees all that belongs to its object. Sessions keep their model and team
 * alive, so objects may be destroyed in any order;
 *   - models, teams and tokenizers may be used by many threads at once; a session, a sampler and a detokenizer belong
 * to one thread at a time.
 *
 * A first program is runtime/examples/generate.c. Tested by test/unit/runtime.
 */
#ifndef LMOPT_LMOPT_H
#define LMOPT_LMOPT_H

#include "lmopt/status.h"
#include "lmopt/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this library, "major.minor.patch". Static memory. */
const char *lmopt_version(void);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Artifacts: reading model.so without running any of its code
 *===--------------------------------------------------------------------------------------------------------------===*/

typedef struct lmopt_artifact lmopt_artifact_t;

/* Who computes with an artifact. CUDA: sessions need a team of a GPU (lmopt_team_options_t.device). */
enum { LMOPT_COMPUTES_ON_CPU = 0, LMOPT_COMPUTES_ON_CUDA = 1 };

typedef struct lmopt_artifact_info {
  uint32_t struct_size;
  uint32_t abi_min; /* ABI versions (abi.h) that the code serves */
  uint32_t abi_max;
  uint32_t meta_count;   /* number of metadata blobs */
  uint64_t isa;          /* CPU features the code needs: LMOPT_ISA_* of abi.h; of `version`, where there are several */
  uint64_t weight_bytes; /* size of the packed weights */
  uint64_t file_bytes;   /* size of model.so */
  const char *weights_file; /* name of the split-out weights beside model.so, or NULL; lives in the artifact */
  uint32_t versions;        /* of the code, for CPUs of different features; 1 or more */
  uint32_t version;         /* the one that this CPU runs; the least demanding one, 0, when it can run none */
  uint32_t checked;         /* 1: all but the weights matches its checksums; 0: made by an lmopt of another ABI whose
                               checksums, if any, this runtime does not know */
  uint32_t device;          /* LMOPT_COMPUTES_ON_*, or one that this runtime does not know */
} lmopt_artifact_info_t;

/* Maps and checks the file: every offset and size is compared with the size of the file before it is used, and all of
 * the file but the weights with its checksums. MALFORMED names the part or field at fault; RESOURCE: no such file, no
 * permission. The ABI and the CPU are NOT compared: this works for artifacts of any machine. No code of the artifact
 * runs: what needs metadata only (a tokenizer, a chat template, the manifest) is safe with files of strangers, and
 * should come this way. A checksum finds damage, not malice: it is no signature. */
lmopt_status_t lmopt_artifact_open(const char *path, lmopt_artifact_t **out, lmopt_error_t *error);
/* The same for a file already in memory, which is BORROWED until the artifact is destroyed. No alignment is needed. */
lmopt_status_t lmopt_artifact_open_memory(const void *data, size_t size, lmopt_artifact_t **out, lmopt_error_t *error);
void lmopt_artifact_destroy(lmopt_artifact_t *artifact);
/* Fills as many fields as info->struct_size covers. */
lmopt_status_t lmopt_artifact_get_info(const lmopt_artifact_t *artifact, lmopt_artifact_info_t *info,
                                       lmopt_error_t *error);
/* A metadata blob by name: "manifest" (JSON), "tokenizer", "chat_template" (Jinja text), "weights_file", ... Returns
 * NULL and *size 0 when the artifact has none of that name. The bytes live in the artifact and are not zero-terminated.
 */
const void *lmopt_artifact_meta(const lmopt_artifact_t *artifact, const char *name, size_t *size);
/* Name of blob `index` in [0, meta_count), or NULL; lives in the artifact. */
const char *lmopt_artifact_meta_name(const lmopt_artifact_t *artifact, uint32_t index);

/* How a kernel runs: by a launch of its own; by that, or by the walker of the artifact; or it is the walker, which does
 * the work of others in one launch (LMOPT_CUDA_PERSISTENT). */
enum { LMOPT_KERNEL_LAUNCHED = 0, LMOPT_KERNEL_WALKED = 1, LMOPT_KERNEL_WALKER = 2 };
/* A kernel of an artifact for GPUs: what a launch of it asks of a GPU. */
typedef struct lmopt_kernel_info {
  uint32_t struct_size;
  uint32_t threads;        /* of a block */
  uint32_t shared_bytes;   /* dynamic shared memory of a block */
  uint32_t argument_bytes; /* of its parameters */
  const char *name;        /* lives in the artifact */
  uint32_t role;           /* LMOPT_KERNEL_* */
} lmopt_kernel_info_t;

/* How many kernels there are for an architecture, "sm_80"; 0: there is no code for it. MALFORMED: their table is
 * damaged. */
lmopt_status_t lmopt_artifact_count_kernels(const lmopt_artifact_t *artifact, const char *architecture, uint32_t *count,
                                            lmopt_error_t *error);
/* Kernels by number, 0 .. count - 1. USAGE: there is none of that number. */
lmopt_status_t lmopt_artifact_get_kernel(const lmopt_artifact_t *artifact, const char *architecture, uint32_t index,
                                         lmopt_kernel_info_t *info, lmopt_error_t *error);

/* The tokenizer of an artifact; it borrows from the artifact, which must live longer, and goes with
 * lmopt_tokenizer_destroy. UNSUPPORTED: the artifact carries none · ABI: made for another runtime. */
lmopt_status_t lmopt_artifact_tokenizer(const lmopt_artifact_t *artifact, lmopt_tokenizer_t **out,
                                        lmopt_error_t *error);
/* Compares the weights with their checksum as well, and finds them first if they are split out: reads all of them.
 * MALFORMED: damaged, or the weights of another model · ABI: the artifact comes from an lmopt without checksums. */
lmopt_status_t lmopt_artifact_verify(const lmopt_artifact_t *artifact, lmopt_error_t *error);

/* CPU features (LMOPT_ISA_* of abi.h) that this CPU and operating system offer: CPUID and, for the wide registers,
 * XCR0. */
uint64_t lmopt_cpu_isa(void);
/* Writes the names of the bits of `isa`, as "avx2, fma, bit 40", zero-terminated, cut to `capacity` bytes; returns the
 * length of the whole text without the zero. `text` may be NULL when capacity is 0. */
size_t lmopt_isa_names(uint64_t isa, char *text, size_t capacity);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Models
 *===--------------------------------------------------------------------------------------------------------------===*/

typedef struct lmopt_model lmopt_model_t;

/* How the weights come into memory. */
enum {
  LMOPT_LOAD_MAP = 0,      /* map the file; pages arrive when they are first read; shared between processes */
  LMOPT_LOAD_POPULATE = 1, /* map the file and read all of it now: slower to open, no faults later */
  LMOPT_LOAD_COPY =
      2 /* copy into private memory with huge pages where the system grants them: independent of the file */
};

typedef struct lmopt_model_options {
  uint32_t struct_size;
  uint32_t load;   /* LMOPT_LOAD_*; default LMOPT_LOAD_MAP */
  uint32_t verify; /* not 0: compare the weights with their checksum too, which reads all of them; the rest always is */
} lmopt_model_options_t;

enum { LMOPT_MODEL_DECODER = 0, LMOPT_MODEL_ENCODER = 1 };

typedef struct lmopt_model_info {
  uint32_t struct_size;
  uint32_t kind;                     /* LMOPT_MODEL_* */
  int32_t vocabulary;                /* token ids are in [0, vocabulary) */
  int32_t output_width;              /* floats in a row of the first result; decoder: vocabulary */
  int32_t max_positions;             /* longest sequence in tokens (encoder: at most max_step_rows as well) */
  int32_t max_step_rows;             /* most tokens in one pass: chunk of a prompt, pack of an encoder */
  int32_t max_decode_rows;           /* most sessions in one pass of lmopt_sessions_decode; 0 for encoders */
  uint32_t abi_version;              /* of the code table in use */
  uint64_t isa;                      /* LMOPT_ISA_* that the code needs */
  uint64_t weight_bytes;             /* size of the weights */
  uint64_t cache_bytes_per_position; /* memory of one token in a decoder's session */
  const char *build;                 /* which lmopt made the artifact; lives in the model */
  uint64_t state_bytes_per_sequence; /* memory of a decoder's session beside that, whatever its length */
  uint32_t input_count;              /* what a token brings beside its id: lmopt_model_get_input */
  uint32_t result_count;             /* what comes out: lmopt_model_get_result; decoder: 1, the logits */
  int32_t top_logits;                /* lmopt_session_decode_top finds so many of the greatest without the others; 0: it
                                        computes all */
  int32_t token_scores;              /* 1: the model has lmopt_session_score; 0: it has not */
  uint32_t device;                   /* LMOPT_COMPUTES_ON_*: which teams its sessions take */
  int32_t ring_positions;            /* layers that look back over a window keep the latest so many tokens; 0: the cache
                                        keeps all in all layers */
  uint64_t ring_bytes_per_position;  /* memory of one of these tokens, beside cache_bytes_per_position */
} lmopt_model_info_t;

/* A number for each token beside its id: "token_types" (0 for the first text of a pair, 1 for the second), ... */
typedef struct lmopt_input_info {
  uint32_t struct_size;
  int32_t limit;    /* numbers are in [0, limit) */
  const char *name; /* lives in the model */
} lmopt_input_info_t;

/* What one row of a result stands for: each token; a token whose logits are wanted; each sequence. */
enum { LMOPT_ROWS_TOKENS = 0, LMOPT_ROWS_OUTPUTS = 1, LMOPT_ROWS_SEQUENCES = 2 };

/* Rows of floats that a model computes: "logits", "embedding", "token_logits", ... */
typedef struct lmopt_result_info {
  uint32_t struct_size;
  uint32_t rows; /* LMOPT_ROWS_* */
  int32_t width; /* floats in a row */
  uint32_t reserved;
  const char *name; /* lives in the model */
} lmopt_result_info_t;

/* Opens an artifact: checks the file and its checksums, its ABI and its CPU features before any of its code is loaded,
 * then maps the weights (work does not grow with their size, unless options->load or options->verify says so).
 * MALFORMED: the file is damaged (part or field named), or split-out weights belong to another model · RESOURCE: no
 * file, no permission, no memory · ABI: made by a newer or older lmopt (which side to update is said) · CPU: missing
 * features named. Split-out weights are looked for beside the file that `path` leads to, links followed, then beside
 * `path` itself. The artifact contains machine code, and checksums are no signature: open only files you trust. The
 * file must not be changed in place while it is open. */
lmopt_status_t lmopt_model_open(const char *path, const lmopt_model_options_t *options, lmopt_model_t **out,
                                lmopt_error_t *error);
/* Gives up the caller's hold; the memory goes when the last session is gone too. */
void lmopt_model_destroy(lmopt_model_t *model);
/* Fills as many fields as info->struct_size covers. */
lmopt_status_t lmopt_model_get_info(const lmopt_model_t *model, lmopt_model_info_t *info, lmopt_error_t *error);
/* Inputs and results by number, 0 .. count - 1. USAGE: there is none of that number. */
lmopt_status_t lmopt_model_get_input(const lmopt_model_t *model, uint32_t index, lmopt_input_info_t *info,
                                     lmopt_error_t *error);
lmopt_status_t lmopt_model_get_result(const lmopt_model_t *model, uint32_t index, lmopt_result_info_t *info,
                                      lmopt_error_t *error);

/* What the rows of the first result say, where a model was trained for a task. */
enum {
  LMOPT_TASK_NONE = 0,
  LMOPT_TASK_SEQUENCE_CLASSIFICATION = 1, /* classes of a text or a pair: a row for each sequence */
  LMOPT_TASK_TOKEN_CLASSIFICATION = 2,    /* classes of tokens: a row for each */
  LMOPT_TASK_MASKED_LM = 3,               /* which token stands here: a row of [vocabulary] for each token */
  LMOPT_TASK_QUESTION_ANSWERING = 4       /* whether the answer starts, and ends, at each token: rows of two */
};
enum { LMOPT_SCORES_RAW = 0, LMOPT_SCORES_SOFTMAX = 1, LMOPT_SCORES_SIGMOID = 2 };
typedef struct lmopt_head_info {
  uint32_t struct_size;
  uint32_t task;        /* LMOPT_TASK_* */
  uint32_t scores;      /* LMOPT_SCORES_*: how a row of logits becomes scores; SIGMOID: classes do not exclude others */
  uint32_t label_count; /* names of the columns; 0 where they are tokens, or start and end */
} lmopt_head_info_t;
lmopt_status_t lmopt_model_get_head(const lmopt_model_t *model, lmopt_head_info_t *info, lmopt_error_t *error);
/* The name of a column, zero-terminated UTF-8 that lives in the model; NULL: there is none of that number. */
const char *lmopt_model_label(const lmopt_model_t *model, uint32_t index);
/* One row of the first result to scores, as the head says (without a head: as they are). In place is allowed. */
void lmopt_model_scores(const lmopt_model_t *model, const float *logits, float *scores);

/* As lmopt_artifact_meta; the bytes live in the model. */
const void *lmopt_model_meta(const lmopt_model_t *model, const char *name, size_t *size);
/* The model's tokenizer (tokenizer.h), owned by the model, or NULL when the artifact carries none. */
const lmopt_tokenizer_t *lmopt_model_tokenizer(const lmopt_model_t *model);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Thread teams
 *===--------------------------------------------------------------------------------------------------------------===*/

/* A team is the calling thread and `threads - 1` workers that wait, first spinning, then asleep. Sessions may share
 * one: their calls then run one after another. Results do not depend on the number of threads. The team also owns the
 * scratch memory of a step, so that many sessions cost only their caches. Do not fork() while a team exists.
 *
 * Or it is a GPU, which computes while the calling thread waits. It is for artifacts that were compiled for GPUs, and
 * these take no other (lmopt_model_info_t.device). Several teams of one GPU share the weights of a model, which come
 * there with the first session and stay as long as the model; their steps may run at the same time. After a fault of
 * the GPU every call on it fails. */
typedef struct lmopt_team lmopt_team_t;

typedef struct lmopt_team_options {
  uint32_t struct_size;
  int32_t threads; /* 1 .. 1024; default: the physical cores whose CPUs this process may run on (sched_getaffinity),
                      but no more than the CPU quota of its control groups pays for, rounded down, and at least 1 */
  const int32_t
      *cpus; /* NULL, or [threads] CPU numbers: worker i is bound to cpus[i]. The calling thread (0) is left alone. */
  int32_t spin_us;    /* about how long an idle worker spins before it sleeps; default 100; -1: not at all.
                         Teams with more threads than CPUs, or than the quota pays for, never spin. */
  const char *device; /* NULL or "cpu": threads of this process. "cuda" (the first one) or "cuda:N": a GPU that the CUDA
                         driver shows; then the fields above stay 0. BORROWED during the call. */
} lmopt_team_options_t;

/* USAGE: an option is out of range · RESOURCE: no memory, no threads · CPU: there is no CUDA driver, no such GPU, or
 * one that is too old or taken by another process · ABI: the driver is too old. */
lmopt_status_t lmopt_team_create(const lmopt_team_options_t *options, lmopt_team_t **out, lmopt_error_t *error);
void lmopt_team_destroy(lmopt_team_t *team);
/* 1 when it is a GPU. */
int32_t lmopt_team_threads(const lmopt_team_t *team);

/* Told by each thread of a team what it does from now on: LMOPT_PROFILE_BEGIN and LMOPT_PROFILE_END around each pass,
 * LMOPT_PROFILE_WAIT for waiting at a barrier, else the number of a kernel call in "steps" of the manifest. Called on
 * the threads themselves, at the same time: keep what it writes apart by thread. */
enum { LMOPT_PROFILE_WAIT = -1, LMOPT_PROFILE_BEGIN = -2, LMOPT_PROFILE_END = -3 };
typedef void (*lmopt_profile_fn)(void *user, int64_t thread, int64_t what);
/* From the next pass on; NULL: nobody is told. Results are the same; time grows by two calls for each kernel call. Of a
 * team that is a GPU only BEGIN and END are told: what it does in between is not seen from here. */
void lmopt_team_set_profile(lmopt_team_t *team, lmopt_profile_fn profile, void *user);

/* Told of a pass on a GPU, when it is over, what was done one after the other: LMOPT_PROFILE_BEGIN for what was brought
 * there, then each launch by the number of its kernel (lmopt_artifact_get_kernel), LMOPT_PROFILE_END for results of one
 * copy; and how long each took by the clock of the GPU, with what lay between it and the one before. */
typedef void (*lmopt_launch_profile_fn)(void *user, int64_t what, double seconds);
/* From the next pass on; NULL: nobody is told. Results are the same; every kernel is launched by itself, as with
 * LMOPT_CUDA_GRAPHS=0, and takes about a microsecond more. USAGE: the team is no GPU. */
lmopt_status_t lmopt_team_set_launch_profile(lmopt_team_t *team, lmopt_launch_profile_fn told, void *user,
                                             lmopt_error_t *error);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Cancelling
 *===--------------------------------------------------------------------------------------------------------------===*/

/* A flag in memory of the caller, initialised with zero; it may serve many sessions. Calls look at it before each pass
 * over the model and then return LMOPT_INTERRUPTED. Both functions may be called from any thread and from signal
 * handlers. */
typedef struct lmopt_cancel {
  int32_t requested;
} lmopt_cancel_t;
void lmopt_cancel_request(lmopt_cancel_t *cancel);
void lmopt_cancel_clear(lmopt_cancel_t *cancel);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Sessions
 *===--------------------------------------------------------------------------------------------------------------===*/

/* The place where a model runs. For a decoder it is one sequence of tokens with its key/value memory; for an encoder it
 * keeps nothing between calls. */
typedef struct lmopt_session lmopt_session_t;

typedef struct lmopt_session_options {
  uint32_t struct_size;
  int32_t threads;    /* of the session's own team; default as lmopt_team_create. Ignored when `team` is given. */
  lmopt_team_t *team; /* a team to share, or NULL */
  int64_t context;    /* decoder: most positions, 1 .. max_positions; default min(max_positions, 8192). The memory is
                         context * cache_bytes_per_position + min(context, ring_positions) * ring_bytes_per_position, but
                         pages that no token has reached are not taken. */
  lmopt_cancel_t *cancel; /* BORROWED while the session lives, or NULL */
  int64_t
      window; /* decoder: not 0: a session without end that looks back over at most so many tokens, 2 .. max_positions
                 (`context` is then left 0). When a token comes and `window` are held, the first `sinks` and the
                 latest (window - sinks) / 2 stay, the others are forgotten, and those that moved are read again at
                 their new positions: what follows is exactly what a new session gives that reads the tokens kept. */
  int64_t sinks;      /* with a window: first tokens that always stay, 0 .. window - 2: models lean on them
                         (Xiao et al. 2024, "attention sinks"; 4 are enough for most) */
  const char *device; /* of the session's own team, as lmopt_team_options_t. Ignored when `team` is given. */
} lmopt_session_options_t;

/* USAGE: the context is longer than the model allows, an option is out of range, or the artifact is for another kind of
 * team · RESOURCE: no memory, no threads · UNSUPPORTED: the model has a state, and the team is a GPU · CPU, ABI: as
 * lmopt_team_create; ABI also: the artifact has no code for this GPU, or its code is too new for the driver · INTERNAL:
 * the GPU is dead. */
lmopt_status_t lmopt_session_create(lmopt_model_t *model, const lmopt_session_options_t *options, lmopt_session_t **out,
                                    lmopt_error_t *error);
void lmopt_session_destroy(lmopt_session_t *session);

/* Tokens that the session holds so far, and the most it can hold. 0 for encoders. */
int64_t lmopt_session_position(const lmopt_session_t *session);
int64_t lmopt_session_capacity(const lmopt_session_t *session);
/* Tokens that a session with a window has forgotten since it was last empty. */
int64_t lmopt_session_dropped(const lmopt_session_t *session);
/* Says that the sequence will have at least `length` tokens (0, as at first: nothing is known), until it is said again.
 * For models whose rotary angles depend on the length of the whole sequence (longrope: see "rope_switch" of the
 * manifest; others do not care): each call computes all tokens as those of a sequence as long as it is when the call
 * ends. When that crosses the switch, in either direction, the session reads all tokens again, which costs a prompt of
 * that length; who knows that a prompt fed in several calls, or the text that follows it, will be longer, says so and
 * has the angles of long sequences from the first token. USAGE: the session cannot hold so many, or is an encoder's. */
lmopt_status_t lmopt_session_expect(lmopt_session_t *session, int64_t length, lmopt_error_t *error);
/* Forgets all tokens from `position` on (0: all of them). A model with a state (state_bytes_per_sequence) then reads
 * the kept ones again when the next one comes; so does one with rings (ring_positions) that goes back further than
 * they reach: some hundred tokens at least. USAGE: position is negative or beyond what the session holds. */
lmopt_status_t lmopt_session_truncate(lmopt_session_t *session, int64_t position, lmopt_error_t *error);

/* Appends `count` >= 1 tokens (any number: they are cut into chunks of max_step_rows) and, unless `logits` is NULL,
 * writes the logits after the last one: [vocabulary] floats. USAGE: a token is out of range (named), the session has
 * too little room, or the model is an encoder; then nothing was appended · INTERRUPTED: lmopt_session_position (with a
 * window: plus lmopt_session_dropped) tells how many tokens went in; the call may be continued with the rest. */
lmopt_status_t lmopt_session_prefill(lmopt_session_t *session, const int32_t *tokens, int64_t count, float *logits,
                                     lmopt_error_t *error);

/* Receives logits of `rows` consecutive chosen tokens: logits is [rows, vocabulary], valid during the call only;
 * `first` counts the chosen rows delivered before. Returns 0 to go on; any other value ends the call with
 * LMOPT_INTERRUPTED. */
typedef int (*lmopt_logits_fn)(void *user, int64_t first, int64_t rows, const float *logits);

/* As lmopt_session_prefill, with the logits of many rows: those of the tokens [begin, count), 0 <= begin <= count, in
 * order, a chunk at a time. */
lmopt_status_t lmopt_session_prefill_rows(lmopt_session_t *session, const int32_t *tokens, int64_t count, int64_t begin,
                                          lmopt_logits_fn receive, void *user, lmopt_error_t *error);

/* As lmopt_session_prefill, with scores[i], the logarithm of the probability that targets[i] comes after tokens[i], in
 * the place of logits: what lmopt_session_prefill_rows gives for that token, bit for bit, and a row of logits of such a
 * model adds up to 1 (their exponentials do). A model that has it (token_scores) computes a few of its head's rows for
 * each token. USAGE also when the model has it not, or a target is out of range. */
lmopt_status_t lmopt_session_score(lmopt_session_t *session, const int32_t *tokens, const int32_t *targets,
                                   int64_t count, float *scores, lmopt_error_t *error);

/* Appends one token and writes the logits after it, [vocabulary] floats. Errors as lmopt_session_prefill. */
lmopt_status_t lmopt_session_decode(lmopt_session_t *session, int32_t token, float *logits, lmopt_error_t *error);

/* Appends one token to each of `count` >= 1 different sessions of one model in shared passes over the weights, at most
 * max_decode_rows sessions a pass; logits is [count, vocabulary]. The team and the cancel flag of the first session
 * serve all; nobody else may use any of these sessions meanwhile. Errors as lmopt_session_prefill; USAGE also when
 * models differ or a session stands twice. */
lmopt_status_t lmopt_sessions_decode(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                     float *logits, lmopt_error_t *error);

/* The same where only the `top` >= 1 greatest logits of each row are of interest (lmopt_sampler_top), the smaller id
 * first where they are equal: these are what lmopt_sessions_decode gives, bit for bit; any other is that, too, or
 * -infinity. A model that can (top_logits) needs less memory traffic for it, if `top` is at most what it says; others
 * compute all. USAGE also when `top` is less than 1. */
lmopt_status_t lmopt_session_decode_top(lmopt_session_t *session, int32_t token, int32_t top, float *logits,
                                        lmopt_error_t *error);
lmopt_status_t lmopt_sessions_decode_top(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                         int32_t top, float *logits, lmopt_error_t *error);

/* Encodes `count` sequences: `tokens` is all of them one after another, lengths[i] >= 1 the tokens of sequence i;
 * vectors is [count, output_width], the first result. Inputs beside the ids are 0. Sequences are packed without
 * padding, several to a pass of at most max_step_rows tokens. USAGE: a length outside [1, max_positions] or a token out
 * of range (named), the model is a decoder, or its first result has a row for each token; then nothing was written ·
 * INTERRUPTED: the vectors of some sequences were not written. */
lmopt_status_t lmopt_session_encode(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                    int64_t count, float *vectors, lmopt_error_t *error);
/* The same with all that the model takes and gives. inputs: NULL, or [input_count] pointers, each NULL (all 0) or a
 * number for each of the tokens, in their order. results: [result_count] pointers, each NULL (not wanted) or room for
 * all rows of that result: [tokens of all sequences, width] or [count, width]. Errors as above; USAGE also when a
 * number of an input is out of range (named). */
lmopt_status_t lmopt_session_encode_all(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                        int64_t count, const int32_t *const *inputs, float *const *results,
                                        lmopt_error_t *error);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Sampling
 *===--------------------------------------------------------------------------------------------------------------===*/

/* Chooses a token from logits: temperature, then top-k, then top-p, then min-p, then a draw with an own generator: the
 * same options, seed and logits give the same tokens on every machine up to the rounding of exp(). */
typedef struct lmopt_sampler lmopt_sampler_t;

typedef struct lmopt_sampler_options {
  uint32_t struct_size;
  float temperature; /* default 0: greedy, the greatest logit, the smaller id when equal; the rest is then ignored */
  int32_t top_k;     /* keep the k most probable tokens; default 0: all */
  float top_p;       /* keep the fewest tokens whose probabilities reach this sum, in (0, 1]; default 0: all */
  float min_p;       /* drop tokens less probable than min_p times the greatest, in [0, 1]; default 0: none */
  uint32_t reserved; /* must be 0 */
  uint64_t seed;
} lmopt_sampler_options_t;

/* USAGE: an option is out of range. `vocabulary` is the number of logits that each call brings. */
lmopt_status_t lmopt_sampler_create(const lmopt_sampler_options_t *options, int32_t vocabulary, lmopt_sampler_t **out,
                                    lmopt_error_t *error);
void lmopt_sampler_destroy(lmopt_sampler_t *sampler);
/* How many of the greatest logits the sampler looks at (1 when greedy, top_k): the choice does not depend on the
 * others, which may be -infinity instead (lmopt_session_decode_top). */
int32_t lmopt_sampler_top(const lmopt_sampler_t *sampler);
/* logits: [vocabulary]. NaN never wins. INTERNAL: no logit is a number (the model computed nonsense). */
lmopt_status_t lmopt_sampler_sample(lmopt_sampler_t *sampler, const float *logits, int32_t *token,
                                    lmopt_error_t *error);

/* Receives a token that was chosen. Returns 0 to go on; any other value ends the call, which has then done well. It
 * leaves the session alone. */
typedef int (*lmopt_token_fn)(void *user, int32_t token);

/* Continues the session by up to `count` >= 0 tokens: appends `token`, which was chosen from the logits after the last
 * one that the session holds, chooses the one after it and gives it to `receive`, appends that one, and so on. What
 * `receive` got last is chosen but not appended: with it the next call goes on, also after INTERRUPTED. `sampler` NULL:
 * greedy. Tokens, sampler and session are afterwards those of a loop of
 *   lmopt_session_decode_top(session, token, lmopt_sampler_top(sampler), logits, error);
 *   lmopt_sampler_sample(sampler, logits, &token, error);
 *   receive(user, token);
 * The cancel flag is looked at before each token is appended. A GPU gives the greatest logits alone, if the model finds
 * as many (top_logits), and chooses greedily itself, several tokens on end without the host; what it computed beyond
 * the last one that was received leaves no trace. Errors as lmopt_session_prefill; USAGE also when nobody receives, or
 * the sampler is for another vocabulary · INTERNAL also: no logit after a token is a number; that token was appended.
 */
lmopt_status_t lmopt_session_generate(lmopt_session_t *session, int32_t token, lmopt_sampler_t *sampler, int64_t count,
                                      lmopt_token_fn receive, void *user, lmopt_error_t *error);

/* Speculation: lmopt_session_generate guesses tokens and computes the logits after several of them in one pass, which
 * costs less than as many passes where weights come from memory. Each token is still chosen by the sampler from its
 * logits, in order, and a guess only counts when it is the token that was chosen: tokens, sampler and session are to
 * the bit those of single steps. What was guessed wrongly leaves no trace. */
typedef struct lmopt_speculation_options {
  uint32_t struct_size;
  int32_t lookup;       /* not 0: guesses what followed the latest tokens where they stood earlier in the sequence */
  lmopt_model_t *draft; /* NULL, or a model of the same vocabulary that guesses; it computes on the session's team */
  int32_t most;         /* most tokens guessed at once, 1 .. 15; default 15 */
  int32_t always;       /* not 0: always `most`, where there is a guess; default: as many as the passes and guesses so
                           far say will pay, none where none will */
} lmopt_speculation_options_t;

typedef struct lmopt_speculation_info {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t passes;   /* over the model by lmopt_session_generate: each chooses one token and those that were accepted */
  int64_t proposed; /* tokens that were guessed */
  int64_t accepted; /* of them, those that were chosen */
} lmopt_speculation_info_t;

/* Makes the generations of a decoder's session speculate from now on. A session that does keeps its tokens. USAGE: it
 * holds some already, speculates already, an option is out of range, there is nothing to guess from, or the draft is an
 * encoder or has another vocabulary (the first token that differs is named) · UNSUPPORTED: the session computes on a
 * GPU, or one of the models has a state (state_bytes_per_sequence), which cannot be taken back. */
lmopt_status_t lmopt_session_speculate(lmopt_session_t *session, const lmopt_speculation_options_t *options,
                                       lmopt_error_t *error);
/* What came of it; all 0 for a session that does not speculate. */
lmopt_status_t lmopt_session_get_speculation(const lmopt_session_t *session, lmopt_speculation_info_t *info,
                                             lmopt_error_t *error);

/*===--------------------------------------------------------------------------------------------------------------===*
 * Chat templates
 *===--------------------------------------------------------------------------------------------------------------===*/

typedef struct lmopt_chat_message {
  const char *role;    /* "system", "user", "assistant", ...; zero-terminated; BORROWED during the call, as all here */
  const char *content; /* [content_size] bytes of UTF-8; zero bytes are content like any other; NULL: empty */
  size_t content_size;
} lmopt_chat_message_t;

typedef struct lmopt_chat_options {
  uint32_t struct_size;
  int32_t add_generation_prompt; /* not 0: end with what makes the model answer */
  const char *bos_token;         /* text of the tokens; NULL: the model's, or undefined when there is no model */
  const char *eos_token;
  const char *variables; /* NULL, or a JSON object whose members become variables of the template: messages with more
                            than a role and a text (lists of parts, tool_calls, ...; they replace the messages of the
                            call), tools, documents, enable_thinking, ... */
  const char *continue_field; /* NULL, or the field of the final message, mostly "content", that the model is to go on
                                 with: the text ends behind it. Not together with add_generation_prompt. */
  int64_t now;                /* what strftime_now shows: seconds since 1970-01-01 00:00:00 on the clock on the wall (no
                                 time zone is applied); default: the local time of the call */
} lmopt_chat_options_t;

/* Renders a conversation with a Jinja template as `apply_chat_template` of Hugging Face transformers 5.24 does: Jinja2
 * 3.1 in its immutable sandbox with trim_blocks, lstrip_blocks, loop controls, {% generation %}, raise_exception,
 * strftime_now, and tojson without escapes for HTML. tools and documents are none unless `variables` has them; fields
 * of a message that are null are dropped, and reasoning stands under thinking and reasoning_content. All statements of
 * Jinja but those that need other templates (include, import, extends, block) and autoescape; all its filters and tests
 * but filesizeformat, pprint, random, striptags, urlize, wordwrap and xmlattr; the methods of Python's str, list, tuple
 * and dict that change nothing (not encode, translate, fromkeys). Integers have 64 bits. Letters are those of Unicode
 * 14, as in Python 3.11. What is missing is refused by name; no construct is skipped. Bounds, so that hostile templates
 * end with an error: 20 million steps, 500 levels, 256 MiB of memory, 64 MiB of text. *text is zero-terminated and the
 * caller's: lmopt_free(). *size may be NULL: then zero bytes of the content cannot be told from the end. UNSUPPORTED: a
 * construct that is missing here · MALFORMED: the template is wrong, or a bound was reached (both with line:column) ·
 * USAGE: there is no message, the variables are no JSON or messages no list of objects, or the template itself refused
 * the conversation (raise_exception). */
lmopt_status_t lmopt_chat_render(const char *chat_template, size_t template_size, const lmopt_chat_message_t *messages,
                                 size_t count, const lmopt_chat_options_t *options, char **text, size_t *size,
                                 lmopt_error_t *error);
/* The same with the template of the model; bos_token, eos_token, unk_token, sep_token, pad_token, cls_token and
 * mask_token are those of its tokenizer, and undefined where it has none. UNSUPPORTED also when the artifact has no
 * chat template. Feed the result to lmopt_tokenizer_encode with LMOPT_TOKENIZE_PARSE_SPECIAL and without
 * LMOPT_TOKENIZE_ADD_SPECIAL: the template has written the special tokens. */
lmopt_status_t lmopt_model_chat(const lmopt_model_t *model, const lmopt_chat_message_t *messages, size_t count,
                                const lmopt_chat_options_t *options, char **text, size_t *size, lmopt_error_t *error);
/* The same without the code of the model: `tokenizer` is what lmopt_artifact_tokenizer gave, or NULL. */
lmopt_status_t lmopt_artifact_chat(const lmopt_artifact_t *artifact, const lmopt_tokenizer_t *tokenizer,
                                   const lmopt_chat_message_t *messages, size_t count,
                                   const lmopt_chat_options_t *options, char **text, size_t *size,
                                   lmopt_error_t *error);
/* Frees text that a function above returned. */
void lmopt_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
