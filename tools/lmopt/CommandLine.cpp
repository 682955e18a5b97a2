// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing, help, messages about mistakes. See CommandLine.h.
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace lmopt::driver {

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

CommandLine::CommandLine()
    : app(std::make_unique<CLI::App>("Compile language models to shared libraries, and run them.", "lmopt")) {}
CommandLine::~CommandLine() = default;

Command CommandLine::add(const char *name, const char *help) { return Command(app->add_subcommand(name, help)); }

void addCommands(CommandLine &line) {
  line.app->require_subcommand(1);
  line.app->fallthrough(); // --quiet may stand after the command
  line.app->add_flag("-q,--quiet", line.context.quiet, "nothing on stderr but errors");
  line.app->add_flag("-v,--verbose", line.context.verbose,
                     "tell more on stderr: the timings of run, the decisions of compile");
  line.app->set_version_flag("--version", std::string("lmopt ") + lmopt_version(), "print the version and exit");
  line.app->set_help_flag("-h,--help", "print this help and exit");
  addImport(line);
  addCompile(line);
  addCalibrate(line);
  addCompress(line);
  addSensitivity(line);
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
  std::vector<CLI::App *> parsed = line.app->get_subcommands();
  if (!line.compiler.compile && !parsed.empty() && line.helpNeedsCompiler && line.helpNeedsCompiler->is(parsed.front()))
    return becomeCompiler(line.arguments);
  return writeOutput(line.app->help());
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
    std::vector<std::string> names = commandNames(*line.app);
    const std::string &word = reversed.back();
    if (std::find(names.begin(), names.end(), word) == names.end())
      return usage(withSuggestion("unknown command '" + word + "'", word, names) + " (see `lmopt --help`)");
  }
  try {
    line.app->parse(std::move(reversed));
  } catch (const CLI::CallForHelp &) {
    return showHelp(line);
  } catch (const CLI::CallForVersion &version) {
    return writeOutput(std::string(version.what()) + "\n");
  } catch (const CLI::ExtrasError &) {
    return usage(unknownArgument(*line.app) + helpHint(*line.app));
  } catch (const CLI::ParseError &error) {
    return usage(error.what() + helpHint(*line.app));
  }
  return {};
}

Result<void> parseAndRun(CommandLine &line) {
  Result<void> result = parse(line);
  if (result.ok() && line.action)
    result = line.action();
  Result<void> flushed = flushOutput();
  return result.ok() ? flushed : result;
}

} // namespace lmopt::driver
