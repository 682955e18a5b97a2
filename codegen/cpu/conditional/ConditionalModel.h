// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the layouts of conditional layers and the models of their ops share.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONALMODEL_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONALMODEL_H

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/conditional/Experts.h"
#include "codegen/cpu/conditional/NeuronTree.h"
#include "codegen/cpu/conditional/NonzeroLinear.h"

namespace lmopt::cpu {

NeuronRows neuronRows(NeuronsAttr layout);
NonzeroSpec nonzeroSpec(AddedRowsAttr layout);
ExpertsSpec expertsSpec(ExpertsAttr layout);
ExpertsSpec expertsSpec(GroupedExpertsAttr layout);

} // namespace lmopt::cpu

#endif
