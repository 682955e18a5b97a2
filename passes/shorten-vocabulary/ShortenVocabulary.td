// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer tokens. In: an imported model. Out: the same with rows of its embedding and head left out. From
// techniques 5.1. Tested by test/passes/shorten-vocabulary and test/unit/models/ShortListTest.cpp.
#ifndef LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_TD
#define LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_TD

include "mlir/Pass/PassBase.td"

def LmShortenVocabularyPass : Pass<"lm-shorten-vocabulary", "::mlir::ModuleOp"> {
  let summary = "leave a model only some of its tokens";
  let description = [{
    The tokens of the list stay and are numbered anew, from 0 in the order in which they were; the rows of all others are
    left out of the table of the embedding and, where the model gives logits, out of the head. A table that both share
    stays shared.

    ```mlir
    lm.param @embed : tensor<49152x576xf32> = W
    %x = lm.embedding %ids, @embed
    ...
    %y = lm.linear %h, @embed : ... -> tensor<?x?x49152xf32>
    // after, with tokens 0, 1, 2, 34, ...: 6000 of them
    lm.param @embed : tensor<6000x576xf32> = #lm.take_rows<W, kept = [0, 1, 2, 34, ...]>
    %x = lm.embedding %ids, @embed
    ...
    %y = lm.linear %h, @embed : ... -> tensor<?x?x6000xf32>
    ```

    Exact for what stays: the logits are those of the whole model, so that the probabilities are those given that the
    token is one of the list. What the model gave to others is lost. `lm.config` tells the new number of tokens as
    `vocabulary` and the old one as `full_vocabulary`.

    The tokenizer has to change with the model. `lmopt compile --shortlist TEXT` and `lmopt import --shortlist TEXT` do
    both: they find the tokens that a text needs, and those without which not every text could be written. By itself the
    pass is for modules without a tokenizer; `lmopt compile --passes` refuses it for others. It comes before the passes that choose
    formats. Remark: `ShortVocabulary`.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"tokens", "tokens", "std::string", /*default=*/"",
           "File with the ids of the tokens that stay, ascending, between blanks or line breaks">
  ];
}

#endif // LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_TD
