// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Outputs: whole or not there, links followed, sources and devices kept, nothing left behind by a signal.
#include "files/AtomicFile.h"
#include "files/File.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lmopt;
using test::TemporaryFolder;
namespace fs = std::filesystem;

static std::string contents(const std::string &path) { return *readSmallFile(path, 1 << 20); }

TEST(AtomicFile, AppearsWhole) {
  TemporaryFolder folder;
  folder.write("f", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "f");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new contents"));
    EXPECT_EQ(contents(folder / "f"), "old");
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(contents(folder / "f"), "new contents");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"f"});
}

TEST(AtomicFile, LeavesNothingWhenAbandoned) {
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

TEST(AtomicFile, LeftoversOfAKilledWriterAreInNobodysWay) {
  TemporaryFolder folder;
  folder.write(".lmopt-" + std::to_string(::getpid()) + "-0.tmp", "junk");
  ASSERT_TRUE(writeFileAtomically(folder / "f", "x"));
  EXPECT_EQ(contents(folder / "f"), "x");
}

TEST(AtomicFile, AFullDiskIsAResourceErrorAndLeavesNothing) {
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

TEST(AtomicFile, RefusesWhatCannotBeWritten) {
  EXPECT_EQ(writeFileAtomically("/nonexistent/f", "x").error().message,
            "/nonexistent/f: cannot be created: No such file or directory");
  EXPECT_EQ(writeFileAtomically("/proc/f", "x").error().code, 5);
  TemporaryFolder folder;
  folder.write("plain", "");
  EXPECT_EQ(writeFileAtomically(folder / "plain/f", "x").error().code, 5);
}

TEST(AtomicFile, RefusesNamesOfDirectories) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkdir((folder / "d").c_str(), 0700), 0);
  fs::create_directory_symlink("d", folder / "link");
  for (const char *name : {"d", "d/", "link", "d/.", "d/..", "absent/", "/"}) {
    Result<void> written = writeFileAtomically(name[0] == '/' ? name : folder / name, "x");
    ASSERT_FALSE(written) << name;
    EXPECT_EQ(written.error().code, 2) << written.error().message;
  }
  EXPECT_EQ(writeFileAtomically("", "x").error().code, 2);
  EXPECT_EQ(folder.list(), (std::vector<std::string>{"d", "link"}));
}

TEST(AtomicFile, FollowsLinksAndKeepsThem) {
  TemporaryFolder folder;
  folder.write("deep/f", "old");
  fs::create_symlink("deep/f", folder / "relative");
  fs::create_symlink(folder / "relative", folder / "chain");
  ASSERT_TRUE(writeFileAtomically(folder / "chain", "new"));
  EXPECT_EQ(contents(folder / "deep/f"), "new");
  EXPECT_TRUE(fs::is_symlink(folder / "chain"));
  EXPECT_TRUE(fs::is_symlink(folder / "relative"));
  fs::create_symlink("deep/made", folder / "dangling");
  ASSERT_TRUE(writeFileAtomically(folder / "dangling", "made"));
  EXPECT_TRUE(fs::is_symlink(folder / "dangling"));
  EXPECT_EQ(contents(folder / "deep/made"), "made");
  fs::create_symlink("nowhere/f", folder / "lost");
  EXPECT_EQ(writeFileAtomically(folder / "lost", "x").error().code, 5);
  fs::create_symlink("round", folder / "round");
  EXPECT_EQ(writeFileAtomically(folder / "round", "x").error().message,
            folder / "round" + ": cannot be created: Too many levels of symbolic links");
}

TEST(AtomicFile, OtherNamesOfAFileKeepWhatTheyHad) {
  TemporaryFolder folder;
  folder.write("f", "old");
  fs::create_hard_link(folder / "f", folder / "other");
  ASSERT_TRUE(writeFileAtomically(folder / "f", "new"));
  EXPECT_EQ(contents(folder / "other"), "old");
}

TEST(AtomicFile, AReplacedFileHasTheModeOfANewOne) {
  TemporaryFolder folder;
  folder.write("f", "old");
  fs::permissions(folder / "f", fs::perms::owner_read);
  mode_t mask = ::umask(027);
  ASSERT_TRUE(writeFileAtomically(folder / "f", "new"));
  ::umask(mask);
  EXPECT_EQ(static_cast<unsigned>(fs::status(folder / "f").permissions()), 0640u);
}

TEST(AtomicFile, TheLongestNamesWork) {
  TemporaryFolder folder;
  for (size_t length : {253, 254, 255})
    ASSERT_TRUE(writeFileAtomically(folder / std::string(length, 'n'), "x")) << length;
  EXPECT_EQ(AtomicFile::check(folder / std::string(256, 'n')).error().code, 5); // before any work
  EXPECT_EQ(folder.list().size(), 3u);
}

TEST(AtomicFile, PipesAreWrittenIntoOrRefused) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("pipe", folder / "link");
  for (const char *name : {"pipe", "link"}) {
    EXPECT_EQ(AtomicFile::create(folder / name).error().code, 2);
    EXPECT_EQ(AtomicFile::check(folder / name).error().code, 2);
    std::string read;
    std::thread reader([&] {
      int descriptor = ::open((folder / "pipe").c_str(), O_RDONLY);
      char buffer[16];
      for (ssize_t count; (count = ::read(descriptor, buffer, sizeof(buffer))) > 0;)
        read.append(buffer, count);
      ::close(descriptor);
    });
    EXPECT_TRUE(writeFileAtomically(folder / name, "through the pipe", OutputKind::Text));
    reader.join();
    EXPECT_EQ(read, "through the pipe");
  }
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
}

TEST(AtomicFile, OpenDescriptorsAreWrittenInto) {
  TemporaryFolder folder;
  folder.write("f", "first ");
  int descriptor = ::open((folder / "f").c_str(), O_WRONLY | O_APPEND);
  for (const char *directory : {"/dev/fd/", "/proc/self/fd/"})
    ASSERT_TRUE(writeFileAtomically(directory + std::to_string(descriptor), "second ", OutputKind::Text));
  ::close(descriptor);
  EXPECT_EQ(contents(folder / "f"), "first second second ");
  EXPECT_EQ(writeFileAtomically("/dev/fd/999", "x", OutputKind::Text).error().code, 5);
}

TEST(AtomicFile, SourcesAreKnownByDeviceAndInode) {
  TemporaryFolder folder;
  folder.write("source", "precious");
  fs::create_symlink("source", folder / "link");
  fs::create_hard_link(folder / "source", folder / "hard");
  for (const char *name : {"source", "link", "hard", "./source"}) {
    Result<void> refused = refuseToReplace(folder / name, {folder / "absent", folder / "source"});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, 2);
  }
  folder.write("other", "precious");
  EXPECT_TRUE(refuseToReplace(folder / "other", {folder / "source"}));
  EXPECT_TRUE(refuseToReplace(folder / "absent", {folder / "absent", folder / "source"}));
}

/// A child that has begun a file and then ends in the given way; what it leaves in the folder.
static std::vector<std::string> leftBehind(void (*end)()) {
  TemporaryFolder folder;
  pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGTERM, [](int) {
      removeUnfinishedFiles();
      ::_exit(1);
    });
    Result<AtomicFile> file = AtomicFile::create(folder / "f");
    (void)file->write("half");
    end();
    ::_exit(2); // not reached
  }
  int status;
  ::waitpid(child, &status, 0);
  return folder.list();
}

TEST(AtomicFile, SignalsAndExitsLeaveNothing) {
  EXPECT_TRUE(leftBehind([] { std::raise(SIGTERM); }).empty());
  EXPECT_TRUE(leftBehind([] { std::exit(3); }).empty());
  EXPECT_EQ(leftBehind([] { std::raise(SIGKILL); }).size(), 1u); // nobody can help that
}
