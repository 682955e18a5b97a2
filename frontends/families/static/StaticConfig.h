// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Static embeddings: a table of vectors, one for each token, and nothing that looks at a text as a whole but the mean.
// Filled from config.json (model2vec) or the module's name (sentence-transformers), the sizes and what stands for the
// table from the tensors; StaticBuilder turns it into a module.
// Tested by test/unit/frontends/families/StaticConfigTest.cpp and StaticTensorsTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_STATIC_STATICCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_STATIC_STATICCONFIG_H

#include "frontends/families/ModelConfig.h"

namespace lmopt {

struct StaticConfig : EncoderConfig {
  std::string table; // the tensor that is the table as it stands in the file; empty: `rows`
  std::vector<float> rows;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_STATIC_STATICCONFIG_H
