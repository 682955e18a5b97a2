// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The builders that infer result types: a decoder layer and an encoder end, built in C++, verify and have the types
// that a model engineer expects. Also names of parts in locations, and params found by symbol.

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace lmopt::lm;

namespace {

struct Builders : ::testing::Test {
  Builders() : builder(&context) {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  ParamOp param(StringRef name, ArrayRef<int64_t> shape) {
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    return ParamOp::create(builder, nameLocation(builder, name), name, type,
                           DenseElementsAttr::get(type, builder.getF32FloatAttr(0.5)));
  }
  ParamOp codes(StringRef name, int64_t rows, int64_t columns) {
    auto source = RankedTensorType::get({rows, columns}, builder.getF32Type());
    auto dense = DenseElementsAttr::get(source, builder.getF32FloatAttr(0.5));
    return ParamOp::create(builder, builder.getUnknownLoc(), name, Int8Type::get(&context, rows, columns),
                           QuantizeRowsAttr::get(&context, dense));
  }
  ParamOp groupedCodes(StringRef name, int64_t rows, int64_t columns, int64_t group) {
    auto source = RankedTensorType::get({rows, columns}, builder.getF32Type());
    auto dense = DenseElementsAttr::get(source, builder.getF32FloatAttr(0.5));
    return ParamOp::create(builder, builder.getUnknownLoc(), name,
                           GroupedType::get(&context, rows, columns, /*bits=*/4, group, /*hasMin=*/true),
                           QuantizeGroupsAttr::get(&context, dense, /*bits=*/4, group, /*hasMin=*/true));
  }
  RankedTensorType activation(int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic, width}, builder.getF32Type());
  }
  /// A function with these arguments, the insertion point inside.
  func::FuncOp function(ArrayRef<Type> arguments) {
    auto result = func::FuncOp::create(builder, builder.getUnknownLoc(), "f", builder.getFunctionType(arguments, {}));
    builder.setInsertionPointToEnd(result.addEntryBlock());
    return result;
  }
  void finish() {
    func::ReturnOp::create(builder, builder.getUnknownLoc());
    EXPECT_TRUE(succeeded(verify(*module)));
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};

TEST_F(Builders, DecoderLayer) {
  ParamOp table = param("embed.weight", {10, 8}), q = param("q", {8, 8}), kv = param("kv", {4, 8});
  ParamOp bias = param("bias", {8}), int8 = codes("int8", 6, 8);
  auto ids = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic}, builder.getI32Type());
  auto f = function({ids, CacheType::get(&context)});
  Location loc = nameLocation(builder, "layers.0.attn.q");

  Value x = EmbeddingOp::create(builder, loc, f.getArgument(0), table);
  EXPECT_EQ(x.getType(), activation(8));
  x = RmsNormOp::create(builder, loc, x, FlatSymbolRefAttr::get(bias), 1e-5);
  auto query = LinearOp::create(builder, loc, x, q, bias);
  EXPECT_EQ(getPartName(query), "layers.0.attn.q");
  EXPECT_EQ(lookupParam(query, query.getWeightAttr()), q);
  EXPECT_EQ(lookupParam(query, FlatSymbolRefAttr::get(&context, "absent")), ParamOp());
  Value key = LinearOp::create(builder, loc, x, kv);
  EXPECT_EQ(key.getType(), activation(4));
  auto rope = RopeAttr::get(&context, 1e4, 4, RopeLayout::half);
  auto attention = AttentionOp::create(builder, loc, query, key, key, f.getArgument(1), Value(), 0, 2, 1, 0.5,
                                       CausalAttr::get(&context), rope);
  EXPECT_EQ(attention.getResult().getType(), activation(8));
  EXPECT_EQ(attention.getNumResults(), 2u);
  EXPECT_EQ(attention.getHeadWidth(), 4);
  auto quantized = QuantizeDynamicOp::create(builder, loc, RotateOp::create(builder, loc, attention.getResult(), 8));
  auto product = QuantizedLinearOp::create(builder, loc, quantized, int8, FlatSymbolRefAttr());
  EXPECT_EQ(product.getResult().getType(), activation(6));
  EXPECT_EQ(quantized.getCodes().getType(),
            CodesType::get(&context, activation(8).getShape(), /*isSigned=*/false, /*group=*/0));
  auto range = CodeRangeAttr::get(&context, Real(2.0), 127, 128, 0, 255);
  auto fake = FakeQuantizeOp::create(builder, loc, attention.getResult(), range);
  EXPECT_EQ(fake.getResult().getType(), activation(8));
  EXPECT_EQ(QuantizeStaticOp::create(builder, loc, fake, range).getCodes().getType(), quantized.getCodes().getType());
  AddOp::create(builder, loc, query, BiasAddOp::create(builder, loc, attention.getResult(), bias));
  GatedProductOp::create(builder, loc, query, query, ActivationKind::silu);
  finish();
}

TEST_F(Builders, HalvesOfAttention) {
  auto lengths = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto f = function({activation(8), activation(4), activation(6), CacheType::get(&context), lengths});
  Location loc = builder.getUnknownLoc();
  Value query = f.getArgument(0), key = f.getArgument(1), value = f.getArgument(2);
  auto rope = RopeAttr::get(&context, 1e4, 4, RopeLayout::half);
  auto bf16 = TypeAttr::get(builder.getBF16Type());
  auto append = CacheAppendOp::create(builder, loc, key, value, f.getArgument(3), Value(), 2, 1, rope, bf16);
  EXPECT_EQ(append.getHeadWidth(), 4);
  EXPECT_EQ(append.getValueWidth(), 6);
  auto attend = AttendOp::create(builder, loc, query, append, 2, 0.5, CausalAttr::get(&context));
  EXPECT_EQ(attend.getResult().getType(), activation(12));
  EXPECT_EQ(attend.getValueWidth(), 6);
  EXPECT_EQ(attend.getLayer(), 2u);
  EXPECT_EQ(attend.getRopeAttr(), rope);
  EXPECT_TRUE(attend.isBf16() && attend.isCausal() && !attend.getLengths());
  EXPECT_EQ(attend.getAppend(), append);
  append = CacheAppendOp::create(builder, loc, key, value, Value(), f.getArgument(4), 0, 1, RopeAttr(), TypeAttr());
  attend = AttendOp::create(builder, loc, query, append, 2, 0.5, FullAttr::get(&context));
  EXPECT_EQ(attend.getLengths(), f.getArgument(4));
  EXPECT_FALSE(attend.isBf16() || attend.isInt8() || attend.isCausal());
  finish();
}

TEST_F(Builders, GroupedLinear) {
  ParamOp weight = groupedCodes("w", 6, 8, 4), bias = param("bias", {6});
  auto f = function({activation(8)});
  Location loc = builder.getUnknownLoc();
  auto quantized = QuantizeGroupsOp::create(builder, loc, f.getArgument(0), 4);
  EXPECT_EQ(quantized.getCodes().getType(),
            CodesType::get(&context, activation(8).getShape(), /*isSigned=*/true, /*group=*/4));
  EXPECT_EQ(quantized.getCodes().getType().getGroupsPerRow(), 2);
  auto product = GroupedLinearOp::create(builder, loc, quantized, weight, FlatSymbolRefAttr::get(bias));
  EXPECT_EQ(product.getResult().getType(), activation(6));
  EXPECT_EQ(weight.getShape(), (SmallVector<int64_t>{6, 8}));
  EXPECT_EQ(weight.getNumElements(), 48);
  finish();
}

// What a report says of a weight: from its type, whether that is one of ours or a tensor.
TEST_F(Builders, FormatsOfWeights) {
  auto says = [](ParamOp param) { return param.getFormatName() + ", " + std::to_string(param.getStoredBytes()); };
  EXPECT_EQ(says(param("f32", {3, 8})), "f32, 96");
  EXPECT_EQ(says(codes("int8", 3, 8)), "int8, 36");
  EXPECT_EQ(says(groupedCodes("grouped", 2, 8, 4)), "int4 g4 min, 24");
  auto half = RankedTensorType::get({3, 8}, builder.getBF16Type());
  EXPECT_EQ(says(ParamOp::create(builder, builder.getUnknownLoc(), "bf16", half, Attribute())), "bf16, 48");
}

// Bits with their share of scales: what GGUF's q4_0, q4_1 and q8_0 take.
TEST_F(Builders, BitsOfAGroupedWeight) {
  EXPECT_EQ(GroupedType::get(&context, 2, 64, 4, 32, false).getBitsPerWeight(), 4.5);
  EXPECT_EQ(GroupedType::get(&context, 2, 64, 4, 32, true).getBitsPerWeight(), 5.0);
  EXPECT_EQ(GroupedType::get(&context, 2, 64, 8, 32, false).getBitsPerWeight(), 8.5);
  EXPECT_EQ(GroupedType::get(&context, 2, 64, 8, 32, false).getGroupsPerRow(), 2);
  auto small = CodebookType::get(&context, 2, 64, 8, 32), large = CodebookType::get(&context, 2, 64, 256, 0);
  EXPECT_EQ(small.getBitsPerWeight(), 3.5);
  EXPECT_EQ(large.getBitsPerWeight(), 8.5);
  EXPECT_EQ(small.getStoredBytes(), 2 * 64 * 3 / 8 + 2 * 2 * 2 + 8); // codes, scales, entries
  EXPECT_EQ(large.getStoredBytes(), 2 * 64 + 2 * 4 + 256 * 4);
  EXPECT_EQ(small.getFormatName(), "codebook8 g32");
  EXPECT_EQ(large.getFormatName(), "codebook256");
}

TEST_F(Builders, EncoderEnd) {
  ParamOp w = param("w", {8}), b = param("b", {8}), positions = param("positions", {16, 8});
  auto lengths = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto f = function({activation(8), lengths});
  Location loc = builder.getUnknownLoc();
  Value x = AddPositionsOp::create(builder, loc, f.getArgument(0), positions);
  x = LayerNormOp::create(builder, loc, x, FlatSymbolRefAttr::get(w), FlatSymbolRefAttr::get(b), 1e-12);
  auto attention = AttentionOp::create(builder, loc, x, x, x, Value(), f.getArgument(1), 0, 2, 2, 0.5,
                                       FullAttr::get(&context), RopeAttr());
  EXPECT_EQ(attention->getNumResults(), 1u);
  x = ActivationOp::create(builder, loc, attention.getResult(), ActivationKind::gelu);
  x = PoolOp::create(builder, loc, x, f.getArgument(1), PoolKind::mean);
  EXPECT_EQ(x.getType(), RankedTensorType::get({ShapedType::kDynamic, 8}, builder.getF32Type()));
  L2NormalizeOp::create(builder, loc, x);
  EXPECT_EQ(getPartName(attention), "");
  finish();
}

TEST_F(Builders, NamesOfParts) {
  ParamOp w = param("w", {8, 8});
  auto f = function({activation(8)});
  auto first = LinearOp::create(builder, builder.getUnknownLoc(), f.getArgument(0), w);
  setPartName(first, "");
  EXPECT_FALSE(first->hasAttr(kPartAttribute));
  setPartName(first, "layers.0.up");
  EXPECT_EQ(getPartName(first), "layers.0.up");
  EXPECT_EQ(cast<NameLoc>(first.getLoc()).getName(), "layers.0.up");
  auto second = LinearOp::create(builder, first.getLoc(), first.getResult(), w);
  takePartName(second, first);
  EXPECT_EQ(second->getAttr(kPartAttribute), first->getAttr(kPartAttribute));
  auto beside = RotateOp::create(builder, builder.getUnknownLoc(), second.getResult(), 8);
  nameAfter(beside, second.getResult(), "rotate");
  EXPECT_EQ(getPartName(beside), "layers.0.up.rotate");
  auto input = RotateOp::create(builder, builder.getUnknownLoc(), f.getArgument(0), 8);
  nameAfter(input, f.getArgument(0), "rotate");
  EXPECT_EQ(getPartName(input), "");
  // The attribute counts when a location says something else.
  second->setLoc(nameLocation(builder, "stale"));
  EXPECT_EQ(getPartName(second), "layers.0.up");
  auto old = RotateOp::create(builder, nameLocation(builder, "old"), second.getResult(), 8);
  adoptLocationNames(*module);
  EXPECT_EQ(old->getAttrOfType<StringAttr>(kPartAttribute), "old");
  EXPECT_EQ(getPartName(second), "layers.0.up");
  EXPECT_FALSE(input->hasAttr(kPartAttribute));
  EXPECT_FALSE(w->hasAttr(kPartAttribute));
  first->setLoc(builder.getUnknownLoc());
  nameLocations(*module);
  EXPECT_EQ(cast<NameLoc>(first.getLoc()).getName(), "layers.0.up");
  finish();
}

} // namespace
