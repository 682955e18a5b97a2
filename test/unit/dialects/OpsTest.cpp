// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every lm op has a meaning and states its facts, or says that it computes nothing; one whose meaning is not attached
// is named; each has code for CPUs; docs/ops.md shows the ops as they are. To write it anew: LMOPT_WRITE_DOCS=1
// build/bin/test-dialects-ops
#include "codegen/cpu/Cpu.h"
#include "codegen/lower/Lower.h"
#include "codegen/ptx/Ptx.h"
#include "dialects/lm/Lm.h"
#include "dialects/lm/interfaces/Meaning.h"
#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

namespace {

/// A context with the dialect, and with the meanings of its ops and what targets know of them, or without.
struct Context : MLIRContext {
  explicit Context(bool withMeanings) {
    DialectRegistry registry;
    lm::registerDialects(registry);
    if (withMeanings) {
      registerMeanings(registry);
      lower::registerDialects(registry);
    }
    appendDialectRegistry(registry);
    loadAllAvailableDialects();
  }
};

/// A row of docs/ops.md.
struct Row {
  std::string family;
  StringRef op;
  std::string motion, mixesRows;
};

/// The ops of each family; the generated list calls registerFamily.
struct Families {
  Families() {
#include "dialects/lm/LmFamilies.cpp.inc"
  }
  template <typename... Ops>
  void registerFamily(StringRef family) {
    (ops.push_back(rowOf<Ops>(family)), ...);
  }
  template <typename Op>
  static Row rowOf(StringRef family) {
    Row row = {family.str(), Op::getOperationName(), "", ""};
    if constexpr (!Op::template hasTrait<NoComputation>()) {
      row.motion = Op::getMotion() == Motion::Rows ? "row-wise" : "kernel";
      row.mixesRows = Op::mixesRows() ? "yes" : "no";
    }
    return row;
  }
  std::vector<Row> ops;
};

std::vector<RegisteredOperationName> lmOps(MLIRContext &context) {
  std::vector<RegisteredOperationName> ops;
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (isa<LMDialect>(op.getDialect()))
      ops.push_back(op);
  return ops;
}

bool hasMeaning(RegisteredOperationName op) { return op.hasInterface<MeaningOpInterface>(); }
bool isComputation(RegisteredOperationName op) { return !op.hasTrait<NoComputation>(); }

TEST(Ops, EachComputationHasAMeaning) {
  Context context(/*withMeanings=*/true);
  EXPECT_EQ(lmOps(context).size(), Families().ops.size());
  for (RegisteredOperationName op : lmOps(context))
    EXPECT_EQ(hasMeaning(op), isComputation(op))
        << op.getStringRef().str() << ": its family's Meaning.cpp gives an op its meaning; only one that computes "
        << "nothing has none, and the trait LM_NoComputation";
}

/// What an op is on CPUs, or "": planning splits attention into its halves before it asks.
std::string onCpus(RegisteredOperationName op) {
  if (op.hasInterface<cpu::KernelOpInterface>())
    return "kernel";
  if (op.hasInterface<cpu::RowOpInterface>())
    return "row function";
  return op.getStringRef() == AttentionOp::getOperationName() ? "halves" : "";
}

/// The same on GPUs, or "no".
std::string onGpus(RegisteredOperationName op) {
  if (op.hasInterface<nvptx::KernelOpInterface>())
    return "kernel";
  if (op.hasInterface<nvptx::RowOpInterface>())
    return "row step";
  return op.getStringRef() == AttentionOp::getOperationName() ? "halves" : "no";
}

TEST(Ops, EachComputationHasCodeForCpus) {
  Context context(/*withMeanings=*/true);
  for (RegisteredOperationName op : lmOps(context))
    EXPECT_EQ(!onCpus(op).empty(), isComputation(op))
        << op.getStringRef().str() << ": its family's folder in codegen/cpu has a <Family>Model.cpp";
}

TEST(Ops, EachComputationStatesItsFacts) {
  Context context(/*withMeanings=*/false);
  for (RegisteredOperationName op : lmOps(context))
    EXPECT_EQ(op.hasInterface<StepOpInterface>(), isComputation(op))
        << op.getStringRef().str() << ": an op that computes is made with LM_Op, any other with LM_Declaration";
}

TEST(Ops, MeaningsArePromised) {
  Context context(/*withMeanings=*/false);
  for (RegisteredOperationName op : lmOps(context)) {
    EXPECT_FALSE(hasMeaning(op)) << op.getStringRef().str();
    bool isPromised = op.getDialect().hasPromisedInterface(op.getTypeID(), MeaningOpInterface::getInterfaceID());
    EXPECT_EQ(isPromised, isComputation(op)) << op.getStringRef().str();
  }
}

TEST(Ops, OneWithoutMeaningIsNamed) {
  Context context(/*withMeanings=*/false);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"(
    func.func @twice(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
      %y = lm.add %x, %x : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    })",
                                                             &context);
  ASSERT_TRUE(module);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  WeightReader reader("");
  RuntimeValues inputs = {reference::Tensor::ofF32({1, 1, 2})};
  EXPECT_TRUE(failed(Interpreter(*module, reader).run("twice", inputs)));
  EXPECT_NE(message.find("the interpreter does not know 'lm.add': no meaning is attached"), std::string::npos)
      << message;
}

std::string codeText(const std::string &what, const std::string &target, const std::string &family) {
  return what.empty() || what == "no" ? what : "[" + what + "](../codegen/" + target + "/" + family + ")";
}

std::string tableText() {
  Context context(/*withMeanings=*/true);
  std::ostringstream text;
  text << "# Ops\n\n<!-- Generated from dialects/lm by test/unit/dialects/OpsTest.cpp, which says how to write it "
          "anew. -->\n\n"
       << "What each op computes says [dialect.md](dialect.md). Its meaning is the plain function that the interpreter "
          "runs, and that passes\nand code generation are judged by. A row-wise op may run fused with its neighbours; "
          "one that mixes rows makes a row of its result\nfrom several of its operands. These and other facts are "
          "`Step.cpp` of the family. The last columns say what an op becomes in code for CPUs and in PTX.\n\n"
       << "| family | op | meaning | runs | mixes rows | CPU | PTX |\n|---|---|---|---|---|---|---|\n";
  for (const auto &[family, name, motion, mixesRows] : Families().ops) {
    std::string folder = "../dialects/lm/" + family;
    RegisteredOperationName op = *RegisteredOperationName::lookup(name, &context);
    std::string meaning = !isComputation(op) ? "computes nothing"
                          : hasMeaning(op)   ? "[Reference.h](" + folder + "/Reference.h)"
                                             : "missing";
    text << "| [" << family << "](" << folder << ") | `" << name.str() << "` | " << meaning << " | " << motion << " | "
         << mixesRows << " | " << codeText(onCpus(op), "cpu", family) << " | "
         << (isComputation(op) ? codeText(onGpus(op), "ptx", family) : "") << " |\n";
  }
  return text.str();
}

TEST(Ops, Documentation) {
  std::string path = LMOPT_SOURCE_DIR "/docs/ops.md";
  if (std::getenv("LMOPT_WRITE_DOCS"))
    std::ofstream(path, std::ios::binary) << tableText();
  std::ostringstream document;
  document << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(document.str(), tableText()) << "docs/ops.md: LMOPT_WRITE_DOCS=1 writes it anew";
}

} // namespace
