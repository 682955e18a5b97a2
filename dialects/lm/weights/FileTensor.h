// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the weights that come from files share: finding a tensor and decoding it. Shapes that come from files are
// checked here, before they are used. Inside this folder only; tested by test/unit/dialects/WeightsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_FILETENSOR_H
#define LMOPT_DIALECTS_LM_WEIGHTS_FILETENSOR_H

#include "dialects/lm/weights/Evaluation.h"

namespace lmopt::lm {

/// The tensor `key` of a file in the format that the attribute states; an error that names what there is otherwise.
template <class File>
auto findTensor(Evaluation &evaluation, const File &file, llvm::StringRef key, llvm::StringRef format)
    -> mlir::FailureOr<decltype(file.findTensor(""))> {
  auto *tensor = file.findTensor(std::string_view(key.data(), key.size()));
  if (!tensor)
    return evaluation.error() << printable(file.path()) << " has no tensor " << printable(key.str())
                              << "; is it the file that the model was imported from?";
  llvm::StringRef found(tensor->type->name.data(), tensor->type->name.size());
  if (!found.equals_insensitive(format))
    return evaluation.error() << "expected tensor " << printable(key.str()) << " of " << printable(file.path())
                              << " in format " << format << ", but found " << found.lower()
                              << "; import the model again";
  if (failed(evaluation.expectShape(tensor->shape, file.path(), key)))
    return mlir::failure();
  return tensor;
}

template <class File, class Tensor>
mlir::FailureOr<WeightData> decode(Evaluation &evaluation, const File &file, const Tensor &tensor) {
  WeightData data;
  data.shape = tensor.shape;
  data.f32.resize(elementsOf(tensor.shape));
  lmopt::Result<void> result = file.decodeRows(tensor, 0, tensor.rows(), data.f32.data());
  file.release(tensor);
  if (!result)
    return evaluation.error(result.error());
  return data;
}

} // namespace lmopt::lm

#endif
