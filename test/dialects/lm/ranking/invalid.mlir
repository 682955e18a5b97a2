// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @w : tensor<8x4xbf16> = #lm.narrow<dense<1.0> : tensor<8x4xf32>>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c1_type(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix of 'f32'}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x5xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c2_columns(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<9x4xf32> = dense<1.0>
lm.param @p : !lm.int8<9x4> = #lm.quantize_rows<dense<1.0> : tensor<9x4xf32>>
func.func @top_linear_c3_rows(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C3: @w has 9 rows, but the result has width 8}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @b : tensor<7xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c4_bias(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C4: @b must have 8 numbers, but has 7}}
  %y = lm.top_linear %x, @w bias @b preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c5_preview(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C5: input 'tensor<?x?x4xf32>', result 'tensor<?x?x8xf32>' and 'tensor<?x?x4xf32>' disagree}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c5_batch(%x: tensor<2x?x4xf32>, %c: !lm.codes<3x?x4, u8>, %p: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x4xf32>', result 'tensor<2x?x8xf32>' and '!lm.codes<3x?x4, u8>' disagree}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<2x?x4xf32>, tensor<2x?x8xf32>, tensor<2x?x4xf32>, !lm.codes<3x?x4, u8>) -> tensor<2x?x8xf32>
  return %y : tensor<2x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @top_linear_c6_sizes(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C6: @p must be a lm.param of type !lm.int8 with the sizes of @w}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c7_count(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C7: expected a count from 1 to 8, but found 9}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 9} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c8_block(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C8: expected a block that is a power of two from 2 to 65536 and divides 4, but found 8}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2, block = 8} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

func.func @class_logits_c1_batch(%z: tensor<2x?x4xf32>, %s: tensor<3x?x2xf32>) -> tensor<2x?x4xf32> {
  // expected-error@+1 {{C1: products 'tensor<2x?x4xf32>', scores 'tensor<3x?x2xf32>' and result 'tensor<2x?x4xf32>' disagree}}
  %y = lm.class_logits %z, %s {classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<2x?x4xf32>, tensor<3x?x2xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

// -----

func.func @class_logits_c1_width(%z: tensor<?x?x4xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: 3 words share their class with another, but the products have width 4}}
  %y = lm.class_logits %z, %s {classes = <words = [0, 1, 2, 3], sizes = [1, 3]>} : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @class_logits_c2_words(%z: tensor<?x?x4xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: the classes have 3 words, but the result has width 4}}
  %y = lm.class_logits %z, %s {classes = <words = [0, 1, 2], sizes = [1, 2]>} : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @class_logits_c3_classes(%z: tensor<?x?x4xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: there are 3 classes, but the scores have width 2}}
  %y = lm.class_logits %z, %s {classes = <words = [0, 1, 2, 3], sizes = [1, 1, 2]>} : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xbf16> = #lm.narrow<dense<1.0> : tensor<4x8xf32>>
func.func @top_class_linear_c1_narrow(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param in the format that goes with 'tensor<?x?x8xf32>'}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @top_class_linear_c1_codes(%x: !lm.codes<?x?x8, u8>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param in the format that goes with '!lm.codes<?x?x8, u8>'}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (!lm.codes<?x?x8, u8>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : !lm.grouped<4x8, bits = 4, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<4x8xf32>, bits = 4, group = 4>
func.func @top_class_linear_c1_group(%x: !lm.codes<?x?x8, s8, group = 8>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param in the format that goes with '!lm.codes<?x?x8, s8, group = 8>'}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (!lm.codes<?x?x8, s8, group = 8>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @top_class_linear_c1_missing(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @absent must be a lm.param in the format that goes with}}
  %y = lm.top_class_linear %x, @absent of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x7xf32> = dense<1.0>
func.func @top_class_linear_c2_columns(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 7 columns, but the input has width 8}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<5x8xf32> = dense<1.0>
func.func @top_class_linear_c3_rows(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: @w has 5 rows, but 4 words share their class with another}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @top_class_linear_c4_bias(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 3}}
  %y = lm.top_class_linear %x, @w bias @b of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @top_class_linear_c5_batch(%x: tensor<2x?x8xf32>, %s: tensor<3x?x2xf32>) -> tensor<2x?x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x8xf32>', scores 'tensor<3x?x2xf32>' and result 'tensor<2x?x4xf32>' disagree}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<2x?x8xf32>, tensor<3x?x2xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
func.func @top_class_linear_c6_words(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C6: there are 2 classes of 3 words, but the scores have width 2 and the result 4}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2], sizes = [1, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
func.func @top_class_linear_c6_classes(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C6: there are 3 classes of 4 words, but the scores have width 2 and the result 4}}
  %y = lm.top_class_linear %x, @w of %s {count = 2, classes = <words = [0, 1, 2, 3], sizes = [1, 1, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @top_class_linear_c7_none(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C7: expected a count from 1 to 4, but found 0}}
  %y = lm.top_class_linear %x, @w of %s {count = 0, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @top_class_linear_c7_many(%x: tensor<?x?x8xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C7: expected a count from 1 to 4, but found 5}}
  %y = lm.top_class_linear %x, @w of %s {count = 5, classes = <words = [0, 1, 2, 3], sizes = [2, 2]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @preview_linear_c1(%x: tensor<?x?x8xf32>, %p: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @absent must be a lm.param that is a matrix of 'f32'}}
  %y = lm.preview_linear %x, @absent preview %p {count = 2} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x7xf32> = dense<1.0>
func.func @preview_linear_c2(%x: tensor<?x?x8xf32>, %p: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 7 columns, but the input has width 8}}
  %y = lm.preview_linear %x, @w preview %p {count = 2} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<5x8xf32> = dense<1.0>
func.func @preview_linear_c3(%x: tensor<?x?x8xf32>, %p: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: @w has 5 rows, but the result has width 4}}
  %y = lm.preview_linear %x, @w preview %p {count = 2} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @preview_linear_c4(%x: tensor<?x?x8xf32>, %p: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 3}}
  %y = lm.preview_linear %x, @w bias @b preview %p {count = 2} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @preview_linear_c5_batch(%x: tensor<2x?x8xf32>, %p: tensor<3x?x4xf32>) -> tensor<2x?x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x8xf32>', preview 'tensor<3x?x4xf32>' and result 'tensor<2x?x4xf32>' disagree}}
  %y = lm.preview_linear %x, @w preview %p {count = 2} : (tensor<2x?x8xf32>, tensor<3x?x4xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @preview_linear_c5_width(%x: tensor<?x?x8xf32>, %p: tensor<?x?x5xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<?x?x8xf32>', preview 'tensor<?x?x5xf32>' and result 'tensor<?x?x4xf32>' disagree}}
  %y = lm.preview_linear %x, @w preview %p {count = 2} : (tensor<?x?x8xf32>, tensor<?x?x5xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x8xf32> = dense<1.0>
func.func @preview_linear_c6(%x: tensor<?x?x8xf32>, %p: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C6: expected a count from 1 to 4, but found 5}}
  %y = lm.preview_linear %x, @w preview %p {count = 5} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @tree_logits_c1(%s: tensor<2x?x2xf32>) -> tensor<3x?x3xf32> {
  // expected-error@+1 {{C1: scores 'tensor<2x?x2xf32>' and result 'tensor<3x?x3xf32>' disagree}}
  %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<2x?x2xf32>) -> tensor<3x?x3xf32>
  return %y : tensor<3x?x3xf32>
}

// -----

func.func @tree_logits_c2(%s: tensor<?x?x3xf32>) -> tensor<?x?x3xf32> {
  // expected-error@+1 {{C2: the tree has 2 nodes, but the scores have width 3}}
  %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x3xf32>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}

// -----

func.func @tree_logits_c3(%s: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: the tree has 3 words, but the result has width 4}}
  %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
func.func @tree_score_c1(%x: !lm.codes<?x?x8, u8>, %t: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param in the format that goes with '!lm.codes<?x?x8, u8>'}}
  %y = lm.tree_score %x, @w of %t {tree = <left = [4, 1], right = [0, 2]>} : (!lm.codes<?x?x8, u8>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}

// -----

lm.param @w : tensor<2x7xf32> = dense<1.0>
func.func @tree_score_c2(%x: tensor<?x?x8xf32>, %t: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
  // expected-error@+1 {{C2: @w has 7 columns, but the input has width 8}}
  %y = lm.tree_score %x, @w of %t {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}

// -----

lm.param @w : tensor<3x8xf32> = dense<1.0>
func.func @tree_score_c3(%x: tensor<?x?x8xf32>, %t: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
  // expected-error@+1 {{C3: @w has 3 rows, but 2 nodes are in the tree}}
  %y = lm.tree_score %x, @w of %t {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @tree_score_c4(%x: tensor<?x?x8xf32>, %t: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
  // expected-error@+1 {{C4: @b must have 2 numbers, but has 3}}
  %y = lm.tree_score %x, @w bias @b of %t {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
func.func @tree_score_c5_batch(%x: tensor<2x?x8xf32>, %t: tensor<3x?xi32>) -> tensor<2x?x1xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x8xf32>', targets 'tensor<3x?xi32>' and result 'tensor<2x?x1xf32>' disagree, or the result is wider than 1}}
  %y = lm.tree_score %x, @w of %t {tree = <left = [4, 1], right = [0, 2]>} : (tensor<2x?x8xf32>, tensor<3x?xi32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}

// -----

lm.param @w : tensor<2x8xf32> = dense<1.0>
func.func @tree_score_c5_width(%x: tensor<?x?x8xf32>, %t: tensor<?x?xi32>) -> tensor<?x?x2xf32> {
  // expected-error@+1 {{C5: input 'tensor<?x?x8xf32>', targets 'tensor<?x?xi32>' and result 'tensor<?x?x2xf32>' disagree, or the result is wider than 1}}
  %y = lm.tree_score %x, @w of %t {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
