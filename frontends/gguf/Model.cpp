// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Model.h. Tested by test/unit/frontends/families/GgufLlamaTest.cpp.
#include "frontends/gguf/Model.h"

#include "frontends/gguf/Keys.h"

using namespace lmopt;

/// A file of another kind should not be told about its missing sizes.
static Result<void> checkType(const GgufFile &file) {
  Result<std::optional<std::string_view>> type = file.findString("general.type");
  if (!type || !*type)
    return type ? Result<void>() : type.error();
  Warnings none; // the rule does not tell
  std::string refusal, place = file.path() + ": metadata key 'general.type'";
  FieldVerdict verdict = checkField(ggufGeneralKeys(), "general.type", std::string(**type), place, refusal, none);
  return verdict == FieldVerdict::Fine ? Result<void>() : unsupported(refusal);
}

/// "is llama", "are llama, qwen3"
static std::string supported() {
  std::string names;
  bool several = false;
  for (const Family &family : allFamilies())
    if (family.gguf) {
      several = !names.empty();
      names += (several ? ", " : "") + std::string(family.gguf->architecture);
    }
  return (several ? "are " : "is ") + names;
}

static Result<const Family *> detectFamily(const GgufFile &file) {
  Result<std::optional<std::string_view>> architecture = file.findString("general.architecture");
  if (!architecture)
    return architecture.error();
  if (!*architecture)
    return malformed(file.path() + ": the metadata key 'general.architecture' is missing");
  for (const Family &family : allFamilies())
    if (family.gguf && **architecture == family.gguf->architecture)
      return &family;
  return unsupported(file.path() + ": architecture " + printable(**architecture) + " is not supported; supported " +
                     supported());
}

static Result<void> checkParts(const GgufFile &file) {
  Result<std::optional<uint64_t>> parts = file.findUnsigned("split.count");
  if (!parts)
    return parts.error();
  if (parts->value_or(1) > 1)
    return unsupported(file.path() + ": the model is split into " + std::to_string(**parts) +
                       " files, which is not supported; merge them with llama-gguf-split --merge");
  return {};
}

static ConfigResult readConfig(const GgufFile &file, const GgufForm &form) {
  Warnings warnings;
  if (Result<void> checked = checkGgufKeys(file, form.keys, warnings); !checked)
    return checked.error();
  ConfigResult config = form.read(file);
  if (!config)
    return config;
  Result<std::optional<std::string_view>> name = file.findString("general.name");
  if (name && *name)
    (*config)->name = std::string(**name);
  (*config)->warnings.insert((*config)->warnings.begin(), warnings.begin(), warnings.end());
  return config;
}

Result<GgufModel> GgufModel::read(const GgufFile &file) {
  if (Result<void> checked = checkType(file); !checked)
    return checked.error();
  Result<const Family *> family = detectFamily(file);
  if (!family)
    return family.error();
  if (Result<void> checked = checkParts(file); !checked)
    return checked.error();
  ConfigResult config = readConfig(file, *(*family)->gguf);
  if (!config)
    return config.error();
  return GgufModel{*family, config.take()};
}

bool GgufModel::mayRemain(std::string_view tensor) const {
  bool isTied = family->kind == FamilyKind::Decoder && static_cast<const DecoderConfig &>(*config).tiedHead;
  return fitsAny(family->gguf->ignorable, tensor) || (isTied && tensor == tensorName("head.weight"));
}
