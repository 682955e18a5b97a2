// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weight attributes: their form (f32 or codes, shape if known) and their verifiers. Every derived weight checks its
// sources when it is made, so getForm never fails. Depth and number of leaves are bounded here: attribute aliases could
// otherwise write 2^n evaluations in n lines.
// Tested by test/dialects/lm/weights*.mlir.

#include "dialects/lm/Lm.h"

using namespace mlir;
using namespace lmopt::lm;

using EmitError = function_ref<InFlightDiagnostic()>;

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

namespace {
/// What is expected of a source of a derived weight.
struct Expected {
  StringRef constraint; // "C1"
  StringRef what;       // "the source"
  unsigned minRank, maxRank;
};
} // namespace

static InFlightDiagnostic &printShape(InFlightDiagnostic &diagnostic, ArrayRef<int64_t> shape) {
  llvm::interleave(shape, [&](int64_t size) { diagnostic << size; }, [&] { diagnostic << 'x'; });
  return diagnostic;
}

/// The form of a source if it is an f32 weight of a fitting rank; an error otherwise.
static FailureOr<WeightForm> expectF32(EmitError emitError, Attribute source, Expected expected) {
  std::optional<WeightForm> form = getWeightForm(source);
  if (!form)
    return emitError() << expected.constraint << ": " << expected.what
                       << " must be a weight (dense f32 or a weight attribute), but is " << source;
  if (form->int8 || form->bf16 || form->groupedBits != 0)
    return emitError() << expected.constraint << ": " << expected.what << " must be f32, but is "
                       << (form->int8   ? "int8"
                           : form->bf16 ? "bf16"
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

static FailureOr<WeightForm> expectMatrix(EmitError emitError, Attribute source, StringRef constraint = "C1") {
  return expectF32(emitError, source, {constraint, "the source", 2, 2});
}

/// A vector with as many numbers as `form` has along `dim`, as far as both are known.
static LogicalResult expectVector(EmitError emitError, Attribute vector, const WeightForm &form, unsigned dim,
                                  Expected expected) {
  FailureOr<WeightForm> vectorForm = expectF32(emitError, vector, expected);
  if (failed(vectorForm))
    return failure();
  if (form.shape && vectorForm->shape && (*form.shape)[dim] != vectorForm->shape->front())
    return emitError() << expected.constraint << ": " << expected.what << " must have " << (*form.shape)[dim]
                       << " numbers, but has " << vectorForm->shape->front();
  return success();
}

/// The form of an f32 weight derived from `sources` (null: absent), with the shape of the first one. Each is asked
/// once: asking twice would double the work with each link of a chain of derivations.
static WeightForm deriveForm(ArrayRef<Attribute> sources) {
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

//===- Leaves ----------------------------------------------------------------------------------------------------===//

static LogicalResult verifyFileReference(EmitError emitError, StringRef path, StringRef key) {
  if (path.empty() || key.empty())
    return emitError() << "C1: expected a file and a tensor name, but found \"" << path << "\" and \"" << key << '"';
  return success();
}

LogicalResult GgufAttr::verify(EmitError emitError, StringRef path, StringRef key, GgufFormat) {
  return verifyFileReference(emitError, path, key);
}
WeightForm GgufAttr::getForm() const { return {}; }

LogicalResult SafetensorsAttr::verify(EmitError emitError, StringRef path, StringRef key, SafetensorsFormat) {
  return verifyFileReference(emitError, path, key);
}
WeightForm SafetensorsAttr::getForm() const {
  WeightForm form;
  form.int8 = getFormat() == SafetensorsFormat::i8;
  return form;
}

//===- Derived weights -------------------------------------------------------------------------------------------===//

LogicalResult RowAttr::verify(EmitError emitError, Attribute source, int64_t index) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (index < 0 || (form->shape && index >= form->shape->front()))
    return emitError() << "C1: row " << index << " does not exist"
                       << (form->shape ? " in a matrix of " + std::to_string(form->shape->front()) + " rows" : "");
  return success();
}
WeightForm RowAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->erase(form.shape->begin());
  return form;
}

LogicalResult SumAttr::verify(EmitError emitError, Attribute lhs, Attribute rhs) {
  FailureOr<WeightForm> a = expectF32(emitError, lhs, {"C1", "the first source", 1, 4});
  FailureOr<WeightForm> b = expectF32(emitError, rhs, {"C1", "the second source", 1, 4});
  if (failed(a) || failed(b))
    return failure();
  if (!a->shape || !b->shape || *a->shape == *b->shape)
    return success();
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "C1: both sources must have one shape, but found ";
  printShape(diagnostic, *a->shape) << " and ";
  return printShape(diagnostic, *b->shape), failure();
}
WeightForm SumAttr::getForm() const {
  WeightForm lhs = *getWeightForm(getLhs()), rhs = *getWeightForm(getRhs()), form;
  form.shape = lhs.shape ? lhs.shape : rhs.shape;
  form.depth = std::max(lhs.depth, rhs.depth) + 1;
  form.leaves = lhs.leaves + rhs.leaves;
  return form;
}

LogicalResult ScaleAttr::verify(EmitError emitError, Attribute source, Real) {
  return expectF32(emitError, source, {"C1", "the source", 1, 4});
}
WeightForm ScaleAttr::getForm() const { return deriveForm(getSource()); }

LogicalResult ScaleColumnsAttr::verify(EmitError emitError, Attribute source, Attribute vector) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  return failed(form) ? failure() : expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1});
}
WeightForm ScaleColumnsAttr::getForm() const { return deriveForm({getSource(), getVector()}); }

LogicalResult MatvecAddAttr::verify(EmitError emitError, Attribute source, Attribute vector, Attribute bias) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form) || failed(expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1})))
    return failure();
  return bias ? expectVector(emitError, bias, *form, 0, {"C2", "the bias", 1, 1}) : success();
}
WeightForm MatvecAddAttr::getForm() const {
  WeightForm form = deriveForm({getSource(), getVector(), getBias()});
  if (form.shape)
    form.shape->pop_back();
  return form;
}

LogicalResult AddToRowsAttr::verify(EmitError emitError, Attribute source, Attribute vector) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  return failed(form) ? failure() : expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1});
}
WeightForm AddToRowsAttr::getForm() const { return deriveForm({getSource(), getVector()}); }

LogicalResult PermuteRopeAttr::verify(EmitError emitError, Attribute source, int64_t heads, RopeLayout, int64_t dims) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  if (heads <= 0 || (form->shape && form->shape->front() % heads != 0))
    return emitError() << "C2: expected heads that divide the rows"
                       << (form->shape ? " (" + std::to_string(form->shape->front()) + ")" : "") << ", but found "
                       << heads;
  int64_t headRows = form->shape ? form->shape->front() / heads : 0;
  if (dims < 0 || dims % 2 != 0 || (form->shape && (dims > headRows || (dims == 0 && headRows % 2 != 0))))
    return emitError() << "C3: expected an even number of dims"
                       << (form->shape ? ", at most " + std::to_string(headRows) : "") << ", but found "
                       << (dims == 0 ? headRows : dims);
  return success();
}
WeightForm PermuteRopeAttr::getForm() const { return deriveForm(getSource()); }

LogicalResult RotateColumnsAttr::verify(EmitError emitError, Attribute source, int64_t block) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  bool isPower = block >= 2 && block <= 65536 && (block & (block - 1)) == 0;
  if (!isPower || (form->shape && form->shape->back() % block != 0))
    return emitError() << "C2: expected a block that is a power of two from 2 to 65536 and divides the columns"
                       << (form->shape ? " (" + std::to_string(form->shape->back()) + ")" : "") << ", but found "
                       << block;
  return success();
}
WeightForm RotateColumnsAttr::getForm() const { return deriveForm(getSource()); }

LogicalResult NarrowAttr::verify(EmitError emitError, Attribute source) { return expectMatrix(emitError, source); }
WeightForm NarrowAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.bf16 = true;
  return form;
}

LogicalResult QuantizeRowsAttr::verify(EmitError emitError, Attribute source) {
  return expectMatrix(emitError, source);
}
WeightForm QuantizeRowsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.int8 = true;
  return form;
}

LogicalResult QuantizeGroupsAttr::verify(EmitError emitError, Attribute source, int64_t bits, int64_t group,
                                         bool hasMin) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (group <= 0 || (form->shape && form->shape->back() % group != 0))
    return emitError() << "C2: expected a positive group that divides the columns"
                       << (form->shape ? " (" + std::to_string(form->shape->back()) + ")" : "") << ", but found "
                       << group;
  if ((bits != 4 && bits != 8) || (hasMin && bits != 4))
    return emitError() << "C3: expected 4 or 8 bits, minima with 4 only, but found " << bits
                       << (hasMin ? " with minima" : "");
  return success();
}
WeightForm QuantizeGroupsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.groupedBits = getBits();
  form.group = getGroup();
  form.hasMin = getHasMin();
  return form;
}

/// The groups of the block formats that are kept as they are.
static constexpr int64_t nativeGroup = 32;

GgufAttr NativeAttr::findTensor(Attribute source) {
  if (auto permuted = dyn_cast<PermuteRopeAttr>(source))
    source = permuted.getSource();
  auto tensor = dyn_cast<GgufAttr>(source);
  bool known = tensor && llvm::is_contained({GgufFormat::q4_0, GgufFormat::q4_1, GgufFormat::q8_0}, tensor.getFormat());
  return known ? tensor : GgufAttr();
}

LogicalResult NativeAttr::verify(EmitError emitError, Attribute source) {
  if (!findTensor(source))
    return emitError() << "C1: expected a #lm.gguf weight in format q4_0, q4_1 or q8_0, or a #lm.permute_rope of one, "
                          "but found "
                       << source;
  return success();
}
WeightForm NativeAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  GgufFormat format = findTensor(getSource()).getFormat();
  form.groupedBits = format == GgufFormat::q8_0 ? 8 : 4;
  form.group = nativeGroup;
  form.hasMin = format == GgufFormat::q4_1;
  return form;
}
