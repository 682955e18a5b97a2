// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Family.h. Tested by test/unit/frontends/FamiliesTest.cpp.
#include "frontends/families/AllFamilies.h"

#include <algorithm>
#include <tuple>

using namespace lmopt;

const std::vector<Family> &lmopt::allFamilies() {
  static const std::vector<Family> families = [] {
    std::vector<Family> found = describeAllFamilies();
    std::sort(found.begin(), found.end(),
              [](const Family &a, const Family &b) { return std::tie(a.kind, a.id) < std::tie(b.kind, b.id); });
    return found;
  }();
  return families;
}

std::vector<const char *> lmopt::architecturesOf(const HuggingFaceForm &form) {
  std::vector<const char *> names = form.architectures;
  for (const HeadForm &head : form.heads)
    names.push_back(head.architecture);
  return names;
}

std::string lmopt::familyNames(FamilyKind kind) {
  std::string names;
  for (const Family &family : allFamilies())
    if (family.kind == kind)
      names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}
