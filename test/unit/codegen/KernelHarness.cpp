// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One entry point that finds its arguments in memory stands in front of all kernels, so that they pass through
// link::emitObject as a model does: (arguments, number of the kernel, -). See KernelHarness.h.
#include "test/unit/codegen/KernelHarness.h"

#include "codegen/link/EmitObject.h"
#include "codegen/link/LinkLibrary.h"
#include "dialects/lmk/Lmk.h"
#include "lmopt/abi.h"

#include "mlir/IR/MLIRContext.h"

#include <algorithm>
#include <atomic>
#include <dlfcn.h>
#include <fstream>
#include <set>
#include <sys/mman.h>
#include <tuple>
#include <unistd.h>

using namespace mlir;

namespace lmopt::test {

struct KernelHarness::State {
  MLIRContext context;
  cpu::Target target;
  lower::LoweredModel lowered;
  std::unique_ptr<cpu::KernelLibrary> library;
  std::vector<std::string> names;
  std::vector<size_t> arity;
  void *handle = nullptr;
  lmopt_entry_fn entry = nullptr;

  void addDispatcher() {
    OpBuilder builder = OpBuilder::atBlockEnd(lowered.module->getBody());
    Location loc = builder.getUnknownLoc();
    Type ptr = LLVM::LLVMPointerType::get(&context), i64 = builder.getI64Type();
    auto function = func::FuncOp::create(builder, loc, "encode", builder.getFunctionType({ptr, i64, i64}, {}));
    Block *entryBlock = function.addEntryBlock();
    builder.setInsertionPointToStart(entryBlock);
    cpu::Emitter e(builder, loc, target);
    for (size_t k = 0; k < names.size(); ++k) {
      auto callee = lowered.module->lookupSymbol<func::FuncOp>(names[k]);
      Value wanted =
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, entryBlock->getArgument(1), e.index(k));
      e.ifThen(wanted, [&] {
        SmallVector<Value> arguments;
        for (Type type : callee.getArgumentTypes())
          arguments.push_back(e.load(type, e.at(entryBlock->getArgument(0), 8 * int64_t(arguments.size())), 8));
        func::CallOp::create(builder, loc, callee, arguments);
      });
      arity.push_back(callee.getNumArguments());
    }
    func::ReturnOp::create(builder, loc);
  }
};

static bool runs(const cpu::Target &target) {
  cpu::Target host;
  std::string error;
  return cpu::makeTarget("native", host, error) && (target.spelling.isa & ~host.spelling.isa) == 0;
}

static cpu::Target targetOf(const std::string &cpu, const std::string &spellFor = "") {
  cpu::Target target;
  std::string error;
  EXPECT_TRUE(cpu::makeTarget(cpu, spellFor, target, error)) << error;
  return target;
}

// Lesser CPUs, the best first: the code comes nearest to what the CPU itself would run.
static cpu::Target runnableTarget(const std::string &cpu) {
  cpu::Target native = targetOf(cpu), target;
  std::string error;
  if (runs(native))
    return native;
  for (const char *spelling : {"icelake-server", "skylake-avx512", "x86-64-v3"})
    if (cpu::makeTarget(cpu, spelling, target, error) && runs(target))
      return target;
  return native;
}

static cpu::Target withDot(cpu::Target target, cpu::DotIsa dot) {
  target.spelling.dot = dot;
  return target;
}

KernelHarness::KernelHarness(const std::string &cpu) : KernelHarness(runnableTarget(cpu)) {}
KernelHarness::KernelHarness(const std::string &cpu, cpu::DotIsa dot) : KernelHarness(withDot(targetOf(cpu), dot)) {}

KernelHarness::KernelHarness(const cpu::Target &target) : state(std::make_unique<State>()) {
  state->target = target;
  state->context.loadDialect<func::FuncDialect, arith::ArithDialect, scf::SCFDialect, vector::VectorDialect,
                             LLVM::LLVMDialect, lmk::LmkDialect>();
  state->lowered.facts.decoder = false;
  state->lowered.module = ModuleOp::create(UnknownLoc::get(&state->context));
  state->library = std::make_unique<cpu::KernelLibrary>(*state->lowered.module, state->target);
}

KernelHarness::~KernelHarness() {
  if (state->handle)
    dlclose(state->handle);
}

bool KernelHarness::runsHere() const { return runs(state->target); }
const cpu::Target &KernelHarness::target() const { return state->target; }
cpu::KernelLibrary &KernelHarness::library() { return *state->library; }

std::string KernelHarness::define(const std::string &name, int64_t pointers, int64_t integers,
                                  const std::function<void(cpu::Emitter &, ValueRange)> &body) {
  OpBuilder builder = OpBuilder::atBlockEnd(state->lowered.module->getBody());
  Location loc = builder.getUnknownLoc();
  SmallVector<Type> types(pointers, LLVM::LLVMPointerType::get(&state->context));
  types.append(integers, builder.getI64Type());
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  cpu::Emitter e(builder, loc, state->target);
  body(e, entry->getArguments());
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
  return name;
}

int KernelHarness::add(const std::string &name) {
  state->names.push_back(name);
  return state->names.size() - 1;
}

void KernelHarness::build() {
  state->addDispatcher();
  llvm::SmallVector<char> object;
  std::string error, objectFile = temporaryPath(".o"), library = temporaryPath(".so");
  ASSERT_TRUE(link::emitObject(state->lowered, state->target, {}, object, error)) << error;
  std::ofstream(objectFile, std::ios::binary).write(object.data(), object.size());
  bool linked = link::linkSharedLibrary({objectFile}, library, error);
  unlink(objectFile.c_str());
  ASSERT_TRUE(linked) << error;
  state->handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  unlink(library.c_str());
  ASSERT_NE(state->handle, nullptr) << dlerror();
  auto query = reinterpret_cast<lmopt_model_query_fn>(dlsym(state->handle, LMOPT_MODEL_QUERY_SYMBOL));
  ASSERT_NE(query, nullptr);
  state->entry = lmopt_entry_find(query(LMOPT_ABI_VERSION), LMOPT_ENTRY_ENCODE)->run;
}

void KernelHarness::call(int kernel, const std::vector<Argument> &arguments) const {
  ASSERT_NE(state->entry, nullptr);
  ASSERT_EQ(arguments.size(), state->arity[kernel]) << state->names[kernel];
  state->entry(reinterpret_cast<const lmopt_step_t *>(arguments.data()), kernel, 0);
}
void KernelHarness::call(int kernel, std::initializer_list<Argument> arguments) const {
  call(kernel, std::vector<Argument>(arguments));
}

std::vector<std::string> distinct(const std::vector<std::string> &cpus) {
  std::vector<std::string> result;
  std::set<std::tuple<bool, bool, bool, bool, int64_t, int64_t, int64_t, uint64_t>> seen;
  for (const std::string &cpu : cpus) {
    cpu::Target target = runnableTarget(cpu);
    const cpu::Shape &shape = target.shape;
    bool isNew = seen.insert({shape.fma, shape.bf16, shape.packs, shape.words, shape.tileRows, shape.byteTileRows,
                              shape.tilePanels, target.spelling.isa})
                     .second;
    if (isNew)
      result.push_back(cpu);
  }
  return result;
}

std::string nameOfCpu(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string temporaryPath(const std::string &suffix) {
  static std::atomic<int> count{0};
  return testing::TempDir() + "lmopt-codegen-" + std::to_string(getpid()) + "-" + std::to_string(count++) + suffix;
}

Memory::Memory(int64_t bytes) : bytes(bytes) {
  int64_t page = sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page;
  mapped = (pages + 1) * page;
  mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  char *end = static_cast<char *>(mapping) + pages * page;
  mprotect(end, page, PROT_NONE);
  start = end - bytes;
}
Memory::Memory(Memory &&other) noexcept
    : mapping(other.mapping), mapped(other.mapped), bytes(other.bytes), start(other.start) {
  other.mapping = nullptr;
}
Memory::~Memory() {
  if (mapping)
    munmap(mapping, mapped);
}

} // namespace lmopt::test
