// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TextFacts.h.
#include "tools/lmopt/TextFacts.h"

#include <nlohmann/json.hpp>

namespace lmopt::driver {

using Json = nlohmann::json;

/// lm.config as the compiler wrote it; an empty object where there is none.
static Json readModelConfig(const Model &model) {
  size_t size = 0;
  const char *begin = static_cast<const char *>(lmopt_model_meta(model.handle.get(), "manifest", &size));
  Json manifest = begin ? Json::parse(begin, begin + size, nullptr, /*allow_exceptions=*/false) : Json();
  Json config = manifest.is_object() ? manifest.value("config", Json()) : Json();
  return config.is_object() ? config : Json::object();
}

TextFacts readTextFacts(const Model &model) {
  TextFacts facts;
  Json config = readModelConfig(model);
  if (Json prompts = config.value("prompts", Json()); prompts.is_object())
    for (const auto &[name, text] : prompts.items())
      if (text.is_string())
        facts.prompts[name] = text.get<std::string>();
  if (Json name = config.value("default_prompt_name", Json()); name.is_string())
    facts.defaultPrompt = name.get<std::string>();
  facts.emptyTextIsZero = config.value("empty_text", Json()) == "zeros";
  return facts;
}

static std::string promptNames(const TextFacts &facts) {
  std::string names;
  for (const auto &[name, text] : facts.prompts)
    names += (names.empty() ? "" : ", ") + std::string("'") + name + "'";
  return names.empty() ? "the model has no prompts" : "there are " + names;
}

Result<std::string> choosePrompt(const TextFacts &facts, const std::optional<std::string> &name,
                                 const std::string &path) {
  const std::string &wanted = name ? *name : facts.defaultPrompt;
  if (wanted.empty())
    return std::string();
  auto found = facts.prompts.find(wanted);
  if (found == facts.prompts.end())
    return Error{kErrorUsage, "'" + path + "': no prompt has the name '" + wanted + "'; " + promptNames(facts)};
  return found->second;
}

} // namespace lmopt::driver
