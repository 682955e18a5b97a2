// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layers that are compared: a tree of neurons as lmopt computes it, the dense layer of as many neurons as lmopt
// computes that, and both by a BLAS. All have the same random weights and inputs.
#ifndef LMOPT_BENCH_CMM_LAYERS_H
#define LMOPT_BENCH_CMM_LAYERS_H

#include "bench/cmm/Blas.h"
#include "bench/kernels/KernelProgram.h"
#include "codegen/cpu/conditional/Experts.h"
#include "codegen/cpu/conditional/Gates.h"
#include "codegen/cpu/linear/LinearModel.h"

#include <memory>
#include <vector>

namespace lmopt::bench {

struct Problem {
  int64_t batch, width, levels, trees;
  cpu::RowNumber format = cpu::RowNumber::F32;
  bool exact = false; ///< rows of f32 decide beside those of the format
  int64_t turns = 1;  ///< batches of different inputs, each with weights of its own, as the layers of a model have
  int64_t otherNeurons = 0; ///< not 0: of the dense layer, whose numbers are then any
  int64_t denseNeurons() const { return otherNeurons ? otherNeurons : neurons(); }
  int64_t leafWidth = 0; ///< not 0: neurons are at the leaves of a tree of so many levels, so many each
  int64_t nodes() const { return (int64_t{1} << levels) - 1; }
  int64_t neurons() const { return leafWidth ? (nodes() + 1) * leafWidth : trees * nodes(); }
  /// How many multiplications of the dense layer there are for one of the conditional.
  double promised() const;
};

/// Numbers as models have them: zero or all alike would send every token the same way.
std::vector<float> normal(int64_t count, float scale, uint64_t seed);

struct Data {
  explicit Data(const Problem &problem);
  std::vector<float> keys, values, inputs; ///< neurons x width, twice; turns x batch x width
};

class TreeLayer {
public:
  TreeLayer(KernelProgram &program, const Problem &problem);
  void pack(const Data &data);
  void run(const KernelProgram &program, int threads, int64_t turn);
  Block in, out;

private:
  void packNeuron(const Data &data, int64_t n);
  Problem problem;
  cpu::NeuronTreeSpec spec;
  int kernel;
  Block weights;
  std::vector<Block> scratch;
};

/// A tree of hyperplanes, then the neurons of the leaf that a token comes to.
class LeafLayer {
public:
  LeafLayer(KernelProgram &program, const Problem &problem);
  void pack(const Data &data);
  void run(const KernelProgram &program, int threads, int64_t turn);
  Block in, out;

private:
  Problem problem;
  cpu::TreeGatesSpec gates;
  cpu::ExpertsSpec experts;
  int gatesKernel, expertsKernel;
  Block nodes, leaves, chosen;
  std::vector<Block> scratch;
};

/// Two products, the activation fused with neither: it would cost little beside them. Of f32, or of bf16 where the
/// conditional layer has such rows.
class DenseLayer {
public:
  DenseLayer(KernelProgram &program, const Problem &problem);
  void pack(const Data &data);
  void run(const KernelProgram &program, int threads, int64_t turn);
  Block in, out;

private:
  Problem problem;
  cpu::LinearSpec up, down;
  int upKernel, downKernel;
  Block upWeights, downWeights, hidden,
      between; ///< hidden: what the first product gives; between: what the second reads
};

void runDense(const Blas &blas, const Problem &problem, const Data &data, int64_t turn, std::vector<float> &hidden,
              std::vector<float> &out);
void runConditional(const Blas &blas, const Problem &problem, const Data &data, int64_t turn, std::vector<float> &out);

} // namespace lmopt::bench

#endif
