// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants and arguments as tokens and tables; see FunctionInputs.h.
#include "tools/run-compiled/FunctionInputs.h"

#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Lm.h"

#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cstring>

using namespace mlir;

namespace lmopt {

std::optional<InputRole> inputRole(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  auto allUsers = [&](auto isKnown) { return llvm::all_of(value.getUsers(), isKnown); };
  if (type.getElementType().isF32() && (type.getRank() == 2 || type.getRank() == 3))
    return type.getRank() == 3 ? InputRole::Rows : InputRole::Vectors;
  if (!type.getElementType().isSignlessInteger(32))
    return std::nullopt;
  if (type.getRank() == 2 && allUsers([](Operation *user) { return isa<lm::EmbeddingOp>(user); }))
    return InputRole::Ids;
  if (type.getRank() == 1 &&
      allUsers([](Operation *user) { return isa<lm::AttentionOp, lm::CacheAppendOp, lm::AttendOp, lm::PoolOp>(user); }))
    return InputRole::Lengths;
  return std::nullopt;
}

// What is known already must be the same.
template <class T>
static bool agree(T &known, const T &unknown, const T &found) {
  if (known == unknown)
    known = found;
  return known == found;
}

LogicalResult FunctionInputs::readIntegers(Part &part, Operation *user, Value value) {
  std::vector<int32_t> numbers(given.begin(), given.end());
  bool isIds = *inputRole(value) == InputRole::Ids;
  int64_t batch = 1;
  if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
    std::optional<lm::reference::Tensor> tensor = lm::tensorFromAttribute(cast<DenseElementsAttr>(constant.getValue()));
    numbers = tensor->i32;
    batch = tensor->shape[0];
  } else if (!isIds) {
    numbers = {static_cast<int32_t>(given.size())};
  }
  bool fits = agree<int64_t>(part.batch, -1, batch);
  if (isIds)
    fits = fits && agree<int64_t>(part.length, -1, static_cast<int64_t>(numbers.size()) / batch) &&
           agree(part.ids, {}, std::make_optional(numbers));
  else
    fits = fits && agree(part.lengths, {}, std::make_optional(numbers));
  if (!fits)
    return plan::refuse(user,
                        "token ids, lengths and rows of one step belong to the same sequences; expected one tensor of "
                        "ids, one of lengths, and rows of one batch and length");
  return success();
}

LogicalResult FunctionInputs::readInput(Part &part, Operation *user, Value value) {
  std::optional<InputRole> role = inputRole(value);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  bool isFloats = role == InputRole::Rows || role == InputRole::Vectors;
  bool isArgument = isa<BlockArgument>(value);
  if (!role || (isFloats && isArgument))
    return plan::refuse(user, isArgument
                                  ? Twine("an argument must be token ids (tensor<?x?xi32>), lengths (tensor<?xi32>) or "
                                          "a cache")
                                  : Twine("a constant must be rows or vectors of f32, token ids or lengths"));
  if (!isArgument && (type.getNumElements() == 0 || type.getNumElements() > int64_t(1) << 28))
    return plan::refuse(user, "expected a constant of 1 to 2^28 numbers");
  if (isArgument && given.empty())
    return user->emitError("expected token ids for an argument; give them: ids=1,2,3");
  if (!isFloats)
    return readIntegers(part, user, value);
  bool fits = agree<int64_t>(part.batch, -1, type.getDimSize(0)) &&
              (role == InputRole::Vectors || agree<int64_t>(part.length, -1, type.getDimSize(1)));
  return fits ? success() : plan::refuse(user, "rows of one step must have one batch and length");
}

LogicalResult FunctionInputs::readOp(Part &part, Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (!isa<DenseElementsAttr>(constant.getValue()))
      return plan::refuse(op, "a constant must be dense");
    return readInput(part, op, constant);
  }
  if (isa<func::CallOp>(op))
    return plan::refuse(op, "op 'func.call' is not supported; run --inline before");
  for (Value operand : op->getOperands())
    if (isa<BlockArgument>(operand) && !isa<lm::CacheType>(operand.getType()) && failed(readInput(part, op, operand)))
      return failure();
  return success();
}

// As the interpreter does; compiled code reads where the id says.
LogicalResult FunctionInputs::checkIds(const Part &part, const Slice &step) const {
  for (Operation *op : step.ops) {
    auto embedding = dyn_cast<lm::EmbeddingOp>(op);
    if (!embedding)
      continue;
    if (!part.ids)
      return plan::refuse(op, "expected ids that are a constant or an argument");
    int64_t rows = lm::lookupParam(op, embedding.getTableAttr()).getShape()[0];
    for (int32_t id : *part.ids)
      if (id < 0 || id >= rows)
        return op->emitError("expected token ids from 0 to ") << rows - 1 << ", but found " << id;
  }
  return success();
}

// Steps follow one another in the same sequences.
LogicalResult FunctionInputs::join() {
  for (size_t s = 0; s < parts.size(); ++s) {
    Part &part = parts[s];
    part.batch = std::max<int64_t>(part.batch, 1);
    part.length = std::max<int64_t>(part.length, 1);
    part.begin = s ? parts[s - 1].begin + parts[s - 1].length : 0;
    if (part.batch != batch() || part.ids.has_value() != hasIds())
      return plan::refuse(steps[s].ops.back(), "all steps of a sequence must have one batch");
  }
  if (batch() * totalLength() > int64_t(1) << 28)
    return plan::refuse(steps.back().ops.back(), "expected at most 2^28 rows");
  for (size_t s = 0; s < parts.size(); ++s)
    for (int64_t b = 0; b < batch(); ++b)
      for (int64_t t = 0; t < length(s); ++t)
        tokens = std::max<int64_t>(tokens, token(s, b, t) + 1);
  return success();
}

LogicalResult FunctionInputs::read() {
  for (const Slice &step : steps) {
    Part part;
    for (Operation *op : step.ops)
      if (failed(readOp(part, op)))
        return failure();
    if (failed(checkIds(part, step)))
      return failure();
    parts.push_back(std::move(part));
  }
  return join();
}

int64_t FunctionInputs::ownLength(int64_t b) const {
  const Part &part = parts.back();
  return part.lengths ? std::clamp<int64_t>((*part.lengths)[b], 0, part.length) : part.length;
}

int32_t FunctionInputs::token(size_t s, int64_t b, int64_t t) const {
  const Part &part = parts[s];
  return part.ids ? (*part.ids)[b * part.length + t] : static_cast<int32_t>(b * totalLength() + part.begin + t);
}

FailureOr<std::vector<float>> FunctionInputs::table(size_t op, int64_t width) const {
  std::vector<float> table(tokenCount() * width);
  std::vector<bool> filled(tokenCount());
  for (size_t s = 0; s < steps.size(); ++s) {
    auto constant = cast<arith::ConstantOp>(steps[s].ops[op]);
    std::vector<float> numbers = lm::tensorFromAttribute(cast<DenseElementsAttr>(constant.getValue()))->f32;
    int64_t length = inputRole(constant) == InputRole::Vectors ? 1 : parts[s].length;
    if (static_cast<int64_t>(numbers.size()) != batch() * length * width)
      return plan::refuse(constant, "rows of all steps must have one width");
    for (int64_t row = 0; row < batch() * length; ++row) {
      int64_t id = token(s, row / length, row % length);
      float *to = table.data() + id * width;
      if (filled[id] && std::memcmp(to, numbers.data() + row * width, width * sizeof(float)) != 0)
        return plan::refuse(constant, "token " + Twine(id) + " stands for rows that differ; use an id once");
      std::copy_n(numbers.data() + row * width, width, to);
      filled[id] = true;
    }
  }
  return table;
}

} // namespace lmopt
