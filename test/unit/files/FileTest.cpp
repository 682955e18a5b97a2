// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapped and small files, and what the system refuses: always exit code 5 with path and reason.
#include "files/File.h"
#include "files/RelativePath.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace lmopt;
using test::TemporaryFolder;

TEST(File, MessagesAreHarmless) {
  EXPECT_EQ(printable("plain"), "'plain'");
  EXPECT_EQ(printable(std::string_view("a\0\n\x80", 4)), "'a\\x00\\x0a\\x80'");
  EXPECT_EQ(printable(std::string(100, 'x')), "'" + std::string(80, 'x') + "...'");
}

TEST(File, MapsFiles) {
  TemporaryFolder folder;
  folder.write("full", "hello");
  folder.write("empty", "");
  Result<MappedFile> full = MappedFile::open(folder / "full"), empty = MappedFile::open(folder / "empty");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->bytes(), "hello");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->bytes(), "");
  MappedFile moved = full.take();
  EXPECT_EQ(moved.bytes(), "hello");
}

TEST(File, RefusesWhatCannotBeRead) {
  TemporaryFolder folder;
  EXPECT_EQ(MappedFile::open(folder / "absent").error().message,
            folder / "absent" + ": cannot be opened: No such file or directory");
  EXPECT_EQ(MappedFile::open(folder / "absent").error().code, 5);
  EXPECT_EQ(MappedFile::open(folder.path()).error().message,
            folder.path() + ": cannot be read: it is not a regular file");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0); // must not wait for a writer
  EXPECT_EQ(readSmallFile(folder / "pipe", 10).error().code, 5);
}

TEST(File, SmallFilesHaveALimit) {
  TemporaryFolder folder;
  folder.write("f", "12345");
  EXPECT_EQ(*readSmallFile(folder / "f", 5), "12345");
  Result<std::string> refused = readSmallFile(folder / "f", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 3);
  EXPECT_EQ(refused.error().message,
            folder / "f" + ": the file has 5 bytes, at most 4 are accepted for this kind of file");
}

TEST(RelativePath, StaysInside) {
  EXPECT_EQ(pathInside(""), "");
  EXPECT_EQ(pathInside("."), "");
  EXPECT_EQ(pathInside("1_Pooling"), "1_Pooling");
  EXPECT_EQ(pathInside("1_Pooling/"), "1_Pooling");
  EXPECT_EQ(pathInside("./a//b/./c"), "a/b/c");
  EXPECT_EQ(pathInside("..a/b.."), "..a/b..");
  for (const char *path : {"..", "a/..", "a/../b", "/", "/etc/passwd", "a\\b"})
    EXPECT_EQ(pathInside(path), std::nullopt) << path;
  EXPECT_EQ(pathInside(std::string_view("a\0b", 3)), std::nullopt);
}
