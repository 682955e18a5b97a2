// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapped, small and atomic files, and what the system refuses: always exit code 5 with path and reason.
#include "frontends/File.h"
#include "frontends/RelativePath.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/resource.h>
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

TEST(File, AtomicFilesAppearWhole) {
  TemporaryFolder folder;
  folder.write("f", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "f");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new contents"));
    EXPECT_EQ(*readSmallFile(folder / "f", 100), "old");
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(*readSmallFile(folder / "f", 100), "new contents");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"f"});
}

TEST(File, AbandonedFilesLeaveNothing) {
  TemporaryFolder folder;
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "f");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half"));
    AtomicFile moved = file.take();
    EXPECT_EQ(folder.list().size(), 1u);
  }
  EXPECT_TRUE(folder.list().empty());
}

TEST(File, LeftoversOfAKilledWriterAreInNobodysWay) {
  TemporaryFolder folder;
  folder.write("f.tmp" + std::to_string(::getpid()) + ".0", "junk");
  ASSERT_TRUE(writeFileAtomically(folder / "f", "x"));
  EXPECT_EQ(*readSmallFile(folder / "f", 100), "x");
}

TEST(File, AFullDiskIsAResourceErrorAndLeavesNothing) {
  // A limit on the size of files stands for a full disk: write() fails in the same way.
  struct rlimit old;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit small = {1 << 16, old.rlim_max};
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  TemporaryFolder folder;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<void> written = writeFileAtomically(folder / "f", std::string(1 << 17, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, 5);
  EXPECT_EQ(written.error().message, folder / "f" + ": cannot be written: File too large");
  EXPECT_TRUE(folder.list().empty());
}

TEST(File, RefusesWhatCannotBeWritten) {
  EXPECT_EQ(writeFileAtomically("/nonexistent/f", "x").error().message,
            "/nonexistent/f: cannot be created: No such file or directory");
  EXPECT_EQ(writeFileAtomically("/proc/f", "x").error().code, 5);
  TemporaryFolder folder;
  ASSERT_EQ(::mkdir((folder / "d").c_str(), 0700), 0);
  EXPECT_EQ(writeFileAtomically(folder / "d", "x").error().code, 5); // a directory has that name
  EXPECT_EQ(folder.list(), std::vector<std::string>{"d"});
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
