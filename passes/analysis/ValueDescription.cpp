// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes how values are computed, exact rewrites undone; see ValueDescription.h.
#include "passes/analysis/ValueDescription.h"

#include "dialects/lm/PartNames.h"
#include "passes/analysis/AttentionLinears.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lmopt::lm {

/// Quoted strings without what stands before their last slash.
static std::string withoutFolders(StringRef text) {
  std::string result;
  bool quoted = false;
  size_t begin = 0;
  for (char c : text) {
    if (quoted && c == '/') {
      result.resize(begin);
      continue;
    }
    result += c;
    if (c == '"') {
      quoted = !quoted;
      begin = result.size();
    }
  }
  return result;
}

std::string textOf(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  attribute.print(stream);
  return withoutFolders(text);
}

//===----------------------------------------------------------------------===//
// Weights before they were rewritten
//===----------------------------------------------------------------------===//

namespace {

/// A weight before roundings, and before it was rewritten together with what it reads (`taken` is what was found of
/// that) and with what it makes (`made`).
struct Original {
  Attribute weight;
  Rewritten taken, made;
};

} // namespace

static Attribute beforeRounding(Attribute weight) {
  if (auto stored = dyn_cast<StoreSparseAttr>(weight))
    weight = stored.getSource();
  return llvm::TypeSwitch<Attribute, Attribute>(weight)
      .Case<QuantizeRowsAttr, QuantizeGroupsAttr, QuantizeCodebookAttr, NarrowAttr, NativeAttr>(
          [](auto a) { return a.getSource(); })
      .Default(weight);
}

/// Whether u[k] v[k] = 1 up to the rounding of 1 / v[k] to f32.
static bool isInverse(Attribute u, Attribute v) {
  auto first = dyn_cast<DenseElementsAttr>(u), second = dyn_cast<DenseElementsAttr>(v);
  if (!first || !second || first.getType() != second.getType() || !first.getElementType().isF32())
    return false;
  for (auto [a, b] : llvm::zip_equal(first.getValues<float>(), second.getValues<float>()))
    if (!(std::abs(double(a) * b - 1) <= 1.2e-7))
      return false;
  return true;
}

/// Takes the outermost derivation off if it belongs to a rewrite; false when there is none left.
static bool undoOne(Original &state, const Rewritten &input) {
  if (auto rotate = dyn_cast<RotateColumnsAttr>(state.weight);
      rotate && state.taken.rotated == 0 && rotate.getBlock() == input.rotated) {
    state.taken.rotated = rotate.getBlock();
    state.weight = rotate.getSource();
  } else if (auto columns = dyn_cast<ScaleColumnsAttr>(state.weight);
             columns && !state.taken.times && state.taken.rotated == input.rotated && input.times &&
             isInverse(columns.getVector(), input.times)) {
    state.taken.times = input.times;
    state.weight = columns.getSource();
  } else if (auto rows = dyn_cast<ScaleRowsAttr>(state.weight);
             rows && !state.made.times && isa<DenseElementsAttr>(rows.getVector())) {
    state.made.times = rows.getVector();
    state.weight = rows.getSource();
  } else if (auto scale = dyn_cast<ScaleAttr>(state.weight); scale && state.made.factor == 1) {
    state.made.factor = scale.getFactor();
    state.weight = scale.getSource();
  } else if (auto permute = dyn_cast<PermuteRopeAttr>(state.weight); permute && !state.made.permute) {
    state.made.permute = permute;
    state.weight = permute.getSource();
  } else if (auto sparsify = dyn_cast<SparsifyAttr>(state.weight)) {
    state.weight = sparsify.getSource();
  } else {
    return false;
  }
  return true;
}

static Original undo(Attribute weight, const Rewritten &input) {
  Original state = {beforeRounding(weight), {}, {}};
  while (undoOne(state, input))
    ;
  return state;
}

/// The permutation but for its source.
static bool samePermutation(Attribute a, Attribute b) {
  auto first = dyn_cast_or_null<PermuteRopeAttr>(a), second = dyn_cast_or_null<PermuteRopeAttr>(b);
  return first && second ? first.getHeads() == second.getHeads() && first.getFrom() == second.getFrom() &&
                               first.getDims() == second.getDims()
                         : !first && !second;
}

static bool madeAlike(const Rewritten &a, const Rewritten &b) {
  return a.times == b.times && a.factor == b.factor && samePermutation(a.permute, b.permute);
}

static Attribute valueOf(Operation *op, StringRef name) {
  auto symbol = op->getAttrOfType<FlatSymbolRefAttr>(name);
  ParamOp param = symbol ? lookupParam(op, symbol) : ParamOp();
  return param ? param.getValue() : Attribute();
}

/// The matrix (or the scale of a norm) and the bias of an op as they were, if both say the same about what the op makes
/// and the matrix takes the input as it is now.
static std::optional<std::pair<Original, Original>> originals(Operation *op, const Rewritten &input) {
  Attribute weight = valueOf(op, "weight"), bias = valueOf(op, "bias");
  if (!weight || !input.isForLinears())
    return std::nullopt;
  Original first = undo(weight, input), second = bias ? undo(bias, {}) : Original{};
  bool taken = first.taken.times == input.times && first.taken.rotated == input.rotated;
  if (!taken || (bias && !madeAlike(first.made, second.made)))
    return std::nullopt;
  return std::pair(first, second);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

ValueDescriptions::ValueDescriptions(ModuleOp module) {
  walkModel(module, [&](Operation *op) {
    if (isa<AddOp>(op))
      sums.insert({op, static_cast<unsigned>(sums.size())});
  });
}

Rewritten ValueDescriptions::rewritten(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<CacheType>(value.getType()) || sums.contains(op))
    return {};
  if (auto found = known.find(op); found != known.end())
    return found->second;
  Rewritten result = find(op);
  known[op] = result;
  return result;
}

/// lm.quantize_static of what lm.fake_quantize made loses nothing; the other is part of the model.
static bool isRounding(Operation *op) {
  return isa<QuantizeDynamicOp, QuantizeStaticOp, QuantizeGroupsOp, NarrowOp>(op);
}

Rewritten ValueDescriptions::find(Operation *op) {
  if (isRounding(op))
    return rewritten(op->getOperand(0));
  if (auto rotate = dyn_cast<RotateOp>(op)) {
    Rewritten input = rewritten(rotate.getInput());
    if (input.rotated == 0)
      input.rotated = rotate.getBlock();
    return input;
  }
  if (auto product = dyn_cast<GatedProductOp>(op)) {
    Rewritten up = rewritten(product.getUp());
    return rewritten(product.getGate()).isNone() && up.rotated == 0 && up.isForLinears() ? up : Rewritten();
  }
  if (auto attention = dyn_cast<AttentionOp>(op))
    return {timesOfResult(attention), 0, {}, 1};
  if (isa<RmsNormOp, LayerNormOp, LinearLikeOpInterface>(op))
    if (auto found = originals(op, isa<LinearLikeOpInterface>(op) ? rewritten(op->getOperand(0)) : Rewritten()))
      return found->first.made;
  return {};
}

/// Scaled values, and nothing else that was rewritten of them, make a result whose heads are scaled as the values that
/// they read.
Attribute ValueDescriptions::timesOfResult(AttentionOp attention) {
  Rewritten made = rewritten(attention.getValue());
  auto times = dyn_cast_or_null<DenseElementsAttr>(made.times);
  if (!times || made.rotated != 0 || !made.isForLinears())
    return {};
  auto numbers = times.getValues<float>();
  llvm::SmallVector<float> result;
  for (int64_t channel : valueChannels(attention))
    result.push_back(numbers[static_cast<size_t>(channel)]);
  auto type = RankedTensorType::get({static_cast<int64_t>(result.size())}, times.getElementType());
  return DenseElementsAttr::get(type, llvm::ArrayRef<float>(result));
}

/// Writes how a value is computed; every op once.
class DescriptionWriter {
public:
  explicit DescriptionWriter(ValueDescriptions &values) : values(values), stream(text) {}

  std::string of(Value value) {
    describe(value);
    return text;
  }

private:
  ValueDescriptions &values;
  llvm::DenseMap<Operation *, unsigned> seen;
  std::string text;
  llvm::raw_string_ostream stream;

  void describe(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa<CacheType>(value.getType())) // the layers before: their rows come by the sum, too
      stream << "cache;";
    else if (!op)
      stream << "argument " << cast<BlockArgument>(value).getArgNumber() << ';';
    else if (auto sum = values.sums.find(op); sum != values.sums.end())
      stream << "sum " << sum->second << ';';
    else if (isRounding(op) || (isa<RotateOp>(op) && values.rewritten(op->getOperand(0)).rotated == 0))
      describe(op->getOperand(0));
    else
      describe(op);
  }

  void describe(Operation *op) {
    auto [place, isNew] = seen.insert({op, static_cast<unsigned>(seen.size())});
    stream << '#' << place->second << ';';
    if (!isNew)
      return;
    if (auto linear = dyn_cast<LinearLikeOpInterface>(op))
      describeAlike(op, values.rewritten(op->getOperand(0)), LinearOp::getOperationName());
    else if (isa<RmsNormOp, LayerNormOp>(op))
      describeAlike(op, {}, op->getName().getStringRef());
    else if (auto attention = dyn_cast<AttentionOp>(op))
      describeAttention(attention);
    else if (auto embedding = dyn_cast<EmbeddingOp>(op))
      describeEmbedding(embedding);
    else if (isa<GatedProductOp>(op))
      describePlainly(op, op->getAttrDictionary(), /*undone=*/!values.rewritten(op->getResult(0)).isNone());
    else
      describePlainly(op, op->getAttrDictionary(), /*undone=*/false);
  }

  /// The op as it is. Unless it is `undone` elsewhere, what was rewritten of its operands is part of it.
  void describePlainly(Operation *op, DictionaryAttr attributes, bool undone) {
    stream << op->getName() << '(';
    for (NamedAttribute attribute : attributes)
      if (attribute.getName() != kPartAttribute)
        describe(op, attribute);
    for (Value operand : op->getOperands()) {
      describe(operand);
      if (!undone)
        describe(values.rewritten(operand));
    }
    stream << ')';
  }

  void describe(const Rewritten &rewritten) {
    if (rewritten.isNone())
      return;
    stream << "rewritten " << rewritten.rotated << ' ' << rewritten.factor;
    for (Attribute part : {rewritten.times, rewritten.permute})
      if (part)
        stream << ' ' << textOf(part);
    stream << ';';
  }

  void describe(Operation *op, NamedAttribute attribute) {
    stream << attribute.getName().getValue() << '=';
    auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue());
    ParamOp param = symbol ? lookupParam(op, symbol) : ParamOp();
    if (param)
      stream << param.getType();
    stream << textOf(param ? param.getValue() : attribute.getValue());
    stream << ';';
  }

  /// A product with weights or a norm, its weights as they were.
  void describeAlike(Operation *op, const Rewritten &input, StringRef name) {
    auto found = originals(op, input);
    if (!found)
      return describePlainly(op, op->getAttrDictionary(), /*undone=*/false);
    stream << name << '(';
    for (NamedAttribute attribute : op->getAttrDictionary()) {
      if (attribute.getName() == kPartAttribute)
        continue;
      if (attribute.getName() == "weight")
        describe(op, attribute, found->first);
      else if (attribute.getName() == "bias")
        describe(op, attribute, found->second);
      else
        describe(op, attribute);
    }
    for (Value operand : op->getOperands())
      describe(operand);
    stream << ')';
  }

  void describe(Operation *op, NamedAttribute attribute, const Original &original) {
    ParamOp param = lookupParam(op, cast<FlatSymbolRefAttr>(attribute.getValue()));
    auto type = RankedTensorType::get(param.getShape(), Float32Type::get(op->getContext()));
    stream << attribute.getName().getValue() << '=' << type << textOf(original.weight) << ';';
  }

  /// Attention before its rotary layout, its scale and its element were changed.
  void describeAttention(AttentionOp op) {
    Rewritten query = values.rewritten(op.getQuery()), key = values.rewritten(op.getKey());
    NamedAttrList attributes(op->getAttrDictionary());
    bool undone = undoRope(op, query, key, attributes) && undoScale(op, query, key, attributes) &&
                  (values.rewritten(op.getValue()).isNone() || values.rewritten(op.getResult()).times);
    if (!undone)
      return describePlainly(op, op->getAttrDictionary(), /*undone=*/false);
    attributes.erase("element");
    describePlainly(op, attributes.getDictionary(op.getContext()), /*undone=*/true);
  }

  static bool isOnlyForAttention(const Rewritten &value) { return !value.times && value.rotated == 0; }

  static bool undoRope(AttentionOp op, const Rewritten &query, const Rewritten &key, NamedAttrList &attributes) {
    if (!isOnlyForAttention(query) || !isOnlyForAttention(key) || !query.permute != !key.permute)
      return false;
    auto first = dyn_cast_or_null<PermuteRopeAttr>(query.permute),
         second = dyn_cast_or_null<PermuteRopeAttr>(key.permute);
    if (!first)
      return true;
    RopeAttr rope = op.getRopeAttr();
    int64_t dims = rope && rope.getDims() != op.getHeadWidth() ? rope.getDims() : 0;
    if (!rope || rope.getLayout() == first.getFrom() || first.getFrom() != second.getFrom() ||
        first.getDims() != dims || second.getDims() != dims || first.getHeads() != int64_t(op.getHeads()) ||
        second.getHeads() != int64_t(op.getKvHeads()))
      return false;
    attributes.set("rope",
                   RopeAttr::get(op.getContext(), rope.getBase(), rope.getDims(), first.getFrom(), rope.getScaling()));
    return true;
  }

  static bool undoScale(AttentionOp op, const Rewritten &query, const Rewritten &key, NamedAttrList &attributes) {
    if (query.factor == 1)
      return key.factor == 1;
    attributes.set("scale", Builder(op.getContext()).getF64FloatAttr(op.getScale().convertToDouble() * query.factor));
    return key.factor == 1;
  }

  void describeEmbedding(EmbeddingOp op) {
    ParamOp table = lookupParam(op, op.getTableAttr());
    int64_t block = op.getRotated().value_or(0);
    Original original = undo(table.getValue(), Rewritten{{}, block, {}, 1});
    if (original.taken.rotated != block || !original.made.isNone())
      return describePlainly(op, op->getAttrDictionary(), /*undone=*/false);
    stream << op->getName() << '(';
    for (NamedAttribute attribute : op->getAttrDictionary())
      if (attribute.getName() == "table")
        describe(op, attribute, original);
      else if (attribute.getName() != kPartAttribute && attribute.getName() != "rotated")
        describe(op, attribute);
    describe(op.getIds());
    stream << ')';
  }
};

std::string ValueDescriptions::describe(Value value) { return DescriptionWriter(*this).of(value); }

} // namespace lmopt::lm
