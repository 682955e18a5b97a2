// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of every field of a file that other people's libraries write: one table a file. A field is read, or
// cannot matter, or may have only the values that change nothing; a field without a rule is refused by name, because
// nobody here looked at it and it may change what the model computes.
//
// In: an object and the table of its file. Out: nothing when all is well, an error with exit code 4 otherwise; warnings
// for what the maker sets and a user may want to set by hand. A null is the same as no field.
// The tables are also documentation: docs/checkpoints.md shows them, and a test compares.
// Tested by test/unit/frontends/FieldTableTest.cpp and, table by table, by test/unit/frontends/FieldTablesTest.cpp.
#ifndef LMOPT_FRONTENDS_FIELDTABLE_H
#define LMOPT_FRONTENDS_FIELDTABLE_H

#include "files/Json.h"

#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

enum class FieldUse {
  Read,     // decides what lmopt computes; whoever reads it says what is wrong with its value
  Harmless, // cannot change what lmopt computes, whatever it says
  Only,     // changes nothing with the accepted values, refused with any other; no accepted value: always refused
  Told,     // changes nothing with the accepted values, a warning with any other
};

struct FieldRule {
  const char *name; // a '*' at the end stands for any rest
  FieldUse use;
  /// Read: what it decides. Harmless: why it cannot matter. Only, Told: what another value asks for, and what to do.
  const char *why;
  const char *accepted = "[]"; // Only, Told: the values that change nothing, as a JSON list
};

using FieldTable = std::vector<FieldRule>;
using Warnings = std::vector<std::string>;

/// The rules of both; where `more` has a name of `rules` too, that of `rules` counts.
FieldTable joinTables(FieldTable rules, const FieldTable &more);

/// The rule for a name: its own, else the one with the longest matching pattern, else null.
const FieldRule *findRule(const FieldTable &table, std::string_view name);

/// One name and value against the table. `place` begins the message ("c.json: field 'x'"). Null when there is no rule.
enum class FieldVerdict { Fine, Refused, Unknown };
FieldVerdict checkField(const FieldTable &table, std::string_view name, const nlohmann::json &value,
                        const std::string &place, std::string &refusal, Warnings &warnings);

/// All fields of an object; `prefix` is the field it stands in. Anything but an object is malformed.
Result<void> checkFields(const nlohmann::json &object, const FieldTable &table, const std::string &path,
                         Warnings &warnings, const std::string &prefix = "");

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FIELDTABLE_H
