// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser makes of a text: variables, functions and their statements, with names resolved to numbers.
//
// Registers and labels have the scope of their braces (inline assembly declares its own), so the parser resolves them;
// what a mnemonic means is not its business. Source: PTX ISA, chapters "Syntax" and "Directives".
#ifndef LMOPT_TEST_PTX_SYNTAX_SYNTAX_H
#define LMOPT_TEST_PTX_SYNTAX_SYNTAX_H

#include "test/ptx/syntax/Types.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lmopt::ptx {

struct Operand {
  enum class Kind {
    Register, // index: of the function's registers
    Special,  // name: %tid.x
    Integer,  // value
    Float32,  // value: bits
    Float64,  // value: bits
    Symbol,   // name: a variable; value: an offset
    Label,    // index
    Address,  // elements[0] is the base, if there is one; value is added
    Vector,   // elements
    Pair,     // elements: two results "%r1|%p1"
    Sink,     // "_"
  };
  Kind kind = Kind::Sink;
  bool negated = false; // "!%p"
  uint32_t index = 0;
  uint64_t value = 0;
  std::string name;
  std::vector<Operand> elements;
};

struct Guard {
  uint32_t reg = 0;
  bool negated = false;
};

struct Statement {
  std::string opcode; // with all modifiers
  std::optional<Guard> guard;
  std::vector<Operand> operands;
  unsigned line = 0;
};

struct RegisterDeclaration {
  std::string name;
  ScalarType type = ScalarType::None;
  bool implicitlyDefined = false; // LLVM says that it has no value somewhere
};

struct Variable {
  std::string name;
  StateSpace space = StateSpace::Global;
  uint64_t size = 0; // 0 for an array without size
  uint64_t alignment = 1;
  bool isExternal = false;
  std::vector<uint8_t> bytes; // initial value, zero after its end
};

struct FunctionSyntax {
  std::string name;
  std::vector<Variable> parameters;
  std::vector<Variable> variables; // .shared and .local of the body
  std::vector<RegisterDeclaration> registers;
  std::vector<Statement> statements;
  std::vector<uint32_t> labels; // statement that each label stands before
  /// Of .branchtargets: labels, by the label before it.
  std::map<uint32_t, std::vector<uint32_t>> branchTables;
  std::array<uint32_t, 3> requiredThreads{0, 0, 0}; // .reqntid; 0: any
  std::array<uint32_t, 3> mostThreads{0, 0, 0};     // .maxntid; 0: any
  std::array<uint32_t, 3> clusterBlocks{0, 0, 0};   // .reqnctapercluster; 0: no cluster
};

struct ModuleSyntax {
  unsigned major = 0, minor = 0; // .version
  std::string target;
  std::vector<Variable> variables;
  std::vector<FunctionSyntax> kernels;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_SYNTAX_SYNTAX_H
