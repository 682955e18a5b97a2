// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys and values of a step on their way into the cache; see AttendRows.h. A block of threads has a row. Codes need the
// largest number of a head first: there a warp has a head.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/HeadEncoder.h"

#include "codegen/ptx/Rows.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = AttentionSpec::kThreads, kWarps = kThreads / kWarpLanes, kBlock = AttentionSpec::kBlock;

class StoreEmitter {
public:
  StoreEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), row(e, a[3], e.block()), position(row.position()),
        angles(anglesAt(e, spec, a[2], position, row.rope())), block(e.shr(position, 6)),
        within(e.bitAnd(position, kBlock - 1)), cache(e, spec, row.cache(), a[4], a[5]), keys(rowOf(a[0], spec.width)),
        values(rowOf(a[1], spec.valueWidth())) {}

  void run() {
    auto storeKey = [&](Value head, Value number) {
      storeNumber(keyNumber(head, number), cache.keys(block, head), number, spec.width);
    };
    auto storeValue = [&](Value head, Value number) {
      storeNumber(valueNumber(head, number), cache.values(block, head), number, spec.valueWidth());
    };
    if (spec.isCodes())
      return eachHead([&](Value head) { storeCodes(head); });
    if (spec.otherValueWidth)
      return each(spec.width, storeKey), each(spec.valueWidth(), storeValue);
    each(spec.width, [&](Value head, Value number) { storeKey(head, number), storeValue(head, number); });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  DeviceRow row;
  Value position, angles, block, within;
  LayerCache cache;
  Value keys, values;

  Value rowOf(Value rows, int64_t width) { return e.atElement(rows, e.block(), rowBytes(spec.kvHeads * width, 4)); }
  Value headOf(Value from, Value head, int64_t width) { return e.at(from, e.mul(head, 4 * width)); }
  Value keyNumber(Value head, Value i) { return turned(e, spec, headOf(keys, head, spec.width), i, angles); }
  Value valueNumber(Value head, Value i) {
    return e.load(e.f32(), e.at(headOf(values, head, spec.valueWidth()), e.mul(i, 4)));
  }
  /// All numbers of heads of a width.
  void each(int64_t width, const std::function<void(Value, Value)> &store) {
    e.loop(e.thread(), e.number(spec.kvHeads * width), kThreads,
           [&](Value i) { store(e.div(i, width), e.rem(i, width)); });
  }

  void storeNumber(Value x, Value inBlock, Value i, int64_t width) {
    Value to = e.at(inBlock, e.mul(e.add(e.mul(within, width), i), spec.elementBytes()));
    e.store(HeadEncoder(e, spec, width).kept(x), to, spec.elementBytes());
  }

  //===--- Codes ---===//

  void eachHead(const std::function<void(Value)> &body) { e.loop(e.warp(), e.number(spec.kvHeads), kWarps, body); }
  void storeCodes(Value head) {
    encode([&](Value i) { return keyNumber(head, i); }, cache.keys(block, head), spec.width);
    encode([&](Value i) { return valueNumber(head, i); }, cache.values(block, head), spec.valueWidth());
  }
  void encode(const std::function<Value(Value)> &numberAt, Value inBlock, int64_t width) {
    auto put = [&](Value i, Value code) { e.store(code, e.at(inBlock, e.add(e.mul(within, width), i)), 1); };
    HeadEncoder(e, spec, width).encode(numberAt, put, [&](Value scale) {
      e.store(scale, e.at(e.at(inBlock, kBlock * width), e.mul(within, 4)));
    });
  }
};

} // namespace

std::string storeKeysValuesKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "store_kv_" + cacheName(spec) + turnName(spec) + "_" + kernels.getTarget().chip;
  return kernels.define(name, {kThreads},
                        {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory, Kind::Number, Kind::Number},
                        [=](Emitter &e, ValueRange a) { StoreEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
