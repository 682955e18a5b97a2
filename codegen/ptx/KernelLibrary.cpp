// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where kernels become functions; see KernelLibrary.h.
#include "codegen/ptx/KernelLibrary.h"

using namespace mlir;

namespace lmopt::nvptx {

KernelLibrary::KernelLibrary(MLIRContext *context, const Target &target) : target(target) {
  context->loadDialect<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect, scf::SCFDialect>();
  module = ModuleOp::create(UnknownLoc::get(context));
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto kernels = gpu::GPUModuleOp::create(builder, module->getLoc(), "kernels");
  builder.setInsertionPointToStart(kernels.getBody());
  // 1024: what the swizzle of wgmma wants. Its size is the launch's.
  LLVM::GlobalOp::create(builder, module->getLoc(), LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                         /*isConstant=*/false, LLVM::Linkage::External, "shared_memory", Attribute(),
                         /*alignment=*/target.hasWgmma() ? 1024 : 128,
                         /*addrSpace=*/3);
}

static int64_t bytesOf(ArgumentKind kind) { return kind == ArgumentKind::Number ? 4 : 8; }

std::vector<int64_t> KernelEntry::argumentOffsets() const {
  std::vector<int64_t> offsets;
  int64_t end = 0;
  for (ArgumentKind kind : arguments) {
    int64_t bytes = bytesOf(kind);
    offsets.push_back((end + bytes - 1) / bytes * bytes);
    end = offsets.back() + bytes;
  }
  return offsets;
}

int64_t KernelEntry::argumentBytes() const {
  return arguments.empty() ? 0 : argumentOffsets().back() + bytesOf(arguments.back());
}

gpu::GPUModuleOp KernelLibrary::getModule() { return *module->getOps<gpu::GPUModuleOp>().begin(); }

static Type typeOf(ArgumentKind kind, MLIRContext *context) {
  if (kind == ArgumentKind::Number)
    return IntegerType::get(context, 32);
  return LLVM::LLVMPointerType::get(context, 1);
}

static LLVM::LLVMFuncOp makeFunction(OpBuilder &builder, const std::string &name, const KernelShape &shape,
                                     ArrayRef<ArgumentKind> arguments) {
  MLIRContext *context = builder.getContext();
  SmallVector<Type> types;
  for (ArgumentKind kind : arguments)
    types.push_back(typeOf(kind, context));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  auto function = LLVM::LLVMFuncOp::create(builder, NameLoc::get(builder.getStringAttr(name)), name, type);
  function->setAttr("nvvm.kernel", builder.getUnitAttr());
  function->setAttr("nvvm.reqntid", builder.getDenseI32ArrayAttr({static_cast<int32_t>(shape.threads)}));
  function->setAttr("nvvm.minctasm", builder.getI32IntegerAttr(static_cast<int32_t>(shape.leastBlocks)));
  // Of memory that is written in a launch, LLVM may not think that it stays what it was: it would be read past the
  // first-level cache (ld.global.nc), which nothing keeps up to date.
  for (auto [i, kind] : llvm::enumerate(arguments))
    if (kind == ArgumentKind::Constant) {
      function.setArgAttr(static_cast<unsigned>(i), "llvm.noalias", builder.getUnitAttr());
      function.setArgAttr(static_cast<unsigned>(i), "llvm.readonly", builder.getUnitAttr());
    }
  return function;
}

std::string KernelLibrary::define(const std::string &name, const KernelShape &shape, ArrayRef<ArgumentKind> arguments,
                                  const KernelBody &body, const WeightStream &stream) {
  if (!known.emplace(name, shape).second)
    return name;
  numbers[name] = entries.size();
  entries.push_back({name, shape, arguments.vec(), static_cast<int64_t>(entries.size()), body, stream});
  OpBuilder builder = OpBuilder::atBlockEnd(getModule().getBody());
  LLVM::LLVMFuncOp function = makeFunction(builder, name, shape, arguments);
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  Emitter emitter(builder, function.getLoc(), target);
  body(emitter, entry->getArguments());
  builder.setInsertionPointToEnd(entry);
  LLVM::ReturnOp::create(builder, function.getLoc(), ValueRange());
  return name;
}

} // namespace lmopt::nvptx
