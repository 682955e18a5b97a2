// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words of classes (#cpu.classes). In: the attribute alone. Out: the tables of ClassLogits.h. Tested by
// test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/ranking/ClassLogits.h"

#include "codegen/cpu/Cpu.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

static ClassTables tablesOf(lm::ClassesAttr classes) {
  return {static_cast<int64_t>(classes.getWords().size()), static_cast<int64_t>(classes.getSizes().size()),
          classes.getSingles()};
}

int64_t ClassesAttr::getBytes() const { return tablesOf(getClasses()).bytes(); }

std::string ClassesAttr::describe() const { return "i32 words, class after class"; }

void ClassesAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const {
  auto *words = reinterpret_cast<int32_t *>(out.data());
  llvm::copy(getClasses().getWords(), words);
  auto *begins = reinterpret_cast<int32_t *>(out.data() + tablesOf(getClasses()).beginOffset());
  for (int64_t size : getClasses().getSizes()) {
    begins[1] = begins[0] + static_cast<int32_t>(size);
    ++begins;
  }
}

} // namespace lmopt::cpu
