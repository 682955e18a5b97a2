// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing, help and exit codes. See CommandLine.h.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <fcntl.h>
#include <unistd.h>

namespace lmopt::driver {

//===----------------------------------------------------------------------===//
// Interruption
//===----------------------------------------------------------------------===//

static lmopt_cancel_t cancelFlag;

/// The first signal asks politely, the second one does not.
static void onSignal(int) {
  if (__atomic_load_n(&cancelFlag.requested, __ATOMIC_RELAXED))
    _exit(kExitInterrupted);
  lmopt_cancel_request(&cancelFlag);
}

/// For programs that only run models; the compiler has its own (CompilerMain.cpp), which clean up files.
static void installSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = onSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that goes away shall be an error of the write, with a message and an exit code.
  std::signal(SIGPIPE, SIG_IGN);
}

/// A closed standard stream leaves its number to the next file that is opened, and messages would go into that file.
/// What stands there now cannot be used in the wrong direction, so reading and writing fail as they should.
static void holdStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0)
      (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

//===----------------------------------------------------------------------===//
// Mistakes on the command line
//===----------------------------------------------------------------------===//

/// Levenshtein distance.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string nearest(const std::string &word, const std::vector<std::string> &candidates) {
  if (word.size() < 3) // any letter is as near to -x as any other
    return "";
  // More than a third of the letters wrong is another word, not a slip.
  size_t best = word.size() / 3 + 1;
  std::string result;
  for (const std::string &candidate : candidates) {
    size_t distance = editDistance(word, candidate);
    if (distance < best || (distance == best && result.empty())) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

static std::vector<std::string> optionNames(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options()) {
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
    for (const std::string &name : option->get_snames())
      names.push_back("-" + name);
  }
  return names;
}

static std::vector<std::string> commandNames(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(command->get_name());
  return names;
}

static std::string withSuggestion(std::string message, const std::string &word, const std::vector<std::string> &names) {
  std::string name = nearest(word, names);
  return name.empty() ? message : message + "; did you mean '" + name + "'?";
}

/// The message for arguments that no option took.
static std::string unknownArgument(const CLI::App &app) {
  const CLI::App *command = &app;
  if (!app.get_subcommands().empty())
    command = app.get_subcommands().front();
  std::string extra = app.remaining(true).front();
  if (extra.size() < 2 || extra[0] != '-')
    return "unexpected argument '" + extra + "'";
  std::string name = extra.substr(0, extra.find('='));
  std::vector<std::string> names = optionNames(*command);
  std::vector<std::string> common = optionNames(app);
  names.insert(names.end(), common.begin(), common.end());
  return withSuggestion("unknown option '" + name + "'", name, names);
}

static std::string helpHint(const CLI::App &app) {
  std::vector<CLI::App *> parsed = const_cast<CLI::App &>(app).get_subcommands();
  return parsed.empty() ? " (see `lmopt --help`)" : " (see `lmopt " + parsed.front()->get_name() + " --help`)";
}

//===----------------------------------------------------------------------===//
// Parse and run
//===----------------------------------------------------------------------===//

CLI::Validator notEmpty() {
  auto check = [](const std::string &value) { return value.empty() ? std::string("the value is empty") : ""; };
  return CLI::Validator(check, "");
}

void addModel(CLI::App *command, std::string &model) {
  command->add_option("MODEL", model, "compiled model (.so)")->required()->check(notEmpty());
}

void addThreads(CLI::App *command, int &threads) {
  command->add_option("-t,--threads", threads, "threads to compute with (default: the CPUs this process may use)")
      ->check(CLI::Range(1, 1024));
}

void addTexts(CLI::App *command, std::vector<std::string> &texts, std::string &file) {
  command->add_option("--text", texts, "a text, taken as it stands; may be given many times")->allow_extra_args(false);
  command->add_option("--file", file, "a file with one text a line; -: standard input")->check(notEmpty());
}

void addFormat(CLI::App *command, std::string &format) {
  command->add_option("--format", format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

static void addCommands(CommandLine &line) {
  line.app.require_subcommand(1);
  line.app.fallthrough(); // --quiet may stand after the command
  line.app.add_flag("-q,--quiet", line.context.quiet, "nothing on stderr but errors");
  line.app.add_flag("-v,--verbose", line.context.verbose,
                    "tell more on stderr: the timings of run, the decisions of compile");
  line.app.set_version_flag("--version", std::string("lmopt ") + lmopt_version(), "print the version and exit");
  line.app.set_help_flag("-h,--help", "print this help and exit");
  addImport(line);
  addCompile(line);
  addRun(line);
  addEmbed(line);
  addClassify(line);
  addTokenize(line);
  addEval(line);
  addBench(line);
  addInspect(line);
}

/// The help of the command that was parsed. lmopt itself does not know all that some of them tell.
static Result<void> showHelp(CommandLine &line) {
  std::vector<CLI::App *> parsed = line.app.get_subcommands();
  if (!line.compiler.compile && !parsed.empty() && parsed.front() == line.helpNeedsCompiler)
    return becomeCompiler(line.arguments);
  return writeOutput(line.app.help());
}

static Error usage(std::string message) { return {kErrorUsage, std::move(message)}; }

/// `lmopt help run` is `lmopt run --help`, last word first as CLI11 wants it.
static std::vector<std::string> wordsBackwards(const std::vector<std::string> &arguments) {
  std::vector<std::string> words(arguments.rbegin(), arguments.rend());
  if (words.empty() || words.back() != "help")
    return words;
  words.pop_back();
  words.insert(words.begin(), "--help");
  return words;
}

/// Fills line.action, or tells what is wrong. Help and version are results: they are written, and no action is set.
static Result<void> parse(CommandLine &line) {
  std::vector<std::string> reversed = wordsBackwards(line.arguments);
  // CLI11 would report a missing command before the misspelt one.
  if (!reversed.empty() && reversed.back()[0] != '-') {
    std::vector<std::string> names = commandNames(line.app);
    const std::string &word = reversed.back();
    if (std::find(names.begin(), names.end(), word) == names.end())
      return usage(withSuggestion("unknown command '" + word + "'", word, names) + " (see `lmopt --help`)");
  }
  try {
    line.app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp &) {
    return showHelp(line);
  } catch (const CLI::CallForVersion &version) {
    return writeOutput(std::string(version.what()) + "\n");
  } catch (const CLI::ExtrasError &) {
    return usage(unknownArgument(line.app) + helpHint(line.app));
  } catch (const CLI::ParseError &error) {
    return usage(error.what() + helpHint(line.app));
  }
  return {};
}

static Result<void> parseAndRun(CommandLine &line) {
  Result<void> result = parse(line);
  if (result.ok() && line.action)
    result = line.action();
  Result<void> flushed = flushOutput();
  return result.ok() ? flushed : result;
}

/// An error is one line, so that logs and scripts can hold it; --verbose leaves dumps as they are.
static std::string oneLine(const std::string &message) {
  std::string line;
  for (char c : message) {
    bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

int runCommandLine(int argc, char **argv, const CompilerCommands &compiler) {
  holdStandardStreams();
  if (!compiler.compile)
    installSignalHandlers();
  CommandLine line;
  line.arguments.assign(argv + 1, argv + argc);
  line.compiler = compiler;
  line.context.cancel = &cancelFlag;
  addCommands(line);
  Error error;
  try {
    Result<void> result = parseAndRun(line);
    if (result.ok())
      return 0;
    error = result.error();
  } catch (const std::bad_alloc &) {
    error = resourceError("out of memory");
  } catch (const std::exception &exception) {
    error = Error{kErrorInternal, std::string("internal error: ") + exception.what()};
  }
  std::string message = line.context.verbose ? error.message : oneLine(error.message);
  std::fprintf(stderr, "lmopt: error: %s\n", message.c_str());
  return error.code;
}

} // namespace lmopt::driver
