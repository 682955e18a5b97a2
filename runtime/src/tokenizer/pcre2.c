/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Opens the library PCRE2 and finds its functions: all of them or none. In, out: pcre2.h.
 */
#include "runtime/src/tokenizer/pcre2.h"

#include "runtime/src/tokenizer/internal.h"

#include <dlfcn.h>
#include <stdlib.h>

static const char DEFAULT_LIBRARY[] = "libpcre2-8.so.0";
enum { LOWEST_MINOR = 40 }; /* \p{sc:Han} */

static lmopt_status_t open_library(lmopt_pcre2_t *pcre2, lmopt_error_t *error) {
  const char *name = secure_getenv("LMOPT_LIBPCRE2");
  pcre2->library = dlopen(name && *name ? name : DEFAULT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (pcre2->library)
    return LMOPT_OK;
  const char *reason = dlerror();
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE,
                              "the tokenizer cuts texts by an expression that needs the library PCRE2 (%s), which was "
                              "not found: %s. Install it (Debian: libpcre2-8-0)",
                              DEFAULT_LIBRARY, reason ? reason : "out of memory");
}

static lmopt_status_t find_functions(lmopt_pcre2_t *pcre2, lmopt_error_t *error) {
  const char *missing = NULL;
  void *found;
  // NOLINTBEGIN(bugprone-macro-parentheses): a list of parameters is no expression
#define FIND(result, name, parameters)                                                                                 \
  found = dlsym(pcre2->library, #name "_8");                                                                           \
  memcpy((void *)&pcre2->name, (const void *)&found, sizeof found); /* ISO C has no cast to function pointers */       \
  if (!found)                                                                                                          \
    missing = #name "_8";
  LMOPT_PCRE2_FUNCTIONS(FIND)
#undef FIND
  // NOLINTEND(bugprone-macro-parentheses)
  if (!missing)
    return LMOPT_OK;
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_ABI, "the tokenizer needs PCRE2, but %s lacks the function %s",
                              DEFAULT_LIBRARY, missing);
}

/* "10.42 2022-12-11" */
static lmopt_status_t check_version(const lmopt_pcre2_t *pcre2, lmopt_error_t *error) {
  char version[64] = "";
  uint32_t unicode = 0;
  int size = pcre2->pcre2_config(PCRE2_CONFIG_VERSION, NULL);
  if (size > 0 && (size_t)size <= sizeof version)
    pcre2->pcre2_config(PCRE2_CONFIG_VERSION, version);
  pcre2->pcre2_config(PCRE2_CONFIG_UNICODE, &unicode);
  char *rest = version;
  long major = strtol(version, &rest, 10), minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
  if (major > 10 || (major == 10 && minor >= LOWEST_MINOR && unicode))
    return LMOPT_OK;
  return lmopt_tokenizer_fail(error, LMOPT_ERROR_ABI,
                              "the tokenizer needs PCRE2 10.%d or newer with Unicode; %s is version '%s'%s",
                              LOWEST_MINOR, DEFAULT_LIBRARY, version, unicode ? "" : " without Unicode");
}

lmopt_status_t lmopt_pcre2_open(lmopt_pcre2_t *pcre2, lmopt_error_t *error) {
  memset(pcre2, 0, sizeof *pcre2);
  lmopt_status_t status = open_library(pcre2, error);
  if (!status)
    status = find_functions(pcre2, error);
  if (!status)
    status = check_version(pcre2, error);
  if (status)
    lmopt_pcre2_close(pcre2);
  return status;
}

void lmopt_pcre2_close(lmopt_pcre2_t *pcre2) {
  if (pcre2->library)
    dlclose(pcre2->library);
  pcre2->library = NULL;
}
