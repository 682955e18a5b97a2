// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From lm ops to the plan's steps: products, attention and pooling become one step each; the row-wise operations
// between two of them (norms, elementwise, rotation, quantization) become one row program, so that a row passes through
// all of them while it is in the first-level cache. See Plan.h.
#include "codegen/lower/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace lmopt::lower {

namespace {

class PlanBuilder {
public:
  PlanBuilder(ModuleOp module, Plan &plan, bool &unsupported) : module(module), plan(plan), unsupported(unsupported) {}

  LogicalResult run() {
    if (failed(findEntry()) || failed(readConfig()))
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

private:
  ModuleOp module;
  Plan &plan;
  bool &unsupported;
  func::FuncOp function;
  Operation *lastAttention = nullptr;
  bool pastAttention = false;
  DenseMap<Value, int> bufferOf;
  std::vector<Operation *> group; ///< row-wise ops not yet made into a step
  std::vector<std::pair<std::string, int>> weightKeys;

  LogicalResult refuse(Operation *op, const Twine &message) {
    unsupported = true;
    return op->emitError("code generation: ") << message;
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // The function and its signature
  //===------------------------------------------------------------------------------------------------------------===//

  LogicalResult findEntry() {
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

  LogicalResult readConfig() {
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

  //===------------------------------------------------------------------------------------------------------------===//
  // Buffers and weights
  //===------------------------------------------------------------------------------------------------------------===//

  static int64_t widthOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }

  int addBuffer(Domain domain, int64_t width, cpu::RowFormat format = cpu::RowFormat::F32, int64_t group = 0) {
    Buffer buffer;
    buffer.domain = domain;
    buffer.width = width;
    buffer.format = format;
    buffer.rowBytes = cpu::rowBytes(format, width, group);
    plan.buffers.push_back(buffer);
    return plan.buffers.size() - 1;
  }

  FailureOr<int> bufferFor(Operation *op, Value value) {
    auto it = bufferOf.find(value);
    if (it == bufferOf.end())
      return refuse(op, "an operand is neither an activation nor the result of a supported op");
    return it->second;
  }

  int addWeight(const std::string &key, const std::function<PackedWeight()> &make) {
    for (auto &[known, index] : weightKeys)
      if (known == key)
        return index;
    plan.weights.push_back(make());
    weightKeys.emplace_back(key, plan.weights.size() - 1);
    return plan.weights.size() - 1;
  }

  lm::ParamOp param(Operation *user, FlatSymbolRefAttr symbol) { return lm::lookupParam(user, symbol); }

  int vectorWeight(lm::ParamOp param) {
    return addWeight("vector " + param.getSymName().str(), [&] {
      PackedWeight weight;
      weight.kind = PackedWeight::Vector;
      weight.params = {param};
      weight.bytes = cpu::floatRowBytes(param.getNumElements());
      return weight;
    });
  }

  int tableWeight(lm::ParamOp param) {
    return addWeight("table " + param.getSymName().str(), [&] {
      PackedWeight weight;
      weight.kind = PackedWeight::Table;
      weight.params = {param};
      weight.bytes = param.getShape()[0] * cpu::floatRowBytes(param.getShape()[1]);
      return weight;
    });
  }

  static void setFormat(cpu::LinearSpec &spec, lm::ParamOp matrix) {
    spec.format = matrix.isInt8()   ? cpu::WeightFormat::S8Rows
                  : matrix.isBf16() ? cpu::WeightFormat::Bf16
                                    : cpu::WeightFormat::F32;
    if (auto grouped = dyn_cast<lm::GroupedType>(matrix.getType())) {
      spec.format = cpu::WeightFormat::Grouped;
      spec.bits = grouped.getBits();
      spec.group = grouped.getGroup();
      spec.hasMin = grouped.getHasMin();
    }
  }

  int linearWeight(lm::ParamOp matrix, lm::ParamOp bias) {
    std::string key = "linear " + matrix.getSymName().str() + (bias ? " " + bias.getSymName().str() : "");
    return addWeight(key, [&] {
      PackedWeight weight;
      weight.kind = PackedWeight::Linear;
      weight.params = {matrix};
      if (bias)
        weight.params.push_back(bias);
      weight.linear.outputs = matrix.getShape()[0];
      weight.linear.inputs = matrix.getShape()[1];
      setFormat(weight.linear, matrix);
      weight.linear.bias = static_cast<bool>(bias);
      weight.linear.outStride = cpu::floatRowBytes(weight.linear.outputs);
      weight.bytes = weight.linear.bytes();
      return weight;
    });
  }

  int ropeWeight(lm::RopeAttr rope, const cpu::RopeTable &table) {
    std::string key;
    llvm::raw_string_ostream(key) << "rope " << rope;
    return addWeight(key, [&] {
      PackedWeight weight;
      weight.kind = PackedWeight::Rope;
      weight.rope = table;
      weight.ropeAttr = rope;
      weight.bytes = table.bytes();
      return weight;
    });
  }

  // The order of first use is the order in the file: decoding walks through it front to back.
  void layOutWeights() {
    for (PackedWeight &weight : plan.weights) {
      weight.offset = plan.weightBytes;
      plan.weightBytes += cpu::roundUp(weight.bytes, 64);
    }
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // Ops
  //===------------------------------------------------------------------------------------------------------------===//

  static bool isRowWise(Operation &op) {
    return isa<lm::EmbeddingOp, lm::AddPositionsOp, lm::BiasAddOp, lm::RmsNormOp, lm::LayerNormOp, lm::RotateOp,
               lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp, lm::AddOp, lm::ActivationOp,
               lm::GatedProductOp, lm::L2NormalizeOp>(op);
  }

  LogicalResult visit(Operation &op) {
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

  Domain currentDomain() const { return plan.decoder && pastAttention ? Domain::Outputs : Domain::Tokens; }

  template <class OpTy>
  LogicalResult addLinear(OpTy op, Value input, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
    lm::ParamOp matrix = param(op, weight);
    lm::ParamOp biasParam = bias ? param(op, bias) : lm::ParamOp();
    if (auto type = dyn_cast<lm::GroupedType>(matrix.getType()); type && type.getGroup() % cpu::kLanes != 0)
      return refuse(op, "groups of " + Twine(type.getGroup()) + " are not supported (param '" + matrix.getSymName() +
                            "'); use a multiple of 16");
    FailureOr<int> in = bufferFor(op, input);
    if (failed(in))
      return failure();
    Step step;
    step.kind = Step::Linear;
    step.domain = plan.buffers[*in].domain;
    step.name = lm::getPartName(op).str();
    step.weights = {linearWeight(matrix, biasParam)};
    step.linear = plan.weights[step.weights[0]].linear;
    step.inputs = {*in};
    int out = addBuffer(step.domain, step.linear.outputs);
    step.outputs = {out};
    bufferOf[op.getResult()] = out;
    plan.steps.push_back(std::move(step));
    return success();
  }

  LogicalResult addAttention(lm::AttentionOp op) {
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
    if (lm::RopeAttr rope = op.getRopeAttr()) {
      if (rope.getLayout() != lm::RopeLayout::half)
        return refuse(op, "interleaved rope reaches code generation; run --lm-normalize-rope before");
      spec.ropeDims = rope.getDims();
      store.rope.halfDims = rope.getDims() / 2;
      store.rope.positions = plan.maxPositions;
      store.weights = {ropeWeight(rope, store.rope)};
    }
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

  LogicalResult addPool(lm::PoolOp op) {
    FailureOr<int> in = bufferFor(op, op.getInput());
    if (failed(in))
      return failure();
    Step step;
    step.kind = Step::Pool;
    step.domain = Domain::Segments;
    step.name = lm::getPartName(op).str();
    step.pool = static_cast<cpu::PoolKind>(op.getKind()); // the same order: mean, cls, max, last
    step.inputs = {*in};
    int out = addBuffer(Domain::Segments, widthOf(op.getInput()));
    step.outputs = {out};
    bufferOf[op.getResult()] = out;
    plan.steps.push_back(std::move(step));
    return success();
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // Row programs
  //===------------------------------------------------------------------------------------------------------------===//

  // One row program under construction: values of the group are numbered in order of appearance.
  struct Program {
    Step step;
    DenseMap<Value, int64_t> number;
    llvm::MapVector<int, int64_t> weightNumber;

    int64_t define(Value value, int64_t width) {
      int64_t n = step.rows.widths.size();
      step.rows.widths.push_back(width);
      if (value)
        number[value] = n;
      return n;
    }
    int64_t useWeight(int weight) {
      auto [it, fresh] = weightNumber.insert({weight, static_cast<int64_t>(weightNumber.size())});
      if (fresh)
        step.weights.push_back(weight);
      return it->second;
    }
  };

  LogicalResult closeGroup() {
    if (group.empty())
      return success();
    Program program;
    program.step.kind = Step::Rows;
    program.step.domain = currentDomain();
    program.step.name = lm::getPartName(group.front()).str();
    for (Operation *op : group)
      if (isa<RankedTensorType>(op->getResult(0).getType()) &&
          cast<RankedTensorType>(op->getResult(0).getType()).getRank() == 2)
        program.step.domain = Domain::Segments;
    for (Operation *op : group)
      if (failed(addInputs(program, op)))
        return failure();
    for (Operation *op : group)
      if (failed(addRowOp(program, op)))
        return failure();
    addOutputs(program);
    program.step.rows.weightCount = program.weightNumber.size();
    group.clear();
    plan.steps.push_back(std::move(program.step));
    return success();
  }

  LogicalResult addInputs(Program &program, Operation *op) {
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      bool inside = producer && llvm::is_contained(group, producer);
      if (inside || program.number.count(operand) || isa<lm::EmbeddingOp>(op))
        continue;
      FailureOr<int> buffer = bufferFor(op, operand);
      if (failed(buffer))
        return failure();
      addInput(program, operand, *buffer);
    }
    return success();
  }

  void addInput(Program &program, Value value, int buffer) {
    bool gathered = program.step.domain == Domain::Outputs && plan.buffers[buffer].domain == Domain::Tokens;
    int64_t n = program.define(value, plan.buffers[buffer].width);
    program.step.rows.inputs.push_back({n, plan.buffers[buffer].rowBytes, gathered});
    program.step.inputs.push_back(buffer);
  }

  LogicalResult addRowOp(Program &program, Operation *op) {
    cpu::RowOp row;
    for (Value operand : op->getOperands())
      if (!isa<lm::EmbeddingOp>(op))
        row.operands.push_back(program.number.lookup(operand));
    row.width = widthOf(op->getResult(0));
    LogicalResult ok = success();
    if (auto embedding = dyn_cast<lm::EmbeddingOp>(op))
      return addEmbedding(program, embedding, row);
    if (auto positions = dyn_cast<lm::AddPositionsOp>(op)) {
      row.kind = cpu::RowOpKind::AddPositions;
      row.weights = {program.useWeight(tableWeight(param(op, positions.getTableAttr())))};
      plan.maxPositions = std::min(plan.maxPositions, param(op, positions.getTableAttr()).getShape()[0]);
    } else if (auto bias = dyn_cast<lm::BiasAddOp>(op)) {
      row.kind = cpu::RowOpKind::BiasAdd;
      row.weights = {program.useWeight(vectorWeight(param(op, bias.getVectorAttr())))};
    } else if (auto norm = dyn_cast<lm::RmsNormOp>(op)) {
      row.kind = cpu::RowOpKind::RmsNorm;
      row.epsilon = norm.getEps().convertToDouble();
      addAffine(program, row, op, norm.getWeightAttr(), {});
    } else if (auto norm = dyn_cast<lm::LayerNormOp>(op)) {
      row.kind = cpu::RowOpKind::LayerNorm;
      row.epsilon = norm.getEps().convertToDouble();
      addAffine(program, row, op, norm.getWeightAttr(), norm.getBiasAttr());
    } else if (auto rotate = dyn_cast<lm::RotateOp>(op)) {
      row.kind = cpu::RowOpKind::Rotate;
      row.block = rotate.getBlock();
      ok = checkBlock(op, row.block);
    } else if (isa<lm::QuantizeDynamicOp>(op)) {
      row.kind = cpu::RowOpKind::Quantize;
    } else if (auto quantize = dyn_cast<lm::QuantizeGroupsOp>(op)) {
      row.kind = cpu::RowOpKind::QuantizeGroups;
      row.block = quantize.getGroup();
      if (row.block % cpu::kLanes != 0)
        ok = refuse(op, "groups of " + Twine(row.block) + " are not supported; use a multiple of 16");
    } else if (isa<lm::NarrowOp>(op)) {
      row.kind = cpu::RowOpKind::Narrow;
    } else if (isa<lm::AddOp>(op)) {
      row.kind = cpu::RowOpKind::Add;
    } else if (auto activation = dyn_cast<lm::ActivationOp>(op)) {
      row.kind = cpu::RowOpKind::Activation;
      row.activation = static_cast<cpu::ActivationKind>(activation.getKind()); // the same order
      row.for8Bits = endsIn8Bits(op->getResult(0));
    } else if (auto product = dyn_cast<lm::GatedProductOp>(op)) {
      row.kind = cpu::RowOpKind::GatedProduct;
      row.activation = static_cast<cpu::ActivationKind>(product.getKind());
      row.for8Bits = endsIn8Bits(op->getResult(0));
    } else if (isa<lm::L2NormalizeOp>(op)) {
      row.kind = cpu::RowOpKind::L2Normalize;
    }
    row.result = program.define(op->getResult(0), row.width);
    program.step.rows.ops.push_back(std::move(row));
    return ok;
  }

  // Whether all that is done with a value is to quantize it, turned or not, or to round it to bf16: that keeps 8 bits,
  // too, and what the shorter formulas are off by (4e-5) counts for less than the rounding of the larger numbers of a
  // row.
  static bool endsIn8Bits(Value value) {
    return llvm::all_of(value.getUsers(), [](Operation *user) {
      return isa<lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp>(user) ||
             (isa<lm::RotateOp>(user) && endsIn8Bits(user->getResult(0)));
    });
  }

  // A block is turned in registers: 512 numbers fill all 32 of them. Blocks below 16 are turned inside one register; at
  // the ragged end of a row they meet only zeros beyond the width, and zeros stay zeros.
  LogicalResult checkBlock(Operation *op, int64_t block) {
    return block <= 512 ? success() : refuse(op, "rotation by blocks above 512 is not supported");
  }

  void addAffine(Program &program, cpu::RowOp &row, Operation *op, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
    for (FlatSymbolRefAttr symbol : {weight, bias})
      if (symbol)
        row.weights.push_back(program.useWeight(vectorWeight(param(op, symbol))));
  }

  // A table that is also the matrix of a linear (tied head) exists once, in the layout of the linear.
  LogicalResult addEmbedding(Program &program, lm::EmbeddingOp op, cpu::RowOp row) {
    lm::ParamOp table = param(op, op.getTableAttr());
    bool asLinear = table.isInt8() || table.isBf16() || table.isGrouped();
    lm::ParamOp bias;
    function.walk([&](Operation *user) {
      FlatSymbolRefAttr weight, biasSymbol;
      if (auto linear = dyn_cast<lm::LinearOp>(user))
        weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
      if (auto linear = dyn_cast<lm::NarrowLinearOp>(user))
        weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
      if (auto linear = dyn_cast<lm::QuantizedLinearOp>(user))
        weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
      if (auto linear = dyn_cast<lm::GroupedLinearOp>(user))
        weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
      if (weight == op.getTableAttr()) {
        asLinear = true;
        bias = biasSymbol ? param(user, biasSymbol) : lm::ParamOp();
      }
    });
    int weight = asLinear ? linearWeight(table, bias) : tableWeight(table);
    row.kind = table.isInt8()      ? cpu::RowOpKind::EmbeddingCodes
               : table.isBf16()    ? cpu::RowOpKind::EmbeddingHalves
               : table.isGrouped() ? cpu::RowOpKind::EmbeddingGroups
               : asLinear          ? cpu::RowOpKind::EmbeddingPanels
                                   : cpu::RowOpKind::Embedding;
    const cpu::LinearSpec &spec = plan.weights[weight].linear;
    row.tableRows = spec.outputs;
    row.bits = spec.bits;
    row.hasMin = spec.hasMin;
    row.block = spec.group;
    row.weights = {program.useWeight(weight)};
    if (table.isInt8())
      row.scaleOffset = plan.weights[weight].linear.scaleOffset();
    bool rotated = op.getRotated().has_value();
    row.result = program.define(rotated ? Value() : op.getResult(), row.width);
    int64_t stored = row.result;
    program.step.rows.ops.push_back(row);
    if (!rotated)
      return success();
    cpu::RowOp back;
    back.kind = cpu::RowOpKind::Rotate;
    back.operands = {stored};
    back.width = row.width;
    back.block = *op.getRotated();
    back.result = program.define(op.getResult(), row.width);
    program.step.rows.ops.push_back(std::move(back));
    return checkBlock(op, *op.getRotated());
  }

  int addOutput(Domain domain, Operation *op) {
    int64_t width = widthOf(op->getResult(0));
    if (auto quantize = dyn_cast<lm::QuantizeGroupsOp>(op))
      return addBuffer(domain, width, cpu::RowFormat::Groups, quantize.getGroup());
    auto format = isa<lm::QuantizeDynamicOp>(op) ? cpu::RowFormat::U8
                  : isa<lm::NarrowOp>(op)        ? cpu::RowFormat::Bf16
                                                 : cpu::RowFormat::F32;
    return addBuffer(domain, width, format);
  }

  void addOutputs(Program &program) {
    for (Operation *op : group) {
      Value value = op->getResult(0);
      bool leaves = llvm::any_of(value.getUsers(), [&](Operation *user) { return !llvm::is_contained(group, user); });
      if (!leaves)
        continue;
      int buffer = addOutput(program.step.domain, op);
      bufferOf[value] = buffer;
      program.step.outputs.push_back(buffer);
      program.step.rows.outputs.push_back({program.number.lookup(value), plan.buffers[buffer].rowBytes});
    }
  }

  // A row program that only copies: brings a value into the domain of the results.
  int copyTo(Domain domain, int buffer) {
    Program program;
    program.step.kind = Step::Rows;
    program.step.domain = domain;
    program.step.name = "result";
    addInput(program, Value(), buffer);
    cpu::RowOp copy;
    copy.operands = {0};
    copy.width = plan.buffers[buffer].width;
    copy.result = program.define(Value(), copy.width);
    program.step.rows.ops = {copy};
    int out = addBuffer(domain, copy.width);
    program.step.outputs = {out};
    program.step.rows.outputs = {{copy.result, plan.buffers[out].rowBytes}};
    plan.steps.push_back(std::move(program.step));
    return out;
  }

  LogicalResult finish(func::ReturnOp op) {
    if (op.getNumOperands() < 1)
      return refuse(op, "expects a result");
    FailureOr<int> buffer = bufferFor(op, op.getOperand(0));
    if (failed(buffer))
      return failure();
    Domain wanted = plan.decoder ? Domain::Outputs : Domain::Segments;
    if (plan.buffers[*buffer].domain != wanted && !plan.decoder)
      return refuse(op, "an encoder's result must be pooled (lm.pool): one vector for each sequence");
    // The step that writes the result writes the caller's memory; if that memory would have another shape, or other
    // steps read the value too, a copy stands between.
    bool last = plan.steps.back().outputs.size() == 1 && plan.steps.back().outputs[0] == *buffer &&
                plan.steps.back().kind != Step::Pool;
    int result = last && plan.buffers[*buffer].domain == wanted ? *buffer : copyTo(wanted, *buffer);
    plan.outputWidth = plan.buffers[result].width;
    plan.buffers[result].result = true;
    plan.buffers[result].rowBytes = 4 * plan.outputWidth;
    Step &step = plan.steps.back();
    if (step.kind == Step::Linear)
      step.linear.outStride = 4 * plan.outputWidth;
    else
      step.rows.outputs.back().stride = 4 * plan.outputWidth;
    return success();
  }
};
} // namespace

LogicalResult buildPlan(ModuleOp module, Plan &plan, bool &unsupported) {
  return PlanBuilder(module, plan, unsupported).run();
}

} // namespace lmopt::lower
