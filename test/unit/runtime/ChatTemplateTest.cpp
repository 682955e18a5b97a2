// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chat templates against Jinja2: every case of chat/corpus.json (made by chat/make_corpus.py) must give the same bytes,
// or fail where Jinja2 fails. Then what only we have: places in messages, limits, statuses.
#include "lmopt/lmopt.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

using json = nlohmann::ordered_json; // the order of members shows in what templates print

namespace {

const std::string corpusFolder = LMOPT_SOURCE_DIR "/test/unit/runtime/chat/";

struct Rendered {
  lmopt_status_t status;
  std::string text, message;
};

Rendered render(const std::string &source, const json &messages, bool prompt, const std::string &variables) {
  std::vector<lmopt_chat_message_t> list;
  for (const json &message : messages)
    list.push_back({message["role"].get_ref<const std::string &>().c_str(),
                    message["content"].get_ref<const std::string &>().c_str()});
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.add_generation_prompt = prompt;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  options.variables = variables.empty() ? nullptr : variables.c_str();
  char *text = nullptr;
  size_t size = 0;
  lmopt_error_t error{};
  Rendered result{LMOPT_OK, "", ""};
  result.status =
      lmopt_chat_render(source.data(), source.size(), list.data(), list.size(), &options, &text, &size, &error);
  if (result.status == LMOPT_OK) {
    result.text.assign(text, size);
    EXPECT_EQ(text[size], 0);
  } else {
    result.message = error.message;
    EXPECT_EQ(error.status, result.status);
  }
  lmopt_free(text);
  return result;
}

Rendered render(const std::string &source) { return render(source, json::array(), false, ""); }

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// What Jinja2 can and we refuse, by intent.
bool isRefused(const std::string &source) {
  static const std::set<std::string> refused = {"{% macro m() %}x{% endmacro %}", "{{ '%d' % 3 }}",
                                                "{{ word.encode() }}"};
  return refused.count(source) != 0;
}

TEST(ChatTemplate, sameBytesAsJinja2) {
  json corpus = json::parse(readFile(corpusFolder + "corpus.json"));
  size_t compared = 0;
  for (const json &test : corpus["cases"]) {
    std::string source = test.contains("source")
                             ? test["source"].get<std::string>()
                             : readFile(corpusFolder + "templates/" + test["template"].get<std::string>() + ".jinja");
    Rendered result = render(source, test["messages"], test["prompt"].get<bool>(), test["variables"].dump());
    std::string name = test["name"].get<std::string>() + ": " + source.substr(0, 300);
    if (isRefused(source)) {
      EXPECT_EQ(result.status, LMOPT_ERROR_UNSUPPORTED) << name;
    } else if (test["expected"].is_null()) {
      EXPECT_NE(result.status, LMOPT_OK) << name << "\ngave: " << result.text;
    } else {
      ASSERT_EQ(result.status, LMOPT_OK) << name << "\n" << result.message;
      EXPECT_EQ(result.text, test["expected"].get<std::string>()) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 450u);
}

void expectFailure(const std::string &source, lmopt_status_t status, const std::string &part) {
  Rendered result = render(source);
  EXPECT_EQ(result.status, status) << source << "\n" << result.message;
  EXPECT_NE(result.message.find(part), std::string::npos) << source << "\n" << result.message;
}

TEST(ChatTemplate, messagesNameThePlace) {
  expectFailure("ab\n  {{ missing.x }}", LMOPT_ERROR_MALFORMED, "2:14: 'missing' is undefined");
  expectFailure("é{{ 1 + }}", LMOPT_ERROR_MALFORMED, "1:9: expected a value, found the end of the tag");
  expectFailure("{% if true %}\nx", LMOPT_ERROR_MALFORMED, "has no 'endif'");
  expectFailure("{% for x in y %}\nx", LMOPT_ERROR_MALFORMED, "has no 'endfor'");
  expectFailure("{% macro m() %}{% endmacro %}", LMOPT_ERROR_UNSUPPORTED, "1:4: the statement 'macro'");
  expectFailure("\n\n{{ 'a' | wordwrap }}", LMOPT_ERROR_UNSUPPORTED, "3:10: the filter 'wordwrap'");
  expectFailure("{{ 1 is filter }}", LMOPT_ERROR_UNSUPPORTED, "the test 'filter'");
  expectFailure("{{ 'é'|upper }}", LMOPT_ERROR_UNSUPPORTED, "beyond ASCII");
  expectFailure("{{ 9223372036854775807 + 1 }}", LMOPT_ERROR_UNSUPPORTED, "64 bits");
  expectFailure("{{ raise_exception('roles!') }}", LMOPT_ERROR_USAGE, "roles!");
}

TEST(ChatTemplate, limitsEndHostileTemplates) {
  expectFailure("{% for i in range(1000000000) %}{% endfor %}", LMOPT_ERROR_MALFORMED, "needs more than");
  expectFailure("{% set l = range(9999) %}{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}",
                LMOPT_ERROR_MALFORMED, "steps");
  expectFailure(
      "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      LMOPT_ERROR_MALFORMED, "needs more than");
  expectFailure("{{ 'x' * 1000000000 }}", LMOPT_ERROR_MALFORMED, "more than");
  expectFailure("{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
                LMOPT_ERROR_MALFORMED, "nested deeper");
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "(";
  expectFailure("{{ " + deep, LMOPT_ERROR_MALFORMED, "nested deeper");
  std::string chain = "{{ 'x'";
  for (int i = 0; i < 100000; ++i)
    chain += "|trim";
  expectFailure(chain + " }}", LMOPT_ERROR_MALFORMED, "nested deeper");
  std::string blocks;
  for (int i = 0; i < 100000; ++i)
    blocks += "{% if true %}";
  expectFailure(blocks, LMOPT_ERROR_MALFORMED, "nested deeper");
  expectFailure(std::string(5 << 20, 'x'), LMOPT_ERROR_MALFORMED, "longer than");
}

TEST(ChatTemplate, variablesMustBeAnObject) {
  for (const char *variables :
       {"[1]", "{", "{\"a\":}", "{\"a\":1,}", "nul", "\"", "{\"a\": \"\\u12\"}", "{} x", "{\"a\": 1e}"}) {
    Rendered result = render("x", json::array(), false, variables);
    EXPECT_EQ(result.status, LMOPT_ERROR_USAGE) << variables << ": " << result.message;
  }
  Rendered result = render("{{ a }} {{ messages }} {{ b }}", json::array(), false,
                           R"({"a": "\u00e9\ud83d\ude00\n", "messages": [1, 2.5, null, true], "b": {"k": []}})");
  EXPECT_EQ(result.text, "é😀\n [1, 2.5, None, True] {'k': []}");
}

TEST(ChatTemplate, missingMessageFieldsAreEmpty) {
  lmopt_chat_message_t message{nullptr, nullptr};
  std::string source = "[{{ messages[0].role }}{{ messages[0].content }}{{ bos_token }}]";
  char *text = nullptr;
  ASSERT_EQ(lmopt_chat_render(source.data(), source.size(), &message, 1, nullptr, &text, nullptr, nullptr), LMOPT_OK);
  EXPECT_STREQ(text, "[]");
  lmopt_free(text);
}

} // namespace
