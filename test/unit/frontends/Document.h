// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of documents that are made from data: what stands between <!-- NAME --> and <!-- end of NAME --> must be the
// text that a test computes, and is written there when LMOPT_WRITE_DOCS is set.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_DOCUMENT_H
#define LMOPT_TEST_UNIT_FRONTENDS_DOCUMENT_H

#include "gtest/gtest.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace lmopt::test {

class Document {
public:
  /// `path` is seen from the root of the project.
  explicit Document(const std::string &path) : path(std::string(LMOPT_SOURCE_DIR) + "/" + path) {
    std::ifstream file(this->path, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  ~Document() {
    if (write)
      std::ofstream(path, std::ios::binary) << text;
  }

  void check(const std::string &name, const std::string &expected) {
    std::string begin = "<!-- " + name + " -->\n", end = "<!-- end of " + name + " -->\n";
    size_t first = text.find(begin), last = text.find(end);
    ASSERT_TRUE(first != text.npos && last != text.npos) << path << " has no part '" << name << "'";
    first += begin.size();
    if (write)
      text.replace(first, last - first, expected);
    else
      EXPECT_EQ(text.substr(first, last - first), expected) << path << ": " << name;
  }

private:
  std::string path, text;
  const bool write = std::getenv("LMOPT_WRITE_DOCS");
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_DOCUMENT_H
