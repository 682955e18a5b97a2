// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts that MLIR's parser must not see, and those that it must.
#include "files/ModuleText.h"
#include "files/File.h"

#include <cstdio>
#include <filesystem>
#include <gtest/gtest.h>

using namespace lmopt;

static Result<void> check(const std::string &text, ModuleSource source = ModuleSource::Stranger) {
  return checkModuleText(text, "m.mlir", source);
}

static std::string repeat(const std::string &text, int count) {
  std::string result;
  while (count-- > 0)
    result += text;
  return result;
}

static void expectRefused(const std::string &text, const std::string &part, int code = 3) {
  Result<void> checked = check(text);
  ASSERT_FALSE(checked) << text.substr(0, 200);
  EXPECT_EQ(checked.error().code, code);
  EXPECT_NE(checked.error().message.find(part), std::string::npos) << checked.error().message;
}

TEST(ModuleText, CountsEveryKindOfBracket) {
  for (const char *pair : {"()", "[]", "{}", "<>"}) {
    std::string open(1, pair[0]), closing(1, pair[1]);
    EXPECT_TRUE(check(repeat(open, 256) + repeat(closing, 256))) << pair;
    expectRefused(repeat(open, 257), "m.mlir:1:257: found brackets or aliases nested more than 256 deep");
    EXPECT_TRUE(check(repeat(open + closing, 5000))) << pair;
  }
  expectRefused(repeat("module {\n", 5000), "m.mlir:257:8: ");
  expectRefused(repeat("tuple<[(", 90), "nested");
}

TEST(ModuleText, StringsAndCommentsAreNoBrackets) {
  EXPECT_TRUE(check("\"" + repeat("[", 5000) + "\\\"" + repeat("{", 5000) + "\""));
  EXPECT_TRUE(check("// " + repeat("[", 5000) + "\n"));
  EXPECT_TRUE(check("@\"" + repeat("(", 5000) + "\" ^bb0 %0#1 : i32"));
  expectRefused("\"//\" " + repeat("[", 257), "nested");
  expectRefused("\"\\\\\" " + repeat("[", 257), "nested");
  expectRefused("// \"\n" + repeat("[", 257), "m.mlir:2:257");
}

TEST(ModuleText, OperatorsHideNoLevel) {
  EXPECT_TRUE(check(repeat("(i32) -> i32 ", 5000)));
  Result<void> hidden =
      check("affine_set<(d0) : (" + repeat("d0 >= 0, ", 1000) + repeat("(", 257), ModuleSource::Engineer);
  EXPECT_FALSE(hidden);
  hidden = check(repeat("> ", 1000) + repeat("[", 257));
  EXPECT_FALSE(hidden);
  hidden = check(repeat(") ] } ", 1000) + repeat("[", 257));
  EXPECT_FALSE(hidden);
  EXPECT_TRUE(check(repeat("- ", 256) + "d0" + repeat(" - d0", 1000), ModuleSource::Engineer));
  EXPECT_FALSE(check(repeat("-\n", 257), ModuleSource::Engineer));
  // The '<' of an operator is closed with the bracket around it.
  EXPECT_TRUE(check(repeat("affine_set<(d0) : (d0 <= 3)> ", 300), ModuleSource::Engineer));
}

TEST(ModuleText, AliasesAreAsDeepAsWhatTheyStandFor) {
  std::string chain = "#a0 = []\n";
  for (int i = 1; i < 300; ++i)
    chain += "#a" + std::to_string(i) + " = [#a" + std::to_string(i - 1) + "]\n";
  expectRefused(chain, "m.mlir:129:");
  std::string types = "!t0 = i32\n";
  for (int i = 1; i < 300; ++i)
    types += "!t" + std::to_string(i) + " =\n  tuple<!t" + std::to_string(i - 1) + ">\n";
  expectRefused(types, "nested more than 256");
  std::string functions = "!t0 = i32\n"; // nothing but the arrow joins the lines
  for (int i = 1; i < 300; ++i)
    functions += "!t" + std::to_string(i) + " = (i32) -> // comment\n !t" + std::to_string(i - 1) + "\n";
  expectRefused(functions, "nested more than 256");
  std::string places = "#loc0 = loc(\"a\")\n";
  for (int i = 1; i < 300; ++i)
    places += "#loc" + std::to_string(i) + " // comment\n = loc(\"a\"(#loc" + std::to_string(i - 1) + "))\n";
  expectRefused(places, "nested more than 256");
}

TEST(ModuleText, AliasesDoNotMultiply) {
  for (const char *kind : {"#", "!"}) {
    std::string name = kind + std::string("a"), open = *kind == '#' ? "[" : "tuple<", close = *kind == '#' ? "]" : ">";
    std::string doubling = name + "0 = " + open + close + "\n";
    for (int i = 1; i < 40; ++i) {
      std::string before = name + std::to_string(i - 1);
      doubling += name + std::to_string(i) + " = " + open + before + ", " + before + close + "\n";
    }
    expectRefused(doubling, "aliases that stand for more than 16777216 characters");
  }
  // One long alias used often multiplies as well.
  std::string often = "#long = [" + repeat("1, ", 100000) + "1]\nmodule {\n" + repeat("x = #long ", 100) + "}";
  expectRefused(often, "aliases that stand for");
  // The aliases of an imported module, before and behind it.
  std::string model = "#loc = loc(unknown)\nmodule {\n";
  for (int i = 0; i < 20000; ++i)
    model += "  lm.param @p" + std::to_string(i) + " loc(#loc)\n";
  EXPECT_TRUE(
      check(model + "} loc(#loc)\n#loc1 = loc(\"layers.0.attn.q\")\n#loc2 = loc(\"layers.1.attn.q\"(#loc1))\n"));
}

TEST(ModuleText, NumbersAndIntegerTypesAreBounded) {
  EXPECT_TRUE(check("i1 i8 si8 ui8 i64 i128 tensor<4x8xi32> vector<16xi1> @i999999 %i999999 maxi64 i"));
  for (const char *type :
       {"i129", "i16777215", "si200", "ui999", "tensor<4xi16777215>", "tensor<4x8xsi4096>", "i0000200"})
    expectRefused(type, "an integer type of more than 128 bits");
  EXPECT_TRUE(check(repeat("9", 256)));
  expectRefused("dense<" + repeat("9", 257) + ">", "a number of more than 256 characters");
  EXPECT_TRUE(check("\"0x" + repeat("ab", 5000) + "\""));
}

TEST(ModuleText, StrangersBringNoMapsResourcesOrBytecode) {
  for (auto [text, code] : {std::pair("affine_map<(d0) -> (d0)>", 3),
                            {"affine_set<(d0) : (d0 >= 0)>", 3},
                            {"{-# dialect_resources: {} #-}", 3},
                            {"ML\xefR\x01", 4}}) {
    expectRefused(text, "m.mlir", code);
    EXPECT_TRUE(check(text, ModuleSource::Engineer)) << text;
  }
  EXPECT_TRUE(check("\"affine_map\" @affine_map %affine_map"));
}

TEST(ModuleText, NoByteIsTooMuch) {
  for (int c = 0; c < 256; ++c)
    for (const char *rest : {"", "a", "\"", "//", "{-#", "->", "=\n"})
      (void)check(std::string(1, static_cast<char>(c)) + rest);
  for (const char *text : {"#", "!", "#a", "#a =", "#a = ", "\"", "\"\\", "//", "i", "#a = #a", "#a = #b\n#b = #a"})
    EXPECT_TRUE(check(text)) << text;
}
