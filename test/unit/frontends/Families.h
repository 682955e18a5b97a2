// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A family of allFamilies() by its id, what it reads as its own configuration, and its fixtures (test/models), which
// are named after it.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_FAMILIES_H
#define LMOPT_TEST_UNIT_FRONTENDS_FAMILIES_H

#include "frontends/gguf/Model.h"
#include "frontends/huggingface/Config.h"
#include "test/unit/frontends/Variants.h"

namespace lmopt::test {

inline const Family &family(const std::string &id) {
  for (const Family &one : allFamilies())
    if (one.id == id)
      return one;
  throw std::runtime_error("no family " + id);
}

template <class Config>
Result<Config> as(const ConfigResult &config) {
  return config ? Result<Config>(static_cast<const Config &>(**config)) : Result<Config>(config.error());
}

template <class Config>
Result<Config> readAs(const std::string &id, const nlohmann::json &config) {
  return as<Config>(readConfig(family(id), config, "c.json"));
}

/// Of the bytes of a GGUF file.
template <class Config>
Result<Config> readGgufAs(const std::string &bytes) {
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  if (!parsed)
    return parsed.error();
  Result<GgufModel> model = GgufModel::read(*parsed);
  return model ? Result<Config>(static_cast<const Config &>(*model->config)) : Result<Config>(model.error());
}

/// The folders of test/models whose names begin with the family's id, in order.
inline std::vector<std::string> fixtures(const Family &family) {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(kModels))
    if (std::string name = entry.path().filename(); name.rfind(family.id + "-", 0) == 0)
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

/// config.json of its first fixture.
inline nlohmann::json exampleConfig(const Family &family) {
  return nlohmann::json::parse(readBytes(kModels + "/" + fixtures(family).at(0) + "/config.json"));
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_FAMILIES_H
