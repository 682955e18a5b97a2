// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Attention.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/attention.

#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/attention/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;
using reference::Tensor;

static std::function<reference::Rotation(int64_t)> rotationOf(RopeAttr rope, const Frame &frame) {
  return [rope, &frame](int64_t length) {
    RopeFrequencies rotation = computeRopeFrequencies(rope, frame.wholeLength(length));
    return reference::Rotation{{rotation.frequencies.begin(), rotation.frequencies.end()}, rotation.attentionFactor};
  };
}

/// What attention and both of its halves say.
template <typename Op>
static reference::AttentionOptions keptOptions(Op op, const Frame &frame) {
  reference::AttentionOptions options;
  options.layer = op.getLayer();
  options.kvHeads = op.getKvHeads();
  options.bf16 = op.isBf16();
  options.int8 = op.isInt8();
  if (ProjectionAttr projection = op.getProjectionAttr())
    options.projection = {projection.isLearned(), projection.getRank()};
  if (RopeAttr rope = op.getRopeAttr()) {
    options.rotation = rotationOf(rope, frame);
    options.interleaved = rope.getLayout() == RopeLayout::interleaved;
  }
  return options;
}

/// What those with queries say.
template <typename Op>
static reference::AttentionOptions optionsOf(Op op, const Frame &frame) {
  reference::AttentionOptions options = keptOptions(op, frame);
  options.heads = op.getHeads();
  SmallVector<int64_t> groups = op.getGroupSizes();
  options.groups.assign(groups.begin(), groups.end());
  options.scale = op.getScale().convertToDouble();
  options.causal = op.isCausal();
  options.window = op.getWindow();
  if (std::optional<APFloat> cap = op.getSoftCap())
    options.softCap = cap->convertToDouble();
  if (AlibiAttr alibi = op.getAlibi())
    for (Real slope : alibi.getSlopes())
      options.bias.slopes.push_back(slope.value);
  return options;
}

/// The matrices of a learned projection. Failure after an error has been told, also where a sequence is too long.
template <typename Op>
static LogicalResult readProjection(Op op, Frame &frame, reference::AttentionOptions &options) {
  if (!options.projection || !options.projection->isLearned)
    return success();
  for (auto [symbol, matrix] : {std::pair(op.getKeyProjectionAttr(), &options.projection->keys),
                                {op.getValueProjectionAttr(), &options.projection->values}}) {
    FailureOr<reference::Weight> read = frame.matrix(op, symbol);
    if (failed(read))
      return failure();
    *matrix = *read;
  }
  for (int32_t length : frame.tensor(op.getLengths()).i32)
    if (length > options.projection->keys.columns && length <= frame.tensor(op.getKey()).size(1))
      return op.emitError() << "expected sequences of at most " << options.projection->keys.columns
                            << " tokens, the columns of " << op.getKeyProjectionAttr() << ", but found one of "
                            << length;
  return success();
}

/// Failure after an error has been told.
template <typename Op>
static LogicalResult readDistanceTable(Op op, Frame &frame, reference::AttentionOptions &options) {
  FlatSymbolRefAttr symbol = op.getDistanceTable();
  if (!symbol)
    return success();
  FailureOr<reference::Weight> table = frame.matrix(op, symbol);
  if (failed(table))
    return failure();
  options.bias.table = *table;
  return success();
}

static FailureOr<RuntimeValues> attention(AttentionOp op, Frame &frame) {
  reference::AttentionOptions options = optionsOf(op, frame);
  if (failed(readProjection(op, frame, options)) || failed(readDistanceTable(op, frame, options)))
    return failure();
  const Tensor &query = frame.tensor(op.getQuery()), &key = frame.tensor(op.getKey());
  const Tensor &value = frame.tensor(op.getValue());
  if (op.getLengths())
    return one(op, reference::attention(query, key, value, frame.tensor(op.getLengths()), options));
  auto cache = std::get<reference::Cache>(frame.take(op.getCache()));
  FailureOr<RuntimeValues> results = one(op, reference::attention(query, key, value, cache, options));
  if (succeeded(results))
    results->push_back(std::move(cache));
  return results;
}

static FailureOr<RuntimeValues> cacheAppend(CacheAppendOp op, Frame &frame) {
  reference::AttentionOptions options = keptOptions(op, frame);
  if (failed(readProjection(op, frame, options)))
    return failure();
  const Tensor &key = frame.tensor(op.getKey()), &value = frame.tensor(op.getValue());
  if (op.getLengths())
    return one(reference::append(key, value, frame.tensor(op.getLengths()), options));
  auto cache = std::get<reference::Cache>(frame.take(op.getCache()));
  if (Result<void> appended = reference::append(key, value, cache, options); !appended)
    return op.emitError() << appended.error().message;
  return one(std::move(cache));
}

static FailureOr<RuntimeValues> attend(AttendOp op, Frame &frame) {
  reference::AttentionOptions options = optionsOf(op, frame);
  if (failed(readDistanceTable(op, frame, options)))
    return failure();
  const Tensor &query = frame.tensor(op.getQuery());
  const auto &cache = std::get<reference::Cache>(frame.at(op.getCache()));
  return one(op, op.getLengths() ? reference::attend(query, cache, frame.tensor(op.getLengths()), options)
                                 : reference::attend(query, cache, options));
}

void lmopt::lm::registerAttentionMeanings(DialectRegistry &registry) {
  addMeanings<attention, cacheAppend, attend>(registry);
}
