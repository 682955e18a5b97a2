// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Architecture.h. From: the fields that transformers' PretrainedConfig writes.
// Tested by test/unit/frontends/FamiliesTest.cpp.
#include "frontends/huggingface/Architecture.h"

#include "files/File.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

/// Null for a name that no family has.
static const Family *familyOf(const std::string &architecture) {
  for (const Family &family : allFamilies())
    if (family.huggingFace) {
      const std::vector<const char *> known = architecturesOf(*family.huggingFace);
      if (std::find(known.begin(), known.end(), architecture) != known.end())
        return &family;
    }
  return nullptr;
}

static const Family *familyOfType(const std::string &type) {
  for (const Family &family : allFamilies())
    if (family.huggingFace && type == family.huggingFace->modelType)
      return &family;
  return nullptr;
}

/// Whose config.json it is by a field that no other has.
static const Family *familyByField(const json &config) {
  for (const Family &family : allFamilies())
    if (family.huggingFace && family.huggingFace->telltale && config.contains(family.huggingFace->telltale))
      return &family;
  return nullptr;
}

/// "BertModel, BertForPreTraining and BertForMaskedLM (model_type bert)"
static std::string architecturesText(const HuggingFaceForm &form) {
  std::string text;
  std::vector<const char *> names = architecturesOf(form);
  for (size_t i = 0, count = names.size(); i < count; ++i)
    text += (i == 0 ? "" : i + 1 < count ? ", " : " and ") + std::string(names[i]);
  return text + " (model_type " + form.modelType + ")";
}

static std::string architecturesText(FamilyKind kind) {
  std::string text;
  for (const Family &family : allFamilies())
    if (family.kind == kind && family.huggingFace)
      text += (text.empty() ? "" : ", ") + architecturesText(*family.huggingFace);
  return text;
}

static std::string supported() {
  return "supported are " + architecturesText(FamilyKind::Decoder) + " and, as text encoders, " +
         architecturesText(FamilyKind::Encoder);
}

static Error unknownKind(const std::string &path, const char *field, const std::string &name) {
  return unsupported(path + ": " + field + " " + printable(name) + " is not supported; " + supported());
}

/// The one name of `architectures`; empty when it names none.
static Result<std::string> architectureName(const json &config, const std::string &path) {
  auto found = config.find("architectures");
  if (found == config.end() || found->is_null() || (found->is_array() && found->empty()))
    return std::string();
  if (!found->is_array() || found->size() != 1 || !found->front().is_string())
    return malformed(path + ": field 'architectures': expected a list of one name");
  return found->front().get<std::string>();
}

static Result<std::string> typeName(const json &config, const std::string &path) {
  JsonFields fields(config, path);
  std::string name = fields.string("model_type").value_or("");
  return fields.ok() ? Result<std::string>(name) : Result<std::string>(fields.error());
}

// transformers builds what model_type says, whatever stands in architectures; an older file may have only the latter.
// Where both are there and disagree, one of them is not the truth.
Result<const Family *> lmopt::detectFamily(const json &config, const std::string &path) {
  if (!config.is_object())
    return malformed(path + ": expected a JSON object, found " + config.type_name());
  Result<std::string> architecture = architectureName(config, path), type = typeName(config, path);
  if (!architecture || !type)
    return architecture ? type.error() : architecture.error();
  if (const Family *found = architecture->empty() && type->empty() ? familyByField(config) : nullptr)
    return found;
  if (architecture->empty() && type->empty())
    return malformed(path + ": expected a field 'architectures' or 'model_type' that names the kind of model");
  const Family *byArchitecture = familyOf(*architecture), *byType = familyOfType(*type);
  if (!architecture->empty() && !byArchitecture)
    return unknownKind(path, "architecture", *architecture);
  if (!type->empty() && !byType)
    return unknownKind(path, "model_type", *type);
  if (byArchitecture && byType && byArchitecture != byType)
    return unsupported(path + ": architecture " + printable(*architecture) + " is not of model_type " +
                       printable(*type) + "; " + supported());
  return byArchitecture ? byArchitecture : byType;
}
