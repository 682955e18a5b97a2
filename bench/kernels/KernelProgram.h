// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels made callable for timing: they are collected in one module, which goes the way of every artifact (LLVM, lld,
// dlopen), so that what is timed is exactly what models run. In: kernels of cpu::KernelLibrary or of the benchmark's
// own. Out: calls. A failure ends the program with a message: a benchmark has nothing better to do.
#ifndef LMOPT_BENCH_KERNELS_KERNELPROGRAM_H
#define LMOPT_BENCH_KERNELS_KERNELPROGRAM_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/lower/Lower.h"
#include "lmopt/abi.h"

#include "mlir/IR/MLIRContext.h"

#include <functional>
#include <string>
#include <vector>

namespace lmopt::bench {

/// Arguments of a kernel in the order of its parameters: pointers and 64-bit integers, as registers hold them.
class Arguments {
public:
  template <class... Ts>
  Arguments(Ts... values) {
    (append(values), ...);
  }
  void append(const void *pointer) { words.push_back(reinterpret_cast<uint64_t>(pointer)); }
  void append(int64_t integer) { words.push_back(static_cast<uint64_t>(integer)); }
  void append(int integer) { append(static_cast<int64_t>(integer)); }
  const uint64_t *data() const { return words.data(); }
  size_t size() const { return words.size(); }

private:
  std::vector<uint64_t> words;
};

class KernelProgram {
public:
  /// `cpu`: as `lmopt compile --target-cpu` names it; code that this machine lacks instructions for is for reading.
  explicit KernelProgram(const std::string &cpu = "native");
  ~KernelProgram();
  KernelProgram(const KernelProgram &) = delete;

  cpu::KernelLibrary &library() { return *kernels; }
  const cpu::Target &target() const { return cpuTarget; }

  /// A kernel of the benchmark's own, of pointers and then integers.
  std::string define(const std::string &name, int64_t pointers, int64_t integers,
                     const std::function<void(cpu::Emitter &, mlir::ValueRange)> &body);

  /// Makes a kernel callable once `load` has run; returns its number.
  int add(const std::string &name);
  void load();
  void call(int kernel, const Arguments &arguments) const {
    entry(reinterpret_cast<const lmopt_step_t *>(arguments.data()), kernel, 0);
  }

private:
  void emitDispatcher();
  mlir::MLIRContext context;
  cpu::Target cpuTarget;
  lower::LoweredModel lowered;
  std::unique_ptr<cpu::KernelLibrary> kernels;
  std::vector<std::string> names;
  void *library_ = nullptr;
  lmopt_entry_fn entry = nullptr;
};

/// 64-byte aligned memory of the given size, filled with small numbers of no pattern: no kernel meets subnormals or
/// NaN.
class Block {
public:
  explicit Block(int64_t bytes);
  ~Block();
  Block(Block &&other) noexcept : start(other.start), bytes(other.bytes) { other.start = nullptr; }
  Block(const Block &) = delete;
  char *data() const { return start; }
  void fillFloats(); ///< in [-1, 1)
  /// 56 .. 63: codes, and numbers between 2^-15 and 2 when read as floats of any kind (denormal ones cost a product a
  /// tenth of its speed, and no model has them).
  void fillBytes();

private:
  char *start;
  int64_t bytes;
};

} // namespace lmopt::bench

#endif
