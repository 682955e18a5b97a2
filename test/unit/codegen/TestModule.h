// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small modules of the lit tests (test/codegen/lower), read for C++ tests. In: a file name. Out: a module.
#ifndef LMOPT_TEST_UNIT_CODEGEN_TESTMODULE_H
#define LMOPT_TEST_UNIT_CODEGEN_TESTMODULE_H

#include "codegen/lower/Lower.h"
#include "dialects/lm/Lm.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <string>

namespace lmopt::test {

class TestModule {
public:
  static TestModule fromFile(const std::string &name) {
    TestModule result;
    std::string path = std::string(LMOPT_SOURCE_DIR) + "/test/codegen/lower/" + name;
    result.module = mlir::parseSourceFile<mlir::ModuleOp>(path, result.context.get());
    EXPECT_TRUE(result.module) << path;
    return result;
  }
  static TestModule fromText(const std::string &text) {
    TestModule result;
    result.module = mlir::parseSourceString<mlir::ModuleOp>(text, result.context.get());
    EXPECT_TRUE(result.module) << text;
    return result;
  }
  mlir::ModuleOp get() { return *module; }

private:
  TestModule() : context(std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED)) {
    mlir::DialectRegistry registry;
    lm::registerDialects(registry);
    lower::registerDialects(registry);
    context->appendDialectRegistry(registry);
    context->loadAllAvailableDialects();
  }
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A packed weight of a module, made of these params, with a layout that reads `#cpu.` + text.
inline plan::WeightOp makeWeight(mlir::ModuleOp module, const std::vector<const char *> &params,
                                 const std::string &layout, int64_t offset = 0) {
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module.getBody());
  llvm::SmallVector<mlir::Attribute> names;
  for (const char *param : params)
    names.push_back(mlir::FlatSymbolRefAttr::get(module.getContext(), param));
  auto attribute =
      mlir::dyn_cast_or_null<plan::WeightLayoutAttr>(mlir::parseAttribute("#cpu." + layout, module.getContext()));
  EXPECT_TRUE(attribute) << layout;
  return plan::WeightOp::create(builder, module.getLoc(), "packed", builder.getArrayAttr(names), attribute, offset);
}

} // namespace lmopt::test

#endif
