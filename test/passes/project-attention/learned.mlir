// Matrices from a file: of each attention, shared by keys and values, shared by all layers; f32 and narrow ones.
// RUN: python3 %p/Inputs/matrices.py %t.st layers.0.attn.project.k=F32:3x8 layers.0.attn.project.v=F16:3x8 layers.1.attn.project.k=BF16:4x8 layers.1.attn.project.v=F32:4x8 e=F32:3x6 long=F32:3x9 ints=I8:3x8 wide=F64:3x8 vector=F32:8
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st' --remarks-filter=lm-project-attention 2>&1 | FileCheck %s
// CHECK-DAG: [Passed] ProjectedAttention | Category:lm-project-attention | Kind=learned, Op=layers.0.attn, Rank=3
// CHECK-DAG: [Passed] ProjectedAttention | Category:lm-project-attention | Kind=learned, Op=layers.1.attn, Rank=4
// CHECK-DAG: lm.param @layers.0.attn.project.k : tensor<3x8xf32> = #lm.safetensors<"{{.*}}.st", "layers.0.attn.project.k", f32> exactness <trained>
// CHECK-DAG: lm.param @layers.0.attn.project.v : tensor<3x8xf32> = #lm.safetensors<"{{.*}}.st", "layers.0.attn.project.v", f16> exactness <trained>
// CHECK-DAG: lm.param @layers.1.attn.project.k : tensor<4x8xf32> = #lm.safetensors<"{{.*}}.st", "layers.1.attn.project.k", bf16> exactness <trained>
// CHECK: lm.attention {{.*}} project = #lm.projection<learned, rank = 3> by @layers.0.attn.project.k, @layers.0.attn.project.v}
// CHECK: lm.attention {{.*}} project = #lm.projection<learned, rank = 4> by @layers.1.attn.project.k, @layers.1.attn.project.v}
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st keys=e values=e rank=3' | FileCheck %s --check-prefix=SHARED
// SHARED-COUNT-1: lm.param @e :
// SHARED-COUNT-2: lm.attention {{.*}} project = #lm.projection<learned, rank = 3> by @e, @e}
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st keys=e values=e' --lm-interpret -o /dev/null | FileCheck %s --check-prefix=RUNS
// RUNS: @vectors: tensor<2x16xf32>
// RUN: not lmopt-opt %s --lm-project-attention='weights=%t.st' 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: lm-project-attention: 'one': {{.*}}.st: has no tensor 'one.project.k'; expected the matrix that projects its keys, see 'keys' and 'values'
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st rank=4' 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: lm-project-attention: 'layers.0.attn': {{.*}}.st: tensor 'layers.0.attn.project.k' is 3x8; expected 4 rows and a column for each token
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st values=e' 2>&1 | FileCheck %s --check-prefix=SHAPE
// SHAPE: lm-project-attention: 'layers.0.attn': matrices of keys and values must be of one shape, but 'layers.0.attn.project.k' is 3x8 and 'e' 3x6
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st keys=ints' 2>&1 | FileCheck %s --check-prefix=INTS
// INTS: lm-project-attention: 'layers.0.attn': {{.*}}.st: tensor 'ints': expected a matrix of F32, F16 or BF16, but found I8 with 2 dimensions
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st keys=wide' 2>&1 | FileCheck %s --check-prefix=WIDE
// WIDE: tensor 'wide': expected a matrix of F32, F16 or BF16, but found F64 with 2 dimensions
// RUN: not lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='weights=%t.st keys=vector' 2>&1 | FileCheck %s --check-prefix=VECTOR
// VECTOR: tensor 'vector': expected a matrix of F32, F16 or BF16, but found F32 with 1 dimensions
// What is reported of the model: its texts are no longer than the matrices.
// RUN: rm -rf %t && lmopt import --quiet %source_root/test/models/bert-mean -o %t
// RUN: lmopt-opt %t/model.mlir --lm-project-attention='weights=%t.st keys=e values=e' | FileCheck %s --check-prefix=LIMIT
// LIMIT: max_positions = 6 : i64
// RUN: lmopt-opt %t/model.mlir --lm-project-attention='weights=%t.st keys=e values=e' -o %t.projected
// RUN: lmopt-opt %t.projected --lm-interpret='entry=encode ids=1,2,3,4,5,6 directory=%t' -o /dev/null | FileCheck %s --check-prefix=SIX
// SIX: @encode: tensor<1x48xf32>
// RUN: not lmopt-opt %t.projected --lm-interpret='entry=encode ids=1,2,3,4,5,6,7 directory=%t' 2>&1 | FileCheck %s --check-prefix=SEVEN
// SEVEN: error: expected sequences of at most 6 tokens, the columns of @e, but found one of 7
// RUN: lmopt compile --quiet %t --passes 'lm-project-attention{weights=%t.st keys=e values=e}' -o %t.so
// RUN: lmopt inspect %t.so | FileCheck %s --check-prefix=INSPECT
// INSPECT: max_positions {{ *}}6{{$}}
// Means have no weight that their work could stand beside.
// RUN: lmopt-opt %t/model.mlir --lm-project-attention=rank=5 -o %t/means.mlir
// RUN: lmopt inspect %t/means.mlir | FileCheck %s --check-prefix=WORK
// WORK: flops_per_token {{ *}}66432{{$}}
// WORK: layers.0.attn {{ *}}attention {{ *}}3 x 3 x 16 {{ *}}960{{$}}
func.func @one(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) -> tensor<?x?x8xf32> {
  %a = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full} attributes {lm.part = "one"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return %a : tensor<?x?x8xf32>
}
