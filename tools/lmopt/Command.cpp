// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options in the words of CLI11. See Command.h.
#include "tools/lmopt/Command.h"
#include "tools/lmopt/Context.h"

#include <CLI/CLI.hpp>

#include <charconv>

namespace lmopt::driver {

Option &Option::required() { return option->required(), *this; }

Option &Option::notEmpty() {
  auto check = [](const std::string &value) { return value.empty() ? std::string("the value is empty") : ""; };
  option->check(CLI::Validator(check, ""));
  return *this;
}

Option &Option::between(int64_t least, int64_t most) { return option->check(CLI::Range(least, most)), *this; }

Option &Option::oneOf(const std::vector<std::string> &words) { return option->check(CLI::IsMember(words)), *this; }

Option &Option::wholeNumber() {
  auto check = [](const std::string &text) {
    uint64_t value = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool whole = failed == std::errc() && end == text.data() + text.size();
    return whole ? std::string() : "'" + text + "' is not a whole number from 0 to 2^64 - 1";
  };
  option->check(CLI::Validator(check, ""));
  return *this;
}

Option &Option::showDefault() { return option->capture_default_str(), *this; }
Option &Option::excludes(const Option &other) { return option->excludes(other.option), *this; }
Option &Option::needs(const Option &other) { return option->needs(other.option), *this; }
bool Option::given() const { return option->count() > 0; }

Option Command::add(const char *names, std::string &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::add(const char *names, std::optional<std::string> &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::add(const char *names, std::vector<std::string> &values, const char *help) {
  return Option(app->add_option(names, values, help)->allow_extra_args(false));
}
Option Command::add(const char *names, int &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::add(const char *names, int64_t &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::add(const char *names, uint64_t &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::add(const char *names, float &value, const char *help) {
  return Option(app->add_option(names, value, help));
}
Option Command::addFlag(const char *names, bool &value, const char *help) {
  return Option(app->add_flag(names, value, help));
}

Command Command::addChoice(const char *title) {
  CLI::Option_group *group = app->add_option_group(title);
  group->require_option(1);
  return Command(group);
}

void Command::setFooter(const std::string &text) { app->footer(text); }
void Command::onParsed(std::function<void()> action) { app->callback(std::move(action)); }

void addModel(Command command, std::string &model) {
  command.add("MODEL", model, "compiled model (.so)").required().notEmpty();
}

void addSource(Command command, std::string &source) {
  command.add("SOURCE", source, "GGUF file, Hugging Face directory, model.mlir, or a directory made by `lmopt import`")
      .required()
      .notEmpty();
}

void addNoHead(Command command, bool &noHead) {
  command.addFlag("--no-head", noHead,
                  "of an encoder only: leave out the head of its class, so that the model gives vectors");
}

void addShortList(Command command, ShortListOptions &options) {
  Option text =
      command
          .add("--shortlist", options.text,
               "keep only the tokens that this text needs and those without which not every text could be written; "
               "embedding, head and tokenizer shrink")
          .notEmpty();
  command
      .add("--shortlist-size", options.size,
           "keep at least so many: also the most frequent ones of the text that the tokenizer was made on")
      .between(1, int64_t{1} << 24)
      .needs(text);
}

void addThreads(Command command, int &threads) {
  command
      .add("-t,--threads", threads,
           "threads to compute with (default: the physical cores this process may use, as far as its CPU quota goes)")
      .between(1, 1024);
}

void addPlace(Command command, Place &place) {
  addThreads(command, place.threads);
  command
      .add("--device", place.device,
           "where to compute: cpu (the default); cuda or cuda:N, a GPU, for a model that was compiled for GPUs")
      .notEmpty();
}

void addTexts(Command command, std::vector<std::string> &texts, std::string &file) {
  command.add("--text", texts, "a text, taken as it stands; may be given many times");
  command.add("--file", file, "a file with one text a line; -: standard input").notEmpty();
}

void addFormat(Command command, std::string &format) {
  command.add("--format", format, "text or json").oneOf({"text", "json"}).showDefault();
}

} // namespace lmopt::driver
