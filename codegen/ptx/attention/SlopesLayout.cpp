// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The slopes of biases of positions (#ptx.slopes): f32, one after the other. Tested by test/codegen/ptx/layouts.mlir
// and test/unit/codegen/ptx/AttendRowsTest.cpp.
#include "codegen/Slopes.h"
#include "codegen/ptx/Ptx.h"

using namespace mlir;

namespace lmopt::nvptx {

int64_t SlopesAttr::getBytes() const { return 4 * static_cast<int64_t>(getAlibi().getSlopes().size()); }
std::string SlopesAttr::describe() const { return kSlopesText; }

void SlopesAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const { packSlopes(getAlibi(), out); }

} // namespace lmopt::nvptx
