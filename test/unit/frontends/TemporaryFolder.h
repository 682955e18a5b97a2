// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder that lives as long as a test.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_TEMPORARYFOLDER_H
#define LMOPT_TEST_UNIT_FRONTENDS_TEMPORARYFOLDER_H

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt::test {

class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lmopt-test-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      std::abort();
    root = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  const std::string &path() const { return root; }
  std::string operator/(const std::string &name) const { return root + "/" + name; }

  /// Makes the folders on the way.
  void write(const std::string &name, std::string_view contents) const {
    std::filesystem::create_directories(std::filesystem::path(root + "/" + name).parent_path());
    std::ofstream(root + "/" + name, std::ios::binary) << contents;
  }
  std::vector<std::string> list() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(root))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

private:
  std::string root;
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_TEMPORARYFOLDER_H
