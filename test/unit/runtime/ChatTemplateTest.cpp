// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chat templates against transformers: every case of chat/corpus.json (made by chat/make_corpus.py) must give the same
// bytes, or fail where transformers fails. Then what only we have: places in messages, limits, statuses, sizes.
#include "lmopt/lmopt.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>
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

lmopt_chat_options_t defaults() {
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  return options;
}

Rendered render(const std::string &source, const std::vector<lmopt_chat_message_t> &messages,
                const lmopt_chat_options_t &options) {
  char *text = nullptr;
  size_t size = 0;
  lmopt_error_t error{};
  Rendered result{LMOPT_OK, "", ""};
  result.status =
      lmopt_chat_render(source.data(), source.size(), messages.data(), messages.size(), &options, &text, &size, &error);
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

Rendered render(const std::string &source) { return render(source, {{"user", "Hi", 2}}, defaults()); }

Rendered render(const std::string &source, const std::string &variables) {
  lmopt_chat_options_t options = defaults();
  options.variables = variables.c_str();
  return render(source, {}, options);
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// One case of the corpus; conversations of texts alone go through the array of messages, others through JSON.
Rendered renderCase(const json &test, const json &corpus, const std::string &source) {
  std::string name = test["variables"], variables = corpus["variables"][name].dump(), field;
  lmopt_chat_options_t options = defaults();
  options.add_generation_prompt = test.contains("prompt");
  options.now = corpus["now"];
  if (test.contains("continue")) {
    field = test["continue"];
    options.continue_field = field.c_str();
  }
  std::vector<lmopt_chat_message_t> messages;
  if (name.rfind("plain/", 0) == 0) {
    for (const json &message : corpus["variables"][name]["messages"]) {
      const std::string &content = message["content"].get_ref<const std::string &>();
      messages.push_back({message["role"].get_ref<const std::string &>().c_str(), content.data(), content.size()});
    }
  } else {
    options.variables = variables.c_str();
  }
  return render(source, messages, options);
}

// What Jinja2 can and we refuse, by intent.
bool isRefused(const std::string &source) {
  static const std::set<std::string> refused = {"{% include 'x' %}", "{% autoescape true %}x{% endautoescape %}",
                                                "{{ word.encode() }}", "{{ self }}"};
  return refused.count(source) != 0;
}

TEST(ChatTemplate, sameBytesAsTransformers) {
  json corpus = json::parse(readFile(corpusFolder + "corpus.json"));
  size_t compared = 0, failing = 0;
  for (const json &test : corpus["cases"]) {
    std::string source = test.contains("source")
                             ? test["source"].get<std::string>()
                             : readFile(corpusFolder + "templates/" + test["template"].get<std::string>() + ".jinja");
    Rendered result = renderCase(test, corpus, source);
    std::string name = test["name"].get<std::string>() + ": " + source.substr(0, 300);
    if (isRefused(source)) {
      EXPECT_EQ(result.status, LMOPT_ERROR_UNSUPPORTED) << name;
    } else if (test["expected"].is_null()) {
      EXPECT_NE(result.status, LMOPT_OK) << name << "\ngave: " << result.text;
      ++failing;
    } else {
      EXPECT_EQ(result.status, LMOPT_OK) << name << "\n" << result.message;
      EXPECT_EQ(result.text, test["expected"].get<std::string>()) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 1300u);
  EXPECT_GT(failing, 300u);
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
  expectFailure("{% macro m() %}{{ x", LMOPT_ERROR_MALFORMED, "1:20: the template ends inside a tag");
  expectFailure("{% include 'x' %}", LMOPT_ERROR_UNSUPPORTED, "1:4: the statement 'include'");
  expectFailure("\n\n{{ 'a' | wordwrap }}", LMOPT_ERROR_UNSUPPORTED, "3:10: the filter 'wordwrap'");
  expectFailure("{{ 1 is notest }}", LMOPT_ERROR_MALFORMED, "the test 'notest'");
  expectFailure("{{ 'a'|nofilter }}", LMOPT_ERROR_MALFORMED, "the filter 'nofilter'");
  expectFailure("a\n{{ [1].append(2) }}", LMOPT_ERROR_MALFORMED, "2:8: 'a method that changes: append' is undefined");
  expectFailure("{{ 'a'.encode() }}", LMOPT_ERROR_UNSUPPORTED, "'encode' of a string");
  expectFailure("{{ [1]|map('string') }}", LMOPT_ERROR_UNSUPPORTED, "|list");
  expectFailure("{{ 'a'|replace('a') }}", LMOPT_ERROR_MALFORMED, "'replace' needs 2 arguments");
  expectFailure("{{ 'a'|join(sep='') }}", LMOPT_ERROR_MALFORMED, "'join' has no argument 'sep'");
  expectFailure("{{ 9223372036854775807 + 1 }}", LMOPT_ERROR_UNSUPPORTED, "64 bits");
  expectFailure("{{ raise_exception('roles!') }}", LMOPT_ERROR_USAGE, "roles!");
}

TEST(ChatTemplate, limitsEndHostileTemplates) {
  expectFailure("{% for i in range(1000000000) %}{% endfor %}", LMOPT_ERROR_MALFORMED, "range of more than");
  expectFailure("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", LMOPT_ERROR_MALFORMED, "nested deeper");
  expectFailure("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", LMOPT_ERROR_MALFORMED, "nested deeper");
  expectFailure("{{ 'x'.center(99999999999) }}", LMOPT_ERROR_MALFORMED, "more than");
  expectFailure("{{ '{:99999999}'.format(1) }}", LMOPT_ERROR_MALFORMED, "a width of more than");
  expectFailure("{{ '%*d' % (99999999999, 1) }}", LMOPT_ERROR_MALFORMED, "more than");
  expectFailure(
      "{{ ('a' * 999999).rsplit('a' * 500000 ~ 'b') | length }}{% for i in range(99999) %}{{ ('a' * 9999).rfind("
      "'aaaaaaaab') }}{% endfor %}",
      LMOPT_ERROR_MALFORMED, "steps");
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
       {"[1]", "{", "{\"a\":}", "{\"a\":1,}", "nul", "\"", "{\"a\": \"\\u12\"}", "{} x", "{\"a\": 1e}",
        "{\"a\": 99999999999999999999}", "{\"messages\": {}}", "{\"messages\": []}", "{\"messages\": [1]}",
        "{\"tools\": 1}", "{\"documents\": [\"x\"]}"}) {
    lmopt_chat_options_t options = defaults();
    options.variables = variables;
    Rendered result = render("x", {{"user", "Hi", 2}}, options);
    EXPECT_EQ(result.status, LMOPT_ERROR_USAGE) << variables << ": " << result.message;
  }
  Rendered result = render("{{ a }} {{ messages }} {{ b }} {{ c }}",
                           R"({"a": "\u00e9\ud83d\ude00\n", "messages": [{"n": [1, 2.5, null, true], "z": null}],
                               "b": {"k": []}, "c": 9223372036854775807})");
  EXPECT_EQ(result.text, "é😀\n [{'n': [1, 2.5, None, True]}] {'k': []} 9223372036854775807") << result.message;
}

TEST(ChatTemplate, contentHasItsSize) {
  std::string zero("a\0b", 3);
  Rendered result = render("[{{ messages[0].content }}]{{ messages[0].content | length }}",
                           {{"user", zero.data(), zero.size()}}, defaults());
  EXPECT_EQ(result.text, "[" + zero + "]3");
  result = render("[{{ messages[0].content }}]", {{"user", "abc", 2}}, defaults());
  EXPECT_EQ(result.text, "[ab]");
}

TEST(ChatTemplate, missingMessageFieldsAreEmpty) {
  lmopt_chat_message_t message{nullptr, nullptr, 0};
  std::string source = "[{{ messages[0].role }}{{ messages[0].content }}{{ bos_token is defined }}]";
  char *text = nullptr;
  ASSERT_EQ(lmopt_chat_render(source.data(), source.size(), &message, 1, nullptr, &text, nullptr, nullptr), LMOPT_OK);
  EXPECT_STREQ(text, "[False]");
  lmopt_free(text);
}

// Without `now` the clock is the machine's, and its time the local one.
TEST(ChatTemplate, clockIsLocalTime) {
  auto local = [] {
    std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    char text[32];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", std::localtime(&now)));
  };
  for (const char *zone : {"UTC", "XYZ-13", "XYZ+11"}) {
    ASSERT_EQ(setenv("TZ", zone, 1), 0);
    std::string before = local(), text = render("{{ strftime_now('%Y-%m-%d %H:%M') }}").text, after = local();
    EXPECT_TRUE(text == before || text == after) << text << " " << before;
  }
}

} // namespace
