// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs: chains of norms, elementwise operations, rotation and quantization, run on one row after another. In
// and out: rows of the arena. Values between the operations live in a scratch row that stays in the first-level cache.
// Lanes beyond the width of a row are zero on input and kept zero (each operation says why where it is not obvious).
// Tested by test/unit/codegen/RowKernelTest.cpp.
#include "codegen/cpu/Kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct RowEmitter {
  Emitter &e;
  const RowProgram &program;
  std::vector<Value> weights;
  Value tokens, rowInfo, row; ///< row: index of the current row
  std::vector<Value> address; ///< by value number, of the current row

  int64_t vectors(const RowOp &op) const { return roundUp(op.width, kLanes) / kLanes; }
  Value source(const RowOp &op, int64_t i) { return address[op.operands[i]]; }
  Value weight(const RowOp &op, int64_t i) { return weights[op.weights[i]]; }

  // body(byte offset) for each vector of the row.
  void overVectors(const RowOp &op, const std::function<void(Value)> &body) {
    e.loop(0, vectors(op) * 64, 64, [&](Value offset) { body(offset); });
  }

  // Folds body(offset, sum) over the vectors of the row, in four chains where the width allows: one chain alone would
  // wait for its own latency at every step.
  Value fold(const RowOp &op, Value start, const std::function<Value(Value, Value)> &body,
             const std::function<Value(Value, Value)> &combine) {
    int64_t chains = vectors(op) % 4 == 0 ? 4 : vectors(op) % 2 == 0 ? 2 : 1;
    Values parts = e.loop(e.index(0), e.index(vectors(op) * 64), chains * 64, Values(chains, start),
                          [&](Value offset, const Values &carried) {
                            Values next;
                            for (int64_t c = 0; c < chains; ++c)
                              next.push_back(body(e.add(offset, c * 64), carried[c]));
                            return next;
                          });
    for (int64_t n = chains / 2; n > 0; n /= 2)
      for (int64_t i = 0; i < n; ++i)
        parts[i] = combine(parts[i], parts[i + n]);
    return parts[0];
  }
  Value sumOf(const RowOp &op, const std::function<Value(Value, Value)> &body) {
    return e.reduceAdd(fold(op, e.floatsOf(0), body, [&](Value a, Value c) { return e.add(a, c); }));
  }

  // All ones but for lanes beyond the width: keeps them zero where an operation would fill them.
  Value insideRow(const RowOp &op, Value offset) {
    Value left = e.sub(e.index(op.width), e.div(offset, e.index(4)));
    return e.maskBelow(left);
  }
  Value zeroBeyondWidth(const RowOp &op, Value v, Value offset) {
    return op.width % kLanes ? e.select(insideRow(op, offset), v, e.floatsOf(0)) : v;
  }

  // Rows of the caller's memory may end inside the last vector.
  bool endsInsideVector(const RowOp &op) const {
    for (const RowProgram::Output &output : program.outputs)
      if (output.value == op.result)
        return output.stride < floatRowBytes(op.width);
    return false;
  }

  void put(const RowOp &op, Value v, Value offset) {
    Value to = e.at(address[op.result], offset);
    if (endsInsideVector(op))
      e.storeMasked(v, to, insideRow(op, offset));
    else
      e.store(v, to);
  }
  void map(const RowOp &op, const std::function<Value(Value)> &body) {
    overVectors(op, [&](Value offset) { put(op, body(offset), offset); });
  }
  Value in(const RowOp &op, int64_t i, Value offset) { return e.loadFloats(e.at(source(op, i), offset)); }

  Value tokenId() {
    Value id = e.load(e.b.getI32Type(), e.at(tokens, e.mul(row, 4)));
    return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), id);
  }

  void embedding(const RowOp &op) {
    Value from = e.at(weight(op, 0), e.mul(tokenId(), floatRowBytes(op.width)));
    map(op, [&](Value offset) { return e.loadFloats(e.at(from, offset)); });
  }

  // Row n of panels [n / 16][k][n % 16]: one float in each cache line, 16 lines for a vector.
  void embeddingPanels(const RowOp &op) {
    Value id = tokenId();
    Value from = e.at(weight(op, 0),
                      e.add(e.mul(e.div(id, e.index(kLanes)), op.width * 64), e.mul(e.rem(id, e.index(kLanes)), 4)));
    map(op, [&](Value offset) {
      Values lanes;
      for (int64_t i = 0; i < kLanes; ++i) {
        // offset counts 4 bytes for an element of the row; the same element is 64 bytes further in the panel. The last
        // vector of a ragged row must not read beyond the panel's depth: its lanes read element 0 and are zeroed.
        Value element = e.add(e.div(offset, e.index(4)), i);
        Value inside = e.less(element, e.index(op.width));
        Value place = op.width % kLanes ? e.select(inside, element, e.index(0)) : element;
        lanes.push_back(e.load(e.b.getF32Type(), e.at(from, e.mul(place, 64))));
      }
      Value v = vector::FromElementsOp::create(e.b, e.loc, e.floats(), lanes);
      return zeroBeyondWidth(op, v, offset);
    });
  }

  // Row n of panels [n / 16][k / 4][n % 16][4]: four codes in each cache line. Codes beyond the width are zero.
  void embeddingCodes(const RowOp &op) {
    Value id = tokenId();
    Value from = e.at(weight(op, 0), e.add(e.mul(e.div(id, e.index(kLanes)), roundUp(op.width, 16) * kLanes),
                                           e.mul(e.rem(id, e.index(kLanes)), 4)));
    Value scale = e.load(e.b.getF32Type(), e.at(weight(op, 0), e.add(e.mul(id, 4), op.scaleOffset)));
    map(op, [&](Value offset) {
      Values groups;
      for (int64_t i = 0; i < 4; ++i) // 16 codes: 4 groups, 64 bytes apart, as the row's own 16 floats are 64 bytes
        groups.push_back(e.load(e.b.getI32Type(), e.at(from, e.add(e.mul(offset, 4), i * 64))));
      Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(4), groups);
      Value codes = arith::ExtSIOp::create(e.b, e.loc, e.ints(), e.bitcast(packed, e.bytes(16)));
      return e.mul(e.toFloat(codes), e.broadcast(scale));
    });
  }

  void addPositions(const RowOp &op) {
    Value position = e.load(e.b.getI64Type(), e.at(rowInfo, e.add(e.mul(row, kRowInfoBytes), 16)), 8);
    Value from = e.at(weight(op, 0), e.mul(position, floatRowBytes(op.width)));
    map(op, [&](Value offset) { return e.add(in(op, 0, offset), e.loadFloats(e.at(from, offset))); });
  }

  void rmsNorm(const RowOp &op) {
    Value squares = sumOf(op, [&](Value offset, Value sum) {
      Value x = in(op, 0, offset);
      return e.fma(x, x, sum);
    });
    Value mean = e.mul(squares, e.f32(1.0f / op.width));
    Value factor = e.broadcast(e.reciprocalSqrt(e.add(mean, e.f32(op.epsilon))));
    map(op, [&](Value offset) {
      Value y = e.mul(in(op, 0, offset), factor);
      return op.weights.empty() ? y : e.mul(y, e.loadFloats(e.at(weight(op, 0), offset)));
    });
  }

  // Two passes, as the oracle does: the variance is the mean of squared differences from the mean.
  void layerNorm(const RowOp &op) {
    Value inverse = e.f32(1.0f / op.width);
    Value mean =
        e.broadcast(e.mul(sumOf(op, [&](Value offset, Value sum) { return e.add(in(op, 0, offset), sum); }), inverse));
    auto centered = [&](Value offset) { return zeroBeyondWidth(op, e.sub(in(op, 0, offset), mean), offset); };
    Value squares = sumOf(op, [&](Value offset, Value sum) {
      Value d = centered(offset);
      return e.fma(d, d, sum);
    });
    Value factor = e.broadcast(e.reciprocalSqrt(e.add(e.mul(squares, inverse), e.f32(op.epsilon))));
    map(op, [&](Value offset) {
      Value y = e.mul(centered(offset), factor);
      if (!op.weights.empty())
        y = e.mul(y, e.loadFloats(e.at(weight(op, 0), offset)));
      return op.weights.size() < 2 ? y : e.add(y, e.loadFloats(e.at(weight(op, 1), offset)));
    });
  }

  // All of these map 0 to 0, so lanes beyond the width stay zero.
  Value activate(ActivationKind kind, Value x) {
    switch (kind) {
    case ActivationKind::Gelu: // x/2 (1 + erf(x / sqrt 2))
      return e.mul(e.mul(x, e.floatsOf(0.5f)), e.add(e.erf(e.mul(x, e.floatsOf(0.70710678118654752f))), e.floatsOf(1)));
    case ActivationKind::GeluTanh: { // x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
      Value cubic = e.fma(e.mul(e.mul(x, x), x), e.floatsOf(0.044715f), x);
      return e.mul(x, e.sigmoid(e.mul(cubic, e.floatsOf(1.5957691216057308f))));
    }
    case ActivationKind::Silu:
      return e.mul(x, e.sigmoid(x));
    case ActivationKind::Relu:
      return e.max(x, e.floatsOf(0));
    case ActivationKind::Tanh:
      return e.tanh(x);
    }
    return x;
  }

  // One butterfly inside a register: lane i meets lane i ^ distance; the one with the bit set is subtracted.
  Value butterfly(Value v, int64_t distance) {
    SmallVector<int64_t> partner;
    SmallVector<float> sign;
    for (int64_t i = 0; i < kLanes; ++i) {
      partner.push_back(i ^ distance);
      sign.push_back((i & distance) ? -1.0f : 1.0f);
    }
    return e.fma(v, e.floatsFrom(sign), e.shuffle(v, partner));
  }

  // x * H per block, H the normalized Hadamard matrix in natural order: log2(block) butterfly stages, then
  // 1/sqrt(block).
  void rotate(const RowOp &op) {
    int64_t registers = std::max<int64_t>(op.block / kLanes, 1);
    Value from = source(op, 0);
    Value norm = e.floatsOf(1.0f / std::sqrt(static_cast<float>(op.block)));
    e.loop(0, vectors(op) * 64, registers * 64, [&](Value offset) {
      Values v;
      for (int64_t i = 0; i < registers; ++i)
        v.push_back(e.loadFloats(e.at(from, e.add(offset, i * 64))));
      for (int64_t distance = 1; distance < std::min(op.block, kLanes); distance *= 2)
        for (Value &lane : v)
          lane = butterfly(lane, distance);
      for (int64_t distance = 1; distance < registers; distance *= 2)
        for (int64_t i = 0; i < registers; ++i)
          if (!(i & distance)) {
            Value a = v[i], c = v[i + distance];
            v[i] = e.add(a, c);
            v[i + distance] = e.sub(a, c);
          }
      for (int64_t i = 0; i < registers; ++i)
        put(op, e.mul(v[i], norm), e.add(offset, i * 64));
    });
  }

  // ONNX DynamicQuantizeLinear for one row. A row of (almost) zeros gets scale 0 and all codes equal to the zero point.
  void quantize(const RowOp &op) {
    auto extreme = [&](bool largest) {
      auto pick = [&, largest](Value a, Value c) { return largest ? e.max(a, c) : e.min(a, c); };
      Value v = fold(op, e.floatsOf(0), [&](Value offset, Value best) { return pick(in(op, 0, offset), best); }, pick);
      return largest ? e.reduceMax(v) : e.reduceMin(v);
    };
    Value low = extreme(false), high = extreme(true);
    Value scale = e.div(e.sub(high, low), e.f32(255));
    // Below 1e-35 the reciprocal would not be finite; such a row is zero for all that follows.
    Value usable = e.less(e.f32(1e-35f), scale);
    scale = e.select(usable, scale, e.f32(0));
    Value inverse = e.broadcast(e.select(usable, e.div(e.f32(1), scale), e.f32(0)));
    Value limit = e.intsOf(255), none = e.intsOf(0);
    auto clamp = [&](Value v) { return e.max(e.min(v, limit), none); };
    Value zeroPoint = clamp(e.roundToInt(e.mul(e.broadcast(e.sub(e.f32(0), low)), inverse)));
    Value to = address[op.result];
    e.store(scale, to);
    e.store(e.lane(zeroPoint, 0), e.at(to, 4));
    overVectors(op, [&](Value offset) {
      Value code = clamp(e.add(e.roundToInt(e.mul(in(op, 0, offset), inverse)), zeroPoint));
      e.store(e.narrowToBytes(code), e.at(to, e.add(e.div(offset, e.index(4)), kQuantHeader)), 16);
    });
  }

  void l2Normalize(const RowOp &op) {
    Value squares = sumOf(op, [&](Value offset, Value sum) {
      Value x = in(op, 0, offset);
      return e.fma(x, x, sum);
    });
    Value norm = LLVM::SqrtOp::create(e.b, e.loc, squares.getType(), squares);
    Value factor = e.broadcast(e.div(e.f32(1), e.max(norm, e.f32(1e-12f))));
    map(op, [&](Value offset) { return e.mul(in(op, 0, offset), factor); });
  }

  void emit(const RowOp &op) {
    switch (op.kind) {
    case RowOpKind::Embedding:
      return embedding(op);
    case RowOpKind::EmbeddingPanels:
      return embeddingPanels(op);
    case RowOpKind::EmbeddingCodes:
      return embeddingCodes(op);
    case RowOpKind::AddPositions:
      return addPositions(op);
    case RowOpKind::Copy:
      return map(op, [&](Value offset) { return in(op, 0, offset); });
    case RowOpKind::Add:
      return map(op, [&](Value offset) { return e.add(in(op, 0, offset), in(op, 1, offset)); });
    case RowOpKind::BiasAdd:
      return map(op, [&](Value offset) { return e.add(in(op, 0, offset), e.loadFloats(e.at(weight(op, 0), offset))); });
    case RowOpKind::RmsNorm:
      return rmsNorm(op);
    case RowOpKind::LayerNorm:
      return layerNorm(op);
    case RowOpKind::Activation:
      return map(op, [&](Value offset) { return activate(op.activation, in(op, 0, offset)); });
    case RowOpKind::GatedProduct:
      return map(op,
                 [&](Value offset) { return e.mul(activate(op.activation, in(op, 0, offset)), in(op, 1, offset)); });
    case RowOpKind::Rotate:
      return rotate(op);
    case RowOpKind::Quantize:
      return quantize(op);
    case RowOpKind::L2Normalize:
      return l2Normalize(op);
    }
  }
};

const char *shortName(RowOpKind kind) {
  switch (kind) {
  case RowOpKind::Embedding:
    return "embed";
  case RowOpKind::EmbeddingPanels:
    return "embedpanels";
  case RowOpKind::EmbeddingCodes:
    return "embeds8";
  case RowOpKind::AddPositions:
    return "positions";
  case RowOpKind::Copy:
    return "copy";
  case RowOpKind::Add:
    return "add";
  case RowOpKind::BiasAdd:
    return "bias";
  case RowOpKind::RmsNorm:
    return "rmsnorm";
  case RowOpKind::LayerNorm:
    return "layernorm";
  case RowOpKind::Activation:
    return "act";
  case RowOpKind::GatedProduct:
    return "gated";
  case RowOpKind::Rotate:
    return "rotate";
  case RowOpKind::Quantize:
    return "quantize";
  case RowOpKind::L2Normalize:
    return "l2norm";
  }
  return "row";
}

// The name must differ whenever the code would: operations, wiring, widths, strides and constants all enter it.
std::string programName(const RowProgram &program) {
  static const char *const activations[] = {"gelu", "gelutanh", "silu", "relu", "tanh"};
  std::string name = "rows";
  for (const RowOp &op : program.ops) {
    name += std::string("_") + shortName(op.kind);
    if (op.kind == RowOpKind::Activation || op.kind == RowOpKind::GatedProduct)
      name += std::string("_") + activations[static_cast<int>(op.activation)];
    if (op.block)
      name += std::to_string(op.block);
    name += "_";
    for (int64_t operand : op.operands)
      name += "v" + std::to_string(operand);
    for (int64_t weight : op.weights)
      name += "w" + std::to_string(weight);
    name += "x" + std::to_string(op.width);
    if (op.epsilon != 0) {
      uint32_t bits;
      static_assert(sizeof(bits) == sizeof(op.epsilon));
      memcpy(&bits, &op.epsilon, sizeof(bits));
      name += "e" + std::to_string(bits);
    }
    if (op.scaleOffset)
      name += "s" + std::to_string(op.scaleOffset);
  }
  for (const RowProgram::Input &input : program.inputs)
    name += "_i" + std::to_string(input.value) + (input.gathered ? "g" : "") + "s" + std::to_string(input.stride);
  for (const RowProgram::Output &output : program.outputs)
    name += "_o" + std::to_string(output.value) + "s" + std::to_string(output.stride);
  return name;
}

std::vector<bool> keptInScratch(const RowProgram &program) {
  std::vector<bool> scratch(program.widths.size(), true);
  for (const RowProgram::Input &input : program.inputs)
    scratch[input.value] = false;
  for (const RowProgram::Output &output : program.outputs)
    scratch[output.value] = false;
  return scratch;
}
} // namespace

int64_t RowProgram::scratchBytes() const {
  std::vector<bool> scratch = keptInScratch(*this);
  int64_t bytes = 0;
  for (size_t i = 0; i < widths.size(); ++i)
    bytes += scratch[i] ? floatRowBytes(widths[i]) : 0;
  return bytes;
}

std::string KernelLibrary::rows(const RowProgram &program) {
  int64_t inputs = program.inputs.size(), outputs = program.outputs.size();
  int64_t pointers = inputs + outputs + program.weightCount + 4;
  return define(programName(program), pointers, 2, [&](Emitter &e, ValueRange args) {
    RowEmitter emitter{e, program, {}, {}, {}, {}, {}};
    Value scratch = args[pointers - 4], outputRows = args[pointers - 2];
    emitter.tokens = args[pointers - 3];
    emitter.rowInfo = args[pointers - 1];
    for (int64_t i = 0; i < program.weightCount; ++i)
      emitter.weights.push_back(args[inputs + outputs + i]);
    emitter.address.resize(program.widths.size());
    std::vector<bool> inScratch = keptInScratch(program);
    int64_t offset = 0;
    for (size_t i = 0; i < inScratch.size(); ++i)
      if (inScratch[i]) {
        emitter.address[i] = e.at(scratch, offset);
        offset += floatRowBytes(program.widths[i]);
      }
    e.loop(args[pointers], args[pointers + 1], 1, [&](Value row) {
      emitter.row = row;
      for (int64_t i = 0; i < inputs; ++i) {
        Value index = row;
        if (program.inputs[i].gathered)
          index = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(),
                                         e.load(e.b.getI32Type(), e.at(outputRows, e.mul(row, 4))));
        emitter.address[program.inputs[i].value] = e.at(args[i], e.mul(index, program.inputs[i].stride));
      }
      for (int64_t i = 0; i < outputs; ++i)
        emitter.address[program.outputs[i].value] = e.at(args[inputs + i], e.mul(row, program.outputs[i].stride));
      for (const RowOp &op : program.ops)
        emitter.emit(op);
    });
  });
}

} // namespace lmopt::cpu
