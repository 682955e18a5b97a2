// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt import`: its options. The work is done in lmopt-compiler (ImportSource.cpp).
#include "tools/lmopt/CommandLine.h"

namespace lmopt::driver {

void addImport(CommandLine &line) {
  auto options = std::make_shared<ImportOptions>();
  Command command =
      line.add("import", "read a checkpoint and write it as readable MLIR", options, &CompilerCommands::import);
  command.add("SOURCE", options->source, "GGUF file or Hugging Face directory").required().notEmpty();
  command.add("-o,--output", options->output, "directory for model.mlir; the weights stay in SOURCE")
      .required()
      .notEmpty();
  addShortList(command, options->shortList);
  addNoHead(command, options->noHead);
}

} // namespace lmopt::driver
