/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The part of PCRE2 that the tokenizer uses, found in libpcre2-8.so.0 when a tokenizer has an expression that the
 * runtime has no code for: PCRE2 is needed neither to build lmopt nor for other tokenizers. In: the library's name, or
 * what LMOPT_LIBPCRE2 says. Out: a table of its functions. Types and numbers are the library's ABI, under its names.
 * Source: pcre2api(3), PCRE2 10.42. Tested by test/unit/tokenizer/PatternTest.cpp.
 */
#ifndef LMOPT_RUNTIME_TOKENIZER_PCRE2_H
#define LMOPT_RUNTIME_TOKENIZER_PCRE2_H

#include "lmopt/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pcre2_code_s pcre2_code;
typedef struct pcre2_compile_context_s pcre2_compile_context;
typedef struct pcre2_match_context_s pcre2_match_context;
typedef struct pcre2_match_data_s pcre2_match_data;

#define PCRE2_NO_AUTO_POSSESS 0x00004000u
#define PCRE2_NO_START_OPTIMIZE 0x00010000u
#define PCRE2_UCP 0x00020000u
#define PCRE2_UTF 0x00080000u
#define PCRE2_NEVER_BACKSLASH_C 0x00100000u
#define PCRE2_NO_UTF_CHECK 0x40000000u
#define PCRE2_ANCHORED 0x80000000u
enum {
  PCRE2_NEWLINE_LF = 2,
  PCRE2_CONFIG_UNICODE = 9,
  PCRE2_CONFIG_VERSION = 11,
  PCRE2_ERROR_NOMATCH = -1,
  PCRE2_ERROR_MATCHLIMIT = -47,
  PCRE2_ERROR_NOMEMORY = -48
};

/* F(result, name, parameters): all of them are needed. The exported names end in _8. */
#define LMOPT_PCRE2_FUNCTIONS(F)                                                                                       \
  F(int, pcre2_config, (uint32_t what, void *where))                                                                   \
  F(pcre2_compile_context *, pcre2_compile_context_create, (void *memory))                                             \
  F(int, pcre2_set_newline, (pcre2_compile_context * context, uint32_t value))                                         \
  F(void, pcre2_compile_context_free, (pcre2_compile_context * context))                                               \
  F(pcre2_code *, pcre2_compile,                                                                                       \
    (const uint8_t *pattern, size_t size, uint32_t options, int *error, size_t *at, pcre2_compile_context *context))   \
  F(void, pcre2_code_free, (pcre2_code * code))                                                                        \
  F(int, pcre2_get_error_message, (int error, uint8_t *buffer, size_t size))                                           \
  F(pcre2_match_context *, pcre2_match_context_create, (void *memory))                                                 \
  F(int, pcre2_set_match_limit, (pcre2_match_context * context, uint32_t value))                                       \
  F(int, pcre2_set_heap_limit, (pcre2_match_context * context, uint32_t kibibytes))                                    \
  F(void, pcre2_match_context_free, (pcre2_match_context * context))                                                   \
  F(pcre2_match_data *, pcre2_match_data_create, (uint32_t pairs, void *memory))                                       \
  F(void, pcre2_match_data_free, (pcre2_match_data * data))                                                            \
  F(int, pcre2_match,                                                                                                  \
    (const pcre2_code *code, const uint8_t *text, size_t size, size_t start, uint32_t options, pcre2_match_data *data, \
     pcre2_match_context *context))                                                                                    \
  F(size_t *, pcre2_get_ovector_pointer, (pcre2_match_data * data))

typedef struct {
  void *library;
#define LMOPT_PCRE2_DECLARE(result, name, parameters) result(*name) parameters; // NOLINT: not expressions
  LMOPT_PCRE2_FUNCTIONS(LMOPT_PCRE2_DECLARE)
#undef LMOPT_PCRE2_DECLARE
} lmopt_pcre2_t;

/* Fills the table. RESOURCE: no such library · ABI: it is too old, or knows no Unicode. On failure nothing is left
 * open. */
lmopt_status_t lmopt_pcre2_open(lmopt_pcre2_t *pcre2, lmopt_error_t *error);
void lmopt_pcre2_close(lmopt_pcre2_t *pcre2);

#endif
