// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patterns over names of linears: what they take and skip, and that a pattern without any match is refused.
#include "passes/analysis/LayerSelection.h"

#include "dialects/lm/Lm.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace lmopt::lm;

namespace {

class LayerSelectionTest : public testing::Test {
protected:
  LayerSelectionTest() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
    module = mlir::parseSourceString<mlir::ModuleOp>(R"(
      lm.param @w : tensor<2x2xf32> = dense<1.0>
      func.func @f(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
        %a = lm.linear %x, @w : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("layers.0.attn.q")
        %b = lm.linear %a, @w : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("layers.1.ffn.up")
        %c = lm.linear %b, @w : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("head")
        %g = lm.top_gates %c {count = 1, softmax = "chosen"} : tensor<?x?x2xf32>
        %d = lm.experts %c by %g, @w to @w {kind = silu} : (tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("mixture")
        return %d : tensor<?x?x2xf32>
      })",
                                                     &context);
  }

  mlir::FailureOr<LayerSelection> select(std::vector<std::string> layers, std::vector<std::string> skip = {},
                                         Selectable selectable = Selectable::Linears) {
    return LayerSelection::create(*module, layers, skip, selectable);
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string message;
};

TEST_F(LayerSelectionTest, NoPatternTakesAll) {
  auto selection = select({});
  ASSERT_TRUE(mlir::succeeded(selection));
  EXPECT_TRUE(selection->containsName("head"));
}

TEST_F(LayerSelectionTest, TakesAndSkips) {
  auto selection = select({"layers.*", "head"}, {"*.ffn.*"});
  ASSERT_TRUE(mlir::succeeded(selection));
  EXPECT_TRUE(selection->containsName("layers.0.attn.q"));
  EXPECT_TRUE(selection->containsName("head"));
  EXPECT_FALSE(selection->containsName("layers.1.ffn.up"));
  EXPECT_FALSE(selection->containsName("pooler"));
}

TEST_F(LayerSelectionTest, RefusesWhatMatchesNothing) {
  EXPECT_TRUE(mlir::failed(select({"layer.*"})));
  EXPECT_EQ(message, "option 'layers': pattern 'layer.*' matches none of the 3 linears of this model; the first is "
                     "'layers.0.attn.q'");
  EXPECT_TRUE(mlir::failed(select({}, {"haed"})));
  EXPECT_NE(message.find("option 'skip': pattern 'haed'"), std::string::npos) << message;
}

// Whose names count is the asker's to say.
TEST_F(LayerSelectionTest, NamesOfSeveralKinds) {
  EXPECT_TRUE(mlir::failed(select({"mixture"})));
  EXPECT_TRUE(mlir::succeeded(select({"mixture"}, {"head"}, Selectable::Linears | Selectable::Experts)));
  EXPECT_TRUE(mlir::failed(select({"all"}, {}, Selectable::Linears | Selectable::Tables | Selectable::Experts)));
  EXPECT_NE(message.find("matches none of the 4 linears, tables and experts of this model"), std::string::npos)
      << message;
}

TEST_F(LayerSelectionTest, RefusesWhatIsNoPattern) {
  EXPECT_TRUE(mlir::failed(select({"layers.[0"})));
  EXPECT_NE(message.find("'layers.[0' is not a pattern"), std::string::npos) << message;
}

} // namespace
