// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TreeScore.h.
#include "codegen/ptx/ranking/TreeScore.h"

#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/ranking/TreeWay.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
/// Scores of a tile.
constexpr int64_t kTileBytes = 4 * LinearSpec::kTile;

/// Kinds of a product's rows and what belongs to codes.
SmallVector<Kind> rowsOf(const LinearSpec &exact) {
  return SmallVector<Kind>(static_cast<size_t>(exact.partsOfRows()), Kind::Memory);
}

class TreeScoreEmitter {
public:
  /// `place`: of a tile's scores in shared memory, behind what the body of the product has there.
  TreeScoreEmitter(Emitter &e, const TreeScoreSpec &spec, const KernelEntry &product, int64_t place, ValueRange a)
      : e(e), spec(spec), product(product), place(place), row(e.block()), weights(a[0]),
        rows(a.drop_front(1).drop_back(3)), way(e, spec.tables, a[a.size() - 3]),
        word(e.load(e.i32(), e.atElement(a[a.size() - 2], row, 4))),
        result(e.atElement(a.back(), row, spec.outStride)) {}

  void run() {
    Value none = e.number(-1);
    Value sum = way.go(word, {e.floatOf(0), none}, [&](Value step, const Values &so) {
      Value node = way.nodeOf(step), tile = e.div(node, LinearSpec::kTile);
      e.ifThen(e.less(e.number(0), e.bitXor(tile, so[1])), [&] { multiply(tile); });
      return Values{way.add(so[0], step, scoreOf(node)), tile};
    })[0];
    Value isFirst = e.equal(e.thread(), e.number(0));
    e.ifThen(e.less(e.thread(), e.number(spec.outStride / 4)),
             [&] { e.store(e.select(isFirst, sum, e.floatOf(0)), e.atElement(result, e.thread(), 4)); });
  }

private:
  Emitter &e;
  const TreeScoreSpec &spec;
  const KernelEntry &product;
  int64_t place;
  Value row, weights;
  ValueRange rows;
  TreeWay way;
  Value word, result;

  Value scoreOf(Value node) {
    Value own = e.mul(e.rem(node, LinearSpec::kTile), 4);
    return e.load(e.f32(), e.at(e.at(e.shared(), place), own));
  }

  // All threads agree on the tile. The body has a barrier before it stores, so that nobody reads the tile before.
  void multiply(Value tile) {
    VirtualBlock block = {tile, e.number(0), e.number(0), product.shape.threads, /*barrier=*/0, nullptr};
    Emitter own(e.b, e.loc, e.target, &block);
    Value scores = e.at(e.shared(), e.sub(e.number(place), e.mul(tile, kTileBytes))); // where the matrix's would begin
    SmallVector<Value> arguments = {weights};
    for (auto [number, bytes] : llvm::enumerate(bytesOfRow()))
      arguments.push_back(e.atElement(rows[number], row, bytes));
    arguments.append({scores, /*stride=*/e.number(0), /*rows=*/e.number(1)});
    product.body(own, arguments);
    e.barrier();
  }
  SmallVector<int64_t> bytesOfRow() const {
    const LinearSpec &exact = spec.exact;
    if (exact.isGrouped())
      return {exact.rowBytes(), GroupedRow{exact.inputs, exact.group}.groupsBytes()};
    return exact.isInteger() ? SmallVector<int64_t>{exact.rowBytes(), 4, 4} : SmallVector<int64_t>{exact.rowBytes()};
  }
};

} // namespace

std::string treeScoreKernel(KernelLibrary &kernels, const TreeScoreSpec &spec) {
  const KernelEntry product = kernels.kernel(linearDecodeKernel(kernels, {spec.exact, /*rows=*/8}));
  int64_t place = roundUp(product.shape.sharedBytes, kTileBytes);
  KernelShape shape = product.shape;
  shape.sharedBytes = place + kTileBytes;
  SmallVector<Kind> kinds = {Kind::Constant};
  kinds.append(rowsOf(spec.exact));
  kinds.append({Kind::Constant, Kind::Memory, Kind::Memory});
  std::string name = "tree_score_m" + std::to_string(spec.tables.nodes) + "_w" + std::to_string(spec.tables.steps) +
                     "_to" + std::to_string(spec.outStride) + "_" + product.name;
  return kernels.define(name, shape, kinds,
                        [=](Emitter &e, ValueRange a) { TreeScoreEmitter(e, spec, product, place, a).run(); });
}

} // namespace lmopt::nvptx
