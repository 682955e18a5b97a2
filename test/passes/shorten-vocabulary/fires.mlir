// Rows of the table of the embedding and of the head stay or go together; a table that both share stays shared, a bias
// shrinks with its head, and a table of other ids keeps its rows.
// RUN: split-file %s %t
// RUN: lmopt-opt %t/tied.mlir --lm-shorten-vocabulary=tokens=%t/some | FileCheck %s
// RUN: lmopt-opt %t/tied.mlir --lm-shorten-vocabulary=tokens=%t/some --remarks-filter=lm-shorten-vocabulary -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %t/tied.mlir --lm-shorten-vocabulary=tokens=%t/some --lm-shorten-vocabulary=tokens=%t/again | FileCheck %s --check-prefix=TWICE
// RUN: lmopt-opt %t/masked.mlir --lm-shorten-vocabulary=tokens=%t/some | FileCheck %s --check-prefix=MASKED

// REMARK: [Passed] ShortVocabulary | Category:lm-shorten-vocabulary | Kept=3, Of=5, Op=embed

// CHECK: lm.config = {full_vocabulary = 5 : i64, max_positions = 9 : i64, vocabulary = 3 : i64}
// CHECK: lm.param @table : tensor<3x2xf32> = #lm.take_rows<dense<1.000000e+00> : tensor<5x2xf32>, kept = [0, 1, 4]>
// CHECK: func.func @forward(%{{.*}}: tensor<?x?xi32>, %{{.*}}: !lm.cache) -> (tensor<?x?x3xf32>, !lm.cache)
// CHECK: lm.embedding %{{.*}}, @table {{.*}} -> tensor<?x?x2xf32>
// CHECK: lm.linear %{{.*}}, @table {{.*}} -> tensor<?x?x3xf32>

// TWICE: lm.config = {full_vocabulary = 5 : i64, max_positions = 9 : i64, vocabulary = 2 : i64}
// TWICE: lm.param @table : tensor<2x2xf32> = #lm.take_rows<#lm.take_rows<dense<1.000000e+00> : tensor<5x2xf32>, kept = [0, 1, 4]>, kept = [0, 2]>

// MASKED-DAG: lm.param @table : tensor<3x2xf32> = #lm.take_rows
// MASKED-DAG: lm.param @types : tensor<5x2xf32> = dense
// MASKED-DAG: lm.param @head : tensor<3x2xf32> = #lm.take_rows
// MASKED-DAG: lm.param @bias : tensor<3xf32> = #lm.take_rows
// MASKED: return %{{.*}} : tensor<?x?x3xf32>

//--- some
0 1
4
//--- again
0 2

//--- tied.mlir
module attributes {lm.config = {vocabulary = 5 : i64, max_positions = 9 : i64}} {
lm.param @table : tensor<5x2xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x5xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("embed")
  %y = lm.linear %x, @table : (tensor<?x?x2xf32>) -> tensor<?x?x5xf32> loc("head")
  return %y, %cache : tensor<?x?x5xf32>, !lm.cache
}
}

//--- masked.mlir
module attributes {lm.config = {vocabulary = 5 : i64, task = "masked_lm"}} {
lm.param @table : tensor<5x2xf32> = dense<1.0>
lm.param @types : tensor<5x2xf32> = dense<1.0>
lm.param @head : tensor<5x2xf32> = dense<2.0>
lm.param @bias : tensor<5xf32> = dense<2.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>, %types: tensor<?x?xi32>) -> tensor<?x?x5xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %t = lm.embedding %types, @types : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %s = lm.add %x, %t : tensor<?x?x2xf32>
  %y = lm.linear %s, @head bias @bias : (tensor<?x?x2xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}
}
