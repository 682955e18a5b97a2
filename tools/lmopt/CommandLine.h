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
#include "tools/lmopt/Command.h"
#include "tools/lmopt/Context.h"
#include "tools/lmopt/Delegate.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lmopt::driver {

struct ImportOptions {
  std::string source;
  std::string output; // directory
  ShortListOptions shortList;
  bool noHead = false;
};

struct CompileOptions {
  std::string source; // GGUF file, Hugging Face directory, model.mlir, or a directory that holds one
  std::string output;
  std::string recipe = "f32";
  std::optional<std::string> passes; // given but empty: none
  std::string target = "cpu";
  std::string ptxas; // a program, `none`, or empty: the one on PATH, if any
  std::string targetCpu;
  std::string spellFor;
  std::string stopAfter;
  std::string dumpStages; // directory
  std::string calibration;
  ShortListOptions shortList;
  bool weightsFile = false;
  bool noHead = false;
};

struct CalibrateOptions {
  std::string source; // as compile
  std::string text;   // a file; decoder: one text, encoder: one text a line
  std::string output; // statistics
  std::string passes; // what is done to the model before; empty: nothing
  std::vector<std::string> layers, skip;
  int64_t context = 0; // decoder: tokens in a sequence; 0: 512, or what the model can take
  int64_t tokens = 32768;
  int64_t headRows = 16384;
  int64_t blockRows = 4096;
  int64_t memory = 256; // MB of sums at a time
  int threads = 0;
  bool noHead = false;
};

struct CompressOptions {
  std::string source, text;
  std::string checkText; // empty: the last part of `text`
  std::string budget;    // compress only
  std::string output;    // compress: the artifact
  std::string target = "size";
  std::string report; // directory; empty: none
  std::string work;   // folder for unfinished work; empty: OUTPUT.partial, or a temporary one
  std::string targetCpu;
  std::string format = "text"; // of sensitivity
  std::vector<std::string> layers, skip;
  int64_t context = 0;        // as CalibrateOptions
  int64_t tokens = 32768;     // to calibrate
  int64_t judgeTokens = 4096; // to choose by, and to check by
  int64_t layersPerUnit = 1;  // decided about together
  int threads = 0;
  bool dryRun = false;
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
  Result<void> (*calibrate)(const CalibrateOptions &, const Context &) = nullptr;
  Result<void> (*compress)(const CompressOptions &, const Context &) = nullptr;
  Result<void> (*sensitivity)(const CompressOptions &, const Context &) = nullptr;
  Result<void> (*inspectSource)(const InspectOptions &, const Context &) = nullptr;
  std::string (*recipeTable)() = nullptr; // for --help
};

/// What a command adds itself to. `action` is that of the command that was parsed.
struct CommandLine {
  CommandLine();
  ~CommandLine();

  std::unique_ptr<CLI::App> app;
  Context context;
  CompilerCommands compiler;
  std::vector<std::string> arguments; // as given, for lmopt-compiler
  std::function<Result<void>()> action;
  std::optional<Command> helpNeedsCompiler; // a command whose help tells what only lmopt-compiler knows

  Command add(const char *name, const char *help);
  /// A subcommand whose action is `run(options, context)` with options that live as long as the command line.
  template <class Options>
  Command add(const char *name, const char *help, std::shared_ptr<Options> options,
              Result<void> (*run)(const Options &, const Context &)) {
    Command command = add(name, help);
    command.onParsed([this, options, run] { action = [this, options, run] { return run(*options, context); }; });
    return command;
  }
  /// One whose action is `work` of the compiler: in lmopt, to start lmopt-compiler.
  template <class Options>
  Command add(const char *name, const char *help, std::shared_ptr<Options> options,
              Result<void> (*CompilerCommands::*work)(const Options &, const Context &)) {
    Command command = add(name, help);
    command.onParsed([this, options, work] {
      action = [this, options, work]() -> Result<void> {
        return compiler.*work ? (compiler.*work)(*options, context) : becomeCompiler(arguments);
      };
    });
    return command;
  }
};

// One of these for each command, in the file of the same name.
void addImport(CommandLine &line);
void addCompile(CommandLine &line);
void addCalibrate(CommandLine &line);
void addCompress(CommandLine &line);
void addSensitivity(CommandLine &line);
void addRun(CommandLine &line);
void addEmbed(CommandLine &line);
void addClassify(CommandLine &line);
void addTokenize(CommandLine &line);
void addEval(CommandLine &line);
void addBench(CommandLine &line);
void addInspect(CommandLine &line);

/// The candidate with the smallest edit distance to `word`, or "" when none is close.
std::string nearest(const std::string &word, const std::vector<std::string> &candidates);

/// All commands with their options.
void addCommands(CommandLine &line);
/// Parses line.arguments and runs the command.
Result<void> parseAndRun(CommandLine &line);

/// Parses, runs, reports. The whole of both main functions; returns the exit code.
int runCommandLine(int argc, char **argv, const CompilerCommands &compiler);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_COMMANDLINE_H
