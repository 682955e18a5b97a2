// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Matrices.h.
#include "codegen/ptx/linear/Matrices.h"

using namespace mlir;

namespace lmopt::nvptx {

bool canShareLaunch(const LinearSpec &a, const LinearSpec &c) {
  if (a.isCodebook() || a.isBlocks())
    return false; // kernels of one matrix
  LinearSpec same = c;
  same.outputs = a.outputs;
  return same == a;
}

std::vector<LinearSpec> matricesOf(const LinearSpec &first, const std::vector<int64_t> &besideOutputs) {
  std::vector<LinearSpec> matrices = {first};
  for (int64_t outputs : besideOutputs) {
    matrices.push_back(first);
    matrices.back().outputs = outputs;
  }
  return matrices;
}

int64_t tilesOf(ArrayRef<LinearSpec> matrices) {
  int64_t tiles = 0;
  for (const LinearSpec &matrix : matrices)
    tiles += matrix.tiles();
  return tiles;
}

std::string besideName(const std::vector<int64_t> &besideOutputs) {
  std::string name;
  for (int64_t outputs : besideOutputs)
    name += "_and" + std::to_string(outputs);
  return name;
}

WeightStream weightStream(const LinearSpec &first, const std::vector<int64_t> &besideOutputs) {
  return {first.slices(), [=](Emitter &e, ValueRange arguments) {
            Matrices matrices(e, matricesOf(first, besideOutputs), e.block());
            Value weights = matrices.pick(SmallVector<Value>(arguments.take_front(matrices.count())));
            return e.atElement(weights, matrices.tile(), first.slices() * LinearSpec::kSlice);
          }};
}

// The last one, unless the block lies before the end of an earlier one.
Value Matrices::pick(ArrayRef<Value> ofEach) {
  Value picked = ofEach.back();
  for (size_t i = specs.size() - 1; i-- > 0;)
    picked = e.select(e.less(block, e.number(tilesOf(ArrayRef(specs).take_front(i + 1)))), ofEach[i], picked);
  return picked;
}

Value Matrices::number(llvm::function_ref<int64_t(const LinearSpec &)> ofEach) {
  return pick(llvm::map_to_vector(specs, [&](const LinearSpec &spec) { return e.number(ofEach(spec)); }));
}

Value Matrices::bytes(llvm::function_ref<int64_t(const LinearSpec &)> ofEach) {
  return pick(llvm::map_to_vector(specs, [&](const LinearSpec &spec) -> Value {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(ofEach(spec)));
  }));
}

Value Matrices::tile() {
  Emitter::Values first;
  for (size_t i = 0; i < specs.size(); ++i)
    first.push_back(e.number(tilesOf(ArrayRef(specs).take_front(i))));
  return specs.size() == 1 ? block : e.sub(block, pick(first));
}

} // namespace lmopt::nvptx
