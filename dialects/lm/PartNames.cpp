// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of PartNames.h; getPartName and nameLocation are declared in LmDialect.h.
#include "dialects/lm/PartNames.h"

#include "dialects/lm/param/Param.h"

using namespace mlir;
using namespace lmopt::lm;

static StringRef locationName(Operation *op) {
  auto name = op->getLoc()->findInstanceOf<NameLoc>();
  return name ? name.getName().getValue() : StringRef();
}

Location lmopt::lm::nameLocation(OpBuilder &builder, StringRef name) {
  return NameLoc::get(builder.getStringAttr(name), builder.getUnknownLoc());
}

StringRef lmopt::lm::getPartName(Operation *op) {
  auto name = op->getAttrOfType<StringAttr>(kPartAttribute);
  return name ? name.getValue() : locationName(op);
}

static void putIntoLocation(Operation *op, StringRef name) {
  Location place = op->getLoc();
  while (auto named = dyn_cast<NameLoc>(place))
    place = named.getChildLoc();
  op->setLoc(NameLoc::get(StringAttr::get(op->getContext(), name), place));
}

void lmopt::lm::setPartName(Operation *op, StringRef name) {
  if (name.empty())
    return;
  op->setAttr(kPartAttribute, StringAttr::get(op->getContext(), name));
  if (locationName(op) != name)
    putIntoLocation(op, name);
}

void lmopt::lm::takePartName(Operation *op, Operation *replaced) { setPartName(op, getPartName(replaced)); }

void lmopt::lm::nameAfter(Operation *op, Value value, StringRef suffix) {
  Operation *maker = value.getDefiningOp();
  if (StringRef name = maker ? getPartName(maker) : StringRef(); !name.empty())
    setPartName(op, (name + "." + suffix).str());
}

static bool isPart(Operation *op) { return isa_and_nonnull<LMDialect>(op->getDialect()) && !isa<ParamOp>(op); }

void lmopt::lm::adoptLocationNames(Operation *root) {
  root->walk([](Operation *op) {
    if (isPart(op) && !op->hasAttr(kPartAttribute))
      setPartName(op, locationName(op));
  });
}

void lmopt::lm::nameLocations(Operation *root) {
  root->walk([](Operation *op) {
    auto param = dyn_cast<ParamOp>(op);
    StringRef name = param ? param.getSymName() : getPartName(op);
    if (!name.empty() && locationName(op).empty())
      putIntoLocation(op, name);
  });
}
