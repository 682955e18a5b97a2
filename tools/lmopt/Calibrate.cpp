// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt calibrate`: its options. The work is done in lmopt-compiler (CalibrateSource.cpp).
#include "tools/lmopt/CommandLine.h"

namespace lmopt::driver {

void addCalibrate(CommandLine &line) {
  auto options = std::make_shared<CalibrateOptions>();
  Command command = line.add("calibrate", "measure what the linears of a model read on a text, for passes that use it",
                             options, &CompilerCommands::calibrate);
  addSource(command, options->source);
  command
      .add("--text", options->text,
           "file to measure on; of a decoder one text, of an encoder one text a line; -: standard input")
      .required()
      .notEmpty();
  command
      .add("-o,--output", options->output,
           "the statistics to write (safetensors); unfinished work lies in OUTPUT.partial")
      .required()
      .notEmpty();
  command
      .add("--passes", options->passes,
           "a pass pipeline that runs before, as lmopt-opt spells it: statistics are of the model as it leaves it")
      .notEmpty();
  command
      .add("--layers", options->layers,
           "measure these layers only: a pattern over their names; may be given many times")
      .notEmpty();
  command.add("--skip", options->skip, "leave these layers out: a pattern over their names; may be given many times")
      .notEmpty();
  command.add("-c,--ctx", options->context, "decoder: tokens in a sequence (default: 512, or what the model can take)")
      .between(1, int64_t{1} << 30);
  command.add("--tokens", options->tokens, "about so many tokens, in whole sequences that are spread over the text")
      .between(1, int64_t{1} << 40)
      .showDefault();
  command.add("--head-rows", options->headRows, "decoder: also keep so many rows that the head reads; 0: none")
      .between(0, int64_t{1} << 30)
      .showDefault();
  command.add("--block-rows", options->blockRows, "also keep so many rows that each feed-forward block reads; 0: none")
      .between(0, int64_t{1} << 30)
      .showDefault();
  command.add("--memory", options->memory, "MB of sums at a time; the model is run in as many parts as that takes")
      .between(1, int64_t{1} << 20)
      .showDefault();
  addNoHead(command, options->noHead);
  addThreads(command, options->threads);
}

} // namespace lmopt::driver
