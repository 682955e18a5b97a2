// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The MPNet family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_MPNET_MPNET_H
#define LMOPT_FRONTENDS_FAMILIES_MPNET_MPNET_H

#include "frontends/families/Family.h"

namespace lmopt {

/// MpnetFamily.cpp
Family describeMpnet();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MPNET_MPNET_H
