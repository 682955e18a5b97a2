// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapped and small files, and what the system refuses: always exit code 5 with path and reason.
#include "files/File.h"
#include "files/RelativePath.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// Pages of the part that are in memory of this process: the uppermost bit of their entries in pagemap,
/// proc_pid_pagemap(5).
static size_t residentPages(std::string_view part) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(part.data()) / 4096;
  std::vector<uint64_t> entries((part.size() + 4095) / 4096);
  int pages = ::open("/proc/self/pagemap", O_RDONLY);
  ssize_t size = static_cast<ssize_t>(entries.size() * sizeof(uint64_t));
  EXPECT_EQ(::pread(pages, entries.data(), static_cast<size_t>(size), static_cast<off_t>(begin * sizeof(uint64_t))),
            size);
  ::close(pages);
  return static_cast<size_t>(std::count_if(entries.begin(), entries.end(), [](uint64_t entry) { return entry >> 63; }));
}

TEST(File, ReleasedPartsTakeNoMemoryAndStayReadable) {
  TemporaryFolder folder;
  const std::string text(1 << 20, 'x');
  folder.write("f", text);
  Result<MappedFile> file = MappedFile::open(folder / "f");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->bytes(), text);
  EXPECT_EQ(residentPages(file->bytes()), 256u);
  file->release(file->bytes().substr(1 << 19));
  EXPECT_EQ(residentPages(file->bytes()), 128u);
  file->release(file->bytes().substr(5, 1)); // whole pages
  file->release("");
  EXPECT_EQ(residentPages(file->bytes()), 127u);
  EXPECT_EQ(file->bytes(), text);
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
