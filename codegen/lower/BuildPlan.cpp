// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From lm ops to the plan's steps: products, attention and pooling become one step each, what lies between them a row
// program. See PlanBuilder.h and Plan.h.
#include "codegen/lower/PlanBuilder.h"

using namespace mlir;

namespace lmopt::lower {

LogicalResult PlanBuilder::run() {
  if (failed(findEntry()) || failed(readConfig()) || failed(findInputs()))
    return failure();
  for (Operation &op : function.getBody().front())
    if (isa<lm::AttentionOp>(op))
      lastAttention = &op;
  for (Operation &op : function.getBody().front())
    if (failed(visit(op)))
      return failure();
  layOutWeights();
  return success();
}

LogicalResult PlanBuilder::refuse(Operation *op, const Twine &message) {
  unsupported = true;
  return op->emitError("code generation: ") << message;
}

LogicalResult PlanBuilder::findEntry() {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  auto encode = module.lookupSymbol<func::FuncOp>("encode");
  if (!forward == !encode)
    return refuse(module, "expects one function, @forward (decoder) or @encode (encoder)");
  plan.decoder = static_cast<bool>(forward);
  function = forward ? forward : encode;
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return refuse(function, "expects a body of one block");
  return success();
}

LogicalResult PlanBuilder::readConfig() {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  if (!config)
    return refuse(module, "expects the module attribute lm.config (written by `lmopt import`)");
  auto number = [&](StringRef key, int64_t &value) -> LogicalResult {
    auto attr = config.getAs<IntegerAttr>(key);
    if (!attr || attr.getInt() <= 0 || attr.getInt() > (int64_t(1) << 31))
      return refuse(module, "lm.config: expects a positive integer '" + key + "'");
    value = attr.getInt();
    return success();
  };
  if (auto name = config.getAs<StringAttr>("architecture"))
    plan.architecture = name.str();
  return success(succeeded(number("vocabulary", plan.vocabulary)) &&
                 succeeded(number("max_positions", plan.maxPositions)));
}

// What comes behind ids and lengths: a number for each token, that tables are looked up by.
LogicalResult PlanBuilder::findInputs() {
  for (BlockArgument argument : llvm::drop_begin(function.getArguments(), std::min(2u, function.getNumArguments()))) {
    unsigned number = argument.getArgNumber();
    auto name = function.getArgAttrOfType<StringAttr>(number, "lm.input");
    if (!name)
      return refuse(function, "argument " + Twine(number) + " has no name; give it the attribute lm.input");
    if (plan.decoder)
      return refuse(function, "input '" + name.getValue() + "': a decoder takes token ids and nothing else");
    int64_t limit = 0;
    for (Operation *user : argument.getUsers()) {
      auto embedding = dyn_cast<lm::EmbeddingOp>(user);
      if (!embedding)
        return refuse(user, "input '" + name.getValue() + "' can only be looked up in a table (lm.embedding)");
      int64_t rows = param(embedding, embedding.getTableAttr()).getShape()[0];
      limit = limit ? std::min(limit, rows) : rows;
    }
    if (limit == 0)
      return refuse(function, "input '" + name.getValue() + "' is not used");
    if (llvm::any_of(plan.inputs, [&](const NamedInput &other) { return other.name == name.getValue(); }))
      return refuse(function, "two inputs are called '" + name.getValue() + "'");
    plan.inputs.push_back({name.str(), limit});
  }
  return success();
}

// A step of its own, beside the rows at work: a kernel knows one kind of ids.
LogicalResult PlanBuilder::addInputRows(lm::EmbeddingOp op, int input) {
  std::vector<Operation *> others = {op};
  std::swap(group, others);
  if (failed(closeGroup()))
    return failure();
  plan.steps.back().ids = input;
  group = std::move(others);
  return success();
}

bool PlanBuilder::isRowWise(Operation &op) {
  return isa<lm::EmbeddingOp, lm::AddPositionsOp, lm::BiasAddOp, lm::RmsNormOp, lm::LayerNormOp, lm::RotateOp,
             lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp, lm::AddOp, lm::ActivationOp, lm::GatedProductOp,
             lm::L2NormalizeOp>(op);
}

LogicalResult PlanBuilder::visit(Operation &op) {
  if (auto embedding = dyn_cast<lm::EmbeddingOp>(op)) {
    auto ids = dyn_cast<BlockArgument>(embedding.getIds());
    if (!ids || ids.getArgNumber() == 1)
      return refuse(embedding, "the ids must be an argument of the function");
    if (ids.getArgNumber() > 1)
      return addInputRows(embedding, ids.getArgNumber() - 2);
  }
  if (isRowWise(op)) {
    group.push_back(&op);
    return success();
  }
  if (failed(closeGroup()))
    return failure();
  if (auto linear = dyn_cast<lm::LinearOp>(op))
    return addLinear(linear, linear.getInput(), linear.getWeightAttr(), linear.getBiasAttr());
  if (auto linear = dyn_cast<lm::NarrowLinearOp>(op))
    return addLinear(linear, linear.getInput(), linear.getWeightAttr(), linear.getBiasAttr());
  if (auto linear = dyn_cast<lm::QuantizedLinearOp>(op)) {
    // The three travel in one row of memory.
    if (linear.getScale().getDefiningOp() != linear.getCodes().getDefiningOp() ||
        linear.getZero().getDefiningOp() != linear.getCodes().getDefiningOp())
      return refuse(linear, "codes, scale and zero must come from one lm.quantize_dynamic");
    return addLinear(linear, linear.getCodes(), linear.getWeightAttr(), linear.getBiasAttr());
  }
  if (auto linear = dyn_cast<lm::GroupedLinearOp>(op)) {
    if (linear.getScale().getDefiningOp() != linear.getCodes().getDefiningOp())
      return refuse(linear, "codes and scale must come from one lm.quantize_groups");
    return addLinear(linear, linear.getCodes(), linear.getWeightAttr(), linear.getBiasAttr());
  }
  if (auto attention = dyn_cast<lm::AttentionOp>(op))
    return addAttention(attention);
  if (auto pool = dyn_cast<lm::PoolOp>(op))
    return addPool(pool);
  if (auto ret = dyn_cast<func::ReturnOp>(op))
    return finish(ret);
  return refuse(&op, "op '" + op.getName().getStringRef() + "' is not supported");
}

Domain PlanBuilder::currentDomain() const { return plan.decoder && pastAttention ? Domain::Outputs : Domain::Tokens; }

// Scales are read once for each register of weights.
LogicalResult PlanBuilder::checkGroups(Operation *user, lm::ParamOp matrix) {
  auto type = dyn_cast<lm::GroupedType>(matrix.getType());
  if (!type || type.getGroup() % cpu::kLanes == 0)
    return success();
  return refuse(user, "groups of " + Twine(type.getGroup()) + " are not supported (param '" + matrix.getSymName() +
                          "'); use a multiple of 16");
}

template <class OpTy>
LogicalResult PlanBuilder::addLinear(OpTy op, Value input, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
  lm::ParamOp matrix = param(op, weight);
  lm::ParamOp biasParam = bias ? param(op, bias) : lm::ParamOp();
  if (failed(checkGroups(op, matrix)))
    return failure();
  FailureOr<int> in = bufferFor(op, input);
  if (failed(in))
    return failure();
  Step step;
  step.kind = Step::Linear;
  step.domain = plan.buffers[*in].domain;
  step.name = lm::getPartName(op).str();
  step.weights = {linearWeight(matrix, biasParam)};
  step.linear = linearSpec(matrix, biasParam);
  step.inputs = {*in};
  int out = addBuffer(step.domain, step.linear.outputs);
  step.outputs = {out};
  bufferOf[op.getResult()] = out;
  plan.steps.push_back(std::move(step));
  return success();
}

LogicalResult PlanBuilder::addRope(lm::AttentionOp op, lm::RopeAttr rope, Step &store) {
  if (rope.getLayout() != lm::RopeLayout::half)
    return refuse(op, "interleaved rope reaches code generation; run the pass lm-normalize-rope before");
  int64_t limit = rope.getSwitchPositions();
  if (limit < plan.maxPositions && limit) {
    if (rope.getScaling().getKind() == lm::RopeScalingKind::dynamic)
      return refuse(op, "dynamic rope scaling turns the whole sequence otherwise with every token beyond its " +
                            Twine(limit) + " original positions; set max_positions of lm.config to that (found " +
                            Twine(plan.maxPositions) + ")");
    if (plan.ropeSwitch && plan.ropeSwitch != limit)
      return refuse(op, "rope scaling changes beyond " + Twine(limit) + " positions here and beyond " +
                            Twine(plan.ropeSwitch) + " in another layer; they must agree");
    store.rope.switchPositions = plan.ropeSwitch = limit;
  }
  store.attention.ropeDims = rope.getDims();
  store.rope.halfDims = rope.getDims() / 2;
  store.rope.positions = plan.maxPositions;
  store.weights = {ropeWeight(rope, store.rope)};
  return success();
}

LogicalResult PlanBuilder::addAttention(lm::AttentionOp op) {
  bool hasCache = static_cast<bool>(op.getCache());
  if (hasCache != plan.decoder)
    return refuse(op, plan.decoder ? "@forward needs the form with a cache" : "@encode needs the form with lengths");
  if (op.getValueWidth() != op.getHeadWidth())
    return refuse(op, "value heads of another width than query heads are not supported");
  Step store;
  store.kind = Step::StoreKeysValues;
  store.name = lm::getPartName(op).str();
  cpu::AttentionSpec &spec = store.attention;
  spec.heads = op.getHeads();
  spec.kvHeads = op.getKvHeads();
  spec.headDim = op.getHeadWidth();
  spec.scale = op.getScale().convertToDouble();
  spec.causal = op.isCausal();
  spec.format = op.isBf16() ? cpu::CacheFormat::Bf16 : op.isInt8() ? cpu::CacheFormat::I8 : cpu::CacheFormat::F32;
  if (lm::RopeAttr rope = op.getRopeAttr(); rope && failed(addRope(op, rope, store)))
    return failure();
  FailureOr<int> q = bufferFor(op, op.getQuery()), k = bufferFor(op, op.getKey()), v = bufferFor(op, op.getValue());
  if (failed(q) || failed(k) || failed(v))
    return failure();
  for (int buffer : {*q, *k, *v})
    if (plan.buffers[buffer].domain != Domain::Tokens || plan.buffers[buffer].format != cpu::RowFormat::F32)
      return refuse(op, "expects float rows of all tokens");
  if (plan.decoder) { // layers of a decoder lie one after another; an encoder's layers share one scratch
    store.layerOffset = plan.cacheBytesPerPosition;
    plan.cacheBytesPerPosition += spec.cacheBytesPerPosition();
  } else {
    plan.cacheBytesPerPosition = std::max(plan.cacheBytesPerPosition, spec.cacheBytesPerPosition());
  }
  Step attend = store;
  store.inputs = {*k, *v};
  attend.kind = Step::Attend;
  attend.inputs = {*q};
  int out = addBuffer(Domain::Tokens, spec.heads * spec.headDim);
  attend.outputs = {out};
  bufferOf[op.getResult()] = out;
  plan.steps.push_back(std::move(store));
  plan.steps.push_back(std::move(attend));
  pastAttention |= op.getOperation() == lastAttention;
  return success();
}

LogicalResult PlanBuilder::addPool(lm::PoolOp op) {
  FailureOr<int> in = bufferFor(op, op.getInput());
  if (failed(in))
    return failure();
  Step step;
  step.kind = Step::Pool;
  step.domain = Domain::Segments;
  step.name = lm::getPartName(op).str();
  step.pool = lm::poolingOf(op.getKind());
  step.inputs = {*in};
  int out = addBuffer(Domain::Segments, widthOf(op.getInput()));
  step.outputs = {out};
  bufferOf[op.getResult()] = out;
  plan.steps.push_back(std::move(step));
  return success();
}

// A result is called what the function says (lm.result), or after what its rows are.
std::string PlanBuilder::resultName(unsigned number, Domain domain) {
  if (auto name = function.getResultAttrOfType<StringAttr>(number, "lm.result"))
    return name.str();
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  auto task = config.getAs<StringAttr>("task");
  bool scores = plan.decoder || (task && task.getValue() != "none");
  if (domain == Domain::Tokens)
    return scores ? "token_logits" : "token_embeddings";
  return scores ? "logits" : "embedding";
}

LogicalResult PlanBuilder::addResult(func::ReturnOp op, OpOperand &operand) {
  FailureOr<int> buffer = bufferFor(op, operand.get());
  if (failed(buffer))
    return failure();
  if (plan.buffers[*buffer].format != cpu::RowFormat::F32)
    return refuse(op, "a result must be rows of f32; these are codes or bf16 numbers, which only a product reads");
  if (plan.buffers[*buffer].result)
    return refuse(op, "the same value is returned twice");
  Domain wanted = plan.decoder ? Domain::Outputs : plan.buffers[*buffer].domain;
  // The step that writes the result writes the caller's memory; if that memory would have another shape, other steps
  // read the value too, or the step is of a kind that knows only padded rows, a copy stands between.
  const Step &end = plan.steps.back();
  bool last =
      end.outputs.size() == 1 && end.outputs[0] == *buffer && (end.kind == Step::Linear || end.kind == Step::Rows);
  int result = last && plan.buffers[*buffer].domain == wanted ? *buffer : copyTo(wanted, *buffer);
  int64_t width = plan.buffers[result].width;
  plan.buffers[result].result = plan.results.size();
  plan.buffers[result].rowBytes = 4 * width;
  plan.results.push_back({resultName(operand.getOperandNumber(), wanted), wanted, width});
  Step &step = plan.steps.back();
  if (step.kind == Step::Linear)
    step.linear.outStride = 4 * width;
  else
    step.rows.outputs.back().stride = 4 * width;
  return success();
}

LogicalResult PlanBuilder::finish(func::ReturnOp op) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<RankedTensorType>(operand.get().getType()) && failed(addResult(op, operand)))
      return failure();
  if (plan.results.empty())
    return refuse(op, "expects a result");
  if (plan.decoder && plan.results.size() > 1)
    return refuse(op, "@forward gives logits and nothing else");
  for (const NamedResult &result : plan.results)
    if (llvm::count_if(plan.results, [&](const NamedResult &other) { return other.name == result.name; }) > 1)
      return refuse(op, "two results are called '" + result.name + "'; name them by the attribute lm.result");
  return success();
}

LogicalResult buildPlan(ModuleOp module, Plan &plan, bool &unsupported) {
  return PlanBuilder(module, plan, unsupported).run();
}

} // namespace lmopt::lower
