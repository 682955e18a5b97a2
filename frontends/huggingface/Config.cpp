// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all families of config.json share. From: the fields that transformers' PretrainedConfig writes.
// Tested by test/unit/frontends/families/*Test.cpp.
#include "frontends/huggingface/Config.h"

#include "files/File.h"
#include "frontends/heads/Head.h"

using namespace lmopt;
using nlohmann::json;

/// What transformers calls the method, and for some methods how many bits there are. The first files of bitsandbytes
/// did not say their name.
static std::string quantizationMethod(const json &settings) {
  if (!settings.is_object())
    return "an unnamed method";
  json method = settings.value("quant_method", json()), bits = settings.value("bits", settings.value("w_bit", json()));
  bool isOldBits = settings.contains("load_in_8bit") || settings.contains("load_in_4bit");
  std::string name = method.is_string() ? printable(method.get<std::string>())
                     : isOldBits        ? "'bitsandbytes'"
                                        : "an unnamed method";
  return name + (bits.is_number_unsigned() ? " (" + std::to_string(bits.get<uint64_t>()) + " bits)" : "");
}

static std::optional<Error> refuseQuantized(const json &object, const std::string &path) {
  for (const char *field : {"quantization_config", "quantization"}) {
    auto settings = object.find(field);
    if (settings == object.end() || settings->is_null())
      continue;
    std::string method = std::string(field) == "quantization" ? "MLX's own method" : quantizationMethod(*settings);
    return unsupported(path + ": field '" + field + "': the weights are quantized by " + method +
                       ", which lmopt does not read; give it the checkpoint in F32, F16 or BF16 and choose --recipe "
                       "int8 or int4, or a GGUF file in Q4_0, Q4_1 or Q8_0 with --recipe native");
  }
  return std::nullopt;
}

static Result<void> checkConfigFields(const json &object, const FieldTable &table, const std::string &path,
                                      Warnings &warnings) {
  if (object.is_object())
    if (std::optional<Error> quantized = refuseQuantized(object, path))
      return *quantized;
  return checkFields(object, table, path, warnings);
}

/// The name the maker gave the model; empty when there is none.
static std::string modelName(const json &object) {
  auto name = object.find("_name_or_path");
  return name != object.end() && name->is_string() ? name->get<std::string>() : std::string();
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
  const FieldTable &table = head ? joinTables(headOf(head->task).fields, form.fields) : form.fields;
  if (Result<void> known = checkConfigFields(object, table, path, warnings); !known)
    return known.error();
  ConfigResult config = form.read(object, path);
  if (!config)
    return config;
  if (head)
    if (Result<void> read = readHead(*head, object, path, static_cast<EncoderConfig &>(**config)); !read)
      return read.error();
  ModelConfig &read = **config;
  read.name = modelName(object);
  read.warnings.insert(read.warnings.begin(), warnings.begin(), warnings.end());
  return config;
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
