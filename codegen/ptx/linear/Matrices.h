// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Several matrices whose products with the same rows are one launch: their tiles of 16 outputs follow one another along
// x, so that a layer's small matrices (keys, values) fill a GPU together. In: specs that differ in outputs alone, the
// kernel's arguments. Out: what belongs to the matrix that a block works on. Tested by
// test/unit/codegen/ptx/SharedLaunchTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_MATRICES_H
#define LMOPT_CODEGEN_PTX_LINEAR_MATRICES_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

/// Whether one launch can make the products of both, given that they read the same rows.
bool canShareLaunch(const LinearSpec &a, const LinearSpec &c);
/// `first` and those beside it, of which only the outputs are told.
std::vector<LinearSpec> matricesOf(const LinearSpec &first, const std::vector<int64_t> &besideOutputs);
int64_t tilesOf(llvm::ArrayRef<LinearSpec> matrices);
/// "_and192_and192": the part of a kernel's name.
std::string besideName(const std::vector<int64_t> &besideOutputs);
/// The tile that a block works on; its kernel's first arguments are the matrices.
WeightStream weightStream(const LinearSpec &first, const std::vector<int64_t> &besideOutputs);

/// The matrix of one block among those of a launch.
class Matrices {
public:
  using Value = mlir::Value;

  Matrices(Emitter &e, std::vector<LinearSpec> specs, Value block) : e(e), specs(std::move(specs)), block(block) {}

  size_t count() const { return specs.size(); }
  /// Number of the block's tile in its matrix.
  Value tile();
  /// That of the block's matrix, of one value for each; all are there.
  Value pick(llvm::ArrayRef<Value> ofEach);
  /// A number that follows from a spec, as i32 or, of bytes, as i64.
  Value number(llvm::function_ref<int64_t(const LinearSpec &)> ofEach);
  Value bytes(llvm::function_ref<int64_t(const LinearSpec &)> ofEach);
  bool any(llvm::function_ref<bool(const LinearSpec &)> holds) const { return llvm::any_of(specs, holds); }

private:
  Emitter &e;
  std::vector<LinearSpec> specs;
  Value block;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_MATRICES_H
