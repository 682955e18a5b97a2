// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a compressed model is from the model as it was, on some sequences.
//
// In: artifacts, sequences of ids. The reference runs once; its rows (logits of a decoder, vectors of an encoder) are
// kept in memory, 4 bytes a number, so that each candidate is run alone. Out: figures as `lmopt eval` defines them, or
// cosines. Of a decoder the tokens behind the first eighth of each sequence are scored, each given all before it.
// Tested by test/unit/models/CompressTest.cpp and test/tools/lmopt/compress.sh.
#ifndef LMOPT_TOOLS_COMPRESS_QUALITY_H
#define LMOPT_TOOLS_COMPRESS_QUALITY_H

#include "tools/calibrate/Calibration.h"
#include "tools/lmopt/Model.h"

namespace lmopt {

/// What is measured, and what the budget is a limit of: the greater, the worse.
enum class Metric {
  KullbackLeibler, ///< mean KL(reference || model) in nats
  Perplexity,      ///< ppl / reference ppl - 1
  Cosine           ///< 1 - mean cosine to the reference's vectors
};

struct Quality {
  int64_t rows = 0;
  // Of a decoder.
  double divergence = 0, perplexity = 0, referencePerplexity = 0, sameTop = 0;
  // Of an encoder.
  double meanCosine = 0, leastCosine = 0;

  double loss(Metric metric) const;
};

class Judge {
public:
  /// Runs the reference.
  static Result<Judge> create(const std::string &reference, Sequences sequences, const driver::Context &context,
                              int threads);

  Result<Quality> judge(const std::string &artifact) const;
  int64_t rows() const { return width ? static_cast<int64_t>(reference.size() / width) : 0; }

private:
  Judge(Sequences sequences, const driver::Context &context, int threads)
      : sequences(std::move(sequences)), context(&context), threads(threads) {}
  Result<void> run(const std::string &artifact, const std::function<void(const float *row, int32_t next)> &take,
                   size_t &width) const;

  Sequences sequences;
  const driver::Context *context;
  int threads;
  bool decoder = false;
  size_t width = 0;
  std::vector<float> reference; ///< [rows, width]
};

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_QUALITY_H
