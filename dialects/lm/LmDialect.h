// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `lm` dialect without its ops: types, attributes, and the few helpers that all who read or write a module need.
// The ops of a family are dialects/lm/<family>/<Family>.h, which the build writes (cmake/LmoptOps.cmake); all of them,
// Lm.h. Tested by test/dialects/lm.

#ifndef LMOPT_DIALECTS_LM_LMDIALECT_H
#define LMOPT_DIALECTS_LM_LMDIALECT_H

#include "dialects/lm/Kinds.h"
#include "dialects/lm/LmReal.h"
#include "dialects/lm/interfaces/Linear.h"
#include "dialects/lm/interfaces/Step.h"
#include "dialects/lm/interfaces/WeightType.h"
#include "dialects/lm/weights/WeightData.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>
#include <string>

namespace mlir {
class PatternRewriter; // its header is heavy and only folds need it
} // namespace mlir

namespace lmopt::lm {

/// What is known of a weight before any file is read.
struct WeightForm {
  bool int8 = false;
  bool bf16 = false;
  int64_t groupedBits = 0;                         // 4, 5, 6 or 8: a grouped weight
  bool hasMin = false;                             // of a grouped weight
  int64_t entries = 0;                             // of its codebook; 0: has none
  int64_t group = 0;                               // of a grouped weight or a codebook: inputs that share a scale
  int64_t scaleBits = 16;                          // of a grouped weight: of each scale and minimum, 16 or 8
  int64_t blockRows = 0, blockColumns = 0;         // of a sparse int8 weight: what is stored or not as a whole
  std::optional<int64_t> stored;                   // of it: blocks that are, known when the numbers are
  std::optional<llvm::SmallVector<int64_t>> shape; // unknown while it depends on a file
  int64_t depth = 1;                               // derivations above the deepest leaf
  int64_t leaves = 1;

  bool isF32() const { return !int8 && !bf16 && groupedBits == 0 && entries == 0; }
};

/// Codes that another tool has put into a file, of one tensor.
struct FileCodes {
  WeightForm form;    // of the codes as they are
  std::string format; // q4_1, awq
  llvm::StringRef file;
  llvm::StringRef tensor;
  bool roundsScales = false; // f16 need not hold a scale or a minimum, which is made of two numbers
  std::string problem;       // why no product can take them as they are; empty when one can
};

/// Whether a weight of that form may have the type: that of a param, or a tensor.
bool typeHolds(mlir::Type type, const WeightForm &form);

/// What a weight does to the numbers that it is made of.
enum class WeightEffect {
  Read,     ///< a leaf: what a file holds
  Moved,    ///< the same numbers in another order, or some of them
  Computed, ///< new numbers, exact but for the rounding of f32
  Rounded   ///< fewer bits, or refitted to fewer numbers: a loss that params must label
};

/// Whether range / steps and steps / range are what codes can be made with: positive, neither too large nor too small.
bool makesCodes(float range, int64_t steps);

/// Whether each number from 0 to the length, without it, stands there once.
bool isPermutation(llvm::ArrayRef<int64_t> numbers);

class Evaluation; // of one weight, see weights/Evaluation.h

/// The form of a weight attribute, or nullopt when `value` is not a weight (neither dense f32 nor WeightAttrInterface).
std::optional<WeightForm> getWeightForm(mlir::Attribute value);
/// The weights that a weight attribute is derived from, in the order of its text.
llvm::SmallVector<mlir::Attribute> weightSources(mlir::Attribute weight);
/// Whether the weight has codes of 8 bits and a scale a row that its model was trained with (#lm.fake_quantize) or
/// comes with (#lm.packed), its rows perhaps moved or multiplied. What makes other numbers of it loses them.
bool hasTrainedCodes(mlir::Attribute weight);

} // namespace lmopt::lm

#include "dialects/lm/LmDialect.h.inc"
#include "dialects/lm/LmEnums.h.inc"
#include "dialects/lm/LmInterfaces.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lm/LmTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lm/LmAttributes.h.inc"

namespace lmopt::lm {

/// Between the kinds of the IR and those of Kinds.h, which are the same.
constexpr Activation activationOf(ActivationKind kind) { return static_cast<Activation>(kind); }
constexpr ActivationKind kindOf(Activation activation) { return static_cast<ActivationKind>(activation); }
constexpr Pooling poolingOf(PoolKind kind) { return static_cast<Pooling>(kind); }
constexpr PoolKind kindOf(Pooling pooling) { return static_cast<PoolKind>(pooling); }

/// How many inputs share a scale in a matrix of integers with scales in groups (!lm.grouped, !lm.codebook with groups);
/// 0 for any other type.
int64_t integerGroup(mlir::Type weight);

/// The trait of ops that compute nothing (declarations, as lm.param): these have neither meaning nor facts.
template <typename Op>
class NoComputation : public mlir::OpTrait::TraitBase<Op, NoComputation> {};

class ParamOp;

/// The param that `symbol` names in the module around `user`, or null.
ParamOp lookupParam(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);
ParamOp lookupParam(mlir::SymbolTableCollection &tables, mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);

/// `loc` with the name of a part of the model, e.g. "layers.3.attn.q"; diagnostics use it (see PartNames.h).
mlir::Location nameLocation(mlir::OpBuilder &builder, llvm::StringRef name);
/// The name of the part that an op is, or ""; patterns, remarks and reports use it (see PartNames.h).
llvm::StringRef getPartName(mlir::Operation *op);

/// Frequencies of rotary positions: pair i of a head is rotated by position * frequencies[i], and both query and key
/// are multiplied by `attentionFactor`.
struct RopeFrequencies {
  llvm::SmallVector<double> frequencies; // dims / 2
  double attentionFactor = 1;
};

/// The one place that knows the scaling kinds (transformers modeling_rope_utils). `length` is that of the whole
/// sequence: beyond original_positions it selects the long factors of `longrope` and stretches the base of `dynamic`;
/// the other kinds are the same for any (see RopeAttr::getSwitchPositions).
RopeFrequencies computeRopeFrequencies(RopeAttr rope, int64_t length);

/// Registers the dialects that a module of lmopt is made of: lm, func, arith, builtin.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_LMDIALECT_H
