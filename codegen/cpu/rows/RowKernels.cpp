// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs: chains of norms, elementwise operations, rotation and quantization, run on one row after another. In
// and out: rows of the arena.
//
// A program is cut into passes over the row. An operation that needs a number of the whole row (a sum, the extremes)
// ends a pass, which gathers that number on the way; all others go on in registers, a chunk of the row at a time: the
// block of a rotation, at least four registers where the width allows. Only what a later pass reads again goes through
// the scratch row, which stays in the first-level cache. Two rows are at work together: a norm and a quantization wait
// four times for a sum across the lanes of a register, and the other row's work fills that time. So GELU, rotation and
// quantization are two passes: one that ends with the extremes, and one that writes the codes. Lanes beyond the width
// of a row are zero on input and kept zero (each operation says why where it is not obvious). Tested by
// test/unit/codegen/RowKernelTest.cpp and RowQuantizeTest.cpp.
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/linear/LinearParts.h"
#include "codegen/cpu/rows/GroupedRows.h"
#include "codegen/cpu/rows/RowPasses.h"

#include "lmopt/abi.h"

#include <algorithm>
#include <map>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct RowEmitter {
  Emitter &e;
  const RowProgram &program;
  std::vector<Value> weights;
  Value tokens, rowInfo;
  std::vector<Pass> passes;
  std::vector<bool> stored;   ///< by value number: read again by a later pass, or a result
  std::vector<float> pending; ///< by value number: a factor that is still to be applied

  // Numbers of the whole row, for the operation that needs them.
  struct Numbers {
    Value mean, factor, zeroPoint;
  };
  // One of the rows that are at work together.
  struct Row {
    Value index;
    std::vector<Value> address; ///< by value number
    std::map<const RowOp *, Numbers> numbers;
  };
  std::vector<Row> rows;
  Row *row = nullptr; ///< the one that code is emitted for

  // Where the current pass is: `registers` vectors from byte `offset` on, and the values made for them so far.
  struct Chunk {
    Value offset;
    int64_t registers;
    std::map<int64_t, Values> made;
  };

  int64_t vectors(const RowOp &op) const { return roundUp(op.width, kLanes) / kLanes; }
  Value weight(const RowOp &op, int64_t i) { return weights[op.weights[i]]; }
  Value place(const Chunk &chunk, int64_t i) { return e.add(chunk.offset, i * 64); }
  Value in(const Chunk &chunk, const RowOp &op, int64_t operand, int64_t i) {
    int64_t value = op.operands[operand];
    auto made = chunk.made.find(value);
    return made != chunk.made.end() ? made->second[i] : e.loadFloats(e.at(row->address[value], place(chunk, i)));
  }
  Value weightAt(const RowOp &op, int64_t number, Value offset) {
    return e.loadFloats(e.at(weight(op, number), offset));
  }

  // Rows of the caller's memory may end inside the last vector.
  bool endsInsideVector(const RowOp &op) const {
    for (const RowProgram::Output &output : program.outputs)
      if (output.value == op.result)
        return output.stride < floatRowBytes(op.width);
    return false;
  }

  void put(const RowOp &op, Value v, Value offset) {
    Value to = e.at(row->address[op.result], offset);
    if (endsInsideVector(op))
      e.storeMasked(v, to, lanesInsideRow(e, op.width, offset));
    else
      e.store(v, to);
  }

  Value tokenId() {
    Value id = e.load(e.b.getI32Type(), e.at(tokens, e.mul(row->index, 4)));
    return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), id);
  }

  Value positionRow(const RowOp &op, Value offset) {
    Value position = e.load(e.b.getI64Type(), e.at(rowInfo, e.add(e.mul(row->index, kRowInfoBytes), 16)), 8);
    return e.loadFloats(e.at(e.at(weight(op, 0), e.mul(position, floatRowBytes(op.width))), offset));
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // Operations on registers
  //===------------------------------------------------------------------------------------------------------------===//

  // All of these map 0 to 0, so lanes beyond the width stay zero.
  Value activate(const RowOp &op, Value x) {
    switch (op.activation) {
    case Activation::Gelu: // x/2 (1 + erf(x / sqrt 2))
      if (op.for8Bits)
        return e.geluFor8Bits(x);
      return e.mul(e.mul(x, e.floatsOf(0.5f)), e.add(e.erf(e.mul(x, e.floatsOf(0.70710678118654752f))), e.floatsOf(1)));
    case Activation::GeluTanh: { // x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
      Value cubic = e.fma(e.mul(e.mul(x, x), x), e.floatsOf(0.044715f), x);
      return e.mul(x, e.sigmoid(e.mul(cubic, e.floatsOf(1.5957691216057308f))));
    }
    case Activation::Silu:
      return op.for8Bits ? e.siluFor8Bits(x) : e.mul(x, e.sigmoid(x));
    case Activation::Relu:
      return e.max(x, e.floatsOf(0));
    case Activation::Tanh:
      return e.tanh(x);
    }
    return x;
  }

  Value normalized(const RowOp &op, Value x, Value offset) {
    const Numbers &numbers = row->numbers[&op];
    if (numbers.mean)
      x = zeroBeyondWidth(e, op.width, e.sub(x, numbers.mean), offset);
    Value y = e.mul(x, numbers.factor);
    if (!op.weights.empty())
      y = e.mul(y, weightAt(op, 0, offset));
    return op.weights.size() < 2 ? y : e.add(y, weightAt(op, 1, offset));
  }

  // One vector of the result of any operation but rotation, quantization and narrowing.
  Value element(const RowOp &op, const Chunk &chunk, int64_t i) {
    Value offset = place(chunk, i);
    auto operand = [&](int64_t number) { return in(chunk, op, number, i); };
    switch (op.kind) {
    case RowOpKind::Embedding:
    case RowOpKind::EmbeddingPanels:
    case RowOpKind::EmbeddingHalves:
    case RowOpKind::EmbeddingCodes:
    case RowOpKind::EmbeddingGroups:
      return emitEmbedding(e, op, weight(op, 0), tokenId(), offset);
    case RowOpKind::AddPositions:
      return e.add(operand(0), positionRow(op, offset));
    case RowOpKind::Add:
      return e.add(operand(0), operand(1));
    case RowOpKind::BiasAdd:
      return e.add(operand(0), weightAt(op, 0, offset));
    case RowOpKind::RmsNorm:
    case RowOpKind::LayerNorm:
    case RowOpKind::L2Normalize:
      return normalized(op, operand(0), offset);
    case RowOpKind::Activation:
      return activate(op, operand(0));
    case RowOpKind::GatedProduct:
      return e.mul(activate(op, operand(0)), operand(1));
    default:
      return operand(0); // copy
    }
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

  static int64_t rotatedRegisters(const RowOp &op) { return std::max<int64_t>(op.block / kLanes, 1); }

  // x * H for one block, H the normalized Hadamard matrix in natural order: log2(block) butterfly stages, then
  // 1/sqrt(block).
  void rotateBlock(const RowOp &op, MutableArrayRef<Value> v) {
    for (int64_t distance = 1; distance < std::min(op.block, kLanes); distance *= 2)
      for (Value &lane : v)
        lane = butterfly(lane, distance);
    int64_t registers = v.size();
    for (int64_t distance = 1; distance < registers; distance *= 2)
      for (int64_t i = 0; i < registers; ++i)
        if (!(i & distance)) {
          Value a = v[i], c = v[i + distance];
          v[i] = e.add(a, c);
          v[i + distance] = e.sub(a, c);
        }
    if (pending[op.result] != 1)
      return;
    Value norm = e.floatsOf(rotationNorm(op));
    for (Value &lane : v)
      lane = e.mul(lane, norm);
  }

  // Codes not yet clamped. The zero point is added where the rounded integer leaves its float (see
  // Emitter::roundToInt).
  Value code(const RowOp &op, const Chunk &chunk, int64_t i) {
    const Numbers &numbers = row->numbers[&op];
    return e.add(e.roundToInt(e.mul(in(chunk, op, 0, i), numbers.factor)), numbers.zeroPoint);
  }

  // Four vectors of codes as 64 bytes: the packing instructions clamp on their way, twice as fast as clamping and
  // narrowing one by one. They work within 128 bits, so the pieces of the four vectors lie in turns afterwards.
  Value packCodes(ArrayRef<Value> codes) {
    Value low = e.packClamped(codes[0], codes[1]), high = e.packClamped(codes[2], codes[3]);
    Value turns = e.bitcast(e.packClamped(low, high), e.ints());
    SmallVector<int64_t> order;
    for (int64_t vector = 0; vector < 4; ++vector)
      for (int64_t part = 0; part < 4; ++part)
        order.push_back(4 * part + vector);
    return e.bitcast(e.shuffle(turns, order), e.bytes());
  }

  void putCodes(const RowOp &op, const Chunk &chunk) {
    auto to = [&](int64_t i) {
      return e.at(row->address[op.result], e.add(e.div(place(chunk, i), e.index(4)), kQuantHeader));
    };
    Values codes;
    for (int64_t i = 0; i < chunk.registers; ++i)
      codes.push_back(code(op, chunk, i));
    if (chunk.registers % 4 == 0 && e.shape.packs) {
      for (int64_t i = 0; i < chunk.registers; i += 4)
        e.store(packCodes(ArrayRef(codes).slice(i, 4)), to(i), 16);
      return;
    }
    for (int64_t i = 0; i < chunk.registers; ++i)
      e.store(e.narrowToBytes(e.max(e.min(codes[i], e.intsOf(255)), e.intsOf(0))), to(i), 16);
  }

  void applyQuantizeGroups(const RowOp &op, Chunk &chunk) {
    Values inputs;
    for (int64_t i = 0; i < chunk.registers; ++i)
      inputs.push_back(in(chunk, op, 0, i));
    emitQuantizeGroups(e, {op.width, op.block}, inputs, row->numbers[&op].factor, chunk.offset,
                       row->address[op.result]);
  }

  void putHalves(const RowOp &op, const Chunk &chunk) {
    for (int64_t i = 0; i < chunk.registers; ++i)
      e.store(e.toBf16(in(chunk, op, 0, i)), e.at(row->address[op.result], e.div(place(chunk, i), e.index(2))), 32);
  }

  void apply(const RowOp &op, Chunk &chunk) {
    if (op.kind == RowOpKind::QuantizeGroups)
      return applyQuantizeGroups(op, chunk);
    if (op.kind == RowOpKind::Quantize)
      return putCodes(op, chunk);
    if (op.kind == RowOpKind::Narrow)
      return putHalves(op, chunk);
    Values result;
    for (int64_t i = 0; i < chunk.registers; ++i)
      result.push_back(element(op, chunk, i));
    if (op.kind == RowOpKind::Rotate)
      for (int64_t i = 0; i < chunk.registers; i += rotatedRegisters(op))
        rotateBlock(op, MutableArrayRef<Value>(result).slice(i, rotatedRegisters(op)));
    for (int64_t i = 0; stored[op.result] && i < chunk.registers; ++i)
      put(op, result[i], place(chunk, i));
    chunk.made[op.result] = result;
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // Numbers of the row
  //===------------------------------------------------------------------------------------------------------------===//

  static int64_t accumulators(const Pass &pass) {
    return !pass.reduces ? 0 : pass.reduces->kind == RowOpKind::Quantize ? 2 : 1;
  }

  // Takes x into the accumulators of its chain.
  void gather(const Pass &pass, Value x, Value offset, MutableArrayRef<Value> sums) {
    const RowOp &op = *pass.reduces;
    if (op.kind == RowOpKind::Quantize) {
      sums[0] = e.min(x, sums[0]);
      sums[1] = e.max(x, sums[1]);
    } else if (op.kind == RowOpKind::QuantizeGroups) {
      sums[0] = e.max(e.magnitude(x), sums[0]);
    } else if (op.kind == RowOpKind::LayerNorm && pass.stage == 0) {
      sums[0] = e.add(x, sums[0]);
    } else {
      if (op.kind == RowOpKind::LayerNorm)
        x = zeroBeyondWidth(e, op.width, e.sub(x, row->numbers[&op].mean), offset);
      sums[0] = e.fma(x, x, sums[0]);
    }
  }

  Value joinChains(ArrayRef<Value> sums, int64_t first, int64_t stride,
                   const std::function<Value(Value, Value)> &combine) {
    Values parts;
    for (size_t i = first; i < sums.size(); i += stride)
      parts.push_back(sums[i]);
    for (size_t n = parts.size() / 2; n > 0; n /= 2)
      for (size_t i = 0; i < n; ++i)
        parts[i] = combine(parts[i], parts[i + n]);
    return parts[0];
  }

  // What the gathered sums mean for the operation.
  void conclude(const Pass &pass, const Values &sums) {
    const RowOp &op = *pass.reduces;
    if (op.kind == RowOpKind::Quantize)
      return concludeQuantize(op, sums);
    if (op.kind == RowOpKind::QuantizeGroups)
      return concludeQuantizeGroups(op, sums);
    Value sum = e.reduceAdd(joinChains(sums, 0, 1, [&](Value a, Value c) { return e.add(a, c); }));
    Value average = e.mul(sum, e.f32(1.0f / op.width));
    if (op.kind == RowOpKind::LayerNorm && pass.stage == 0) {
      // Two passes, as the oracle does: the variance is the mean of squared differences from the mean.
      row->numbers[&op].mean = e.broadcast(average);
    } else if (op.kind == RowOpKind::L2Normalize) {
      Value norm = LLVM::SqrtOp::create(e.b, e.loc, sum.getType(), sum);
      row->numbers[&op].factor = e.broadcast(e.div(e.f32(1), e.max(norm, e.f32(1e-12f))));
    } else {
      row->numbers[&op].factor = e.broadcast(e.reciprocalSqrt(e.add(average, e.f32(op.epsilon))));
    }
  }

  void concludeQuantizeGroups(const RowOp &op, const Values &sums) {
    Value largest = e.reduceMax(joinChains(sums, 0, 1, [&](Value a, Value c) { return e.max(a, c); }));
    row->numbers[&op].factor = emitGroupedRowScale(e, {op.width, op.block}, largest, row->address[op.result]);
  }

  // ONNX DynamicQuantizeLinear for one row. A row of (almost) zeros gets scale 0 and all codes equal to the zero point.
  void concludeQuantize(const RowOp &op, const Values &sums) {
    Value low = e.reduceMin(joinChains(sums, 0, 2, [&](Value a, Value c) { return e.min(a, c); }));
    Value high = e.reduceMax(joinChains(sums, 1, 2, [&](Value a, Value c) { return e.max(a, c); }));
    float factor = pending[op.operands[0]];
    low = e.mul(low, e.f32(factor));
    high = e.mul(high, e.f32(factor));
    Value scale = e.div(e.sub(high, low), e.f32(255));
    // Below 1e-35 the reciprocal would not be finite; such a row is zero for all that follows.
    Value usable = e.less(e.f32(1e-35f), scale);
    scale = e.select(usable, scale, e.f32(0));
    Value inverse = e.broadcast(e.select(usable, e.div(e.f32(1), scale), e.f32(0)));
    Value rounded = e.roundToInt(e.mul(e.broadcast(e.sub(e.f32(0), low)), inverse));
    Value zeroPoint = e.max(e.min(rounded, e.intsOf(255)), e.intsOf(0));
    e.store(scale, row->address[op.result]);
    e.store(e.lane(zeroPoint, 0), e.at(row->address[op.result], 4));
    row->numbers[&op] = {Value(), e.mul(inverse, e.floatsOf(factor)), zeroPoint};
  }

  //===------------------------------------------------------------------------------------------------------------===//
  // Passes
  //===------------------------------------------------------------------------------------------------------------===//

  // Four registers at a time, where the width allows: one chain of sums alone would wait for its own latency.
  int64_t chunkRegisters(const Pass &pass) const {
    int64_t all = roundUp(pass.width(), kLanes) / kLanes;
    int64_t registers = all % 4 == 0 ? 4 : all % 2 == 0 ? 2 : 1;
    for (const RowOp *op : pass.maps)
      if (op->kind == RowOpKind::Rotate)
        registers = std::max(registers, rotatedRegisters(*op));
      else if (op->kind == RowOpKind::QuantizeGroups)
        registers = groupedChunkRegisters({op->width, op->block});
    return registers;
  }

  // The vectors of a chunk, for the current row.
  void emitChunk(const Pass &pass, Chunk &chunk, MutableArrayRef<Value> sums) {
    int64_t per = accumulators(pass);
    for (const RowOp *op : pass.maps)
      apply(*op, chunk);
    for (int64_t i = 0; pass.reduces && i < chunk.registers; ++i)
      gather(pass, in(chunk, *pass.reduces, 0, i), place(chunk, i), sums.slice(i * per % sums.size(), per));
  }

  // Four chains of sums hide the latency of an addition; beside a chunk of sixteen registers there is room for two.
  void emitPass(const Pass &pass) {
    int64_t registers = chunkRegisters(pass), most = registers < 16 ? 4 : 2;
    int64_t chains = registers % most == 0 ? most : registers % 2 == 0 ? 2 : 1;
    int64_t share = chains * accumulators(pass);
    Values start(share * rows.size(), e.floatsOf(0)); // extremes begin at zero, too: zero must have a code
    Values sums = e.loop(e.index(0), e.index(floatRowBytes(pass.width())), registers * 64, start,
                         [&](Value offset, const Values &carried) {
                           Values next = carried;
                           for (size_t r = 0; r < rows.size(); ++r) {
                             row = &rows[r];
                             Chunk chunk{offset, registers, {}};
                             emitChunk(pass, chunk, MutableArrayRef<Value>(next).slice(r * share, share));
                           }
                           return next;
                         });
    for (size_t r = 0; pass.reduces && r < rows.size(); ++r) {
      row = &rows[r];
      conclude(pass, Values(ArrayRef(sums).slice(r * share, share)));
    }
  }

  void plan() {
    passes = planPasses(program);
    pending = pendingFactors(program);
    stored.assign(program.widths.size(), false);
    for (const RowProgram::Output &output : program.outputs)
      stored[output.value] = true;
    std::vector<const Pass *> maker(program.widths.size(), nullptr);
    auto reads = [&](const Pass &pass, const RowOp &op) {
      for (int64_t operand : op.operands)
        if (maker[operand] != &pass)
          stored[operand] = true;
    };
    for (const Pass &pass : passes) {
      for (const RowOp *op : pass.maps) {
        reads(pass, *op);
        maker[op->result] = &pass;
      }
      if (pass.reduces)
        reads(pass, *pass.reduces);
    }
  }
};

} // namespace

std::string rowsKernel(KernelLibrary &kernels, const RowProgram &program) {
  int64_t values = program.inputs.size() + program.outputs.size(), pointers = values + program.weightCount + 4;
  return kernels.define(program.name(), pointers, 2, [&](Emitter &e, ValueRange args) {
    RowEmitter emitter{e, program, {}, args[pointers - 3], args[pointers - 1], {}, {}, {}, {}};
    emitter.plan();
    for (int64_t i = 0; i < program.weightCount; ++i)
      emitter.weights.push_back(args[values + i]);
    Value scratch = args[pointers - 4], outputRows = args[pointers - 2];
    Value begin = args[pointers], end = args[pointers + 1], last = e.add(end, -1);
    e.loop(begin, end, kRowsAtOnce, [&](Value row) {
      emitter.rows.clear();
      for (int64_t r = 0; r < kRowsAtOnce; ++r) {
        Value index = e.min(e.add(row, r), last); // an odd row at the end is made twice
        Value own = e.at(scratch, r * program.scratchBytes() / kRowsAtOnce);
        emitter.rows.push_back({index, rowAddresses(e, program, args, index, own, outputRows), {}});
      }
      for (const Pass &pass : emitter.passes)
        emitter.emitPass(pass);
    });
  });
}

} // namespace lmopt::cpu
