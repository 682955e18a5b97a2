// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which family a config.json belongs to.
//
// In: parsed JSON. Out: one of allFamilies(); exit code 3 when it does not say, 4 when it names what lmopt does not
// know. Tested by test/unit/frontends/FamiliesTest.cpp, fuzzed by fuzz-config-json.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_ARCHITECTURE_H
#define LMOPT_FRONTENDS_HUGGINGFACE_ARCHITECTURE_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Looks at `architectures` and `model_type`, which must agree; the message lists what is supported.
Result<const Family *> detectFamily(const nlohmann::json &config, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_ARCHITECTURE_H
