/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Pre-tokenization: cuts text into the words that the model then encodes one by one.
 *
 * In: well-formed text and the blob's list of steps; each step cuts the parts that the step before it left. The regular
 * expressions of the known families are written out as code: one pass, no backtracking, no allocation, so hostile text
 * costs no more than other text; others go to PCRE2 (pattern.c). What they must equal: Oniguruma in `tokenizers`, and
 * llama.cpp's own matchers.
 * Tested by test/unit/tokenizer/SplitTest.cpp and test/tools/tokenizer_parity.py.
 */
#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

/* What \p{L} and \p{N} are, and whose rules hold for "ignore case". */
typedef struct {
  uint32_t letter, number;
  int full_case_folding; /* U+017F equals 's' */
} classes_t;

static classes_t classes_of(uint32_t argument) {
  if (argument == LMOPT_SPLIT_ARG_HF)
    return (classes_t){LMOPT_CHAR_LETTER_16, LMOPT_CHAR_NUMBER_16, 1};
  return (classes_t){LMOPT_CHAR_LETTER_15, LMOPT_CHAR_NUMBER_15, 0};
}

typedef enum { CLASS_END, CLASS_SPACE, CLASS_LETTER, CLASS_NUMBER, CLASS_OTHER } class_t;

typedef struct {
  const uint8_t *end;
  classes_t classes;
} text_t;

/* The class of the character at `at`, and where the next one starts. */
static class_t class_at(const text_t *text, const uint8_t *at, const uint8_t **next) {
  if (at == text->end) {
    *next = at;
    return CLASS_END;
  }
  uint32_t c = *at;
  *next = at + (c < 0x80 ? 1 : lmopt_utf8_decode(at, text->end, &c));
  uint32_t flags = lmopt_char_flags(c);
  if (flags & text->classes.letter)
    return CLASS_LETTER;
  if (flags & text->classes.number)
    return CLASS_NUMBER;
  return flags & LMOPT_CHAR_SPACE ? CLASS_SPACE : CLASS_OTHER;
}

/* The end of a run of at most `most` characters of one class. */
static const uint8_t *skip(const text_t *text, const uint8_t *at, class_t class, size_t most) {
  const uint8_t *next;
  while (most-- > 0 && class_at(text, at, &next) == class)
    at = next;
  return at;
}

static int is_letter_of(uint8_t byte, char lower, int ignore_case) {
  return byte == (uint8_t)lower || (ignore_case && byte == (uint8_t)(lower - 32));
}

/* 's|'t|'re|'ve|'m|'ll|'d; NULL if none starts here. */
static const uint8_t *contraction(const text_t *text, const uint8_t *at, int ignore_case) {
  size_t left = (size_t)(text->end - at);
  if (left < 2 || at[0] != '\'')
    return NULL;
  static const char single[] = "stmd";
  for (size_t i = 0; i < 4; ++i)
    if (is_letter_of(at[1], single[i], ignore_case))
      return at + 2;
  if (left >= 3 && ignore_case && text->classes.full_case_folding && at[1] == 0xC5 && at[2] == 0xBF) /* U+017F */
    return at + 3;
  static const char pairs[][2] = {{'r', 'e'}, {'v', 'e'}, {'l', 'l'}};
  for (size_t i = 0; i < 3 && left >= 3; ++i)
    if (is_letter_of(at[1], pairs[i][0], ignore_case) && is_letter_of(at[2], pairs[i][1], ignore_case))
      return at + 3;
  return NULL;
}

/* \s+(?!\S)|\s+ : all white space at the end of the text; else all but the last, which may lead the next word; one
 * alone stays alone. */
static const uint8_t *white_space(const text_t *text, const uint8_t *at) {
  const uint8_t *last = at, *stop = at, *next;
  while (class_at(text, stop, &next) == CLASS_SPACE) {
    last = stop;
    stop = next;
  }
  return stop == text->end || last == at ? stop : last;
}

static const uint8_t *gpt2_word(const text_t *text, const uint8_t *at) {
  const uint8_t *stop = contraction(text, at, 0), *next;
  if (stop)
    return stop;
  const uint8_t *start = at + (*at == ' ');
  class_t class = class_at(text, start, &next);
  if (class == CLASS_END || class == CLASS_SPACE)
    return white_space(text, at);
  return skip(text, next, class, SIZE_MAX);
}

/* The end of \s*[\r\n]+ or NULL: after the last line break of the white space here. */
static const uint8_t *line_breaks(const text_t *text, const uint8_t *at) {
  const uint8_t *stop = NULL, *next;
  for (; class_at(text, at, &next) == CLASS_SPACE; at = next)
    if (*at == '\r' || *at == '\n')
      stop = next;
  return stop;
}

static const uint8_t *llama3_word(const text_t *text, const uint8_t *at, size_t most_digits) {
  const uint8_t *stop = contraction(text, at, 1), *next, *after;
  if (stop)
    return stop;
  class_t class = class_at(text, at, &next);
  if (class == CLASS_LETTER)
    return skip(text, next, CLASS_LETTER, SIZE_MAX);
  if (class == CLASS_NUMBER)
    return skip(text, at, CLASS_NUMBER, most_digits);
  if (*at != '\r' && *at != '\n' && class_at(text, next, &after) == CLASS_LETTER)
    return skip(text, after, CLASS_LETTER, SIZE_MAX);
  const uint8_t *start = at + (*at == ' ');
  if (class_at(text, start, &next) == CLASS_OTHER) {
    stop = skip(text, next, CLASS_OTHER, SIZE_MAX);
    while (stop < text->end && (*stop == '\r' || *stop == '\n'))
      ++stop;
    return stop;
  }
  stop = line_breaks(text, at);
  return stop ? stop : white_space(text, at);
}

/* Runs of numbers, or each number, apart from the rest. */
static const uint8_t *digits_part(const text_t *text, const uint8_t *at, int runs) {
  const uint8_t *next, *stop;
  if (class_at(text, at, &next) == CLASS_NUMBER)
    return runs ? skip(text, next, CLASS_NUMBER, SIZE_MAX) : next;
  for (stop = next; stop < text->end && class_at(text, stop, &next) != CLASS_NUMBER; stop = next)
    ;
  return stop;
}

static void run_step(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text);

/* Words between separators, which go or stand alone. */
static void separated_words(lmopt_encoding_t *encoding, size_t step, uint32_t gone, uint32_t alone,
                            lmopt_bytes_t text) {
  const uint8_t *at = text.data, *end = text.data + text.size, *word = at;
  while (at < end && !lmopt_encoding_done(encoding)) {
    uint32_t c;
    const uint8_t *next = at + lmopt_utf8_decode(at, end, &c);
    uint32_t flags = lmopt_char_flags(c);
    if (flags & (gone | alone)) {
      if (word < at)
        run_step(encoding, step + 1, (lmopt_bytes_t){word, (size_t)(at - word)});
      if (flags & alone)
        run_step(encoding, step + 1, (lmopt_bytes_t){at, (size_t)(next - at)});
      word = next;
    }
    at = next;
  }
  if (word < end)
    run_step(encoding, step + 1, (lmopt_bytes_t){word, (size_t)(end - word)});
}

static void prefix_space(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text) {
  if (text.data[0] == ' ')
    return run_step(encoding, step + 1, text);
  lmopt_buffer_t *copy = &encoding->prefixed;
  copy->size = 0;
  if (!lmopt_buffer_append(copy, " ", 1) || !lmopt_buffer_append(copy, text.data, text.size)) {
    encoding->out_of_memory = 1;
    return;
  }
  const uint8_t *part = encoding->part;
  ptrdiff_t shift = encoding->part_shift;
  encoding->part_shift = text.data - part + shift - 1;
  encoding->part = copy->data;
  run_step(encoding, step + 1, (lmopt_bytes_t){copy->data, copy->size});
  encoding->part = part;
  encoding->part_shift = shift;
}

/*===--- Metaspace ---===*/

static int wants_prefix(const lmopt_encoding_t *encoding, uint32_t argument, lmopt_bytes_t text) {
  uint32_t when = argument & ~(uint32_t)LMOPT_METASPACE_CUT;
  if (when == LMOPT_METASPACE_ANOTHER)
    return 1;
  if (when == LMOPT_METASPACE_NEVER || text.data[0] == ' ' || lmopt_is_space(text, 0))
    return 0;
  return when == LMOPT_METASPACE_ALWAYS || (encoding->segment == 0 && text.data == encoding->prepared.data);
}

/* Puts U+2581 for the byte at `index` of the part; `before`: in front of it. */
static int put_metaspace(lmopt_encoding_t *encoding, ptrdiff_t index, int before) {
  if (!lmopt_buffer_append(&encoding->prefixed, LMOPT_SPACE, LMOPT_SPACE_SIZE))
    return 0;
  if (!encoding->tokens)
    return 1;
  lmopt_origin_t origin;
  memcpy(&origin, encoding->origins.data + index * (ptrdiff_t)sizeof(origin), sizeof(origin));
  if (before)
    origin.end = origin.begin;
  for (size_t i = 0; i < LMOPT_SPACE_SIZE; ++i)
    if (!lmopt_buffer_append(&encoding->prefixed_origins, &origin, sizeof(origin)))
      return 0;
  return 1;
}

static int copy_spaced(lmopt_encoding_t *encoding, uint32_t argument, lmopt_bytes_t text) {
  encoding->prefixed.size = encoding->prefixed_origins.size = 0;
  ptrdiff_t first = text.data - encoding->part + encoding->part_shift; /* in `origins` */
  if (wants_prefix(encoding, argument, text) && !put_metaspace(encoding, first, 1))
    return 0;
  for (size_t i = 0; i < text.size; ++i) {
    int ok;
    if (text.data[i] == ' ')
      ok = put_metaspace(encoding, first + (ptrdiff_t)i, 0);
    else
      ok = lmopt_buffer_append(&encoding->prefixed, text.data + i, 1) &&
           (!encoding->tokens ||
            lmopt_buffer_append(&encoding->prefixed_origins,
                                encoding->origins.data + (first + (ptrdiff_t)i) * (ptrdiff_t)sizeof(lmopt_origin_t),
                                sizeof(lmopt_origin_t)));
    if (!ok)
      return 0;
  }
  return 1;
}

static void exchange(lmopt_buffer_t *a, lmopt_buffer_t *b) {
  lmopt_buffer_t copy = *a;
  *a = *b;
  *b = copy;
}

static void run_spaced(lmopt_encoding_t *encoding, size_t step, int cut) {
  lmopt_bytes_t text = {encoding->prefixed.data, encoding->prefixed.size};
  for (size_t begin = 0; begin < text.size && !lmopt_encoding_done(encoding);) {
    size_t end = cut ? begin + 1 : text.size;
    while (end < text.size && !lmopt_is_space(text, end))
      ++end;
    run_step(encoding, step + 1, (lmopt_bytes_t){text.data + begin, end - begin});
    begin = end;
  }
}

static void spaced_words(lmopt_encoding_t *encoding, size_t step, uint32_t argument, lmopt_bytes_t text) {
  if (!copy_spaced(encoding, argument, text)) {
    encoding->out_of_memory = 1;
    return;
  }
  const uint8_t *part = encoding->part;
  ptrdiff_t shift = encoding->part_shift;
  exchange(&encoding->origins, &encoding->prefixed_origins);
  encoding->part = encoding->prefixed.data;
  encoding->part_shift = 0;
  run_spaced(encoding, step, (argument & LMOPT_METASPACE_CUT) != 0);
  exchange(&encoding->origins, &encoding->prefixed_origins);
  encoding->part = part;
  encoding->part_shift = shift;
}

/*===--- Expressions ---===*/

static void run_part(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text, size_t begin, size_t end, int goes) {
  if (begin < end && !goes && !lmopt_encoding_done(encoding))
    run_step(encoding, step + 1, (lmopt_bytes_t){text.data + begin, end - begin});
}

/* Matches and what lies between them. An empty match cuts, too, but not just behind another match. */
static void matched_words(lmopt_encoding_t *encoding, size_t step, uint32_t argument, lmopt_bytes_t text) {
  int drops_matches = (argument & LMOPT_PATTERN_DROP_MATCHES) != 0,
      drops_gaps = (argument & LMOPT_PATTERN_DROP_GAPS) != 0;
  size_t from = 0, last = 0, begin, end;
  while (from <= text.size && !lmopt_encoding_done(encoding) &&
         lmopt_pattern_find(encoding, step, text, from, &begin, &end)) {
    run_part(encoding, step, text, last, begin, drops_gaps);
    run_part(encoding, step, text, begin, end, drops_matches);
    last = from = end;
    uint32_t c;
    if (begin == end)
      from += end < text.size ? lmopt_utf8_decode(text.data + end, text.data + text.size, &c) : 1;
  }
  run_part(encoding, step, text, last, text.size, drops_gaps);
}

static const uint8_t *next_part(uint32_t kind, const text_t *text, const uint8_t *at) {
  switch (kind) {
  case LMOPT_SPLIT_DIGITS:
    return digits_part(text, at, 0);
  case LMOPT_SPLIT_DIGIT_RUNS:
    return digits_part(text, at, 1);
  case LMOPT_SPLIT_LLAMA3:
    return llama3_word(text, at, 3);
  case LMOPT_SPLIT_QWEN2:
    return llama3_word(text, at, 1);
  default:
    return gpt2_word(text, at);
  }
}

static void encode_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  ++encoding->word;
  switch (encoding->tokenizer->header.kind) {
  case LMOPT_TOKENIZER_BPE:
    return lmopt_bpe_word(encoding, word, 1);
  case LMOPT_TOKENIZER_UNIGRAM:
    return lmopt_unigram_word(encoding, word);
  case LMOPT_TOKENIZER_SCORED:
    return lmopt_scored_word(encoding, word);
  default:
    return lmopt_wordpiece_word(encoding, word);
  }
}

/* Recursion is as deep as the list of steps is long, LMOPT_TOKENIZER_MAX_STEPS at most. */
static void run_step(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text) {
  const lmopt_bytes_t *steps = &encoding->tokenizer->sections[LMOPT_TOKENIZER_PRETOKENIZER];
  if (step == steps->size / (2 * sizeof(uint32_t)))
    return encode_word(encoding, text);
  uint32_t kind = lmopt_load_u32(steps->data, 2 * step), argument = lmopt_load_u32(steps->data, 2 * step + 1);
  if (kind == LMOPT_SPLIT_BERT)
    return separated_words(encoding, step, LMOPT_CHAR_SPACE, LMOPT_CHAR_BERT_PUNCTUATION, text);
  if (kind == LMOPT_SPLIT_PREFIX_SPACE)
    return prefix_space(encoding, step, text);
  if (kind == LMOPT_SPLIT_METASPACE)
    return spaced_words(encoding, step, argument, text);
  if (kind == LMOPT_SPLIT_WHITESPACE)
    return separated_words(encoding, step, LMOPT_CHAR_SPACE, 0, text);
  if (kind == LMOPT_SPLIT_PATTERN)
    return matched_words(encoding, step, argument, text);
  text_t source = {text.data + text.size, classes_of(argument)};
  if (argument == LMOPT_SPLIT_ARG_HF && (kind == LMOPT_SPLIT_DIGITS || kind == LMOPT_SPLIT_DIGIT_RUNS))
    source.classes.number = LMOPT_CHAR_NUMBER_17;
  for (const uint8_t *at = text.data; at < source.end && !lmopt_encoding_done(encoding);) {
    const uint8_t *stop = next_part(kind, &source, at);
    run_step(encoding, step + 1, (lmopt_bytes_t){at, (size_t)(stop - at)});
    at = stop;
  }
}

void lmopt_split_and_encode(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  if (text.size && !lmopt_encoding_done(encoding))
    run_step(encoding, 0, text);
}
