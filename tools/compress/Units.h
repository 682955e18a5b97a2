// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks of a model that compression decides about one by one.
//
// In: a module as it was imported, what may be touched of it. Out: its linears by block, in the order of the model: the
// name of a linear without its last part is the block (layers.3.attn.q: layers.3.attn); what has no such name is a
// block of its own (head). Tables of embeddings come last. Linears that see a row for each sequence (behind the
// pooling) are none of them: they stay as they are. Tested by test/unit/models/CompressTest.cpp.
#ifndef LMOPT_TOOLS_COMPRESS_UNITS_H
#define LMOPT_TOOLS_COMPRESS_UNITS_H

#include "tools/compress/Levers.h"

#include "passes/analysis/LayerSelection.h"

namespace lmopt {

/// `selection` is of linears and tables. `layersPerUnit`: so many neighbouring layers are decided about together, block
/// by block.
std::vector<Unit> findUnits(mlir::ModuleOp module, const lm::LayerSelection &selection, int64_t layersPerUnit = 1);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_UNITS_H
