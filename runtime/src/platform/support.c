/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Small things that every file of the runtime needs: errors, structs of options that may grow, memory and files
 * from the system.
 * Tested through everything else.
 */
#include "runtime/src/platform/support.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *lmopt_version(void) { return LMOPT_VERSION; }

void lmopt_free(void *memory) { free(memory); }

lmopt_status_t lmoptp_fail(lmopt_error_t *error, lmopt_status_t status, const char *format, ...) {
  if (!error)
    return status;
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

lmopt_status_t lmoptp_fail_memory(lmopt_error_t *error, uint64_t bytes, const char *what) {
  return lmoptp_fail(error, LMOPT_ERROR_RESOURCE, "out of memory: %s needs %llu bytes", what,
                     (unsigned long long)bytes);
}

lmopt_status_t lmoptp_read_options(void *own, uint32_t own_size, const void *options, const char *what,
                                   lmopt_error_t *error) {
  memset(own, 0, own_size);
  if (!options)
    return LMOPT_OK;
  uint32_t theirs;
  memcpy(&theirs, options, sizeof theirs);
  if (theirs < sizeof theirs || theirs > 4096)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: struct_size is %u; set it to sizeof the struct", what, theirs);
  for (uint32_t i = own_size; i < theirs; ++i)
    if (((const char *)options)[i])
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: byte %u is set, but this runtime (%s) knows only %u bytes",
                         what, i, LMOPT_VERSION, own_size);
  memcpy(own, options, theirs < own_size ? theirs : own_size);
  return LMOPT_OK;
}

lmopt_status_t lmoptp_write_info(void *theirs, const void *own, uint32_t own_size, const char *what,
                                 lmopt_error_t *error) {
  uint32_t size;
  memcpy(&size, theirs, sizeof size);
  if (size < sizeof size || size > 4096)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: struct_size is %u; set it to sizeof the struct", what, size);
  memset((char *)theirs + sizeof size, 0, size - sizeof size);
  uint32_t common = size < own_size ? size : own_size;
  memcpy((char *)theirs + sizeof size, (const char *)own + sizeof size, common - sizeof size);
  return LMOPT_OK;
}

void *lmoptp_reserve(uint64_t size) {
  if (size == 0)
    size = 1;
  if (size > PTRDIFF_MAX)
    return NULL;
  // NORESERVE: a cache is sized for the longest context, and most sessions never reach it.
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void lmoptp_unreserve(void *memory, uint64_t size) {
  if (memory)
    munmap(memory, size ? size : 1);
}

static bool print_path(char path[PATH_MAX], const char *format, va_list arguments) {
  int length = vsnprintf(path, PATH_MAX, format, arguments);
  return length > 0 && length < PATH_MAX;
}

FILE *lmoptp_open_text(const char *format, ...) {
  char path[PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  bool fits = print_path(path, format, arguments);
  va_end(arguments);
  return fits ? fopen(path, "re") : NULL;
}

bool lmoptp_read_text(char *text, size_t size, const char *format, ...) {
  char path[PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  bool fits = print_path(path, format, arguments);
  va_end(arguments);
  int file = fits ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0)
    return false;
  ssize_t length = read(file, text, size - 1); // what the kernel makes up is there in one piece
  close(file);
  text[length > 0 ? length : 0] = 0;
  return length > 0;
}
