// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one crammed BERT with a tree in the place of its feed-forward block differ from another. Filled from
// config.json and from tensors; UltraFastBertBuilder turns it into a module.
// Tested by test/unit/frontends/families/UltraFastBertConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERTCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERTCONFIG_H

#include "frontends/families/ModelConfig.h"

namespace lmopt {

/// The feed-forward block.
enum class TreeKind {
  Neurons, // trees whose nodes are the neurons (UltraFastBERT)
  Leaves,  // one tree that only routes, with a feed-forward layer at each leaf (the package fastfeedforward)
};

struct UltraFastBertConfig : EncoderConfig {
  int64_t layers = 0;
  int64_t heads = 0;
  TreeKind tree = TreeKind::Neurons;
  int64_t depth = 0;                   // decisions on each way from the root
  int64_t trees = 1;                   // Neurons: side by side
  int64_t leafWidth = 0;               // Leaves: neurons of each
  bool leafBias = true;                // Leaves: b2s is added
  std::vector<double> attentionScales; // of the layers

  int64_t neurons() const { return trees * ((int64_t{2} << depth) - 1); } // Neurons: of all trees
  int64_t leaves() const { return int64_t{1} << depth; }
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERTCONFIG_H
