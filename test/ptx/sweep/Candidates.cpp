// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Candidates.h. A run:
//   {"group": what is done, "candidate": how, "assumed": the compiler's candidate, "same_bits": whether all of the
//   group leave the same, "picks": {number:
//    {value: candidate}}, "result": buffer, "buffers": [{"bytes", "numbers_from", "rotates"}], "launches":
//    [{"kernel", "grid", "arguments": [{"buffer"} or {"number"}]}], "walker": kernel, "record_bytes"}
// A buffer holds random bytes up to `numbers_from`, then numbers that are small floats in f32, bf16 and f16; of `pairs`
// every other word is zero. Weights rotate: a chain of runs reads others each time. With a walker the chain is its
// records, else single launches.
#include "test/ptx/sweep/Candidates.h"

#include "codegen/ptx/linear/GroupedDecode.h"
#include "codegen/ptx/linear/LinearChoice.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearTileHopper.h"
#include "codegen/ptx/persistent/Walker.h"

using namespace mlir;
namespace json = llvm::json;

namespace lmopt::sweep {

using namespace nvptx;

namespace {

constexpr char kFewRows[] = "ProductLimits::fewRows", kGroupedFewRows[] = "ProductLimits::groupedFewRows",
               kMultiprocessors[] = "ProductLimits::multiprocessors", kReadByAll[] = "ProductLimits::readByAll",
               kMadeRows[] = "ProductLimits::madeRows", kTogether[] = "LinearDecodeSpec::kTogether",
               kStages[] = "LinearTileSpec::kStages", kPersistent[] = "LMOPT_CUDA_PERSISTENT",
               kRing[] = "stages of the walker's ring (kMostStages)";

/// One number: what is tried for it, the assumed one among them.
const std::vector<int64_t> &valuesOf(const std::string &name) {
  static const std::map<std::string, std::vector<int64_t>> values = {
      {kFewRows, {8, 16, 32, 64}},
      {kGroupedFewRows, {8, 16}},
      {kMultiprocessors, {1, 32, 64, 128, 256, 512}},
      {kReadByAll, {0, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20, 64 << 20}},
      {kMadeRows, {1, 2, 4}},
      {kTogether, {2, 4, 8}},
      {kStages, {4, 8}},
      {kPersistent, {0, 1}},
      {kRing, {0, 4, 8, 16, 32}}};
  return values.at(name);
}

struct Sizes {
  int64_t outputs, inputs;
  std::string text() const { return std::to_string(outputs) + "x" + std::to_string(inputs); }
};

//===--- Runs ---===//

class RunBuilder {
public:
  RunBuilder(KernelLibrary &kernels, json::Array &runs) : kernels(kernels), runs(runs) {}

  int64_t random(int64_t bytes) { return buffer(bytes, bytes); }
  int64_t numbers(int64_t bytes) { return buffer(bytes, 0); }
  int64_t weights(const LinearSpec &linear) {
    return buffer(linear.bytes(), linear.isInteger() || linear.isGrouped() ? linear.scaleOffset() : 0, true);
  }
  static json::Value at(int64_t buffer) { return json::Object{{"buffer", buffer}}; }
  static json::Value number(int64_t value) { return json::Object{{"number", value}}; }
  void launch(const std::string &kernel, int64_t x, int64_t y, json::Array arguments) {
    launches.push_back(json::Object{{"kernel", kernels.kernel(kernel).number},
                                    {"grid", json::Array{x, y, 1}},
                                    {"arguments", std::move(arguments)}});
  }
  void pick(const char *number, int64_t value, const std::string &candidate) {
    auto [at, isNew] = picks.try_emplace(number, json::Object());
    (*at->second.getAsObject())[std::to_string(value)] = candidate;
  }
  void walk(const std::string &walker, int64_t recordBytes) {
    more["walker"] = kernels.kernel(walker).number, more["record_bytes"] = recordBytes;
  }
  /// Which candidate of the group the compiler takes.
  void assume(const std::string &candidate) { more["assumed"] = candidate; }
  /// Ends the run; `result`: the buffer that all of the group leave.
  void finish(const std::string &group, const std::string &candidate, bool sameBits, int64_t result) {
    json::Object run{{"group", group}, {"candidate", candidate}, {"same_bits", sameBits}, {"result", result}};
    run["buffers"] = std::move(buffers), run["launches"] = std::move(launches), run["picks"] = std::move(picks);
    for (auto &[key, value] : more)
      run[key] = std::move(value);
    runs.push_back(std::move(run));
    buffers = {}, launches = {}, picks = {}, more = {};
  }
  KernelLibrary &kernels;

private:
  json::Array &runs, buffers, launches;
  json::Object picks, more;

  int64_t buffer(int64_t bytes, int64_t numbersFrom, bool rotates = false) {
    buffers.push_back(json::Object{{"bytes", bytes}, {"numbers_from", numbersFrom}, {"rotates", rotates}});
    return static_cast<int64_t>(buffers.size()) - 1;
  }
};

int64_t blocksOf(int64_t count, int64_t ofBlock) { return (count + ofBlock - 1) / ofBlock; }

/// The operand of a product: rows, and what belongs to them.
std::vector<int64_t> operandOf(RunBuilder &run, const LinearSpec &linear, int64_t rows) {
  int64_t bytes = rows * linear.rowBytes();
  if (linear.isGrouped())
    return {run.random(bytes), run.numbers(rows * GroupedRow{linear.inputs, linear.group}.groupsBytes())};
  if (linear.isInteger())
    return {run.random(bytes), run.numbers(4 * rows), run.numbers(4 * rows)};
  return {run.numbers(bytes)};
}

/// Of a kernel with linearArguments; the buffer of its results.
int64_t addProduct(RunBuilder &run, const std::string &kernel, const LinearSpec &linear, int64_t weights,
                   ArrayRef<int64_t> operand, int64_t rows, int64_t blocksX, int64_t blocksY) {
  json::Array arguments{RunBuilder::at(weights)};
  for (int64_t each : operand)
    arguments.push_back(RunBuilder::at(each));
  int64_t stride = rowBytes(linear.outputs, 4), result = run.random(rows * stride);
  arguments.push_back(RunBuilder::at(result));
  arguments.push_back(RunBuilder::number(stride));
  arguments.push_back(RunBuilder::number(rows));
  run.launch(kernel, blocksX, blocksY, std::move(arguments));
  return result;
}

//===--- Which kernel for how many rows ---===//

/// Of one product.
class RowsSweep {
public:
  RowsSweep(KernelLibrary &kernels, json::Array &runs, const LinearSpec &linear, std::string name)
      : run(kernels, runs), kernels(kernels), linear(linear), name(std::move(name)),
        isOperand(LinearTileSpec::canDo(linear)) {}

  void add(ArrayRef<int64_t> rowCounts) {
    for (int64_t rows : rowCounts) {
      for (int64_t ofBlock : isOperand            ? std::vector<int64_t>{8, 16, 32, 64}
                             : linear.isGrouped() ? std::vector<int64_t>{8, 16}
                                                  : std::vector<int64_t>{8})
        if (rows <= 64 && (ofBlock == 8 || ofBlock / 2 < rows))
          addFew(rows, ofBlock, LinearDecodeSpec::kTogether);
      for (int64_t together : valuesOf(kTogether))
        if (isOperand && rows <= 8 && together != LinearDecodeSpec::kTogether)
          addFew(rows, 8, together);
      if (rows > 8)
        addTiles(rows);
    }
  }

private:
  RunBuilder run;
  KernelLibrary &kernels;
  const LinearSpec &linear;
  std::string name;
  bool isOperand; ///< of mma: s8 and bf16

  static std::string fewName(int64_t ofBlock, int64_t together) {
    return "few" + std::to_string(ofBlock) +
           (together == LinearDecodeSpec::kTogether ? "" : "_ahead" + std::to_string(together));
  }
  static std::string tileName(int64_t ofBlock, int64_t ring) {
    return "tile" + std::to_string(ofBlock) + (ring == LinearTileSpec::kStages ? "" : "_ring" + std::to_string(ring));
  }

  void addFew(int64_t rows, int64_t ofBlock, int64_t together) {
    LinearDecodeSpec spec{linear, ofBlock};
    spec.together = together;
    addRun(rows, fewName(ofBlock, together), linearDecodeKernel(kernels, spec), linear.tiles(), ofBlock);
  }
  void addTiles(int64_t rows) {
    int64_t blocks = blocksOf(linear.tiles(), tilesOfBlock(linear));
    if (!isOperand)
      return addRun(rows, tileName(64, LinearTileSpec::kStages), productTileKernel(kernels, linear, 64), blocks, 64);
    for (int64_t ofBlock : {64, 128})
      for (int64_t ring : valuesOf(kStages))
        if (ring == LinearTileSpec::kStages || (rows > ProductLimits().fewRows && fits({linear, ofBlock, ring})))
          addRun(rows, tileName(ofBlock, ring), tileKernel({linear, ofBlock, ring}), blocks, ofBlock);
  }
  /// What an A100, or an H100, gives a block of shared memory.
  bool fits(const LinearTileSpec &spec) const {
    return kernels.getTarget().hasWgmma() ? HopperTileLayout{spec.rows, spec.ring}.sharedBytes() <= 227 << 10
                                          : spec.ring * spec.stageBytes() <= 163 << 10;
  }
  std::string tileKernel(const LinearTileSpec &spec) {
    return kernels.getTarget().hasWgmma() ? linearTileHopperKernel(kernels, spec) : linearTileKernel(kernels, spec);
  }

  void addRun(int64_t rows, const std::string &candidate, const std::string &kernel, int64_t blocks, int64_t ofBlock) {
    int64_t weights = run.weights(linear);
    std::vector<int64_t> operand = operandOf(run, linear, rows);
    int64_t result = addProduct(run, kernel, linear, weights, operand, rows, blocks, blocksOf(rows, ofBlock));
    addPicks(rows);
    run.finish(name + ", " + std::to_string(rows) + (rows == 1 ? " row" : " rows"), candidate,
               linear.isInteger() || linear.isGrouped(), result);
  }

  /// What the compiler would take, were a number another.
  std::string chosen(int64_t rows, const ProductLimits &limits) const {
    for (const ProductChoice &choice : productChoices(linear, kPrefillRows, limits))
      if (rows <= choice.most)
        return choice.isTile ? tileName(choice.rows, LinearTileSpec::kStages)
                             : fewName(choice.rows, LinearDecodeSpec::kTogether);
    return "";
  }
  void addPicks(int64_t rows) {
    run.assume(chosen(rows, {}));
    pickLimits(linear.isGrouped() ? kGroupedFewRows : kFewRows, rows,
               linear.isGrouped() ? &ProductLimits::groupedFewRows : &ProductLimits::fewRows);
    if (!isOperand)
      return;
    if (rows > ProductLimits().fewRows)
      pickLimits(kMultiprocessors, rows, &ProductLimits::multiprocessors);
    for (int64_t together : valuesOf(kTogether))
      if (rows <= 8)
        run.pick(kTogether, together, fewName(8, together));
    int64_t ofTile = chosen(rows, {}) == "tile128" ? 128 : 64;
    for (int64_t ring : valuesOf(kStages))
      if (rows > ProductLimits().fewRows && fits({linear, ofTile, ring}))
        run.pick(kStages, ring, tileName(ofTile, ring));
  }
  void pickLimits(const char *number, int64_t rows, int64_t ProductLimits::*limit) {
    for (int64_t value : valuesOf(number)) {
      ProductLimits limits;
      limits.*limit = value;
      run.pick(number, value, chosen(rows, limits));
    }
  }
};

//===--- One launch for many: the ring of the walker ---===//

std::string ringName(int64_t stages) { return "ring" + std::to_string(stages); }

/// A chain of products, launched one by one (`stages` none) or walked.
void addChain(KernelLibrary &kernels, json::Array &runs, const LinearSpec &linear, const std::string &name,
              std::optional<int64_t> stages) {
  std::string product = linearDecodeKernel(kernels, {linear, 8}), walker;
  int64_t number = kernels.kernel(product).number, bytes = recordBytes(kernels, {number});
  if (stages)
    walker = walkerKernel(kernels, {{number}, {}, stages});
  RunBuilder run(kernels, runs);
  if (stages)
    run.walk(walker, bytes);
  int64_t weights = run.weights(linear),
          result = addProduct(run, product, linear, weights, operandOf(run, linear, 1), 1, linear.tiles(), 1);
  for (int64_t value : valuesOf(kRing))
    if (value <= 16 || kernels.getTarget().hasWgmma())
      run.pick(kRing, value, ringName(value));
  run.assume("graph");
  run.pick(kPersistent, 0, "graph");
  run.pick(kPersistent, 1, ringName(16));
  run.finish(name + ", a chain of one row", stages ? ringName(*stages) : "graph", true, result);
}

//===--- Rows made by the product ---===//

/// A norm and what the product reads of it.
RowSpec normOf(const LinearSpec &linear, bool isOperand) {
  RowStep store = {linear.isInteger() ? RowStepKind::StoreCodes : RowStepKind::StoreHalves, {1}};
  store.isOperand = isOperand;
  for (int64_t pointer = 2; !isOperand && pointer < (linear.isInteger() ? 5 : 3); ++pointer)
    store.pointers.push_back(pointer);
  RowStep norm = {RowStepKind::RmsNorm, {0}, {1}};
  norm.epsilon = 1e-5F;
  return {linear.inputs, {{RowStepKind::Load, {}, {0}}, norm, store}};
}

class MadeSweep {
public:
  MadeSweep(KernelLibrary &kernels, json::Array &runs, const LinearSpec &linear, std::string name)
      : run(kernels, runs), linear(linear), name(std::move(name)) {}

  void add(int64_t rows) {
    addApart(rows);
    addMade(rows);
  }

private:
  RunBuilder run;
  const LinearSpec &linear;
  std::string name;

  struct Sources {
    int64_t weights, rows, factors;
  };
  Sources sourcesOf(int64_t rows) {
    int64_t weights = run.weights(linear), from = run.numbers(rows * rowBytes(linear.inputs, 4));
    return {weights, from, run.numbers(rowBytes(linear.inputs, 4))};
  }
  void addApart(int64_t rows) {
    Sources sources = sourcesOf(rows);
    std::vector<int64_t> operand = operandOf(run, linear, rows);
    json::Array arguments{RunBuilder::at(sources.rows), RunBuilder::at(sources.factors)};
    for (int64_t each : operand)
      arguments.push_back(RunBuilder::at(each));
    run.launch(rowKernel(run.kernels, normOf(linear, false)), rows, 1, std::move(arguments));
    finish(rows, "row launch",
           addProduct(run, linearDecodeKernel(run.kernels, {linear, 8}), linear, sources.weights, operand, rows,
                      linear.tiles(), 1));
  }
  void addMade(int64_t rows) {
    LinearDecodeSpec spec{linear, 8, {}, MadeRows{normOf(linear, true), std::max<int64_t>(rows, 2)}};
    Sources sources = sourcesOf(rows);
    finish(rows, "made",
           addProduct(run, linearDecodeKernel(run.kernels, spec), linear, sources.weights,
                      {sources.rows, sources.factors}, rows, linear.tiles(), 1));
  }
  void finish(int64_t rows, const std::string &candidate, int64_t result) {
    run.assume(rows <= mostMadeRows(linear.tiles(), normOf(linear, true)) ? "made" : "row launch");
    pick(kReadByAll, rows, &ProductLimits::readByAll);
    pick(kMadeRows, rows, &ProductLimits::madeRows);
    run.finish(name + ", a norm and " + std::to_string(rows) + (rows == 1 ? " row" : " rows"), candidate, true, result);
  }
  void pick(const char *number, int64_t rows, int64_t ProductLimits::*limit) {
    for (int64_t value : valuesOf(number)) {
      ProductLimits limits;
      limits.*limit = value;
      bool isMade = rows <= mostMadeRows(linear.tiles(), normOf(linear, true), limits);
      run.pick(number, value, isMade ? "made" : "row launch");
    }
  }
};

struct Format {
  const char *name;
  LinearSpec linear;
};
const Format kFormats[] = {{"s8", {0, 0, WeightFormat::S8Rows}},
                           {"q4", {0, 0, WeightFormat::Grouped, false, 4, 32}},
                           {"bf16", {0, 0, WeightFormat::Bf16}},
                           {"f32", {0, 0, WeightFormat::F32}}};

LinearSpec sized(LinearSpec linear, const Sizes &sizes) {
  linear.outputs = sizes.outputs, linear.inputs = sizes.inputs;
  return linear;
}

} // namespace

json::Array assumedNumbers() {
  const ProductLimits limits;
  const char *choice = "codegen/ptx/linear/LinearChoice.h", *walker = "codegen/ptx/persistent/Walker.cpp";
  const std::tuple<const char *, const char *, int64_t> all[] = {
      {kFewRows, choice, limits.fewRows},
      {kGroupedFewRows, choice, limits.groupedFewRows},
      {kMultiprocessors, choice, limits.multiprocessors},
      {kReadByAll, choice, limits.readByAll},
      {kMadeRows, choice, limits.madeRows},
      {kTogether, "codegen/ptx/linear/LinearDecode.h", LinearDecodeSpec::kTogether},
      {kStages, "codegen/ptx/linear/LinearTile.h", LinearTileSpec::kStages},
      {kRing, walker, 16},
      {kPersistent, "runtime/src/session/device_team.c", 0}};
  json::Array list;
  for (const auto &[name, file, assumed] : all)
    list.push_back(
        json::Object{{"name", name}, {"file", file}, {"assumed", assumed}, {"values", json::Array(valuesOf(name))}});
  return list;
}

std::vector<Candidates> candidatesFor(const Target &target, bool isSmall) {
  // Of SmolLM2, of a 1B, of a 7B; the widest first, of which there is most to be won.
  const std::vector<Sizes> products =
      isSmall ? std::vector<Sizes>{{160, 256}} : std::vector<Sizes>{{4096, 11008}, {2048, 2048}, {1536, 576}};
  const std::vector<Sizes> chains = isSmall ? products : std::vector<Sizes>{{2048, 2048}, {1536, 576}};
  const std::vector<Sizes> normed =
      isSmall ? products : std::vector<Sizes>{{1536, 576}, {2048, 2048}, {8192, 2048}, {4096, 4096}};
  const std::vector<int64_t> rows =
      isSmall ? std::vector<int64_t>{1, 17, 65} : std::vector<int64_t>{1, 8, 16, 32, 64, 128, 512};
  std::vector<Candidates> all;
  for (const Sizes &sizes : chains)
    for (std::optional<int64_t> stages : {std::optional<int64_t>(), {0}, {4}, {8}, {16}, {32}})
      if (stages != 32 || target.hasWgmma())
        all.push_back({"chain-" + sizes.text() + "-" + (stages ? ringName(*stages) : "graph"),
                       [=](KernelLibrary &kernels, json::Array &runs) {
                         addChain(kernels, runs, sized(kFormats[0].linear, sizes), "s8 " + sizes.text(), stages);
                       }});
  for (const Sizes &sizes : normed)
    all.push_back({"made-" + sizes.text(), [=](KernelLibrary &kernels, json::Array &runs) {
                     for (int64_t count : {1, 2, 4}) {
                       LinearSpec linear = sized(kFormats[0].linear, sizes);
                       MadeSweep(kernels, runs, linear, "s8 " + sizes.text()).add(count);
                     }
                   }});
  for (const Format &format : kFormats)
    for (const Sizes &sizes : products)
      all.push_back(
          {std::string("rows-") + format.name + "-" + sizes.text(), [=](KernelLibrary &kernels, json::Array &runs) {
             LinearSpec linear = sized(format.linear, sizes);
             RowsSweep(kernels, runs, linear, format.name + (" " + sizes.text())).add(rows);
           }});
  return all;
}

} // namespace lmopt::sweep
