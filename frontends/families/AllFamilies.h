// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What cmake/LmoptFamily.cmake generates from the folders of the families; Family.h puts it in order.
#ifndef LMOPT_FRONTENDS_FAMILIES_ALLFAMILIES_H
#define LMOPT_FRONTENDS_FAMILIES_ALLFAMILIES_H

#include "frontends/families/Family.h"

namespace lmopt {

/// In any order.
std::vector<Family> describeAllFamilies();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ALLFAMILIES_H
