// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module level: directives, variables, heads of kernels. Described in Parser.h; bodies are in ParseBody.cpp.
#include "test/ptx/syntax/Parser.h"

#include <cstring>

namespace lmopt::ptx {

void TokenCursor::fail(const std::string &message) const {
  std::string found = isEnd() ? "the end of the text" : "'" + std::string(peek().text.substr(0, 60)) + "'";
  throw PtxError("line " + std::to_string(peek().line) + ": " + message + ", found " + found);
}

void TokenCursor::expect(std::string_view text) {
  if (!take(text))
    fail("expected '" + std::string(text) + "'");
}

std::string TokenCursor::word(const char *what) {
  if (!isWord())
    fail(std::string("expected ") + what);
  return std::string(next().text);
}

uint64_t TokenCursor::integer(const char *what, uint64_t most) {
  if (peek().kind != Token::Kind::Integer || peek().value > most)
    fail(std::string("expected ") + what + " of at most " + std::to_string(most));
  return next().value;
}

static uint64_t parseAlignment(TokenCursor &cursor) {
  uint64_t alignment = cursor.integer("an alignment", 1 << 16);
  if (alignment == 0 || (alignment & (alignment - 1)))
    cursor.fail("an alignment is a power of two");
  return alignment;
}

static void appendValue(TokenCursor &cursor, Variable &variable, unsigned size) {
  bool negative = cursor.take("-");
  Token::Kind kind = cursor.peek().kind;
  if (kind != Token::Kind::Integer && kind != Token::Kind::Float32 && kind != Token::Kind::Float64)
    cursor.fail("initial values are plain numbers here");
  uint64_t value = cursor.next().value;
  value = negative ? 0 - value : value;
  size_t offset = variable.bytes.size();
  if (offset + size > variable.size)
    cursor.fail("more initial values than " + variable.name + " has bytes");
  variable.bytes.resize(offset + size);
  std::memcpy(variable.bytes.data() + offset, &value, size);
}

static void parseInitialValue(TokenCursor &cursor, Variable &variable, unsigned size) {
  if (!cursor.take("{"))
    return appendValue(cursor, variable, size);
  do
    appendValue(cursor, variable, size);
  while (cursor.take(","));
  cursor.expect("}");
}

/// "[4][8]", or "[]", which leaves 0.
static uint64_t parseDimensions(TokenCursor &cursor, uint64_t size) {
  while (cursor.take("[")) {
    uint64_t count = cursor.isNext("]") ? 0 : cursor.integer("a size", kMostVariableBytes);
    cursor.expect("]");
    if (count && size > kMostVariableBytes / count)
      cursor.fail("a variable of more than 1 GiB");
    size *= count;
  }
  return size;
}

/// Of a parameter, what it points to: nothing that changes what is computed.
static void parsePointee(TokenCursor &cursor) {
  while (cursor.isWord() && cursor.peek().text.front() == '.') {
    if (cursor.take(".align"))
      parseAlignment(cursor);
    else if (!cursor.take(".global") && !cursor.take(".shared") && !cursor.take(".const") && !cursor.take(".local"))
      cursor.fail("expected what a .ptr points to");
  }
}

Variable parseVariable(TokenCursor &cursor, StateSpace space) {
  Variable variable;
  variable.space = space;
  uint64_t alignment = cursor.take(".align") ? parseAlignment(cursor) : 0;
  ScalarType type = ScalarType::None;
  if (cursor.isWord() && cursor.peek().text.size() > 1)
    type = parseScalarType(cursor.peek().text.substr(1));
  if (type == ScalarType::None || type == ScalarType::Pred)
    cursor.fail("expected the type of a variable");
  cursor.next();
  if (cursor.take(".ptr"))
    parsePointee(cursor);
  variable.name = cursor.word("the name of a variable");
  variable.alignment = alignment ? alignment : sizeOf(type);
  variable.size = parseDimensions(cursor, sizeOf(type));
  if (cursor.take("="))
    parseInitialValue(cursor, variable, sizeOf(type));
  return variable;
}

namespace {
class ModuleParser {
public:
  explicit ModuleParser(std::string_view text) : cursor(tokenize(text)) {}

  ModuleSyntax run() {
    header();
    while (!cursor.isEnd())
      topLevel();
    return std::move(module);
  }

private:
  void header() {
    cursor.expect(".version");
    version(cursor.peek());
    cursor.integer("a version", 1000);
    cursor.expect(".target");
    module.target = cursor.word("a target");
    while (cursor.take(","))
      cursor.word("an option of the target");
    if (cursor.take(".address_size"))
      if (cursor.integer("an address size", 64) != 64)
        cursor.fail("only 64-bit addresses are known");
  }

  void version(const Token &token) {
    size_t dot = token.text.find('.');
    if (token.kind != Token::Kind::Integer || dot == std::string_view::npos)
      cursor.fail("expected a version as in 8.0");
    module.major = static_cast<unsigned>(token.value);
    for (char c : token.text.substr(dot + 1, 3))
      module.minor = module.minor * 10 + (c - '0');
  }

  void topLevel() {
    if (cursor.peek().kind == Token::Kind::ImplicitDefinition || cursor.isNext(".file"))
      return skipLine();
    if (cursor.take(".section"))
      return skipSection();
    while (cursor.isNext(".visible") || cursor.isNext(".weak") || cursor.isNext(".extern") || cursor.isNext(".common"))
      isExternal = cursor.next().text == ".extern" || isExternal;
    if (cursor.take(".entry"))
      kernel();
    else if (cursor.isNext(".func"))
      function();
    else if (cursor.take(".global"))
      variable(StateSpace::Global);
    else if (cursor.take(".const"))
      variable(StateSpace::Constant);
    else if (cursor.take(".shared"))
      variable(StateSpace::Shared);
    else
      cursor.fail("expected a directive");
    isExternal = false;
  }

  void skipLine() {
    unsigned line = cursor.peek().line;
    while (!cursor.isEnd() && cursor.peek().line == line)
      cursor.next();
  }

  /// Debug sections say nothing about what is computed.
  void skipSection() {
    while (!cursor.isEnd() && !cursor.take("}"))
      cursor.next();
  }

  void variable(StateSpace space) {
    do {
      Variable variable = parseVariable(cursor, space);
      variable.isExternal = isExternal;
      if (isExternal && space != StateSpace::Shared)
        cursor.fail("'" + variable.name + "' is defined elsewhere");
      module.variables.push_back(std::move(variable));
    } while (cursor.take(","));
    cursor.expect(";");
  }

  /// A declaration is harmless until something calls it, and calls are refused.
  void function() {
    while (!cursor.isEnd() && !cursor.isNext(";") && !cursor.isNext("{"))
      cursor.next();
    if (!cursor.take(";"))
      cursor.fail("device functions (.func) are not supported: inline them");
  }

  void kernel() {
    FunctionSyntax function;
    function.name = cursor.word("the name of a kernel");
    if (cursor.take("("))
      parameters(function);
    while (!cursor.isNext("{") && !cursor.isNext(";"))
      attribute(function);
    if (cursor.take(";"))
      return;
    cursor.expect("{");
    parseBody(cursor, function);
    for (const FunctionSyntax &other : module.kernels)
      if (other.name == function.name)
        cursor.fail("kernel '" + function.name + "' is defined twice");
    module.kernels.push_back(std::move(function));
  }

  void parameters(FunctionSyntax &function) {
    if (cursor.take(")"))
      return;
    do {
      cursor.expect(".param");
      function.parameters.push_back(parseVariable(cursor, StateSpace::Parameter));
    } while (cursor.take(","));
    cursor.expect(")");
  }

  void attribute(FunctionSyntax &function) {
    if (cursor.take(".reqntid"))
      return triple(function.requiredThreads);
    if (cursor.take(".maxntid"))
      return triple(function.mostThreads);
    if (cursor.take(".reqnctapercluster"))
      return triple(function.clusterBlocks);
    std::array<uint32_t, 3> unused{};
    if (cursor.take(".minnctapersm") || cursor.take(".maxnreg") || cursor.take(".maxclusterrank"))
      return triple(unused);
    if (cursor.take(".explicitcluster") || cursor.take(".noreturn"))
      return;
    if (cursor.take(".pragma"))
      return skipLine();
    cursor.fail("expected an attribute of a kernel, or its body");
  }

  void triple(std::array<uint32_t, 3> &out) {
    out = {1, 1, 1};
    for (unsigned i = 0; i < 3; ++i) {
      out[i] = static_cast<uint32_t>(cursor.integer("a size", 1 << 16));
      if (!cursor.take(","))
        return;
    }
  }

  TokenCursor cursor;
  ModuleSyntax module;
  bool isExternal = false;
};
} // namespace

ModuleSyntax parseSyntax(std::string_view text) { return ModuleParser(text).run(); }

} // namespace lmopt::ptx
