// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of a Hugging Face model of a known family.
//
// In: parsed JSON. Out: the family's configuration; exit code 3 for values that cannot be, 4 for a field that lmopt
// does not know: a field nobody looked at may change what the model computes (Tables.h). Tested by
// test/unit/frontends/families/*Test.cpp, fuzzed by fuzz-config-json.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
#define LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H

#include "files/Json.h"
#include "frontends/families/Family.h"

namespace lmopt {

/// Every field against the family's table, what is quantized with a message of its own; then the family reads.
/// An encoder gets the head of the class that `architectures` names, unless another pipeline follows it.
ConfigResult readConfig(const Family &family, const nlohmann::json &config, const std::string &path,
                        bool withHead = true);

/// For the families: the field that names an activation, in the names of the dialect.
Activation readActivation(JsonFields &fields, const char *field, Activation standard);

/// For the families: layer_types, which layers are of sliding_attention; nothing where the field is missing, or wrong.
std::optional<std::vector<bool>> readLayerTypes(JsonFields &fields, size_t layers, bool maySlide = true);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
