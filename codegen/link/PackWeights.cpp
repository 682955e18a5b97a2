// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing, ahead of the writer; see PackWeights.h. What the bytes are is the layouts' business
// (dialects/plan, codegen/cpu/*/*Layout.cpp).
#include "codegen/link/PackWeights.h"

#include <deque>
#include <future>

using namespace mlir;

namespace lmopt::link {

FailureOr<std::vector<char>> packWeight(plan::WeightOp weight, lm::WeightReader &reader) {
  std::vector<lm::WeightData> params;
  for (Attribute param : weight.getParams()) {
    FailureOr<lm::WeightData> data = reader.read(lm::lookupParam(weight, cast<FlatSymbolRefAttr>(param)));
    if (failed(data))
      return failure();
    params.push_back(std::move(*data));
  }
  std::vector<char> out(weight.getBytes(), 0);
  weight.getLayout().pack(params, out);
  return out;
}

LogicalResult packWeights(ArrayRef<plan::WeightOp> weights, lm::WeightReader &reader,
                          const std::function<LogicalResult(int64_t, const std::vector<char> &)> &write) {
  std::deque<std::future<FailureOr<std::vector<char>>>> inPreparation;
  size_t next = 0;
  auto start = [&] {
    if (next < weights.size()) {
      plan::WeightOp weight = weights[next++];
      inPreparation.push_back(std::async(std::launch::async, [weight, &reader] { return packWeight(weight, reader); }));
    }
  };
  start();
  start();
  LogicalResult ok = success();
  for (plan::WeightOp weight : weights) {
    if (inPreparation.empty())
      break;
    FailureOr<std::vector<char>> bytes = inPreparation.front().get();
    inPreparation.pop_front();
    if (failed(bytes) || failed(write(weight.getOffset(), *bytes))) {
      ok = failure();
      break;
    }
    start();
  }
  return ok; // futures still running are waited for by their destructors
}

} // namespace lmopt::link
