// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the expectations of a fixture model (test/models/README.md): expected.json and expected.bin.
// In: the fixture's name. Out: cases with their ids and floats. Throws nlohmann's exceptions when the files are wrong,
// which fails the test that asked.
#ifndef LMOPT_TEST_UNIT_MODELS_FIXTURE_H
#define LMOPT_TEST_UNIT_MODELS_FIXTURE_H

#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace lmopt::fixture {

struct Case {
  std::vector<int32_t> ids;
  std::vector<int32_t> types;  // of the tokens of a pair; empty: all 0
  std::vector<int64_t> rows;   // decoder, head with numbers a token: positions whose numbers are known
  std::vector<float> expected; // rows x width, or one vector
  std::vector<int32_t> greedy; // decoder: the tokens that follow
  std::vector<double> margins; // best minus second best logit of each
};

struct Fixture {
  std::string name, path; // path: what importModel takes
  bool decoder = true;
  int64_t width = 0;
  nlohmann::json json;               // all of the file
  double tolerance = 0, largest = 0; // of any correct fp32 implementation; the largest value expected
  std::vector<Case> cases;
};

inline std::string readBytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline Fixture load(const std::string &name) {
  std::string folder = std::string(LMOPT_SOURCE_DIR) + "/test/models/" + name;
  nlohmann::json json = nlohmann::json::parse(readBytes(folder + "/expected.json"));
  std::string bytes = readBytes(folder + "/expected.bin");
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));

  Fixture fixture;
  fixture.name = name;
  fixture.json = json;
  fixture.path = folder;
  if (std::ifstream(folder + "/model.gguf").good())
    fixture.path += "/model.gguf";
  fixture.decoder = json.at("kind") == "decoder";
  fixture.width = json.at("width");
  fixture.tolerance = json.at("tolerance");
  fixture.largest = json.at("largest");
  for (const nlohmann::json &entry : json.at("cases")) {
    Case one;
    one.ids = entry.at("ids").get<std::vector<int32_t>>();
    one.types = entry.value("types", std::vector<int32_t>());
    one.rows = entry.value("rows", std::vector<int64_t>());
    one.greedy = entry.value("greedy", std::vector<int32_t>());
    one.margins = entry.value("margins", std::vector<double>());
    auto begin = floats.begin() + entry.at("offset").get<int64_t>();
    one.expected.assign(begin, begin + fixture.width * (entry.contains("rows") ? int64_t(one.rows.size()) : 1));
    fixture.cases.push_back(std::move(one));
  }
  return fixture;
}

inline void append(std::vector<float> &to, const std::vector<float> &values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// All fixtures, as gtest parameters: the folders of test/models with expectations, or those of one of its folders.
inline std::vector<std::string> names(const std::string &inside = "") {
  std::vector<std::string> names;
  for (const auto &folder :
       std::filesystem::directory_iterator(std::string(LMOPT_SOURCE_DIR) + "/test/models/" + inside))
    if (std::filesystem::exists(folder.path() / "expected.json"))
      names.push_back(inside + folder.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// The fixture's name as gtest allows it in the name of a test.
inline std::string parameterName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
  return name;
}

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_FIXTURE_H
