// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the meaning of an op works with (dialects/lm/<family>/Meaning.cpp): the values and weights of the function that
// runs, and how such meanings are registered. The driver is Interpreter.cpp. Tested by test/dialects/lm.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_FRAME_H
#define LMOPT_DIALECTS_LM_INTERPRETER_FRAME_H

#include "dialects/lm/interfaces/Meaning.h"
#include "dialects/lm/interpreter/Interpreter.h"

namespace lmopt::lm {

/// What all frames of a run share.
struct Interpreter::State {
  State(mlir::ModuleOp module, WeightReader &reader, Options options)
      : module(module), reader(reader), options(options) {}

  mlir::ModuleOp module;
  WeightReader &reader;
  Options options;
  mlir::SymbolTableCollection tables;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<WeightData>> weights;
};

/// One activation of a function: its values, each dropped after its last use.
class Frame {
public:
  explicit Frame(Interpreter::State &state) : state(state) {}

  const reference::Tensor &tensor(mlir::Value value) const { return std::get<reference::Tensor>(at(value)); }
  const reference::Quantized &codes(mlir::Value value) const { return std::get<reference::Quantized>(at(value)); }
  /// The value itself if this is its last use, else a copy.
  RuntimeValue take(mlir::Value value);
  reference::Tensor takeTensor(mlir::Value value) { return std::get<reference::Tensor>(take(value)); }

  /// The weight that `symbol` names, as long as the op is evaluated; failure with a message at `user` or at the param.
  mlir::FailureOr<reference::Weight> matrix(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);
  /// Null for an absent symbol.
  mlir::FailureOr<const float *> vector(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);

  /// Tokens of the whole sequence when `length` of them have come.
  int64_t wholeLength(int64_t length) const { return std::max(length, state.options.length); }

  /// Positions that the cache held which the function was given: those before the rows of this step.
  int64_t positionsBefore() const { return before; }

  const RuntimeValue &at(mlir::Value value) const { return values.find(value)->second; }
  void define(mlir::Value value, RuntimeValue content);
  /// The op has been evaluated: drops the operands whose last use it was.
  void release(mlir::Operation *op);

private:
  mlir::FailureOr<const WeightData *> weight(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);

  Interpreter::State &state;
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
  llvm::DenseMap<mlir::Value, int64_t> usesLeft;
  int64_t before = 0;
  std::vector<std::unique_ptr<WeightData>> borrowed; // weights of the current op when they are not kept
};

/// The results of an op that has one.
RuntimeValues one(RuntimeValue value);
/// The same of a function that may refuse what it is given; `op` tells why.
mlir::FailureOr<RuntimeValues> one(mlir::Operation *op, Result<reference::Tensor> result);

namespace detail {

template <auto Evaluate>
struct MeaningModel;

template <typename Op, mlir::FailureOr<RuntimeValues> (*Evaluate)(Op, Frame &)>
struct MeaningModel<Evaluate> : MeaningOpInterface::ExternalModel<MeaningModel<Evaluate>, Op> {
  mlir::FailureOr<RuntimeValues> evaluate(mlir::Operation *op, Frame &frame) const {
    return Evaluate(mlir::cast<Op>(op), frame);
  }
  static void attach(mlir::MLIRContext *context) { Op::template attachInterface<MeaningModel>(*context); }
};

} // namespace detail

/// Registers functions `FailureOr<RuntimeValues> evaluate(SomeOp op, Frame &frame)` as the meanings of the ops they
/// take.
template <auto... Evaluate>
void addMeanings(mlir::DialectRegistry &registry) {
  registry.addExtension(
      +[](mlir::MLIRContext *context, LMDialect *) { (detail::MeaningModel<Evaluate>::attach(context), ...); });
}

/// Each family that computes something defines its own; registerMeanings() calls them all.
#define MEANING(FAMILY) void register##FAMILY##Meanings(mlir::DialectRegistry &registry);
#include "dialects/lm/LmMeanings.inc"
#undef MEANING

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_INTERPRETER_FRAME_H
