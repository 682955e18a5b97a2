// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of token classification: a number for each class of each token.
// From: transformers' *ForTokenClassification. Tested by test/unit/frontends/HeadsTest.cpp.
#include "frontends/heads/Head.h"

using namespace lmopt;

Head lmopt::describeTokenClassification() {
  Head head;
  head.task = "token_classification";
  head.name = "token classification";
  head.fields = labelFields();
  head.read = [](JsonFields &fields, const std::string &, HeadConfig &config) {
    config.labels = readLabels(fields);
    config.scoreActivation = "softmax";
  };
  return head;
}
