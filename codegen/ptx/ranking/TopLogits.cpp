// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TopLogits.h. A warp's logits lie side by side in memory, lane after lane; all of a lane's are on their way at
// once, also where the vocabulary ends before them.
#include "codegen/ptx/ranking/TopLogits.h"

#include "lmopt/abi.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

class TopListsEmitter {
public:
  TopListsEmitter(Emitter &e, const TopLogitsSpec &spec, ValueRange a)
      : e(e), keys(e), spec(spec), logits(e.atElement(a[0], e.blockY(), spec.stride)), lists(a[1]), top(a[2]) {}

  void run() {
    Value stride = e.mul(top, TopLogitsSpec::kKeyBytes);
    keys.mergeLanes(ownKeys(), top, storeInto(e.at(e.shared(), e.mul(e.warp(), stride))));
    e.barrier();
    e.ifThen(e.equal(e.warp(), e.number(0)), [&] {
      Value number = e.add(e.mul(e.blockY(), spec.blocks()), e.block());
      keys.merge(e.shared(), TopLogitsSpec::kWarps, stride, top, storeInto(e.atElement(lists, number, stride)));
    });
  }

private:
  Emitter &e;
  RankKeys keys;
  TopLogitsSpec spec;
  Value logits, lists, top;

  Values ownKeys() {
    Value first = e.add(e.mul(e.block(), TopLogitsSpec::kBlockLogits), e.mul(e.warp(), TopLogitsSpec::kWarpLogits));
    Values tokens, numbers, made;
    for (int64_t i = 0; i < TopLogitsSpec::kLaneLogits; ++i)
      tokens.push_back(e.add(e.add(first, e.lane()), i * kWarpLanes));
    for (Value token : tokens) // the last one where there is none
      numbers.push_back(e.load(e.f32(), e.atElement(logits, e.min(token, e.number(spec.vocabulary - 1)), 4)));
    for (auto [token, number] : llvm::zip_equal(tokens, numbers))
      made.push_back(e.select(e.less(token, e.number(spec.vocabulary)), keys.keyOf(number, token), keys.none()));
    keys.sort(made);
    return made;
  }
  RankKeys::Out storeInto(Value list) {
    return [this, list](Value place, Value key) { e.store(key, e.at(list, e.mul(place, 8)), 8); };
  }
};

class TopChooseEmitter {
public:
  TopChooseEmitter(Emitter &e, const TopLogitsSpec &spec, ValueRange a)
      : e(e), keys(e), spec(spec), chosen(a[3]), tokens(a[4]), rows(a[5]), top(a[6]),
        lists(e.atElement(a[0], e.block(), e.mul(top, spec.blocks() * TopLogitsSpec::kKeyBytes))),
        logits(e.atElement(a[1], e.block(), spec.stride)),
        greatest(e.atElement(a[2], e.block(), e.mul(top, sizeof(lmopt_device_top_t)))) {}

  void run() {
    Value stride = e.mul(top, TopLogitsSpec::kKeyBytes);
    keys.merge(lists, spec.blocks(), stride, top, [&](Value place, Value key) { storePair(place, key); });
    Value isFirst = e.equal(e.thread(), e.number(0));
    e.ifThen(e.bitAnd(isFirst, isWanted()), [&] { advance(); });
  }

private:
  Emitter &e;
  RankKeys keys;
  TopLogitsSpec spec;
  Value chosen, tokens, rows, top, lists, logits, greatest;

  // The logit is the caller's, bit for bit.
  void storePair(Value place, Value key) {
    Value token = keys.tokenOf(key), isSome = keys.isSome(key);
    Value number = e.load(e.f32(), e.atElement(logits, e.select(isSome, token, e.number(0)), 4));
    Value pair = e.at(greatest, e.mul(place, sizeof(lmopt_device_top_t)));
    e.store(e.select(isSome, number, e.floatOf(-std::numeric_limits<float>::infinity())), pair);
    e.store(token, e.at(pair, offsetof(lmopt_device_top_t, token)));
  }

  Value isWanted() {
    Type wide = e.b.getI64Type();
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(0));
    Value address = LLVM::PtrToIntOp::create(e.b, e.loc, wide, chosen);
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, address, zero);
  }

  // Lane 0 reads what it has written itself. Without a number the next step has some token: nobody will look at it.
  void advance() {
    Value token = e.load(e.i32(), e.at(greatest, offsetof(lmopt_device_top_t, token)));
    Value count = e.load(e.i32(), chosen), next = e.add(count, 1);
    e.store(token, e.at(chosen, e.mul(next, 4)));
    e.store(next, chosen);
    e.store(e.max(token, e.number(0)), tokens);
    Value position = e.at(rows, offsetof(lmopt_device_row_t, position));
    e.store(e.add(e.load(e.i32(), position), 1), position);
  }
};

std::string nameOf(const char *what, const TopLogitsSpec &spec, const KernelLibrary &kernels) {
  bool isPacked = spec.stride == 4 * spec.vocabulary;
  return std::string(what) + "_v" + std::to_string(spec.vocabulary) +
         (isPacked ? "" : "_from" + std::to_string(spec.stride)) +
         (spec.asked == spec.vocabulary ? "_" : "_most" + std::to_string(spec.most()) + "_") + kernels.getTarget().chip;
}

using Kind = ArgumentKind;
} // namespace

std::string topListsKernel(KernelLibrary &kernels, const TopLogitsSpec &spec) {
  KernelShape shape = {TopLogitsSpec::kWarps * kWarpLanes, /*leastBlocks=*/1,
                       TopLogitsSpec::kWarps * spec.most() * TopLogitsSpec::kKeyBytes};
  return kernels.define(nameOf("top_lists", spec, kernels), shape, {Kind::Memory, Kind::Memory, Kind::Number},
                        [=](Emitter &e, ValueRange a) { TopListsEmitter(e, spec, a).run(); });
}

std::string topChooseKernel(KernelLibrary &kernels, const TopLogitsSpec &spec) {
  return kernels.define(
      nameOf("top_choose", spec, kernels), {kWarpLanes},
      {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
      [=](Emitter &e, ValueRange a) { TopChooseEmitter(e, spec, a).run(); });
}

//===--- Launches ---===//

TopLogitsSpec topLogitsOf(plan::ProgramOp program) {
  return {cast<plan::RowsType>(program.getReturn().getValues().front().getType()).getWidth()};
}

void addTopLaunches(plan::ProgramOp program, KernelLibrary &kernels, std::vector<Launch> &launches) {
  TopLogitsSpec spec = topLogitsOf(program);
  Argument logits = {Argument::Result, 0}, top = Argument::number(Size::top(spec.most()));
  Argument lists = {Argument::Arena, static_cast<int64_t>(*program.getScratchOffset())};
  Launch launch;
  launch.domain = plan::Domain::outputs;
  launch.kernel = topListsKernel(kernels, spec);
  launch.arguments = {logits, lists, top};
  launch.grid[0] = Size::fixed(spec.blocks());
  launch.grid[1] = Size::rows(launch.domain);
  launches.push_back(launch);
  launch.kernel = topChooseKernel(kernels, spec);
  launch.arguments = {lists, logits, {Argument::Greatest}, {Argument::Chosen}, {Argument::Tokens}, {Argument::RowTable},
                      top};
  launch.grid[0] = Size::rows(launch.domain);
  launch.grid[1] = Size::fixed(1);
  launches.push_back(launch);
}

} // namespace lmopt::nvptx
