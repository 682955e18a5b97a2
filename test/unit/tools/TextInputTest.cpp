// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lines and files, byte for byte.
#include "tools/lmopt/TextInput.h"

#include <gtest/gtest.h>

#include <fstream>

#include <unistd.h>

using namespace lmopt;
using namespace lmopt::driver;

namespace {
/// A file with these bytes that goes away with the test.
class TextInput : public testing::Test {
protected:
  std::string path = testing::TempDir() + "text-input-" + std::to_string(::getpid());

  void write(const std::string &bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  void TearDown() override { ::unlink(path.c_str()); }

  std::vector<std::string> lines(const std::string &bytes) {
    write(bytes);
    std::vector<std::string> found;
    Result<LineReader> reader = LineReader::open(path);
    std::string line;
    for (Result<bool> more = reader->next(line); more.ok() && *more; more = reader->next(line))
      found.push_back(line);
    return found;
  }
};
using Lines = std::vector<std::string>;

TEST_F(TextInput, LinesEndWithOrWithoutCarriageReturn) {
  EXPECT_EQ(lines("a\nb\r\nc"), (Lines{"a", "b", "c"}));
  EXPECT_EQ(lines("a\r\rb\r\n\r\n\n"), (Lines{"a\r\rb", "", ""}));
  EXPECT_EQ(lines(""), Lines{});
  EXPECT_EQ(lines("\n"), Lines{""});
}

TEST_F(TextInput, OnlyTheBeginningOfAFileHasAByteOrderMark) {
  EXPECT_EQ(lines("\xEF\xBB\xBF"
                  "a\n\xEF\xBB\xBF"
                  "b"),
            (Lines{"a", "\xEF\xBB\xBF"
                        "b"}));
  EXPECT_EQ(lines("\xEF\xBB"), Lines{"\xEF\xBB"});
}

TEST_F(TextInput, NulBytesStay) {
  std::string line("a\0b", 3);
  EXPECT_EQ(lines(line + "\n"), Lines{line});
  write(line);
  EXPECT_EQ(*readFile(path), line);
}

TEST_F(TextInput, FilesAreTakenByteForByte) {
  std::string bytes = "\xEF\xBB\xBF"
                      "a\r\n" +
                      std::string(200000, 'x') + "\n";
  write(bytes);
  EXPECT_EQ(*readFile(path), bytes);
}

TEST_F(TextInput, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(readFile(path).error().code, kErrorResource);
  EXPECT_EQ(LineReader::open(path).error().code, kErrorResource);
  EXPECT_NE(readFile(path).error().message.find(path), std::string::npos);
  EXPECT_EQ(readFile(testing::TempDir()).error().code, kErrorResource);
}
} // namespace
