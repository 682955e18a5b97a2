// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of question answering: of each token two numbers, how well an answer begins and ends there. The sequence
// is a pair, question and text. From: transformers' *ForQuestionAnswering. Tested by test/unit/frontends/HeadsTest.cpp.
#include "frontends/heads/Head.h"

using namespace lmopt;

static void readHead(JsonFields &fields, const std::string &, HeadConfig &) {
  size_t count = readLabels(fields).size();
  if (fields.ok() && count != 2)
    fields.fail("id2label", "question answering has two numbers a token, found " + std::to_string(count) + " classes");
}

Head lmopt::describeQuestionAnswering() {
  Head head;
  head.task = "question_answering";
  head.name = "question answering";
  head.fields = {{"id2label", FieldUse::Read, "must have two entries, whatever they are called"},
                 {"num_labels", FieldUse::Read, "must be 2"}};
  head.read = readHead;
  head.takesPairs = true;
  return head;
}
