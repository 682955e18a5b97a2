// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a module of the lm dialect is, as facts for `lmopt inspect` of a source. (An artifact tells by its manifest,
// which codegen/link writes.)
//
// In: a module, as imported or after any passes. Out: an ordered JSON object: kind, config, source, totals, and
// `layers`: one row for each op that has weights or attends, with the part of the model it is ("layers.3.attn.q"),
// shape, storage format, bytes and floating-point operations a token. A weight that two ops share is counted once.
// Weight files are not read. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_DESCRIBE_H
#define LMOPT_TOOLS_LMOPT_DESCRIBE_H

#include <nlohmann/json.hpp>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lmopt::driver {

/// Sizes are those of the files that hold the weights; a weight that passes made has the size of its type.
nlohmann::ordered_json describeModule(mlir::ModuleOp module);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_DESCRIBE_H
