// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.reduced_heads: the weights of an attention whose heads pass fewer numbers on. Tested by
// test/dialects/lm/weights*.mlir and test/passes/low-rank-attention.
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/HeadProducts.h"
#include "dialects/lm/weights/Moments.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

//===--- What is known before any file is read ---===//

static bool isOutputs(ReducedHeadsAttr weight) { return weight.getKind() == HeadProductKind::outputs; }

/// Width of a head of a matrix with that many, along `dim`; an error when there is none.
static FailureOr<int64_t> headWidth(EmitError emitError, const WeightForm &form, unsigned dim, int64_t heads) {
  if (!form.shape)
    return 0; // not known yet
  int64_t side = (*form.shape)[dim];
  if (side % heads != 0)
    return emitError() << "C2: expected a matrix of " << heads << " heads, but " << side << " is no multiple";
  return side / heads;
}

static LogicalResult verifyHeads(EmitError emitError, const WeightForm &first, unsigned dim, const WeightForm &second,
                                 int64_t heads, int64_t kvHeads, int64_t rank) {
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0)
    return emitError() << "C2: expected kv_heads that divide heads, found " << kvHeads << " and " << heads;
  FailureOr<int64_t> width = headWidth(emitError, first, dim, heads);
  FailureOr<int64_t> other = failed(width) ? width : headWidth(emitError, second, 0, kvHeads);
  if (failed(other))
    return failure();
  if (*width && *other && *width != *other)
    return emitError() << "C2: expected heads of one width, found " << *width << " and " << *other;
  int64_t most = std::max(*width, *other);
  if (rank < 1 || (most && rank > most))
    return emitError() << "C3: expected a rank from 1 to the width of a head, found " << rank;
  return success();
}

LogicalResult ReducedHeadsAttr::verify(EmitError emitError, HeadProductKind kind, HeadPart part, Attribute first,
                                       Attribute second, StatisticsAttr, int64_t heads, int64_t kvHeads, int64_t rank,
                                       Real damping, Attribute firstBias, Attribute secondBias) {
  FailureOr<WeightForm> a = expectF32(emitError, first, {"C1", "the first matrix", 2, 2});
  FailureOr<WeightForm> b = failed(a) ? a : expectF32(emitError, second, {"C1", "the second matrix", 2, 2});
  if (failed(b) || (firstBias && failed(expectVector(emitError, firstBias, *a, 0, {"C1", "the first bias", 1, 1}))) ||
      (secondBias && failed(expectVector(emitError, secondBias, *b, 0, {"C1", "the second bias", 1, 1}))))
    return failure();
  bool outputs = kind == HeadProductKind::outputs;
  if (failed(verifyHeads(emitError, *a, outputs ? 1 : 0, *b, heads, kvHeads, rank)))
    return failure();
  if (!(damping.value > 0))
    return emitError() << "C4: expected a positive damping, found " << damping.value;
  if ((part == HeadPart::first_bias && !firstBias && !outputs) || (part == HeadPart::second_bias && !secondBias))
    return emitError() << "C5: there is no such bias, " << stringifyHeadPart(part);
  return success();
}

WeightForm ReducedHeadsAttr::getForm() const {
  bool isFirst = getPart() == HeadPart::first || getPart() == HeadPart::first_bias;
  bool isBias = getPart() == HeadPart::first_bias || getPart() == HeadPart::second_bias;
  WeightForm form = isFirst ? deriveForm({getFirst(), getSecond(), getFirstBias(), getSecondBias()})
                            : deriveForm({getSecond(), getFirst(), getFirstBias(), getSecondBias()});
  if (!form.shape)
    return form;
  if (isFirst && isOutputs(*this))
    form.shape->back() = getHeads() * getRank();
  else
    form.shape->front() = (isFirst ? getHeads() : getKvHeads()) * getRank();
  if (isBias)
    form.shape->pop_back();
  return form;
}

//===--- Values ---===//

/// Shapes that only files know.
static LogicalResult checkShapes(Evaluation &evaluation, ReducedHeadsAttr weight, const WeightData &first,
                                 const WeightData &second) {
  int64_t side = isOutputs(weight) ? first.columns() : first.rows(), heads = weight.getHeads();
  bool good = second.rows() % weight.getKvHeads() == 0 && side % heads == 0 &&
              second.rows() / weight.getKvHeads() == side / heads && weight.getRank() <= side / heads &&
              (isOutputs(weight) || first.columns() == second.columns());
  if (!good)
    return evaluation.error() << "expected matrices of " << heads << " and " << weight.getKvHeads()
                              << " heads of one width, at least " << weight.getRank() << ", but found "
                              << shapeText(first.shape) << " and " << shapeText(second.shape);
  return success();
}

namespace {

/// All parts, as f32, in the order of HeadPart.
struct Parts {
  WeightData parts[4];
};

} // namespace

static WeightData dataOf(std::vector<int64_t> shape, const std::vector<double> &numbers) {
  WeightData made;
  made.shape = std::move(shape);
  made.f32.assign(numbers.begin(), numbers.end());
  return made;
}

static std::shared_ptr<const Parts> partsOf(ReducedHeadsAttr weight, const HeadMatrices &matrices,
                                            const ReducedHeads &reduced) {
  int64_t heads = weight.getHeads() * weight.getRank(), kvHeads = weight.getKvHeads() * weight.getRank();
  auto made = std::make_shared<Parts>();
  made->parts[0] = matrices.outputs ? dataOf({matrices.width, heads}, reduced.first)
                                    : dataOf({heads, matrices.inputs}, reduced.first);
  made->parts[1] = dataOf({matrices.outputs ? matrices.width : heads}, reduced.firstBias);
  made->parts[2] = dataOf({kvHeads, matrices.inputs}, reduced.second);
  made->parts[3] = dataOf({kvHeads}, reduced.secondBias);
  return made;
}

/// Failure after an error has been told.
static FailureOr<HeadMatrices> readMatrices(Evaluation &evaluation, ReducedHeadsAttr weight) {
  FailureOr<WeightData> first = evaluation.readF32(weight.getFirst(), 2, 2, weight);
  FailureOr<WeightData> second = failed(first) ? first : evaluation.readF32(weight.getSecond(), 2, 2, weight);
  if (failed(second) || failed(checkShapes(evaluation, weight, *first, *second)))
    return failure();
  FailureOr<WeightData> firstBias = readBiasOrZeros(evaluation, weight.getFirstBias(), first->rows(), weight);
  FailureOr<WeightData> secondBias =
      failed(firstBias) ? firstBias : readBiasOrZeros(evaluation, weight.getSecondBias(), second->rows(), weight);
  if (failed(secondBias))
    return failure();
  auto wide = [](const WeightData &data) { return std::vector<double>(data.f32.begin(), data.f32.end()); };
  return HeadMatrices{
      isOutputs(weight), weight.getHeads(), weight.getKvHeads(), isOutputs(weight) ? first->rows() : first->columns(),
      second->columns(), wide(*first),      wide(*second),       wide(*firstBias),
      wide(*secondBias)};
}

static std::shared_ptr<const Parts> computeParts(Evaluation &evaluation, ReducedHeadsAttr weight) {
  FailureOr<HeadMatrices> matrices = readMatrices(evaluation, weight);
  if (failed(matrices))
    return nullptr;
  FailureOr<InputMoments> moments = readMoments(evaluation, weight.getStatistics(), matrices->inputs);
  if (failed(moments))
    return nullptr;
  ReducedHeads reduced = reduceHeads(*matrices, {moments->centred, moments->mean, moments->count}, weight.getRank(),
                                     weight.getDamping().value);
  if (reduced.first.empty())
    return (void)refuseMoments(evaluation, weight.getStatistics()), nullptr;
  return partsOf(weight, *matrices, reduced);
}

FailureOr<WeightData> ReducedHeadsAttr::evaluate(Evaluation &evaluation) const {
  // One key for all parts.
  auto whole = get(getContext(), getKind(), HeadPart::first, getFirst(), getSecond(), getStatistics(), getHeads(),
                   getKvHeads(), getRank(), getDamping(), getFirstBias(), getSecondBias());
  std::shared_ptr<const Parts> parts = evaluation.shared<Parts>(whole, [&] { return computeParts(evaluation, *this); });
  if (!parts)
    return failure();
  return parts->parts[static_cast<int>(getPart())];
}
