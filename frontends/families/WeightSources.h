// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two kinds of files that hold weights, as the family builders see them: names translated, shapes and types
// checked, and a record of which tensors were asked for. Tested by test/unit/frontends/ImportTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_WEIGHTSOURCES_H
#define LMOPT_FRONTENDS_FAMILIES_WEIGHTSOURCES_H

#include "files/gguf/Gguf.h"
#include "files/safetensors/Checkpoint.h"
#include "frontends/families/ModelBuilder.h"
#include "frontends/huggingface/PackedWeights.h"
#include "frontends/huggingface/TrainedRanges.h"

#include <functional>
#include <set>

namespace lmopt {

class GgufWeights : public WeightSource {
public:
  /// `path` is what the module will say; `tensorName` translates names of the dialect into those of the file.
  /// Tensors for which `mayRemain` is true need not be used.
  GgufWeights(mlir::MLIRContext &context, const GgufFile &file, std::string path,
              std::function<std::string(const std::string &)> tensorName,
              std::function<bool(std::string_view)> mayRemain)
      : context(context), file(file), path(std::move(path)), tensorName(std::move(tensorName)),
        mayRemain(std::move(mayRemain)) {}

  bool has(const std::string &name) override { return file.findTensor(tensorName(name)); }
  Result<mlir::Attribute> find(const std::string &name, llvm::ArrayRef<int64_t> shape) override;
  Result<void> checkAllUsed() override;

private:
  mlir::MLIRContext &context;
  const GgufFile &file;
  std::string path;
  std::function<std::string(const std::string &)> tensorName;
  std::function<bool(std::string_view)> mayRemain;
  std::set<std::string, std::less<>> used;
};

class CheckpointWeights : public WeightSource {
public:
  /// Files of the checkpoint are named in the module by the paths they were opened with.
  /// `packed`: how another tool has quantized its weights, if one has.
  CheckpointWeights(mlir::MLIRContext &context, const Checkpoint &checkpoint, std::optional<PackedMethod> packed,
                    std::function<std::string(const std::string &)> tensorName,
                    std::function<bool(std::string_view)> mayRemain)
      : context(context), checkpoint(checkpoint), ranges(checkpoint), packed(checkpoint, packed),
        tensorName(std::move(tensorName)), mayRemain(std::move(mayRemain)) {}

  bool has(const std::string &name) override { return static_cast<bool>(checkpoint.find(tensorName(name))); }
  Result<mlir::Attribute> find(const std::string &name, llvm::ArrayRef<int64_t> shape) override;
  Result<mlir::Attribute> findTrained(const std::string &name, llvm::ArrayRef<int64_t> shape) override;
  Result<void> expectUntrained(const std::string &part, int64_t rows) override;
  Result<lm::CodeRangeAttr> inputRange(const std::string &part) override;
  Result<lm::CodeRangeAttr> outputRange(const std::string &part) override;
  Result<void> checkAllUsed() override;

private:
  mlir::MLIRContext &context;
  Result<lm::SafetensorsAttr> tensor(const Checkpoint::Entry &entry);
  /// Null when the weight is no matrix in codes.
  Result<mlir::Attribute> findPacked(const std::string &key, llvm::ArrayRef<int64_t> shape);
  std::string moduleName(const std::string &part) const;
  bool isNotNeeded(std::string_view tensor) const;

  const Checkpoint &checkpoint;
  TrainedRanges ranges;
  PackedWeights packed;
  std::function<std::string(const std::string &)> tensorName;
  std::function<bool(std::string_view)> mayRemain;
  std::set<std::string, std::less<>> used;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_WEIGHTSOURCES_H
