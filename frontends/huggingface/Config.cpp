// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all families of config.json share. From: the fields that transformers' PretrainedConfig writes.
// Tested by test/unit/frontends/{Llama,Bert}ConfigTest.cpp.
#include "frontends/huggingface/Config.h"

#include "files/File.h"

using namespace lmopt;
using nlohmann::json;

static const char kSupported[] = "supported are LlamaForCausalLM (model_type llama) and, as text encoders, BertModel, "
                                 "BertForMaskedLM and BertForPreTraining (model_type bert)";

static std::optional<Family> familyOf(const std::string &architecture) {
  if (architecture == "LlamaForCausalLM")
    return Family::Llama;
  if (architecture == "BertModel" || architecture == "BertForMaskedLM" || architecture == "BertForPreTraining")
    return Family::Bert;
  return std::nullopt;
}

static std::optional<Family> familyOfType(const std::string &type) {
  if (type == "llama")
    return Family::Llama;
  if (type == "bert")
    return Family::Bert;
  return std::nullopt;
}

static Error unknownKind(const std::string &path, const char *field, const std::string &name) {
  return unsupported(path + ": " + field + " " + printable(name) + " is not supported; " + kSupported);
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
Result<Family> lmopt::detectFamily(const json &config, const std::string &path) {
  if (!config.is_object())
    return malformed(path + ": expected a JSON object, found " + config.type_name());
  Result<std::string> architecture = architectureName(config, path), type = typeName(config, path);
  if (!architecture || !type)
    return architecture ? type.error() : architecture.error();
  if (architecture->empty() && type->empty())
    return malformed(path + ": expected a field 'architectures' or 'model_type' that names the kind of model");
  std::optional<Family> byArchitecture = familyOf(*architecture), byType = familyOfType(*type);
  if (!architecture->empty() && !byArchitecture)
    return unknownKind(path, "architecture", *architecture);
  if (!type->empty() && !byType)
    return unknownKind(path, "model_type", *type);
  if (byArchitecture && byType && *byArchitecture != *byType)
    return unsupported(path + ": architecture " + printable(*architecture) + " is not of model_type " +
                       printable(*type) + "; " + kSupported);
  return byArchitecture ? *byArchitecture : *byType;
}

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

Result<void> lmopt::checkConfigFields(const json &object, const FieldTable &table, const std::string &path,
                                      Warnings &warnings) {
  if (object.is_object())
    if (std::optional<Error> quantized = refuseQuantized(object, path))
      return *quantized;
  return checkFields(object, table, path, warnings);
}

std::string lmopt::modelName(const json &object) {
  auto name = object.find("_name_or_path");
  return name != object.end() && name->is_string() ? name->get<std::string>() : std::string();
}

Activation lmopt::readActivation(JsonFields &fields, Activation standard) {
  std::optional<std::string> name = fields.string("hidden_act");
  if (!name)
    return standard;
  std::optional<Activation> activation = activationFromName(*name);
  if (!activation)
    fields.fail("hidden_act", printable(*name) + " is not supported; supported are " + activationNames(),
                kErrorUnsupported);
  return activation.value_or(standard);
}
