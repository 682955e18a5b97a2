// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Keys.h. Tested by test/unit/frontends/FieldTablesTest.cpp and families/GgufLlamaTest.cpp.
#include "frontends/gguf/Keys.h"

#include <deque>

using namespace lmopt;
using nlohmann::json;

static constexpr char kPeople[] = "for people";
static constexpr char kSampling[] = "sampling: the flags of lmopt run decide, the most probable token by default";
static constexpr char kAdapter[] = "the file is an adapter (LoRA); merge it into its model with llama-export-lora";

const FieldTable &lmopt::ggufGeneralKeys() {
  static const FieldTable table = {
      {"general.architecture", FieldUse::Read, "the family"},
      {"general.name", FieldUse::Read, "the name that inspect shows"},
      {"general.alignment", FieldUse::Read, "where tensors begin"},
      {"general.type", FieldUse::Only, "an adapter, a projector or a table of importance; give lmopt the model",
       R"(["model"])"},
      {"general.quantization_version", FieldUse::Only, "blocks of another layout; convert the model again", "[2]"},
      {"general.file_type", FieldUse::Harmless, "sums up what each tensor says of itself"},
      {"general.sampling.penalty_repeat", FieldUse::Told,
       "llama.cpp makes tokens that were there less probable; lmopt run does not", "[1, 0]"},
      {"general.sampling.*", FieldUse::Harmless, kSampling},
      {"general.author", FieldUse::Harmless, kPeople},
      {"general.version", FieldUse::Harmless, kPeople},
      {"general.organization", FieldUse::Harmless, kPeople},
      {"general.finetune", FieldUse::Harmless, kPeople},
      {"general.basename", FieldUse::Harmless, kPeople},
      {"general.description", FieldUse::Harmless, kPeople},
      {"general.quantized_by", FieldUse::Harmless, kPeople},
      {"general.size_label", FieldUse::Harmless, kPeople},
      {"general.parameter_count", FieldUse::Harmless, kPeople},
      {"general.license*", FieldUse::Harmless, kPeople},
      {"general.url", FieldUse::Harmless, kPeople},
      {"general.doi", FieldUse::Harmless, kPeople},
      {"general.uuid", FieldUse::Harmless, kPeople},
      {"general.repo_url", FieldUse::Harmless, kPeople},
      {"general.source.*", FieldUse::Harmless, kPeople},
      {"general.base_model.*", FieldUse::Harmless, kPeople},
      {"general.dataset.*", FieldUse::Harmless, kPeople},
      {"general.datasets", FieldUse::Harmless, kPeople},
      {"general.tags", FieldUse::Harmless, kPeople},
      {"general.languages", FieldUse::Harmless, kPeople},
      {"general.*", FieldUse::Only, kUnknownKey},

      {"split.count", FieldUse::Read, "refused when there is more than one file"},
      {"split.no", FieldUse::Harmless, "the one file there is"},
      {"split.tensors.count", FieldUse::Harmless, "the file says its own number"},
      {"split.*", FieldUse::Only, kUnknownKey},
      {"adapter.*", FieldUse::Only, kAdapter},
      {"clip.*", FieldUse::Only, "the file is the projector of an image model; give lmopt the model"},
      {"tokenizer.*", FieldUse::Read, "by the reader of tokenizers"},
      {"*", FieldUse::Harmless, "llama.cpp asks for keys by name, and for none with another beginning than those here"},
  };
  return table;
}

/// Tables hold pointers to names: those that are made live as long as the program.
static const char *keep(std::string name) {
  static std::deque<std::string> names;
  return names.emplace_back(std::move(name)).c_str();
}

FieldTable lmopt::ggufKeysOf(const std::string &architecture, FieldTable own) {
  for (FieldRule &rule : own)
    rule.name = keep(architecture + rule.name);
  return joinTables(std::move(own), ggufGeneralKeys());
}

/// A scalar as JSON, so that it can be compared with what a rule accepts; lists are no accepted value.
static json asJson(const GgufValue &value) {
  if (std::optional<bool> flag = value.asBool())
    return *flag;
  if (std::optional<int64_t> number = value.asSigned())
    return *number;
  if (std::optional<double> number = value.asDouble())
    return *number;
  if (std::optional<std::string_view> text = value.asString())
    return std::string(text->substr(0, 200)); // enough for a message
  return "an array of " + std::to_string(value.size());
}

Result<void> lmopt::checkGgufKeys(const GgufFile &file, const FieldTable &table, Warnings &warnings) {
  for (auto &[key, value] : file.metadata()) {
    std::string refusal, place = file.path() + ": metadata key " + printable(key);
    FieldVerdict verdict = checkField(table, key, asJson(value), place, refusal, warnings);
    if (verdict == FieldVerdict::Refused)
      return unsupported(refusal);
    if (verdict == FieldVerdict::Unknown)
      return unsupported(place + ": " + kUnknownKey);
  }
  return {};
}
