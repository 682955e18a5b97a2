// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan of a model's code: a straight list of kernel calls on rows of buffers, and the weights they read, in order.
// It stands between the lm module (what is computed) and the entry points (calls, addresses, barriers). One plan serves
// every entry; how its steps are dealt out to threads is the schedule's business (Schedule.h).
//
// In: an optimized lm module. Out: Plan. Layers that look alike need no special treatment: their steps ask for the same
// kernel by name, so the kernel exists once, and the list costs a call a step.
// Tested by test/codegen/lower/*.mlir and test/unit/codegen.
#ifndef LMOPT_CODEGEN_LOWER_PLAN_H
#define LMOPT_CODEGEN_LOWER_PLAN_H

#include "codegen/cpu/WeightLayout.h"
#include "codegen/cpu/attention/AttentionSpec.h"
#include "codegen/cpu/linear/LinearSpec.h"
#include "codegen/cpu/pooling/Pooling.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "dialects/lm/Lm.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace lmopt::lower {

/// What one row of a buffer stands for: a token of the step, a token whose logits are wanted, a whole sequence.
enum class Domain { Tokens, Outputs, Segments };

/// Rows of floats or of quantized numbers between two steps.
struct Buffer {
  Domain domain = Domain::Tokens;
  int64_t rowBytes = 0;
  int64_t width = 0;
  cpu::RowFormat format = cpu::RowFormat::F32;
  std::optional<int> result; ///< the caller's memory (step->results[*result]), rows packed without padding
};

/// What the entries give, by name.
struct NamedResult {
  std::string name;
  Domain domain = Domain::Outputs;
  int64_t width = 0;
};

/// A weight as the artifact holds it. `params` name the lm.param ops it is made of; a table of turns has none.
struct PackedWeight {
  std::vector<lm::ParamOp> params;
  std::shared_ptr<const cpu::WeightLayout> layout;
  int64_t offset = 0;
  int64_t bytes() const { return layout->bytes(); }
};

/// A number for each token beside its id (step->inputs).
struct NamedInput {
  std::string name;
  int64_t limit = 0; ///< rows of the smallest table that it is looked up in
};

struct Step {
  enum Kind { Rows, Linear, StoreKeysValues, Attend, Pool };
  Kind kind = Rows;
  Domain domain = Domain::Tokens;
  std::string name;                 ///< part of the model, e.g. layers.0.attn.q
  std::vector<int> inputs, outputs; ///< buffers
  std::vector<int> weights;         ///< packed weights; Attend/Store: the rope table, if any
  cpu::RowProgram rows;
  cpu::LinearSpec linear;
  cpu::AttentionSpec attention;
  cpu::RopeTable rope;
  int64_t layerOffset = 0; ///< cache bytes per position of the layers before
  Pooling pool = Pooling::Mean;
  std::optional<int> ids; ///< of a row program that looks up another input than the token ids
};

struct Plan {
  bool decoder = true;
  std::string architecture;
  int64_t vocabulary = 0, maxPositions = 0;
  int64_t ropeSwitch = 0; ///< longer sequences are turned by the second rope tables; 0: there are none
  int64_t cacheBytesPerPosition = 0;
  std::vector<Buffer> buffers;
  std::vector<NamedInput> inputs;
  std::vector<NamedResult> results;
  std::vector<PackedWeight> weights;
  std::vector<Step> steps;
  int64_t weightBytes = 0;
};

/// Builds the plan; emits a located error (and sets `unsupported` when the model is fine but code generation lacks
/// something) on failure.
mlir::LogicalResult buildPlan(mlir::ModuleOp module, Plan &plan, bool &unsupported);

} // namespace lmopt::lower

#endif
