/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The tokenizer blob: what frontends/tokenizer writes and runtime/src/tokenizer reads. Little endian, no pointers,
 * usable in place: all hash tables are inside, so that opening one costs the same for 50 and for 250,000 tokens.
 *
 *   lmopt_tokenizer_header_t, then the sections in any order, each at a multiple of 8 bytes from the start.
 *
 * A reader trusts nothing: sections are checked against the size of the blob on opening, every id and offset inside a
 * section when it is used. Every rule is one of the numbers below, with texts that are sought or put as they are; only
 * the text of LMOPT_SPLIT_PATTERN is interpreted, by PCRE2, with bounded work.
 */
#ifndef LMOPT_TOKENIZER_FORMAT_H
#define LMOPT_TOKENIZER_FORMAT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LMOPT_TOKENIZER_MAGIC 0x31304b54504f4d4cull /* "LMOPTK01" */
/* 2: there is a template for two texts. 3: steps of the normalizer have arguments; sections from SCORES on */
#define LMOPT_TOKENIZER_VERSION 3u

enum {
  LMOPT_TOKENIZER_BPE = 1,       /* pieces are bytes (or see CHARACTERS), words are merged pair by pair */
  LMOPT_TOKENIZER_WORDPIECE = 2, /* greedy longest match; inner pieces carry the continuation prefix */
  LMOPT_TOKENIZER_UNIGRAM = 3,   /* the pieces of greatest score in sum */
  LMOPT_TOKENIZER_SCORED = 4     /* BPE of SentencePiece: neighbours join while they spell a piece, best score first */
};

/* header.flags */
enum {
  LMOPT_TOKENIZER_IGNORE_MERGES = 1u << 0, /* BPE: a word that is a token is that token, mergeable or not */
  LMOPT_TOKENIZER_FUSE_UNK = 1u << 1,      /* BPE: neighbouring unknown bytes give one unknown token */
  /* BPE without an unknown token: a byte without a token goes before its neighbours are joined, so that they may join
   * over it (`tokenizers`); else it keeps them apart and goes in the end (llama.cpp). */
  LMOPT_TOKENIZER_DROP_FIRST = 1u << 2,
  LMOPT_TOKENIZER_TRUNCATE_LEFT = 1u << 3, /* a text that is too long loses its beginning, not its end */
  LMOPT_TOKENIZER_CHARACTERS = 1u << 4,    /* BPE: a word begins as its characters, not as its bytes */
  LMOPT_TOKENIZER_BYTE_FALLBACK =
      1u << 5,                         /* a character that is no piece becomes the tokens of its bytes, if all have */
  LMOPT_TOKENIZER_METASPACE = 1u << 6, /* U+2581 in a piece is written as a blank */
  /* SCORED and UNIGRAM as the package sentencepiece does them. SCORED: only pieces of the model join, unknown
   * characters in a row are one. UNIGRAM: sums are kept in single precision. */
  LMOPT_TOKENIZER_SENTENCEPIECE = 1u << 7,
  LMOPT_TOKENIZER_DROP_UNKNOWN = 1u << 8, /* the unknown token is no part of a text, but counts where one is cut */
  LMOPT_TOKENIZER_AFFIXES = 1u << 9,      /* BPE: a word begins as its characters with what CONTINUATION adds to them */
  LMOPT_TOKENIZER_WORD_ENDS = 1u << 10,   /* with AFFIXES: the suffix is written as a blank before the next token */
  LMOPT_TOKENIZER_KNOWN_FLAGS = (1u << 11) - 1
};

typedef enum lmopt_tokenizer_section {
  LMOPT_TOKENIZER_TOKEN_OFFSETS = 0, /* uint32[token_count + 1] into TOKEN_BYTES; piece i ends where i+1 starts */
  LMOPT_TOKENIZER_TOKEN_BYTES = 1,   /* the pieces; byte-level pieces are plain bytes, not the printable mapping */
  LMOPT_TOKENIZER_TOKEN_FLAGS = 2,   /* uint8[token_count], LMOPT_TOKEN_FLAG_* */
  LMOPT_TOKENIZER_TOKEN_TABLE = 3,   /* uint32[2^k]: id + 1 by lmopt_tokenizer_hash of the piece, 0 = free */
  LMOPT_TOKENIZER_MERGES = 4,        /* uint32[3 * merge_count]: left, right, result; the index is the rank */
  LMOPT_TOKENIZER_MERGE_TABLE = 5,   /* uint32[2^k]: index + 1 by lmopt_tokenizer_pair_hash, 0 = free */
  LMOPT_TOKENIZER_BYTE_TOKENS = 6,   /* all but WordPiece: int32[256], token of each single byte or -1 */
  LMOPT_TOKENIZER_NORMALIZER = 7,    /* uint32[2 * steps]: LMOPT_NORMALIZE_* and an argument, applied in order */
  LMOPT_TOKENIZER_PRETOKENIZER = 8,  /* uint32[2 * steps]: LMOPT_SPLIT_*, LMOPT_SPLIT_ARG_*; each cuts what the
                                        step before it left */
  LMOPT_TOKENIZER_ADDED = 9,         /* lmopt_tokenizer_added_t[], ordered as ADDED_INDEX needs it */
  LMOPT_TOKENIZER_ADDED_BYTES = 10,  /* their texts */
  LMOPT_TOKENIZER_ADDED_INDEX =
      11,                                /* uint32[2][257] into ADDED: [0] tokens sought in the raw text, [1] in the
                                            normalized text; those that begin with byte b are [b] .. [b+1]-1, longest first */
  LMOPT_TOKENIZER_TEMPLATE = 12,         /* int32[]: ids that ADD_SPECIAL puts around the text, the text itself is -1 */
  LMOPT_TOKENIZER_END_TOKENS = 13,       /* int32[], the first is EOS */
  LMOPT_TOKENIZER_CONTINUATION = 14,     /* WordPiece: the prefix of inner pieces ("##"). BPE with AFFIXES: the prefix
                                            of all characters of a word but the first, a zero byte, and the suffix of
                                            the last one ("</w>") */
  LMOPT_TOKENIZER_PAIR_TEMPLATE = 15,    /* int32[2 * n]: id and token type; the texts are -1 and -2. Empty: two texts
                                            are not put together */
  LMOPT_TOKENIZER_SCORES = 16,           /* SCORED: float[token_count]; UNIGRAM: double[token_count + 1], the last of an
                                            unknown character. All finite */
  LMOPT_TOKENIZER_ARGUMENT_OFFSETS = 17, /* uint32[n + 1] into ARGUMENT_BYTES, as TOKEN_OFFSETS; or nothing */
  LMOPT_TOKENIZER_ARGUMENT_BYTES = 18,   /* texts that steps name by number; UTF-8 */
  LMOPT_TOKENIZER_CHARSMAP = 19, /* as SentencePiece compiles it (runtime/src/tokenizer/charsmap.c); or nothing */
  LMOPT_TOKENIZER_SECTION_COUNT = 20
} lmopt_tokenizer_section_t;

/* TOKEN_FLAGS */
enum {
  LMOPT_TOKEN_FLAG_SPECIAL = 1u << 0, /* not text: left out by a detokenizer */
  LMOPT_TOKEN_FLAG_ADDED = 1u << 1,   /* found by ADDED only, never by the model itself */
  LMOPT_TOKEN_FLAG_WHOLE = 1u << 2,   /* BPE: a word with exactly these bytes gives exactly this token */
  LMOPT_TOKEN_FLAG_BYTE = 1u << 3     /* stands for one byte of a character that is no piece; in no table */
};

#define LMOPT_SPACE "\xE2\x96\x81" /* U+2581, which SentencePiece's pieces have for a blank */

/* NORMALIZER; the argument is 0 where none is named */
enum {
  LMOPT_NORMALIZE_CLEAN = 1, /* BERT: drop control characters, white space becomes a blank */
  LMOPT_NORMALIZE_CJK = 2,   /* BERT: blanks around CJK characters */
  LMOPT_NORMALIZE_NFD = 3,
  LMOPT_NORMALIZE_MARKS = 4, /* BERT: drop nonspacing marks */
  LMOPT_NORMALIZE_LOWER = 5,
  LMOPT_NORMALIZE_NFC = 6,
  LMOPT_NORMALIZE_COMBINING = 7,    /* drop all marks, spacing and enclosing ones too (StripAccents) */
  LMOPT_NORMALIZE_REPLACE = 8,      /* text `argument` by text `argument` + 1, leftmost first; both may be any text, the
                                       first not empty */
  LMOPT_NORMALIZE_PREPEND = 9,      /* text `argument` in front of a text that is not empty */
  LMOPT_NORMALIZE_STRIP_LEFT = 10,  /* white space at the beginning goes */
  LMOPT_NORMALIZE_STRIP_RIGHT = 11, /* at the end */
  LMOPT_NORMALIZE_REPLACE_RUNS = 12, /* as REPLACE, two and more of the text in a row, as one */
  LMOPT_NORMALIZE_CHARSMAP = 13,     /* clusters and characters as CHARSMAP says */
  LMOPT_NORMALIZE_NFKD = 14,
  LMOPT_NORMALIZE_NFKC = 15,
  LMOPT_NORMALIZE_LONGEST = 16,      /* the longest text that CHARSMAP has at each place, as SentencePiece does it */
  LMOPT_NORMALIZE_SPACES = 17,       /* blanks as SentencePiece treats them; the argument: LMOPT_SPACES_* */
  LMOPT_NORMALIZE_REPLACE_WHITE = 18 /* each run of white space by text `argument` */
};

/* The argument of LMOPT_NORMALIZE_SPACES. */
enum {
  LMOPT_SPACES_PREFIX = 1u << 0,     /* a blank in front of the text */
  LMOPT_SPACES_SQUEEZE = 1u << 1,    /* blanks at both ends go, of several in a row one stays */
  LMOPT_SPACES_ESCAPE = 1u << 2,     /* a blank becomes U+2581 */
  LMOPT_SPACES_FIRST = 1u << 3,      /* PREFIX only where the whole text begins, not behind an added token */
  LMOPT_SPACES_BEFORE_WORD = 1u << 4 /* as llama.cpp does it: what PREFIX and SQUEEZE put comes before words */
};
#define LMOPT_SPACES_KNOWN 31u

/* How many texts a step names. */
static inline uint32_t lmopt_normalize_texts(uint32_t step) {
  if (step == LMOPT_NORMALIZE_REPLACE || step == LMOPT_NORMALIZE_REPLACE_RUNS)
    return 2;
  return step == LMOPT_NORMALIZE_PREPEND || step == LMOPT_NORMALIZE_REPLACE_WHITE;
}

/* PRETOKENIZER */
enum {
  LMOPT_SPLIT_DIGITS = 1,       /* every number character alone */
  LMOPT_SPLIT_DIGIT_RUNS = 2,   /* runs of number characters alone */
  LMOPT_SPLIT_GPT2 = 3,         /* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
  LMOPT_SPLIT_LLAMA3 = 4,       /* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
                                    ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
  LMOPT_SPLIT_QWEN2 = 5,        /* the same with \p{N} instead of \p{N}{1,3} */
  LMOPT_SPLIT_BERT = 6,         /* white space separates and goes, punctuation stands alone */
  LMOPT_SPLIT_PREFIX_SPACE = 7, /* a blank in front of each part that has none */
  LMOPT_SPLIT_METASPACE = 8,    /* blanks become U+2581, LMOPT_METASPACE_* */
  LMOPT_SPLIT_WHITESPACE = 9,   /* white space separates and goes */
  LMOPT_SPLIT_PATTERN = 10      /* at the matches of a regular expression of PCRE2 and between them */
};
/* Whose tables decide what \p{L}, \p{N} and "ignore case" mean (runtime/src/tokenizer/unicode.h). */
enum {
  LMOPT_SPLIT_ARG_GGML = 0, /* llama.cpp: Unicode 15.1 */
  LMOPT_SPLIT_ARG_HF = 1    /* `tokenizers`: Unicode 16.0; Digits: 17.0 */
};

/* The argument of METASPACE: one of the first four, and whether the text is cut. */
enum {
  LMOPT_METASPACE_NEVER = 0,   /* nothing comes before the text */
  LMOPT_METASPACE_FIRST = 1,   /* U+2581 before what the whole text begins with, unless that is one */
  LMOPT_METASPACE_ALWAYS = 2,  /* before each part, unless it begins with one */
  LMOPT_METASPACE_ANOTHER = 3, /* before each part, whatever it begins with */
  LMOPT_METASPACE_CUT = 4      /* each U+2581 begins a part */
};

/* The argument of PATTERN: the number of the text that is the expression, and what of the text goes. */
#define LMOPT_PATTERN_TEXT 0xFFFFu
enum {
  LMOPT_PATTERN_DROP_MATCHES = 1u << 16,
  LMOPT_PATTERN_DROP_GAPS = 1u << 17 /* what lies between the matches */
};
#define LMOPT_PATTERN_KNOWN (LMOPT_PATTERN_TEXT | LMOPT_PATTERN_DROP_MATCHES | LMOPT_PATTERN_DROP_GAPS)
#define LMOPT_TOKENIZER_MAX_PATTERN (1u << 16) /* bytes of an expression */

/* lmopt_tokenizer_added_t.flags */
enum {
  LMOPT_ADDED_SPECIAL = 1u << 0,    /* sought only with PARSE_SPECIAL */
  LMOPT_ADDED_LSTRIP = 1u << 1,     /* takes the white space before it */
  LMOPT_ADDED_RSTRIP = 1u << 2,     /* takes the white space after it */
  LMOPT_ADDED_SINGLE_WORD = 1u << 3 /* not inside a word */
};
typedef struct lmopt_tokenizer_added {
  uint32_t id;
  uint32_t offset; /* into ADDED_BYTES */
  uint32_t size;   /* >= 1 */
  uint32_t flags;
} lmopt_tokenizer_added_t;

typedef struct lmopt_tokenizer_range {
  uint64_t offset; /* from the start of the blob */
  uint64_t size;   /* in bytes */
} lmopt_tokenizer_range_t;

#define LMOPT_TOKENIZER_ROLE_COUNT 7   /* lmopt_token_role_t in tokenizer.h */
#define LMOPT_TOKENIZER_MAX_STEPS 16   /* normalizer and pre-tokenizer */
#define LMOPT_TOKENIZER_MAX_AFFIXES 64 /* bytes of CONTINUATION */
#define LMOPT_TOKENIZER_MAX_LIST 64    /* template and end tokens */
#define LMOPT_TOKENIZER_MAX_PROBES 4096
#define LMOPT_TOKENIZER_MAX_TOKENS (1u << 24)
#define LMOPT_TOKENIZER_MAX_UNIGRAM 1024 /* bytes of a piece of UNIGRAM: each is sought at each character */

typedef struct lmopt_tokenizer_header {
  uint64_t magic;
  uint32_t version;
  uint32_t kind;
  uint64_t size; /* of the whole blob */
  uint32_t flags;
  uint32_t token_count;
  uint32_t merge_count;
  uint32_t max_piece_size; /* bytes of the longest piece in TOKEN_TABLE */
  uint32_t max_word_chars; /* WordPiece: longer words are unknown */
  uint32_t max_length;     /* most ids of one encode; 0: no limit */
  uint32_t token_probes;   /* a search in the table ends after so many slots */
  uint32_t merge_probes;
  int32_t roles[LMOPT_TOKENIZER_ROLE_COUNT]; /* -1: none */
  int32_t unknown;                           /* what the model writes where it knows no piece; -1 (BPE only): nothing */
  lmopt_tokenizer_range_t sections[LMOPT_TOKENIZER_SECTION_COUNT];
} lmopt_tokenizer_header_t;

/* FNV-1a: can be continued byte by byte, which the longest-match search of WordPiece lives on. Slot: hash & (2^k - 1)
 * after lmopt_tokenizer_hash_end, then the next slots in turn. */
#define LMOPT_TOKENIZER_HASH_START 0xcbf29ce484222325ull
static inline uint64_t lmopt_tokenizer_hash(uint64_t hash, const void *bytes, uint64_t size) {
  const uint8_t *at = (const uint8_t *)bytes;
  for (uint64_t i = 0; i < size; ++i)
    hash = (hash ^ at[i]) * 0x100000001b3ull;
  return hash;
}
static inline uint64_t lmopt_tokenizer_hash_end(uint64_t hash) { return hash ^ (hash >> 32); }

static inline uint64_t lmopt_tokenizer_pair_hash(uint32_t left, uint32_t right) {
  uint64_t key = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15ull;
  return key ^ (key >> 32);
}

#ifdef __cplusplus
}
#endif
#endif
