// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See HostEntries.h.
#include "codegen/ptx/HostEntries.h"

#include "codegen/cpu/KernelLibrary.h"

#include "lmopt/abi.h"

#include <cstddef>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

class EntryEmitter {
public:
  EntryEmitter(cpu::Emitter &e, plan::ProgramOp program, const KernelLibrary &kernels, Value step)
      : e(e), program(program), kernels(kernels), step(step) {
    device = pointer(step, offsetof(lmopt_step_t, device));
    function = pointer(device, offsetof(lmopt_device_t, launch));
    user = pointer(device, offsetof(lmopt_device_t, user));
    positions = cpu::loadInteger(e, device, offsetof(lmopt_device_t, positions));
    top = cpu::loadInteger(e, step, offsetof(lmopt_step_t, top));
    for (int64_t offset :
         {offsetof(lmopt_step_t, rows), offsetof(lmopt_step_t, output_count), offsetof(lmopt_step_t, segment_count)})
      counts.push_back(cpu::loadInteger(e, step, offset)); // in the order of Domain
  }

  void emit(ArrayRef<Launch> launches) {
    int64_t most = 8;
    for (const Launch &launch : launches)
      most = std::max(most, kernels.kernel(launch.kernel).argumentBytes());
    grid = memory(12), arguments = memory(most);
    for (const Launch &launch : launches)
      emitLaunch(launch);
  }

private:
  cpu::Emitter &e;
  plan::ProgramOp program;
  const KernelLibrary &kernels;
  Value step, device, function, user, positions, top, grid, arguments;
  SmallVector<Value> counts;

  Value pointer(Value base, int64_t offset) { return cpu::loadPointer(e, base, offset); }
  Value memory(int64_t bytes) {
    return LLVM::AllocaOp::create(e.b, e.loc, e.ptrType(), e.b.getI8Type(), e.index(bytes), /*alignment=*/8);
  }
  Value divided(Value number, int64_t by) { return by == 1 ? number : e.div(e.add(number, by - 1), e.index(by)); }
  Value sizeOf(const Size &size) {
    switch (size.kind) {
    case Size::Fixed:
      return e.index(size.number);
    case Size::Rows:
      return divided(counts[static_cast<size_t>(size.domain)], size.number);
    case Size::Position:
      return divided(positions, size.number);
    case Size::Top:
      return e.select(e.equal(top, e.index(0)), e.index(size.number), top);
    }
    return {};
  }
  Value addressOf(const Argument &argument) {
    auto entry = [&](int64_t list, int64_t number) { return pointer(pointer(step, list), 8 * number); };
    switch (argument.kind) {
    case Argument::Weights:
      return e.at(pointer(step, offsetof(lmopt_step_t, weights)), argument.offset);
    case Argument::Arena:
      return e.at(pointer(step, offsetof(lmopt_step_t, arena)), argument.offset);
    case Argument::Result:
      return entry(offsetof(lmopt_step_t, results), argument.offset);
    case Argument::Tokens:
      return argument.offset ? entry(offsetof(lmopt_step_t, inputs), argument.offset - 1)
                             : pointer(step, offsetof(lmopt_step_t, tokens));
    case Argument::OutputRows:
      return pointer(step, offsetof(lmopt_step_t, output_rows));
    case Argument::RowTable:
      return pointer(device, offsetof(lmopt_device_t, rows));
    case Argument::Segments:
      return pointer(device, offsetof(lmopt_device_t, segments));
    case Argument::Greatest: // numbers, as addresses are
      return pointer(device, offsetof(lmopt_device_t, greatest));
    case Argument::Chosen:
      return pointer(device, offsetof(lmopt_device_t, chosen));
    case Argument::Number:
      break;
    }
    return {};
  }
  Value isWithin(Value number, int64_t least, int64_t most) {
    return e.bitAnd(e.less(e.index(least - 1), number), e.less(number, e.index(most + 1)));
  }
  Value narrow(Value number) { return arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), number); }

  // Parameters lie in parameter space as in a struct of C.
  void storeArguments(const Launch &launch) {
    int64_t offset = 0;
    for (const Argument &argument : launch.arguments) {
      int64_t bytes = argument.isNumber() ? 4 : 8;
      offset = (offset + bytes - 1) / bytes * bytes;
      e.store(argument.isNumber() ? narrow(sizeOf(argument.size)) : addressOf(argument), e.at(arguments, offset),
              bytes);
      offset += bytes;
    }
  }

  void emitLaunch(const Launch &launch) {
    Value count = counts[static_cast<size_t>(launch.domain)];
    auto most = std::min<int64_t>(launch.mostRows, *program.getMaxRows());
    Value serves = isWithin(count, launch.leastRows, most);
    if (launch.leastPositions > 0 || launch.mostPositions < Launch().mostPositions) {
      auto mostPositions = std::min<int64_t>(launch.mostPositions, int64_t(1) << 32);
      serves = e.bitAnd(serves, isWithin(positions, launch.leastPositions, mostPositions));
    }
    e.ifThen(serves, [&] {
      for (int64_t axis = 0; axis < 3; ++axis)
        e.store(narrow(sizeOf(launch.grid[axis])), e.at(grid, 4 * axis));
      storeArguments(launch);
      auto number = static_cast<int32_t>(kernels.kernel(launch.kernel).number);
      SmallVector<Value> operands = {function, user, e.i32(number), grid, arguments};
      auto types = llvm::map_to_vector(ArrayRef(operands).drop_front(), [](Value v) { return v.getType(); });
      auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.b.getContext()), types);
      LLVM::CallOp::create(e.b, e.loc, type, operands);
    });
  }
};
} // namespace

void emitHostEntry(ModuleOp module, StringRef symbol, plan::ProgramOp program, ArrayRef<Launch> launches,
                   const KernelLibrary &kernels, const cpu::Target &host) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  StringAttr name = builder.getStringAttr(symbol);
  Location loc = NameLoc::get(name);
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = builder.getI64Type();
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType({ptr, i64, i64}, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  cpu::Emitter e(builder, loc, host);
  EntryEmitter(e, program, kernels, entry->getArgument(0)).emit(launches);
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
}

} // namespace lmopt::nvptx
