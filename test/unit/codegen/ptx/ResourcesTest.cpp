// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ptxas makes of the kernels at the sizes of real models: that it takes them, for each architecture that their
// text is meant for; no spills; registers as recorded, within a few, so that occupancy does not change unseen. Without
// ptxas (LMOPT_PTXAS, or CUDA's usual place) the test is skipped and says so. Source: ptx.md 4.4.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/AttendTile.h"
#include "codegen/ptx/attention/ProjectRows.h"
#include "codegen/ptx/conditional/Experts.h"
#include "codegen/ptx/conditional/Gates.h"
#include "codegen/ptx/conditional/NeuronTree.h"
#include "codegen/ptx/conditional/NonzeroLinear.h"
#include "codegen/ptx/linear/GroupedTile.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearFloatTile.h"
#include "codegen/ptx/linear/LinearTileHopper.h"
#include "codegen/ptx/pooling/PoolKernel.h"
#include "codegen/ptx/ranking/CertifiedMarks.h"
#include "codegen/ptx/ranking/ClassLogits.h"
#include "codegen/ptx/ranking/GreatestMarks.h"
#include "codegen/ptx/ranking/OpenedClasses.h"
#include "codegen/ptx/ranking/TopLogits.h"
#include "codegen/ptx/ranking/TreeLogits.h"
#include "codegen/ptx/ranking/TreeScore.h"
#include "codegen/ptx/rows/RowKernel.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/Ptxas.h"
#include "test/unit/codegen/ptx/WalkRun.h"

#include <set>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;
using nvptx::RowStep;
using nvptx::WeightFormat;
using Kind = nvptx::RowStepKind;

namespace {

/// A kernel at a size of SmolLM2 or a 7B model, and the registers of a thread that ptxas 13.0 gives it for sm_90.
struct Recorded {
  const char *name;
  int registers;
  std::function<std::string(nvptx::KernelLibrary &)> define;
  int64_t leastWarps = 16; ///< on a multiprocessor
};

std::function<std::string(nvptx::KernelLibrary &)> linear(int64_t outputs, int64_t inputs, WeightFormat format,
                                                          int64_t rows) {
  return [=](nvptx::KernelLibrary &kernels) {
    return linearDecodeKernel(kernels, {{outputs, inputs, format, false}, rows});
  };
}

std::function<std::string(nvptx::KernelLibrary &)> tile(int64_t outputs, int64_t inputs, WeightFormat format,
                                                        int64_t rows) {
  return
      [=](nvptx::KernelLibrary &kernels) { return linearTileKernel(kernels, {{outputs, inputs, format, true}, rows}); };
}

std::function<std::string(nvptx::KernelLibrary &)> grouped(const nvptx::LinearSpec &linear, int64_t rows) {
  return [=](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, {linear, rows}); };
}

//===--- Rows that a product makes for itself ---===//

RowStep keep(Kind kind, int64_t operand, int64_t size = 0) {
  RowStep step = {kind, {operand}};
  step.isOperand = true, step.size = size;
  return step;
}
/// The residual sum, kept, and its norm.
nvptx::RowSpec normed(int64_t width, const RowStep &store) {
  return {width,
          {{Kind::Load, {}, {0}},
           {Kind::Load, {}, {1}},
           {Kind::Add, {0, 1}},
           {Kind::StoreFloats, {2}, {2}},
           {Kind::RmsNorm, {2}, {3}, Activation::Relu, 1e-5F},
           store}};
}
nvptx::RowSpec gated(int64_t width, const RowStep &store) {
  return {width, {{Kind::Load, {}, {0}}, {Kind::Load, {}, {1}}, {Kind::Gated, {0, 1}, {}, Activation::Silu}, store}};
}
nvptx::RowSpec codesOf576() { return normed(576, keep(Kind::StoreCodes, 4)); }
nvptx::RowSpec halvesOf576() { return normed(576, keep(Kind::StoreHalves, 4)); }
nvptx::RowSpec floatsOf576() { return normed(576, keep(Kind::StoreFloats, 4)); }
nvptx::RowSpec groupsOf2048() { return normed(2048, keep(Kind::StoreGroups, 4, 32)); }
nvptx::RowSpec codesOfGated() { return gated(1536, keep(Kind::StoreCodes, 2)); }
nvptx::RowSpec floatsOfGated() { return gated(1536, keep(Kind::StoreFloats, 2)); }
nvptx::RowSpec groupsOfGated() { return gated(2560, keep(Kind::StoreGroups, 2, 32)); }
nvptx::RowSpec codesOfParts() {
  RowStep join = {Kind::JoinParts, {}, {0, 1, 2}};
  join.size = 64;
  return {576, {join, keep(Kind::StoreCodes, 0)}};
}
std::string partsOf(nvptx::KernelLibrary &kernels) {
  nvptx::RowSpec spec = codesOfParts();
  spec.steps.back().isOperand = false, spec.steps.back().pointers = {3, 4, 5};
  return rowKernel(kernels, spec);
}

std::function<std::string(nvptx::KernelLibrary &)> madeProducts(int64_t outputs, std::vector<int64_t> beside,
                                                                const nvptx::RowSpec &rows, WeightFormat format) {
  LinearDecodeSpec spec = {{outputs, rows.width, format, false}, 8, std::move(beside), nvptx::MadeRows{rows, 2}};
  if (spec.linear.isGrouped())
    spec.linear.bits = 4, spec.linear.group = 32;
  return [=](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); };
}

nvptx::LinearSpec codebook(int64_t bits) {
  nvptx::LinearSpec linear = {4096, 4096, WeightFormat::Grouped, false, bits, 64};
  linear.codebook = true;
  return linear;
}
nvptx::LinearSpec blocks() {
  nvptx::LinearSpec linear = {4096, 11008, WeightFormat::Blocks, true};
  linear.stored = 352256;
  return linear;
}

std::function<std::string(nvptx::KernelLibrary &)> groupedTile(const nvptx::LinearSpec &linear) {
  return [=](nvptx::KernelLibrary &kernels) { return groupedTileKernel(kernels, {linear}); };
}
std::string sparseTile(nvptx::KernelLibrary &kernels) { return linearTileKernel(kernels, {blocks(), 64}); }
std::string entriesTile(nvptx::KernelLibrary &kernels) {
  return linearFloatTileKernel(kernels, {{4096, 4096, WeightFormat::Codebook, true}});
}
std::string floatTile(nvptx::KernelLibrary &kernels) {
  return linearFloatTileKernel(kernels, {{1536, 576, WeightFormat::F32, true}});
}

std::string rowsOf(nvptx::KernelLibrary &kernels) {
  return rowKernel(kernels, {576,
                             {{Kind::Load, {}, {0}},
                              {Kind::Load, {}, {1}},
                              {Kind::Add, {0, 1}},
                              {Kind::StoreFloats, {2}, {2}},
                              {Kind::RmsNorm, {2}, {3}, Activation::Relu, 1e-5F},
                              {Kind::StoreCodes, {4}, {4, 5, 6}}}});
}
std::string gatedOf(nvptx::KernelLibrary &kernels) {
  return rowKernel(kernels, {1536,
                             {{Kind::Load, {}, {0}},
                              {Kind::Load, {}, {1}},
                              {Kind::Gated, {0, 1}, {}, Activation::Silu},
                              {Kind::StoreCodes, {2}, {2, 3, 4}}}});
}

std::string embeddingOf(nvptx::KernelLibrary &kernels) {
  RowStep gather = {Kind::GatherFragments, {}, {0, 1}};
  gather.table = {30522, 384, WeightFormat::S8Rows, false};
  return rowKernel(kernels, {384,
                             {gather,
                              {Kind::AddPositions, {0}, {2, 3}},
                              {Kind::LayerNorm, {1}, {4, 5}, Activation::Relu, 1e-12F},
                              {Kind::StoreFloats, {2}, {6}},
                              {Kind::StoreCodes, {2}, {7, 8, 9}}}});
}
std::string rotatedOf(nvptx::KernelLibrary &kernels) {
  RowStep rotate = {Kind::Rotate, {0}}, store = {Kind::StoreGroups, {1}, {1, 2}};
  rotate.size = 256, store.size = 32;
  return rowKernel(kernels, {1536, {{Kind::Load, {}, {0}}, rotate, store}});
}
std::string answerOf(nvptx::KernelLibrary &kernels) {
  return rowKernel(kernels, {384,
                             {{Kind::LoadListed, {}, {0, 1}},
                              {Kind::BiasAdd, {0}, {2}},
                              {Kind::L2Normalize, {1}},
                              {Kind::StorePacked, {2}, {3}}}});
}

/// UltraFastBERT: 768 numbers, one tree of 12 levels, or many of fewer.
std::function<std::string(nvptx::KernelLibrary &)> trees(int64_t count, int64_t levels) {
  nvptx::NeuronTreeSpec spec;
  spec.rows = {count * ((int64_t(1) << levels) - 1), 768, 768};
  spec.trees = count, spec.levels = levels;
  return [=](nvptx::KernelLibrary &kernels) { return neuronTreeKernel(kernels, spec); };
}
std::function<std::string(nvptx::KernelLibrary &)> treeGates(int64_t count) {
  nvptx::TreeGatesSpec spec;
  spec.nodes = {63, 768, 0};
  spec.levels = 6, spec.count = count;
  return [=](nvptx::KernelLibrary &kernels) { return treeGatesKernel(kernels, spec); };
}
std::string topGatesOf(nvptx::KernelLibrary &kernels) {
  return topGatesKernel(kernels, {64, 8, nvptx::TopGatesSpec::Softmax::Chosen});
}
nvptx::ExpertsSpec experts(bool up) {
  return {{16 * 96, 576, 576, up, up ? 0 : 16}, 16, up ? Activation::Silu : Activation::Gelu};
}
std::string nonzeroOf(nvptx::KernelLibrary &kernels) { return nonzeroLinearKernel(kernels, {3072, 0, 768, false, 1}); }

std::function<std::string(nvptx::KernelLibrary &)> marked(int64_t outputs, int64_t inputs, WeightFormat format,
                                                          int64_t rows) {
  LinearDecodeSpec spec = {{outputs, inputs, format, false}, rows};
  spec.marked = true;
  return [=](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); };
}
std::function<std::string(nvptx::KernelLibrary &)> treeScoreOf(int64_t inputs, WeightFormat format) {
  nvptx::LinearSpec nodes = {49151, inputs, format, true};
  if (format == WeightFormat::Grouped)
    nodes.bits = 4, nodes.group = 32, nodes.hasMin = true;
  return [=](nvptx::KernelLibrary &kernels) { return treeScoreKernel(kernels, {nodes, {49151, 49152 * 16}, 32}); };
}
constexpr nvptx::ClassTable kClasses = {49152, 220, 3};
constexpr nvptx::GreatestMarksSpec kGreatest = {49152, 1024};
nvptx::CertifiedSpec certified() { return {{49152, 576, WeightFormat::F32, true}, 4 * 49152}; }

std::vector<Recorded> kernels() {
  nvptx::AttentionSpec smol = {9, 3, 64, 64, 0.125F}, large = {32, 8, 128, 128, 0.088F}, half = large, codes = large,
                       halfSmol = smol;
  nvptx::AttentionSpec mini = {12, 12, 32, 0, 0.18F}, base = {12, 12, 64, 0, 0.125F};
  nvptx::AttentionSpec pruned = smol, turned = base, narrow = large, means = mini, learned = mini;
  pruned.heads = 6, pruned.groups = {3, 1, 2}, turned.rotary = 64, narrow.otherValueWidth = 64;
  means.projectedRows = learned.projectedRows = 64, learned.projectionLearned = true, learned.projectionColumns = 512;
  half.format = halfSmol.format = nvptx::CacheFormat::Bf16, codes.format = nvptx::CacheFormat::I8;
  return {
      {"s8, 8 rows", 48, linear(1536, 576, WeightFormat::S8Rows, 8)},
      {"s8, 8 rows, long", 64, linear(4096, 11008, WeightFormat::S8Rows, 8)},
      {"s8, 64 rows", 69, linear(4096, 4096, WeightFormat::S8Rows, 64)},
      {"bf16, 8 rows", 63, linear(576, 1536, WeightFormat::Bf16, 8)},
      {"bf16, 32 rows", 76, linear(4096, 4096, WeightFormat::Bf16, 32)},
      {"f32, 8 rows", 78, linear(576, 1536, WeightFormat::F32, 8)},
      {"s8, tiles of 64 rows", 168, tile(576, 1536, WeightFormat::S8Rows, 64), 12},
      {"bf16, tiles of 64 rows", 168, tile(576, 1536, WeightFormat::Bf16, 64), 12},
      {"s8, tiles of 128 rows", 242, tile(4096, 11008, WeightFormat::S8Rows, 128), 8},
      {"bf16, tiles of 128 rows", 242, tile(4096, 11008, WeightFormat::Bf16, 128), 8},
      {"f32, tiles", 138, floatTile, 12},
      {"8 bits in groups, tiles", 119, groupedTile({4096, 4096, WeightFormat::Grouped, false, 8, 32}), 12},
      {"8 bits in groups of 256, tiles", 150, groupedTile({4096, 4096, WeightFormat::Grouped, true, 8, 256}), 12},
      {"4 bits in groups, tiles", 146, groupedTile({4096, 11008, WeightFormat::Grouped, false, 4, 32}), 12},
      {"4 bits and minima, tiles", 133, groupedTile({4096, 4096, WeightFormat::Grouped, true, 4, 64, true}), 12},
      {"small scales, tiles", 157, groupedTile({4096, 4096, WeightFormat::Grouped, false, 4, 32, true, true}), 12},
      {"codebook of 16, tiles", 132, groupedTile(codebook(4)), 12},
      {"codebook of 8, tiles", 165, groupedTile(codebook(3)), 12},
      {"codebook of 4, tiles", 156, groupedTile(codebook(2)), 12},
      {"codebook of 256 floats, tiles", 150, entriesTile, 8},
      {"s8 without zero blocks, tiles", 190, sparseTile, 8},
      {"8 bits in groups, 8 rows", 62, grouped({4096, 4096, WeightFormat::Grouped, false, 8, 32}, 8)},
      {"4 bits in groups, 8 rows", 62, grouped({4096, 11008, WeightFormat::Grouped, false, 4, 32}, 8)},
      {"4 bits and minima, 16 rows", 59, grouped({4096, 4096, WeightFormat::Grouped, true, 4, 64, true}, 16)},
      {"small scales, 8 rows", 61, grouped({4096, 4096, WeightFormat::Grouped, false, 4, 32, true, true}, 8)},
      {"codebook of 16, 8 rows", 64, grouped(codebook(4), 8)},
      {"codebook of 8, 8 rows", 64, grouped(codebook(3), 8)},
      {"codebook of 4, 16 rows", 64, grouped(codebook(2), 16)},
      {"codebook of 256 floats", 80, linear(4096, 4096, WeightFormat::Codebook, 8)},
      {"s8 without zero blocks, 8 rows", 58, grouped(blocks(), 8)},
      {"s8 without zero blocks, 64 rows", 114, grouped(blocks(), 64)},
      {"attention of pruned heads", 56, [=](auto &kernels) { return attendRowsKernel(kernels, pruned); }},
      {"attention with narrow values", 72, [=](auto &kernels) { return attendRowsKernel(kernels, narrow); }},
      {"prompts with narrow values", 116, [=](auto &kernels) { return attendTileKernel(kernels, narrow); }},
      {"encoders that turn", 116, [=](auto &kernels) { return attendSegmentsKernel(kernels, turned); }},
      {"encoders that turn, in bf16", 128, [=](auto &kernels) { return attendSegmentsTileKernel(kernels, turned); }},
      {"means of keys and values", 40, [=](auto &kernels) { return projectRowsKernel(kernels, means); }},
      {"learned keys and values", 48, [=](auto &kernels) { return projectRowsKernel(kernels, learned); }},
      {"norm and codes", 30, rowsOf},
      {"gated product and codes", 39, gatedOf},
      {"embedding, positions, norm and codes", 32, embeddingOf},
      {"rotation and codes in groups", 31, rotatedOf},
      {"listed rows to the caller", 24, answerOf},
      {"keys and values", 26, [=](auto &kernels) { return storeKeysValuesKernel(kernels, smol); }},
      {"attention, 3 heads of 64", 56, [=](auto &kernels) { return attendRowsKernel(kernels, smol); }},
      {"attention, 4 heads of 128", 75, [=](auto &kernels) { return attendRowsKernel(kernels, large); }},
      {"attention that stores, 3 heads of 64", 80,
       [=](auto &kernels) { return attendRowsKernel(kernels, smol, true); }},
      {"attention that stores in bf16", 83, [=](auto &kernels) { return attendRowsKernel(kernels, half, true); }},
      {"attention that stores in i8", 64, [=](auto &kernels) { return attendRowsKernel(kernels, codes, true); }},
      {"keys and values in bf16", 26, [=](auto &kernels) { return storeKeysValuesKernel(kernels, half); }},
      {"keys and values in i8", 27, [=](auto &kernels) { return storeKeysValuesKernel(kernels, codes); }},
      {"attention in bf16", 56, [=](auto &kernels) { return attendRowsKernel(kernels, half); }},
      {"attention in i8", 56, [=](auto &kernels) { return attendRowsKernel(kernels, codes); }},
      {"attention of prompts in f32, heads of 64", 116, [=](auto &kernels) { return attendTileKernel(kernels, smol); }},
      {"attention of prompts in i8", 116, [=](auto &kernels) { return attendTileKernel(kernels, codes); }},
      {"attention of prompts, heads of 64", 128, [=](auto &kernels) { return attendTileKernel(kernels, halfSmol); }},
      {"attention of prompts, heads of 128", 171, [=](auto &kernels) { return attendTileKernel(kernels, half); }, 8},
      {"attention of encoders, 12 heads of 32", 70, [=](auto &kernels) { return attendSegmentsKernel(kernels, mini); }},
      {"attention of encoders, heads of 64", 108, [=](auto &kernels) { return attendSegmentsKernel(kernels, base); }},
      {"mean of a segment", 49, [](auto &kernels) { return poolKernel(kernels, 384, {Pooling::Mean}); }},
      {"attention of encoders in bf16, 12 heads of 32", 110,
       [=](auto &kernels) { return attendSegmentsTileKernel(kernels, mini); }},
      {"a tree of neurons", 128, trees(1, 12)},
      {"trees of neurons", 128, trees(16, 4)},
      {"a leaf of a tree", 128, treeGates(1)},
      {"leaves of a tree", 128, treeGates(4)},
      {"scores of a router", 22, topGatesOf},
      {"neurons of experts", 71, [](auto &kernels) { return expertsHiddenKernel(kernels, experts(false)); }},
      {"neurons of experts with factors", 89,
       [](auto &kernels) { return expertsHiddenKernel(kernels, experts(true)); }},
      {"results of experts", 46, [](auto &kernels) { return expertsResultKernel(kernels, experts(false)); }},
      {"product without zeros", 31, nonzeroOf},
      {"the greatest logits of blocks", 37, [](auto &kernels) { return topListsKernel(kernels, {49152}); }},
      {"the greatest logits of rows", 40, [](auto &kernels) { return topChooseKernel(kernels, {128256}); }},
      {"logits by a tree", 28, [](auto &kernels) { return treeLogitsKernel(kernels, {49151, 49152 * 16}, 4 * 49152); }},
      {"scores by a tree, s8", 44, treeScoreOf(576, WeightFormat::S8Rows)},
      {"scores by a tree, bf16", 64, treeScoreOf(4096, WeightFormat::Bf16)},
      {"scores by a tree, 4 bits", 64, treeScoreOf(2048, WeightFormat::Grouped)},
      {"sums of classes", 40, [](auto &kernels) { return classSumsKernel(kernels, kClasses); }},
      {"logits by classes", 24, [](auto &kernels) { return classLogitsKernel(kernels, kClasses, 4 * 49152); }},
      {"counts of digits", 83, [](auto &kernels) { return rankDigitKernel(kernels, kGreatest, 2); }},
      {"marks of the greatest", 66, [](auto &kernels) { return greatestMarksKernel(kernels, kGreatest, 4 * 49152); }},
      {"marks by previews", 46, [](auto &kernels) { return previewMarksKernel(kernels, certified()); }},
      {"marks by a bound", 54, [](auto &kernels) { return boundMarksKernel(kernels, certified()); }},
      {"sums of open classes", 40, [](auto &kernels) { return classSumsKernel(kernels, kClasses, true); }},
      {"logits by open classes", 18,
       [](auto &kernels) { return classLogitsKernel(kernels, kClasses, 4 * 49152, true); }},
      {"likely classes", 32, [](auto &kernels) { return likelyMarksKernel(kernels, {kClasses, 4 * 49152}); }},
      {"classes that are left", 32, [](auto &kernels) { return leftMarksKernel(kernels, {kClasses, 4 * 49152}); }},
      {"f32 where it is marked, 8 rows", 78, marked(49152, 576, WeightFormat::F32, 8)},
      {"bf16 where it is marked, 64 rows", 71, marked(128256, 4096, WeightFormat::Bf16, 64)},
      {"parts of attention and codes", 31, partsOf},
      {"q, k and v in s8 behind norm and codes", 54, madeProducts(576, {192, 192}, codesOf576(), WeightFormat::S8Rows)},
      {"o in s8 behind parts and codes", 48, madeProducts(576, {}, codesOfParts(), WeightFormat::S8Rows)},
      {"down in s8 behind gate and codes", 64, madeProducts(576, {}, codesOfGated(), WeightFormat::S8Rows)},
      {"gate and up in bf16 behind norm", 48, madeProducts(1536, {1536}, halvesOf576(), WeightFormat::Bf16)},
      {"gate and up in f32 behind norm", 62, madeProducts(1536, {1536}, floatsOf576(), WeightFormat::F32)},
      {"down in f32 behind gate", 80, madeProducts(576, {}, floatsOfGated(), WeightFormat::F32)},
      {"4 bits behind norm and groups", 64, madeProducts(2048, {512, 512}, groupsOf2048(), WeightFormat::Grouped)},
      {"4 bits behind gate and groups", 64, madeProducts(960, {}, groupsOfGated(), WeightFormat::Grouped)},
  };
}

TEST(PtxResources, NoSpillsAndRegistersAsRecorded) {
  if (ptxas().empty())
    GTEST_SKIP() << "no ptxas; name one by LMOPT_PTXAS (script/setup says where to get it)";
  for (const Recorded &one : kernels()) {
    SCOPED_TRACE(one.name);
    EmittedKernel kernel = emit("sm_80", one.define);
    // Text for sm_80 is for all later ones, too.
    for (const char *architecture : {"sm_80", "sm_86", "sm_90", "sm_120"}) {
      Resources found = assemble(kernel.text, architecture);
      ASSERT_TRUE(found.isTaken) << architecture << "\n" << found.log;
      EXPECT_EQ(found.spilledBytes, 0) << architecture << "\n" << found.log;
      if (architecture == std::string("sm_90"))
        EXPECT_NEAR(found.registers, one.registers, 4);
    }
    EXPECT_TRUE(assemble(emit("sm_90a", one.define).text, "sm_90a").isTaken);
  }
}

// Blocks of a launch do not talk to one another, so nothing that orders memory between them may stand in a text (fences
// for copies and mbarriers do so within a block); what
// reads past the first-level cache reads weights and tables alone (arguments that are Constant), and no product and sum
// are left for ptxas to fuse (ptx.md 4.4, memory-model lint). Needs no ptxas.
TEST(PtxText, HasNothingBetweenBlocks) {
  const std::regex ordering(
      R"(\s(atom|red|membar|fence(?!\.(proxy\.async|mbarrier_init))|ld\.(acquire|volatile|relaxed)|st\.(release|volatile|relaxed))[. ])");
  const std::regex unrounded(R"(\s(mul|add|sub|div)(\.ftz)?\.f32\s)");
  for (const char *architecture : {"sm_80", "sm_90a"})
    for (const Recorded &one : kernels()) {
      std::string text = emit(architecture, one.define).text;
      std::smatch found;
      EXPECT_FALSE(std::regex_search(text, found, ordering)) << one.name << ": " << found.str();
      EXPECT_FALSE(std::regex_search(text, found, unrounded)) << one.name << ": " << found.str();
    }
}

/// Products by wgmma, for sm_90a alone.
struct HopperTile {
  const char *name;
  int registers;
  nvptx::LinearTileSpec spec;
  int64_t leastBlocks; ///< on a multiprocessor
};
std::vector<HopperTile> hopperTiles() {
  return {{"s8, 64 rows", 90, {{576, 1536, WeightFormat::S8Rows, true}, 64}, 2},
          {"bf16, 64 rows", 90, {{576, 1536, WeightFormat::Bf16, true}, 64}, 2},
          {"s8, 128 rows", 122, {{4096, 11008, WeightFormat::S8Rows, true}, 128}, 1},
          {"bf16, 128 rows", 122, {{4096, 11008, WeightFormat::Bf16, true}, 128}, 1}};
}

// C75xx: ptxas says that it makes products wait for one another, or leaves something out (ptx.md 1.3).
TEST(PtxResources, TilesOfWgmmaOverlap) {
  if (ptxas().empty())
    GTEST_SKIP() << "no ptxas; name one by LMOPT_PTXAS (script/setup says where to get it)";
  static_assert(nvptx::HopperTileLayout::kStages >= 4);
  for (const HopperTile &one : hopperTiles()) {
    SCOPED_TRACE(one.name);
    EmittedKernel kernel =
        emit("sm_90a", [&](nvptx::KernelLibrary &kernels) { return linearTileHopperKernel(kernels, one.spec); });
    Resources found = assemble(kernel.text, "sm_90a");
    ASSERT_TRUE(found.isTaken) << found.log;
    EXPECT_EQ(found.log.find("C75"), std::string::npos) << found.log;
    EXPECT_EQ(found.spilledBytes, 0) << found.log;
    EXPECT_NEAR(found.registers, one.registers, 4);
    int64_t warps = kernel.shape.threads / 32, ofWarp = (found.registers * 32 + 255) / 256 * 256;
    EXPECT_GE(65536 / ofWarp / warps, one.leastBlocks);
    EXPECT_GE((228 << 10) / (kernel.shape.sharedBytes + 1024), one.leastBlocks);
    EXPECT_LE(kernel.shape.sharedBytes, 227 << 10);
  }
}

// The rule bites.
TEST(PtxText, RuleFindsAnAtomic) {
  const std::regex ordering(R"(\s(atom|red)[. ])");
  EXPECT_TRUE(std::regex_search(std::string("\tatom.global.add.u32 %r1, [%rd1], 1;"), ordering));
  EXPECT_FALSE(std::regex_search(std::string("\tredux.sync.add.s32 %r1, %r2, -1;"), ordering));
}

/*===--- The persistent kernel ---===*/

/// What a decode step of a model launches, at the sizes of SmolLM2 and of a 7B model.
struct WalkedModel {
  const char *name;
  std::function<void(nvptx::KernelLibrary &)> define;
};

void defineAround(nvptx::KernelLibrary &kernels, const nvptx::AttentionSpec &attention) {
  rowsOf(kernels), gatedOf(kernels), rotatedOf(kernels);
  storeKeysValuesKernel(kernels, attention), attendRowsKernel(kernels, attention), partsOf(kernels);
  attendRowsKernel(kernels, attention, /*stores=*/true);
}

/// What makes its rows itself in SmolLM2's int8.
void defineMade(nvptx::KernelLibrary &kernels) {
  for (const auto &define : {madeProducts(576, {192, 192}, codesOf576(), WeightFormat::S8Rows),
                             madeProducts(576, {}, codesOfParts(), WeightFormat::S8Rows),
                             madeProducts(1536, {1536}, codesOf576(), WeightFormat::S8Rows),
                             madeProducts(576, {}, codesOfGated(), WeightFormat::S8Rows)})
    define(kernels);
}

std::vector<WalkedModel> walkedModels() {
  nvptx::AttentionSpec smol = {9, 3, 64, 64, 0.125F}, large = {32, 8, 128, 128, 0.088F}, half = smol, codes = large;
  half.format = nvptx::CacheFormat::Bf16, codes.format = nvptx::CacheFormat::I8;
  auto products = [](WeightFormat format, int64_t width, int64_t inner, const nvptx::AttentionSpec &attention) {
    return [=](nvptx::KernelLibrary &kernels) {
      for (auto [outputs, inputs] : {std::pair(width, width), std::pair(inner, width), std::pair(width, inner)}) {
        nvptx::LinearSpec linear = {outputs, inputs, format, false};
        if (format == WeightFormat::Grouped)
          linear.bits = 4, linear.group = 32, linear.hasMin = true;
        if (format == WeightFormat::Blocks)
          linear.stored = outputs * inputs / 128; // half of them
        linearDecodeKernel(kernels, {linear, 8});
      }
      defineAround(kernels, attention);
      if (width == 576 && format == WeightFormat::S8Rows)
        defineMade(kernels);
    };
  };
  return {{"SmolLM2, s8", products(WeightFormat::S8Rows, 576, 1536, smol)},
          {"SmolLM2, bf16", products(WeightFormat::Bf16, 576, 1536, half)},
          {"SmolLM2, f32", products(WeightFormat::F32, 576, 1536, smol)},
          {"7B, s8, codes in the cache", products(WeightFormat::S8Rows, 4096, 11008, codes)},
          {"7B, 4 bits in groups", products(WeightFormat::Grouped, 4096, 11008, large)},
          {"7B, codebooks of floats", products(WeightFormat::Codebook, 4096, 11008, large)},
          {"7B, s8 without zero blocks", products(WeightFormat::Blocks, 4096, 11008, large)}};
}

// Its bodies are those of the kernels above; it is the largest of them that counts.
TEST(PtxResources, WalkersDoNotSpill) {
  if (ptxas().empty())
    GTEST_SKIP() << "no ptxas; name one by LMOPT_PTXAS (script/setup says where to get it)";
  for (const WalkedModel &model : walkedModels()) {
    SCOPED_TRACE(model.name);
    EmittedWalker code = emitWalker("sm_80", model.define), hopper = emitWalker("sm_90a", model.define);
    for (const char *architecture : {"sm_80", "sm_86", "sm_90", "sm_120", "sm_90a"}) {
      bool isHopper = architecture == std::string("sm_90a");
      const EmittedWalker &own = isHopper ? hopper : code;
      const nvptx::KernelShape &shape = own.kernel(own.walker).shape;
      Resources found = assemble(walkerAlone(own), architecture);
      ASSERT_TRUE(found.isTaken) << architecture << "\n" << found.log;
      // Nine warps, three on a quarter of a multiprocessor, have 168 registers each. On 8.x ptxas keeps two numbers
      // more than it finds room for in one of these (ptx.md 4.4 asks for none on 9.0).
      int64_t mostSpilled = architecture[3] == '8' ? 32 : 0;
      EXPECT_LE(found.spilledBytes, mostSpilled) << architecture << "\n" << found.log;
      int64_t ofWarp = (found.registers * 32 + 255) / 256 * 256, warps = shape.threads / 32;
      int64_t byShared = (isHopper ? 228 << 10 : 100 << 10) / (shape.sharedBytes + 1024); // of 8.6 and 12.0
      EXPECT_GE(std::min(65536 / ofWarp / warps, byShared), shape.leastBlocks) << found.log;
    }
  }
}

// Blocks of a walker talk to one another, by its barrier and by nothing else (ptx.md 4.4).
TEST(PtxText, WalkersOrderMemoryByTheirBarrierAlone) {
  const std::regex ordering(
      R"(\s((atom|red|membar|fence|ld\.(acquire|volatile|relaxed)|st\.(release|volatile|relaxed))[.\w:]*))");
  const std::regex unrounded(R"(\s(mul|add|sub|div)(\.ftz)?\.f32\s)");
  for (const char *architecture : {"sm_80", "sm_90a"})
    for (const WalkedModel &model : walkedModels()) {
      std::string text = walkerAlone(emitWalker(architecture, model.define));
      std::set<std::string> found;
      for (std::sregex_iterator at(text.begin(), text.end(), ordering), end; at != end; ++at)
        found.insert((*at)[1]);
      std::set<std::string> expected = {"ld.acquire.gpu.global.b32", "red.release.gpu.global.add.u32"};
      if (architecture == std::string("sm_90a")) // within a block: bulk copies know the ring's mbarriers
        expected.insert("fence.mbarrier_init.release.cluster");
      EXPECT_EQ(found, expected) << model.name;
      EXPECT_FALSE(std::regex_search(text, unrounded)) << model.name;
    }
}

// Sixteen warps on a multiprocessor hide the latency of memory, eight where tensor cores are what is waited for (ptx.md
// 4.4): 64 K registers, handed out in 256 a warp.
TEST(PtxResources, EnoughWarpsShareAMultiprocessor) {
  if (ptxas().empty())
    GTEST_SKIP() << "no ptxas; name one by LMOPT_PTXAS (script/setup says where to get it)";
  for (const Recorded &one : kernels()) {
    EmittedKernel kernel = emit("sm_80", one.define);
    Resources found = assemble(kernel.text, "sm_90");
    int64_t warps = kernel.shape.threads / 32, ofWarp = (found.registers * 32 + 255) / 256 * 256;
    int64_t byRegisters = 65536 / ofWarp / warps, byShared = (228 << 10) / (kernel.shape.sharedBytes + 1024);
    EXPECT_GE(std::min({byRegisters, byShared, int64_t(64) / warps}) * warps, one.leastWarps) << one.name << "\n"
                                                                                              << found.log;
  }
}

} // namespace
