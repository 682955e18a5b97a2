// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of one layer as the two models have it: SmolLM2 one token at several contexts and whole prompts, MiniLM
// whole sentences; f32, and bf16 as the int8 recipe has it. Operations are the products that must be made: causal
// attention counts what lies before each token. The cache is filled by the kernel that models fill it with.
#include "bench/kernels/Benchmarks.h"
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/attention/AttentionSpec.h"

#include <cmath>

namespace lmopt::bench {

namespace {

struct Attention {
  cpu::AttentionSpec spec;
  cpu::RopeTable rope;
  int describe = 0, store = 0, attend = 0, attendFew = 0;
  int64_t width() const { return spec.heads * spec.headDim; }
  int64_t kvWidth() const { return spec.kvHeads * spec.headDim; }
};

// cos and sin of an angle for every line: any pair of numbers on the circle costs the same.
Block makeRope(const cpu::RopeTable &table) {
  Block block(std::max<int64_t>(table.bytes(), 64));
  auto *floats = reinterpret_cast<float *>(block.data());
  int64_t row = table.rowBytes() / 4, high = table.highRows();
  auto fill = [&](int64_t cosRow, int64_t sinRow, int64_t rows, double step) {
    for (int64_t i = 0; i < rows * row; ++i) {
      double angle = step * static_cast<double>(i / row) / (1 + static_cast<double>(i % row));
      floats[cosRow * row + i] = static_cast<float>(std::cos(angle));
      floats[sinRow * row + i] = static_cast<float>(std::sin(angle));
    }
  };
  if (table.halfDims) {
    fill(0, cpu::RopeTable::kLow, cpu::RopeTable::kLow, 1);
    fill(2 * cpu::RopeTable::kLow, 2 * cpu::RopeTable::kLow + high, high, 64);
  }
  return block;
}

/// One sequence of `context` positions whose last `rows` are asked for, all memory it needs, and the full caches of
/// some layers.
struct Sequence {
  Sequence(const KernelProgram &program, const Attention &attention, int64_t context, int64_t rows, int64_t layers)
      : program(program), attention(attention), capacity(cpu::roundUp(context, LMOPT_CACHE_BLOCK)), layers(layers),
        rope(makeRope(attention.rope)), cache(layers * capacity * attention.spec.cacheBytesPerPosition()),
        info(context * cpu::kRowInfoBytes), scratch(attention.spec.scratchBytes()),
        queries(padded(rows) * cpu::floatRowBytes(attention.width())),
        out(padded(rows) * cpu::floatRowBytes(attention.width())) {
    Block keys(padded(context) * cpu::floatRowBytes(attention.kvWidth()));
    Block values(padded(context) * cpu::floatRowBytes(attention.kvWidth()));
    describe(0, context);
    for (layer = 0; layer < layers; ++layer)
      program.call(attention.store,
                   Arguments(keys.data(), values.data(), rope.data(), info.data(), layerOffset(), 0, context, 0, 1));
    describe(context - rows, rows);
  }

  /// The next layer after the last one that was asked for.
  void attend(bool few) {
    layer = layer + 1 < layers ? layer + 1 : 0;
    program.call(
        few ? attention.attendFew : attention.attend,
        Arguments(queries.data(), out.data(), rope.data(), info.data(), scratch.data(), &step, layerOffset(), 0, 1));
  }

private:
  int64_t layerOffset() const { return layer * attention.spec.cacheBytesPerPosition(); }
  static int64_t padded(int64_t rows) { return cpu::roundUp(rows, cpu::kRowUnit); }

  void describe(int64_t position, int64_t rows) {
    segment = {cache.data(), capacity, position, 0, rows, 0};
    step.struct_size = sizeof step;
    step.rows = rows;
    step.segments = &segment;
    step.segment_size = sizeof segment;
    step.segment_count = 1;
    program.call(attention.describe, Arguments(&step, info.data()));
  }

  const KernelProgram &program;
  const Attention &attention;
  int64_t capacity, layers, layer = 0;
  Block rope, cache, info, scratch, queries, out;
  lmopt_segment_t segment = {};
  lmopt_step_t step = {};
};

void runAttention(benchmark::State &state, const KernelProgram &program, const Peaks &peaks, const Attention &attention,
                  int64_t context, int64_t rows) {
  // One row is bound by memory: it walks through layers that together exceed every cache.
  int64_t layers = rows == 1 ? kStreamedBytes / (context * attention.spec.cacheBytesPerPosition()) + 1 : 1;
  Sequence sequence(program, attention, context, rows, layers);
  double seconds = timeCalls(state, [&] { sequence.attend(rows == 1); });
  const cpu::AttentionSpec &spec = attention.spec;
  double pairs = 0; // of a query and a key
  for (int64_t i = 0; i < rows; ++i)
    pairs += static_cast<double>(spec.causal ? context - rows + i + 1 : context);
  Amounts amounts;
  amounts.operations = 4.0 * pairs * static_cast<double>(attention.width());
  if (rows == 1) {
    amounts.bytes = static_cast<double>(context * spec.cacheBytesPerPosition());
    amounts.bandwidth = peaks.readBytes;
  } else
    amounts.peak = spec.bf16() ? peaks.bf16 : peaks.f32;
  report(state, seconds, amounts);
}

Attention makeAttention(KernelProgram &program, bool decoder, bool bf16) {
  Attention attention;
  cpu::AttentionSpec &spec = attention.spec;
  spec.heads = decoder ? 9 : 12;
  spec.kvHeads = decoder ? 3 : 12;
  spec.headDim = decoder ? 64 : 32;
  spec.scale = 1 / std::sqrt(static_cast<float>(spec.headDim));
  spec.causal = decoder;
  spec.ropeDims = decoder ? spec.headDim : 0;
  spec.format = bf16 ? cpu::CacheFormat::Bf16 : cpu::CacheFormat::F32;
  attention.rope.halfDims = spec.ropeDims / 2;
  attention.rope.positions = decoder ? 8192 : 0;
  cpu::KernelLibrary &library = program.library();
  attention.describe = program.add(cpu::describeRowsKernel(library));
  attention.store = program.add(cpu::storeKernel(library, spec, attention.rope, false));
  attention.attend = program.add(cpu::attendKernel(library, spec, attention.rope, false));
  attention.attendFew = program.add(cpu::attendKernel(library, spec, attention.rope, true));
  return attention;
}

} // namespace

void addAttentionBenchmarks(KernelProgram &program, const Peaks &peaks) {
  const struct {
    bool decoder;
    int64_t context, rows;
  } cases[] = {{true, 64, 1},    {true, 544, 1},    {true, 2048, 1}, {true, 8192, 1},   {true, 64, 64},
               {true, 512, 512}, {true, 2048, 512}, {false, 16, 16}, {false, 128, 128}, {false, 512, 512}};
  for (bool bf16 : {true, false})
    for (bool decoder : {true, false}) {
      Attention attention = makeAttention(program, decoder, bf16);
      for (const auto &one : cases)
        if (one.decoder == decoder) {
          std::string name = std::string(bf16 ? "attend_bf16/" : "attend_f32/") + (decoder ? "smol" : "minilm");
          name += "/context:" + std::to_string(one.context) + "/rows:" + std::to_string(one.rows);
          benchmark::RegisterBenchmark(name.c_str(), [=, &program, &peaks](benchmark::State &state) {
            runAttention(state, program, peaks, attention, one.context, one.rows);
          })->UseRealTime();
        }
    }
}

} // namespace lmopt::bench
