// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line that `lmopt` and its compiling half `lmopt-compiler` share: parsing, help, messages about mistakes,
// exit codes.
//
// Two programs stand behind the one command `lmopt`: loading MLIR and LLVM costs 50 ms and 80 MB, which a program that
// only runs a compiled model must not pay. So `lmopt` itself knows the runtime only, and starts `lmopt-compiler`, which
// stands beside it, with the same arguments for import, compile and inspect of a source.
// Tested by test/unit/tools/CommandLineTest.cpp and test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_COMMANDLINE_H
#define LMOPT_TOOLS_LMOPT_COMMANDLINE_H

#include "files/Status.h"
#include "tools/lmopt/Context.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lmopt::driver {

struct ImportOptions {
  std::string source;
  std::string output; // directory
  bool noHead = false;
};

struct CompileOptions {
  std::string source; // GGUF file, Hugging Face directory, model.mlir, or a directory that holds one
  std::string output;
  std::string recipe = "f32";
  std::optional<std::string> passes; // given but empty: none
  std::string targetCpu;
  std::string spellFor;
  std::string stopAfter;
  std::string dumpStages; // directory
  std::string calibration;
  bool weightsFile = false;
  bool noHead = false;
};

struct InspectOptions {
  std::string path;
  bool json = false;
};

/// What needs the compiler. All are set in lmopt-compiler and none in lmopt.
struct CompilerCommands {
  Result<void> (*import)(const ImportOptions &, const Context &) = nullptr;
  Result<void> (*compile)(const CompileOptions &, const Context &) = nullptr;
  Result<void> (*inspectSource)(const InspectOptions &, const Context &) = nullptr;
  std::string (*recipeTable)() = nullptr; // for --help
};

/// What a command adds itself to. `action` is that of the command that was parsed.
struct CommandLine {
  CLI::App app{"Compile language models to shared libraries, and run them.", "lmopt"};
  Context context;
  CompilerCommands compiler;
  std::vector<std::string> arguments; // as given, for lmopt-compiler
  std::function<Result<void>()> action;
  const CLI::App *helpNeedsCompiler = nullptr; // a command whose help tells what only lmopt-compiler knows

  /// A subcommand whose action is `run(options, context)` with options that live as long as the command line.
  template <class Options>
  CLI::App *add(const char *name, const char *help, std::shared_ptr<Options> options,
                Result<void> (*run)(const Options &, const Context &)) {
    CLI::App *command = app.add_subcommand(name, help);
    command->callback([this, options, run] { action = [this, options, run] { return run(*options, context); }; });
    return command;
  }
};

// One of these for each command, in the file of the same name.
void addImport(CommandLine &line);
void addCompile(CommandLine &line);
void addRun(CommandLine &line);
void addEmbed(CommandLine &line);
void addClassify(CommandLine &line);
void addTokenize(CommandLine &line);
void addEval(CommandLine &line);
void addBench(CommandLine &line);
void addInspect(CommandLine &line);

// Options that several commands have, spelled and explained once.
void addModel(CLI::App *command, std::string &model);
void addThreads(CLI::App *command, int &threads);
void addTexts(CLI::App *command, std::vector<std::string> &texts, std::string &file);
void addFormat(CLI::App *command, std::string &format);

/// For options that name something: an empty value is a variable that was not set, never the default.
CLI::Validator notEmpty();

/// The candidate with the smallest edit distance to `word`, or "" when none is close.
std::string nearest(const std::string &word, const std::vector<std::string> &candidates);

/// Parses, runs, reports. The whole of both main functions; returns the exit code.
int runCommandLine(int argc, char **argv, const CompilerCommands &compiler);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_COMMANDLINE_H
