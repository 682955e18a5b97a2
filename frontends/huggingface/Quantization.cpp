// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Quantization.h.
#include "frontends/huggingface/Quantization.h"

#include "files/File.h"

using namespace lmopt;
using nlohmann::json;

/// What transformers calls the method, and for some methods how many bits there are. The first files of bitsandbytes
/// did not say their name.
static std::string methodName(const json &settings) {
  json method = settings.value("quant_method", json()), bits = settings.value("bits", settings.value("w_bit", json()));
  bool isOldBits = settings.contains("load_in_8bit") || settings.contains("load_in_4bit");
  std::string name = method.is_string() ? printable(method.get<std::string>())
                     : isOldBits        ? "'bitsandbytes'"
                                        : "an unnamed method";
  return name + (bits.is_number_unsigned() ? " (" + std::to_string(bits.get<uint64_t>()) + " bits)" : "");
}

static Error refuseMethod(const std::string &place, const std::string &method) {
  return unsupported(place + ": the weights are quantized by " + method +
                     ", which lmopt does not read; it reads gptq, awq and compressed-tensors of integers. Give it the "
                     "checkpoint in F32, F16 or BF16 and choose --recipe int8 or int4, or a GGUF file with --recipe "
                     "native");
}

//===- compressed-tensors ----------------------------------------------------------------------------------------===//

static Result<void> checkObject(const json &owner, const char *field, const FieldTable &table, const std::string &place,
                                Warnings &warnings) {
  auto object = owner.find(field);
  if (object == owner.end() || object->is_null())
    return {};
  return checkFields(*object, table, place, warnings, field);
}

static Result<void> checkGroup(const json &group, const std::string &place, Warnings &warnings) {
  if (Result<void> known = checkFields(group, compressedGroupFields(), place, warnings); !known)
    return known;
  if (Result<void> known = checkObject(group, "weights", compressedWeightFields(), place, warnings); !known)
    return known;
  return checkObject(group, "input_activations", compressedActivationFields(), place, warnings);
}

static Result<void> checkGroups(const json &settings, const std::string &place, Warnings &warnings) {
  auto groups = settings.find("config_groups");
  if (groups == settings.end() || groups->is_null())
    return {};
  if (!groups->is_object())
    return malformed(place + ": field 'config_groups' must be an object");
  for (const auto &[name, group] : groups->items())
    if (Result<void> known = checkGroup(group, place + ": config_groups, " + printable(name), warnings); !known)
      return known;
  return {};
}

//===- Methods ---------------------------------------------------------------------------------------------------===//

static std::optional<PackedMethod> gptqFormat(JsonFields &fields) {
  std::optional<std::string> format = fields.string("checkpoint_format");
  if (!format || *format == "gptq")
    return PackedMethod::Gptq;
  if (*format == "gptq_v2")
    return PackedMethod::GptqV2;
  fields.fail("checkpoint_format", printable(*format) + " is not supported; supported are gptq, gptq_v2",
              kErrorUnsupported);
  return std::nullopt;
}

static Result<PackedMethod> readGptq(const json &settings, const std::string &place, Warnings &warnings) {
  if (Result<void> known = checkFields(settings, gptqFields(), place, warnings); !known)
    return known.error();
  JsonFields fields(settings, place);
  std::optional<PackedMethod> format = gptqFormat(fields);
  return fields.ok() ? Result<PackedMethod>(*format) : fields.error();
}

static Result<PackedMethod> readAwq(const json &settings, const std::string &place, Warnings &warnings) {
  if (Result<void> known = checkFields(settings, awqFields(), place, warnings); !known)
    return known.error();
  return PackedMethod::Awq;
}

static Result<PackedMethod> readCompressed(const json &settings, const std::string &place, Warnings &warnings) {
  if (Result<void> known = checkFields(settings, compressedFields(), place, warnings); !known)
    return known.error();
  if (Result<void> known = checkGroups(settings, place, warnings); !known)
    return known.error();
  return PackedMethod::Compressed;
}

/// The files of the first tools do not name their method, but each has fields that the others have not.
static std::string methodOf(const json &settings) {
  json method = settings.value("quant_method", json());
  if (method.is_string())
    return method.get<std::string>();
  return settings.contains("desc_act") ? "gptq" : settings.contains("w_bit") ? "awq" : "";
}

Result<PackedMethod> lmopt::parseQuantization(const json &settings, const std::string &place, Warnings &warnings) {
  if (!settings.is_object())
    return refuseMethod(place, "an unnamed method");
  if (json named = settings.value("quant_method", json()); !named.is_null() && !named.is_string())
    return malformed(place + ": field 'quant_method': expected a text");
  std::string method = methodOf(settings);
  if (method == "gptq")
    return readGptq(settings, place, warnings);
  if (method == "awq")
    return readAwq(settings, place, warnings);
  if (method == "compressed-tensors")
    return readCompressed(settings, place, warnings);
  return refuseMethod(place, methodName(settings));
}

static Result<std::optional<PackedMethod>> parsed(const json &settings, const std::string &place, Warnings &warnings) {
  Result<PackedMethod> method = parseQuantization(settings, place, warnings);
  return method ? Result<std::optional<PackedMethod>>(*method) : method.error();
}

Result<std::optional<PackedMethod>> lmopt::readQuantization(const json &config, const std::string &path,
                                                            Warnings &warnings) {
  if (config.is_object()) {
    if (auto field = config.find("quantization"); field != config.end() && !field->is_null())
      return refuseMethod(path + ": field 'quantization'", "MLX's own method");
    if (auto field = config.find("quantization_config"); field != config.end() && !field->is_null())
      return parsed(*field, path + ": field 'quantization_config'", warnings);
  }
  for (const char *name : {"quantize_config.json", "quant_config.json"}) {
    size_t slash = path.rfind('/');
    std::string beside = (slash == path.npos ? "" : path.substr(0, slash + 1)) + name;
    if (!fileExists(beside))
      continue;
    Result<json> settings = readJsonFile(beside);
    if (!settings)
      return settings.error();
    return parsed(*settings, beside, warnings);
  }
  return std::optional<PackedMethod>();
}
