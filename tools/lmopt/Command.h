// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a command says which options it has. Each option writes what was given into a variable, which must live as long
// as the command line; without the option the variable keeps its value.
//
// A narrow border around CLI11, for the time that its header costs: two files include it instead of every command.
// Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_COMMAND_H
#define LMOPT_TOOLS_LMOPT_COMMAND_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace lmopt::driver {

/// One option. Each call narrows what it takes, and returns it.
class Option {
public:
  explicit Option(CLI::Option *option) : option(option) {}

  Option &required();
  /// For options that name something: an empty value is a variable that was not set, never the default.
  Option &notEmpty();
  Option &between(int64_t least, int64_t most);
  Option &oneOf(const std::vector<std::string> &words);
  /// 0 to 2^64 - 1. CLI11 would wrap or cut what does not fit.
  Option &wholeNumber();
  /// The value that the variable has now is told in the help.
  Option &showDefault();
  Option &excludes(const Option &other);
  Option &needs(const Option &other);

  /// Whether it was given; asked when the command runs.
  bool given() const;

private:
  CLI::Option *option;
};

/// A command, or a group of its options.
class Command {
public:
  explicit Command(CLI::App *app) : app(app) {}

  /// `names`: "-o,--output", or "SOURCE" for what stands without a name. A list takes the option many times.
  Option add(const char *names, std::string &value, const char *help);
  Option add(const char *names, std::optional<std::string> &value, const char *help);
  Option add(const char *names, std::vector<std::string> &values, const char *help);
  Option add(const char *names, int &value, const char *help);
  Option add(const char *names, int64_t &value, const char *help);
  Option add(const char *names, uint64_t &value, const char *help);
  Option add(const char *names, float &value, const char *help);
  Option addFlag(const char *names, bool &value, const char *help);

  /// A group of which exactly one option must be given.
  Command addChoice(const char *title);
  /// Text below the options in the help.
  void setFooter(const std::string &text);
  /// Called when this command was parsed.
  void onParsed(std::function<void()> action);

  bool is(const CLI::App *other) const { return app == other; }

private:
  CLI::App *app;
};

struct Place; // Context.h

/// Which tokens of a model stay.
struct ShortListOptions {
  std::string text; // a file, whose tokens stay; empty: all stay
  int64_t size = 0; // stay at least
};

// Options that several commands have, spelled and explained once.
void addModel(Command command, std::string &model);
void addSource(Command command, std::string &source);
void addNoHead(Command command, bool &noHead);
void addShortList(Command command, ShortListOptions &options);
void addThreads(Command command, int &threads);
void addPlace(Command command, Place &place);
void addTexts(Command command, std::vector<std::string> &texts, std::string &file);
void addFormat(Command command, std::string &format);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_COMMAND_H
