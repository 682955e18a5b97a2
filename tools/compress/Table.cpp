// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A JSON file of numbers; see Table.h.
#include "tools/compress/Table.h"

#include "files/AtomicFile.h"
#include "files/Json.h"

namespace lmopt {

Table Table::open(const std::string &file, const std::string &identity) {
  Table table(file, identity);
  Result<nlohmann::json> stored = readJsonFile(file); // whatever cannot be read is as if it were not there
  bool same = stored && stored->is_object() && stored->contains("identity") && (*stored)["identity"] == identity &&
              stored->contains("values") && (*stored)["values"].is_object();
  if (same)
    table.values = (*stored)["values"];
  return table;
}

Result<nlohmann::json> Table::get(const std::string &name, const std::function<Result<nlohmann::json>()> &measure) {
  if (values.contains(name))
    return nlohmann::json(values[name]);
  Result<nlohmann::json> found = measure();
  if (!found)
    return found;
  values[name] = *found;
  nlohmann::json all = {{"identity", identity}, {"values", values}};
  if (Result<void> written = writeFileAtomically(file, all.dump()); !written)
    return written.error();
  return found;
}

} // namespace lmopt
