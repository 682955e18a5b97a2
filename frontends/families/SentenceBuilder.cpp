// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SentenceBuilder.h.
#include "frontends/families/SentenceBuilder.h"

using namespace mlir;
using namespace lmopt;

static Value buildDense(ModelBuilder &model, const std::string &part, const DenseConfig &dense, Value vector) {
  Value result = model.linear(part, vector, dense.outputs, dense.bias);
  if (!model.ok() || !dense.activation)
    return result;
  return model.create<lm::ActivationOp>(part + ".activation", result, lm::kindOf(*dense.activation));
}

Value lmopt::buildSentenceVector(ModelBuilder &model, const EncoderConfig &config, Value rows, Value lengths) {
  auto kinds = llvm::map_to_vector(config.poolings, [](Pooling pooling) { return lm::kindOf(pooling); });
  Value vector = model.create<lm::PoolOp>("pool", rows, lengths, ArrayRef<lm::PoolKind>(kinds));
  for (size_t i = 0; i < config.dense.size() && model.ok(); ++i)
    vector = buildDense(model, "dense." + std::to_string(i), config.dense[i], vector);
  if (!model.ok())
    return {};
  return config.normalize ? model.create<lm::L2NormalizeOp>("normalize", vector) : vector;
}
