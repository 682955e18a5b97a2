// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward layers side by side for CPUs. In: rows x, gates. Out: y = sum over the experts whose gate is not zero of
// gate (f(x W^T + b) V + c), or the same with products of codes.
//
// The tokens of a block are listed expert by expert; those of an expert, some at a time, are brought together and go
// through its products by the kernels of dense layers, so that its weights are read once for all of them, at the speed
// of a product. Then each result is added, times its gate, to its token's row. A token's experts come in their order:
// which tokens are beside it changes no bit. Tested by test/unit/codegen/ExpertsKernelTest.cpp and
// GroupedExpertsKernelTest.cpp, test/codegen/run-compiled/conditional.mlir, test/dialects/lm/conditional/meaning.mlir.
#include "codegen/cpu/conditional/Experts.h"

#include "codegen/cpu/conditional/Lists.h"
#include "codegen/cpu/elementwise/Activations.h"
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct ExpertsEmitter {
  Emitter &e;
  const ExpertsSpec &spec;
  const std::string &first, &second, &between, &last; ///< kernels: of products, and of what is done between them
  Value in, gates, weights, out, scratch;
  Value blockBegin = {};

  Value gateAddress(Value token, Value expert) {
    return e.at(gates, e.add(e.mul(token, floatRowBytes(spec.experts)), e.mul(expert, 4)));
  }
  Value part(int64_t offset) { return e.at(scratch, offset); }

  // Where the tokens of each expert end, and the tokens: counted, then put in place, which moves what was where an
  // expert begins to where it ends.
  void list(Value begin, Value end) {
    auto eachUse = [&](const std::function<void(Value, Value)> &body) {
      e.loop(begin, end, 1, [&](Value token) {
        forEachNonzero(e, gateAddress(token, e.index(0)), spec.experts, [&](Value expert) { body(token, expert); });
      });
    };
    e.loop(0, spec.experts, 1, [&](Value expert) { storeNumber(e, e.index(0), scratch, expert); });
    eachUse([&](Value, Value expert) { countUp(e, scratch, expert); });
    countsToBegins(e, scratch, spec.experts);
    eachUse([&](Value token, Value expert) {
      storeNumber(e, token, part(spec.tokensOffset()), countUp(e, scratch, expert));
    });
  }

  // `next`: what will be copied soon.
  void copyRow(Value from, Value to, Value next, int64_t bytes) {
    e.loop(0, bytes, 64, [&](Value offset) {
      e.prefetch(e.at(next, offset));
      e.store(e.loadFloats(e.at(from, offset)), e.at(to, offset));
    });
  }
  void product(const std::string &kernel, const LinearSpec &linear, int64_t from, Value matrix, int64_t to,
               Value count) {
    func::CallOp::create(
        e.b, e.loc, kernel, TypeRange(),
        ValueRange{part(from), matrix, part(to), e.index(0), count, e.index(0), e.index(linear.panels())});
  }
  // To codes of the last product; rows look up nothing, so that any pointer will do for ids and lists.
  void quantize(Value count) {
    SmallVector<Value> operands{part(spec.numbersOffset())};
    if (spec.up)
      operands.push_back(part(spec.upNumbersOffset()));
    operands.append(
        {part(spec.codesOffset()), part(spec.rowsScratchOffset()), scratch, scratch, scratch, e.index(0), count});
    func::CallOp::create(e.b, e.loc, between, TypeRange(), operands);
  }
  void activate(Value count) {
    e.loop(e.index(0), e.mul(count, floatRowBytes(spec.neurons)), 64, [&](Value offset) {
      Value address = e.at(part(spec.numbersOffset()), offset);
      Value number = emitActivation(e, spec.kind, false, e.loadFloats(address));
      if (spec.up)
        number = e.mul(number, e.loadFloats(e.at(part(spec.upNumbersOffset()), offset)));
      e.store(number, address);
    });
  }
  Value madeOf(Value token) { return loadNumber(e, part(spec.madeOffset()), e.sub(token, blockBegin)); }
  void setMade(Value token, int64_t made) {
    storeNumber(e, e.index(made), part(spec.madeOffset()), e.sub(token, blockBegin));
  }
  // A result, times its gate, to the row of its token: the first one makes the row.
  void addRow(Value row, Value token, Value expert) {
    Value gate = e.broadcast(e.load(e.b.getF32Type(), gateAddress(token, expert)));
    Value from = e.at(part(spec.resultsOffset()), e.mul(row, floatRowBytes(spec.outputs)));
    Value to = e.at(out, e.mul(token, spec.outStride)), made = madeOf(token);
    auto result = [&](Value offset) { return e.mul(gate, e.loadFloats(e.at(from, offset))); };
    e.ifElse(
        e.equal(made, e.index(0)),
        [&] {
          setMade(token, 1);
          makeRow(to, result);
        },
        [&] {
          makeRow(to, [&](Value offset) {
            Value sum = spec.outputs % kLanes ? loadPart(to, offset) : e.loadFloats(e.at(to, offset));
            return e.fma(gate, e.loadFloats(e.at(from, offset)), sum);
          });
        });
  }
  // The end of a row of the caller's memory may be inside a vector.
  Value loadPart(Value row, Value offset) { return e.loadMasked(e.floats(), e.at(row, offset), lanesAt(offset)); }
  Value lanesAt(Value offset) { return e.maskBelow(e.sub(e.index(spec.outputs), e.div(offset, e.index(4)))); }
  void makeRow(Value to, const std::function<Value(Value)> &vector) {
    int64_t whole = spec.outputs / kLanes * 64;
    e.loop(0, whole, 64, [&](Value offset) { storeWhole(vector(offset), e.at(to, offset)); });
    if (spec.outputs % kLanes)
      e.storeMasked(vector(e.index(whole)), e.at(to, whole), lanesAt(e.index(whole)));
  }
  void storeWhole(Value numbers, Value address) {
    bool streams = spec.streams && spec.outStride % 64 == 0; // past the caches: rows that are made once
    LLVM::StoreOp::create(e.b, e.loc, numbers, address, spec.outStride % 64 ? 4 : 64, /*isVolatile=*/false, streams);
  }

  // Some tokens of an expert.
  void together(Value expert, Value begin, Value count) {
    Value matrices = e.at(weights, e.mul(expert, spec.expertBytes()));
    auto tokenAt = [&](Value i) { return loadNumber(e, part(spec.tokensOffset()), e.add(begin, i)); };
    auto rowOf = [&](Value i) { return e.at(in, e.mul(tokenAt(i), spec.first().inStride())); };
    e.loop(e.index(0), count, 1, [&](Value i) {
      Value to = e.at(part(spec.rowsOffset()), e.mul(i, spec.first().inStride()));
      copyRow(rowOf(i), to, rowOf(e.add(i, count)), spec.first().inStride());
    });
    product(first, spec.first(), spec.rowsOffset(), matrices, spec.numbersOffset(), count);
    if (spec.up)
      product(second, spec.second(), spec.rowsOffset(), e.at(matrices, spec.upOffset()), spec.upNumbersOffset(), count);
    spec.grouped ? quantize(count) : activate(count);
    product(last, spec.last(), spec.grouped ? spec.codesOffset() : spec.numbersOffset(),
            e.at(matrices, spec.lastOffset()), spec.resultsOffset(), count);
    e.loop(e.index(0), count, 1, [&](Value i) { addRow(i, tokenAt(i), expert); });
  }

  void block(Value begin, Value end) {
    blockBegin = begin;
    e.loop(begin, end, 1, [&](Value token) { setMade(token, 0); });
    list(begin, end);
    e.loop(e.index(0), e.index(spec.experts), 1, {e.index(0)}, [&](Value expert, const Values &first) {
      Value behind = loadNumber(e, scratch, expert);
      e.loop(first[0], behind, ExpertsSpec::kTogether,
             [&](Value some) { together(expert, some, e.min(e.sub(behind, some), e.index(ExpertsSpec::kTogether))); });
      return Values{behind};
    });
    e.loop(begin, end, 1, [&](Value token) { // those without an expert
      e.ifThen(e.equal(madeOf(token), e.index(0)),
               [&] { makeRow(e.at(out, e.mul(token, spec.outStride)), [&](Value) { return e.floatsOf(0); }); });
    });
  }
};

std::string nameOf(const ExpertsSpec &spec) {
  return "experts" + std::to_string(spec.experts) + "_" + kernelWord(spec.kind) + "_h" + std::to_string(spec.neurons) +
         "_k" + std::to_string(spec.inputs) + "_n" + std::to_string(spec.outputs) + (spec.bias ? "_bias" : "") +
         (spec.up ? "_up" : "") + (spec.valuesBias ? "_biases" : "") + (spec.streams ? "_past" : "") + "_to" +
         std::to_string(spec.outStride);
}

/// The format of a product with codes, for the name.
std::string wordOf(const LinearSpec &product) {
  return std::to_string(product.bits) + "g" + std::to_string(product.group) + (product.hasMin ? "min" : "") +
         (product.smallScales ? "s8" : "") + (product.codebook ? "codebook" : "");
}
std::string groupedNameOf(const ExpertsSpec &spec) {
  return nameOf(spec) + "_u" + wordOf(spec.first()) + (spec.up ? "_u" + wordOf(spec.second()) : "") + "_u" +
         wordOf(spec.last());
}
} // namespace

RowProgram ExpertsSpec::between() const {
  const int64_t numbers = 0, upNumbers = 1, activated = up ? 2 : 1, codes = activated + 1;
  RowProgram program;
  program.widths.assign(codes + 1, neurons);
  program.inputs = {{numbers, floatRowBytes(neurons), false}};
  program.ops = {{activation(kind, /*for8Bits=*/true), {numbers}, activated, neurons}};
  if (up) {
    program.inputs.push_back({upNumbers, floatRowBytes(neurons), false});
    program.ops = {{gatedProduct(kind, /*for8Bits=*/true), {numbers, upNumbers}, activated, neurons}};
  }
  program.ops.push_back({quantizeGroups(last().group), {activated}, codes, neurons});
  program.outputs = {{codes, last().inStride()}};
  return program;
}

std::string expertsKernel(KernelLibrary &kernels, const ExpertsSpec &spec) {
  std::string first = linearKernel(kernels, spec.first()), last = linearKernel(kernels, spec.last());
  std::string second = spec.up ? linearKernel(kernels, spec.second()) : "";
  std::string between = spec.grouped ? rowsKernel(kernels, spec.between()) : "";
  std::string name = spec.grouped ? groupedNameOf(spec) : nameOf(spec);
  return kernels.define(name, 5, 2, [&](Emitter &e, ValueRange a) {
    ExpertsEmitter emitter{e, spec, first, second, between, last, a[0], a[1], a[2], a[3], a[4]};
    e.loop(a[5], a[6], spec.mostTokens,
           [&](Value begin) { emitter.block(begin, e.min(e.add(begin, spec.mostTokens), a[6])); });
  });
}

} // namespace lmopt::cpu
