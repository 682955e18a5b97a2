// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts sections behind a finished ELF file that the dynamic loader never loads, and checksums over all of it (both as
// lmopt/abi.h says). In: an ELF file with section headers, bytes. Out: the same file, grown:
//
//   | what was there | .lmopt.weights (page aligned) | .lmopt.meta (page aligned) | section names | section headers |
//   | .lmopt.checksums |
//
// Bytes stream into the file and are summed on their way: nothing of the size of a section is held in memory, and
// weights are not read again. Needs no LLVM, so that tests can make artifacts of their own. Tested by
// test/unit/codegen/ArtifactFileTest.cpp, test/unit/runtime and the end-to-end tests.
#ifndef LMOPT_CODEGEN_LINK_SECTIONAPPENDER_H
#define LMOPT_CODEGEN_LINK_SECTIONAPPENDER_H

#include "lmopt/abi.h"
#include "runtime/src/artifact/checksum.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt::link {

/// Usage: open, begin(".name"), write..., end(), ..., finish(). For weights in a file of their own: open an empty file,
/// begin(""), write..., finishWeights().
class SectionAppender {
public:
  SectionAppender() = default;
  SectionAppender(const SectionAppender &) = delete;
  ~SectionAppender();

  bool open(const std::string &file, std::string &error);
  bool begin(const std::string &name, std::string &error); ///< at the next page
  bool write(const void *data, uint64_t size, std::string &error);
  bool padTo(uint64_t sectionOffset, std::string &error); ///< zeros up to an offset in the current section
  void end();
  /// Writes names, headers and checksums, and closes the file; AtomicFile::commit forces it to disk. `splitWeights`:
  /// the checksum of the weights that lie in a file of their own, or 0.
  bool finish(uint64_t splitWeights, std::string &error);
  /// Writes the trailer of split-out weights and closes the file.
  bool finishWeights(uint64_t &checksum, std::string &error);
  uint64_t size() const { return position; }

private:
  struct Section {
    std::string name;
    uint64_t offset = 0, size = 0;
    lmoptp_checksum_t sum = {}; // of all bytes from `offset` to the next section
  };
  struct SectionTable; // of <elf.h>, whose macros LLVM's own ELF header must not meet

  bool fail(const char *what, std::string &error);
  bool read(void *data, uint64_t size, uint64_t offset, std::string &error);
  bool readTable(SectionTable &table, std::string &error);
  void addSection(SectionTable &table, const std::string &name, uint64_t offset, uint64_t size) const;
  bool writeTable(SectionTable &table, std::string &error);
  std::vector<lmopt_checksum_t> listParts(const SectionTable &table) const;
  bool sumPart(lmopt_checksum_t &part, std::string &error);
  bool writeChecksums(std::vector<lmopt_checksum_t> parts, uint64_t splitWeights, std::string &error);
  bool closeFile(std::string &error);

  int descriptor = -1;
  std::string path;
  uint64_t position = 0;
  bool inSections = false;
  std::vector<Section> sections;
};

} // namespace lmopt::link

#endif
