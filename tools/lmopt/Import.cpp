// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt import`: its options. The work is done in lmopt-compiler (ImportSource.cpp).
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"

namespace lmopt::driver {

void addImport(CommandLine &line) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App *command = line.app.add_subcommand("import", "read a checkpoint and write it as readable MLIR");
  command->add_option("SOURCE", options->source, "GGUF file or Hugging Face directory")->required()->check(notEmpty());
  command->add_option("-o,--output", options->output, "directory for model.mlir; the weights stay in SOURCE")
      ->required()
      ->check(notEmpty());
  command->add_flag("--no-head", options->noHead,
                    "of an encoder only: leave out the head of its class, so that the model gives vectors");
  command->callback([&line, options] {
    line.action = [&line, options]() -> Result<void> {
      return line.compiler.import ? line.compiler.import(*options, line.context) : becomeCompiler(line.arguments);
    };
  });
}

} // namespace lmopt::driver
