// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of one architecture, each a function of a gpu.module that the driver can launch, emitted once for each
// set of shapes and named as in codegen/cpu: operation, types, sizes, tile. In: names, arguments, bodies. Out: the
// module, and of each kernel what a launch must know. Tested by test/unit/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_KERNELLIBRARY_H
#define LMOPT_CODEGEN_PTX_KERNELLIBRARY_H

#include "codegen/ptx/Emitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lmopt::nvptx {

/// How a kernel is launched, whatever its arguments are.
struct KernelShape {
  int64_t threads = 256;   ///< of a block
  int64_t leastBlocks = 1; ///< that share a multiprocessor: bounds the registers
  int64_t sharedBytes = 0; ///< dynamic shared memory of a block
};

/// One argument of a kernel.
enum class ArgumentKind {
  Constant, ///< memory that nothing writes while the kernel runs: read past the first-level cache
  Memory,   ///< memory that may be written
  Number    ///< i32
};

/// Emits what a block of a kernel does, given its arguments; it may be asked again, so it owns what it needs.
using KernelBody = std::function<void(Emitter &, mlir::ValueRange)>;

/// The weights that a block of a kernel reads, where they lie in one piece: so many slices from an address on. Its body
/// takes them by Emitter::loadSlice, those of unknown length by Emitter::sliceSource.
struct WeightStream {
  using OfBlock = std::function<mlir::Value(Emitter &, mlir::ValueRange)>; ///< the emitter's, given the arguments
  int64_t slices = 0;  ///< of a tile; at most, where it has `blocks`
  OfBlock begin;       ///< that address
  OfBlock blocks = {}; ///< how many blocks of 64 bytes a tile has, where that is known on the GPU only

  bool isSome() const { return slices > 0; } ///< else the body reads its weights as it likes
};

/// A kernel of a library: all that who launches it must know.
struct KernelEntry {
  std::string name;
  KernelShape shape;
  std::vector<ArgumentKind> arguments;
  int64_t number = 0; ///< in the order in which they were defined
  KernelBody body;
  WeightStream stream;
  /// Where its parameters lie: as in a struct of C; and of all of them the bytes.
  std::vector<int64_t> argumentOffsets() const;
  int64_t argumentBytes() const;
};

/// The kernel that does the work of others, one after another, without a launch between them (persistent/).
struct Walker {
  int64_t number = 0;
  std::vector<int64_t> kernels; ///< that it does, by number
};

class KernelLibrary {
public:
  KernelLibrary(mlir::MLIRContext *context, const Target &target);

  /// Emits `body` as the kernel of this name, if there is none yet; the result is the name, which must differ whenever
  /// the code would.
  std::string define(const std::string &name, const KernelShape &shape, llvm::ArrayRef<ArgumentKind> arguments,
                     const KernelBody &body, const WeightStream &stream = {});

  const Target &getTarget() const { return target; }
  mlir::gpu::GPUModuleOp getModule();
  const std::map<std::string, KernelShape> &shapes() const { return known; }
  /// All kernels, the first defined first; one that there is.
  const std::vector<KernelEntry> &kernels() const { return entries; }
  const KernelEntry &kernel(const std::string &name) const { return entries[numbers.at(name)]; }
  /// At most one of them is a walker.
  const std::optional<Walker> &getWalker() const { return walker; }
  void setWalker(Walker made) { walker = std::move(made); }

private:
  Target target;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< around the gpu.module
  std::map<std::string, KernelShape> known;
  std::map<std::string, size_t> numbers;
  std::vector<KernelEntry> entries;
  std::optional<Walker> walker;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_KERNELLIBRARY_H
