// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CacheAccess.h.
#include "codegen/ptx/attention/CacheAccess.h"

using namespace mlir;

namespace lmopt::nvptx {

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
    return Emitter::Values{e.fma(own, cosine, e.mul(other, sine))};
  })[0];
}

std::string cacheName(const AttentionSpec &spec) {
  static const char *const formats[] = {"f32", "bf16", "i8"};
  return std::string(formats[static_cast<size_t>(spec.format)]) + "_kv" + std::to_string(spec.kvHeads) + "_d" +
         std::to_string(spec.width);
}

std::string turnName(const AttentionSpec &spec) {
  std::string name = "_turn" + std::to_string(spec.rotary);
  return spec.rotary && spec.ropeSwitchPositions ? name + "of" + std::to_string(spec.positions) : name;
}

} // namespace lmopt::nvptx
