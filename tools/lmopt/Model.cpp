// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Owners for the runtime's handles. See Model.h.
#include "tools/lmopt/Model.h"

#include <fstream>

namespace lmopt::driver {

Error runtimeError(const lmopt_error_t &error) {
  // The only caller who cancels is the user, by a signal.
  return error.status == LMOPT_INTERRUPTED ? interruption() : Error{static_cast<int>(error.status), error.message};
}

/// A checkpoint in the place of a compiled model is everybody's first mistake.
static Error openError(const std::string &path, const lmopt_error_t &cause) {
  Error error = runtimeError(cause);
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  bool checkpoint = std::string_view(magic, sizeof magic) == "GGUF" || std::ifstream(path + "/config.json").good();
  if (checkpoint)
    error.message += "; it is a checkpoint: `lmopt compile " + path + " -o M.so` makes a model of it";
  return error;
}

Result<ArtifactPtr> openArtifact(const std::string &path) {
  lmopt_artifact_t *artifact = nullptr;
  lmopt_error_t error{};
  if (lmopt_artifact_open(path.c_str(), &artifact, &error) != LMOPT_OK)
    return openError(path, error);
  return ArtifactPtr(artifact);
}

Result<Model> openModel(const std::string &path) {
  Model model;
  model.path = path;
  lmopt_error_t error{};
  lmopt_model_t *handle = nullptr;
  if (lmopt_model_open(path.c_str(), nullptr, &handle, &error) != LMOPT_OK)
    return openError(path, error);
  model.handle.reset(handle);
  model.info.struct_size = sizeof model.info;
  if (lmopt_model_get_info(handle, &model.info, &error) != LMOPT_OK)
    return runtimeError(error);
  return model;
}

Result<Model> openModel(const std::string &path, uint32_t kind, std::string_view command) {
  Result<Model> model = openModel(path);
  if (model.ok() && model->info.kind != kind) {
    bool decoder = kind == LMOPT_MODEL_DECODER;
    return Error{kErrorUsage,
                 "`lmopt " + std::string(command) + "` needs " + (decoder ? "a decoder" : "an encoder") + ", but '" +
                     path + "' is " +
                     (decoder ? "an encoder (use `lmopt embed` or `lmopt classify`)" : "a decoder (use `lmopt run`)")};
  }
  return model;
}

Result<SessionPtr> createSession(const Model &model, const SessionSettings &settings, const Context &context) {
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.threads = settings.place.threads;
  options.device = settings.place.device.empty() ? nullptr : settings.place.device.c_str();
  options.team = settings.team;
  options.context = settings.positions;
  options.cancel = context.cancel;
  options.window = settings.window;
  options.sinks = settings.sinks;
  lmopt_error_t error{};
  lmopt_session_t *session = nullptr;
  if (lmopt_session_create(model.handle.get(), &options, &session, &error) != LMOPT_OK)
    return runtimeError(error);
  return SessionPtr(session);
}

bool givesTokenRows(const Model &model) {
  lmopt_result_info_t first{};
  first.struct_size = sizeof first;
  return lmopt_model_get_result(model.handle.get(), 0, &first, nullptr) == LMOPT_OK && first.rows == LMOPT_ROWS_TOKENS;
}

lmopt_status_t encodeAll(const Model &model, lmopt_session_t *session, const std::vector<int32_t> &tokens,
                         const std::vector<int64_t> &lengths, std::vector<float> &rows, lmopt_error_t *error) {
  rows.resize((givesTokenRows(model) ? tokens.size() : lengths.size()) * static_cast<size_t>(model.info.output_width));
  std::vector<float *> results(model.info.result_count, nullptr);
  results[0] = rows.data();
  return lmopt_session_encode_all(session, tokens.data(), lengths.data(), static_cast<int64_t>(lengths.size()), nullptr,
                                  results.data(), error);
}

Result<const lmopt_tokenizer_t *> tokenizerOf(const Model &model) {
  if (const lmopt_tokenizer_t *tokenizer = lmopt_model_tokenizer(model.handle.get()))
    return tokenizer;
  return unsupported("'" + model.path + "' carries no tokenizer: compile it from a source that has one " +
                     "(a GGUF file or a directory with tokenizer.json)");
}

Result<std::vector<int32_t>> encodeText(const Model &model, std::string_view text, uint32_t flags) {
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(model);
  return tokenizer.ok() ? encodeText(*tokenizer, text, flags) : tokenizer.error();
}

Result<std::vector<int32_t>> encodeText(const lmopt_tokenizer_t *tokenizer, std::string_view text, uint32_t flags) {
  // A token covers at least one byte of most texts; the second round only happens for the rest.
  std::vector<int32_t> ids(text.size() + 8);
  for (;;) {
    size_t count = 0;
    lmopt_error_t error{};
    if (lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids.data(), ids.size(), &count, &error) !=
        LMOPT_OK)
      return runtimeError(error);
    bool fits = count <= ids.size();
    ids.resize(count);
    if (fits)
      return ids;
  }
}

} // namespace lmopt::driver
