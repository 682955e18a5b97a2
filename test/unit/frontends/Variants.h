// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fixtures with their files written in other ways: test/models/variants.json (generate/make_variants.py describes
// it). In: one entry. Out: a folder that is the fixture with the entry's edits.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_VARIANTS_H
#define LMOPT_TEST_UNIT_FRONTENDS_VARIANTS_H

#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include "gtest/gtest.h"
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

namespace lmopt::test {

inline const std::string kModels = std::string(LMOPT_SOURCE_DIR) + "/test/models";

inline std::string readBytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// All entries, in their order.
inline std::vector<nlohmann::json> variants() { return nlohmann::json::parse(readBytes(kModels + "/variants.json")); }

/// The entry's name as gtest allows it in the name of a test.
inline std::string variantName(const testing::TestParamInfo<nlohmann::json> &info) {
  std::string name = info.param.at("name");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// A fixture, copied, with the edits of one entry.
class Variant {
public:
  explicit Variant(const nlohmann::json &entry) {
    std::filesystem::copy(kModels + "/" + std::string(entry.at("of")), path(),
                          std::filesystem::copy_options::recursive);
    for (auto &[name, change] : entry.at("edits").items())
      apply(name, change);
  }
  std::string path() const { return folder / "model"; }

private:
  void write(const std::string &name, const std::string &text) { folder.write("model/" + name, text); }

  void apply(const std::string &name, const nlohmann::json &change) {
    std::string file = path() + "/" + name;
    if (name == "$tensors")
      return editTensors(change);
    if (name == "$file") {
      for (auto &[other, text] : change.items())
        write(other, text);
    } else if (change == "$delete") {
      std::filesystem::remove(file);
    } else if (change.is_array()) {
      write(name, change.dump());
    } else if (change.contains("$insert")) {
      std::string text = readBytes(file);
      write(name, text.insert(text.find('{') + 1, change["$insert"].get<std::string>()));
    } else {
      editFields(name, change);
    }
  }

  void editFields(const std::string &name, const nlohmann::json &change) {
    std::string old = readBytes(path() + "/" + name);
    nlohmann::json object = old.empty() ? nlohmann::json::object() : nlohmann::json::parse(old);
    for (auto &[field, value] : change.items()) {
      object[field] = value;
      if (value == "$delete")
        object.erase(field);
    }
    write(name, object.dump());
  }

  /// Tensors in f32: NAME becomes `factor` times another one; a factor of 0 removes it.
  void editTensors(const nlohmann::json &change) {
    std::string file = path() + "/model.safetensors";
    std::map<std::string, std::pair<std::vector<int64_t>, std::vector<float>>> tensors;
    Result<SafetensorsFile> old = SafetensorsFile::open(file);
    ASSERT_TRUE(old);
    for (const SafetensorsTensor &tensor : old->tensors()) {
      std::vector<float> values(tensor.rows() * tensor.columns());
      ASSERT_TRUE(old->decodeRows(tensor, 0, tensor.rows(), values.data()));
      tensors[tensor.name] = {tensor.shape, values};
    }
    auto before = tensors;
    for (auto &[name, source] : change.items()) {
      tensors[name] = before.at(source[0]);
      for (float &value : tensors[name].second)
        value *= source[1].get<float>();
      if (source[1] == 0)
        tensors.erase(name);
    }
    writeTensors(file, tensors);
  }

  template <class Tensors>
  static void writeTensors(const std::string &file, const Tensors &tensors) {
    std::vector<SafetensorsWriter::Tensor> table;
    for (auto &[name, tensor] : tensors)
      table.push_back({name, "F32", tensor.first});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(file, table);
    ASSERT_TRUE(writer);
    for (auto &[name, tensor] : tensors)
      ASSERT_TRUE(writer->append(tensor.second.data(), tensor.second.size() * sizeof(float)));
    ASSERT_TRUE(writer->finish());
  }

  TemporaryFolder folder;
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_VARIANTS_H
