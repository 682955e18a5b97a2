// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How passes tell what they decided: MLIR remarks in the category of the pass, about an op by its name in the model.
//
// In: a pass's flag, the remark's name, an op. Out: `remark: [Passed] NAME | Category:FLAG | Op=layers.3.attn.q, ...`,
// printed with --remarks-filter=FLAG; free of cost while remarks are off. Tested by test/passes/*/remarks.mlir.
#ifndef LMOPT_PASSES_ANALYSIS_TELL_H
#define LMOPT_PASSES_ANALYSIS_TELL_H

#include "dialects/lm/Lm.h"

#include "mlir/IR/Remarks.h"

namespace lmopt::lm {

/// An op was rewritten. Add measures with `<< mlir::remark::metric("Block", 64)`.
inline mlir::remark::detail::InFlightRemark tellPassed(llvm::StringRef pass, llvm::StringRef name,
                                                       mlir::Operation *op) {
  auto remark = mlir::remark::passed(op->getLoc(), mlir::remark::RemarkOpts::name(name).category(pass));
  if (llvm::StringRef part = getPartName(op); !part.empty())
    remark << mlir::remark::metric("Op", part.str());
  return remark;
}

/// An op that the pass is about was left alone, and why.
inline void tellMissed(llvm::StringRef pass, llvm::StringRef name, mlir::Operation *op, const llvm::Twine &reason) {
  auto remark = mlir::remark::missed(op->getLoc(), mlir::remark::RemarkOpts::name(name).category(pass));
  if (remark)
    remark << mlir::remark::metric("Op", getPartName(op).str()) << mlir::remark::metric("Reason", reason.str());
}

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_TELL_H
