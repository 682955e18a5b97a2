// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// generation_config.json: what it sets is a default that flags replace, cannot matter, or is refused by name. Where the
// file is missing, transformers takes the same settings from config.json (GenerationConfig.from_model_config).
//
// In: a directory and its config.json. Out: warnings for what the user should set by hand; exit code 4 for what lmopt
// cannot do. The end tokens are read with the tokenizer (TextFiles.h). Tested by
// test/unit/frontends/GenerationTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_GENERATION_H
#define LMOPT_FRONTENDS_HUGGINGFACE_GENERATION_H

#include "frontends/FieldTable.h"

namespace lmopt {

Result<void> checkGenerationConfig(const std::string &directory, const nlohmann::json &config, Warnings &warnings);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_GENERATION_H
