// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every file that lmopt writes is written through this: an output appears under its name only when it is complete, and
// no output ever takes the place of what the work was made from.
//
// In: the path as the user wrote it, bytes. Out: the file, or an Error: 2 when the path names what may not be replaced
// (a source, a directory, a device or pipe where a regular file is needed), 5 when the system refuses.
//
// What Unix users expect of a path holds: a symbolic link is followed, also when it dangles, and stays; a hard link or
// a file that somebody has mapped keeps its old contents under its other names. A replaced file is a new file: its mode
// comes from the umask, and what counts are the permissions of its directory. The temporary lies beside the target
// (renames do not cross file systems) under a short name of its own, so that the longest names work.
// Without commit() nothing remains, also after a signal or an exit if the program calls removeUnfinishedFiles (at exit
// it is called for it); after SIGKILL a file `.lmopt-PID-N.tmp` is left. Tested by
// test/unit/files/AtomicFileTest.cpp and test/tools/lmopt/outputs.sh.
#ifndef LMOPT_FILES_ATOMICFILE_H
#define LMOPT_FILES_ATOMICFILE_H

#include "files/Status.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

/// What an output path may lead to beside a regular file.
enum class OutputKind {
  File, ///< nothing: artifacts are mapped and written out of order
  Text, ///< devices, pipes and open descriptors (/dev/stdout, /dev/fd/3) too: they are written into
};

/// A file under construction.
class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &path, OutputKind kind = OutputKind::File);
  /// Whether create() would accept the path, as far as that is known without writing: asked before long work.
  static Result<void> check(const std::string &path, OutputKind kind = OutputKind::File);
  /// The same, and where the links of the path lead.
  static Result<std::string> resolve(const std::string &path, OutputKind kind = OutputKind::File);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  Result<void> write(const void *data, size_t size);
  Result<void> write(std::string_view text) { return write(text.data(), text.size()); }
  /// Forces what the temporary holds to disk and gives it its name, in one step for all who look.
  Result<void> commit();

  /// Where the contents are until commit(), for those that write by name (the linker). Empty for a device or pipe.
  const std::string &temporaryPath() const { return temporary; }
  /// The place that gets the contents, whatever links lead there: two outputs must not have one.
  const std::string &targetPath() const { return target; }

private:
  AtomicFile(std::string path, std::string target, std::string temporary, int descriptor, int slot)
      : path(std::move(path)), target(std::move(target)), temporary(std::move(temporary)), descriptor(descriptor),
        slot(slot) {}
  static Result<AtomicFile> createBeside(const std::string &path, std::string target);
  void close();

  std::string path;      // as the user wrote it, for messages
  std::string target;    // where its links lead
  std::string temporary; // empty: written into
  int descriptor;        // -1 once committed or moved from
  int slot;              // in the list of unfinished files; -1: none
};

/// Writes `contents` atomically.
Result<void> writeFileAtomically(const std::string &path, std::string_view contents,
                                 OutputKind kind = OutputKind::File);

/// Exit code 2 when `output` leads to one of the `sources`: the same device and inode, whatever the names.
Result<void> refuseToReplace(const std::string &output, const std::vector<std::string> &sources);

/// Whether two paths lead to the same file that exists.
bool isSameFile(const std::string &a, const std::string &b);

/// Removes the temporaries of this process. May be called from a signal handler.
void removeUnfinishedFiles();

} // namespace lmopt

#endif // LMOPT_FILES_ATOMICFILE_H
