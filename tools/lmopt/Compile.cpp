// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt compile`: its options. The work is done in lmopt-compiler (CompileSource.cpp).
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"

namespace lmopt::driver {

void addCompile(CommandLine &line) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App *command = line.app.add_subcommand("compile", "compile a checkpoint to one shared library");
  command
      ->add_option("SOURCE", options->source,
                   "GGUF file, Hugging Face directory, model.mlir, or a directory made by `lmopt import`")
      ->required()
      ->check(notEmpty());
  command->add_option("-o,--output", options->output, "the shared library to write")->required()->check(notEmpty());
  CLI::Option *recipe = command
                            ->add_option("--recipe", options->recipe,
                                         "one of the recipes below, or a JSON file of your own; -: standard input")
                            ->capture_default_str()
                            ->check(notEmpty());
  command
      ->add_option("--passes", options->passes,
                   "a pass pipeline instead of a recipe, as lmopt-opt spells it; '': no pass")
      ->excludes(recipe);
  command
      ->add_option("--target-cpu", options->targetCpu,
                   "any CPU that LLVM knows, e.g. znver4, or several with commas: one artifact, a version of the "
                   "code for each (default: native)")
      ->check(notEmpty());
  command
      ->add_option(
          "--spell-for", options->spellFor,
          "write the code made for --target-cpu in the instructions of a lesser CPU, with the same results, e.g. "
          "to try code for AVX-512 where there is none (default: its own)")
      ->check(notEmpty());
  command
      ->add_option("--calibrate", options->calibration,
                   "text to gather statistics on, for recipes with passes that use them")
      ->check(notEmpty());
  command
      ->add_option("--stop-after", options->stopAfter,
                   "write what this stage made to OUTPUT instead: import and optimize make a directory")
      ->check(CLI::IsMember({"import", "optimize", "plan", "lower", "emit"}));
  command->add_option("--dump-stages", options->dumpStages, "directory for one file per stage")->check(notEmpty());
  command->add_flag("--weights-file", options->weightsFile, "put the weights into a file of their own beside OUTPUT");
  command->add_flag("--no-head", options->noHead,
                    "of an encoder only: leave out the head of its class, so that the model gives vectors");
  line.helpNeedsCompiler = command;
  if (line.compiler.recipeTable)
    command->footer(line.compiler.recipeTable());
  command->callback([&line, options] {
    line.action = [&line, options]() -> Result<void> {
      return line.compiler.compile ? line.compiler.compile(*options, line.context) : becomeCompiler(line.arguments);
    };
  });
}

} // namespace lmopt::driver
