// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an object file to the artifact: lld in this process makes the shared library; weights and meta follow it in the
// same file as sections that the dynamic loader never loads. In: object bytes, blobs. Out: one .so.
//
//   | ELF header, code, note, dynamic tables (lld) | .lmopt.weights (page aligned) | .lmopt.meta (page aligned) |
//   | section names | section headers |
//
// The weights stream into the file as they are packed; nothing of their size is ever held in memory.
// Tested by test/unit/codegen/ArtifactFileTest.cpp and the end-to-end tests.
#ifndef LMOPT_CODEGEN_LINK_LINKLIBRARY_H
#define LMOPT_CODEGEN_LINK_LINKLIBRARY_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lmopt::link {

/// Links the object files into the shared library `libraryFile`.
bool linkSharedLibrary(const std::vector<std::string> &objectFiles, const std::string &libraryFile, std::string &error);

/// Appends sections to an ELF file that is open for reading and writing. Not loaded by the dynamic loader (no
/// SHF_ALLOC), found by name. Usage: open, begin(".name"), write..., end(), ..., finish().
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
  bool finish(std::string &error); ///< writes names and headers, forces the file to disk and closes it
  bool sync(std::string &error);   ///< only forces the file to disk and closes it (a plain file without headers)
  uint64_t size() const { return position; }

private:
  struct Section {
    std::string name;
    uint64_t offset = 0, size = 0;
  };
  bool fail(const char *what, std::string &error);
  int descriptor = -1;
  std::string path;
  uint64_t position = 0;
  std::vector<Section> sections;
};

/// The bytes of section .lmopt.meta: a directory of named blobs (lmopt_meta_header_t).
std::string makeMeta(const std::map<std::string, std::string> &blobs);

} // namespace lmopt::link

#endif
