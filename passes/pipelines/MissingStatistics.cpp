// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes as texts; see MissingStatistics.h.
#include "passes/pipelines/MissingStatistics.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lmopt {

std::vector<std::string> passTexts(OpPassManager &manager) {
  std::vector<std::string> texts;
  for (Pass &pass : manager) {
    std::string &text = texts.emplace_back();
    llvm::raw_string_ostream stream(text);
    pass.printAsTextualPipeline(stream);
  }
  return texts;
}

static constexpr StringLiteral kOption = "stats=";

/// Where the value of the empty option begins; npos: there is none.
static size_t placeOfValue(StringRef pass) {
  for (size_t at = pass.find(kOption); at != StringRef::npos; at = pass.find(kOption, at + 1)) {
    size_t value = at + kOption.size();
    bool begins = at > 0 && (pass[at - 1] == '{' || pass[at - 1] == ' ');
    bool ends = value < pass.size() && (pass[value] == ' ' || pass[value] == '}');
    if (begins && ends)
      return value;
  }
  return StringRef::npos;
}

/// The method of a pass that reads none: it comes behind the formats, and calibrating for it would be a run for
/// nothing.
static bool readsNone(StringRef pass) {
  return pass.starts_with("lm-factorize-softmax") && pass.contains("method=certified");
}

bool lacksStatistics(StringRef pass) { return placeOfValue(pass) != StringRef::npos && !readsNone(pass); }

std::string withStatistics(StringRef pass, StringRef path) {
  size_t value = placeOfValue(pass);
  return (pass.take_front(value) + "'" + path + "'" + pass.drop_front(value)).str();
}

} // namespace lmopt
