// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ModernBERT family: its configuration, record and builder. Tested by
// test/unit/frontends/families/ModernBertConfigTest.cpp and the fixtures modernbert-windows
// and heads/modernbert-*.
#ifndef LMOPT_FRONTENDS_FAMILIES_MODERNBERT_MODERNBERT_H
#define LMOPT_FRONTENDS_FAMILIES_MODERNBERT_MODERNBERT_H

#include "frontends/families/Family.h"

namespace lmopt {

/// What makes one ModernBERT differ from another.
struct ModernBertConfig : EncoderConfig {
  int64_t layers = 0, heads = 0, ffnWidth = 0;
  bool normBias = false, attentionBias = false, ffnBias = false;
  std::vector<bool> slides;       // which layers see tokens near a token only
  int64_t window = 0;             // of those: how far both ways; 0: no text is longer
  double base = 0, localBase = 0; // of the rotary positions of the others, and of those

  int64_t headWidth() const { return width / heads; }
};

/// ModernBertFamily.cpp
Family describeModernBert();
/// ModernBertBuilder.cpp
void buildModernBert(ModelBuilder &model, const ModelConfig &config);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MODERNBERT_MODERNBERT_H
