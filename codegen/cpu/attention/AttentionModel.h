// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of turns behind #cpu.rope.
#ifndef LMOPT_CODEGEN_CPU_ATTENTION_ATTENTIONMODEL_H
#define LMOPT_CODEGEN_CPU_ATTENTION_ATTENTIONMODEL_H

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/attention/AttentionSpec.h"

namespace lmopt::cpu {

RopeTable ropeTable(RopeTableAttr layout);

} // namespace lmopt::cpu

#endif
