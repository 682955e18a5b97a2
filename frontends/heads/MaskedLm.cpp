// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the masked LM: of each token a number for each word of the vocabulary, what may stand there.
// From: transformers' *ForMaskedLM. Tested by test/unit/frontends/HeadsTest.cpp.
#include "frontends/heads/Head.h"

using namespace lmopt;

Head lmopt::describeMaskedLm() {
  Head head;
  head.task = "masked_lm";
  head.name = "masked LM";
  head.fields = {{"tie_word_embeddings", FieldUse::Read,
                  "the embedding table is the last matrix, if the file does not hold two that differ (then both are "
                  "used, with a warning); true when missing"}};
  head.read = [](JsonFields &fields, const std::string &, HeadConfig &config) {
    config.tiedTable = fields.boolean("tie_word_embeddings").value_or(true);
    config.scoreActivation = "softmax";
  };
  return head;
}
