// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Printing of results and their comparison with lm.expect; see Expectation.h.

#include "dialects/lm/interpreter/Expectation.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir;
using namespace lmopt::lm;
using reference::Cache;
using reference::Tensor;

//===- Printing --------------------------------------------------------------------------------------------------===//

/// Number i with so many digits; -0 as 0, so that expectations need not care.
static void printNumber(llvm::raw_ostream &out, const Tensor &tensor, int64_t i, int digits) {
  if (!tensor.f32.empty())
    out << llvm::format("%.*g", digits, double(tensor.f32[i]) + 0.0);
  else
    out << (!tensor.i32.empty() ? tensor.i32[i] : tensor.u8.empty() ? int32_t(tensor.s8[i]) : int32_t(tensor.u8[i]));
}

static void printNested(llvm::raw_ostream &out, const Tensor &tensor, unsigned dim, int64_t &i, int digits) {
  out << '[';
  for (int64_t k = 0; k < tensor.shape[dim]; ++k) {
    out << (k ? ", " : "");
    if (dim + 1 == tensor.shape.size())
      printNumber(out, tensor, i++, digits);
    else
      printNested(out, tensor, dim + 1, i, digits);
  }
  out << ']';
}

static StringRef elementText(const Tensor &tensor) {
  if (!tensor.f32.empty())
    return tensor.bf16 ? "bf16" : "f32";
  return !tensor.i32.empty() ? "i32" : !tensor.s8.empty() ? "si8" : "ui8";
}

static void printTensor(llvm::raw_ostream &out, StringRef name, const Tensor &tensor, int digits) {
  out << '@' << name << ": tensor<";
  for (int64_t size : tensor.shape)
    out << size << 'x';
  out << elementText(tensor) << "> ";
  int64_t i = 0;
  printNested(out, tensor, 0, i, digits);
  out << '\n';
}

/// The tensors that a result is told by: itself, what codes are made of, none for a cache.
static SmallVector<const Tensor *> tensorsOf(const RuntimeValue &value) {
  if (const auto *tensor = std::get_if<Tensor>(&value))
    return {tensor};
  const auto *codes = std::get_if<reference::Quantized>(&value);
  if (!codes)
    return {};
  if (codes->zero.i32.empty())
    return {&codes->codes, &codes->scale};
  return {&codes->codes, &codes->scale, &codes->zero};
}

static void printValue(llvm::raw_ostream &out, StringRef name, const RuntimeValue &value, int digits) {
  for (const Tensor *tensor : tensorsOf(value))
    printTensor(out, name, *tensor, digits);
  if (const auto *cache = std::get_if<Cache>(&value))
    out << '@' << name << ": !lm.cache with " << cache->layers.size() << " layers of "
        << (cache->layers.empty() ? 0 : cache->layers.front().positions) << " positions\n";
}

/// The `count` largest numbers of the last row, with their indices: the likeliest next tokens.
static void printTop(llvm::raw_ostream &out, StringRef name, const Tensor &tensor, int64_t count) {
  const int64_t width = tensor.width();
  const float *row = tensor.f32.data() + tensor.f32.size() - width;
  std::vector<int64_t> order(width);
  for (int64_t i = 0; i < width; ++i)
    order[i] = i;
  count = std::min(count, width);
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](int64_t a, int64_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b); });
  out << '@' << name << ": top";
  for (int64_t i = 0; i < count; ++i)
    out << ' ' << order[i] << ':' << llvm::format("%.6g", double(row[order[i]]));
  out << '\n';
}

//===- Expectations ----------------------------------------------------------------------------------------------===//

/// What is expected to be no number (NaN) is to be none; infinities are equal.
static double differenceOf(float found, float expected) {
  bool alike = found == expected || (std::isnan(found) && std::isnan(expected));
  return alike ? 0 : std::abs(double(found) - double(expected));
}

/// The largest difference as a share of the largest magnitude expected, NaN if there is one; nullopt when the shapes
/// differ.
static std::optional<double> difference(const Tensor &found, const Tensor &expected) {
  if (found.shape != expected.shape || found.u8 != expected.u8 || found.s8 != expected.s8 ||
      found.i32 != expected.i32 || found.f32.size() != expected.f32.size())
    return std::nullopt;
  double largest = 0, magnitude = 1e-30;
  for (auto [a, b] : llvm::zip_equal(found.f32, expected.f32)) {
    double apart = differenceOf(a, b);
    if (std::isnan(apart))
      return apart; // no greater one makes up for it
    largest = std::max(largest, apart);
    if (std::isfinite(b))
      magnitude = std::max(magnitude, std::abs(double(b)));
  }
  return largest / magnitude;
}

static LogicalResult compare(func::FuncOp function, ArrayAttr expect, ArrayRef<RuntimeValue> results,
                             double leastTolerance) {
  auto toleranceAttr = function->getAttrOfType<FloatAttr>("lm.tolerance");
  double tolerance = std::max(toleranceAttr ? toleranceAttr.getValueAsDouble() : 0.0, leastTolerance);
  SmallVector<const Tensor *> tensors;
  for (const RuntimeValue &result : results)
    llvm::append_range(tensors, tensorsOf(result));
  size_t next = 0;
  for (const Tensor *found : tensors) {
    auto dense = next < expect.size() ? dyn_cast<DenseElementsAttr>(expect[next]) : DenseElementsAttr();
    std::optional<Tensor> expected = dense ? tensorFromAttribute(dense) : std::nullopt;
    if (!expected)
      return function.emitError("lm.expect has no dense value for tensor result ") << next;
    std::optional<double> apart = difference(*found, *expected);
    if (!apart || !(*apart <= tolerance)) {
      printTensor(llvm::errs(), function.getSymName(), *found, /*digits=*/9);
      InFlightDiagnostic diagnostic = function.emitError("result ") << next << " is not as expected: ";
      if (!apart)
        return diagnostic << "shape or integers differ";
      return diagnostic << "relative difference " << *apart << " > tolerance " << tolerance;
    }
    ++next;
  }
  if (next != expect.size())
    return function.emitError("lm.expect has ") << expect.size() << " values for " << next << " tensor results";
  llvm::outs() << '@' << function.getSymName() << ": as expected\n";
  return success();
}

LogicalResult lmopt::lm::report(func::FuncOp function, ArrayRef<RuntimeValue> results, const ReportOptions &options) {
  if (auto expect = function->getAttrOfType<ArrayAttr>("lm.expect"))
    return compare(function, expect, results, options.leastTolerance);
  for (const RuntimeValue &result : results) {
    const auto *tensor = std::get_if<Tensor>(&result);
    if (options.top > 0 && tensor && !tensor->f32.empty())
      printTop(llvm::outs(), function.getSymName(), *tensor, options.top);
    else
      printValue(llvm::outs(), function.getSymName(), result, options.digits);
  }
  return success();
}
