// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Conflicts.h.
#include "dialects/plan/Conflicts.h"

using namespace lmopt::plan;

static bool overlap(int a, int c, llvm::ArrayRef<Placement> places) {
  if (a < 0 || c < 0 || places[a].isResult() || places[c].isResult())
    return a == c;
  const Placement &x = places[a], &y = places[c];
  // Memory of a thread is touched by that thread alone: its order in the list is enough.
  if (x.isPrivate() || y.isPrivate())
    return false;
  return x.offset < y.offset + y.bytes() && y.offset < x.offset + x.bytes();
}

/// Whether row r of one buffer is the very memory of row r of the other.
static bool rowsCoincide(int a, int c, llvm::ArrayRef<Placement> places) {
  if (a < 0 || c < 0 || a == c)
    return a == c;
  return places[a].offset == places[c].offset && places[a].rowBytes == places[c].rowBytes && !places[a].isResult() &&
         !places[c].isResult();
}

bool lmopt::plan::conflict(const Access &a, const Access &c, llvm::ArrayRef<Placement> places) {
  if (!(a.write || c.write) || !overlap(a.buffer, c.buffer, places))
    return false;
  bool sameRows =
      a.share == Share::rows && c.share == Share::rows && a.domain == c.domain && !a.gathered && !c.gathered;
  bool sameHeads = a.share == Share::heads && c.share == Share::heads;
  return !(sameRows && rowsCoincide(a.buffer, c.buffer, places)) && !(sameHeads && a.buffer == c.buffer);
}
