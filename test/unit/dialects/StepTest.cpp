// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ops say of themselves (interfaces/Step.td, Linear.td): of each kind of fact one that has it and one that has
// not. That every op states its facts at all: OpsTest.cpp.

#include "dialects/lm/Lm.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace lmopt::lm;

namespace {

struct Facts : ::testing::Test {
  Facts() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(R"(
      lm.param @embed : tensor<9x8xf32> = dense<1.0>
      lm.param @w : tensor<6x8xf32> = dense<1.0>
      lm.param @b : tensor<6xf32> = dense<1.0>
      lm.param @narrow : tensor<6x8xbf16> = #lm.narrow<dense<1.0> : tensor<6x8xf32>>
      func.func @decoder(%ids: tensor<1x?xi32>, %cache: !lm.cache) -> tensor<1x?x6xf32> {
        %x = lm.embedding %ids, @embed : (tensor<1x?xi32>) -> tensor<1x?x8xf32>
        %n = lm.layer_norm %x {eps = 1.0e-5} : tensor<1x?x8xf32>
        %z = lm.linear %x, @w bias @b : (tensor<1x?x8xf32>) -> tensor<1x?x6xf32>
        %y, %next = lm.attention %n, %x, %z, %cache
            {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.causal}
            : (tensor<1x?x8xf32>, tensor<1x?x8xf32>, tensor<1x?x6xf32>, !lm.cache) -> (tensor<1x?x6xf32>, !lm.cache)
        return %y : tensor<1x?x6xf32>
      }
      lm.param @codes : !lm.int8<6x8> = #lm.quantize_rows<dense<1.0> : tensor<6x8xf32>>
      func.func @top(%x: tensor<1x?x8xf32>, %c: !lm.codes<1x?x8, u8>, %p: tensor<1x?x6xf32>) -> tensor<1x?x6xf32> {
        %y = lm.top_linear %x, @w bias @b preview %p of %x, %c, @codes {count = 2}
            : (tensor<1x?x8xf32>, tensor<1x?x6xf32>, tensor<1x?x8xf32>, !lm.codes<1x?x8, u8>) -> tensor<1x?x6xf32>
        return %y : tensor<1x?x6xf32>
      }
      lm.param @e : tensor<3x5xf32> = dense<1.0>
      func.func @projected(%x: tensor<?x?x8xf32>, %len: tensor<?xi32>) -> tensor<?x?x8xf32> {
        %kept = lm.cache_append %x, %x lengths %len {layer = 0, kv_heads = 2 project = #lm.projection<learned, rank = 3> by @e, @e} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> !lm.cache
        %a = lm.attend %x, %kept lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 3>} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
        %b = lm.attention %a, %a, %a lengths %len {layer = 1, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full project = #lm.projection<means, rank = 7>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
        return %b : tensor<?x?x8xf32>
      }
      func.func @classes(%x: tensor<1x?x8xf32>, %z: tensor<1x?x6xf32>, %s: tensor<1x?x2xf32>) -> tensor<1x?x6xf32> {
        %y = lm.class_logits %z, %s {classes = <words = [5, 0, 1, 2, 3, 4], sizes = [4, 2]>}
            : (tensor<1x?x6xf32>, tensor<1x?x2xf32>) -> tensor<1x?x6xf32>
        %t = lm.top_class_linear %x, @w bias @b of %s
            {count = 2, classes = <words = [5, 0, 1, 2, 3, 4], sizes = [4, 2]>}
            : (tensor<1x?x8xf32>, tensor<1x?x2xf32>) -> tensor<1x?x6xf32>
        %v = lm.preview_linear %x, @w bias @b preview %t {count = 3} : (tensor<1x?x8xf32>, tensor<1x?x6xf32>) -> tensor<1x?x6xf32>
        return %y : tensor<1x?x6xf32>
      }
      func.func @tree(%x: tensor<1x?x8xf32>, %s: tensor<1x?x6xf32>, %t: tensor<1x?xi32>) -> tensor<1x?x1xf32> {
        %a = lm.tree_logits %s {tree = <left = [8, 9, 10, 11, 12, 5], right = [0, 1, 2, 3, 4, 6]>} : (tensor<1x?x6xf32>) -> tensor<1x?x7xf32>
        %y = lm.tree_score %x, @w bias @b of %t {tree = <left = [8, 9, 10, 11, 12, 5], right = [0, 1, 2, 3, 4, 6]>}
            : (tensor<1x?x8xf32>, tensor<1x?xi32>) -> tensor<1x?x1xf32>
        return %y : tensor<1x?x1xf32>
      }
      lm.param @nodes : tensor<7x8xf32> = dense<1.0>
      lm.param @nodes_v : tensor<7x8xf32> = dense<1.0>
      lm.param @nodes_b : tensor<7xf32> = dense<1.0>
      lm.param @node : tensor<1x8xf32> = dense<1.0>
      lm.param @up : tensor<6x8xf32> = dense<1.0>
      lm.param @values : tensor<6x5xf32> = dense<1.0>
      lm.param @biases : tensor<2x5xf32> = dense<1.0>
      func.func @neurons(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
        %y = lm.neuron_tree %x, @nodes bias @nodes_b to @nodes_v {kind = gelu} : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
        return %y : tensor<1x?x8xf32>
      }
      func.func @neurons_by(%x: tensor<1x?x8xf32>) -> tensor<1x?x5xf32> {
        %y = lm.neuron_tree %x, @w to @values by @narrow {kind = gelu, trees = 2} : (tensor<1x?x8xf32>) -> tensor<1x?x5xf32>
        return %y : tensor<1x?x5xf32>
      }
      func.func @one_leaf(%x: tensor<1x?x8xf32>) -> tensor<1x?x5xf32> {
        %g = lm.tree_gates %x, @node {count = 1} : (tensor<1x?x8xf32>) -> tensor<1x?x2xf32>
        %y = lm.experts %x by %g, @w bias @b times @up to @values bias @biases {kind = silu} : (tensor<1x?x8xf32>, tensor<1x?x2xf32>) -> tensor<1x?x5xf32>
        return %y : tensor<1x?x5xf32>
      }
      func.func @one_of_eight_leaves(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
        %g = lm.tree_gates %x, @nodes bias @nodes_b {count = 1} : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
        return %g : tensor<1x?x8xf32>
      }
      func.func @some_leaves(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
        %g = lm.tree_gates %x, @nodes {count = 2} : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
        return %g : tensor<1x?x8xf32>
      }
      func.func @routed(%x: tensor<1x?x8xf32>, %s: tensor<1x?x3xf32>) -> tensor<1x?x5xf32> {
        %g = lm.top_gates %s {count = 2, softmax = "all"} : tensor<1x?x3xf32>
        %y = lm.experts %x by %g, @w to @values {kind = silu} : (tensor<1x?x8xf32>, tensor<1x?x3xf32>) -> tensor<1x?x5xf32>
        return %y : tensor<1x?x5xf32>
      }
      func.func @any_gates(%x: tensor<1x?x8xf32>, %g: tensor<1x?x3xf32>) -> tensor<1x?x5xf32> {
        %y = lm.experts %x by %g, @w to @values {kind = silu} : (tensor<1x?x8xf32>, tensor<1x?x3xf32>) -> tensor<1x?x5xf32>
        return %y : tensor<1x?x5xf32>
      }
      lm.param @in_groups : !lm.grouped<6x8, bits = 4, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<6x8xf32>, bits = 4, group = 4>
      lm.param @out_groups : !lm.grouped<15x2, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 8, group = 2>
      func.func @routed_in_codes(%x: !lm.codes<1x?x8, s8, group = 4>, %s: tensor<1x?x3xf32>) -> tensor<1x?x5xf32> {
        %g = lm.top_gates %s {count = 2, softmax = "all"} : tensor<1x?x3xf32>
        %y = lm.grouped_experts %x by %g, @in_groups times @in_groups to @out_groups {kind = silu}
            : (!lm.codes<1x?x8, s8, group = 4>, tensor<1x?x3xf32>) -> tensor<1x?x5xf32>
        return %y : tensor<1x?x5xf32>
      }
      func.func @without_zeros(%x: tensor<1x?x6xf32>) -> tensor<1x?x8xf32> {
        %y = lm.nonzero_linear %x, @w : (tensor<1x?x6xf32>) -> tensor<1x?x8xf32>
        return %y : tensor<1x?x8xf32>
      }
      func.func @encoder(%x: tensor<?x?x8xf32>, %len: tensor<?xi32>) -> tensor<?x8xf32> {
        %y = lm.attention %x, %x, %x lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full}
            : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
        %h = lm.narrow %y : (tensor<?x?x8xf32>) -> tensor<?x?x8xbf16>
        %z = lm.narrow_linear %h, @narrow : (tensor<?x?x8xbf16>) -> tensor<?x?x6xf32>
        %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
        return %p : tensor<?x8xf32>
      }
    )",
                                         &context);
  }

  void SetUp() override { ASSERT_TRUE(module); }

  template <typename Op>
  Op find(StringRef function) {
    return *module->lookupSymbol<func::FuncOp>(function).getOps<Op>().begin();
  }
  static SmallVector<WeightUse> uses(StepOpInterface step) {
    SmallVector<WeightUse> result;
    step.getWeightUses(result);
    return result;
  }
  /// In words: `r 0` an own row of operand 0, `R state` any row of the state, `w result 0`.
  static std::vector<std::string> accesses(StepOpInterface step) {
    SmallVector<Access> found;
    step.getAccesses(found);
    std::vector<std::string> words;
    for (const Access &access : found)
      words.push_back(kindOf(access) + " " + placeOf(step, access.value));
    return words;
  }
  static std::string kindOf(const Access &access) {
    bool own = access.reach == Access::Reach::Own;
    return access.write ? own ? "w" : "W" : own ? "r" : "R";
  }
  static std::string placeOf(Operation *op, Value value) {
    if (!value)
      return "state";
    if (auto result = dyn_cast<OpResult>(value); result && result.getOwner() == op)
      return "result " + std::to_string(result.getResultNumber());
    return std::to_string(std::distance(op->operand_begin(), llvm::find(op->getOperands(), value)));
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

using Words = std::vector<std::string>;

TEST_F(Facts, RowWise) {
  auto norm = find<LayerNormOp>("decoder");
  EXPECT_EQ(LayerNormOp::getMotion(), Motion::Rows);
  EXPECT_FALSE(LayerNormOp::mixesRows());
  EXPECT_EQ(norm.getCost().flopsPerRow, 0);
  EXPECT_TRUE(uses(norm).empty());
  EXPECT_EQ(accesses(norm), Words({"r 0", "w result 0"}));
  EXPECT_FALSE(norm.getState().perPosition);
}

TEST_F(Facts, Table) {
  SmallVector<WeightUse> table = uses(find<EmbeddingOp>("decoder"));
  ASSERT_EQ(table.size(), 1u);
  EXPECT_EQ(table[0].symbol.getValue(), "embed");
  EXPECT_EQ(table[0].role, WeightUse::Role::Table);
}

TEST_F(Facts, Linear) {
  auto linear = find<LinearOp>("decoder");
  EXPECT_EQ(LinearOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(LinearOp::mixesRows());
  EXPECT_EQ(linear.getCost().flopsPerRow, 2 * 6 * 8);
  EXPECT_EQ(linear.getCost().flopsPerPair, 0);
  SmallVector<WeightUse> weights = uses(linear);
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].role, WeightUse::Role::Matrix);
  EXPECT_EQ(weights[1].symbol.getValue(), "b");
  EXPECT_EQ(weights[1].role, WeightUse::Role::Vector);
}

TEST_F(Facts, AnyLinear) {
  LinearLikeOpInterface linear = find<NarrowLinearOp>("encoder");
  EXPECT_EQ(linear.getInput(), find<NarrowOp>("encoder").getResult());
  EXPECT_EQ(linear.getWeightAttr().getValue(), "narrow");
  EXPECT_FALSE(linear.getBiasAttr());
  EXPECT_EQ(uses(find<NarrowLinearOp>("encoder")).size(), 1u);
  linear.setBiasAttr(FlatSymbolRefAttr::get(&context, "b"));
  EXPECT_EQ(find<NarrowLinearOp>("encoder").getBias(), "b");
  linear.setBiasAttr({});
  EXPECT_FALSE(linear.getBiasAttr());
}

TEST_F(Facts, TopLinear) {
  auto top = find<TopLinearOp>("top");
  EXPECT_EQ(TopLinearOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TopLinearOp::mixesRows());
  EXPECT_EQ(top.getCost().flopsPerRow, 2 * 2 * 8); // of the wanted rows
  EXPECT_EQ(top.getCost().weightShare, 2.0 / 6);
  SmallVector<WeightUse> weights = uses(top);
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].symbol.getValue(), "w");
  EXPECT_EQ(weights[1].symbol.getValue(), "b");
}

TEST_F(Facts, Preview) {
  auto preview = find<PreviewLinearOp>("classes");
  EXPECT_EQ(PreviewLinearOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(PreviewLinearOp::mixesRows());
  EXPECT_EQ(preview.getCost().flopsPerRow, 2 * 3 * 8); // of the words that are computed anew
  EXPECT_EQ(preview.getCost().weightShare, 0.5);
  ASSERT_EQ(uses(preview).size(), 2u);
  EXPECT_EQ(uses(preview)[0].symbol.getValue(), "w");
}

TEST_F(Facts, Trees) {
  EXPECT_EQ(TreeLogitsOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TreeLogitsOp::isBoundToToken());
  EXPECT_TRUE(uses(find<TreeLogitsOp>("tree")).empty());
  auto score = find<TreeScoreOp>("tree");
  EXPECT_EQ(TreeScoreOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TreeScoreOp::mixesRows());
  EXPECT_TRUE(TreeScoreOp::isBoundToToken());        // whose target it takes
  EXPECT_EQ(score.getCost().flopsPerRow, 2 * 3 * 8); // three nodes tell seven words apart
  EXPECT_EQ(score.getCost().weightShare, 0.5);
  ASSERT_EQ(uses(score).size(), 2u);
}

TEST_F(Facts, Classes) {
  EXPECT_EQ(ClassLogitsOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(ClassLogitsOp::mixesRows());
  EXPECT_EQ(find<ClassLogitsOp>("classes").getCost().flopsPerRow, 0);
  EXPECT_TRUE(uses(find<ClassLogitsOp>("classes")).empty());
  auto top = find<TopClassLinearOp>("classes");
  EXPECT_EQ(TopClassLinearOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TopClassLinearOp::mixesRows());
  EXPECT_EQ(top.getCost().flopsPerRow, 2 * 3 * 8); // of the words of one class
  EXPECT_EQ(top.getCost().weightShare, 0.5);
  SmallVector<WeightUse> weights = uses(top);
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].symbol.getValue(), "w");
  EXPECT_EQ(weights[1].symbol.getValue(), "b");
}

/// Names of weights and how they are read: `w matrix`.
static Words weightsOf(StepOpInterface step) {
  SmallVector<WeightUse> uses;
  step.getWeightUses(uses);
  Words words;
  for (const WeightUse &use : uses)
    words.push_back(use.symbol.getValue().str() + (use.role == WeightUse::Role::Matrix   ? " matrix"
                                                   : use.role == WeightUse::Role::Vector ? " vector"
                                                                                         : " table"));
  return words;
}

TEST_F(Facts, NeuronTrees) {
  EXPECT_EQ(NeuronTreeOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(NeuronTreeOp::mixesRows());
  EXPECT_FALSE(NeuronTreeOp::isBoundToToken());
  auto tree = find<NeuronTreeOp>("neurons");
  EXPECT_EQ(tree.getCost().flopsPerRow, 3 * 2 * (8 + 8)); // three of seven neurons are on a way
  EXPECT_EQ(tree.getCost().flopsPerPair, 0);
  EXPECT_EQ(tree.getCost().weightShare, 3.0 / 7);
  EXPECT_EQ(weightsOf(tree), Words({"nodes matrix", "nodes_b vector", "nodes_v matrix"}));
  EXPECT_EQ(accesses(tree), Words({"r 0", "w result 0"}));
  auto by = find<NeuronTreeOp>("neurons_by");
  EXPECT_EQ(by.getCost().flopsPerRow, 4 * 2 * (8 + 5)); // two of three in each of two trees
  EXPECT_EQ(by.getCost().weightShare, 4.0 / 6);
  EXPECT_EQ(weightsOf(by), Words({"w matrix", "values matrix", "narrow matrix"}));
  EXPECT_EQ(accesses(by), Words({"r 0", "w result 0"}));
}

TEST_F(Facts, TreeGates) {
  EXPECT_EQ(TreeGatesOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TreeGatesOp::mixesRows());
  EXPECT_FALSE(TreeGatesOp::isBoundToToken());
  auto one = find<TreeGatesOp>("one_of_eight_leaves");
  EXPECT_EQ(one.getCost().flopsPerRow, 2 * 3 * 8); // a way
  EXPECT_EQ(one.getCost().weightShare, 3.0 / 7);
  EXPECT_EQ(weightsOf(one), Words({"nodes matrix", "nodes_b vector"}));
  EXPECT_EQ(find<TreeGatesOp>("one_leaf").getCost().flopsPerRow, 2 * 8); // a single node is on the way
  EXPECT_EQ(find<TreeGatesOp>("one_leaf").getCost().weightShare, 1);
  EXPECT_EQ(find<TreeGatesOp>("some_leaves").getCost().flopsPerRow, 2 * 7 * 8); // all nodes have costs
  EXPECT_EQ(find<TreeGatesOp>("some_leaves").getCost().weightShare, 1);
}

TEST_F(Facts, Experts) {
  EXPECT_EQ(TopGatesOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(TopGatesOp::mixesRows());
  EXPECT_FALSE(TopGatesOp::isBoundToToken());
  EXPECT_EQ(find<TopGatesOp>("routed").getCost().flopsPerRow, 0);
  EXPECT_TRUE(uses(find<TopGatesOp>("routed")).empty());
  EXPECT_EQ(ExpertsOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(ExpertsOp::mixesRows());
  EXPECT_FALSE(ExpertsOp::isBoundToToken());
  auto one = find<ExpertsOp>("one_leaf"); // of two experts of three neurons
  EXPECT_EQ(one.getCost().flopsPerRow, 3 * 2 * (8 + 8 + 5));
  EXPECT_EQ(one.getCost().weightShare, 0.5);
  EXPECT_EQ(weightsOf(one), Words({"w matrix", "b vector", "up matrix", "values matrix", "biases matrix"}));
  EXPECT_EQ(accesses(one), Words({"r 0", "r 1", "w result 0"}));
  auto two = find<ExpertsOp>("routed"); // of three experts of two neurons
  EXPECT_EQ(two.getCost().flopsPerRow, 2 * 2 * 2 * (8 + 5));
  EXPECT_EQ(two.getCost().weightShare, 2.0 / 3);
  EXPECT_EQ(find<ExpertsOp>("any_gates").getCost().flopsPerRow, 3 * 2 * 2 * (8 + 5)); // all of them
  EXPECT_EQ(find<ExpertsOp>("any_gates").getCost().weightShare, 1);
}

TEST_F(Facts, GroupedExperts) {
  EXPECT_EQ(GroupedExpertsOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(GroupedExpertsOp::mixesRows());
  EXPECT_FALSE(GroupedExpertsOp::isBoundToToken());
  auto two = find<GroupedExpertsOp>("routed_in_codes"); // of three experts of two neurons
  EXPECT_EQ(two.getCost().flopsPerRow, 2 * 2 * 2 * (8 + 8 + 5));
  EXPECT_EQ(two.getCost().weightShare, 2.0 / 3);
  EXPECT_EQ(weightsOf(two), Words({"in_groups matrix", "in_groups matrix", "out_groups matrix"}));
  EXPECT_EQ(accesses(two), Words({"r 0", "r 1", "w result 0"}));
}

TEST_F(Facts, NonzeroLinear) {
  EXPECT_EQ(NonzeroLinearOp::getMotion(), Motion::Kernel);
  EXPECT_FALSE(NonzeroLinearOp::mixesRows());
  EXPECT_FALSE(NonzeroLinearOp::isBoundToToken());
  auto product = find<NonzeroLinearOp>("without_zeros");
  EXPECT_EQ(product.getCost().flopsPerRow, 2 * 6 * 8);
  EXPECT_EQ(product.getCost().weightShare, 1);
  EXPECT_EQ(weightsOf(product), Words({"w matrix"}));
}

TEST_F(Facts, AttentionOfADecoder) {
  auto attention = find<AttentionOp>("decoder");
  EXPECT_TRUE(AttentionOp::mixesRows());
  EXPECT_EQ(attention.getCost().flopsPerPair, 2 * 2 * (4 + 3)); // 2 heads, values less wide
  EXPECT_TRUE(attention.getState().perPosition);
  EXPECT_FALSE(attention.getState().perSequence);
  EXPECT_EQ(accesses(attention), Words({"r 0", "R 1", "R 2", "R state", "w state", "w result 0"}));
}

TEST_F(Facts, AttentionOfAnEncoder) {
  auto attention = find<AttentionOp>("encoder");
  EXPECT_FALSE(attention.getState().perPosition);
  EXPECT_EQ(accesses(attention), Words({"r 0", "R 0", "R 0", "r 3", "w result 0"}));
  EXPECT_EQ(accesses(find<PoolOp>("encoder")), Words({"R 0", "r 1", "w result 0"}));
  EXPECT_TRUE(PoolOp::mixesRows());
}

TEST_F(Facts, ProjectedKeysAndValues) {
  auto append = find<CacheAppendOp>("projected");
  EXPECT_EQ(accesses(append), Words({"R 0", "R 0", "W state"}));
  EXPECT_EQ(append.getCost().flopsPerRow, 2 * 3 * 2 * (4 + 4)); // of each key and value, into 3 rows
  EXPECT_EQ(append.getPositionLimit(), 5);
  EXPECT_TRUE(append.getState().perSequence);
  EXPECT_FALSE(append.getState().perPosition);
  SmallVector<WeightUse> weights = uses(append);
  ASSERT_EQ(weights.size(), 1u); // the same for both
  EXPECT_EQ(weights[0].symbol.getValue(), "e");
  auto attend = find<AttendOp>("projected");
  EXPECT_EQ(attend.getCost().flopsPerRow, 3 * 2 * 2 * (4 + 4)); // 3 rows for 2 heads, however long the text is
  EXPECT_EQ(attend.getCost().flopsPerPair, 0);
  EXPECT_TRUE(attend.getState().perSequence);
  auto whole = find<AttentionOp>("projected");
  EXPECT_EQ(whole.getCost().flopsPerRow, 7 * 2 * 2 * (4 + 4)); // means are sums
  EXPECT_FALSE(whole.getPositionLimit().has_value());
  EXPECT_FALSE(whole.getState().perSequence);
}

} // namespace
