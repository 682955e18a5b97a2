// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of a table of fields: patterns, accepted values, nulls, warnings, and what each refusal says.
#include "frontends/FieldTable.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;

static const FieldTable kTable = {
    {"width", FieldUse::Read, "the width"},
    {"author", FieldUse::Harmless, "a name"},
    {"mode", FieldUse::Only, "another mode", R"(["plain", 1, false])"},
    {"code", FieldUse::Only, "code of the maker's"},
    {"penalty", FieldUse::Told, "set it by hand", "[1]"},
    {"note.*", FieldUse::Harmless, "notes"},
    {"note.secret.*", FieldUse::Only, "secrets"},
};

static std::string refusal(const char *text, int code = 4) {
  Warnings warnings;
  Result<void> checked = checkFields(json::parse(text), kTable, "c.json", warnings);
  EXPECT_EQ(checked ? 0 : checked.error().code, code) << text;
  return checked ? "" : checked.error().message;
}

TEST(FieldTable, LongestPatternCounts) {
  EXPECT_STREQ(findRule(kTable, "width")->why, "the width");
  EXPECT_STREQ(findRule(kTable, "note.a")->why, "notes");
  EXPECT_STREQ(findRule(kTable, "note.secret.a")->why, "secrets");
  EXPECT_EQ(findRule(kTable, "widths"), nullptr);
  EXPECT_EQ(findRule(kTable, "note"), nullptr);
}

TEST(FieldTable, OfTwoTablesTheFirstCounts) {
  FieldTable joined = joinTables({{"width", FieldUse::Harmless, "own"}}, kTable);
  EXPECT_EQ(joined.size(), kTable.size());
  EXPECT_STREQ(findRule(joined, "width")->why, "own");
  EXPECT_STREQ(findRule(joined, "author")->why, "a name");
}

TEST(FieldTable, Accepts) {
  EXPECT_EQ(refusal("{}", 0), "");
  EXPECT_EQ(refusal(R"({"width": [], "author": {"a": 1}, "mode": "plain", "note.x": 1})", 0), "");
  EXPECT_EQ(refusal(R"({"mode": 1.0})", 0), ""); // numbers are numbers
  EXPECT_EQ(refusal(R"({"mode": null, "code": null, "nobody": null})", 0), "");
}

TEST(FieldTable, Refuses) {
  EXPECT_EQ(refusal(R"({"mode": true})"),
            "c.json: field 'mode': only \"plain\" or 1 or false is supported, found 'true': another mode");
  EXPECT_EQ(refusal(R"({"code": {"a": "b"}})"),
            "c.json: field 'code': not supported, found '{\"a\":\"b\"}': code of the maker's");
  EXPECT_EQ(refusal(R"({"note.secret.x": 1})"), "c.json: field 'note.secret.x': not supported, found '1': secrets");
  EXPECT_EQ(
      refusal(R"({"a": 1, "b": 2, "width": 3})"),
      "c.json: field 'a' (and 1 more): not known, and it may change what the model computes; remove it if it does "
      "not (docs/checkpoints.md lists the known ones)");
  EXPECT_EQ(refusal("[]", 3), "c.json: expected a JSON object, found array");
}

TEST(FieldTable, Tells) {
  Warnings warnings;
  EXPECT_TRUE(checkFields(json::parse(R"({"penalty": 1.5})"), kTable, "c.json", warnings, "outer"));
  EXPECT_EQ(warnings, Warnings{"c.json: field 'outer.penalty' is '1.5': set it by hand"});
  EXPECT_TRUE(checkFields(json::parse(R"({"penalty": 1})"), kTable, "c.json", warnings));
  EXPECT_EQ(warnings.size(), 1u);
}
