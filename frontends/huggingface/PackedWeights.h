// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors of linears that GPTQ, AWQ or compressed-tensors have quantized: which there are, and what their shapes
// say of bits and groups. Zero points that all lie in the middle are none; an order of inputs that is no other is none.
//
//   X.qweight, X.scales, X.qzeros, X.g_idx                            GPTQ; AWQ without g_idx
//   X.weight_packed, X.weight_scale, X.weight_shape, X.weight_zero_point, X.weight_g_idx     pack-quantized
//   X.weight (I8), X.weight_scale, X.weight_zero_point                                        int-quantized
//
// In: a checkpoint, the method, a module and the shape of its matrix. Out: the tensors, as #lm.packed names them, or an
// error that names tensor, what was expected and found. Plain C++.
// Tested by test/unit/frontends/QuantizationTest.cpp and the fixtures packed-gptq, packed-awq, packed-compressed.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_PACKEDWEIGHTS_H
#define LMOPT_FRONTENDS_HUGGINGFACE_PACKEDWEIGHTS_H

#include "files/safetensors/Checkpoint.h"
#include "files/safetensors/PackedWords.h"
#include "frontends/families/ModelConfig.h"

#include <set>

namespace lmopt {

struct PackedMatrix {
  CodeLayout layout = CodeLayout::Compressed;
  Checkpoint::Entry codes, scales, zeros, order; // the last two may be missing
  int64_t bits = 0, group = 0;
};

class PackedWeights {
public:
  /// Without a method no module has codes.
  PackedWeights(const Checkpoint &checkpoint, std::optional<PackedMethod> method)
      : checkpoint(checkpoint), method(method) {}

  /// Nothing when the module has a plain weight.
  Result<std::optional<PackedMatrix>> find(const std::string &module, int64_t rows, int64_t columns);
  /// Tensors that were asked for; and biases of zeros, which auto-gptq gives to all linears, whether the model has them
  /// or not.
  bool mayRemain(std::string_view tensor) const;
  /// An error when the configuration names a method and no module had codes: it is not the configuration of this file.
  Result<void> checkAnyFound() const;

private:
  Result<Checkpoint::Entry> require(const std::string &name);
  Checkpoint::Entry take(const std::string &name);
  Result<void> checkStoredShape(const std::string &module, int64_t rows, int64_t columns);
  Result<std::optional<PackedMatrix>> complete(PackedMatrix matrix, const std::string &module, int64_t rows,
                                               int64_t columns);
  Result<std::optional<PackedMatrix>> findWords(const std::string &module, int64_t rows, int64_t columns);
  Result<std::optional<PackedMatrix>> findCompressed(const std::string &module, int64_t rows, int64_t columns);

  const Checkpoint &checkpoint;
  std::optional<PackedMethod> method;
  std::set<std::string, std::less<>> used, modules;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_PACKEDWEIGHTS_H
