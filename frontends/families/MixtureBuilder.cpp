// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of MixtureBuilder.h. lm.experts wants the experts below one another, neuron n of expert e in row
// e H + n, of all three matrices: `down` is turned for that, as an expression, which those who keep its codes undo
// (passes/analysis/GroupedExperts.cpp). Tested by test/unit/frontends/ImportMixtureTest.cpp.
#include "frontends/families/MixtureBuilder.h"

#include "dialects/lm/Build.h"

using namespace mlir;
using namespace lmopt;

namespace {
/// A matrix that each expert has.
struct Matrix {
  const char *param, *tensor; // names behind the part
  bool turned = false;        // the file has [OUT, H]
  int64_t half = 0;           // which of those that gate_up holds; nothing where it is turned
};

class MixtureBuilder {
public:
  MixtureBuilder(ModelBuilder &model, const Mixture &mixture, const std::string &ffn, int64_t width)
      : model(model), mixture(mixture), ffn(ffn), part(ffn + ".experts"), width(width) {}

  Value gates(Value input);
  Value experts(Value input, Value gates, Activation activation);

private:
  lm::ParamOp matrix(const Matrix &which);
  lm::ParamOp fromHalves(const Matrix &which, const std::string &tensor);
  lm::ParamOp fromStack(const Matrix &which, const std::string &tensor);
  lm::ParamOp fromEach(const Matrix &which);
  std::string paramName(const Matrix &which) const { return part + "." + which.param; }
  SmallVector<int64_t> shape() const { return {mixture.experts * mixture.width, width}; }

  ModelBuilder &model;
  const Mixture &mixture;
  std::string ffn, part;
  int64_t width; // of what is read and of what is made
};
} // namespace

Value MixtureBuilder::gates(Value input) {
  Value scores = model.linear(ffn + ".router", input, mixture.experts, /*bias=*/false);
  if (!model.ok())
    return input;
  return model.create<lm::TopGatesOp>(ffn + ".gates", scores.getType(), scores, static_cast<uint64_t>(mixture.used),
                                      mixture.renormalized ? "chosen" : "all");
}

/// Of [E, 2 H, IN] the first or the second H rows of each expert.
lm::ParamOp MixtureBuilder::fromHalves(const Matrix &which, const std::string &tensor) {
  int64_t rows = 2 * mixture.width;
  return model.paramFrom(paramName(which), tensor, {mixture.experts, rows, width}, shape(), [&](Attribute stack) {
    Attribute all = lm::ReshapeAttr::get(stack.getContext(), stack, {mixture.experts * rows, width});
    return lm::TakeBlocksAttr::get(stack.getContext(), all, mixture.width, which.half, 2);
  });
}

lm::ParamOp MixtureBuilder::fromStack(const Matrix &which, const std::string &tensor) {
  SmallVector<int64_t> stored = {mixture.experts, mixture.width, width};
  if (which.turned)
    std::swap(stored[1], stored[2]);
  return model.paramFrom(paramName(which), tensor, stored, shape(), [&](Attribute stack) {
    Attribute rows = which.turned ? lm::TransposeEachAttr::get(stack.getContext(), stack) : stack;
    return lm::ReshapeAttr::get(stack.getContext(), rows, shape());
  });
}

lm::ParamOp MixtureBuilder::fromEach(const Matrix &which) {
  std::vector<std::string> tensors;
  for (int64_t i = 0; i < mixture.experts; ++i)
    tensors.push_back(part + "." + std::to_string(i) + "." + which.tensor + ".weight");
  SmallVector<int64_t> stored = {mixture.width, width};
  if (which.turned)
    std::swap(stored[0], stored[1]);
  return model.paramFromAll(paramName(which), tensors, stored, shape(), [&](ArrayRef<Attribute> matrices) {
    SmallVector<Attribute> rows(matrices);
    if (which.turned)
      for (Attribute &one : rows)
        one = lm::TransposeAttr::get(one.getContext(), one);
    return lm::ConcatRowsAttr::get(rows.front().getContext(), rows);
  });
}

/// A file without any of the tensors is told which one of the first expert it lacks.
lm::ParamOp MixtureBuilder::matrix(const Matrix &which) {
  std::string halves = part + ".gate_up_proj", down = part + ".down_proj",
              stack = part + "." + which.tensor + ".weight";
  if (!which.turned && model.has(halves))
    return fromHalves(which, halves);
  if (which.turned && model.has(down))
    return fromStack(which, down);
  if (model.has(stack))
    return fromStack(which, stack);
  return fromEach(which);
}

Value MixtureBuilder::experts(Value input, Value gates, Activation activation) {
  lm::ParamOp weight = matrix({"weight", "gate", false, 0}), up = matrix({"up", "up", false, 1});
  lm::ParamOp values = matrix({"values", "down", true});
  if (!model.ok())
    return input;
  return model.create<lm::ExpertsOp>(part, input.getType(), input, gates, weight.getSymName(), FlatSymbolRefAttr(),
                                     lm::refTo(up), values.getSymName(), FlatSymbolRefAttr(), lm::kindOf(activation));
}

Value lmopt::buildMixture(ModelBuilder &model, const Mixture &mixture, Activation activation, const std::string &ffn,
                          Value input) {
  MixtureBuilder builder(model, mixture, ffn, cast<RankedTensorType>(input.getType()).getShape().back());
  Value gates = builder.gates(input);
  return model.ok() ? builder.experts(input, gates, activation) : input;
}
