// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the XLM-R family: XLMRobertaModel of Hugging Face, a RoBERTa with a tokenizer of another kind
// (Unigram), whose tensors have RoBERTa's names, prefix and heads included. XLM-R XL (model_type xlm-roberta-xl) is
// another model. From: Conneau et al., XLM-R (2019); transformers' modeling_xlm_roberta.py. Tested by
// test/unit/frontends/families/XlmRobertaConfigTest.cpp and the fixture xlmroberta-cls.
#include "frontends/families/roberta/Roberta.h"
#include "frontends/families/xlmroberta/XlmRoberta.h"

using namespace lmopt;

/// The classes by their tasks.
static const std::map<std::string_view, const char *> kClasses = {
    {"masked_lm", "XLMRobertaForMaskedLM"},
    {"sequence_classification", "XLMRobertaForSequenceClassification"},
    {"token_classification", "XLMRobertaForTokenClassification"},
    {"question_answering", "XLMRobertaForQuestionAnswering"},
};

Family lmopt::describeXlmRoberta() {
  Family family = describeRoberta();
  family.name = "XLM-R";
  HuggingFaceForm &form = *family.huggingFace;
  form.modelType = "xlm-roberta";
  form.architectures = {"XLMRobertaModel"};
  nameHeadClasses(form, kClasses);
  return family;
}
