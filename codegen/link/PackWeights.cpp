// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing, ahead of the writer; see PackWeights.h. What the bytes are is the layouts' business
// (codegen/cpu/WeightLayout.h).
#include "codegen/link/PackWeights.h"

#include <deque>
#include <future>

using namespace mlir;

namespace lmopt::link {

FailureOr<std::vector<char>> packWeight(const lower::PackedWeight &weight, lm::WeightReader &reader) {
  std::vector<lm::WeightData> params;
  for (lm::ParamOp param : weight.params) {
    FailureOr<lm::WeightData> data = reader.read(param);
    if (failed(data))
      return failure();
    params.push_back(std::move(*data));
  }
  std::vector<char> out(weight.bytes(), 0);
  weight.layout->pack(params, out);
  return out;
}

LogicalResult packWeights(const lower::Plan &plan, lm::WeightReader &reader,
                          const std::function<LogicalResult(int64_t, const std::vector<char> &)> &write) {
  std::deque<std::future<FailureOr<std::vector<char>>>> inPreparation;
  size_t next = 0;
  auto start = [&] {
    if (next < plan.weights.size()) {
      const lower::PackedWeight &weight = plan.weights[next++];
      inPreparation.push_back(std::async(std::launch::async, [&] { return packWeight(weight, reader); }));
    }
  };
  start();
  start();
  LogicalResult ok = success();
  for (const lower::PackedWeight &weight : plan.weights) {
    if (inPreparation.empty())
      break;
    FailureOr<std::vector<char>> bytes = inPreparation.front().get();
    inPreparation.pop_front();
    if (failed(bytes) || failed(write(weight.offset, *bytes))) {
      ok = failure();
      break;
    }
    start();
  }
  return ok; // futures still running are waited for by their destructors
}

} // namespace lmopt::link
