// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The half of a head that needs MLIR: from the last hidden state to the function's result.
//
// In: the ModelBuilder, an EncoderConfig with a head, the rows of all tokens. Out: one row a sequence or one a token;
// lm.config says which task it is, how the classes are called and what makes scores of the numbers.
// Tested by the fixtures with a head (test/models/heads).
#ifndef LMOPT_FRONTENDS_HEADS_HEADBUILDER_H
#define LMOPT_FRONTENDS_HEADS_HEADBUILDER_H

#include "frontends/families/ModelBuilder.h"

namespace lmopt {

/// Makes the head's ops; null after an error.
using BuildHead = mlir::Value(ModelBuilder &model, const EncoderConfig &config, mlir::Value rows, mlir::Value lengths);

/// One of each file.
#define HEAD(NAME) BuildHead build##NAME;
#include "frontends/heads/AllHeads.inc"
#undef HEAD

/// What stands before the last linear,  norm(f(dense(x))),  as far as the family's head has these parts.
mlir::Value buildBeforeLast(ModelBuilder &model, const EncoderConfig &config, mlir::Value rows, int64_t width);

/// The head of the configuration, with its facts.
BuildHead buildHead;

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HEADS_HEADBUILDER_H
