// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass; see RunCompiledPass.h.
#include "tools/run-compiled/RunCompiledPass.h"

#include "codegen/Compile.h"
#include "codegen/lower/Lower.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/interpreter/RunFunctionsPass.h"
#include "tools/run-compiled/PrepareFunction.h"
#include "tools/run-compiled/Slice.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

using namespace mlir;

namespace lmopt {

namespace {

/// A name for a file that goes when this does, also when the program is stopped.
class TemporaryFile {
public:
  TemporaryFile() {
    if (!llvm::sys::fs::createTemporaryFile("lmopt-run", "so", name))
      llvm::sys::RemoveFileOnSignal(name);
  }
  TemporaryFile(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    llvm::sys::fs::remove(name);
    llvm::sys::DontRemoveFileOnSignal(name);
  }
  std::string path() const { return name.str().str(); }

private:
  llvm::SmallString<128> name;
};

struct RunCompiledPass : PassWrapper<RunCompiledPass, lm::RunFunctionsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RunCompiledPass)

  RunCompiledPass() = default;
  RunCompiledPass(const RunCompiledPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "lm-run-compiled"; }
  StringRef getDescription() const override {
    return "compile functions and run the code, as --lm-interpret runs them";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    lm::registerDialects(registry);
    lower::registerDialects(registry);
  }
  void runOnOperation() override {
    runFunctions([&](func::FuncOp function) { return runFunction(function); }, tolerance);
  }

  Option<std::string> targetCpu{*this, "target-cpu", llvm::cl::init("native"),
                                llvm::cl::desc("CPU as LLVM names it, or `native`")};
  Option<int> threads{*this, "threads", llvm::cl::init(1), llvm::cl::desc("threads that compute")};
  Option<double> tolerance{*this, "tolerance", llvm::cl::init(0.0),
                           llvm::cl::desc("least tolerance: what other orders of sums and f32 between them may add")};

private:
  Results runFunction(func::FuncOp function);
  FailureOr<lm::reference::Tensor> runResult(func::ReturnOp op, unsigned result);
};

} // namespace

RunCompiledPass::Results RunCompiledPass::runFunction(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return plan::refuse(function, "expects a body of one block");
  auto op = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  std::vector<lm::RuntimeValue> results;
  for (unsigned i = 0; i < op.getNumOperands(); ++i) {
    if (isa<lm::CacheType>(op.getOperand(i).getType())) // stays in its session
      continue;
    FailureOr<lm::reference::Tensor> result = runResult(op, i);
    if (failed(result))
      return failure();
    results.emplace_back(std::move(*result));
  }
  return results;
}

FailureOr<lm::reference::Tensor> RunCompiledPass::runResult(func::ReturnOp op, unsigned result) {
  std::vector<int32_t> tokens(ids.begin(), ids.end());
  FailureOr<PreparedFunction> prepared = prepareFunction(op, result, tokens);
  if (failed(prepared))
    return failure();
  CompileOptions options;
  options.targetCpu = targetCpu;
  options.baseDirectory = weightDirectory();
  TemporaryFile file;
  CompileResult compiled = compileToArtifact(*prepared->module, options, file.path());
  if (compiled.code && !compiled.message.empty())
    op->getParentOp()->emitError() << compiled.message;
  if (compiled.code)
    return failure();
  Result<std::vector<float>> numbers = runTokens(file.path(), prepared->run, threads);
  if (!numbers)
    return op->getParentOp()->emitError("the compiled code does not run: ") << numbers.error().message;
  lm::reference::Tensor tensor;
  tensor.shape = prepared->shape;
  tensor.f32 = numbers.take();
  return tensor;
}

void registerRunCompiledPass() { PassRegistration<RunCompiledPass>(); }

} // namespace lmopt
