// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Attention.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/attention.

#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/attention/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt::lm;
using reference::Tensor;

static std::function<reference::Rotation(int64_t)> rotationOf(RopeAttr rope, const Frame &frame) {
  return [rope, &frame](int64_t length) {
    RopeFrequencies rotation = computeRopeFrequencies(rope, frame.wholeLength(length));
    return reference::Rotation{{rotation.frequencies.begin(), rotation.frequencies.end()}, rotation.attentionFactor};
  };
}

static reference::AttentionOptions optionsOf(AttentionOp op, const Frame &frame) {
  reference::AttentionOptions options;
  options.layer = op.getLayer();
  options.heads = op.getHeads();
  options.kvHeads = op.getKvHeads();
  options.scale = op.getScale().convertToDouble();
  options.causal = op.isCausal();
  options.bf16 = op.isBf16();
  options.int8 = op.isInt8();
  if (RopeAttr rope = op.getRopeAttr()) {
    options.rotation = rotationOf(rope, frame);
    options.interleaved = rope.getLayout() == RopeLayout::interleaved;
  }
  return options;
}

static FailureOr<RuntimeValues> attention(AttentionOp op, Frame &frame) {
  reference::AttentionOptions options = optionsOf(op, frame);
  const Tensor &query = frame.tensor(op.getQuery()), &key = frame.tensor(op.getKey());
  const Tensor &value = frame.tensor(op.getValue());
  if (op.getLengths())
    return one(reference::attention(query, key, value, frame.tensor(op.getLengths()), options));
  auto cache = std::get<reference::Cache>(frame.take(op.getCache()));
  FailureOr<RuntimeValues> results = one(op, reference::attention(query, key, value, cache, options));
  if (succeeded(results))
    results->push_back(std::move(cache));
  return results;
}

void lmopt::lm::registerAttentionMeanings(DialectRegistry &registry) { addMeanings<attention>(registry); }
