// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only entry of an artifact that a lone kernel can pass for is `encode`: it gets the arguments in the place of the
// step and the number of the kernel in the place of the thread. See KernelProgram.h.
#include "bench/kernels/KernelProgram.h"

#include "codegen/link/EmitObject.h"
#include "codegen/link/LinkLibrary.h"
#include "dialects/lmk/Lmk.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace lmopt::bench {

[[noreturn]] static void fail(const std::string &message) {
  std::fprintf(stderr, "bench-kernels: %s\n", message.c_str());
  std::exit(1);
}

KernelProgram::KernelProgram(const std::string &cpu) {
  context.loadDialect<func::FuncDialect, arith::ArithDialect, scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect,
                      lmk::LmkDialect>();
  std::string error;
  if (!cpu::makeTarget(cpu, cpuTarget, error))
    fail(error);
  lowered.facts.decoder = false;
  lowered.module = ModuleOp::create(UnknownLoc::get(&context));
  kernels = std::make_unique<cpu::KernelLibrary>(*lowered.module, cpuTarget);
}

KernelProgram::~KernelProgram() {
  if (library_)
    dlclose(library_);
}

std::string KernelProgram::define(const std::string &name, int64_t pointers, int64_t integers,
                                  const std::function<void(cpu::Emitter &, ValueRange)> &body) {
  OpBuilder builder = OpBuilder::atBlockEnd(lowered.module->getBody());
  SmallVector<Type> types(pointers, LLVM::LLVMPointerType::get(&context));
  types.append(integers, builder.getI64Type());
  auto function = func::FuncOp::create(builder, builder.getUnknownLoc(), name, builder.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr("no_inline", builder.getUnitAttr());
  builder.setInsertionPointToStart(function.addEntryBlock());
  cpu::Emitter emitter(builder, function.getLoc(), cpuTarget);
  body(emitter, function.getArguments());
  builder.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(builder, function.getLoc());
  return name;
}

int KernelProgram::add(const std::string &name) {
  names.push_back(name);
  return static_cast<int>(names.size()) - 1;
}

// if (number == k) kernel_k(arguments[0], arguments[1], ...), for every k; LLVM makes a jump table of it.
void KernelProgram::emitDispatcher() {
  OpBuilder builder = OpBuilder::atBlockEnd(lowered.module->getBody());
  Location loc = builder.getUnknownLoc();
  Type pointer = LLVM::LLVMPointerType::get(&context), i64 = builder.getI64Type();
  auto dispatcher = func::FuncOp::create(builder, loc, "encode", builder.getFunctionType({pointer, i64, i64}, {}));
  builder.setInsertionPointToStart(dispatcher.addEntryBlock());
  cpu::Emitter e(builder, loc, cpuTarget);
  for (size_t k = 0; k < names.size(); ++k) {
    auto kernel = lowered.module->lookupSymbol<func::FuncOp>(names[k]);
    Value chosen = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, dispatcher.getArgument(1), e.index(k));
    e.ifThen(chosen, [&] {
      SmallVector<Value> arguments;
      for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
        arguments.push_back(e.load(type, e.at(dispatcher.getArgument(0), 8 * static_cast<int64_t>(i)), 8));
      func::CallOp::create(builder, loc, kernel, arguments);
    });
  }
  func::ReturnOp::create(builder, loc);
}

void KernelProgram::load() {
  emitDispatcher();
  std::error_code failed;
  std::string folder = (std::filesystem::temp_directory_path(failed) / "bench-kernels-XXXXXX").string();
  if (failed || !mkdtemp(folder.data()))
    fail("cannot make a folder for temporary files (TMPDIR names where)");
  std::string object = folder + "/kernels.o", file = folder + "/kernels.so", error;
  llvm::SmallVector<char> bytes;
  bool made = link::emitObject(lowered, cpuTarget, {}, bytes, error);
  if (made) {
    std::ofstream(object, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    made = link::linkSharedLibrary({object}, file, error);
  }
  if (made && !(library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)))
    error = dlerror();
  unlink(object.c_str());
  unlink(file.c_str());
  rmdir(folder.c_str());
  if (!library_)
    fail(error);
  auto query = reinterpret_cast<lmopt_model_query_fn>(dlsym(library_, LMOPT_MODEL_QUERY_SYMBOL));
  if (!query)
    fail("the linked kernels lack " LMOPT_MODEL_QUERY_SYMBOL);
  entry = lmopt_entry_find(query(LMOPT_ABI_VERSION), LMOPT_ENTRY_ENCODE)->run;
}

Block::Block(int64_t size) : bytes(cpu::roundUp(size, 64)) {
  constexpr int64_t kHuge = int64_t{2} << 20; // what the runtime asks for too (artifact/model.c)
  int64_t alignment = bytes < kHuge ? 64 : kHuge;
  start = static_cast<char *>(
      std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(cpu::roundUp(bytes, alignment))));
  if (!start)
    fail("out of memory");
  if (alignment == kHuge)
    madvise(start, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  fillFloats();
}
Block::~Block() { std::free(start); }

void Block::fillFloats() {
  std::minstd_rand random(1);
  auto *floats = reinterpret_cast<float *>(start);
  for (int64_t i = 0; i < bytes / 4; ++i)
    floats[i] = static_cast<float>(random() % 4096) / 2048 - 1;
}
void Block::fillBytes() {
  std::minstd_rand random(1);
  for (int64_t i = 0; i < bytes; ++i)
    start[i] = static_cast<char>(0x38 + random() % 8);
}

} // namespace lmopt::bench
