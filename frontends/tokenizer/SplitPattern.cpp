// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of SplitPattern.h: goes through the expression once and writes each construct as PCRE2 has it.
#include "frontends/tokenizer/SplitPattern.h"

#include "files/File.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <optional>

using namespace lmopt;

namespace {
/// What a class may list.
constexpr char kSpace[] =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr char kNoSpace[] = R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF})"
                            R"(\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{D7FF})"
                            R"(\x{E000}-\x{10FFFF})";
constexpr size_t kMostDepth = 200;

struct Group {
  bool ignoresCase = false;
  bool isLook = false;      // (?= and the like, which takes nothing
  bool looksAround = false; // it is one, or inside of one
};

class Translator {
public:
  Translator(const std::string &in, uint32_t unicode) : in(in), unicode(unicode) {}
  Result<std::string> run();

private:
  Result<void> item();
  Result<void> group();
  Result<void> groupOf(const char *opening, const char *written, bool ignoresCase, bool looksAround);
  Result<void> repeat();
  Result<void> escape();
  Result<void> bracket();
  Result<void> bracketItem(std::string &list);
  Result<void> bracketList(std::string &list, bool isInner);
  Result<void> literal(uint32_t c);
  Result<uint32_t> hexadecimal(char kind);
  Result<uint32_t> bracketCharacter();
  Result<std::string> property();
  std::optional<uint32_t> control(char letter) const;
  std::string charactersOf(const SplitProperty &property) const;
  std::string charactersOf(const std::string &name) const;
  std::string listed(const std::string &name) const;
  std::string words() const;
  uint32_t character();

  bool starts(const char *text) const { return in.compare(at, strlen(text), text) == 0; }
  char peek(size_t ahead = 0) const { return at + ahead < in.size() ? in[at + ahead] : '\0'; }
  Group &top() { return groups.back(); }
  void write(const std::string &text, bool isAtom) {
    out += text;
    repeatable = isAtom;
    folded.clear();
  }
  static Error refuse(const std::string &construct) { return unsupported(construct); }

  const std::string &in;
  uint32_t unicode;
  size_t at = 0;
  std::string out;
  std::vector<Group> groups = {{}};
  bool repeatable = false; // what was written last may be repeated
  std::string folded;      // the letters before this place, where case is ignored
};
} // namespace

//===- Characters ------------------------------------------------------------------------------------------------===//

static std::string coded(uint32_t c) {
  char text[16];
  snprintf(text, sizeof(text), "\\x{%X}", static_cast<unsigned>(c));
  return text;
}

static std::string written(uint32_t c) {
  bool plain = c == ' ' || (c < 0x80 && isalnum(static_cast<int>(c)));
  return plain ? std::string(1, static_cast<char>(c)) : coded(c);
}

/// The next code point; of what is no UTF-8 the byte.
uint32_t Translator::character() {
  uint8_t lead = static_cast<uint8_t>(in[at]);
  size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint32_t c = size == 1 ? lead : lead & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size && at + i < in.size(); ++i)
    c = c << 6 | (static_cast<uint8_t>(in[at + i]) & 0x3F);
  at = std::min(at + size, in.size());
  return c;
}

std::optional<uint32_t> Translator::control(char letter) const {
  static constexpr std::pair<char, uint32_t> kControls[] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'},
                                                            {'v', 0x0B}, {'a', 7},    {'e', 0x1B}};
  for (auto [name, c] : kControls)
    if (letter == name)
      return c;
  return std::nullopt;
}

/// \xHH, \x{H...}, \uHHHH, behind the letter. Of \xHH only ASCII: the others are bytes, not characters.
Result<uint32_t> Translator::hexadecimal(char kind) {
  bool braced = kind == 'x' && peek() == '{';
  size_t begin = at + braced, end = begin, most = braced ? 6 : kind == 'x' ? 2 : 4;
  while (end < in.size() && end - begin < most && isxdigit(static_cast<unsigned char>(in[end])))
    ++end;
  bool complete = braced ? end > begin && end < in.size() && in[end] == '}' : end - begin == most;
  uint32_t c = complete ? static_cast<uint32_t>(std::stoul(in.substr(begin, end - begin), nullptr, 16)) : 0;
  bool valid = complete && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF) && (braced || kind == 'u' || c < 0x80);
  if (!valid)
    return refuse(std::string("\\") + kind + " that is no character");
  at = end + braced;
  return c;
}

/// Where case is ignored, some pairs of letters equal one character in Oniguruma ("ss" and U+00DF), not in PCRE2.
Result<void> Translator::literal(uint32_t c) {
  if (!top().ignoresCase) {
    write(written(c), true);
    return {};
  }
  if (c >= 0x80)
    return refuse("a character that is not ASCII where case is ignored");
  std::string letters = folded + static_cast<char>(tolower(static_cast<int>(c)));
  for (const char *pair : {"ss", "ff", "fi", "fl", "st"})
    if (letters.size() > 1 && letters.compare(letters.size() - 2, 2, pair) == 0)
      return refuse(std::string("the letters \"") + pair + "\" where case is ignored");
  write(written(c), true);
  folded = letters;
  return {};
}

//===- Classes ---------------------------------------------------------------------------------------------------===//

std::string Translator::charactersOf(const SplitProperty &property) const {
  return std::string(property.characters) + (unicode == LMOPT_SPLIT_ARG_HF ? property.newer : "");
}
std::string Translator::charactersOf(const std::string &name) const {
  for (const SplitProperty &property : splitProperties())
    if (name == property.name)
      return charactersOf(property);
  return "";
}

/// All of one or two letters that begin so.
std::string Translator::listed(const std::string &name) const {
  std::string list = "\\p{" + name + "}";
  for (const SplitProperty &property : splitProperties())
    if (strlen(property.name) == 2 && name == std::string(property.name).substr(0, name.size()))
      list += charactersOf(property);
  return list;
}

std::string Translator::words() const {
  return listed("L") + listed("M") + listed("Nd") + listed("Nl") + listed("Pc") + charactersOf("w");
}

/// {Lu} or the like, behind \p: what a class may list. Without Unicode's unassigned characters, which change.
Result<std::string> Translator::property() {
  size_t end = in.find('}', at);
  std::string name = peek() == '{' && end != std::string::npos ? in.substr(at + 1, end - at - 1) : "";
  bool isCategory = name.size() == 1 && strchr("LMNPSZ", name[0]);
  bool isScript = false;
  for (const SplitProperty &property : splitProperties()) {
    isCategory |= name == property.name && name.size() == 2;
    isScript |= name == property.name && name.size() > 2 && isupper(static_cast<unsigned char>(name[0]));
  }
  if (!isCategory && !isScript)
    return refuse("the property \\p" + (end == std::string::npos ? in.substr(at) : in.substr(at, end + 1 - at)));
  if (top().ignoresCase && (name == "Lu" || name == "Ll" || name == "Lt"))
    return refuse("\\p{" + name + "} where case is ignored");
  at = end + 1;
  return isScript ? "\\p{sc:" + name + "}" + charactersOf(name) : listed(name);
}

/// A character inside of [ ], for a range.
Result<uint32_t> Translator::bracketCharacter() {
  uint32_t c = character();
  if (c == '[' || (c == '&' && peek() == '&'))
    return refuse(c == '[' ? "a class inside of a class" : "&& inside of a class");
  if (c == '\\' && at < in.size()) {
    char letter = in[at];
    if (letter == 'x' || letter == 'u') {
      ++at;
      Result<uint32_t> coded = hexadecimal(letter);
      if (!coded)
        return coded;
      c = *coded;
    } else if (std::optional<uint32_t> named = control(letter)) {
      ++at;
      c = *named;
    } else if (isalnum(static_cast<unsigned char>(letter))) {
      return refuse(std::string("\\") + letter + " inside of a class");
    } else {
      c = character();
    }
  }
  if (top().ignoresCase && c >= 0x80)
    return refuse("a character that is not ASCII where case is ignored");
  return c;
}

Result<void> Translator::bracketItem(std::string &list) {
  char letter = peek() == '\\' ? peek(1) : '\0';
  if (letter == 's' || letter == 'S' || letter == 'd' || letter == 'w') {
    list += letter == 's' ? kSpace : letter == 'S' ? kNoSpace : letter == 'd' ? listed("Nd") : words();
    at += 2;
  } else if (letter == 'p' && peek(3) != '^') {
    at += 2;
    Result<std::string> found = property();
    if (!found)
      return found.error();
    list += *found;
  } else {
    Result<uint32_t> first = bracketCharacter();
    if (!first)
      return first.error();
    list += coded(*first);
    if (peek() != '-' || peek(1) == ']')
      return {};
    ++at;
    Result<uint32_t> last = bracketCharacter();
    if (!last)
      return last.error();
    if (*last < *first)
      return refuse("a range that ends before it begins");
    list += "-" + coded(*last);
    return {};
  }
  if (peek() == '-' && peek(1) != ']')
    return refuse("a range from a class");
  return {};
}

/// What a class lists, to its ]. A class in a class adds what it lists.
Result<void> Translator::bracketList(std::string &list, bool isInner) {
  if (peek() == ']')
    return refuse("a class that begins with ]");
  while (at < in.size() && in[at] != ']') {
    bool opens = peek() == '[' && peek(1) != ':' && peek(1) != '^' && !isInner;
    at += opens;
    if (Result<void> taken = opens ? bracketList(list, true) : bracketItem(list); !taken)
      return taken;
    if (opens && peek() == '-' && peek(1) != ']')
      return refuse("a range from a class");
  }
  if (at == in.size())
    return refuse("[ without ]");
  ++at;
  return {};
}

Result<void> Translator::bracket() {
  ++at;
  std::string list = "[";
  if (peek() == '^') {
    list += '^';
    ++at;
  }
  if (Result<void> taken = bracketList(list, /*isInner=*/false); !taken)
    return taken;
  write(list + "]", true);
  return {};
}

//===- The rest --------------------------------------------------------------------------------------------------===//

Result<void> Translator::escape() {
  ++at;
  if (at == in.size())
    return refuse("\\ at the end");
  char letter = in[at];
  if (!isalnum(static_cast<unsigned char>(letter)))
    return literal(character());
  ++at;
  if (letter == 'x' || letter == 'u') {
    Result<uint32_t> c = hexadecimal(letter);
    return c ? literal(*c) : Result<void>(c.error());
  }
  if (std::optional<uint32_t> c = control(letter))
    return literal(*c);
  if (letter == 'A' || letter == 'z' || letter == 'Z') {
    write(std::string("\\") + letter, false);
    return {};
  }
  bool negated = isupper(static_cast<unsigned char>(letter)) != 0;
  std::string list;
  switch (tolower(letter)) {
  case 's':
    list = kSpace;
    break;
  case 'd':
    list = listed("Nd");
    break;
  case 'w':
    list = words() + charactersOf("w outside");
    break;
  case 'p': {
    if (peek(1) == '^')
      return refuse("\\p{^");
    Result<std::string> found = property();
    if (!found)
      return found.error();
    list = *found;
    break;
  }
  default:
    return refuse(std::string("\\") + letter);
  }
  write((negated ? "[^" : "[") + list + "]", true);
  return {};
}

Result<void> Translator::groupOf(const char *opening, const char *opened, bool ignoresCase, bool looksAround) {
  at += strlen(opening);
  if (groups.size() > kMostDepth)
    return refuse("more than " + std::to_string(kMostDepth) + " groups inside of one another");
  groups.push_back({ignoresCase, looksAround, looksAround || top().looksAround});
  write(opened, false);
  return {};
}

/// No group is referred to, so none has to be captured.
Result<void> Translator::group() {
  bool ignoresCase = top().ignoresCase;
  if (at == 0 && starts("(?i)")) {
    at += 4;
    top().ignoresCase = true;
    write("(?i)", false);
    return {};
  }
  for (const char *look : {"(?=", "(?!", "(?<=", "(?<!"})
    if (starts(look))
      return groupOf(look, look, ignoresCase, true);
  if (starts("(?:"))
    return groupOf("(?:", "(?:", ignoresCase, false);
  if (starts("(?i:"))
    return groupOf("(?i:", "(?i:", true, false);
  if (starts("(?-i:"))
    return groupOf("(?-i:", "(?-i:", false, false);
  if (peek(1) == '?' || peek(1) == '*')
    return refuse("the group " + in.substr(at, 4));
  return groupOf("(", "(?:", ignoresCase, false);
}

/// ?, *, +, {n}, {n,}, {n,m}, and lazy ones.
Result<void> Translator::repeat() {
  size_t begin = at;
  bool unbounded = in[at] == '*' || in[at] == '+', fixed = false;
  if (in[at] == '{') {
    size_t digits = in.find_first_not_of("0123456789", at + 1), end = in.find('}', at);
    bool comma = digits != std::string::npos && in[digits] == ',';
    size_t after = comma ? in.find_first_not_of("0123456789", digits + 1) : digits;
    if (digits == at + 1 || digits == std::string::npos || after != end || end == std::string::npos || end - at > 12)
      return refuse("{ that is no repeat");
    unbounded = comma && end == digits + 1;
    fixed = !comma;
    at = end;
  }
  ++at;
  bool lazy = peek() == '?', possessive = peek() == '+';
  if ((lazy && fixed) || (possessive && in[begin] != '?'))
    return refuse(lazy ? "the lazy repeat of a number" : "the repeat " + in.substr(begin, at + 1 - begin));
  if (!repeatable)
    return refuse("the repeat " + in.substr(begin, at - begin) + " of nothing");
  if (unbounded && top().looksAround)
    return refuse("a repeat without an end where the text is only looked at");
  at += lazy || possessive;
  write(in.substr(begin, at - begin), false);
  return {};
}

Result<void> Translator::item() {
  switch (in[at]) {
  case '\\':
    return escape();
  case '[':
    return bracket();
  case '(':
    return group();
  case '*':
  case '+':
  case '?':
  case '{':
    return repeat();
  case '^':
  case '$':
    write(std::string("(?m:") + in[at++] + ")", false);
    return {};
  case '.':
  case '|':
    write(in.substr(at, 1), in[at] == '.');
    ++at;
    return {};
  case ')': {
    if (groups.size() == 1)
      return refuse(") without (");
    ++at;
    bool looked = top().isLook;
    groups.pop_back();
    write(")", !looked);
    return {};
  }
  default:
    return literal(character());
  }
}

Result<std::string> Translator::run() {
  while (at < in.size())
    if (Result<void> taken = item(); !taken)
      return taken.error();
  if (groups.size() > 1)
    return refuse("( without )");
  return std::move(out);
}

Result<std::string> lmopt::translatePattern(const std::string &pattern, uint32_t unicode) {
  return Translator(pattern, unicode).run();
}

std::string lmopt::literalPattern(const std::string &text) {
  std::string pattern;
  for (char c : text) {
    uint8_t byte = static_cast<uint8_t>(c);
    pattern += byte < 0x80 ? written(byte) : std::string(1, c);
  }
  return pattern;
}
