// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt compress` and `lmopt sensitivity`: their options. The work is done in lmopt-compiler (CompressSource.cpp).
#include "tools/lmopt/CommandLine.h"

namespace lmopt::driver {

/// What both have.
static void addCommon(Command command, CompressOptions &options) {
  addSource(command, options.source);
  command
      .add("--text", options.text,
           "file to measure on; of a decoder one text, of an encoder one text a line; -: standard input")
      .required()
      .notEmpty();
  command
      .add("--layers", options.layers,
           "compress these linears and tables only: a pattern over their names; may be given many times")
      .notEmpty();
  command.add("--skip", options.skip, "leave these linears and tables as they are: a pattern; may be given many times")
      .notEmpty();
  command.add("--work", options.work, "folder for unfinished work, to go on with later").notEmpty();
  command.add("-c,--ctx", options.context, "decoder: tokens in a sequence (default: 512, or what the model can take)")
      .between(2, int64_t{1} << 30);
  command.add("--tokens", options.tokens, "about so many tokens to calibrate")
      .between(1, int64_t{1} << 40)
      .showDefault();
  command.add("--judge-tokens", options.judgeTokens, "about so many tokens to judge each candidate by")
      .between(1, int64_t{1} << 40)
      .showDefault();
  command
      .add("--layers-per-unit", options.layersPerUnit,
           "decide about so many neighbouring layers together: fewer models to compile and judge")
      .between(1, 1 << 20)
      .showDefault();
  addNoHead(command, options.noHead);
  addThreads(command, options.threads);
}

void addCompress(CommandLine &line) {
  auto options = std::make_shared<CompressOptions>();
  Command command = line.add("compress", "make a model as small or fast as a budget of quality allows", options,
                             &CompilerCommands::compress);
  addCommon(command, *options);
  command
      .add("--budget", options->budget,
           "what may be lost, on text that took no part: kl=0.02 (mean KL divergence to the model as it is, in nats), "
           "ppl=1% (growth of perplexity), or of an encoder cosine=0.98 (mean cosine to its vectors)")
      .required()
      .notEmpty();
  command.add("-o,--output", options->output, "the shared library to write; unfinished work lies in OUTPUT.partial")
      .required()
      .notEmpty();
  command.add("--target", options->target, "what to save").oneOf({"speed", "size"}).showDefault();
  command.add("--check", options->checkText, "a text of its own for the last check (default: the last part of --text)")
      .notEmpty();
  command.add("--report", options->report, "directory for report.html, report.json and recipe.json").notEmpty();
  command.add("--target-cpu", options->targetCpu, "as compile; candidates run on this machine (default: native)")
      .notEmpty();
  command.addFlag("--dry-run", options->dryRun, "tell what would be measured, and run nothing");
}

void addSensitivity(CommandLine &line) {
  auto options = std::make_shared<CompressOptions>();
  Command command = line.add("sensitivity", "rank the blocks of a model by what it loses when each is compressed alone",
                             options, &CompilerCommands::sensitivity);
  addCommon(command, *options);
  addFormat(command, options->format);
}

} // namespace lmopt::driver
