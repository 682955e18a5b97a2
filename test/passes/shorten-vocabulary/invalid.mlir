// Lists that are none, and models whose tables cannot shrink.
// RUN: split-file %s %t
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/none 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/empty 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/word 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/order 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/negative 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/beyond 2>&1 | FileCheck %s --check-prefix=BEYOND
// RUN: not lmopt-opt %t/model.mlir --lm-quantize-weights --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=HEAD
// RUN: not lmopt-opt %t/codes.mlir --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=CODES
// RUN: not lmopt-opt %t/shared.mlir --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: not lmopt-opt %t/longer.mlir --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=LONGER
// RUN: not lmopt-opt %t/rows.mlir --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not lmopt-opt %t/tokenizer.mlir --lm-shorten-vocabulary=tokens=%t/good 2>&1 | FileCheck %s --check-prefix=TOKENIZER

// MISSING: error: lm-shorten-vocabulary: option 'tokens' is missing; expected a file with the ids of the tokens that stay
// ABSENT: error: lm-shorten-vocabulary: {{.*}}none
// EMPTY: error: lm-shorten-vocabulary: expected at least one token that stays
// WORD: error: lm-shorten-vocabulary: '{{.*}}word': expected the id of a token, found 'two'
// ORDER: error: lm-shorten-vocabulary: expected ascending tokens below 5, found 2 behind 2
// NEGATIVE: error: lm-shorten-vocabulary: expected ascending tokens below 5, found -1
// BEYOND: error: lm-shorten-vocabulary: expected ascending tokens below 5, found 5 behind 0
// HEAD: error: lm-shorten-vocabulary: expected logits that a lm.linear makes and nothing else uses; this pass comes before those that change the head
// CODES: error: lm-shorten-vocabulary: expected a table in f32, found '!lm.int8<5x2>'; this pass comes before those that choose formats
// SHARED: error: lm-shorten-vocabulary: it uses @table, which is the table of the tokens
// LONGER: error: lm-shorten-vocabulary: expected a row for each of the 5 tokens, found 4
// ROWS: error: lm-shorten-vocabulary: expected an lm.embedding of the ids that the function takes, found none
// TOKENIZER: error: lm-shorten-vocabulary: the module has a tokenizer, which would have to change with it; use `lmopt import --shortlist TEXT`

//--- good
0 1
//--- empty

//--- word
0 1 two
//--- order
0 2 2
//--- negative
-1 0
//--- beyond
0 5

//--- model.mlir
lm.param @table : tensor<5x2xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x5xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %y = lm.linear %x, @table : (tensor<?x?x2xf32>) -> tensor<?x?x5xf32>
  return %y, %cache : tensor<?x?x5xf32>, !lm.cache
}

//--- codes.mlir
lm.param @table : !lm.int8<5x2> = #lm.quantize_rows<dense<1.0> : tensor<5x2xf32>>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  return %x : tensor<?x?x2xf32>
}

//--- shared.mlir
lm.param @table : tensor<5x2xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %y = lm.add_positions %x, @table : tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

//--- longer.mlir
lm.param @table : tensor<5x2xf32> = dense<1.0>
lm.param @head : tensor<4x2xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %y = lm.linear %x, @head : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y, %cache : tensor<?x?x4xf32>, !lm.cache
}

//--- rows.mlir
lm.param @w : tensor<5x2xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>, %types: tensor<?x?xi32>) -> tensor<?x?x2xf32> {
  %y = lm.embedding %types, @w : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

//--- tokenizer.mlir
module attributes {lm.tokenizer = "tokenizer.bin"} {
lm.param @table : tensor<5x2xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  return %x : tensor<?x?x2xf32>
}
}
