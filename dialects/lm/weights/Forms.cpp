// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The forms of weights (f32 or codes, shape if known) and what verifiers of weight attributes ask of them; see Forms.h.
// Depth and number of leaves are bounded here: attribute aliases could otherwise write 2^n evaluations in n lines.
// Tested by test/dialects/lm/weights*.mlir.

#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

static constexpr int64_t maxDepth = 64;
static constexpr int64_t maxLeaves = 256;

std::optional<WeightForm> lmopt::lm::getWeightForm(Attribute value) {
  if (auto weight = dyn_cast_or_null<WeightAttrInterface>(value))
    return weight.getForm();
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense || !dense.getElementType().isF32())
    return std::nullopt;
  WeightForm form;
  form.shape = llvm::to_vector(dense.getType().getShape());
  return form;
}

InFlightDiagnostic &lmopt::lm::printShape(InFlightDiagnostic &diagnostic, ArrayRef<int64_t> shape) {
  llvm::interleave(shape, [&](int64_t size) { diagnostic << size; }, [&] { diagnostic << 'x'; });
  return diagnostic;
}

/// The form of a source if it is an f32 weight of a fitting rank; an error otherwise.
bool lmopt::lm::typeHolds(Type type, const WeightForm &form) {
  if (auto matrix = dyn_cast<WeightTypeInterface>(type))
    return matrix.holds(form);
  return cast<RankedTensorType>(type).getElementType().isBF16() ? form.bf16 : form.isF32();
}

FailureOr<WeightForm> lmopt::lm::expectF32(EmitError emitError, Attribute source, Expected expected) {
  std::optional<WeightForm> form = getWeightForm(source);
  if (!form)
    return emitError() << expected.constraint << ": " << expected.what
                       << " must be a weight (dense f32 or a weight attribute), but is " << source;
  if (!form->isF32())
    return emitError() << expected.constraint << ": " << expected.what << " must be f32, but is "
                       << (form->int8      ? "int8"
                           : form->bf16    ? "bf16"
                           : form->entries ? "of a codebook"
                                           : "grouped");
  if (form->depth >= maxDepth || form->leaves > maxLeaves)
    return emitError() << "expected a weight at most " << maxDepth << " derivations deep and with at most " << maxLeaves
                       << " leaves, but found " << form->depth + 1 << " and " << form->leaves;
  if (form->shape && (form->shape->size() < expected.minRank || form->shape->size() > expected.maxRank)) {
    InFlightDiagnostic diagnostic = emitError();
    diagnostic << expected.constraint << ": " << expected.what << " must have rank " << expected.minRank;
    if (expected.maxRank != expected.minRank)
      diagnostic << " to " << expected.maxRank;
    diagnostic << ", but its shape is ";
    return printShape(diagnostic, *form->shape), failure();
  }
  return *form;
}

FailureOr<WeightForm> lmopt::lm::expectMatrix(EmitError emitError, Attribute source, StringRef constraint) {
  return expectF32(emitError, source, {constraint, "the source", 2, 2});
}

/// A vector with as many numbers as `form` has along `dim`, as far as both are known.
LogicalResult lmopt::lm::expectVector(EmitError emitError, Attribute vector, const WeightForm &form, unsigned dim,
                                      Expected expected) {
  FailureOr<WeightForm> vectorForm = expectF32(emitError, vector, expected);
  if (failed(vectorForm))
    return failure();
  if (form.shape && vectorForm->shape && (*form.shape)[dim] != vectorForm->shape->front())
    return emitError() << expected.constraint << ": " << expected.what << " must have " << (*form.shape)[dim]
                       << " numbers, but has " << vectorForm->shape->front();
  return success();
}

LogicalResult lmopt::lm::expectKept(EmitError emitError, ArrayRef<int64_t> kept, int64_t count, StringRef what) {
  bool ascending = std::adjacent_find(kept.begin(), kept.end(), std::greater_equal<int64_t>()) == kept.end();
  if (!kept.empty() && ascending && kept.front() >= 0 && kept.back() < count)
    return success();
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "C2: expected ascending numbers of " << what << " to keep, at least one";
  if (count != INT64_MAX)
    diagnostic << ", each below " << count;
  return diagnostic;
}

/// The form of an f32 weight derived from `sources` (null: absent), with the shape of the first one. Each is asked
/// once: asking twice would double the work with each link of a chain of derivations.
WeightForm lmopt::lm::deriveForm(ArrayRef<Attribute> sources) {
  WeightForm form;
  form.leaves = 0;
  for (Attribute source : sources) {
    if (!source)
      continue;
    std::optional<WeightForm> sourceForm = getWeightForm(source);
    if (source == sources.front())
      form.shape = sourceForm->shape;
    form.depth = std::max(form.depth, sourceForm->depth + 1);
    form.leaves += sourceForm->leaves;
  }
  return form;
}

LogicalResult lmopt::lm::verifyFileReference(EmitError emitError, StringRef path, StringRef key) {
  if (path.empty() || key.empty())
    return emitError() << "C1: expected a file and a tensor name, but found \"" << path << "\" and \"" << key << '"';
  return success();
}

SmallVector<Attribute> lmopt::lm::weightSources(Attribute weight) {
  SmallVector<Attribute> sources;
  weight.walkImmediateSubElements(
      [&](Attribute part) {
        if (isa<WeightAttrInterface, DenseElementsAttr>(part))
          sources.push_back(part);
      },
      [](Type) {});
  return sources;
}
