// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bodies of kernels: scopes, declarations, labels, statements. Described in Parser.h.
#include "test/ptx/syntax/Parser.h"

#include <algorithm>

namespace lmopt::ptx {

namespace {
constexpr uint32_t kNowhere = ~0u;
constexpr unsigned kDeepest = 32;

/// What one pair of braces declares. Labels may be used before they stand.
struct Scope {
  std::map<std::string, uint32_t, std::less<>> registers;
  std::map<std::string, uint32_t, std::less<>> labels;
};

class BodyParser {
public:
  BodyParser(TokenCursor &cursor, FunctionSyntax &function) : cursor(cursor), function(function) {}

  void run() {
    openScope();
    while (!scopes.empty())
      item();
    for (auto alias = aliases.rbegin(); alias != aliases.rend(); ++alias)
      function.labels[alias->first] = function.labels[alias->second];
    for (uint32_t target : function.labels)
      if (target == kNowhere)
        cursor.fail("a label in " + function.name + " is used and stands nowhere");
  }

private:
  void item() {
    if (cursor.peek().kind == Token::Kind::ImplicitDefinition)
      return implicitDefinition();
    if (cursor.take("{"))
      return openScope();
    if (cursor.take("}"))
      return closeScope();
    if (cursor.take(";"))
      return;
    if (cursor.take("@"))
      return guarded();
    if (!cursor.isWord())
      cursor.fail("expected a statement");
    if (cursor.isNext(":", 1))
      return label();
    if (cursor.peek().text.front() == '.')
      return directive();
    statement(std::nullopt);
  }

  void openScope() {
    if (scopes.size() >= kDeepest)
      cursor.fail("scopes nested too deep");
    scopes.emplace_back();
  }

  /// Labels that were used here and stand nowhere here belong to an outer scope.
  void closeScope() {
    Scope closed = std::move(scopes.back());
    scopes.pop_back();
    for (auto &[name, index] : closed.labels)
      if (function.labels[index] == kNowhere && !scopes.empty())
        adoptLabel(name, index);
  }

  /// Whether it stands before or after the inner scope: aliases are resolved at the end, outermost first.
  void adoptLabel(const std::string &name, uint32_t index) {
    auto [known, isNew] = scopes.back().labels.try_emplace(name, index);
    if (!isNew)
      aliases.push_back({index, known->second});
  }

  void implicitDefinition() {
    if (auto found = findRegister(cursor.peek().text))
      function.registers[*found].implicitlyDefined = true;
    cursor.next();
  }

  uint32_t labelOf(const std::string &name) {
    auto [place, isNew] = scopes.back().labels.try_emplace(name, static_cast<uint32_t>(function.labels.size()));
    if (isNew)
      function.labels.push_back(kNowhere);
    return place->second;
  }

  void label() {
    std::string name = cursor.word("a label");
    cursor.expect(":");
    lastLabel = labelOf(name);
    uint32_t &target = function.labels[lastLabel];
    if (target != kNowhere)
      cursor.fail("label '" + name + "' stands twice");
    target = static_cast<uint32_t>(function.statements.size());
  }

  void directive() {
    if (cursor.take(".reg"))
      return declareRegisters();
    if (cursor.take(".shared"))
      return declareVariables(StateSpace::Shared);
    if (cursor.take(".local"))
      return declareVariables(StateSpace::Local);
    if (cursor.take(".branchtargets"))
      return branchTable();
    if (cursor.isNext(".loc"))
      return skipLine();
    if (cursor.isNext(".pragma"))
      return skipLine();
    cursor.fail("unknown directive");
  }

  /// "TABLE: .branchtargets A, B, C;"
  void branchTable() {
    if (lastLabel == kNowhere || function.labels[lastLabel] != function.statements.size())
      cursor.fail("a list of targets has no label");
    std::vector<uint32_t> &targets = function.branchTables[lastLabel];
    do
      targets.push_back(labelOf(cursor.word("a label")));
    while (cursor.take(","));
    cursor.expect(";");
  }

  /// Neither places in sources nor hints to ptxas change what is computed.
  void skipLine() {
    unsigned line = cursor.peek().line;
    while (!cursor.isEnd() && cursor.peek().line == line)
      cursor.next();
  }

  void declareVariables(StateSpace space) {
    do
      function.variables.push_back(parseVariable(cursor, space));
    while (cursor.take(","));
    cursor.expect(";");
  }

  uint32_t addRegister(std::string name, ScalarType type) {
    if (function.registers.size() >= kMostRegisters)
      cursor.fail("more than " + std::to_string(kMostRegisters) + " registers");
    function.registers.push_back({std::move(name), type, false});
    return static_cast<uint32_t>(function.registers.size() - 1);
  }

  void declareRegisters() {
    std::string word = cursor.word("the type of registers");
    ScalarType type = word.front() == '.' ? parseScalarType(word.substr(1)) : ScalarType::None;
    if (type == ScalarType::None || type == ScalarType::TF32 || type == ScalarType::B128)
      cursor.fail("no type for registers: '" + word + "'");
    do {
      std::string name = cursor.word("the name of a register");
      uint64_t count = 0;
      if (cursor.take("<")) {
        count = cursor.integer("a number of registers", kMostRegisters);
        cursor.expect(">");
        for (uint64_t i = 0; i < count; ++i)
          scopes.back().registers[name + std::to_string(i)] = addRegister(name + std::to_string(i), type);
      } else {
        scopes.back().registers[name] = addRegister(name, type);
      }
    } while (cursor.take(","));
    cursor.expect(";");
  }

  std::optional<uint32_t> findRegister(std::string_view name) const {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
      if (auto found = scope->registers.find(name); found != scope->registers.end())
        return found->second;
    return std::nullopt;
  }

  void guarded() {
    Guard guard;
    guard.negated = cursor.take("!");
    auto found = findRegister(cursor.peek().text);
    if (!found)
      cursor.fail("expected a predicate register");
    guard.reg = *found;
    cursor.next();
    statement(guard);
  }

  void statement(std::optional<Guard> guard) {
    Statement statement;
    statement.line = cursor.peek().line;
    statement.opcode = cursor.word("an instruction");
    statement.guard = guard;
    std::string name = statement.opcode.substr(0, statement.opcode.find('.'));
    while (!cursor.isNext(";")) {
      bool isLabel = name == "bra" || (name == "brx" && !statement.operands.empty());
      statement.operands.push_back(isLabel ? labelOperand() : operand(0));
      if (!cursor.take(",") && !cursor.isNext(";"))
        cursor.fail("expected ',' or ';' after an operand of " + statement.opcode);
    }
    cursor.expect(";");
    function.statements.push_back(std::move(statement));
  }

  Operand labelOperand() {
    Operand operand;
    operand.kind = Operand::Kind::Label;
    operand.name = cursor.word("a label");
    operand.index = labelOf(operand.name);
    return operand;
  }

  Operand operand(unsigned depth) {
    if (depth > 2)
      cursor.fail("operands nested too deep");
    if (cursor.take("{"))
      return list(Operand::Kind::Vector, "}", depth);
    if (cursor.take("["))
      return address(depth);
    if (cursor.take("!")) {
      Operand inner = operand(depth + 1);
      inner.negated = true;
      return inner;
    }
    Operand first = simple();
    if (first.kind == Operand::Kind::Symbol && (cursor.isNext("+") || cursor.isNext("-")))
      first.value = offset();
    if (!cursor.take("|"))
      return first;
    Operand pair;
    pair.kind = Operand::Kind::Pair;
    pair.elements = {std::move(first), simple()};
    return pair;
  }

  Operand list(Operand::Kind kind, const char *end, unsigned depth) {
    Operand result;
    result.kind = kind;
    do
      result.elements.push_back(operand(depth + 1));
    while (cursor.take(","));
    cursor.expect(end);
    return result;
  }

  Operand address(unsigned depth) {
    Operand result;
    result.kind = Operand::Kind::Address;
    Operand base = simple();
    bool isNumber = base.kind == Operand::Kind::Integer;
    result.value = isNumber || base.kind == Operand::Kind::Symbol ? base.value : 0;
    if (!isNumber)
      result.elements.push_back(std::move(base));
    if (!isNumber && (cursor.isNext("+") || cursor.isNext("-")))
      result.value += offset();
    cursor.expect("]");
    return result;
  }

  /// "+ 16", "+ -16", "- 16"
  uint64_t offset() {
    bool negative = cursor.next().text == "-";
    negative = cursor.take("-") ? !negative : negative;
    uint64_t value = cursor.integer("an offset", ~uint64_t(0) >> 1);
    return negative ? 0 - value : value;
  }

  Operand simple() {
    bool negative = cursor.take("-");
    const Token &token = cursor.peek();
    Operand result;
    if (token.kind == Token::Kind::Word && !negative)
      return named(cursor.word("an operand"));
    switch (token.kind) {
    case Token::Kind::Integer:
      result.kind = Operand::Kind::Integer;
      break;
    case Token::Kind::Float32:
      result.kind = Operand::Kind::Float32;
      break;
    case Token::Kind::Float64:
      result.kind = Operand::Kind::Float64;
      break;
    default:
      cursor.fail("expected an operand");
    }
    if (negative && result.kind != Operand::Kind::Integer)
      cursor.fail("only integers have a sign");
    result.value = negative ? 0 - token.value : token.value;
    cursor.next();
    return result;
  }

  Operand named(std::string name) {
    Operand result;
    if (name == "_")
      return result;
    result.kind = Operand::Kind::Integer;
    result.value = name == "true";
    if (name == "true" || name == "false")
      return result;
    if (auto found = findRegister(name)) {
      result.kind = Operand::Kind::Register;
      result.index = *found;
    } else {
      result.kind = name.front() == '%' ? Operand::Kind::Special : Operand::Kind::Symbol;
      result.value = 0;
    }
    result.name = std::move(name);
    return result;
  }

  TokenCursor &cursor;
  FunctionSyntax &function;
  std::vector<Scope> scopes;
  std::vector<std::pair<uint32_t, uint32_t>> aliases;
  uint32_t lastLabel = kNowhere;
};
} // namespace

void parseBody(TokenCursor &cursor, FunctionSyntax &function) { BodyParser(cursor, function).run(); }

} // namespace lmopt::ptx
