// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of packed weights share: a module with matrices that differ in every element, and packing one of its
// weights.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PACKWEIGHTS_H
#define LMOPT_TEST_UNIT_CODEGEN_PACKWEIGHTS_H

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "codegen/link/PackWeights.h"
#include "test/unit/codegen/TestModule.h"

#include "gtest/gtest.h"

#include <cstring>

namespace lmopt::test {

/// Different in every element.
inline float element(int64_t row, int64_t column) { return float(row + 1) + float(column) / 64; }

inline std::string matrixText(int64_t rows, int64_t columns) {
  std::string text = "dense<[";
  for (int64_t r = 0; r < rows; ++r) {
    text += r ? ", [" : "[";
    for (int64_t c = 0; c < columns; ++c)
      text += (c ? ", " : "") + std::to_string(r % 2 ? -element(r, c) : element(r, c));
    text += "]";
  }
  return text + "]> : tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "xf32>";
}

inline float signedElement(int64_t row, int64_t column) {
  return row % 2 ? -element(row, column) : element(row, column);
}

class PackWeights : public testing::Test {
protected:
  PackWeights()
      : module(TestModule::fromText(
            "lm.param @m : tensor<20x18xf32> = " + matrixText(20, 18).substr(0, matrixText(20, 18).rfind(" :")) +
            "\nlm.param @halves : tensor<20x18xbf16> = #lm.narrow<" + matrixText(20, 18) +
            ">\nlm.param @codes : !lm.int8<20x18> = #lm.quantize_rows<" + matrixText(20, 18) +
            ">\nlm.param @turned : !lm.int8<20x18> = #lm.quantize_rows<#lm.rotate_columns<" + matrixText(20, 18) +
            ", block = 2>>\nlm.param @v : tensor<20xf32> = #lm.matvec_add<" + matrixText(20, 18) +
            ", dense<[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]> : "
            "tensor<18xf32>>\nlm.param @missing : tensor<4x4xf32> = #lm.safetensors<\"no-such-file.safetensors\", "
            "\"w\", f32>\n")) {}

  lm::ParamOp param(const char *name) { return module.get().lookupSymbol<lm::ParamOp>(name); }

  std::vector<char> pack(plan::WeightOp weight) {
    mlir::FailureOr<std::vector<char>> bytes = link::packWeight(weight, reader);
    EXPECT_TRUE(mlir::succeeded(bytes));
    return mlir::succeeded(bytes) ? *bytes : std::vector<char>();
  }
  static float floatAt(const std::vector<char> &bytes, int64_t offset) {
    float value;
    std::memcpy(&value, bytes.data() + offset, 4);
    return value;
  }

  /// A weight of the module, made of these params, with a layout that reads `#cpu.` + text.
  plan::WeightOp weightOf(const std::vector<const char *> &params, const std::string &layout, int64_t offset = 0) {
    return makeWeight(module.get(), params, layout, offset);
  }
  plan::WeightOp linear(const char *matrix, cpu::WeightFormat format, bool bias, int64_t offset = 0) {
    std::string type;
    llvm::raw_string_ostream(type) << param(matrix).getType();
    std::vector<const char *> params = {matrix};
    if (bias)
      params.push_back("v");
    plan::WeightOp weight = weightOf(params, "panels<" + type + (bias ? ", bias = true>" : ">"), offset);
    EXPECT_EQ(cpu::linearSpec(param(matrix).getType(), bias).format, format);
    return weight;
  }
  static cpu::LinearSpec specOf(cpu::WeightFormat format, bool bias) { return {20, 18, format, bias, 0}; }

  TestModule module;
  lm::WeightReader reader;
};

} // namespace lmopt::test

#endif
