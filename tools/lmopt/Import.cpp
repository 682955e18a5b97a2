// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt import`: its options. The work is done in lmopt-compiler (ImportSource.cpp).
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"

namespace lmopt::driver {

void addImport(CommandLine &line) {
  auto options = std::make_shared<ImportOptions>();
  Command command = line.add("import", "read a checkpoint and write it as readable MLIR");
  command.add("SOURCE", options->source, "GGUF file or Hugging Face directory").required().notEmpty();
  command.add("-o,--output", options->output, "directory for model.mlir; the weights stay in SOURCE")
      .required()
      .notEmpty();
  command.addFlag("--no-head", options->noHead,
                  "of an encoder only: leave out the head of its class, so that the model gives vectors");
  command.onParsed([&line, options] {
    line.action = [&line, options]() -> Result<void> {
      return line.compiler.import ? line.compiler.import(*options, line.context) : becomeCompiler(line.arguments);
    };
  });
}

} // namespace lmopt::driver
