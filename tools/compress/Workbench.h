// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a recipe to an artifact, again and again, of one imported model.
//
// In: the model, a recipe. Out: an artifact, and what its manifest says of each unit: bytes of weights, products.
// The imported module is never changed. Tested by test/unit/models/CompressTest.cpp.
#ifndef LMOPT_TOOLS_COMPRESS_WORKBENCH_H
#define LMOPT_TOOLS_COMPRESS_WORKBENCH_H

#include "files/Status.h"
#include "frontends/Import.h"
#include "tools/compress/Levers.h"

#include <map>

namespace lmopt {

/// Of one artifact.
struct Footprint {
  double bytes = 0; ///< of all weights
  double flops = 0; ///< of one row through all linears
  std::map<std::string, double> unitBytes,
      unitFlops; ///< by unit; a table that the embedding shares counts for its linear

  double bytesOf(const std::string &unit) const;
  double flopsOf(const std::string &unit) const;
};

class Workbench {
public:
  Workbench(ImportedModel &model, std::vector<Unit> units, std::string targetCpu)
      : model(model), unitList(std::move(units)), targetCpu(std::move(targetCpu)) {}

  /// Messages of MLIR come as diagnostics, with an empty message here. `told`: the recipe that the artifact tells.
  Result<Footprint> build(const Recipe &recipe, const std::string &told, const std::string &output);

  const std::vector<Unit> &units() const { return unitList; }

private:
  ImportedModel &model;
  std::vector<Unit> unitList;
  std::string targetCpu;

  Result<Footprint> readFootprint(mlir::ModuleOp module, const std::string &artifact) const;
};

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_WORKBENCH_H
