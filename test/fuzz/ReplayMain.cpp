// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a fuzz target without libFuzzer over files that are kept: every argument is a file or a directory (read with all
// its subdirectories, in sorted order), and each file goes once through LLVMFuzzerTestOneInput.
//
// In: paths. Out: exit code 0 and the count when all inputs returned; 1 for a missing path or a directory without
// files, so that a lost corpus is noticed. A crash ends the program as it would under libFuzzer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace fs = std::filesystem;

/// Appends the files under `path`; false when there are none.
static bool collectFiles(const fs::path &path, std::vector<fs::path> &files) {
  std::error_code error;
  size_t before = files.size();
  if (fs::is_regular_file(path, error)) {
    files.push_back(path);
  } else if (fs::is_directory(path, error)) {
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(path, error))
      if (entry.is_regular_file(error))
        files.push_back(entry.path());
    std::sort(files.begin() + before, files.end());
  }
  return files.size() > before;
}

int main(int argc, char **argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!collectFiles(argv[i], files)) {
      std::fprintf(stderr, "%s: no such file, or no files in this directory\n", argv[i]);
      return 1;
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
    return 1;
  }
  for (const fs::path &file : files) {
    std::ifstream stream(file, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!stream) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return 1;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  }
  std::printf("%zu inputs replayed\n", files.size());
  return 0;
}
