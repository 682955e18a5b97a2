// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The BERT family: its record, its builder, and the parts of the record that stand in files of their own.
#ifndef LMOPT_FRONTENDS_FAMILIES_BERT_BERT_H
#define LMOPT_FRONTENDS_FAMILIES_BERT_BERT_H

#include "frontends/families/Family.h"
#include "frontends/families/bert/BertConfig.h"

namespace lmopt {

/// BertFamily.cpp
Family describeBert();
/// BertBuilder.cpp: @encode of a BertConfig.
void buildBert(ModelBuilder &model, const ModelConfig &config);

/// BertFields.cpp: config.json, with the fields that any family has.
FieldTable bertConfigFields();
/// What BERT shares with the families that its makers' class was copied for (RoBERTa, ELECTRA): the rules of the sizes
/// and settings in config.json, without those that any family has, and their reader.
const FieldTable &bertSizeFields();
BertConfig readBertSizes(JsonFields &fields, bool hasTokenTypes = true);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_BERT_BERT_H
