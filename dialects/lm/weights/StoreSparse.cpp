// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.store_sparse: an int8 matrix without its zeros. Tested by test/dialects/lm/weights*.mlir and
// test/passes/store-sparse.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/Sparsity.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult StoreSparseAttr::verify(EmitError emitError, Attribute source, int64_t blockRows, int64_t blockColumns) {
  std::optional<WeightForm> form = getWeightForm(source);
  if (!form || !form->int8 || form->blockRows != 0)
    return emitError() << "C1: the source must be an int8 matrix that stores all of its codes, but is " << source;
  if (blockRows < 1 || blockRows > 65536 || blockColumns < 1 || blockColumns > 65536)
    return emitError() << "C2: expected blocks of 1 to 65536 outputs and inputs, but found " << blockRows << 'x'
                       << blockColumns;
  return success();
}

WeightForm StoreSparseAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.int8 = true;
  form.blockRows = getBlockRows();
  form.blockColumns = getBlockColumns();
  return form;
}

FailureOr<WeightData> StoreSparseAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> data = evaluation.read(getSource());
  if (failed(data))
    return failure();
  data->blockRows = getBlockRows();
  data->blockColumns = getBlockColumns();
  data->stored = countBlocks(data->s8.data(), data->rows(), data->columns(), getBlockRows(), getBlockColumns());
  return data;
}
