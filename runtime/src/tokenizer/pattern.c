/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Regular expressions of a pre-tokenizer that are not written out as code (split.c): PCRE2 finds their matches.
 *
 * In: the expressions of a blob, as frontends/tokenizer/SplitPattern.cpp writes them, and well-formed UTF-8. Out:
 * matches, leftmost first. Compiled once, when the tokenizer is opened; an encode has scratch of its own.
 *
 * Work is bounded. PCRE2 counts its steps at one place of a text and gives up at a limit; here each place is tried by
 * itself, first with a small limit, then with a doubled one, and what the tries took is charged to the encode: so many
 * steps for each byte, which any expression that cuts text in one pass stays far below. Two options keep a step cheap:
 * PCRE2 must not make loops possessive by itself, since it takes characters of such loops without counting, and it must
 * not look ahead of the place for characters that are needed. Source: pcre2api(3), pcre2perform(3). Tested by
 * test/unit/tokenizer/PatternTest.cpp, against `tokenizers` by test/tools/pattern_parity.py.
 */
#include "runtime/src/tokenizer/pcre2.h"
#include "runtime/src/tokenizer/unicode.h"

#include "runtime/src/tokenizer/internal.h"

#include <stdlib.h>

enum {
  FIRST_LIMIT = 64, /* steps; an ordinary word takes fewer */
  WORK_PER_BYTE = 64,
  WORK_AT_LEAST = 1 << 16,  /* for short texts */
  MOST_KIBIBYTES = 1 << 18, /* of PCRE2's memory: 256 MiB */
  SHOWN_PATTERN = 120       /* bytes of an expression in a message */
};

struct lmopt_patterns {
  lmopt_pcre2_t pcre2;
  pcre2_code *codes[LMOPT_TOKENIZER_MAX_STEPS]; /* by step; NULL: it has no expression */
};

typedef struct {
  pcre2_match_context *context;
  pcre2_match_data *data;
} matching_t;

/*===--- Opening ---===*/

static lmopt_bytes_t pattern_of(const lmopt_tokenizer_t *tokenizer, size_t step) {
  const lmopt_bytes_t none = {NULL, 0}, *offsets = &tokenizer->sections[LMOPT_TOKENIZER_ARGUMENT_OFFSETS],
                      *bytes = &tokenizer->sections[LMOPT_TOKENIZER_ARGUMENT_BYTES];
  size_t text =
      lmopt_load_u32(tokenizer->sections[LMOPT_TOKENIZER_PRETOKENIZER].data, 2 * step + 1) & LMOPT_PATTERN_TEXT;
  if (text + 1 >= offsets->size / sizeof(uint32_t))
    return none;
  uint32_t begin = lmopt_load_u32(offsets->data, text), end = lmopt_load_u32(offsets->data, text + 1);
  if (begin >= end || end > bytes->size || end - begin > LMOPT_TOKENIZER_MAX_PATTERN)
    return none;
  return (lmopt_bytes_t){bytes->data + begin, end - begin};
}

/* As many of its bytes as a message has room for, without half a character. */
static int shown_size(lmopt_bytes_t pattern) {
  size_t size = pattern.size < SHOWN_PATTERN ? pattern.size : SHOWN_PATTERN;
  while (size && size < pattern.size && (pattern.data[size] & 0xC0) == 0x80)
    --size;
  return (int)size;
}

static lmopt_status_t compile(lmopt_patterns_t *patterns, const lmopt_tokenizer_t *tokenizer, size_t step,
                              pcre2_compile_context *context, lmopt_error_t *error) {
  lmopt_bytes_t pattern = pattern_of(tokenizer, step);
  if (!pattern.size || lmopt_utf8_valid_prefix(pattern.data, pattern.size) != pattern.size)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: pre-tokenizer step %zu has no valid expression", step);
  uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_POSSESS | PCRE2_NO_START_OPTIMIZE;
  int code = 0;
  size_t at = 0;
  patterns->codes[step] = patterns->pcre2.pcre2_compile(pattern.data, pattern.size, options, &code, &at, context);
  if (patterns->codes[step])
    return LMOPT_OK;
  char reason[128] = "";
  patterns->pcre2.pcre2_get_error_message(code, (uint8_t *)reason, sizeof reason);
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                              "tokenizer blob: PCRE2 refuses the expression '%.*s' at byte %zu: %s",
                              shown_size(pattern), (const char *)pattern.data, at, reason);
}

static lmopt_status_t compile_all(lmopt_patterns_t *patterns, const lmopt_tokenizer_t *tokenizer,
                                  lmopt_error_t *error) {
  const lmopt_bytes_t *steps = &tokenizer->sections[LMOPT_TOKENIZER_PRETOKENIZER];
  pcre2_compile_context *context = patterns->pcre2.pcre2_compile_context_create(NULL);
  if (!context)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "tokenizer: out of memory");
  patterns->pcre2.pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  lmopt_status_t status = LMOPT_OK;
  for (size_t i = 0; i < steps->size / (2 * sizeof(uint32_t)) && !status; ++i)
    if (lmopt_load_u32(steps->data, 2 * i) == LMOPT_SPLIT_PATTERN)
      status = compile(patterns, tokenizer, i, context, error);
  patterns->pcre2.pcre2_compile_context_free(context);
  return status;
}

lmopt_status_t lmopt_patterns_open(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  const lmopt_bytes_t *steps = &tokenizer->sections[LMOPT_TOKENIZER_PRETOKENIZER];
  int any = 0;
  for (size_t i = 0; i < steps->size / (2 * sizeof(uint32_t)); ++i)
    any |= lmopt_load_u32(steps->data, 2 * i) == LMOPT_SPLIT_PATTERN;
  if (!any)
    return LMOPT_OK;
  lmopt_patterns_t *patterns = calloc(1, sizeof(*patterns));
  if (!patterns)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "tokenizer: out of memory");
  lmopt_status_t status = lmopt_pcre2_open(&patterns->pcre2, error);
  if (!status)
    status = compile_all(patterns, tokenizer, error);
  if (status)
    lmopt_patterns_close(patterns);
  else
    tokenizer->patterns = patterns;
  return status;
}

void lmopt_patterns_close(lmopt_patterns_t *patterns) {
  if (!patterns)
    return;
  for (size_t i = 0; i < LMOPT_TOKENIZER_MAX_STEPS; ++i)
    if (patterns->codes[i])
      patterns->pcre2.pcre2_code_free(patterns->codes[i]);
  lmopt_pcre2_close(&patterns->pcre2);
  free(patterns);
}

/*===--- Matching ---===*/

/* NULL when out of memory. */
static matching_t *matching_of(lmopt_encoding_t *encoding) {
  if (encoding->matching)
    return encoding->matching;
  const lmopt_pcre2_t *pcre2 = &encoding->tokenizer->patterns->pcre2;
  matching_t *matching = calloc(1, sizeof(*matching));
  if (!matching)
    return NULL;
  encoding->matching = matching;
  encoding->match_work = WORK_AT_LEAST;
  matching->context = pcre2->pcre2_match_context_create(NULL);
  matching->data = pcre2->pcre2_match_data_create(1, NULL);
  if (!matching->context || !matching->data)
    return NULL;
  pcre2->pcre2_set_heap_limit(matching->context, MOST_KIBIBYTES);
  return matching;
}

void lmopt_pattern_release(lmopt_encoding_t *encoding) {
  matching_t *matching = encoding->matching;
  if (!matching)
    return;
  const lmopt_pcre2_t *pcre2 = &encoding->tokenizer->patterns->pcre2;
  if (matching->data)
    pcre2->pcre2_match_data_free(matching->data);
  if (matching->context)
    pcre2->pcre2_match_context_free(matching->context);
  free(matching);
  encoding->matching = NULL;
}

static int charge(lmopt_encoding_t *encoding, size_t step, uint64_t work) {
  if (work >= encoding->match_work) {
    encoding->too_much_work = (int)step + 1;
    return 0;
  }
  encoding->match_work -= work;
  return 1;
}

/* Tries the expression at byte `at` alone. 1: it matches; 0: not; -1: there is no going on. */
static int try_at(lmopt_encoding_t *encoding, matching_t *matching, size_t step, lmopt_bytes_t text, size_t at) {
  const lmopt_patterns_t *patterns = encoding->tokenizer->patterns;
  const lmopt_pcre2_t *pcre2 = &patterns->pcre2;
  uint32_t limit = FIRST_LIMIT, options = PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK;
  for (uint64_t work = 1; charge(encoding, step, work); work = limit) {
    pcre2->pcre2_set_match_limit(matching->context, limit);
    int found =
        pcre2->pcre2_match(patterns->codes[step], text.data, text.size, at, options, matching->data, matching->context);
    if (found >= 0)
      return 1;
    if (found == PCRE2_ERROR_NOMATCH)
      return 0;
    if (found == PCRE2_ERROR_NOMEMORY) {
      encoding->out_of_memory = 1;
      return -1;
    }
    if (found != PCRE2_ERROR_MATCHLIMIT || limit > UINT32_MAX / 2) {
      encoding->too_much_work = (int)step + 1;
      return -1;
    }
    limit *= 2;
  }
  return -1;
}

int lmopt_pattern_find(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text, size_t at, size_t *begin,
                       size_t *end) {
  matching_t *matching = matching_of(encoding);
  if (!matching) {
    encoding->out_of_memory = 1;
    return 0;
  }
  if (at == 0) /* a text begins */
    encoding->match_work += (uint64_t)WORK_PER_BYTE * text.size;
  while (at <= text.size) {
    int found = try_at(encoding, matching, step, text, at);
    if (found < 0)
      return 0;
    if (found) {
      const size_t *places = encoding->tokenizer->patterns->pcre2.pcre2_get_ovector_pointer(matching->data);
      *begin = at; /* an expression of a stranger may move it by \K */
      *end = places[1] >= at && places[1] <= text.size ? places[1] : at;
      return 1;
    }
    uint32_t c;
    at += at < text.size ? lmopt_utf8_decode(text.data + at, text.data + text.size, &c) : 1;
  }
  return 0;
}

lmopt_status_t lmopt_encoding_result(const lmopt_encoding_t *encoding, size_t length, lmopt_error_t *error) {
  if (encoding->out_of_memory)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "tokenizer: out of memory for a text of %zu bytes",
                                length);
  if (!encoding->too_much_work)
    return LMOPT_OK;
  lmopt_bytes_t pattern = pattern_of(encoding->tokenizer, (size_t)encoding->too_much_work - 1);
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE,
                              "tokenizer: the expression '%.*s' takes more than %d steps a byte on this text of %zu "
                              "bytes: it goes over the same characters again and again",
                              shown_size(pattern), (const char *)pattern.data, WORK_PER_BYTE, length);
}
