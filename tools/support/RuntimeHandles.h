// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Owners of what the runtime's C interface makes, for all tools: handles that free themselves.
#ifndef LMOPT_TOOLS_SUPPORT_RUNTIMEHANDLES_H
#define LMOPT_TOOLS_SUPPORT_RUNTIMEHANDLES_H

#include "lmopt/lmopt.h"
#include "lmopt/tokenizer.h"

#include <memory>

namespace lmopt {

template <class T, void (*destroy)(T *)>
struct Destroyer {
  void operator()(T *object) const { destroy(object); }
};
using ModelPtr = std::unique_ptr<lmopt_model_t, Destroyer<lmopt_model_t, lmopt_model_destroy>>;
using SessionPtr = std::unique_ptr<lmopt_session_t, Destroyer<lmopt_session_t, lmopt_session_destroy>>;
using TeamPtr = std::unique_ptr<lmopt_team_t, Destroyer<lmopt_team_t, lmopt_team_destroy>>;
using SamplerPtr = std::unique_ptr<lmopt_sampler_t, Destroyer<lmopt_sampler_t, lmopt_sampler_destroy>>;
using DetokenizerPtr = std::unique_ptr<lmopt_detokenizer_t, Destroyer<lmopt_detokenizer_t, lmopt_detokenizer_destroy>>;
using ArtifactPtr = std::unique_ptr<lmopt_artifact_t, Destroyer<lmopt_artifact_t, lmopt_artifact_destroy>>;
using TokenizerPtr = std::unique_ptr<lmopt_tokenizer_t, Destroyer<lmopt_tokenizer_t, lmopt_tokenizer_destroy>>;

} // namespace lmopt

#endif // LMOPT_TOOLS_SUPPORT_RUNTIMEHANDLES_H
