// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs single kernels: several go into one module, which takes the way of every artifact (LLVM dialect, LLVM, object
// file, lld, dlopen), and are then called with pointers and integers. In: a CPU name and kernels. Out: callable
// kernels. One module for many kernels, because LLVM's start costs more than a kernel.
// Kernels for a CPU run natively where this machine can, else in the instructions of a lesser CPU
// (codegen/cpu/Target.h).
#ifndef LMOPT_TEST_UNIT_CODEGEN_KERNELHARNESS_H
#define LMOPT_TEST_UNIT_CODEGEN_KERNELHARNESS_H

#include "codegen/cpu/KernelLibrary.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lmopt::test {

/// An argument of a kernel, as it stands in a register.
struct Argument {
  uint64_t bits;
  Argument(const void *pointer) : bits(reinterpret_cast<uint64_t>(pointer)) {}
  Argument(int64_t integer) : bits(integer) {}
  Argument(int integer) : bits(static_cast<int64_t>(integer)) {}
};

class KernelHarness {
public:
  explicit KernelHarness(const std::string &cpu = "native");
  /// Natively, whether this machine can or not, with this spelling of the dot product.
  KernelHarness(const std::string &cpu, cpu::DotIsa dot);
  ~KernelHarness();
  KernelHarness(const KernelHarness &) = delete;

  /// False when this machine lacks an instruction set that the code needs.
  bool runsHere() const;
  const cpu::Target &target() const;
  cpu::KernelLibrary &library();

  /// A kernel of the test's own.
  std::string define(const std::string &name, int64_t pointers, int64_t integers,
                     const std::function<void(cpu::Emitter &, mlir::ValueRange)> &body);

  /// Makes a kernel of the library or of the test callable; returns its number.
  int add(const std::string &name);
  /// Emits, links and loads; a failure is a failure of the running test. The kernels can be called from now on.
  void build();
  void call(int kernel, std::initializer_list<Argument> arguments) const;
  void call(int kernel, const std::vector<Argument> &arguments) const;

private:
  struct State;
  explicit KernelHarness(const cpu::Target &target);
  std::unique_ptr<State> state;
};

/// Those of the CPUs whose code differs as this machine runs it, in shape or in instructions.
std::vector<std::string> distinct(const std::vector<std::string> &cpus);

/// "x86-64-v3" as part of the name of a test.
std::string nameOfCpu(const testing::TestParamInfo<std::string> &info);

/// Tests of the kernels of a CPU. Compiling is what costs: a LibraryT, whose `harness` has them, is made once for all.
template <typename LibraryT>
class KernelTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    std::unique_ptr<LibraryT> &slot = libraries()[GetParam()];
    if (!slot)
      slot = std::make_unique<LibraryT>(GetParam());
    library = slot.get();
    if (!library->harness.runsHere())
      GTEST_SKIP() << "this CPU lacks instructions of " << GetParam();
  }
  static void TearDownTestSuite() { libraries().clear(); }

  LibraryT *library = nullptr;

private:
  static std::map<std::string, std::unique_ptr<LibraryT>> &libraries() {
    static std::map<std::string, std::unique_ptr<LibraryT>> all;
    return all;
  }
};

/// A library for KernelTest: a problem for each of the shapes, with the kernels that solve it.
template <typename ProblemT, const auto &shapes>
struct CompiledProblems {
  explicit CompiledProblems(const std::string &cpu) : harness(cpu) {
    uint64_t seed = 1;
    for (const auto &shape : shapes) {
      problems.push_back(std::make_unique<ProblemT>(shape, seed++));
      problems.back()->add(harness);
    }
    harness.build();
  }
  KernelHarness harness;
  std::vector<std::unique_ptr<ProblemT>> problems;
};

/// A file name in the folder of temporary files that no other process uses.
std::string temporaryPath(const std::string &suffix);

/// Zeroed memory that ends at a page that cannot be touched: reading or writing beyond the end kills the test. The
/// start is 64-byte aligned when the size is a multiple of 64.
class Memory {
public:
  explicit Memory(int64_t bytes);
  ~Memory();
  Memory(Memory &&other) noexcept;
  Memory(const Memory &) = delete;

  char *data() const { return start; }
  float *floats(int64_t byteOffset = 0) const { return reinterpret_cast<float *>(start + byteOffset); }
  int32_t *ints(int64_t byteOffset = 0) const { return reinterpret_cast<int32_t *>(start + byteOffset); }
  int64_t size() const { return bytes; }
  operator Argument() const { return Argument(start); }

private:
  void *mapping = nullptr;
  int64_t mapped = 0, bytes = 0;
  char *start = nullptr;
};

/// Random numbers that are the same on every machine and run.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 2 + 1) {}
  uint32_t next() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state >> 32;
  }
  int64_t below(int64_t n) { return next() % n; }
  /// Uniform in [-1, 1).
  float real() { return static_cast<float>(static_cast<int32_t>(next())) / 2147483648.0f; }
  /// Mostly small, sometimes large: what activations look like.
  float heavy() {
    float x = real();
    return x * x * x * 8;
  }

private:
  uint64_t state;
};

/// The upper half of a finite number, rounded to nearest, ties to even; and back.
inline uint16_t toBf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float fromBf16(uint16_t half) {
  uint32_t bits = uint32_t{half} << 16;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

} // namespace lmopt::test

#endif
