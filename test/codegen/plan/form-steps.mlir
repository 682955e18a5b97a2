// Steps: kernels alone, row-wise ops between them together; domains: behind the last attention only wanted tokens count.
// RUN: lmopt-opt %S/../lower/decoder.mlir --plan-form-steps | FileCheck %s --implicit-check-not=func.func

// CHECK: plan.program @forward(%[[IDS:.*]]: tensor<?x?xi32>, %[[CACHE:.*]]: !lm.cache) attributes {max_positions = 128 : i64}
// CHECK: %[[FIRST:.*]]:2 = plan.step rows tokens() :
// CHECK-NEXT: %[[E:.*]] = lm.embedding %[[IDS]], @embed.weight
// CHECK-NEXT: %[[N:.*]] = lm.rms_norm %[[E]], @norm.weight
// CHECK-NEXT: plan.yield %[[E]], %[[N]]
// CHECK: %[[Q:.*]] = plan.step kernel tokens(%[[FIRST]]#1)
// CHECK: lm.linear %{{.*}}, @q.weight
// CHECK: %[[KEPT:.*]] = plan.step kernel tokens(%{{.*}}, %{{.*}}) : ({{.*}}) -> !lm.cache
// CHECK: lm.cache_append %{{.*}}, %{{.*}}, %[[CACHE]]
// CHECK: %[[A:.*]] = plan.step kernel tokens(%[[Q]], %[[KEPT]])
// CHECK: lm.attend
// The second layer appends to the longer cache.
// CHECK: %{{.*}} = plan.step kernel tokens(%{{.*}}, %{{.*}}, %[[KEPT]])
// CHECK: lm.cache_append
// CHECK: lm.attend
// CHECK: plan.step kernel tokens
// CHECK: lm.linear %{{.*}}, @o.weight
// CHECK: %[[LAST:.*]] = plan.step rows outputs(%{{.*}}, %{{.*}})
// CHECK: lm.add
// CHECK-NEXT: lm.rms_norm
// CHECK: %[[HEAD:.*]] = plan.step kernel outputs(%[[LAST]])
// CHECK: plan.return %[[HEAD]] as ["logits"] : !plan.rows<outputs, 24 x f32>
