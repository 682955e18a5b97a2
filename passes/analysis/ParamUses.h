// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who uses which weight. A weight may be rewritten in place only when all its users are rewritten with it.
//
// In: a module. Out: users of each lm.param, kept up to date by forget() and record() around every change of an op.
// Relies on: weights are named by attributes of type FlatSymbolRefAttr. Tested by test/passes (shared weights in the
// must-not-fire tests of each pass).
#ifndef LMOPT_PASSES_ANALYSIS_PARAMUSES_H
#define LMOPT_PASSES_ANALYSIS_PARAMUSES_H

#include "dialects/lm/Lm.h"

#include "llvm/ADT/DenseMap.h"

namespace lmopt::lm {

/// Visits the ops of the module in order, but not those of a symbol table inside it, which has weights of its own.
void walkModel(mlir::ModuleOp module, llvm::function_ref<void(mlir::Operation *)> visit);

/// The ops of one kind that walkModel visits, so that they may be changed or erased one by one.
template <typename OpT>
llvm::SmallVector<OpT> findOps(mlir::ModuleOp module) {
  llvm::SmallVector<OpT> found;
  walkModel(module, [&](mlir::Operation *op) {
    if (auto match = llvm::dyn_cast<OpT>(op))
      found.push_back(match);
  });
  return found;
}

class ParamUses {
public:
  explicit ParamUses(mlir::ModuleOp module);

  /// The param of that name; the dialect has verified that it exists.
  ParamOp lookup(mlir::FlatSymbolRefAttr symbol) const { return params.lookup(symbol.getAttr()); }
  /// The ops that name the param, in the order of the module; an op that names it twice stands twice.
  llvm::ArrayRef<mlir::Operation *> users(ParamOp param) const;
  bool isOnlyUsedBy(ParamOp param, mlir::Operation *op) const;

  /// Call before and after an op changes which weights it names (or is erased, or was made).
  void forget(mlir::Operation *op);
  void record(mlir::Operation *op);

  /// Gives the linear the bias `value`: in place when the bias is its own, else as a new param.
  void setBias(LinearOp linear, mlir::Attribute value);
  void dropBias(LinearOp linear);

  /// Erases the params that had users at the start and have none any more.
  void eraseUnused();

private:
  mlir::ModuleOp module;
  llvm::DenseMap<mlir::StringAttr, ParamOp> params;
  llvm::DenseMap<mlir::StringAttr, llvm::SmallVector<mlir::Operation *, 2>> usersByName;
};

/// `wanted`, or that with a number behind it where the module has something of that name already.
std::string freeParamName(mlir::ModuleOp module, llvm::StringRef wanted);

/// Makes a param something else of f32; `error`: by how much products with it are off, where that is known.
void setApproximate(ParamOp param, mlir::Attribute value, llvm::ArrayRef<int64_t> shape,
                    std::optional<double> error = std::nullopt);

/// Why other numbers may not take the place of the weight's, or an empty string: codes that training has given
/// (#lm.fake_quantize) would be lost.
std::string reasonToKeepCodes(ParamOp weight);

/// The linear that makes `value` and nothing else uses, or null: what a rewrite of a projection needs.
LinearOp getOwnLinear(mlir::Value value);

/// The linear of getOwnLinear when its weight is its own too, or null.
LinearOp getOwnLinear(mlir::Value value, const ParamUses &uses);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_PARAMUSES_H
