// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt tokenize`: the ids that a text becomes, as one line of JSON.
//
// In: --text or --file. Out: {"tokens": [...]}, as the model is fed: special tokens are added and recognised; with
// --no-special neither. Tested by test/tools/lmopt and test/e2e.
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
  Result<Model> model = openModel(options.model);
  if (!model.ok())
    return model.error();
  Result<std::string> text = options.file.empty() ? Result<std::string>(options.text) : readFile(options.file);
  if (!text.ok())
    return text.error();
  Result<std::vector<int32_t>> tokens = encodeText(*model, *text, options.noSpecial ? 0 : LMOPT_TOKENIZE_DEFAULT);
  if (!tokens.ok())
    return tokens.error();
  return writeOutput(nlohmann::ordered_json{{"tokens", *tokens}}.dump() + "\n");
}

void addTokenize(CommandLine &line) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App *command = line.add("tokenize", "show the token ids of a text", options, tokenize);
  addModel(command, options->model);
  CLI::Option_group *input = command->add_option_group("input");
  input->add_option("--text", options->text, "the text, taken as it stands");
  input->add_option("--file", options->file, "a file that holds the text; -: standard input")->check(notEmpty());
  input->require_option(1);
  command->add_flag("--no-special", options->noSpecial, "plain text: no special token is added or recognised");
}

} // namespace lmopt::driver
