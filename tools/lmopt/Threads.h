// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads a model runs on here, and why. In: what the user asked for, and what the process may use of its
// machine (runtime/src/platform/host.h). Out: JSON, or a sentence. Tested by test/unit/tools/ThreadsTest.cpp.
#ifndef LMOPT_TOOLS_LMOPT_THREADS_H
#define LMOPT_TOOLS_LMOPT_THREADS_H

#include "runtime/src/platform/host.h"

#include <nlohmann/json.hpp>

#include <string>

namespace lmopt::driver {

/// {"count", "asked", "cpus", "cores", "quota", "spin"}. `asked`: by the user, 0: not. "quota": CPUs, or null.
nlohmann::ordered_json threadsJson(int asked, const lmoptp_host_t &host);
/// "2 threads: 2 physical cores of 4 CPUs allowed, quota 2.5 CPUs".
std::string threadsText(int asked, const lmoptp_host_t &host);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_THREADS_H
