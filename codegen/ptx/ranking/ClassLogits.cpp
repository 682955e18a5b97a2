// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ClassLogits.h.
#include "codegen/ptx/ranking/ClassLogits.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/ranking/BlockReduce.h"

#include <limits>

using namespace mlir;

namespace lmopt::nvptx {

//===--- The table ---===//

std::vector<char> packClasses(const ClassTable &table, ArrayRef<int64_t> words, ArrayRef<int64_t> sizes) {
  std::vector<char> out(static_cast<size_t>(table.bytes()));
  auto *ofWords = reinterpret_cast<int32_t *>(out.data());
  auto *begins = reinterpret_cast<int32_t *>(out.data() + table.beginOffset());
  auto *classes = reinterpret_cast<int32_t *>(out.data() + table.classOffset());
  int32_t place = 0, product = 0, number = 0;
  for (int64_t size : sizes) {
    bool isShared = number >= table.singles;
    for (int64_t i = 0; i < size; ++i, ++place) {
      int32_t *word = ofWords + 2 * words[static_cast<size_t>(place)];
      word[0] = isShared ? product : -1, word[1] = number;
      if (isShared)
        classes[product++] = number;
    }
    if (isShared)
      *++begins = product;
    ++number;
  }
  return out;
}

static ClassTable tableOf(lm::ClassesAttr classes) {
  return {static_cast<int64_t>(classes.getWords().size()), static_cast<int64_t>(classes.getSizes().size()),
          classes.getSingles()};
}

int64_t ClassesAttr::getBytes() const { return tableOf(getClasses()).bytes(); }
std::string ClassesAttr::describe() const { return "i32 products and classes of words"; }
void ClassesAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const {
  out = packClasses(tableOf(getClasses()), getClasses().getWords(), getClasses().getSizes());
}

//===--- Kernels ---===//

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
constexpr int64_t kThreads = 256, kWarps = kThreads / kWarpLanes;
/// Numbers of a thread that are on their way at once.
constexpr int64_t kAhead = 8;
constexpr float kNone = -std::numeric_limits<float>::infinity();

class ClassSumsEmitter {
public:
  ClassSumsEmitter(Emitter &e, const ClassTable &table, ValueRange a)
      : e(e), table(table), isOfScores(e.equal(e.block(), e.number(0))), begins(e.at(a[2], table.beginOffset())),
        numbers(e.select(isOfScores, e.atElement(a[1], e.blockY(), rowBytes(table.classes, 4)),
                         e.atElement(a[0], e.blockY(), rowBytes(table.sharing(), 4)))),
        sums(e.atElement(a[3], e.blockY(), table.sumsBytes())) {}

  /// Of a class that was opened at that number, or of all scores.
  void runOpened(Value opened, Value when) {
    Value group = e.add(e.max(e.add(e.block(), -1), e.number(0)), table.singles);
    Value own = e.load(e.i32(), e.atElement(e.atElement(opened, e.blockY(), 4 * table.classes), group, 4));
    e.ifThen(e.select(isOfScores, isOfScores, e.equal(own, when)), [&] { run(); });
  }

  // log sum exp = the greatest + the logarithm of the sum of exp (number - the greatest).
  void run() {
    Value group = e.max(e.add(e.block(), -1), e.number(0));
    Value from = e.select(isOfScores, e.number(0), beginOf(group));
    Value to = e.select(isOfScores, e.number(table.classes), beginOf(e.add(group, 1)));
    auto more = [&](Value a, Value c) { return e.max(c, a); };
    auto sum = [&](Value a, Value c) { return e.add(a, c); };
    Value ownGreatest = walk(from, to, kNone, more,
                             [&](Value number, Value isThere) { return e.select(isThere, number, e.floatOf(kNone)); });
    Value greatest = acrossBlock(e, ownGreatest, e.shared(), kWarps, more);
    Value ownSum = walk(from, to, 0, sum, [&](Value number, Value isThere) {
      return e.select(isThere, functions::exp(e, e.sub(number, greatest)), e.floatOf(0));
    });
    Value whole = acrossBlock(e, ownSum, e.at(e.shared(), 4 * kWarps), kWarps, sum);
    e.ifThen(e.equal(e.thread(), e.number(0)),
             [&] { e.store(e.add(greatest, functions::log(e, whole)), e.atElement(sums, e.block(), 4)); });
  }

private:
  Emitter &e;
  const ClassTable &table;
  Value isOfScores, begins, numbers, sums;
  using Combine = llvm::function_ref<Value(Value, Value)>;

  Value beginOf(Value group) { return e.load(e.i32(), e.atElement(begins, group, 4)); }

  // All threads turn as often, so that lanes stay together; where there is no number stands the last one.
  Value walk(Value from, Value to, float start, Combine combine, llvm::function_ref<Value(Value, Value)> made) {
    return e.loop(from, to, kThreads * kAhead, {e.floatOf(start)}, [&](Value first, const Values &so) {
      Values loaded, there;
      for (int64_t i = 0; i < kAhead; ++i) {
        Value place = e.add(e.add(first, e.thread()), i * kThreads);
        there.push_back(e.less(place, to));
        loaded.push_back(e.load(e.f32(), e.atElement(numbers, e.min(place, e.add(to, -1)), 4)));
      }
      Value result = so[0];
      for (auto [number, isThere] : llvm::zip_equal(loaded, there))
        result = combine(result, made(number, isThere));
      return Values{result};
    })[0];
  }
};

class ClassLogitsEmitter {
public:
  ClassLogitsEmitter(Emitter &e, const ClassTable &table, int64_t outStride, ValueRange a)
      : e(e), table(table), width(outStride / 4), words(a[2]),
        products(e.atElement(a[0], e.blockY(), rowBytes(table.sharing(), 4))),
        scores(e.atElement(a[1], e.blockY(), rowBytes(table.classes, 4))),
        sums(e.atElement(a[3], e.blockY(), table.sumsBytes())), logits(e.atElement(a[4], e.blockY(), outStride)) {}

  /// `opened`: null where all classes are.
  void run(Value opened) {
    if (opened)
      ofClasses = e.atElement(opened, e.blockY(), 4 * table.classes);
    Value word = e.add(e.mul(e.block(), kThreads), e.thread());
    e.ifThen(e.less(word, e.number(width)), [&] {
      Value logit = logitOf(width == table.words ? word : e.min(word, e.number(table.words - 1)));
      if (width != table.words)
        logit = e.select(e.less(word, e.number(table.words)), logit, e.floatOf(0));
      e.store(logit, e.atElement(logits, word, 4));
    });
  }

private:
  Emitter &e;
  const ClassTable &table;
  int64_t width;
  Value words, products, scores, sums, logits, ofClasses = {};

  Value number(Value row, Value i) { return e.load(e.f32(), e.atElement(row, i, 4)); }

  Value logitOf(Value word) {
    Values found = e.loadTwoWords(e.atElement(words, word, 8));
    if (!ofClasses)
      return openLogit(found[0], found[1]);
    Value isOpen = e.less(e.number(0), e.load(e.i32(), e.atElement(ofClasses, found[1], 4)));
    return e.ifThen(isOpen, {e.floatOf(kNone)}, [&] { return Values{openLogit(found[0], found[1])}; })[0];
  }
  Value openLogit(Value product, Value group) {
    Value chance = e.sub(number(scores, group), number(sums, e.number(0)));
    if (!table.singles)
      return e.add(share(product, e.add(group, 1)), chance);
    Value isAlone = e.equal(product, e.number(-1));
    Value sum = e.select(isAlone, e.number(1), e.add(group, 1 - table.singles));
    return e.select(isAlone, chance, e.add(share(e.max(product, e.number(0)), sum), chance));
  }
  // Without rounding it is never above 0.
  Value share(Value product, Value sum) {
    Value found = e.sub(number(products, product), number(sums, sum));
    return e.select(e.less(e.floatOf(0), found), e.floatOf(0), found);
  }
};

std::string nameOf(const char *what, const ClassTable &table, const KernelLibrary &kernels) {
  return std::string(what) + "_n" + std::to_string(table.words) + "_c" + std::to_string(table.classes) +
         (table.singles ? "_s" + std::to_string(table.singles) : "") + "_" + kernels.getTarget().chip;
}
} // namespace

std::string classSumsKernel(KernelLibrary &kernels, const ClassTable &table, bool opened) {
  KernelShape shape = {kThreads, /*leastBlocks=*/4, 2 * 4 * kWarps};
  SmallVector<Kind> kinds = {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory};
  if (opened)
    kinds.append({Kind::Memory, Kind::Number});
  return kernels.define(nameOf(opened ? "class_sums_opened" : "class_sums", table, kernels), shape, kinds,
                        [=](Emitter &e, ValueRange a) {
                          ClassSumsEmitter emitter(e, table, a);
                          opened ? emitter.runOpened(a[4], a[5]) : emitter.run();
                        });
}

std::string classLogitsKernel(KernelLibrary &kernels, const ClassTable &table, int64_t outStride, bool opened) {
  std::string what = (opened ? "class_logits_opened_to" : "class_logits_to") + std::to_string(outStride);
  SmallVector<Kind> kinds = {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory};
  if (opened)
    kinds.push_back(Kind::Memory);
  return kernels.define(nameOf(what.c_str(), table, kernels), {kThreads}, kinds, [=](Emitter &e, ValueRange a) {
    ClassLogitsEmitter(e, table, outStride, a).run(opened ? a[5] : Value());
  });
}

int64_t classLogitsBlocks(int64_t outStride) { return (outStride / 4 + kThreads - 1) / kThreads; }

} // namespace lmopt::nvptx
