// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of files/ModuleText.h: a scanner that knows the tokens of MLIR (strings, comments, names, numbers,
// brackets, aliases) and nothing of its grammar. Where the two could disagree, it counts more depth than the parser
// has: a closing bracket pops only what it closes, so `d0 >= 0` cannot hide a level.
#include "files/ModuleText.h"

#include "files/File.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

using namespace lmopt;

static constexpr uint64_t kMaxDepth = 256;
static constexpr uint64_t kMaxExpansion = 16 << 20;
static constexpr size_t kMaxNumber = 256;
static constexpr uint64_t kMaxIntegerWidth = 128;

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
/// Of bare names: the lexer also takes '_', '$' and '.'.
static bool isBare(char c) { return isLetter(c) || isDigit(c) || c == '_' || c == '$' || c == '.'; }
/// Behind % @ ^ # !.
static bool isSuffix(char c) { return isBare(c) || c == '-'; }

namespace {

/// What an alias stands for, written out.
struct Extent {
  uint64_t depth = 0;
  uint64_t size = 0;
};

class Scanner {
public:
  Scanner(std::string_view text, const std::string &path, ModuleSource source)
      : text(text), path(path), source(source) {}

  Result<void> run();

private:
  bool at(std::string_view word) const { return text.substr(position, word.size()) == word; }
  char peek(size_t ahead = 0) const { return position + ahead < text.size() ? text[position + ahead] : '\0'; }
  Error refuse(const std::string &found, const std::string &remedy) const;

  Result<void> step();
  void skipString();
  size_t skipBlank(size_t from) const;
  Result<void> takeBracket(char c);
  Result<void> takeName();
  Result<void> takeWord();
  Result<void> takeReference(std::string_view name);
  Result<void> checkInteger(std::string_view word);
  bool endsDefinition() const;
  void endDefinition();
  bool beginsDefinition(size_t end) const;
  Result<void> noteDepth(uint64_t more);

  const std::string_view text;
  const std::string &path;
  const ModuleSource source;
  size_t position = 0;
  size_t tokenBegin = 0;
  std::vector<char> open; // brackets that wait for their closing ones
  std::string_view last;  // the last token
  uint64_t signs = 0;     // minus signs in a row, just before `position`
  uint64_t expansion = 0; // what aliases have added outside definitions

  std::unordered_map<std::string_view, Extent> aliases; // with their # or !
  std::string_view defining;                            // the alias whose value is read; empty: none
  size_t definitionBegin = 0;
  Extent definition;
};

} // namespace

Error Scanner::refuse(const std::string &found, const std::string &remedy) const {
  size_t line = 1 + std::count(text.begin(), text.begin() + tokenBegin, '\n');
  size_t begin = text.substr(0, tokenBegin).rfind('\n');
  size_t column = tokenBegin - (begin == std::string_view::npos ? 0 : begin + 1) + 1;
  return malformed(path + ":" + std::to_string(line) + ":" + std::to_string(column) + ": found " + found + "; " +
                   remedy);
}

Result<void> Scanner::noteDepth(uint64_t more) {
  uint64_t depth = open.size() + more;
  definition.depth = std::max(definition.depth, depth);
  if (depth > kMaxDepth)
    return refuse("brackets or aliases nested more than " + std::to_string(kMaxDepth) + " deep",
                  "no module of lmopt needs that: flatten it, or import the checkpoint again");
  return {};
}

/// To the closing quote; a string does not go over lines, but what the lexer refuses it may refuse itself.
void Scanner::skipString() {
  for (++position; position < text.size() && text[position] != '"'; ++position)
    if (text[position] == '\\')
      ++position;
  position = std::min(position + 1, text.size());
}

Result<void> Scanner::takeBracket(char c) {
  static constexpr std::string_view opening = "([{<", closing = ")]}>";
  ++position;
  if (opening.find(c) != std::string_view::npos) {
    open.push_back(c);
    return noteDepth(0);
  }
  char partner = opening[closing.find(c)];
  if (c == '>') { // perhaps an operator
    if (!open.empty() && open.back() == partner)
      open.pop_back();
    return {};
  }
  // A '<' in between was an operator.
  auto match = std::find_if(open.rbegin(), open.rend(), [](char other) { return other != '<'; });
  if (match != open.rend() && *match == partner)
    open.resize(open.rend() - match - 1);
  return {};
}

/// The next character that is neither space nor comment.
size_t Scanner::skipBlank(size_t from) const {
  for (;;) {
    while (from < text.size() && isSpace(text[from]))
      ++from;
    if (text.substr(from, 2) != "//")
      return from;
    from = std::min(text.find('\n', from), text.size());
  }
}

/// `#a =` or `!a =` where definitions may stand.
bool Scanner::beginsDefinition(size_t end) const {
  std::string_view next = text.substr(skipBlank(end), 2);
  return open.empty() && !next.empty() && next[0] == '=' && next != "==";
}

/// Whether the value of an alias is over before the next token, which starts at `position`: what begins a statement
/// begins one, unless the token before it wants more.
bool Scanner::endsDefinition() const {
  if (defining.empty() || !open.empty())
    return false;
  bool wantsMore = last == "=" || last == ":" || last == "->" || last == ",";
  char c = peek();
  bool beginsStatement = isLetter(c) || c == '_' || c == '"' || c == '%' || c == '#' || c == '!' || at("{-#");
  return beginsStatement && !wantsMore && last != defining;
}

void Scanner::endDefinition() {
  definition.size += position - definitionBegin;
  aliases[defining] = definition;
  defining = {};
  definition = {};
}

Result<void> Scanner::takeReference(std::string_view name) {
  auto alias = aliases.find(name);
  if (alias == aliases.end())
    return {};
  uint64_t &total = defining.empty() ? expansion : definition.size;
  total = std::min(total + alias->second.size, 2 * kMaxExpansion);
  if (total > kMaxExpansion)
    return refuse("aliases that stand for more than " + std::to_string(kMaxExpansion) + " characters",
                  "write out what is needed and remove the rest");
  return noteDepth(alias->second.depth + 1); // `(i32) -> !a` nests without a bracket
}

/// % @ ^ # ! with a name behind it.
Result<void> Scanner::takeName() {
  char sigil = text[position++];
  if (peek() == '"')
    return skipString(), Result<void>();
  while (isSuffix(peek()))
    ++position;
  std::string_view name = text.substr(tokenBegin, position - tokenBegin);
  if (sigil != '#' && sigil != '!')
    return {};
  if (!beginsDefinition(position))
    return takeReference(name);
  if (!defining.empty())
    endDefinition();
  defining = name;
  definition = {};
  definitionBegin = position;
  return {};
}

/// iN, siN or uiN, also as the end of a list of dimensions.
Result<void> Scanner::checkInteger(std::string_view word) {
  size_t digits = word.find_last_not_of("0123456789") + 1;
  if (digits == 0 || digits == word.size() || word[digits - 1] != 'i')
    return {};
  std::string_view before = word.substr(0, digits - 1);
  if (!before.empty() && (before.back() == 's' || before.back() == 'u'))
    before.remove_suffix(1);
  if (!before.empty() && before.back() != 'x')
    return {};
  std::string_view width = word.substr(digits);
  width.remove_prefix(std::min(width.find_first_not_of('0'), width.size()));
  if (width.size() > 3 || (width.size() == 3 && width > std::to_string(kMaxIntegerWidth)))
    return refuse("an integer type of more than " + std::to_string(kMaxIntegerWidth) + " bits", "use at most i64");
  return {};
}

/// A bare name, a keyword or a number with what follows without a space.
Result<void> Scanner::takeWord() {
  bool number = isDigit(peek());
  while (isBare(peek()))
    ++position;
  std::string_view word = text.substr(tokenBegin, position - tokenBegin);
  if (number && word.size() > kMaxNumber)
    return refuse("a number of more than " + std::to_string(kMaxNumber) + " characters", "write it shorter");
  if (source == ModuleSource::Stranger && (word == "affine_map" || word == "affine_set"))
    return refuse("'" + std::string(word) + "'", "modules of lmopt hold no affine maps; run `lmopt-opt` on other IR");
  return checkInteger(word);
}

Result<void> Scanner::step() {
  tokenBegin = position;
  char c = peek();
  if (c == '"')
    return skipString(), Result<void>();
  if (at("->")) {
    position += 2;
    return {};
  }
  if (source == ModuleSource::Stranger && at("{-#"))
    return refuse("a section of resources", "modules of lmopt keep weights in files; remove the section");
  if (std::string_view("([{<>}])").find(c) != std::string_view::npos)
    return takeBracket(c);
  if (std::string_view("%@^#!").find(c) != std::string_view::npos)
    return takeName();
  if (isLetter(c) || isDigit(c) || c == '_') {
    signs = 0;
    return takeWord();
  }
  ++position;
  signs = c == '-' ? signs + 1 : 0; // `- - - d0` recurses as well
  if (signs > kMaxDepth)
    return refuse("more than " + std::to_string(kMaxDepth) + " signs in a row", "write one, or none");
  return {};
}

Result<void> Scanner::run() {
  for (position = skipBlank(0); position < text.size(); position = skipBlank(position)) {
    if (endsDefinition())
      endDefinition();
    if (Result<void> stepped = step(); !stepped)
      return stepped;
    last = text.substr(tokenBegin, position - tokenBegin);
  }
  return {};
}

Result<void> lmopt::checkModuleText(std::string_view text, const std::string &path, ModuleSource source) {
  bool isBytecode = text.substr(0, 4) == "ML\xef"
                                         "R";
  if (isBytecode && source == ModuleSource::Engineer)
    return {};
  if (isBytecode)
    return unsupported(path + ": is MLIR bytecode, which is read only where files are trusted; `lmopt-opt " +
                       printable(path) + " -o model.mlir` writes it as text");
  return Scanner(text, path, source).run();
}
