// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/FieldTable.h. Tested by test/unit/frontends/FieldTableTest.cpp.
#include "frontends/FieldTable.h"

#include "files/File.h"

#include <algorithm>
#include <climits>
#include <iterator>

using namespace lmopt;
using nlohmann::json;

FieldTable lmopt::joinTables(FieldTable rules, const FieldTable &more) {
  auto isNew = [&](const FieldRule &rule) {
    return std::none_of(rules.begin(), rules.end(),
                        [&](const FieldRule &own) { return std::string_view(own.name) == rule.name; });
  };
  FieldTable added;
  std::copy_if(more.begin(), more.end(), std::back_inserter(added), isNew);
  rules.insert(rules.end(), added.begin(), added.end());
  return rules;
}

/// How many characters of `name` the rule fixes; -1 when it does not match.
static int matchLength(const FieldRule &rule, std::string_view name) {
  std::string_view pattern = rule.name;
  if (pattern == name)
    return INT_MAX;
  if (pattern.empty() || pattern.back() != '*')
    return -1;
  pattern.remove_suffix(1);
  return name.substr(0, pattern.size()) == pattern ? static_cast<int>(pattern.size()) : -1;
}

const FieldRule *lmopt::findRule(const FieldTable &table, std::string_view name) {
  const FieldRule *best = nullptr;
  int longest = -1;
  for (const FieldRule &rule : table)
    if (int length = matchLength(rule, name); length > longest) {
      best = &rule;
      longest = length;
    }
  return best;
}

/// A value as the file writes it, cut to a readable length.
static std::string shown(const json &value) {
  return printable(value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace));
}

/// "1 or 2"
static std::string listed(const json &values) {
  std::string text;
  for (const json &value : values)
    text += (text.empty() ? "" : " or ") + value.dump();
  return text;
}

static std::string refusalOf(const FieldRule &rule, const json &accepted, const json &value, const std::string &place) {
  std::string expected = accepted.empty() ? "not supported" : "only " + listed(accepted) + " is supported";
  return place + ": " + expected + ", found " + shown(value) + ": " + rule.why;
}

FieldVerdict lmopt::checkField(const FieldTable &table, std::string_view name, const json &value,
                               const std::string &place, std::string &refusal, Warnings &warnings) {
  const FieldRule *rule = findRule(table, name);
  if (value.is_null()) // absent, for all who wrote a rule and for those who did not
    return FieldVerdict::Fine;
  if (!rule)
    return FieldVerdict::Unknown;
  if (rule->use == FieldUse::Read || rule->use == FieldUse::Harmless)
    return FieldVerdict::Fine;
  json accepted = json::parse(rule->accepted);
  if (std::find(accepted.begin(), accepted.end(), value) != accepted.end())
    return FieldVerdict::Fine;
  if (rule->use == FieldUse::Told) {
    warnings.push_back(place + " is " + shown(value) + ": " + rule->why);
    return FieldVerdict::Fine;
  }
  refusal = refusalOf(*rule, accepted, value, place);
  return FieldVerdict::Refused;
}

Result<void> lmopt::checkFields(const json &object, const FieldTable &table, const std::string &path,
                                Warnings &warnings, const std::string &prefix) {
  JsonFields fields(object, path, prefix); // for its messages
  if (!fields.ok())
    return fields.error();
  std::vector<std::string> unknown;
  for (auto &[name, value] : object.items()) {
    std::string refusal;
    switch (checkField(table, name, value, fields.place(name), refusal, warnings)) {
    case FieldVerdict::Fine:
      break;
    case FieldVerdict::Refused:
      return unsupported(refusal);
    case FieldVerdict::Unknown:
      unknown.push_back(name);
      break;
    }
  }
  if (unknown.empty())
    return {};
  std::string others = unknown.size() > 1 ? " (and " + std::to_string(unknown.size() - 1) + " more)" : "";
  return unsupported(fields.place(unknown[0]) + others +
                     ": not known, and it may change what the model computes; remove it if it does not "
                     "(docs/checkpoints.md lists the known ones)");
}
