/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Opens a tokenizer blob and answers questions about single tokens.
 *
 * In: bytes in the format of tokenizer_format.h, from an artifact that may be damaged. Out: lmopt_tokenizer_t.
 * Opening looks at the header and the short lists only; whatever is as long as the vocabulary is checked at its use, so
 * that opening takes microseconds and touches two pages. Tested by test/unit/tokenizer/BlobTest.cpp, fuzzed by
 * fuzz-tokenizer-blob.
 */
#include "runtime/src/tokenizer/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

lmopt_status_t lmopt_tokenizer_fail(lmopt_error_t *error, lmopt_status_t status, const char *format, ...) {
  if (error) {
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
  }
  return status;
}

static const char *const section_names[LMOPT_TOKENIZER_SECTION_COUNT] = {
    "token offsets", "token bytes", "token flags",      "token table",    "merges",
    "merge table",   "byte tokens", "normalizer",       "pretokenizer",   "added tokens",
    "added bytes",   "added index", "template",         "end tokens",     "continuation prefix",
    "pair template", "scores",      "argument offsets", "argument bytes", "charsmap",
};

static lmopt_status_t check_header(const lmopt_tokenizer_header_t *header, size_t size, lmopt_error_t *error) {
  if (header->magic != LMOPT_TOKENIZER_MAGIC)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: it does not begin with LMOPTK01");
  if (header->version != LMOPT_TOKENIZER_VERSION)
    return lmopt_tokenizer_fail(
        error, LMOPT_ERROR_ABI,
        "tokenizer blob: version %u, but this runtime reads version %u; compile the model again", header->version,
        LMOPT_TOKENIZER_VERSION);
  if (header->size != size)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: %llu bytes expected, %zu found",
                                (unsigned long long)header->size, size);
  if (header->kind != LMOPT_TOKENIZER_BPE && header->kind != LMOPT_TOKENIZER_WORDPIECE &&
      header->kind != LMOPT_TOKENIZER_UNIGRAM && header->kind != LMOPT_TOKENIZER_SCORED)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: unknown model kind %u", header->kind);
  if (header->flags & ~(uint32_t)LMOPT_TOKENIZER_KNOWN_FLAGS)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: unknown flags 0x%x", header->flags);
  if (header->token_count == 0 || header->token_count > LMOPT_TOKENIZER_MAX_TOKENS)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: %u tokens; 1 to %u expected",
                                header->token_count, LMOPT_TOKENIZER_MAX_TOKENS);
  if (header->token_probes > LMOPT_TOKENIZER_MAX_PROBES || header->merge_probes > LMOPT_TOKENIZER_MAX_PROBES)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: a hash table with more than %u probes",
                                LMOPT_TOKENIZER_MAX_PROBES);
  if (header->kind == LMOPT_TOKENIZER_UNIGRAM && header->max_piece_size > LMOPT_TOKENIZER_MAX_UNIGRAM)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: a piece of %u bytes; at most %u expected", header->max_piece_size,
                                LMOPT_TOKENIZER_MAX_UNIGRAM);
  if (header->unknown < -1 || header->unknown >= (int32_t)header->token_count)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: the unknown token is %d of %u",
                                header->unknown, header->token_count);
  if (header->max_length > INT32_MAX)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: a maximum length of %u",
                                header->max_length);
  for (size_t i = 0; i < LMOPT_TOKENIZER_ROLE_COUNT; ++i)
    if (header->roles[i] < -1 || header->roles[i] >= (int32_t)header->token_count)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: role %zu names token %d of %u", i,
                                  header->roles[i], header->token_count);
  return LMOPT_OK;
}

static lmopt_status_t wrong_size(lmopt_error_t *error, size_t section, size_t found) {
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: section '%s' has a wrong size, %zu bytes",
                              section_names[section], found);
}

static int is_table(size_t bytes) {
  size_t slots = bytes / sizeof(uint32_t);
  return bytes % sizeof(uint32_t) == 0 && slots > 0 && slots <= (1u << 28) && (slots & (slots - 1)) == 0;
}

/* The sizes that follow from the counts of the header, and the limits of the short lists. */
static lmopt_status_t check_sizes(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  const lmopt_tokenizer_header_t *header = &tokenizer->header;
  const lmopt_bytes_t *sections = tokenizer->sections;
  int bytes = header->kind != LMOPT_TOKENIZER_WORDPIECE;
  uint64_t scores = header->kind == LMOPT_TOKENIZER_SCORED    ? (uint64_t)header->token_count * sizeof(float)
                    : header->kind == LMOPT_TOKENIZER_UNIGRAM ? ((uint64_t)header->token_count + 1) * sizeof(double)
                                                              : 0;
  const struct {
    lmopt_tokenizer_section_t section;
    uint64_t size;
  } exact[] = {
      {LMOPT_TOKENIZER_TOKEN_OFFSETS, ((uint64_t)header->token_count + 1) * sizeof(uint32_t)},
      {LMOPT_TOKENIZER_TOKEN_FLAGS, header->token_count},
      {LMOPT_TOKENIZER_MERGES, (uint64_t)header->merge_count * 3 * sizeof(uint32_t)},
      {LMOPT_TOKENIZER_BYTE_TOKENS, bytes ? 256 * sizeof(int32_t) : 0},
      {LMOPT_TOKENIZER_SCORES, scores},
      {LMOPT_TOKENIZER_ADDED_INDEX, 2 * 257 * sizeof(uint32_t)},
  };
  for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); ++i)
    if (sections[exact[i].section].size != exact[i].size)
      return wrong_size(error, exact[i].section, sections[exact[i].section].size);
  const struct {
    lmopt_tokenizer_section_t section;
    size_t unit, most;
  } lists[] = {
      {LMOPT_TOKENIZER_NORMALIZER, 2 * sizeof(uint32_t), LMOPT_TOKENIZER_MAX_STEPS},
      {LMOPT_TOKENIZER_ARGUMENT_OFFSETS, sizeof(uint32_t), 3 * LMOPT_TOKENIZER_MAX_STEPS + 1},
      {LMOPT_TOKENIZER_PRETOKENIZER, 2 * sizeof(uint32_t), LMOPT_TOKENIZER_MAX_STEPS},
      {LMOPT_TOKENIZER_TEMPLATE, sizeof(int32_t), LMOPT_TOKENIZER_MAX_LIST},
      {LMOPT_TOKENIZER_END_TOKENS, sizeof(int32_t), LMOPT_TOKENIZER_MAX_LIST},
      {LMOPT_TOKENIZER_PAIR_TEMPLATE, 2 * sizeof(int32_t), LMOPT_TOKENIZER_MAX_LIST},
      {LMOPT_TOKENIZER_ADDED, sizeof(lmopt_tokenizer_added_t), LMOPT_TOKENIZER_MAX_TOKENS},
      {LMOPT_TOKENIZER_CONTINUATION, 1, LMOPT_TOKENIZER_MAX_AFFIXES},
  };
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
    size_t size = sections[lists[i].section].size;
    if (size % lists[i].unit != 0 || size / lists[i].unit > lists[i].most)
      return wrong_size(error, lists[i].section, size);
  }
  if (!is_table(sections[LMOPT_TOKENIZER_TOKEN_TABLE].size))
    return wrong_size(error, LMOPT_TOKENIZER_TOKEN_TABLE, sections[LMOPT_TOKENIZER_TOKEN_TABLE].size);
  if (!is_table(sections[LMOPT_TOKENIZER_MERGE_TABLE].size))
    return wrong_size(error, LMOPT_TOKENIZER_MERGE_TABLE, sections[LMOPT_TOKENIZER_MERGE_TABLE].size);
  tokenizer->token_mask = (uint32_t)(sections[LMOPT_TOKENIZER_TOKEN_TABLE].size / sizeof(uint32_t) - 1);
  tokenizer->merge_mask = (uint32_t)(sections[LMOPT_TOKENIZER_MERGE_TABLE].size / sizeof(uint32_t) - 1);
  return LMOPT_OK;
}

static lmopt_status_t check_ids(const lmopt_tokenizer_t *tokenizer, lmopt_tokenizer_section_t section, size_t count,
                                lmopt_error_t *error) {
  for (size_t i = 0; i < count; ++i) {
    int32_t id = lmopt_load_i32(tokenizer->sections[section].data, i);
    if (id < -1 || id >= (int32_t)tokenizer->header.token_count)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: '%s' names token %d of %u",
                                  section_names[section], id, tokenizer->header.token_count);
  }
  return LMOPT_OK;
}

static lmopt_status_t check_steps(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  const lmopt_bytes_t *normalizer = &tokenizer->sections[LMOPT_TOKENIZER_NORMALIZER];
  for (size_t i = 0; i < normalizer->size / (2 * sizeof(uint32_t)); ++i) {
    uint32_t step = lmopt_load_u32(normalizer->data, 2 * i), argument = lmopt_load_u32(normalizer->data, 2 * i + 1);
    if (step < LMOPT_NORMALIZE_CLEAN || step > LMOPT_NORMALIZE_REPLACE_WHITE ||
        (step == LMOPT_NORMALIZE_SPACES && argument > LMOPT_SPACES_KNOWN))
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: unknown normalizer step %u", step);
  }
  const lmopt_bytes_t *splits = &tokenizer->sections[LMOPT_TOKENIZER_PRETOKENIZER];
  int prefixes = 0;
  for (size_t i = 0; i < splits->size / (2 * sizeof(uint32_t)); ++i) {
    uint32_t step = lmopt_load_u32(splits->data, 2 * i), argument = lmopt_load_u32(splits->data, 2 * i + 1);
    uint32_t most = step == LMOPT_SPLIT_PATTERN     ? LMOPT_PATTERN_KNOWN
                    : step == LMOPT_SPLIT_METASPACE ? LMOPT_METASPACE_ANOTHER | LMOPT_METASPACE_CUT
                                                    : LMOPT_SPLIT_ARG_HF;
    if (step < LMOPT_SPLIT_DIGITS || step > LMOPT_SPLIT_PATTERN || argument > most)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: unknown pre-tokenizer step %u (%u)",
                                  step, argument);
    prefixes += step == LMOPT_SPLIT_PREFIX_SPACE || step == LMOPT_SPLIT_METASPACE; /* their scratch exists once */
  }
  if (prefixes > 1)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: more than one prefix-space or metaspace step");
  return LMOPT_OK;
}

static lmopt_status_t check_template(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  tokenizer->template_size = tokenizer->sections[LMOPT_TOKENIZER_TEMPLATE].size / sizeof(int32_t);
  lmopt_status_t status = check_ids(tokenizer, LMOPT_TOKENIZER_TEMPLATE, tokenizer->template_size, error);
  if (status)
    return status;
  for (size_t i = 0; i < tokenizer->template_size; ++i)
    tokenizer->template_ids += lmopt_load_i32(tokenizer->sections[LMOPT_TOKENIZER_TEMPLATE].data, i) >= 0;
  if (tokenizer->template_size - tokenizer->template_ids != 1)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: the template holds the text %zu times",
                                tokenizer->template_size - tokenizer->template_ids);
  return LMOPT_OK;
}

/* Each text once, or no template at all; types are those of two texts. */
static lmopt_status_t check_pair_template(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  const uint8_t *pairs = tokenizer->sections[LMOPT_TOKENIZER_PAIR_TEMPLATE].data;
  size_t texts[2] = {0, 0};
  tokenizer->pair_size = tokenizer->sections[LMOPT_TOKENIZER_PAIR_TEMPLATE].size / (2 * sizeof(int32_t));
  for (size_t i = 0; i < tokenizer->pair_size; ++i) {
    int32_t id = lmopt_load_i32(pairs, 2 * i), type = lmopt_load_i32(pairs, 2 * i + 1);
    if (id < -2 || id >= (int32_t)tokenizer->header.token_count || type < 0 || type > 1)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                  "tokenizer blob: 'pair template' has token %d of %u with type %d", id,
                                  tokenizer->header.token_count, type);
    if (id < 0)
      ++texts[-1 - id];
    tokenizer->pair_ids += id >= 0;
  }
  if (tokenizer->pair_size && (texts[0] != 1 || texts[1] != 1))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: the pair template holds its texts %zu and %zu times", texts[0],
                                texts[1]);
  return LMOPT_OK;
}

/* CONTINUATION of BPE: a prefix, a zero byte, a suffix. */
static lmopt_status_t check_affixes(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  const lmopt_bytes_t *both = &tokenizer->sections[LMOPT_TOKENIZER_CONTINUATION];
  uint32_t flags = tokenizer->header.flags, without = LMOPT_TOKENIZER_IGNORE_MERGES | LMOPT_TOKENIZER_BYTE_FALLBACK;
  if (!(flags & (LMOPT_TOKENIZER_AFFIXES | LMOPT_TOKENIZER_WORD_ENDS)))
    return LMOPT_OK;
  const uint8_t *zero = both->size ? memchr(both->data, 0, both->size) : NULL;
  if (!(flags & LMOPT_TOKENIZER_AFFIXES) || (flags & without) || tokenizer->header.kind != LMOPT_TOKENIZER_BPE || !zero)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: affixes of characters in a model that has none");
  tokenizer->prefix = (lmopt_bytes_t){both->data, (size_t)(zero - both->data)};
  tokenizer->suffix = (lmopt_bytes_t){zero + 1, both->size - tokenizer->prefix.size - 1};
  return LMOPT_OK;
}

/* What each kind of model needs beyond the sizes. */
static lmopt_status_t check_model(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error) {
  int wordpiece = tokenizer->header.kind == LMOPT_TOKENIZER_WORDPIECE;
  if ((wordpiece || tokenizer->header.kind == LMOPT_TOKENIZER_UNIGRAM) && tokenizer->header.unknown < 0)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: %s without an unknown token",
                                wordpiece ? "WordPiece" : "a unigram model");
  size_t bytes = wordpiece ? 0 : 256;
  lmopt_status_t status = check_ids(tokenizer, LMOPT_TOKENIZER_BYTE_TOKENS, bytes, error);
  if (status)
    return status;
  return check_ids(tokenizer, LMOPT_TOKENIZER_END_TOKENS,
                   tokenizer->sections[LMOPT_TOKENIZER_END_TOKENS].size / sizeof(int32_t), error);
}

static lmopt_status_t check_blob(lmopt_tokenizer_t *tokenizer, const uint8_t *blob, size_t size, lmopt_error_t *error) {
  lmopt_status_t status = check_header(&tokenizer->header, size, error);
  if (status)
    return status;
  for (size_t i = 0; i < LMOPT_TOKENIZER_SECTION_COUNT; ++i) {
    lmopt_tokenizer_range_t range = tokenizer->header.sections[i];
    if (range.offset > size || range.size > size - range.offset)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: section '%s' lies outside of it",
                                  section_names[i]);
    tokenizer->sections[i] = (lmopt_bytes_t){blob + range.offset, (size_t)range.size};
  }
  static lmopt_status_t (*const checks[])(lmopt_tokenizer_t *, lmopt_error_t *) = {
      check_sizes, check_steps, check_template, check_pair_template, check_affixes, check_model};
  for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !status; ++i)
    status = checks[i](tokenizer, error);
  return status ? status : lmopt_patterns_open(tokenizer, error);
}

lmopt_status_t lmopt_tokenizer_create(const void *blob, size_t size, lmopt_tokenizer_t **out, lmopt_error_t *error) {
  if (!blob || !out)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_tokenizer_create: a null argument");
  if (size < sizeof(lmopt_tokenizer_header_t))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED,
                                "tokenizer blob: %zu bytes are too few for its header of %zu", size,
                                sizeof(lmopt_tokenizer_header_t));
  lmopt_tokenizer_t *tokenizer = calloc(1, sizeof(*tokenizer));
  if (!tokenizer)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "tokenizer: out of memory");
  memcpy(&tokenizer->header, blob, sizeof(tokenizer->header));
  lmopt_status_t status = check_blob(tokenizer, blob, size, error);
  if (status) {
    free(tokenizer);
    return status;
  }
  *out = tokenizer;
  return LMOPT_OK;
}

void lmopt_tokenizer_destroy(lmopt_tokenizer_t *tokenizer) {
  if (tokenizer)
    lmopt_patterns_close(tokenizer->patterns);
  free(tokenizer);
}

int lmopt_token_bytes(const lmopt_tokenizer_t *tokenizer, uint32_t id, lmopt_bytes_t *out) {
  if (id >= tokenizer->header.token_count)
    return 0;
  const lmopt_bytes_t *bytes = &tokenizer->sections[LMOPT_TOKENIZER_TOKEN_BYTES];
  uint32_t begin = lmopt_load_u32(tokenizer->sections[LMOPT_TOKENIZER_TOKEN_OFFSETS].data, id);
  uint32_t end = lmopt_load_u32(tokenizer->sections[LMOPT_TOKENIZER_TOKEN_OFFSETS].data, (size_t)id + 1);
  if (begin > end || end > bytes->size)
    return 0;
  *out = (lmopt_bytes_t){bytes->data + begin, end - begin};
  return 1;
}

int32_t lmopt_token_search(const lmopt_tokenizer_t *tokenizer, uint64_t hash, lmopt_bytes_t prefix,
                           lmopt_bytes_t bytes) {
  const uint8_t *table = tokenizer->sections[LMOPT_TOKENIZER_TOKEN_TABLE].data;
  uint32_t slot = (uint32_t)lmopt_tokenizer_hash_end(hash);
  for (uint32_t probe = 0; probe < tokenizer->header.token_probes; ++probe, ++slot) {
    uint32_t entry = lmopt_load_u32(table, slot & tokenizer->token_mask);
    lmopt_bytes_t piece;
    if (entry == 0)
      return -1;
    if (lmopt_token_bytes(tokenizer, entry - 1, &piece) && piece.size == prefix.size + bytes.size &&
        memcmp(piece.data, prefix.data, prefix.size) == 0 &&
        memcmp(piece.data + prefix.size, bytes.data, bytes.size) == 0)
      return (int32_t)(entry - 1);
  }
  return -1;
}

int32_t lmopt_tokenizer_find(const lmopt_tokenizer_t *tokenizer, const char *bytes, size_t size) {
  lmopt_bytes_t none = {(const uint8_t *)bytes, 0}, text = {(const uint8_t *)bytes, size};
  if (!bytes || size > tokenizer->header.max_piece_size)
    return -1;
  return lmopt_token_search(tokenizer, lmopt_tokenizer_hash(LMOPT_TOKENIZER_HASH_START, bytes, size), none, text);
}

int32_t lmopt_tokenizer_token_count(const lmopt_tokenizer_t *tokenizer) {
  return (int32_t)tokenizer->header.token_count;
}

int32_t lmopt_tokenizer_max_length(const lmopt_tokenizer_t *tokenizer) { return (int32_t)tokenizer->header.max_length; }

int32_t lmopt_tokenizer_role(const lmopt_tokenizer_t *tokenizer, lmopt_token_role_t role) {
  return (unsigned)role < LMOPT_TOKENIZER_ROLE_COUNT ? tokenizer->header.roles[role] : -1;
}

int lmopt_tokenizer_is_end(const lmopt_tokenizer_t *tokenizer, int32_t id) {
  const lmopt_bytes_t *list = &tokenizer->sections[LMOPT_TOKENIZER_END_TOKENS];
  for (size_t i = 0; id >= 0 && i < list->size / sizeof(int32_t); ++i)
    if (lmopt_load_i32(list->data, i) == id)
      return 1;
  return 0;
}

int lmopt_tokenizer_is_special(const lmopt_tokenizer_t *tokenizer, int32_t id) {
  return id >= 0 && id < (int32_t)tokenizer->header.token_count &&
         (lmopt_token_flags(tokenizer, (uint32_t)id) & LMOPT_TOKEN_FLAG_SPECIAL) != 0;
}

lmopt_status_t lmopt_tokenizer_piece(const lmopt_tokenizer_t *tokenizer, int32_t id, const char **bytes, size_t *size,
                                     lmopt_error_t *error) {
  lmopt_bytes_t piece;
  if (id < 0 || id >= (int32_t)tokenizer->header.token_count)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "token %d: the vocabulary has %u tokens", id,
                                tokenizer->header.token_count);
  if (!lmopt_token_bytes(tokenizer, (uint32_t)id, &piece))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_MALFORMED, "tokenizer blob: token %d has no valid piece", id);
  *bytes = (const char *)piece.data;
  *size = piece.size;
  return LMOPT_OK;
}
