// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's C interface with owners and Results: what the commands of the driver share.
//
// In: paths, texts, tokens. Out: handles that free themselves; an Error carries the runtime's own message and code.
// Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_MODEL_H
#define LMOPT_TOOLS_LMOPT_MODEL_H

#include "files/Status.h"
#include "lmopt/lmopt.h"
#include "tools/lmopt/Context.h"
#include "tools/support/RuntimeHandles.h"

#include <string>
#include <string_view>
#include <vector>

namespace lmopt::driver {

/// A model that is open, with its constants.
struct Model {
  ModelPtr handle;
  lmopt_model_info_t info{};
  std::string path;

  bool isDecoder() const { return info.kind == LMOPT_MODEL_DECODER; }
};

Error runtimeError(const lmopt_error_t &error);

/// The file without its code: for what only needs metadata, and thus is safe with files of strangers.
Result<ArtifactPtr> openArtifact(const std::string &path);

Result<Model> openModel(const std::string &path);
/// The same, and an error of usage when the model is not of this kind (LMOPT_MODEL_*); `command` is named in it.
Result<Model> openModel(const std::string &path, uint32_t kind, std::string_view command);

struct SessionSettings {
  Place place;
  int64_t positions = 0; // 0: the runtime's default
  lmopt_team_t *team = nullptr;
  int64_t window = 0, sinks = 0; // a session without end
};
Result<SessionPtr> createSession(const Model &model, const SessionSettings &settings, const Context &context);

/// Whether the first result of the model has a row for each token, not one for each sequence.
bool givesTokenRows(const Model &model);
/// The first result for all sequences; `rows` gets its size.
lmopt_status_t encodeAll(const Model &model, lmopt_session_t *session, const std::vector<int32_t> &tokens,
                         const std::vector<int64_t> &lengths, std::vector<float> &rows, lmopt_error_t *error);

/// The tokenizer of the model, or an error when the artifact has none.
Result<const lmopt_tokenizer_t *> tokenizerOf(const Model &model);
/// `flags` as lmopt_tokenizer_encode.
Result<std::vector<int32_t>> encodeText(const lmopt_tokenizer_t *tokenizer, std::string_view text, uint32_t flags);
Result<std::vector<int32_t>> encodeText(const Model &model, std::string_view text, uint32_t flags);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_MODEL_H
