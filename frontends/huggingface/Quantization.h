// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What config.json says of weights that another tool has quantized: `quantization_config` of GPTQ, AWQ and
// compressed-tensors. Other methods are refused by name. How many bits, which groups and where zero points lie say the
// tensors themselves (PackedWeights.h); the settings say only how they are laid out, and what would change results
// beyond them.
//
// In: the object, checked against the method's table. Out: the method. From: transformers 5.24
// (utils/quantization_config.py), auto-gptq, GPTQModel, autoawq, compressed-tensors.
// Tested by test/unit/frontends/QuantizationTest.cpp and FieldTablesTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_QUANTIZATION_H
#define LMOPT_FRONTENDS_HUGGINGFACE_QUANTIZATION_H

#include "files/Json.h"
#include "frontends/FieldTable.h"
#include "frontends/families/ModelConfig.h"

namespace lmopt {

/// The method of an object `quantization_config`; `place` is its file and field. Exit code 4 for methods that lmopt
/// does not read and for settings that it does not honour.
Result<PackedMethod> parseQuantization(const nlohmann::json &settings, const std::string &place, Warnings &warnings);

/// The field of config.json, or, where it has none, the files that older tools wrote beside it: quantize_config.json
/// (GPTQ), quant_config.json (AWQ). Nothing when the weights are numbers.
Result<std::optional<PackedMethod>> readQuantization(const nlohmann::json &config, const std::string &path,
                                                     Warnings &warnings);

/// QuantizationFields.cpp: the settings of each method, and of compressed-tensors' objects.
const FieldTable &gptqFields();
const FieldTable &awqFields();
const FieldTable &compressedFields();
const FieldTable &compressedGroupFields();
const FieldTable &compressedWeightFields();
const FieldTable &compressedActivationFields();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_QUANTIZATION_H
