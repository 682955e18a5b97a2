// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds a plan from lm ops, one after another: BuildPlan.cpp makes steps of products, attention and pooling,
// PlanWeights.cpp lists what must be packed, PlanRows.cpp makes row programs of what lies between. Inside this folder
// only; the door is buildPlan in Plan.h. Tested by test/unit/codegen/ScheduleTest.cpp and all compiled models.
#ifndef LMOPT_CODEGEN_LOWER_PLANBUILDER_H
#define LMOPT_CODEGEN_LOWER_PLANBUILDER_H

#include "codegen/lower/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace lmopt::lower {

class PlanBuilder {
public:
  PlanBuilder(mlir::ModuleOp module, Plan &plan, bool &unsupported)
      : module(module), plan(plan), unsupported(unsupported) {}
  mlir::LogicalResult run();

private:
  mlir::ModuleOp module;
  Plan &plan;
  bool &unsupported;
  mlir::func::FuncOp function;
  mlir::Operation *lastAttention = nullptr;
  bool pastAttention = false;
  llvm::DenseMap<mlir::Value, int> bufferOf;
  std::vector<mlir::Operation *> group; ///< row-wise ops not yet made into a step
  std::vector<std::pair<std::string, int>> weightKeys;

  // One row program under construction: values of the group are numbered in order of appearance.
  struct Program {
    Step step;
    llvm::DenseMap<mlir::Value, int64_t> number;
    llvm::MapVector<int, int64_t> weightNumber;

    int64_t define(mlir::Value value, int64_t width) {
      int64_t n = step.rows.widths.size();
      step.rows.widths.push_back(width);
      if (value)
        number[value] = n;
      return n;
    }
    int64_t useWeight(int weight) {
      auto [it, fresh] = weightNumber.insert({weight, static_cast<int64_t>(weightNumber.size())});
      if (fresh)
        step.weights.push_back(weight);
      return it->second;
    }
  };

  mlir::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &message);

  //===--- The function and its signature ---===//

  mlir::LogicalResult findEntry();
  mlir::LogicalResult readConfig();
  mlir::LogicalResult findInputs();

  //===--- Buffers and weights ---===//

  static int64_t widthOf(mlir::Value value);
  int addBuffer(Domain domain, int64_t width, cpu::RowFormat format = cpu::RowFormat::F32, int64_t group = 0);
  mlir::FailureOr<int> bufferFor(mlir::Operation *op, mlir::Value value);
  int addWeight(const std::string &key, std::vector<lm::ParamOp> params,
                std::shared_ptr<const cpu::WeightLayout> layout);
  lm::ParamOp param(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);
  int vectorWeight(lm::ParamOp param);
  int tableWeight(lm::ParamOp param);
  static cpu::LinearSpec linearSpec(lm::ParamOp matrix, lm::ParamOp bias);
  int linearWeight(lm::ParamOp matrix, lm::ParamOp bias);
  int ropeWeight(lm::RopeAttr rope, const cpu::RopeTable &table);
  mlir::LogicalResult addRope(lm::AttentionOp op, lm::RopeAttr rope, Step &store);
  void layOutWeights();

  //===--- Ops ---===//

  static bool isRowWise(mlir::Operation &op);
  mlir::LogicalResult visit(mlir::Operation &op);
  mlir::LogicalResult addInputRows(lm::EmbeddingOp op, int input);
  Domain currentDomain() const;
  mlir::LogicalResult checkGroups(mlir::Operation *user, lm::ParamOp matrix);
  template <class OpTy>
  mlir::LogicalResult addLinear(OpTy op, mlir::Value input, mlir::FlatSymbolRefAttr weight,
                                mlir::FlatSymbolRefAttr bias);
  mlir::LogicalResult addAttention(lm::AttentionOp op);
  mlir::LogicalResult addPool(lm::PoolOp op);

  //===--- Row programs ---===//

  mlir::LogicalResult closeGroup();
  mlir::LogicalResult addInputs(Program &program, mlir::Operation *op);
  void addInput(Program &program, mlir::Value value, int buffer);
  mlir::LogicalResult addRowOp(Program &program, mlir::Operation *op);
  static bool endsIn8Bits(mlir::Value value);
  mlir::LogicalResult checkBlock(mlir::Operation *op, int64_t block);
  void addAffine(Program &program, cpu::RowOp &row, mlir::Operation *op, mlir::FlatSymbolRefAttr weight,
                 mlir::FlatSymbolRefAttr bias);
  mlir::LogicalResult addEmbedding(Program &program, lm::EmbeddingOp op, cpu::RowOp row);
  int addOutput(Domain domain, mlir::Operation *op);
  void addOutputs(Program &program);
  int copyTo(Domain domain, int buffer);
  std::string resultName(unsigned number, Domain domain);
  mlir::LogicalResult addResult(mlir::func::ReturnOp op, mlir::OpOperand &operand);
  mlir::LogicalResult finish(mlir::func::ReturnOp op);
};

} // namespace lmopt::lower

#endif
