// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What was measured, on disk as soon as it is known: interrupted work goes on where it was.
//
// In: a file, an identity (model, text, settings as a text). Out: numbers by name; a file of another identity begins
// anew. Every number appears when it is complete. Tested by test/unit/tools/TableTest.cpp.
#ifndef LMOPT_TOOLS_COMPRESS_TABLE_H
#define LMOPT_TOOLS_COMPRESS_TABLE_H

#include "files/Status.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace lmopt {

class Table {
public:
  static Table open(const std::string &file, const std::string &identity);

  /// What is known under the name, or what `measure` finds; that is written down first.
  Result<nlohmann::json> get(const std::string &name, const std::function<Result<nlohmann::json>()> &measure);
  bool knows(const std::string &name) const { return values.contains(name); }
  size_t size() const { return values.size(); }

private:
  Table(std::string file, std::string identity) : file(std::move(file)), identity(std::move(identity)) {}
  std::string file, identity;
  nlohmann::json values = nlohmann::json::object();
};

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_TABLE_H
