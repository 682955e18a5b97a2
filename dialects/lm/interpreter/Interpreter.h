// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reference interpreter: runs a function of a module op by op; what an op means it is told by MeaningOpInterface.
// In: a verified module of lm ops (plus arith.constant, func.call, func.return) in a context with registerMeanings();
// inputs as tensors and caches. Out: the results, or failure with a diagnostic at the op. It is slow: SmolLM2-135M
// takes about 60 ms a token. Tested by test/dialects/lm/interpret and test/unit/models/InterpreterFixturesTest.cpp.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_INTERPRETER_H
#define LMOPT_DIALECTS_LM_INTERPRETER_INTERPRETER_H

#include "dialects/lm/Weights.h"
#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm {

class Interpreter {
public:
  struct Options {
    /// Keep every weight that has been read in memory. Turn off for models that do not fit.
    bool keepWeights = true;
    /// Tokens of the whole sequence, for a run that brings the first of them only: rotary scaling may depend on it.
    /// Less than what has come: as many as have come.
    int64_t length = 0;
  };

  Interpreter(mlir::ModuleOp module, WeightReader &reader, Options options);
  Interpreter(mlir::ModuleOp module, WeightReader &reader) : Interpreter(module, reader, Options()) {}
  ~Interpreter();

  /// Runs function `name`. Inputs are checked against its type (dynamic sizes take any size).
  mlir::FailureOr<RuntimeValues> run(llvm::StringRef name, RuntimeValues inputs);

  struct State;

private:
  std::unique_ptr<State> state;
};

/// Tensors of token ids (batch x length) and of lengths, as @forward and @encode take them.
reference::Tensor makeIds(llvm::ArrayRef<int32_t> ids, int64_t batch = 1);
reference::Tensor makeLengths(llvm::ArrayRef<int32_t> lengths);

/// The numbers of a dense attribute of f32, i32, ui8 or si8; nullopt for other element types and for splats beyond
/// 2^28.
std::optional<reference::Tensor> tensorFromAttribute(mlir::DenseElementsAttr attribute);

/// Attaches the meanings of all lm ops (dialects/lm/<family>/Meaning.cpp) when the dialect is loaded.
void registerMeanings(mlir::DialectRegistry &registry);

/// Registers the pass --lm-interpret, which brings the meanings along.
void registerInterpretPass();

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_INTERPRETER_INTERPRETER_H
