// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one BERT-like encoder differ from another. Filled from config.json and, what becomes of the last hidden
// state, the sentence-transformers files; BertBuilder turns it into a module.
// Tested by test/unit/frontends/families/BertConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_BERT_BERTCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_BERT_BERTCONFIG_H

#include "frontends/families/ModelConfig.h"

namespace lmopt {

struct BertConfig : EncoderConfig {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t ffnWidth = 0;
  int64_t firstPosition = 0;   // rows of the position table before that of the first token
  int64_t distanceBuckets = 0; // ranges of distances between tokens, each with a bias of scores; 0: none
  int64_t largestDistance = 0; // where the last one begins at the latest
  int64_t groups = 0;          // of layers that share their weights; 0: each layer has its own

  /// The number that a layer's weights have in the file; of groups that do not divide the layers as Python rounds.
  int64_t ownerOf(int64_t layer) const {
    return groups ? static_cast<int64_t>(double(layer) / (double(layers) / double(groups))) : layer;
  }
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_BERT_BERTCONFIG_H
