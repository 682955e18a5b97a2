// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all families of config.json share. From: the fields that transformers' PretrainedConfig writes.
// Tested by test/unit/frontends/families/*Test.cpp.
#include "frontends/huggingface/Config.h"

#include "files/File.h"
#include "frontends/heads/Head.h"
#include "frontends/huggingface/Quantization.h"

using namespace lmopt;
using nlohmann::json;

/// The name the maker gave the model; empty when there is none.
static std::string modelName(const json &object) {
  auto name = object.find("_name_or_path");
  return name != object.end() && name->is_string() ? name->get<std::string>() : std::string();
}

/// What config.json may hold; of a class with a head what matters there, too.
static FieldTable fieldsOf(const HuggingFaceForm &form, const HeadForm *head) {
  return head ? joinTables(head->fields, joinTables(headOf(head->task).fields, form.fields)) : form.fields;
}

/// The form of the class that `architectures` names; null for one without a head.
static const HeadForm *findHead(const HuggingFaceForm &form, const json &object) {
  json names = object.is_object() ? object.value("architectures", json()) : json();
  for (const HeadForm &head : form.heads)
    if (names == json::array({head.architecture}))
      return &head;
  return nullptr;
}

static Result<void> readHead(const HeadForm &form, const json &object, const std::string &path, EncoderConfig &config) {
  const Head &head = headOf(form.task);
  HeadConfig read;
  read.form = &form;
  read.task = head.task;
  read.activation = form.activation.value_or(config.activation);
  read.takesTypes = head.takesPairs && config.tokenTypes > 1;
  JsonFields fields(object, path);
  if (form.read)
    form.read(fields, config, read);
  head.read(fields, path, read);
  if (!fields.ok())
    return fields.error();
  config.head = read;
  return {};
}

ConfigResult lmopt::readConfig(const Family &family, const json &object, const std::string &path, bool withHead) {
  Warnings warnings;
  const HuggingFaceForm &form = *family.huggingFace;
  const HeadForm *head = withHead ? findHead(form, object) : nullptr;
  Result<std::optional<PackedMethod>> packed = readQuantization(object, path, warnings);
  if (!packed)
    return packed.error();
  if (Result<void> known = checkFields(object, fieldsOf(form, head), path, warnings); !known)
    return known.error();
  ConfigResult config = form.read(object, path);
  if (!config)
    return config;
  if (head)
    if (Result<void> read = readHead(*head, object, path, static_cast<EncoderConfig &>(**config)); !read)
      return read.error();
  ModelConfig &read = **config;
  read.name = modelName(object);
  read.packed = *packed;
  read.warnings.insert(read.warnings.begin(), warnings.begin(), warnings.end());
  return config;
}

static bool isLayerType(const json &type, bool maySlide) {
  return type == "full_attention" || type == "attention" || (maySlide && type == "sliding_attention");
}

std::optional<std::vector<bool>> lmopt::readLayerTypes(JsonFields &fields, size_t layers, bool maySlide) {
  const json *types = fields.value("layer_types");
  if (types && !types->is_array())
    fields.fail("layer_types", "expected a list of names");
  std::vector<bool> slides;
  for (size_t i = 0; types && i < types->size() && fields.ok(); ++i) {
    slides.push_back((*types)[i] == "sliding_attention");
    if (!isLayerType((*types)[i], maySlide))
      fields.fail("layer_types",
                  std::string("only layers of full_attention") + (maySlide ? " and sliding_attention" : "") +
                      " are supported, found " +
                      printable((*types)[i].dump(-1, ' ', true, json::error_handler_t::replace)),
                  kErrorUnsupported);
  }
  if (types && slides.size() != layers)
    fields.fail("layer_types", "expected a name for each of the " + std::to_string(layers) + " layers, found " +
                                   std::to_string(slides.size()));
  return types && fields.ok() ? std::optional(slides) : std::nullopt;
}

Activation lmopt::readActivation(JsonFields &fields, const char *field, Activation standard) {
  std::optional<std::string> name = fields.string(field);
  if (!name)
    return standard;
  std::optional<Activation> activation = activationFromName(*name);
  if (!activation)
    fields.fail(field, printable(*name) + " is not supported; supported are " + activationNames(), kErrorUnsupported);
  return activation.value_or(standard);
}
