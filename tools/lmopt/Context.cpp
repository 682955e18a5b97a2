// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checked writes to stdout, notes on stderr. See Context.h.
#include "tools/lmopt/Context.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace lmopt::driver {

static Error outputError() {
  return resourceError(std::string("cannot write to standard output: ") + std::strerror(errno));
}

Result<void> writeOutput(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    return outputError();
  return {};
}

Result<void> flushOutput() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return outputError();
  return {};
}

void note(const Context &context, std::string_view text) {
  if (!context.quiet)
    std::fprintf(stderr, "lmopt: %.*s\n", static_cast<int>(text.size()), text.data());
}

bool interrupted(const Context &context) {
  return context.cancel && __atomic_load_n(&context.cancel->requested, __ATOMIC_RELAXED) != 0;
}

Error interruption() { return {kExitInterrupted, "interrupted"}; }

} // namespace lmopt::driver
