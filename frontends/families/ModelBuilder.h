// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all family builders share: a module in the making, weights asked for by the names of the dialect, and ops that
// carry the name of their part.
//
// In: a configuration and a WeightSource (which file holds lm.param @name). Out: a verified module of lm ops whose
// params point into the source files. Nothing of a weight is read here but its shape.
// Tested by test/unit/frontends/ImportTest.cpp and by test/frontends/*.test.
#ifndef LMOPT_FRONTENDS_FAMILIES_MODELBUILDER_H
#define LMOPT_FRONTENDS_FAMILIES_MODELBUILDER_H

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "files/Status.h"
#include "frontends/families/ModelConfig.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace lmopt {

/// Where the weights are, in the words of one file format.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  virtual bool has(const std::string &name) = 0;
  /// The attribute that stands for lm.param @name; an error when the file has no such tensor, or another shape or type.
  virtual Result<mlir::Attribute> find(const std::string &name, llvm::ArrayRef<int64_t> shape) = 0;
  /// The same for a matrix of a linear: as training saw it (#lm.fake_quantize), where the file has ranges for it.
  virtual Result<mlir::Attribute> findTrained(const std::string &name, llvm::ArrayRef<int64_t> shape) {
    return find(name, shape);
  }
  /// An error when the file has a range for the weight of a part whose matrix is also a table.
  virtual Result<void> expectUntrained(const std::string &part, int64_t rows) { return {}; }
  /// The trained range of what a part reads or makes; null where the file has none.
  virtual Result<lm::CodeRangeAttr> inputRange(const std::string &part) { return lm::CodeRangeAttr(); }
  virtual Result<lm::CodeRangeAttr> outputRange(const std::string &part) { return lm::CodeRangeAttr(); }
  /// An error when the file has tensors that nobody asked for: the graph would not be the file's model.
  virtual Result<void> checkAllUsed() = 0;
};

/// Rows of a tensor in which a maker keeps several matrices, or of one that stands the other way round: of each `step`
/// blocks of `size` rows `count` from number `first` on. More than one only where the tensor is no more than `step`.
struct TensorRows {
  std::string part; // of the tensor, in the words of the dialect
  int64_t rows = 0; // of all of it
  int64_t size = 0, first = 0, step = 1, count = 1;
  bool transposed = false; // the matrix is [IN, OUT]
};

class ModelBuilder {
public:
  ModelBuilder(mlir::MLIRContext &context, WeightSource &source);

  /// The param of this name, made on first use; null after an error.
  lm::ParamOp param(const std::string &name, llvm::ArrayRef<int64_t> shape);
  /// A param that derives from another one, which is made by `derive` from the source's attribute.
  lm::ParamOp derivedParam(const std::string &name, llvm::ArrayRef<int64_t> sourceShape, llvm::ArrayRef<int64_t> shape,
                           llvm::function_ref<mlir::Attribute(mlir::Attribute)> derive);
  /// The same where the file's name of the source is that of another part: several params may derive from one tensor.
  lm::ParamOp paramFrom(const std::string &name, const std::string &tensor, llvm::ArrayRef<int64_t> sourceShape,
                        llvm::ArrayRef<int64_t> shape, llvm::function_ref<mlir::Attribute(mlir::Attribute)> derive);
  /// The same of several tensors of one shape.
  lm::ParamOp paramFromAll(const std::string &name, llvm::ArrayRef<std::string> tensors,
                           llvm::ArrayRef<int64_t> sourceShape, llvm::ArrayRef<int64_t> shape,
                           llvm::function_ref<mlir::Attribute(llvm::ArrayRef<mlir::Attribute>)> derive);
  /// A param whose numbers were computed while the model was read, row by row.
  lm::ParamOp inlineParam(const std::string &name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> numbers);
  bool has(const std::string &name) { return source.has(name); }

  /// Begins the function; its arguments are entry block arguments.
  /// `roles` says of inputs what they are where their place does not (lm.input).
  mlir::Block *beginFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> inputs,
                             llvm::ArrayRef<llvm::StringRef> roles = {});
  /// Ends it with its results; only valid while ok().
  void endFunction(mlir::ValueRange results);
  /// Makes an op at the end of the function, named after its part of the model. Only valid while ok().
  template <class Op, class... Arguments>
  Op create(llvm::StringRef part, Arguments &&...arguments) {
    auto op = Op::create(builder, lm::nameLocation(builder, part), std::forward<Arguments>(arguments)...);
    lm::setPartName(op, part);
    return op;
  }
  /// The matrix PART.weight of a linear, as training saw it.
  lm::ParamOp matrix(const std::string &part, llvm::ArrayRef<int64_t> shape);
  /// The matrix of a linear that is the embedding table, too; training has seen only one of them.
  lm::ParamOp sharedTable(const std::string &part, llvm::ArrayRef<int64_t> shape);
  /// What a part reads, or makes, in the codes that it was trained with if there are any; the ranges are those of
  /// `owner`.
  mlir::Value asRead(const std::string &part, mlir::Value input) { return asRead(part, input, part); }
  mlir::Value asRead(const std::string &part, mlir::Value input, const std::string &owner);
  mlir::Value asMade(const std::string &part, mlir::Value result) { return asMade(part, result, part); }
  mlir::Value asMade(const std::string &part, mlir::Value result, const std::string &owner);
  /// linear with the weight PART.weight, and with PART.bias when `bias` is set.
  mlir::Value linear(const std::string &part, mlir::Value input, int64_t outputs, bool bias) {
    return linear(part, input, outputs, bias, part);
  }
  /// The same with the weights of the part `owner`, which several parts may share.
  mlir::Value linear(const std::string &part, mlir::Value input, int64_t outputs, bool bias, const std::string &owner);
  /// The same with rows of a tensor that has the name of another part, of its bias, too.
  mlir::Value linear(const std::string &part, mlir::Value input, const TensorRows &from, bool bias);
  /// What a branch of the part is added to, and the branch: PART.residual.
  mlir::Value addResidual(const std::string &part, mlir::Value residual, mlir::Value branch);
  /// layer_norm with PART.weight and PART.bias, or those of `owner`; without a bias where `bias` is not set.
  mlir::Value layerNorm(const std::string &part, mlir::Value input, double eps) {
    return layerNorm(part, input, eps, part);
  }
  mlir::Value layerNorm(const std::string &part, mlir::Value input, double eps, const std::string &owner,
                        bool bias = true);

  /// An entry of lm.config.
  void setFact(llvm::StringRef name, mlir::Attribute value) { facts.set(name, value); }

  bool ok() const { return !error; }
  /// Sets lm.config, checks that no tensor is left over, verifies, and hands the module over.
  Result<mlir::OwningOpRef<mlir::ModuleOp>> finish();

  mlir::OpBuilder builder;

private:
  lm::ParamOp makeParam(const std::string &name, llvm::ArrayRef<int64_t> shape, mlir::Attribute value);
  mlir::Value inTrainedCodes(const std::string &name, mlir::Value value, Result<lm::CodeRangeAttr> range);

  WeightSource &source;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  llvm::StringMap<lm::ParamOp> params;
  mlir::NamedAttrList facts;
  mlir::func::FuncOp function; // params go in front of it
  std::optional<Error> error;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MODELBUILDER_H
