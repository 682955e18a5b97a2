// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and rows of a head; see HeadNumbers.h.
#include "passes/factorize-softmax/HeadNumbers.h"

#include "dialects/lm/Verify.h"
#include "dialects/lm/Weights.h"
#include "passes/factorize-softmax/ClassHead.h"

#include <cmath>

using namespace mlir;

namespace lmopt::lm {

/// Rows from which frequencies are told.
static constexpr int64_t kFrequencyRows = 2048;

static InFlightDiagnostic error(Operation *op) { return op->emitError() << "lm-factorize-softmax: "; }

template <class T>
static bool areFinite(const std::vector<T> &numbers) {
  return llvm::all_of(numbers, [](T number) { return std::isfinite(number); });
}

std::vector<float> HeadNumbers::biasOf(ArrayRef<int64_t> words) const {
  std::vector<float> found;
  for (int64_t word : words)
    if (!bias.empty())
      found.push_back(bias[static_cast<size_t>(word)]);
  return found;
}

FailureOr<HeadStatistics> findHeadStatistics(Operation *head, Value input, const std::string &stats) {
  auto module = head->getParentOfType<ModuleOp>();
  FailureOr<Statistics> statistics = Statistics::open(module, stats);
  FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
  if (failed(statistics) || failed(all))
    return failure();
  for (const ObservedValue &value : findObservedValues(module, *all))
    if (value.value == input)
      return HeadStatistics{std::move(*statistics), value};
  return error(head) << "nothing tells what statistics its input has; this method comes before the passes that choose "
                        "the format of weights";
}

static FailureOr<HeadRows> readRows(LinearOp head, const std::string &stats) {
  FailureOr<HeadStatistics> found = findHeadStatistics(head, head.getInput(), stats);
  FailureOr<HeadRows> rows =
      failed(found) ? FailureOr<HeadRows>(failure()) : found->statistics.readHeadRows(found->input);
  if (succeeded(rows) && rows->count() < kHeldOut)
    return error(head) << "expected statistics with at least " << kHeldOut << " rows of what the head reads, found "
                       << rows->count() << "; calibrate with more --head-rows";
  return rows;
}

FailureOr<HeadNumbers> readHeadNumbers(ModuleOp module, LinearOp head, const std::string &stats,
                                       const std::string &base) {
  FailureOr<HeadRows> rows = readRows(head, stats);
  if (failed(rows))
    return failure();
  HeadNumbers numbers;
  numbers.rows = std::move(*rows);
  WeightReader reader(base.empty() ? moduleDirectory(module) : base);
  FailureOr<WeightData> matrix = reader.read(lookupParam(head, head.getWeightAttr()));
  if (failed(matrix))
    return failure();
  numbers.weight = std::move(matrix->f32);
  if (FlatSymbolRefAttr name = head.getBiasAttr()) {
    FailureOr<WeightData> vector = reader.read(lookupParam(head, name));
    if (failed(vector))
      return failure();
    numbers.bias = std::move(vector->f32);
  }
  if (!areFinite(numbers.weight) || !areFinite(numbers.bias))
    return error(head) << "its weights hold a number that is not finite";
  return numbers;
}

FailureOr<std::vector<double>> frequenciesOf(LinearOp head, const HeadNumbers &numbers) {
  const HeadRows &rows = numbers.rows;
  HeadRows some;
  some.width = rows.width;
  int64_t step = std::max<int64_t>(1, rows.count() / kFrequencyRows);
  for (int64_t r = 0; r < rows.count(); r += step) {
    some.rows.insert(some.rows.end(), rows.rows.begin() + r * rows.width, rows.rows.begin() + (r + 1) * rows.width);
    some.lse.push_back(rows.lse[static_cast<size_t>(r)]);
  }
  PanelMatrix panels(numbers.weight.data(), widthOf(head.getResult()), rows.width);
  std::vector<double> counts = meanProbabilities(head.getContext(), some, panels, numbers.bias);
  if (!areFinite(counts))
    return error(head) << "its logits on the rows of the statistics are beyond the range of f32";
  return counts;
}

ParamOp makeParamBeside(ParamOp beside, StringRef suffix, ArrayRef<int64_t> shape, Attribute value) {
  OpBuilder builder(beside.getContext());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto param = ParamOp::create(builder, beside.getLoc(), (beside.getSymName() + "." + suffix).str(), type, value);
  if (beside.getExactnessAttr())
    param.setExactnessAttr(beside.getExactnessAttr());
  SymbolTable symbols(beside->getParentOp());
  symbols.insert(param, std::next(Block::iterator(beside))); // gives it another name where there is this one
  return param;
}

ParamOp makeApproximateBeside(ParamOp beside, StringRef suffix, ArrayRef<int64_t> shape, Attribute value) {
  ParamOp param = makeParamBeside(beside, suffix, shape, value);
  param.setExactnessAttr(ExactnessAttr::get(beside.getContext(), ExactnessKind::approximate, std::nullopt));
  return param;
}

ParamOp makeFittedBeside(ParamOp beside, StringRef suffix, ArrayRef<int64_t> shape, ArrayRef<float> numbers) {
  auto type = RankedTensorType::get(shape, Builder(beside.getContext()).getF32Type());
  return makeApproximateBeside(beside, suffix, shape, DenseElementsAttr::get(type, numbers));
}

} // namespace lmopt::lm
