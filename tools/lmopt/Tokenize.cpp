// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt tokenize`: the ids that a text becomes, as one line of JSON.
//
// In: --text or --file. Out: {"tokens": [...]}, as the model is fed: special tokens are added and recognised; with
// --no-special neither. Reads the artifact's metadata and nothing else: none of its code is loaded, and it may be made
// for another CPU. Tested by test/tools/lmopt (hostile.py for files of strangers) and test/e2e.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/TextInput.h"

#include <nlohmann/json.hpp>

namespace lmopt::driver {

struct TokenizeOptions {
  std::string model, text, file;
  bool noSpecial = false;
};

static Result<void> tokenize(const TokenizeOptions &options, const Context &) {
  Result<ArtifactPtr> artifact = openArtifact(options.model);
  if (!artifact.ok())
    return artifact.error();
  lmopt_tokenizer_t *handle = nullptr;
  lmopt_error_t error{};
  if (lmopt_artifact_tokenizer(artifact->get(), &handle, &error) != LMOPT_OK)
    return runtimeError(error);
  TokenizerPtr tokenizer(handle);
  Result<std::string> text = options.file.empty() ? Result<std::string>(options.text) : readFile(options.file);
  if (!text.ok())
    return text.error();
  Result<std::vector<int32_t>> tokens =
      encodeText(tokenizer.get(), *text, options.noSpecial ? 0 : LMOPT_TOKENIZE_DEFAULT);
  if (!tokens.ok())
    return tokens.error();
  return writeOutput(nlohmann::ordered_json{{"tokens", *tokens}}.dump() + "\n");
}

void addTokenize(CommandLine &line) {
  auto options = std::make_shared<TokenizeOptions>();
  Command command = line.add("tokenize", "show the token ids of a text", options, tokenize);
  addModel(command, options->model);
  Command input = command.addChoice("input");
  input.add("--text", options->text, "the text, taken as it stands");
  input.add("--file", options->file, "a file that holds the text; -: standard input").notEmpty();
  command.addFlag("--no-special", options->noSpecial, "plain text: no special token is added or recognised");
}

} // namespace lmopt::driver
