// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of sequence classification: a number for each class of a text, or of a pair of texts (a cross-encoder).
// From: transformers' *ForSequenceClassification and its text-classification pipeline; sentence-transformers'
// CrossEncoder, whose settings count where there are any. Tested by test/unit/frontends/HeadsTest.cpp.
#include "files/File.h"
#include "frontends/heads/Head.h"

using namespace lmopt;
using nlohmann::json;

static const FieldTable kCrossEncoder = {
    {"activation_fn", FieldUse::Read, "what makes scores of the numbers"},
    {"version", FieldUse::Harmless, "says who made the file and how"},
};

/// As transformers' pipeline does it.
static const char *standardActivation(JsonFields &fields, size_t labels) {
  std::string problem = fields.string("problem_type").value_or("");
  if (problem == "regression")
    return "none";
  if (problem == "multi_label_classification" || (problem.empty() && labels == 1))
    return "sigmoid";
  if (problem != "single_label_classification" && !problem.empty())
    fields.fail("problem_type", "expected regression, single_label_classification or multi_label_classification, "
                                "found " +
                                    printable(problem));
  return "softmax";
}

/// Without a word about it a cross-encoder makes a score between 0 and 1 of one number and leaves several alone.
static void readCrossEncoder(JsonFields &fields, const json &settings, const std::string &path, HeadConfig &head) {
  Warnings none; // no rule of this table tells
  head.scoreActivation = head.labels.size() == 1 ? "sigmoid" : "none";
  if (Result<void> known = checkFields(settings, kCrossEncoder, path, none, "sentence_transformers"); !known)
    return fields.adopt(known.error());
  JsonFields inner(settings, path, "sentence_transformers");
  readScoreActivation(inner, "activation_fn", head);
  if (!inner.ok())
    fields.adopt(inner.error());
}

static void readHead(JsonFields &fields, const std::string &path, HeadConfig &head) {
  head.labels = readLabels(fields);
  head.scoreActivation = standardActivation(fields, head.labels.size());
  if (const json *settings = fields.value("sentence_transformers"); settings && fields.ok())
    return readCrossEncoder(fields, *settings, path, head);
  readScoreActivation(fields, "sbert_ce_default_activation_function", head);
}

Head lmopt::describeSequenceClassification() {
  Head head;
  head.task = "sequence_classification";
  head.name = "sequence classification";
  head.fields = joinTables(
      labelFields(),
      {{"problem_type", FieldUse::Read, "softmax, sigmoid or nothing makes scores of the numbers"},
       {"sentence_transformers", FieldUse::Read, "a cross-encoder: its activation_fn makes scores of the numbers"},
       {"sbert_ce_default_activation_function", FieldUse::Read, "the older place of activation_fn"}});
  head.read = readHead;
  head.takesPairs = true;
  return head;
}
