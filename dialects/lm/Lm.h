// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole `lm` dialect in C++: types, attributes, helpers (LmDialect.h), and the ops of all families. A source that
// needs one family only includes dialects/lm/<family>/<Family>.h. Weight values are read through dialects/lm/Weights.h,
// the meaning of the ops is <family>/Reference.h. Tested by test/dialects/lm.

#ifndef LMOPT_DIALECTS_LM_LM_H
#define LMOPT_DIALECTS_LM_LM_H

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/LmFamilies.h"

#endif // LMOPT_DIALECTS_LM_LM_H
