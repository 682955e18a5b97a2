// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words for the choice that the runtime makes; see Threads.h.
#include "tools/lmopt/Threads.h"

namespace lmopt::driver {

static int32_t countOf(int asked, const lmoptp_host_t &host) { return asked ? asked : lmoptp_host_threads(&host); }

nlohmann::ordered_json threadsJson(int asked, const lmoptp_host_t &host) {
  const int32_t count = countOf(asked, host);
  nlohmann::ordered_json json{{"count", count}, {"asked", asked != 0}, {"cpus", host.cpus}, {"cores", host.cores}};
  json["quota"] = host.quota != 0 ? nlohmann::ordered_json(host.quota) : nlohmann::ordered_json();
  json["spin"] = lmoptp_host_fits(&host, count);
  return json;
}

static std::string counted(int32_t count, const char *thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

static std::string quotaText(const lmoptp_host_t &host) {
  if (host.quota == 0)
    return "no CPU quota";
  char text[48];
  std::snprintf(text, sizeof text, "quota %.4g CPU%s", host.quota, host.quota == 1 ? "" : "s");
  return text;
}

std::string threadsText(int asked, const lmoptp_host_t &host) {
  const int32_t count = countOf(asked, host);
  return counted(count, "thread") + ": " + (asked ? "as asked; " : "") + counted(host.cores, "physical core") + " of " +
         counted(host.cpus, "CPU") + " allowed, " + quotaText(host) +
         (lmoptp_host_fits(&host, count) || count == 1 ? "" : "; too many to spin while they wait");
}

} // namespace lmopt::driver
