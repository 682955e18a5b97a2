// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ranges that a checkpoint of quantization-aware training carries beside its weights: what a weight, the input or
// the output of a module was rounded to in training, in 8 bits.
//
//   NVIDIA pytorch-quantization, ModelOpt       X._weight_quantizer._amax, X.weight_quantizer._amax     the weight of X
//                                               X._input_quantizer._amax, X.input_quantizer._amax       what X reads
//   PyTorch (torch.ao.quantization, eager)      X.weight_fake_quant.{scale, zero_point, ...}            the weight of X
//                                               X.activation_post_process.{scale, zero_point, ...}      what X makes
//
// In: a checkpoint, names of modules (tensors without ".weight"). Out: ranges, or an error that names the tensor and
// why what it says is not supported or cannot be told without doubt. Plain C++ without MLIR: sanitized. Source:
// tensor_quant.py of both NVIDIA tools (amax, 8 bits signed, not narrow_range unless said otherwise in Python);
// fake_quantize.py and observer.py of PyTorch. Tested by test/unit/frontends/TrainedRangesTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_TRAINEDRANGES_H
#define LMOPT_FRONTENDS_HUGGINGFACE_TRAINEDRANGES_H

#include "files/safetensors/Checkpoint.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lmopt {

/// A weight: the step of a row is r / steps, r the one number of the tensor or that of the row; codes least .. 127.
struct WeightRange {
  Checkpoint::Entry numbers;
  std::optional<float> only; // the number, if it is one for all rows
  int64_t steps, least;
};

/// An activation: the step is range / steps, codes least .. greatest as unsigned numbers, zero the code of 0.
struct ActivationRange {
  float range;
  int64_t steps, zero, least, greatest;
};

class TrainedRanges {
public:
  explicit TrainedRanges(const Checkpoint &checkpoint) : checkpoint(checkpoint) {}

  /// Nothing where the checkpoint has none, or has them switched off.
  Result<std::optional<WeightRange>> ofWeight(const std::string &module, int64_t rows);
  Result<std::optional<ActivationRange>> ofInput(const std::string &module);
  Result<std::optional<ActivationRange>> ofOutput(const std::string &module);

  /// Whether nothing is lost without the tensor: its range was asked for, or training had it switched off.
  bool mayRemain(std::string_view tensor) const;
  /// The module that a tensor named like (a part of) a range belongs to; nothing for other names.
  static std::optional<std::string_view> moduleOf(std::string_view tensor);

private:
  /// What PyTorch keeps of a fake quantization.
  struct FakeQuantize {
    Checkpoint::Entry scale, zero;
    std::vector<double> scales, zeros;
    std::vector<double> least, greatest; // observed, what the scales were made from; empty where the file lacks them
    std::vector<double> leastScale;      // and the observer's bound for them

    bool hasCodesFrom(int64_t code) const;
    int64_t leastCode() const;
  };
  Result<std::vector<double>> read(const Checkpoint::Entry &entry);
  Result<void> readScales(const std::string &prefix, FakeQuantize &fake);
  Result<void> readObserved(const std::string &prefix, FakeQuantize &fake);
  Result<Checkpoint::Entry> require(const std::string &name);
  std::optional<bool> isOn(const std::string &prefix) const;
  Result<std::optional<FakeQuantize>> readFakeQuantize(const std::string &prefix);
  Result<std::optional<WeightRange>> greatestOfWeight(const std::string &module, int64_t rows);
  Result<std::optional<WeightRange>> scalesOfWeight(const std::string &module, int64_t rows);

  const Checkpoint &checkpoint;
  std::set<std::string, std::less<>> used;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_TRAINEDRANGES_H
