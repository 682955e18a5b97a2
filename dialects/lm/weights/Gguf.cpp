// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.gguf: a tensor of a GGUF file. Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FileTensor.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult GgufAttr::verify(EmitError emitError, StringRef path, StringRef key, GgufFormat) {
  return verifyFileReference(emitError, path, key);
}
WeightForm GgufAttr::getForm() const { return {}; }

FailureOr<WeightData> GgufAttr::evaluate(Evaluation &evaluation) const {
  const GgufFile *file = evaluation.openGguf(getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, getKey(), stringifyEnum(getFormat()));
  return failed(tensor) ? FailureOr<WeightData>(failure()) : decode(evaluation, *file, **tensor);
}
