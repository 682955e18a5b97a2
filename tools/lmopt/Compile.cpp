// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt compile`: its options. The work is done in lmopt-compiler (CompileSource.cpp).
#include "tools/lmopt/CommandLine.h"

namespace lmopt::driver {

void addCompile(CommandLine &line) {
  auto options = std::make_shared<CompileOptions>();
  Command command =
      line.add("compile", "compile a checkpoint to one shared library", options, &CompilerCommands::compile);
  addSource(command, options->source);
  command.add("-o,--output", options->output, "the shared library to write").required().notEmpty();
  Option recipe =
      command
          .add("--recipe", options->recipe, "one of the recipes below, or a JSON file of your own; -: standard input")
          .showDefault()
          .notEmpty();
  command.add("--passes", options->passes, "a pass pipeline instead of a recipe, as lmopt-opt spells it; '': no pass")
      .excludes(recipe);
  command
      .add("--target", options->target,
           "cpu, or NVIDIA GPUs: nvptx (all of sm_80 and sm_90a), or nvptx:sm_80 and the like")
      .showDefault()
      .notEmpty();
  command
      .add("--ptxas", options->ptxas,
           "for GPUs: the program that assembles PTX, so that opening the model need not; none: the texts alone "
           "(default: ptxas on PATH, if there is one)")
      .notEmpty();
  command
      .add("--target-cpu", options->targetCpu,
           "any CPU that LLVM knows, e.g. znver4, or several with commas: one artifact, a version of the "
           "code for each (default: native)")
      .notEmpty();
  command
      .add("--spell-for", options->spellFor,
           "write the code made for --target-cpu in the instructions of a lesser CPU, with the same results, e.g. "
           "to try code for AVX-512 where there is none (default: its own)")
      .notEmpty();
  command
      .add("--calibrate", options->calibration, "text to gather statistics on, for recipes with passes that use them")
      .notEmpty();
  addShortList(command, options->shortList);
  command
      .add("--stop-after", options->stopAfter,
           "write what this stage made to OUTPUT instead: import and optimize make a directory")
      .oneOf({"import", "optimize", "plan", "lower", "emit"});
  command.add("--dump-stages", options->dumpStages, "directory for one file per stage").notEmpty();
  command.addFlag("--weights-file", options->weightsFile, "put the weights into a file of their own beside OUTPUT");
  addNoHead(command, options->noHead);
  line.helpNeedsCompiler = command;
  if (line.compiler.recipeTable)
    command.setFooter(line.compiler.recipeTable());
}

} // namespace lmopt::driver
