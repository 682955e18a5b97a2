// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry points: straight lists of kernel calls with the addresses of a scheduled program. In: plan.program. Out: a
// function (step, thread, threads) in the module and the kernels it calls. See EntryPoints.h.
#include "codegen/cpu/EntryPoints.h"

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/rows/RowModel.h"

#include "lmopt/abi.h"

#include <cstddef>

using namespace mlir;

namespace lmopt::cpu {

namespace {

constexpr const char *kBarrierName = "wait_for_team", *kMarkName = "mark_step";

// A function of the step and `integers` numbers that is a call and not part of the list of calls.
void defineHelper(ModuleOp module, const Target &target, StringRef name, int64_t integers,
                  const std::function<void(Emitter &, ValueRange)> &body) {
  if (module.lookupSymbol(name))
    return;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  SmallVector<Type> arguments(integers, builder.getI64Type());
  arguments.insert(arguments.begin(), LLVM::LLVMPointerType::get(module.getContext()));
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("no_inline", builder.getUnitAttr());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, target);
  body(e, entry->getArguments());
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
}

void callPointer(Emitter &e, Value function, ValueRange arguments) {
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.b.getContext()), SmallVector<Type>(arguments.getTypes()));
  SmallVector<Value> operands = {function};
  operands.append(arguments.begin(), arguments.end());
  LLVM::CallOp::create(e.b, e.loc, type, operands);
}

// if (threads > 1) step->barrier(step->team)
void defineBarrier(ModuleOp module, const Target &target) {
  defineHelper(module, target, kBarrierName, 1, [](Emitter &e, ValueRange args) {
    e.ifThen(e.less(e.index(1), args[1]), [&] {
      Value barrier = loadPointer(e, args[0], offsetof(lmopt_step_t, barrier));
      callPointer(e, barrier, loadPointer(e, args[0], offsetof(lmopt_step_t, team)));
    });
  });
}

// if (step->mark) step->mark(step->mark_user, thread, what)
// A call, a load and a branch that never changes: about 2 ns, for some 500 marks a token (SmolLM2).
void defineMark(ModuleOp module, const Target &target) {
  defineHelper(module, target, kMarkName, 2, [](Emitter &e, ValueRange args) {
    Value mark = loadPointer(e, args[0], offsetof(lmopt_step_t, mark));
    Value null = LLVM::ZeroOp::create(e.b, e.loc, e.ptrType());
    Value wanted = LLVM::ICmpOp::create(e.b, e.loc, LLVM::ICmpPredicate::ne, mark, null);
    e.ifThen(wanted, [&] {
      callPointer(e, mark, {loadPointer(e, args[0], offsetof(lmopt_step_t, mark_user)), args[1], args[2]});
    });
  });
}

struct Range {
  Value begin, end;
};

class EntryEmitter {
public:
  EntryEmitter(Emitter &e, plan::ProgramOp program, KernelLibrary &kernels, const TeamMemory &memory, Value step,
               Value thread, Value threads)
      : e(e), program(program), kernels(kernels), step(step), thread(thread), threads(threads) {
    weights = loadPointer(e, step, offsetof(lmopt_step_t, weights));
    arena = loadPointer(e, step, offsetof(lmopt_step_t, arena));
    own = e.at(arena, e.add(e.mul(thread, memory.threadBytes), memory.arenaBytes));
    tokens = loadPointer(e, step, offsetof(lmopt_step_t, tokens));
    Value given = loadPointer(e, step, offsetof(lmopt_step_t, results));
    if (!program.getInputNames().empty())
      inputs = loadPointer(e, step, offsetof(lmopt_step_t, inputs));
    for (size_t i = 0; i < program.getReturn()->getNumOperands(); ++i)
      results.push_back(loadPointer(e, given, 8 * static_cast<int64_t>(i)));
    outputRows = loadPointer(e, step, offsetof(lmopt_step_t, output_rows));
    for (int64_t offset :
         {offsetof(lmopt_step_t, rows), offsetof(lmopt_step_t, output_count), offsetof(lmopt_step_t, segment_count)})
      counts.push_back(loadInteger(e, step, offset)); // in the order of Domain
    for (Value count : counts)
      ownRows.push_back(shareRows(count));
  }

  void emit() {
    call(describeRowsKernel(kernels), {step, rowInfo()});
    for (Operation &op : program.getBody().front()) {
      if (isa<plan::WaitOp>(op))
        emitWait();
      else if (auto chain = dyn_cast<plan::ChainOp>(op))
        emitChain(chain);
      else if (auto one = dyn_cast<plan::StepOp>(op))
        emitStep(one);
    }
  }

private:
  Emitter &e;
  plan::ProgramOp program;
  KernelLibrary &kernels;
  Value step, thread, threads, weights, arena, own, tokens, inputs, outputRows;
  SmallVector<Value> results, counts;
  SmallVector<Range> ownRows;
  Value blockBegin;  ///< inside a chain: first row of the current block
  int64_t marks = 0; ///< steps so far
  Range rows, units; ///< of the step at work

  void emitWait() {
    mark(LMOPT_MARK_WAIT);
    call(kBarrierName, {step, threads});
  }

  // The steps of a chain, block by block: own rows in as few blocks as they need, of even size.
  void emitChain(plan::ChainOp chain) {
    int64_t blockRows = chain.getBlock();
    Range all = ownRows[static_cast<int>(plan::Domain::tokens)];
    Value rows = e.sub(all.end, all.begin);
    Value blocks = e.max(e.div(e.add(rows, blockRows - 1), e.index(blockRows)), e.index(1));
    Value even = e.div(e.add(e.add(rows, blocks), -1), blocks);
    Value units = e.max(e.div(e.add(even, kRowUnit - 1), e.index(kRowUnit)), e.index(1));
    Value size = e.mul(units, kRowUnit);
    e.loop(all.begin, all.end, size, [&](Value first) {
      blockBegin = first;
      ownRows[static_cast<int>(plan::Domain::tokens)] = {first, e.min(e.add(first, size), all.end)};
      for (auto member : chain.getBody().front().getOps<plan::StepOp>())
        emitStep(member);
    });
    blockBegin = Value();
    ownRows[static_cast<int>(plan::Domain::tokens)] = all;
  }

  void call(StringRef name, ArrayRef<Value> arguments) {
    func::CallOp::create(e.b, e.loc, name, TypeRange(), arguments);
  }

  void mark(int64_t what) { call(kMarkName, {step, thread, e.index(what)}); }

  Value rowInfo() { return e.at(own, *program.getRowInfoOffset()); }
  Value scratch() { return e.at(own, *program.getScratchOffset()); }
  Value weight(plan::StepOp s, int64_t number) {
    return e.at(weights, plan::lookupWeight(s, s.getWeights()[number]).getOffset());
  }
  Value buffer(Value rows) {
    plan::PlaceAttr place = plan::getPlace(rows);
    if (place.isResult())
      return results[*plan::resultNumber(program, rows)];
    if (place.getMemory() != plan::Memory::block)
      return e.at(place.isPrivate() ? own : arena, place.getOffset());
    // Kernels count rows from the first of the step: where that row would lie, perhaps before the arena.
    Value offset = e.sub(e.index(place.getOffset()), e.mul(blockBegin, place.getRowBytes()));
    return LLVM::GEPOp::create(e.b, e.loc, e.ptrType(), e.b.getI8Type(), own, ArrayRef<LLVM::GEPArg>{offset});
  }

  // `count` things in units of `unit`, contiguous shares: thread t gets units [n t / threads, n (t + 1) / threads).
  Range shareOf(Value count, int64_t unit) {
    Value units = e.div(e.add(count, unit - 1), e.index(unit));
    Value begin = e.mul(e.div(e.mul(units, thread), threads), unit);
    Value end = e.mul(e.div(e.mul(units, e.add(thread, 1)), threads), unit);
    return {begin, e.min(end, count)};
  }
  Range shareRows(Value count) { return shareOf(count, kRowUnit); }

  Range rowsFor(plan::Domain domain, plan::Share share) {
    if (share == plan::Share::rows)
      return ownRows[static_cast<int>(domain)];
    return {e.index(0), counts[static_cast<int>(domain)]};
  }

  Range unitsFor(const Kernel &kernel, plan::Share share) {
    Range all{e.index(0), e.index(kernel.units)};
    return share == plan::Share::panels ? shareOf(e.index(kernel.units), kernel.unitsTogether) : all;
  }

  Value argument(plan::StepOp s, Argument argument) {
    switch (argument.kind) {
    case Argument::Input:
      return buffer(s.getInputs()[argument.number]);
    case Argument::Output:
      return buffer(s.getResult(argument.number));
    case Argument::Weight:
      return weight(s, argument.number);
    case Argument::Weights:
      return weights;
    case Argument::RowBegin:
      return rows.begin;
    case Argument::RowEnd:
      return rows.end;
    case Argument::UnitBegin:
      return units.begin;
    case Argument::UnitEnd:
      return units.end;
    case Argument::Scratch:
      return scratch();
    case Argument::RowInfo:
      return rowInfo();
    case Argument::Tokens:
      return argument.number ? loadPointer(e, inputs, 8 * (argument.number - 1)) : tokens;
    case Argument::OutputRows:
      return outputRows;
    case Argument::Step:
      return step;
    case Argument::StateOffset:
      return e.index(*s.getStateOffset());
    case Argument::Thread:
      return thread;
    case Argument::Threads:
      return threads;
    case Argument::Number:
      return e.index(argument.number);
    }
    return {};
  }

  static bool isGiven(const Kernel &kernel, Argument::Kind kind) {
    return llvm::any_of(kernel.arguments, [&](Argument argument) { return argument.kind == kind; });
  }

  /// This thread's share of a step.
  void shareWork(plan::StepOp s, const Kernel &kernel) {
    if (isGiven(kernel, Argument::RowBegin))
      rows = rowsFor(s.getDomain(), *s.getShare());
    if (isGiven(kernel, Argument::UnitBegin))
      units = unitsFor(kernel, *s.getShare());
  }

  void emitStep(plan::StepOp s) {
    mark(marks++);
    Kernel kernel = s.isKernel() ? kernelOf(s).defineKernel(kernels, s) : rowProgramKernel(kernels, s);
    shareWork(s, kernel);
    call(kernel.name, llvm::map_to_vector(kernel.arguments, [&](Argument each) { return argument(s, each); }));
    s.setKernel(kernel.name);
  }
};
} // namespace

void emitEntryPoint(ModuleOp module, plan::ProgramOp program, KernelLibrary &kernels, const TeamMemory &memory) {
  defineBarrier(module, kernels.getTarget());
  defineMark(module, kernels.getTarget());
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  StringAttr name = program.getSymNameAttr();
  Location loc = NameLoc::get(name);
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = builder.getI64Type();
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType({ptr, i64, i64}, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, kernels.getTarget());
  EntryEmitter emitter(e, program, kernels, memory, entry->getArgument(0), entry->getArgument(1),
                       entry->getArgument(2));
  emitter.emit();
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
}

} // namespace lmopt::cpu
