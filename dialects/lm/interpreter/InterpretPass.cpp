// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --lm-interpret: runs functions of a module under the reference interpreter, for lit and for the curious.
// In: a module. Out: the same module; results are printed to stdout, or compared when the function says what it
// expects. Without `entry` every function runs that takes nothing but caches (they begin empty).
//
// A function may carry `lm.expect = [dense<...>, ...]` (one for each tensor result) and `lm.tolerance = 1.0e-6 : f64`,
// the allowed difference as a share of the largest magnitude expected; then one line says whether it holds.
// Tested by test/dialects/lm/interpret.

#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
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

static void printValue(llvm::raw_ostream &out, StringRef name, const RuntimeValue &value, int digits) {
  const auto *tensor = std::get_if<Tensor>(&value);
  if (!tensor) {
    const auto &layers = std::get<Cache>(value).layers;
    out << '@' << name << ": !lm.cache with " << layers.size() << " layers of "
        << (layers.empty() ? 0 : layers.front().positions) << " positions\n";
    return;
  }
  out << '@' << name << ": tensor<";
  for (int64_t size : tensor->shape)
    out << size << 'x';
  out << elementText(*tensor) << "> ";
  int64_t i = 0;
  printNested(out, *tensor, 0, i, digits);
  out << '\n';
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

/// The largest difference as a share of the largest magnitude expected; nullopt when the shapes differ.
static std::optional<double> difference(const Tensor &found, const Tensor &expected) {
  if (found.shape != expected.shape || found.u8 != expected.u8 || found.s8 != expected.s8 ||
      found.i32 != expected.i32 || found.f32.size() != expected.f32.size())
    return std::nullopt;
  double largest = 0, magnitude = 1e-30;
  for (auto [a, b] : llvm::zip_equal(found.f32, expected.f32)) {
    double apart = std::abs(double(a) - double(b));
    if (!(apart <= largest)) // also when NaN
      largest = apart;
    magnitude = std::max(magnitude, std::abs(double(b)));
  }
  return largest / magnitude;
}

static LogicalResult compare(func::FuncOp function, ArrayAttr expect, ArrayRef<RuntimeValue> results) {
  auto toleranceAttr = function->getAttrOfType<FloatAttr>("lm.tolerance");
  double tolerance = toleranceAttr ? toleranceAttr.getValueAsDouble() : 0.0;
  size_t next = 0;
  for (const RuntimeValue &result : results) {
    const auto *found = std::get_if<Tensor>(&result);
    if (!found)
      continue;
    auto dense = next < expect.size() ? dyn_cast<DenseElementsAttr>(expect[next]) : DenseElementsAttr();
    std::optional<Tensor> expected = dense ? tensorFromAttribute(dense) : std::nullopt;
    if (!expected)
      return function.emitError("lm.expect has no dense value for tensor result ") << next;
    std::optional<double> apart = difference(*found, *expected);
    if (!apart || !(*apart <= tolerance)) {
      printValue(llvm::errs(), function.getSymName(), result, /*digits=*/9);
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

//===- The pass --------------------------------------------------------------------------------------------------===//

namespace {

struct InterpretPass : PassWrapper<InterpretPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InterpretPass)

  InterpretPass() = default;
  InterpretPass(const InterpretPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "lm-interpret"; }
  StringRef getDescription() const override { return "run functions under the reference interpreter"; }
  void getDependentDialects(DialectRegistry &registry) const override { registerMeanings(registry); }
  void runOnOperation() override;

  Option<std::string> entry{*this, "entry", llvm::cl::desc("function to run (default: all that take only caches)")};
  ListOption<int32_t> ids{*this, "ids", llvm::cl::desc("token ids for the argument of type tensor<?x?xi32>")};
  Option<int64_t> top{*this, "top", llvm::cl::init(0),
                      llvm::cl::desc("print only the largest numbers of the last row, so many")};
  Option<int> digits{*this, "digits", llvm::cl::init(6), llvm::cl::desc("digits of printed numbers (9 are exact)")};
  Option<std::string> directory{*this, "directory",
                                llvm::cl::desc("where file names of weights start (default: the module's folder)")};

private:
  LogicalResult runFunction(Interpreter &interpreter, func::FuncOp function);
  RuntimeValue makeInput(Type type);
};

} // namespace

static bool takesOnlyCaches(func::FuncOp function) {
  return !function.isExternal() &&
         llvm::all_of(function.getArgumentTypes(), [](Type type) { return isa<CacheType>(type); });
}

/// Ids as one sequence, its length, or an empty cache; what does not fit is refused by the interpreter.
RuntimeValue InterpretPass::makeInput(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return Cache();
  std::vector<int32_t> numbers(ids.begin(), ids.end());
  return tensor.getRank() == 1 ? makeLengths({int32_t(numbers.size())}) : makeIds(numbers);
}

LogicalResult InterpretPass::runFunction(Interpreter &interpreter, func::FuncOp function) {
  std::vector<RuntimeValue> inputs;
  for (Type type : function.getArgumentTypes())
    inputs.push_back(makeInput(type));
  FailureOr<std::vector<RuntimeValue>> results = interpreter.run(function.getSymName(), std::move(inputs));
  if (failed(results))
    return failure();
  if (auto expect = function->getAttrOfType<ArrayAttr>("lm.expect"))
    return compare(function, expect, *results);
  for (const RuntimeValue &result : *results) {
    const auto *tensor = std::get_if<Tensor>(&result);
    if (top > 0 && tensor && !tensor->f32.empty())
      printTop(llvm::outs(), function.getSymName(), *tensor, top);
    else
      printValue(llvm::outs(), function.getSymName(), result, digits);
  }
  return success();
}

void InterpretPass::runOnOperation() {
  ModuleOp module = getOperation();
  WeightReader reader(directory.empty() ? moduleDirectory(module) : std::string(directory));
  Interpreter interpreter(module, reader);
  if (!entry.empty() && !module.lookupSymbol<func::FuncOp>(entry)) {
    module.emitError("there is no function @") << entry;
    return signalPassFailure();
  }
  for (auto function : module.getOps<func::FuncOp>()) {
    bool chosen = entry.empty() ? takesOnlyCaches(function) : function.getSymName() == StringRef(entry);
    if (chosen && failed(runFunction(interpreter, function)))
      return signalPassFailure();
  }
  markAllAnalysesPreserved();
}

void lmopt::lm::registerInterpretPass() { PassRegistration<InterpretPass>(); }
