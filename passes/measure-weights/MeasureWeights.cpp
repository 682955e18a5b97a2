// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The relative error of each quantized weight, into its exactness.
// In: lm.param labelled approximate. Out: the same with `error`. From design 5 (nothing lossy is silent).
// The codes are made with the same function that makes those of the artifact (quantizeRow), row by row, so that only
// one weight in f32 is in memory for each thread. Tested by test/passes/measure-weights.
#include "passes/measure-weights/MeasureWeights.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/Weights.h"
#include "dialects/lm/weights/WeightKernels.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/Tell.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMMEASUREWEIGHTSPASS
#include "passes/measure-weights/MeasureWeights.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-measure-weights";

/// Codes, scale and minimum of one group of numbers; false when one is not finite.
using Quantize = llvm::function_ref<bool(const float *, int8_t *codes, float &scale, float &minimum)>;

/// ||W - Q|| / ||W|| in the Frobenius norm; nullopt when a number is not finite.
static std::optional<double> relativeError(const WeightData &weight, int64_t group, Quantize quantize) {
  std::vector<int8_t> codes(group);
  double difference = 0, whole = 0;
  for (size_t start = 0; start < weight.f32.size(); start += group) {
    float scale, minimum = 0;
    if (!quantize(weight.f32.data() + start, codes.data(), scale, minimum))
      return std::nullopt;
    for (int64_t k = 0; k < group; ++k) {
      double exact = weight.f32[start + k], delta = exact - (double(scale) * codes[k] + minimum);
      difference += delta * delta;
      whole += exact * exact;
    }
  }
  return whole == 0 ? 0 : std::sqrt(difference / whole);
}

static std::optional<double> relativeError(const WeightData &weight, QuantizeRowsAttr) {
  return relativeError(weight, weight.columns(), [&](const float *numbers, int8_t *codes, float &scale, float &) {
    return quantizeRow(numbers, weight.columns(), codes, scale);
  });
}

static std::optional<double> relativeError(const WeightData &weight, QuantizeGroupsAttr attribute) {
  int64_t group = attribute.getGroup();
  return relativeError(weight, group, [&](const float *numbers, int8_t *codes, float &scale, float &minimum) {
    return quantizeShortGroup(numbers, group, int(attribute.getBits()), codes, scale,
                              attribute.getHasMin() ? &minimum : nullptr);
  });
}

static std::optional<double> relativeError(const WeightData &weight, NarrowAttr) {
  std::vector<float> narrowed = weight.f32;
  if (!narrowNumbers(narrowed.data(), int64_t(narrowed.size())))
    return std::nullopt;
  double difference = 0, whole = 0;
  for (auto [exact, rounded] : llvm::zip_equal(weight.f32, narrowed)) {
    difference += (double(exact) - rounded) * (double(exact) - rounded);
    whole += double(exact) * exact;
  }
  return whole == 0 ? 0 : std::sqrt(difference / whole);
}

/// The numbers themselves, or those that codes stand for.
static double numberAt(const WeightData &quantized, int64_t row, int64_t column) {
  if (!quantized.f32.empty())
    return quantized.f32[static_cast<size_t>(row * quantized.columns() + column)];
  int64_t groups = quantized.group ? quantized.groupsPerRow() : 1;
  auto group = static_cast<size_t>(row * groups + (quantized.group ? column / quantized.group : 0));
  double minimum = quantized.minima.empty() ? 0 : quantized.minima[group];
  int8_t code = quantized.s8[static_cast<size_t>(row * quantized.columns() + column)];
  double number = quantized.table.empty() ? code : quantized.table[static_cast<uint8_t>(code)];
  return double(quantized.scales[group]) * number + minimum;
}

static double relativeError(const WeightData &weight, const WeightData &quantized) {
  double difference = 0, whole = 0;
  for (int64_t r = 0; r < weight.rows(); ++r)
    for (int64_t c = 0; c < weight.columns(); ++c) {
      double exact = weight.f32[static_cast<size_t>(r * weight.columns() + c)];
      double delta = exact - numberAt(quantized, r, c);
      difference += delta * delta;
      whole += exact * exact;
    }
  return whole == 0 ? 0 : std::sqrt(difference / whole);
}

/// Whether codes follow from the numbers of their own row or group alone, so that they can be made row by row.
static bool isPlainRounding(Attribute value) {
  auto groups = dyn_cast<QuantizeGroupsAttr>(value);
  auto rows = dyn_cast<QuantizeRowsAttr>(value);
  if (!rows && !groups && !isa<NarrowAttr>(value))
    return false;
  if (hasTrainedCodes(weightSources(value).front()))
    return false;
  bool fitted = (rows && rows.getFit()) || (groups && (groups.getFit() || groups.getScaleBits() != 16));
  return !fitted && !isa<SparsifyAttr>(weightSources(value).front());
}

static std::optional<double> errorOf(const WeightData &weight, Attribute value) {
  return llvm::TypeSwitch<Attribute, std::optional<double>>(value)
      .Case<QuantizeRowsAttr, QuantizeGroupsAttr, NarrowAttr>([&](auto a) { return relativeError(weight, a); });
}

/// What the weight was before the steps that lost something; null when the last is none of these.
static Attribute sourceOf(Attribute value) {
  if (auto stored = dyn_cast<StoreSparseAttr>(value))
    return sourceOf(stored.getSource());
  Attribute source = llvm::TypeSwitch<Attribute, Attribute>(value)
                         .Case<QuantizeRowsAttr, QuantizeGroupsAttr, QuantizeCodebookAttr, NarrowAttr, SparsifyAttr>(
                             [](auto a) { return a.getSource(); })
                         .Default(Attribute());
  auto sparsify = dyn_cast_or_null<SparsifyAttr>(source);
  return sparsify ? sparsify.getSource() : source;
}

static void label(ParamOp param, double error) {
  param.setExactnessAttr(ExactnessAttr::get(param.getContext(), ExactnessKind::approximate, Real(error)));
}

static LogicalResult measure(ParamOp param, WeightReader &reader) {
  FailureOr<WeightData> weight =
      reader.read(sourceOf(param.getValue()), param.getLoc(), ("weight @" + param.getSymName()).str());
  if (failed(weight)) // the reader has said why
    return failure();
  if (!isPlainRounding(param.getValue())) {
    FailureOr<WeightData> quantized = reader.read(param);
    if (failed(quantized))
      return failure();
    return label(param, relativeError(*weight, *quantized)), success();
  }
  std::optional<double> error = errorOf(*weight, param.getValue());
  if (!error)
    return emitError(param.getLoc()) << kPass << ": the weight @" << param.getSymName()
                                     << " holds a number that is not finite; the checkpoint is damaged";
  label(param, *error);
  return success();
}

namespace {

struct MeasureWeights : impl::LmMeasureWeightsPassBase<MeasureWeights> {
  using LmMeasureWeightsPassBase::LmMeasureWeightsPassBase;

  void runOnOperation() override {
    llvm::SmallVector<ParamOp> params;
    for (ParamOp param : getOperation().getOps<ParamOp>()) {
      ExactnessAttr label = param.getExactnessAttr();
      if (label && label.getKind() == ExactnessKind::approximate && !label.getError() && sourceOf(param.getValue()))
        params.push_back(param);
    }
    WeightReader reader(base.empty() ? moduleDirectory(getOperation()) : base.getValue());
    if (failed(failableParallelForEach(&getContext(), params, [&](ParamOp param) { return measure(param, reader); })))
      return signalPassFailure();
    // After the work, so that the order of remarks does not depend on threads.
    for (ParamOp param : params)
      tellPassed(kPass, "MeasuredWeight", param) << remark::metric("Weight", param.getSymName().str())
                                                 << remark::metric("Error", param.getExactnessAttr().getError()->value);
  }
};

} // namespace

} // namespace lmopt::lm
