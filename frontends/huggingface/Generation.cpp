// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Generation.h. Tested by test/unit/frontends/GenerationTest.cpp.
#include "frontends/huggingface/Generation.h"

#include "frontends/File.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

Result<void> lmopt::checkGenerationConfig(const std::string &directory, Warnings &warnings) {
  std::string path = directory + "/generation_config.json";
  if (!fileExists(path))
    return {};
  Result<nlohmann::json> object = readJsonFile(path);
  return object ? checkFields(*object, generationFields(), path, warnings) : Result<void>(object.error());
}
