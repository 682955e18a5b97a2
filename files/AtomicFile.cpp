// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of files/AtomicFile.h on POSIX calls.
#include "files/AtomicFile.h"

#include <atomic>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

using namespace lmopt;

//===- Unfinished files ------------------------------------------------------------------------------------------===//

namespace {
/// A temporary of this process. A handler of signals reads it, so nothing of it is ever freed or moved.
struct Unfinished {
  std::atomic<bool> taken{false}; // by an AtomicFile
  std::atomic<bool> exists{false};
  char path[PATH_MAX];
};
} // namespace

static constexpr int kMaxUnfinished = 32; // an artifact for many CPUs has an object for each
static Unfinished unfinished[kMaxUnfinished];

void lmopt::removeUnfinishedFiles() {
  for (Unfinished &file : unfinished)
    if (file.exists.exchange(false))
      ::unlink(file.path);
}

/// Remembers a temporary; -1 when there is no room (it is then removed by its owner only).
static int remember(const std::string &path) {
  [[maybe_unused]] static const int atExit = std::atexit(removeUnfinishedFiles);
  for (int slot = 0; slot < kMaxUnfinished && path.size() < PATH_MAX; ++slot) {
    if (unfinished[slot].taken.exchange(true))
      continue;
    std::memcpy(unfinished[slot].path, path.c_str(), path.size() + 1);
    unfinished[slot].exists = true;
    return slot;
  }
  return -1;
}

static void forget(int slot) {
  if (slot < 0)
    return;
  unfinished[slot].exists = false;
  unfinished[slot].taken = false;
}

//===- Where a path leads ----------------------------------------------------------------------------------------===//

/// "PATH: cannot be opened: No such file or directory".
static Error systemError(const std::string &path, const char *action, int number) {
  return resourceError(path + ": cannot be " + action + ": " + std::strerror(number));
}

static Error usageError(std::string message) { return {kErrorUsage, std::move(message)}; }

namespace {
struct Place {
  std::string target;      // the regular file to make or to replace
  bool isStream = false;   // a device, a pipe or a socket
  int openDescriptor = -1; // /dev/stdout, /dev/fd/N: this descriptor of ours
};
} // namespace

/// The number N of /proc/PID/fd/N when that is a descriptor of this process.
static std::optional<int> findOwnDescriptor(const std::string &directory, const std::string &name) {
  bool isNumber = !name.empty() && name.size() < 8;
  for (unsigned char c : name)
    isNumber = isNumber && std::isdigit(c);
  if (!isNumber || directory != "/proc/" + std::to_string(::getpid()) + "/fd")
    return std::nullopt;
  return std::atoi(name.c_str());
}

static Result<std::string> readLink(const std::string &link, const std::string &path) {
  char text[PATH_MAX];
  ssize_t size = ::readlink(link.c_str(), text, sizeof(text));
  if (size < 0)
    return systemError(path, "examined", errno);
  return std::string(text, size);
}

/// One step of a path: the directory as the system sees it, and the last name in it.
static Result<std::pair<std::string, std::string>> split(const std::string &next, const std::string &path) {
  size_t slash = next.find_last_of('/');
  std::string name = next.substr(slash == std::string::npos ? 0 : slash + 1);
  std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : next.substr(0, slash);
  if (name.empty() || name == "." || name == "..")
    return usageError(path + ": names a directory, expected the name of a file to write");
  char resolved[PATH_MAX];
  if (!::realpath(parent.c_str(), resolved))
    return systemError(path, "created", errno);
  return std::make_pair(std::string(resolved), name);
}

/// Follows the links of a path to the place that is to be written; the last one need not exist.
static Result<Place> findPlace(const std::string &path) {
  if (path.empty())
    return usageError("the name of the output is empty");
  std::string next = path;
  constexpr int maxLinks = 40; // what Linux allows itself
  for (int i = 0; i < maxLinks; ++i) {
    auto step = split(next, path);
    if (!step)
      return step.error();
    const auto &[directory, name] = *step;
    Place place;
    place.target = (directory == "/" ? "" : directory) + "/" + name;
    if (std::optional<int> descriptor = findOwnDescriptor(directory, name)) {
      place.isStream = true;
      place.openDescriptor = *descriptor;
      return place;
    }
    struct stat status;
    if (::lstat(place.target.c_str(), &status) != 0) {
      if (errno == ENOENT)
        return place;
      return systemError(path, "created", errno);
    }
    if (S_ISDIR(status.st_mode))
      return usageError(path + ": is a directory, expected the name of a file to write");
    place.isStream = !S_ISREG(status.st_mode);
    if (!S_ISLNK(status.st_mode))
      return place;
    Result<std::string> link = readLink(place.target, path);
    if (!link)
      return link.error();
    next = link->front() == '/' ? *link : directory + "/" + *link;
  }
  return systemError(path, "created", ELOOP);
}

static Result<Place> findPlace(const std::string &path, OutputKind kind) {
  Result<Place> place = findPlace(path);
  if (place && place->isStream && kind == OutputKind::File)
    return usageError(path + ": is a device or a pipe, expected a regular file: what is written here is written in "
                             "pieces and mapped; write it to a file and copy that");
  return place;
}

Result<std::string> AtomicFile::resolve(const std::string &path, OutputKind kind) {
  Result<Place> place = findPlace(path, kind);
  return place ? Result<std::string>(place->target) : place.error();
}

Result<void> AtomicFile::check(const std::string &path, OutputKind kind) {
  Result<std::string> target = resolve(path, kind);
  return target ? Result<void>() : target.error();
}

static bool identify(const std::string &path, struct stat &status) { return ::stat(path.c_str(), &status) == 0; }

static bool isSame(const struct stat &a, const struct stat &b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

bool lmopt::isSameFile(const std::string &a, const std::string &b) {
  struct stat first, second;
  return identify(a, first) && identify(b, second) && isSame(first, second);
}

Result<void> lmopt::refuseToReplace(const std::string &output, const std::vector<std::string> &sources) {
  struct stat mine, other;
  if (!identify(output, mine))
    return {};
  for (const std::string &source : sources)
    if (identify(source, other) && isSame(mine, other))
      return usageError(output + ": is " + (output == source ? "a source" : "the source " + source) +
                        ", which this output would replace; choose another name");
  return {};
}

//===- Writing ---------------------------------------------------------------------------------------------------===//

Result<AtomicFile> AtomicFile::createBeside(const std::string &path, std::string target) {
  // A name left behind by a program that was killed is passed over; O_EXCL keeps two writers apart.
  constexpr int attempts = 100;
  std::string directory = target.substr(0, target.find_last_of('/') + 1);
  int number = 0;
  for (int i = 0; i < attempts; ++i) {
    std::string temporary = directory + ".lmopt-" + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp";
    int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      int slot = remember(temporary);
      return AtomicFile(path, std::move(target), std::move(temporary), descriptor, slot);
    }
    number = errno;
    if (number != EEXIST)
      break;
  }
  return systemError(path, "created", number);
}

Result<AtomicFile> AtomicFile::create(const std::string &path, OutputKind kind) {
  Result<Place> place = findPlace(path, kind);
  if (!place)
    return place.error();
  if (!place->isStream)
    return createBeside(path, place->target);
  // A pipe waits for its reader here, as everywhere. A descriptor of ours is not opened anew: it may append.
  int descriptor = place->openDescriptor >= 0 ? ::fcntl(place->openDescriptor, F_DUPFD_CLOEXEC, 3)
                                              : ::open(place->target.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0)
    return systemError(path, "opened", errno);
  return AtomicFile(path, place->target, "", descriptor, -1);
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path(std::move(other.path)), target(std::move(other.target)), temporary(std::move(other.temporary)),
      descriptor(other.descriptor), slot(other.slot) {
  other.descriptor = -1;
  other.slot = -1;
}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  if (!temporary.empty())
    ::unlink(temporary.c_str());
  close();
}

void AtomicFile::close() {
  ::close(descriptor);
  descriptor = -1;
  forget(slot);
  slot = -1;
}

Result<void> AtomicFile::write(const void *data, size_t size) {
  const char *position = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t count = ::write(descriptor, position, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(path, "written", errno);
    position += count;
    size -= count;
  }
  return {};
}

/// Forces a file or a directory to disk; by name, because a linker may have put another file under it.
static bool sync(const std::string &name, int flags) {
  int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | flags);
  bool good = descriptor >= 0 && ::fsync(descriptor) == 0;
  int number = errno;
  if (descriptor >= 0)
    ::close(descriptor);
  errno = number;
  return good;
}

Result<void> AtomicFile::commit() {
  if (!temporary.empty()) {
    if (!sync(temporary, 0) || ::rename(temporary.c_str(), target.c_str()) != 0)
      return systemError(path, "written", errno);
    // The new name is durable only when its directory is; a file system that cannot sync directories keeps the file.
    (void)sync(target.substr(0, target.find_last_of('/') + 1), O_DIRECTORY);
  }
  close();
  return {};
}

Result<void> lmopt::writeFileAtomically(const std::string &path, std::string_view contents, OutputKind kind) {
  Result<AtomicFile> file = AtomicFile::create(path, kind);
  if (!file)
    return file.error();
  if (Result<void> written = file->write(contents); !written)
    return written.error();
  return file->commit();
}
