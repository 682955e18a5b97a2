// A head whose logits come from a product of low rank, the greatest of them computed anew: in f32 and bf16, with and without a bias;
// a second time changes nothing; the linears of the preview take other formats. (With statistics: test/unit/models/AdaptiveSoftmaxTest.cpp.)
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=3' | FileCheck %s
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rescored=3' | FileCheck %s --check-prefix=HALF
// RUN: lmopt-opt %s --lm-narrow-weights=layers=head --lm-factorize-softmax='method=preview rank=4 rescored=3' | FileCheck %s --check-prefix=NARROW
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=3' --lm-quantize-weights=layers=head.preview | FileCheck %s --check-prefix=INT8
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=3' --remarks-filter=lm-factorize-softmax -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=3' > %t.once
// RUN: lmopt-opt %t.once --lm-factorize-softmax='method=preview rank=2 rescored=1' | diff - %t.once
// RUN: lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=20' --lm-interpret='entry=forward ids=1' -o /dev/null > %t.all
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1' -o /dev/null | diff - %t.all
// RUN: not lmopt-opt %s --lm-factorize-softmax='method=preview rank=9 rescored=3' 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=21' 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not lmopt-opt %s --lm-quantize-weights=layers=head --lm-factorize-softmax='method=preview rank=4 rescored=3' 2>&1 | FileCheck %s --check-prefix=LATE
// RUN: not lmopt-opt %s --lm-factorize-softmax='method=preview rank=4 rescored=3' --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=BEHIND

// REMARK: [Passed] PreviewHead | Category:lm-factorize-softmax | {{.*}}Rank=4, Rescored=3
// RANK: error: {{.*}}option 'rank' must be from 1 to 8, or 0 for half the width, found 9
// MANY: error: {{.*}}option 'rescored' must be from 1 to the 20 tokens, found 21
// LATE: error: {{.*}}expected a head in f32 or bf16, found '!lm.int8<20x8>'
// BEHIND: error: {{.*}}its logits come from classes, a tree or a preview by now; method=certified wants one product

// CHECK: lm.param @head.preview.inner : tensor<4x8xf32> = #lm.low_rank_right<<dense<"0x{{.*}}"> : tensor<20x8xf32>, plain, rank = 4>>{{.*}}approximate
// CHECK: lm.param @head.preview : tensor<20x4xf32> = #lm.low_rank_left<
// CHECK: %[[X:.*]] = lm.embedding
// CHECK-NEXT: %[[I:.*]] = lm.linear %[[X]], @head.preview.inner {{.*}}lm.part = "head.preview.inner"
// CHECK-NEXT: %[[P:.*]] = lm.linear %[[I]], @head.preview bias @bias {{.*}}lm.part = "head.preview"
// CHECK-NEXT: %[[Y:.*]] = lm.preview_linear %[[X]], @head bias @bias preview %[[P]] {count = 3} {{.*}}lm.part = "head.rescored"
// CHECK-NEXT: return %[[Y]]
// HALF: lm.param @head.preview : tensor<20x4xf32>
// NARROW: %[[N:.*]] = lm.narrow
// NARROW: lm.linear %{{.*}}, @head.preview.inner {{.*}}: (tensor<?x?x8xf32>)
// NARROW: lm.preview_linear %[[N]], @head
// INT8: lm.quantized_linear %{{.*}}, @head.preview
lm.param @table : tensor<20x8xf32> = dense<0.5>
lm.param @bias : tensor<20xf32> = dense<0.25>
lm.param @head : tensor<20x8xf32> = dense<"0x6B9E0240049023C00D11D63E595911BFA6C1E7BE81C55CBE744701C0AE7F6DBE9B7E5DBF06AC54409B34673E068CB4BEE80490BE16052BBF2C0F87BF1117C8BE8CC1F63E664774BEAD2F753FEE984CBEFFBBC63C75DDC53F098C0B3FAC5601BF243A3BBEDB5F0A3FF7B0F73FAD0B8ABE726779BED04B803F0AEF62BF5B5C95BE13EE613FD291143F1C6DBB3DF68B2B3F9C0035C02FBA823F47AB75BF5695D5BF4C8A8D3EE956333F8FB8E3BEABC789BFBF03D63C900D58BDA4EAB33F21563F3F9C77463EFF498E3FA27452BEC1076DBFD884153F3D21153F1CFC5BBE256648BF52A76A3EF79B1FC004AC303F9F94FB3E12C6D1BFD14D7B3D3CCF76BF3DD9413FCC2F02C0501C6ABF09A7353FF304943FC31C0AC014FFFEBE40F2A73E97F51BBF199ACB3F1E7A98BF3685B53E273286BF98F6B33FEB5DB1BCA097BEBE7CEDDBBF0F46D73F19B6403F8FE9403F18A6913FD3CDB23EAAA523BF9CDC4CBFE8D94CBF885EAF3FC5EDBABFACAB18BF157AA4BE8802663E194A133F69E29FBF1571DDBF44A590BB0F569B3F8FCE413F8FD35C3E3962A2BEBA22963ED52C79BE7334513FE7604BBF3276093EB2E0E2BD9A190B3FA407663EC4332340EBD3BF3F1595BF3F3B8702C0FB3DAEBEE8CD1BBF7160083F92DB11C0F955963FE992883F42AAA6BF28827ABF9C194DBF0B57313DAE16243F91100340232F4ABE0C7B443FD9251F3E4445E13F0FFE3D3FA92CAF3F43F189BFC0DA44BE645350BF1EA2C03F175B283FE43B9CBEDFA9E7BEFF25F83E369533BF133B6EBF9C69F63EF5A31D406F0A7CBE384D0EBF78E895BFA4E1AABF4D65063F3ACE593F9251163C6647AA3EAC65ED3D89FB0D3E2E59C3BF7A8EEABE434FE43D9E7D48BF99EEF3BEDCB151BF13C0AABE">
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x20xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x8xf32> loc("embed")
  %y = lm.linear %x, @head bias @bias : (tensor<?x?x8xf32>) -> tensor<?x?x20xf32> loc("head")
  return %y, %cache : tensor<?x?x20xf32>, !lm.cache
}
