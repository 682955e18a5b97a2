// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld in-process, and the directory of metadata; see LinkLibrary.h.
#include "codegen/link/LinkLibrary.h"

#include "lmopt/abi.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <mutex>

LLD_HAS_DRIVER(elf)

namespace lmopt::link {

static std::mutex linking;

void waitForLinker() { linking.lock(); }

bool linkSharedLibrary(const std::vector<std::string> &objectFiles, const std::string &libraryFile,
                       std::string &error) {
  // -z now: symbols are bound at load, nothing is written later. No build id, no paths: the same inputs give the same
  // bytes. Local symbols stay: profilers and debuggers then show kernels by name.
  std::vector<const char *> arguments = {"ld.lld",
                                         "-shared",
                                         "-z",
                                         "now",
                                         "-z",
                                         "noexecstack",
                                         "-z",
                                         "relro",
                                         "-z",
                                         "max-page-size=4096",
                                         "--hash-style=gnu",
                                         "--build-id=none",
                                         "-o",
                                         libraryFile.c_str()};
  for (const std::string &file : objectFiles)
    arguments.push_back(file.c_str());
  llvm::raw_string_ostream messages(error);
  std::lock_guard<std::mutex> lock(linking);
  lld::Result result = lld::lldMain(arguments, llvm::nulls(), messages, {{lld::Gnu, &lld::elf::link}});
  return result.retCode == 0;
}

std::string makeMeta(const std::map<std::string, std::string> &blobs) {
  lmopt_meta_header_t header = {LMOPT_META_MAGIC, blobs.size()};
  std::string out(reinterpret_cast<const char *>(&header), sizeof(header));
  // Blobs start on multiples of 64: readers may use their integers in place.
  uint64_t offset = (sizeof(header) + blobs.size() * sizeof(lmopt_meta_entry_t) + 63) / 64 * 64;
  for (const auto &[name, bytes] : blobs) {
    lmopt_meta_entry_t entry = {};
    std::memcpy(entry.name, name.data(), std::min(name.size(), sizeof(entry.name) - 1));
    entry.offset = offset;
    entry.size = bytes.size();
    out.append(reinterpret_cast<const char *>(&entry), sizeof(entry));
    offset = (offset + bytes.size() + 63) / 64 * 64;
  }
  for (const auto &[name, bytes] : blobs) {
    out.resize((out.size() + 63) / 64 * 64, '\0');
    out += bytes;
  }
  return out;
}

} // namespace lmopt::link
