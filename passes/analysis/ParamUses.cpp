// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of users of weights; see ParamUses.h.
#include "passes/analysis/ParamUses.h"

using namespace mlir;

namespace lmopt::lm {

static void forEachWeight(Operation *op, llvm::function_ref<void(StringAttr)> visit) {
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
      visit(symbol.getAttr());
}

void walkModel(ModuleOp module, llvm::function_ref<void(Operation *)> visit) {
  module->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != module && op->hasTrait<OpTrait::SymbolTable>())
      return WalkResult::skip();
    visit(op);
    return WalkResult::advance();
  });
}

ParamUses::ParamUses(ModuleOp module) : module(module) {
  for (ParamOp param : module.getOps<ParamOp>())
    params[param.getSymNameAttr()] = param;
  walkModel(module, [&](Operation *op) { record(op); });
}

void ParamUses::record(Operation *op) {
  forEachWeight(op, [&](StringAttr name) {
    if (params.contains(name))
      usersByName[name].push_back(op);
  });
}

void ParamUses::forget(Operation *op) {
  forEachWeight(op, [&](StringAttr name) {
    if (auto found = usersByName.find(name); found != usersByName.end())
      llvm::erase(found->second, op);
  });
}

ArrayRef<Operation *> ParamUses::users(ParamOp param) const {
  auto found = usersByName.find(param.getSymNameAttr());
  return found == usersByName.end() ? ArrayRef<Operation *>() : ArrayRef<Operation *>(found->second);
}

bool ParamUses::isOnlyUsedBy(ParamOp param, Operation *op) const {
  return llvm::all_of(users(param), [&](Operation *user) { return user == op; });
}

/// The bias of this value that another linear with the same weight has: layers that share weights share what is made of
/// their biases again.
static ParamOp findSameBias(LinearOp linear, Attribute value, const ParamUses &uses) {
  for (Operation *user : uses.users(uses.lookup(linear.getWeightAttr())))
    if (auto other = dyn_cast<LinearOp>(user); other && other != linear && other.getBiasAttr())
      if (ParamOp bias = uses.lookup(other.getBiasAttr()); bias.getValue() == value)
        return bias;
  return {};
}

static ParamOp makeBias(ModuleOp module, LinearOp linear, ParamOp weight, Attribute value) {
  OpBuilder builder(weight);
  builder.setInsertionPointAfter(weight);
  auto type = RankedTensorType::get(linear.getType().getShape().back(), builder.getF32Type());
  StringRef part = getPartName(linear);
  // A model that has no such bias may still have something of that name.
  std::string name = freeParamName(module, ((part.empty() ? "linear" : part) + ".bias").str());
  return ParamOp::create(builder, linear.getLoc(), name, type, value);
}

void ParamUses::setBias(LinearOp linear, Attribute value) {
  ParamOp bias = findSameBias(linear, value, *this);
  if (FlatSymbolRefAttr symbol = linear.getBiasAttr(); symbol && !bias) {
    ParamOp own = lookup(symbol);
    if (isOnlyUsedBy(own, linear)) {
      own.setValueAttr(value);
      return;
    }
  }
  if (!bias) {
    bias = makeBias(module, linear, lookup(linear.getWeightAttr()), value);
    params[bias.getSymNameAttr()] = bias;
  }
  forget(linear);
  linear.setBiasAttr(FlatSymbolRefAttr::get(bias.getSymNameAttr()));
  record(linear);
}

void ParamUses::dropBias(LinearOp linear) {
  forget(linear);
  linear.removeBiasAttr();
  record(linear);
}

void ParamUses::eraseUnused() {
  for (auto &[name, users] : usersByName) {
    if (!users.empty())
      continue;
    params.lookup(name).erase();
    params.erase(name);
  }
}

std::string freeParamName(ModuleOp module, StringRef wanted) {
  std::string name = wanted.str();
  for (unsigned count = 1; SymbolTable::lookupSymbolIn(module, name); ++count)
    name = (wanted + "_" + Twine(count)).str();
  return name;
}

void setApproximate(ParamOp param, Attribute value, ArrayRef<int64_t> shape, std::optional<double> error) {
  MLIRContext *context = param.getContext();
  param.setValueAttr(value);
  param.setType(RankedTensorType::get(shape, Float32Type::get(context)));
  param.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate,
                                            error ? std::optional<Real>(Real(*error)) : std::nullopt));
}

std::string reasonToKeepCodes(ParamOp weight) {
  return hasTrainedCodes(weight.getValue()) ? "its weight has the codes that it was trained with" : "";
}

LinearOp getOwnLinear(Value value) {
  auto linear = value.getDefiningOp<LinearOp>();
  return linear && value.hasOneUse() ? linear : LinearOp();
}

LinearOp getOwnLinear(Value value, const ParamUses &uses) {
  LinearOp linear = getOwnLinear(value);
  return linear && uses.isOnlyUsedBy(uses.lookup(linear.getWeightAttr()), linear) ? linear : LinearOp();
}

} // namespace lmopt::lm
