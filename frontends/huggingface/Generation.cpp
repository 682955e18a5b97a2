// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Generation.h. Tested by test/unit/frontends/GenerationTest.cpp.
#include "frontends/huggingface/Generation.h"

#include "files/File.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

/// Those fields of config.json that are settings of generation. What both files may hold (ids of tokens, origin) has
/// its rule in the table of config.json.
static nlohmann::json generationPart(const nlohmann::json &config) {
  nlohmann::json part = nlohmann::json::object();
  for (const auto &[name, value] : config.items())
    if (const FieldRule *rule = findRule(generationFields(), name))
      if (rule->use == FieldUse::Only || rule->use == FieldUse::Told)
        part[name] = value;
  return part;
}

Result<void> lmopt::checkGenerationConfig(const std::string &directory, const nlohmann::json &config,
                                          Warnings &warnings) {
  std::string path = directory + "/generation_config.json";
  if (!fileExists(path))
    return checkFields(generationPart(config), generationFields(), directory + "/config.json", warnings);
  Result<nlohmann::json> object = readJsonFile(path);
  return object ? checkFields(*object, generationFields(), path, warnings) : Result<void>(object.error());
}
