// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry points: straight lists of kernel calls with the addresses of this plan, for a schedule. In: Plan, Schedule.
// Out: a function (step, thread, threads) in the module and the kernels it calls. See Lower.h.
#include "codegen/lower/EntryPoints.h"

#include "codegen/cpu/RowInfo.h"

#include "lmopt/abi.h"

#include <cstddef>

using namespace mlir;

namespace lmopt::lower {

namespace {

using cpu::Emitter;

constexpr const char *kBarrierName = "wait_for_team", *kMarkName = "mark_step";

// A function of the step and `integers` numbers that is a call and not part of the list of calls.
void defineHelper(ModuleOp module, const cpu::Target &target, StringRef name, int64_t integers,
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
void defineBarrier(ModuleOp module, const cpu::Target &target) {
  defineHelper(module, target, kBarrierName, 1, [](Emitter &e, ValueRange args) {
    e.ifThen(e.less(e.index(1), args[1]), [&] {
      Value barrier = cpu::loadPointer(e, args[0], offsetof(lmopt_step_t, barrier));
      callPointer(e, barrier, cpu::loadPointer(e, args[0], offsetof(lmopt_step_t, team)));
    });
  });
}

// if (step->mark) step->mark(step->mark_user, thread, what)
// A call, a load and a branch that never changes: about 2 ns, for some 500 marks a token (SmolLM2).
void defineMark(ModuleOp module, const cpu::Target &target) {
  defineHelper(module, target, kMarkName, 2, [](Emitter &e, ValueRange args) {
    Value mark = cpu::loadPointer(e, args[0], offsetof(lmopt_step_t, mark));
    Value null = LLVM::ZeroOp::create(e.b, e.loc, e.ptrType());
    Value wanted = LLVM::ICmpOp::create(e.b, e.loc, LLVM::ICmpPredicate::ne, mark, null);
    e.ifThen(wanted, [&] {
      callPointer(e, mark, {cpu::loadPointer(e, args[0], offsetof(lmopt_step_t, mark_user)), args[1], args[2]});
    });
  });
}

struct Range {
  Value begin, end;
};

class EntryEmitter {
public:
  EntryEmitter(Emitter &e, const Plan &plan, const Schedule &schedule, cpu::KernelLibrary &kernels, int64_t arenaBytes,
               int64_t threadBytes, Value step, Value thread, Value threads)
      : e(e), plan(plan), schedule(schedule), kernels(kernels), step(step), thread(thread), threads(threads) {
    weights = cpu::loadPointer(e, step, offsetof(lmopt_step_t, weights));
    arena = cpu::loadPointer(e, step, offsetof(lmopt_step_t, arena));
    own = e.at(arena, e.add(e.mul(thread, threadBytes), arenaBytes));
    tokens = cpu::loadPointer(e, step, offsetof(lmopt_step_t, tokens));
    Value given = cpu::loadPointer(e, step, offsetof(lmopt_step_t, results));
    if (!plan.inputs.empty())
      inputs = cpu::loadPointer(e, step, offsetof(lmopt_step_t, inputs));
    for (size_t i = 0; i < plan.results.size(); ++i)
      results.push_back(cpu::loadPointer(e, given, 8 * static_cast<int64_t>(i)));
    outputRows = cpu::loadPointer(e, step, offsetof(lmopt_step_t, output_rows));
    for (int64_t offset :
         {offsetof(lmopt_step_t, rows), offsetof(lmopt_step_t, output_count), offsetof(lmopt_step_t, segment_count)})
      counts.push_back(cpu::loadInteger(e, step, offset)); // in the order of Domain
    for (Value count : counts)
      ownRows.push_back(shareRows(count));
  }

  std::vector<std::string> emit() {
    call(cpu::describeRowsKernel(kernels), {step, rowInfo()});
    std::vector<std::string> names;
    for (size_t i = 0, end; i < plan.steps.size(); i = end) {
      end = i + 1;
      while (end < plan.steps.size() && schedule.continuesChain[end])
        ++end;
      if (schedule.barrierBefore[i]) {
        mark(LMOPT_MARK_WAIT);
        call(kBarrierName, {step, threads});
      }
      if (end - i > 1)
        emitChain(i, end, names);
      else
        emitMarked(i, names);
    }
    return names;
  }

private:
  Emitter &e;
  const Plan &plan;
  const Schedule &schedule;
  cpu::KernelLibrary &kernels;
  Value step, thread, threads, weights, arena, own, tokens, inputs, outputRows;
  SmallVector<Value> results, counts;
  SmallVector<Range> ownRows;
  Value blockBegin; ///< inside a chain: first row of the current block

  void emitMarked(size_t i, std::vector<std::string> &names) {
    mark(static_cast<int64_t>(i));
    names.push_back(emitStep(plan.steps[i], schedule.shares[i]));
  }

  // The steps of a chain, block by block: own rows in as few blocks as they need, of even size.
  void emitChain(size_t begin, size_t end, std::vector<std::string> &names) {
    Range all = ownRows[static_cast<int>(Domain::Tokens)];
    Value rows = e.sub(all.end, all.begin);
    Value blocks = e.max(e.div(e.add(rows, schedule.blockRows - 1), e.index(schedule.blockRows)), e.index(1));
    Value even = e.div(e.add(e.add(rows, blocks), -1), blocks);
    Value units = e.max(e.div(e.add(even, cpu::kRowUnit - 1), e.index(cpu::kRowUnit)), e.index(1));
    Value size = e.mul(units, cpu::kRowUnit);
    e.loop(all.begin, all.end, size, [&](Value first) {
      blockBegin = first;
      ownRows[static_cast<int>(Domain::Tokens)] = {first, e.min(e.add(first, size), all.end)};
      for (size_t i = begin; i < end; ++i)
        emitMarked(i, names);
    });
    blockBegin = Value();
    ownRows[static_cast<int>(Domain::Tokens)] = all;
  }

  void call(StringRef name, ArrayRef<Value> arguments) {
    func::CallOp::create(e.b, e.loc, name, TypeRange(), arguments);
  }

  void mark(int64_t what) { call(kMarkName, {step, thread, e.index(what)}); }

  Value rowInfo() { return e.at(own, schedule.rowInfoOffset); }
  Value scratch() { return e.at(own, schedule.scratchOffset); }
  Value weight(int index) { return e.at(weights, plan.weights[index].offset); }
  Value buffer(int index) {
    if (plan.buffers[index].result)
      return results[*plan.buffers[index].result];
    const Placement &place = schedule.placements[index];
    if (!place.block)
      return e.at(place.perThread ? own : arena, place.offset);
    // Kernels count rows from the first of the step: where that row would lie, perhaps before the arena.
    Value offset = e.sub(e.index(place.offset), e.mul(blockBegin, plan.buffers[index].rowBytes));
    return LLVM::GEPOp::create(e.b, e.loc, e.ptrType(), e.b.getI8Type(), own, ArrayRef<LLVM::GEPArg>{offset});
  }
  Value count(Domain domain) { return counts[static_cast<int>(domain)]; }

  // `count` things in units of `unit`, contiguous shares: thread t gets units [n t / threads, n (t + 1) / threads).
  Range shareOf(Value count, int64_t unit) {
    Value units = e.div(e.add(count, unit - 1), e.index(unit));
    Value begin = e.mul(e.div(e.mul(units, thread), threads), unit);
    Value end = e.mul(e.div(e.mul(units, e.add(thread, 1)), threads), unit);
    return {begin, e.min(end, count)};
  }
  Range shareRows(Value count) { return shareOf(count, cpu::kRowUnit); }

  Range rowsFor(Domain domain, Share share) {
    if (share == Share::Rows)
      return ownRows[static_cast<int>(domain)];
    return {e.index(0), count(domain)};
  }

  std::string emitStep(const Step &s, Share share) {
    switch (s.kind) {
    case Step::Rows:
      return emitRows(s, share);
    case Step::Linear:
      return emitLinear(s, share);
    case Step::StoreKeysValues:
      return emitStore(s, share);
    case Step::Attend:
      return emitAttend(s, share);
    case Step::Pool:
      return emitPool(s, share);
    }
    return "";
  }

  std::string emitRows(const Step &s, Share share) {
    SmallVector<Value> arguments;
    for (int input : s.inputs)
      arguments.push_back(buffer(input));
    for (int out : s.outputs)
      arguments.push_back(buffer(out));
    for (int w : s.weights)
      arguments.push_back(weight(w));
    Range range = rowsFor(s.domain, share);
    Value ids = s.ids ? cpu::loadPointer(e, inputs, 8 * *s.ids) : tokens;
    arguments.append({scratch(), ids, outputRows, rowInfo(), range.begin, range.end});
    std::string name = cpu::rowsKernel(kernels, s.rows);
    call(name, arguments);
    return name;
  }

  std::string emitLinear(const Step &s, Share share) {
    Range rows = rowsFor(s.domain, share);
    Range panels{e.index(0), e.index(s.linear.panels())};
    if (share == Share::Panels) // grouped in pairs: 36 panels (SmolLM2's q) go 18:18 to two threads, in fours 16:20
      panels = shareOf(e.index(s.linear.panels()), s.linear.grouped() ? 2 : s.linear.panelsTogether());
    std::string name = cpu::linearKernel(kernels, s.linear);
    call(name, {buffer(s.inputs[0]), weight(s.weights[0]), buffer(s.outputs[0]), rows.begin, rows.end, panels.begin,
                panels.end});
    return name;
  }

  Value ropeTable(const Step &s) { return s.weights.empty() ? weights : weight(s.weights[0]); }

  std::string emitStore(const Step &s, Share share) {
    Range rows = rowsFor(s.domain, share);
    std::string name = cpu::storeKernel(kernels, s.attention, s.rope, share == Share::Heads);
    call(name, {buffer(s.inputs[0]), buffer(s.inputs[1]), ropeTable(s), rowInfo(), e.index(s.layerOffset), rows.begin,
                rows.end, thread, threads});
    return name;
  }

  std::string emitAttend(const Step &s, Share share) {
    std::string name = cpu::attendKernel(kernels, s.attention, s.rope, share == Share::Heads);
    call(name, {buffer(s.inputs[0]), buffer(s.outputs[0]), ropeTable(s), rowInfo(), scratch(), step,
                e.index(s.layerOffset), thread, threads});
    return name;
  }

  std::string emitPool(const Step &s, Share share) {
    Range segments = rowsFor(Domain::Segments, share);
    std::string name = cpu::poolKernel(kernels, plan.buffers[s.inputs[0]].width, s.pool);
    call(name, {buffer(s.inputs[0]), buffer(s.outputs[0]), step, segments.begin, segments.end});
    return name;
  }
};
} // namespace

std::vector<std::string> emitEntryPoint(ModuleOp module, StringRef name, const Plan &plan, const Schedule &schedule,
                                        cpu::KernelLibrary &kernels, int64_t arenaBytes, int64_t threadBytes) {
  defineBarrier(module, kernels.getTarget());
  defineMark(module, kernels.getTarget());
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = NameLoc::get(builder.getStringAttr(name));
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = builder.getI64Type();
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType({ptr, i64, i64}, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, kernels.getTarget());
  EntryEmitter emitter(e, plan, schedule, kernels, arenaBytes, threadBytes, entry->getArgument(0),
                       entry->getArgument(1), entry->getArgument(2));
  std::vector<std::string> names = emitter.emit();
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
  return names;
}

} // namespace lmopt::lower
