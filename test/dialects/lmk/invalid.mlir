// RUN: lmopt-opt %s --split-input-file --verify-diagnostics

func.func @dot_c1_bytes(%sum: vector<16xi32>, %u: vector<32xi8>, %s: vector<32xi8>) {
  // expected-error @+1 {{expects 4 factors for each sum, found 'vector<16xi32>' and 'vector<32xi8>'}}
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<16xi32>, vector<32xi8>
  return
}

// -----

func.func @dot_c2_rank(%sum: vector<2x8xi32>, %u: vector<8x8xi8>, %s: vector<8x8xi8>) {
  // expected-error @+1 {{expects vectors of one fixed dimension, found 'vector<2x8xi32>' and 'vector<8x8xi8>'}}
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<2x8xi32>, vector<8x8xi8>
  return
}

// -----

func.func @dot_c2_scalable(%sum: vector<[4]xi32>, %u: vector<[16]xi8>, %s: vector<[16]xi8>) {
  // expected-error @+1 {{expects vectors of one fixed dimension}}
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<[4]xi32>, vector<[16]xi8>
  return
}

// -----

func.func @dot_elements(%sum: vector<16xi64>, %u: vector<64xi8>, %s: vector<64xi8>) {
  // expected-error @+1 {{expects i32 sums of i8 products, found 'vector<16xi64>' and 'vector<64xi8>'}}
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<16xi64>, vector<64xi8>
  return
}

// -----

func.func @dot_types_differ(%sum: vector<16xi32>, %u: vector<64xi8>, %s: vector<32xi8>) {
  // expected-error @+1 {{expects one type for accumulator and result and one for both factors}}
  %r = "lmk.dot_u8s8"(%sum, %u, %s) : (vector<16xi32>, vector<64xi8>, vector<32xi8>) -> vector<16xi32>
  return
}

// -----

func.func @dot_s16_c1_pairs(%sum: vector<16xi32>, %a: vector<64xi16>, %b: vector<64xi16>) {
  // expected-error @+1 {{expects 2 factors for each sum, found 'vector<16xi32>' and 'vector<64xi16>'}}
  %r = lmk.dot_s16 %sum, %a, %b : vector<16xi32>, vector<64xi16>
  return
}

// -----

func.func @dot_s16_c2_rank(%sum: vector<2x8xi32>, %a: vector<2x16xi16>, %b: vector<2x16xi16>) {
  // expected-error @+1 {{expects vectors of one fixed dimension, found 'vector<2x8xi32>' and 'vector<2x16xi16>'}}
  %r = lmk.dot_s16 %sum, %a, %b : vector<2x8xi32>, vector<2x16xi16>
  return
}

// -----

func.func @dot_s16_elements(%sum: vector<16xi32>, %a: vector<32xi8>, %b: vector<32xi8>) {
  // expected-error @+1 {{expects i32 sums of i16 products, found 'vector<16xi32>' and 'vector<32xi8>'}}
  %r = lmk.dot_s16 %sum, %a, %b : vector<16xi32>, vector<32xi8>
  return
}

// -----

func.func @dot_bf16_c1_pairs(%sum: vector<16xf32>, %a: vector<16xbf16>, %b: vector<16xbf16>) {
  // expected-error @+1 {{expects 2 factors for each sum, found 'vector<16xf32>' and 'vector<16xbf16>'}}
  %r = lmk.dot_bf16 %sum, %a, %b : vector<16xf32>, vector<16xbf16>
  return
}

// -----

func.func @dot_bf16_c2_rank(%sum: vector<2x8xf32>, %a: vector<2x16xbf16>, %b: vector<2x16xbf16>) {
  // expected-error @+1 {{expects vectors of one fixed dimension, found 'vector<2x8xf32>' and 'vector<2x16xbf16>'}}
  %r = lmk.dot_bf16 %sum, %a, %b : vector<2x8xf32>, vector<2x16xbf16>
  return
}

// -----

func.func @dot_bf16_elements(%sum: vector<16xf32>, %a: vector<32xf16>, %b: vector<32xf16>) {
  // expected-error @+1 {{expects f32 sums of bf16 products, found 'vector<16xf32>' and 'vector<32xf16>'}}
  %r = lmk.dot_bf16 %sum, %a, %b : vector<16xf32>, vector<32xf16>
  return
}

// -----

func.func @lookup_c1_bytes(%table: vector<32xi8>, %numbers: vector<64xi8>) {
  // expected-error @+1 {{expects a table of 16 bytes, found 'vector<32xi8>'}}
  %r = lmk.lookup %table, %numbers : vector<32xi8>, vector<64xi8>
  return
}

// -----

func.func @lookup_c1_scalable(%table: vector<[16]xi8>, %numbers: vector<64xi8>) {
  // expected-error @+1 {{expects a table of 16 bytes}}
  %r = lmk.lookup %table, %numbers : vector<[16]xi8>, vector<64xi8>
  return
}

// -----

func.func @lookup_c2_count(%table: vector<16xi8>, %numbers: vector<24xi8>) {
  // expected-error @+1 {{expects a multiple of 16 bytes as numbers, found 'vector<24xi8>'}}
  %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<24xi8>
  return
}

// -----

func.func @lookup_c2_words(%table: vector<16xi8>, %numbers: vector<16xi16>) {
  // expected-error @+1 {{expects a multiple of 16 bytes as numbers, found 'vector<16xi16>'}}
  %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<16xi16>
  return
}

// -----

func.func @lookup_types(%table: vector<16xi8>, %numbers: vector<64xi8>) {
  // expected-error @+1 {{expects one type for numbers and result}}
  %r = "lmk.lookup"(%table, %numbers) : (vector<16xi8>, vector<64xi8>) -> vector<32xi8>
  return
}
