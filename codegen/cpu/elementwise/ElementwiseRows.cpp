// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done to each number of a row alone; see ElementwiseRows.h.
#include "codegen/cpu/elementwise/ElementwiseRows.h"

#include "codegen/Functions.h"
#include "codegen/cpu/elementwise/Activations.h"
#include "codegen/cpu/rows/RowContext.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

class Add : public RowFunction {
  RowName name() const override { return {"add"}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) { return chunk.e.add(chunk.operand(0, i), chunk.operand(1, i)); });
  }
};

class BiasAdd : public RowFunction {
  RowName name() const override { return {"bias"}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value offset) { return chunk.e.add(chunk.operand(0, i), chunk.weightAt(0, offset)); });
  }
};

class ActivationRow : public RowFunction {
public:
  ActivationRow(Activation kind, bool for8Bits) : kind(kind), for8Bits(for8Bits) {}
  RowName name() const override { return {"act_" + word()}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) { return activated(chunk, i); });
  }

protected:
  std::string word() const { return std::string(kernelWord(kind)) + (for8Bits ? "8bit" : ""); }
  Value activated(RowChunk &chunk, int64_t i) const {
    return emitActivation(chunk.e, kind, for8Bits, chunk.operand(0, i));
  }

private:
  Activation kind;
  bool for8Bits;
};

class GatedProduct : public ActivationRow {
public:
  using ActivationRow::ActivationRow;
  RowName name() const override { return {"gated_" + word()}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) { return chunk.e.mul(activated(chunk, i), chunk.operand(1, i)); });
  }
};

class SoftCap : public RowFunction {
public:
  explicit SoftCap(float cap) : cap(cap) {}
  RowName name() const override { return {"softcap", std::to_string(llvm::bit_cast<uint32_t>(cap))}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) { return functions::softCap(chunk.e, cap, chunk.operand(0, i)); });
  }

private:
  float cap;
};

} // namespace

RowFunctionRef add() { return std::make_shared<Add>(); }
RowFunctionRef biasAdd() { return std::make_shared<BiasAdd>(); }
RowFunctionRef activation(Activation kind, bool for8Bits) { return std::make_shared<ActivationRow>(kind, for8Bits); }
RowFunctionRef gatedProduct(Activation kind, bool for8Bits) { return std::make_shared<GatedProduct>(kind, for8Bits); }
RowFunctionRef softCap(float cap) { return std::make_shared<SoftCap>(cap); }

} // namespace lmopt::cpu
