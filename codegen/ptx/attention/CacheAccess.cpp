// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CacheAccess.h.
#include "codegen/ptx/attention/CacheAccess.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

//===--- Groups of heads: of several sizes, constants that are chosen among ---===//

static SmallVector<int64_t> firstHeads(const AttentionSpec &spec) {
  SmallVector<int64_t> firsts = {0};
  for (int64_t heads : ArrayRef(spec.groups).drop_back())
    firsts.push_back(firsts.back() + heads);
  return firsts;
}

Value kvHeadOf(Emitter &e, const AttentionSpec &spec, Value head) {
  if (spec.isEven())
    return e.div(head, spec.group());
  Value kvHead = e.number(0);
  for (auto [i, first] : llvm::enumerate(firstHeads(spec)))
    if (i)
      kvHead = e.select(e.less(head, e.number(first)), kvHead, e.number(static_cast<int64_t>(i)));
  return kvHead;
}

/// Of the numbers for each group the one of this group.
static Value chosen(Emitter &e, ArrayRef<int64_t> numbers, Value group) {
  Value own = e.number(numbers[0]);
  for (auto [i, number] : llvm::enumerate(numbers.drop_front()))
    own = e.select(e.less(group, e.number(static_cast<int64_t>(i) + 1)), own, e.number(number));
  return own;
}

Value firstHeadOf(Emitter &e, const AttentionSpec &spec, Value kvHead) {
  return spec.isEven() ? e.mul(kvHead, spec.group()) : chosen(e, firstHeads(spec), kvHead);
}

Value headsOf(Emitter &e, const AttentionSpec &spec, Value kvHead) {
  return spec.isEven() ? e.number(spec.group()) : chosen(e, spec.groups, kvHead);
}

//===--- Numbers ---===//

Emitter::Values cacheNumbers(Emitter &e, const AttentionSpec &spec, Value word) {
  if (spec.format == CacheFormat::F32)
    return {e.bitcast(word, e.f32())};
  if (spec.format == CacheFormat::Bf16)
    return {e.bitcast(e.shl(word, 16), e.f32()), e.bitcast(e.bitAnd(word, static_cast<int32_t>(0xffff0000U)), e.f32())};
  Emitter::Values numbers;
  for (int64_t i = 0; i < 4; ++i) { // 2^23 + 128 + code is the float whose last byte is the code's
    Value byte = e.bitAnd(i ? e.shr(word, 8 * i) : word, 0xff);
    numbers.push_back(e.sub(e.bitcast(e.add(byte, e.number(0x4B000000)), e.f32()), e.floatOf(8388608.0F + 128.0F)));
  }
  return numbers;
}

Value anglesAt(Emitter &e, const AttentionSpec &spec, Value angles, Value position, Value rope) {
  if (!spec.rotary)
    return angles;
  Value number = spec.ropeSwitchPositions ? e.add(position, e.mul(rope, spec.positions)) : position;
  return e.atElement(angles, number, 4 * spec.rotary);
}

Value turned(Emitter &e, const AttentionSpec &spec, Value head, Value i, Value angles) {
  Value own = e.load(e.f32(), e.at(head, e.mul(i, 4)));
  if (!spec.rotary)
    return own;
  int64_t half = spec.rotary / 2;
  return e.ifThen(e.less(i, e.number(spec.rotary)), Emitter::Values{own}, [&] {
    Value isFirst = e.less(i, e.number(half)), pair = e.select(isFirst, i, e.sub(i, e.number(half)));
    Value other = e.load(e.f32(), e.at(head, e.mul(e.select(isFirst, e.add(i, half), pair), 4)));
    Value angle = e.at(angles, e.mul(pair, 8));
    Value cosine = e.load(e.f32(), angle), sine = e.load(e.f32(), e.at(angle, 4));
    sine = e.select(isFirst, e.sub(e.floatOf(0), sine), sine);
    return Emitter::Values{e.add(e.mul(own, cosine), e.mul(other, sine))}; // as CPUs do: two roundings, then a third
  })[0];
}

std::string widthsName(const AttentionSpec &spec) {
  return std::to_string(spec.width) + (spec.otherValueWidth ? "x" + std::to_string(spec.otherValueWidth) : "");
}

static std::string ringName(const AttentionSpec &spec) {
  if (!spec.ringBlocks)
    return "";
  std::string blocks = std::to_string(spec.ringBlocks);
  return spec.inRing ? "_ring" + blocks : "_beside" + blocks + "of" + std::to_string(spec.ringBlockBytes);
}

std::string cacheName(const AttentionSpec &spec) {
  static const char *const formats[] = {"f32", "bf16", "i8"};
  return std::string(formats[static_cast<size_t>(spec.format)]) + "_kv" + std::to_string(spec.kvHeads) + "_d" +
         widthsName(spec) + ringName(spec);
}

std::string headsName(const AttentionSpec &spec) {
  std::string name = "_h" + std::to_string(spec.heads);
  for (auto [i, group] : llvm::enumerate(spec.groups))
    name += (i ? "_" : "of") + std::to_string(group);
  return name;
}

Value windowBegin(Emitter &e, const AttentionSpec &spec, Value position) {
  return spec.window ? e.max(e.add(position, 1 - spec.window), e.number(0)) : Value();
}

Value cappedScore(Emitter &e, const AttentionSpec &spec, Value score) {
  return spec.softCap ? functions::softCap(e, spec.softCap, score) : score;
}

Value biasedScore(Emitter &e, const AttentionSpec &spec, Value bias, Value head, Value distance, Value score) {
  if (spec.bias == PositionBias::Slopes)
    return e.fma(e.load(e.f32(), e.at(bias, e.mul(head, 4))), e.toFloat(distance), score);
  const int64_t most = spec.largestDistance;
  Value column = e.add(e.max(e.min(distance, e.number(most)), e.number(-most)), most);
  Value row = e.atElement(bias, head, rowBytes(2 * most + 1, 4));
  return e.add(score, e.load(e.f32(), e.at(row, e.mul(column, 4))));
}

std::string maskName(const AttentionSpec &spec) {
  std::string name = spec.window ? "_w" + std::to_string(spec.window) : "";
  if (spec.softCap)
    name += "_c" + std::to_string(llvm::bit_cast<uint32_t>(spec.softCap));
  return name + biasName(spec.bias, spec.largestDistance);
}

std::string turnName(const AttentionSpec &spec) {
  std::string name = "_turn" + std::to_string(spec.rotary);
  return spec.rotary && spec.ropeSwitchPositions ? name + "of" + std::to_string(spec.positions) : name;
}

} // namespace lmopt::nvptx
