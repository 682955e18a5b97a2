// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bounded JSON and strict fields.
#include "files/Json.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;

static void expectError(const std::string &text, const std::string &part) {
  Result<json> parsed = parseJson(text, "c.json");
  ASSERT_FALSE(parsed) << part;
  EXPECT_EQ(parsed.error().code, 3);
  EXPECT_EQ(parsed.error().message.rfind("c.json: ", 0), 0u) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

TEST(Json, ParsesDocuments) {
  Result<json> parsed = parseJson(R"({"a": [1, -2.5, "x", true, null], "b": {"a": 1}})", "c.json");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)["a"].size(), 5u);
}

TEST(Json, RefusesDocuments) {
  expectError("", "not valid JSON at byte 1");
  expectError("{\"a\": 1,}", "not valid JSON");
  expectError("{\"a\": \"\xff\"}", "not valid JSON");
  expectError("{\"a\": 1} x", "not valid JSON");
  expectError("{\"a\": 1e999}", "not valid JSON");
  expectError(std::string(65, '[') + std::string(65, ']'), "nested deeper than 64");
  expectError(std::string(1000000, '['), "nested deeper than 64");
  expectError(std::string(size_t(kMaxJsonBytes) + 1, ' '), "at most 16777216 are accepted");
  std::string many = "[0";
  for (uint64_t i = 0; i < kMaxJsonValues; ++i)
    many += ",0";
  expectError(many + "]", "more than 1048576 values");
}

TEST(Json, ReadsWhatPythonWrites) {
  auto read = [](const char *text) { return parseJson(text, "c.json"); };
  EXPECT_EQ(*read(R"({"a": 1, "b": 2, "a": 3})"), json::parse(R"({"a": 3, "b": 2})"));
  EXPECT_EQ(*read(R"({"a": NaN, "b": [Infinity, -Infinity]})"),
            json::parse(R"({"a": "NaN", "b": [1.7976931348623157e308, -1.7976931348623157e308]})"));
  EXPECT_EQ(*read(R"({"NaN": "Infinity \" NaN", "\\": NaN})"),
            json::parse(R"({"NaN": "Infinity \" NaN", "\\": "NaN"})"));
  EXPECT_EQ(*read("\xef\xbb\xbf{}"), json::object()); // a byte order mark changes nothing
  for (const char *text : {"nan", "NaNa", "+Infinity", "Infinity5", "-NaN", "{\"a\": 'NaN'}", "NaN\"", "\"NaN\\"})
    EXPECT_EQ(read(text).error().code, 3) << text;
}

TEST(JsonFields, ReadsTypes) {
  json object = json::parse(R"({"i": 5, "n": 2.5, "b": true, "s": "x", "l": [1, 2.5], "null": null})");
  JsonFields fields(object, "c.json");
  EXPECT_EQ(fields.integer("i", 0, 10), 5);
  EXPECT_EQ(fields.number("n", 0, 10), 2.5);
  EXPECT_EQ(fields.number("i", 0, 10), 5);
  EXPECT_EQ(fields.boolean("b"), true);
  EXPECT_EQ(fields.string("s"), "x");
  EXPECT_EQ(*fields.numbers("l", 2), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(fields.integer("null", 0, 1), std::nullopt);
  EXPECT_EQ(fields.integer("absent", 0, 1), std::nullopt);
  EXPECT_TRUE(fields.ok());
  EXPECT_TRUE(fields.unknown().empty());
}

template <class Read>
static std::string messageOf(const char *text, Read read) {
  json object = json::parse(text);
  JsonFields fields(object, "c.json");
  read(fields);
  return fields.ok() ? "" : fields.error().message;
}

TEST(JsonFields, SaysWhatIsWrong) {
  auto integer = [](JsonFields &fields) { fields.integer("i", 1, 10); };
  EXPECT_EQ(messageOf(R"({"i": "5"})", integer), "c.json: field 'i': expected an integer from 1 to 10, found '\"5\"'");
  EXPECT_EQ(messageOf(R"({"i": 11})", integer), "c.json: field 'i': expected an integer from 1 to 10, found '11'");
  EXPECT_EQ(messageOf(R"({"i": 2.0})", integer), "c.json: field 'i': expected an integer from 1 to 10, found '2.0'");
  EXPECT_EQ(messageOf(R"({"i": 18446744073709551615})", integer),
            "c.json: field 'i': expected an integer from 1 to 10, found '18446744073709551615'");
  EXPECT_EQ(messageOf(R"({"i": {}})", integer), "c.json: field 'i': expected an integer from 1 to 10, found an object");
  EXPECT_EQ(messageOf("{}", [](JsonFields &fields) { fields.requireInteger("i", 1, 2); }),
            "c.json: field 'i': is missing; expected an integer");
  EXPECT_EQ(messageOf(R"({"n": true})", [](JsonFields &fields) { fields.number("n", 0, 1); }),
            "c.json: field 'n': expected a number from 0.0 to 1.0, found 'true'");
  EXPECT_EQ(messageOf(R"({"b": 1})", [](JsonFields &fields) { fields.boolean("b"); }),
            "c.json: field 'b': expected true or false, found '1'");
  EXPECT_EQ(messageOf(R"({"s": 1})", [](JsonFields &fields) { fields.string("s"); }),
            "c.json: field 's': expected a string, found '1'");
  EXPECT_EQ(messageOf(R"({"l": [1, 2]})", [](JsonFields &fields) { fields.numbers("l", 1); }),
            "c.json: field 'l': expected at most 1 numbers, found an array");
  EXPECT_EQ(messageOf("[]", [](JsonFields &) {}), "c.json: expected a JSON object, found array");
}

TEST(JsonFields, TheFirstErrorStays) {
  EXPECT_EQ(messageOf(R"({"a": 1, "b": 2})",
                      [](JsonFields &fields) {
                        fields.string("a");
                        fields.string("b");
                      }),
            "c.json: field 'a': expected a string, found '1'");
}

TEST(JsonFields, ListsUnknownFields) {
  json object = json::parse(R"({"a": 1, "b": 2, "c": 3})");
  JsonFields fields(object, "c.json", "outer");
  fields.integer("a", 0, 9);
  fields.ignore({"c"});
  EXPECT_EQ(fields.unknown(), std::vector<std::string>{"b"});
  EXPECT_EQ(fields.place("b"), "c.json: field 'outer.b'");
  json nothing = json::parse(R"({"a": null})");
  EXPECT_TRUE(JsonFields(nothing, "c.json").unknown().empty());
}
