// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs: chains of norms, elementwise operations, rotation and quantization, run on one row after another. In
// and out: rows of the arena. What is done in registers is the business of row functions (RowFunction.h); here is the
// walk over the rows.
//
// A program is cut into passes over the row. An operation that needs a number of the whole row (a sum, the extremes)
// ends a pass, which gathers that number on the way; all others go on in registers, a chunk of the row at a time: the
// block of a rotation, at least four registers where the width allows. Only what a later pass reads again goes through
// the scratch row, which stays in the first-level cache. Two rows are at work together: a norm and a quantization wait
// four times for a sum across the lanes of a register, and the other row's work fills that time. So GELU, rotation and
// quantization are two passes: one that ends with the extremes, and one that writes the codes. Lanes beyond the width
// of a row are zero on input and kept zero (each function says why where it is not obvious). Tested by
// test/unit/codegen/RowKernelTest.cpp, RowQuantizeTest.cpp and RowFunctionTest.cpp.
#include "codegen/cpu/KernelLibrary.h"
#include "codegen/cpu/rows/RowContext.h"
#include "codegen/cpu/rows/RowPasses.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct RowEmitter {
  RowKernel kernel;
  std::vector<Pass> passes;
  std::vector<RowState> rows{};
  Emitter &e = kernel.e;

  static int64_t accumulators(const Pass &pass) {
    return pass.reduces ? pass.reduces->function->reduction()->accumulators() : 0;
  }

  // The vectors of a chunk of one row. Chains of sums take turns.
  void emitChunk(const Pass &pass, RowState &row, ChunkState &state, MutableArrayRef<Value> sums) {
    for (const RowOp *op : pass.maps) {
      RowChunk chunk(kernel, row, *op, state);
      op->function->map(chunk);
    }
    if (!pass.reduces)
      return;
    RowChunk chunk(kernel, row, *pass.reduces, state);
    const RowReduction &reduction = *pass.reduces->function->reduction();
    int64_t per = reduction.accumulators();
    for (int64_t i = 0; i < state.registers; ++i) {
      Value x = chunk.operand(0, i), offset = chunk.offset(i);
      reduction.gather(chunk, pass.stage, x, offset, sums.slice(i * per % sums.size(), per));
    }
  }

  // Four chains of sums hide the latency of an addition; beside a chunk of sixteen registers there is room for two.
  void emitPass(const Pass &pass) {
    int64_t registers = pass.chunkRegisters(), most = registers < 16 ? 4 : 2;
    int64_t chains = registers % most == 0 ? most : registers % 2 == 0 ? 2 : 1;
    int64_t share = chains * accumulators(pass);
    Values start(share * rows.size(), e.floatsOf(0)); // extremes begin at zero, too: zero must have a code
    Values sums = e.loop(e.index(0), e.index(floatRowBytes(pass.width())), registers * 64, start,
                         [&](Value offset, const Values &carried) {
                           Values next = carried;
                           for (size_t r = 0; r < rows.size(); ++r) {
                             ChunkState chunk{offset, registers};
                             emitChunk(pass, rows[r], chunk, MutableArrayRef<Value>(next).slice(r * share, share));
                           }
                           return next;
                         });
    for (size_t r = 0; pass.reduces && r < rows.size(); ++r) {
      RowTotals totals(kernel, rows[r], *pass.reduces, Values(ArrayRef(sums).slice(r * share, share)));
      pass.reduces->function->reduction()->conclude(totals, pass.stage);
    }
  }
};

/// Addresses of the values of one row, by number. `args`: of the kernel.
std::vector<Value> rowAddresses(Emitter &e, const RowProgram &program, ValueRange args, Value row, Value scratch,
                                Value outputRows) {
  std::vector<Value> address(program.widths.size());
  std::vector<bool> inScratch = program.keptInScratch();
  int64_t offset = 0;
  for (size_t i = 0; i < inScratch.size(); ++i)
    if (inScratch[i]) {
      address[i] = e.at(scratch, offset);
      offset += floatRowBytes(program.widths[i]);
    }
  size_t argument = 0;
  for (const RowProgram::Input &input : program.inputs) {
    Value index = row;
    if (input.gathered)
      index = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(),
                                     e.load(e.b.getI32Type(), e.at(outputRows, e.mul(row, 4))));
    address[input.value] = e.at(args[argument++], e.mul(index, input.stride));
  }
  for (const RowProgram::Output &output : program.outputs)
    address[output.value] = e.at(args[argument++], e.mul(row, output.stride));
  return address;
}

} // namespace

std::string rowsKernel(KernelLibrary &kernels, const RowProgram &program) {
  int64_t values = program.inputs.size() + program.outputs.size(), pointers = values + program.weightCount + 4;
  return kernels.define(program.name(), pointers, 2, [&](Emitter &e, ValueRange args) {
    std::vector<Pass> passes = planPasses(program);
    RowKernel kernel{
        e, program, args[pointers - 3], args[pointers - 1], storedValues(program, passes), pendingFactors(program)};
    for (int64_t i = 0; i < program.weightCount; ++i)
      kernel.weights.push_back(args[values + i]);
    RowEmitter emitter{std::move(kernel), std::move(passes)};
    Value scratch = args[pointers - 4], outputRows = args[pointers - 2];
    Value begin = args[pointers], end = args[pointers + 1], last = e.add(end, -1);
    e.loop(begin, end, kRowsAtOnce, [&](Value row) {
      emitter.rows.clear();
      for (int64_t r = 0; r < kRowsAtOnce; ++r) {
        Value index = e.min(e.add(row, r), last); // an odd row at the end is made twice
        Value own = e.at(scratch, r * program.scratchBytes() / kRowsAtOnce);
        emitter.rows.push_back({index, rowAddresses(e, program, args, index, own, outputRows)});
      }
      for (const Pass &pass : emitter.passes)
        emitter.emitPass(pass);
    });
  });
}

} // namespace lmopt::cpu
