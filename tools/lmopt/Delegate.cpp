// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exec of lmopt-compiler. See Delegate.h.
#include "tools/lmopt/Delegate.h"

#include <cerrno>
#include <cstring>

#include <climits>
#include <unistd.h>

namespace lmopt::driver {

Result<std::string> ownPath() {
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size < 0)
    return resourceError(std::string("cannot find my own program through /proc/self/exe: ") + std::strerror(errno));
  return std::string(path, static_cast<size_t>(size));
}

Error becomeCompiler(const std::vector<std::string> &arguments) {
  Result<std::string> own = ownPath();
  if (!own.ok())
    return own.error();
  std::string program = own->substr(0, own->rfind('/') + 1) + "lmopt-compiler";
  std::vector<char *> argv = {const_cast<char *>("lmopt-compiler")};
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  return resourceError("cannot start the compiler '" + program + "': " + std::strerror(errno) +
                       "; it must stand beside lmopt");
}

} // namespace lmopt::driver
