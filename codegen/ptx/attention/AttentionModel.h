// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What other families must know of attention: that it leaves rows in parts, and how they are joined. Tested by
// test/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONMODEL_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONMODEL_H

#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/attention/AttentionSpec.h"
#include "codegen/ptx/rows/RowModel.h"

namespace lmopt::nvptx {

/// Positions that a part covers; parts are counted where a step is launched.
constexpr int64_t kPartPositions = AttentionSpec::kBlock * AttentionSpec::kPartBlocks;

/// Whether the step is attention of a decoder's few rows.
bool leavesParts(plan::StepOp step);
/// Whether the step is such attention to what `append` keeps.
bool canStoreAndAttend(plan::StepOp append, plan::StepOp attend);
/// Launches both steps of a group together, where rows are few, else one after the other.
void launchStoringAndAttending(LaunchBuilder &launches);
/// How a row kernel loads the rows of such a step; the number of what it gives.
int64_t loadParts(plan::StepOp attend, plan::StepOp reader, RowProgramBuilder &rows);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONMODEL_H
