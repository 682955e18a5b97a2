// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A head of keys or values as the cache keeps it, made by a warp: lane l has every 32nd number. In: the head's numbers.
// Out: numbers as they are, as bf16, or as codes with a scale, bit for bit as codegen/cpu/attention/StoreKernels.cpp
// has them. Tested by test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_HEADENCODER_H
#define LMOPT_CODEGEN_PTX_ATTENTION_HEADENCODER_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

class HeadEncoder {
public:
  using Value = mlir::Value;

  /// `width`: of the head, of keys or values.
  HeadEncoder(Emitter &e, const AttentionSpec &spec, int64_t width) : e(e), spec(spec), width(width) {}

  /// A number as an integer of its bits that the cache keeps, or an f32; not of codes.
  Value kept(Value x);
  /// Gives each number i of a head, as kept, to `put`; of codes the scale to `putScale`. All lanes do all of it: those
  /// that have no number of their own the last one's, and each the scale. So they stay together where this is the end
  /// of a loop.
  void encode(const std::function<Value(Value)> &numberAt, const std::function<void(Value, Value)> &put,
              const std::function<void(Value)> &putScale);

private:
  Emitter &e;
  const AttentionSpec &spec;
  int64_t width;

  void encodeCodes(const std::function<Value(Value)> &numberAt, const std::function<void(Value, Value)> &put,
                   const std::function<void(Value)> &putScale);
  void each(const std::function<void(Value)> &body);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_HEADENCODER_H
