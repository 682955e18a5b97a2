// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Part after part; see Calibration.h.
#include "tools/calibrate/Calibration.h"

#include "codegen/Compile.h"
#include "passes/analysis/LayerHalves.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Statistics.h"
#include "passes/normalize-rope/NormalizeRope.h"
#include "tools/calibrate/PartRun.h"
#include "tools/calibrate/PartialWork.h"
#include "tools/calibrate/Segments.h"

#include "dialects/lm/LmDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/FileSystem.h"

#include <numeric>

using namespace mlir;

namespace lmopt {

Sequences Sequences::thinned(int64_t tokens) const {
  Sequences kept;
  double rate = static_cast<double>(tokens) / static_cast<double>(this->tokens());
  int64_t begin = 0;
  for (size_t i = 0; i < lengths.size(); begin += lengths[i++]) {
    // Each time the multiple of the rate passes a whole number.
    if (rate < 1 && std::floor(static_cast<double>(i + 1) * rate) == std::floor(static_cast<double>(i) * rate))
      continue;
    kept.lengths.push_back(lengths[i]);
    kept.ids.insert(kept.ids.end(), ids.begin() + begin, ids.begin() + begin + lengths[i]);
  }
  return kept;
}

/// A half of a layer has at least one observed value, and one more result for the rows behind it, and one result is for
/// the rows before the first.
static constexpr size_t kMostWithRows = (kMostObserved - 1) / 2;

static Error said() { return Error{kErrorUnsupported, ""}; }

std::string Sequences::fingerprint() const {
  StringRef lengthBytes(reinterpret_cast<const char *>(lengths.data()), lengths.size() * 8);
  StringRef idBytes(reinterpret_cast<const char *>(ids.data()), ids.size() * 4);
  return lm::fingerprint((lengthBytes + idBytes).str());
}

/// Which of them it is; SIZE_MAX: none.
static size_t placeOf(Value value, ArrayRef<lm::ObservedValue> values) {
  const auto *found = llvm::find_if(values, [&](const lm::ObservedValue &each) { return each.value == value; });
  return found == values.end() ? SIZE_MAX : static_cast<size_t>(found - values.begin());
}

namespace {

class Calibrator {
public:
  Calibrator(ModuleOp module, const Sequences &sequences, const CalibrationSettings &settings)
      : module(module), sequences(sequences), settings(settings) {}

  Result<void> run(const lm::LayerSelection &selection) {
    if (Result<void> planned = plan(selection); !planned)
      return planned;
    if (isDone()) {
      if (settings.note)
        settings.note("'" + settings.output + "' holds these statistics already");
      return {};
    }
    Result<PartialWork> work = PartialWork::open(settings.output + ".partial", identity(), parts.size());
    if (!work)
      return work.error();
    if (work->done() && settings.note)
      settings.note("going on with part " + std::to_string(work->done() + 1) + " of " + std::to_string(parts.size()) +
                    " from '" + work->folder() + "'");
    for (size_t i = work->done(); i < parts.size(); ++i)
      if (Result<void> ran = runPart(i, *work); !ran) {
        if (!work->done()) // nothing that is worth keeping
          (void)work->remove();
        return ran;
      }
    tell(1, "write");
    if (Result<void> joined = work->join(settings.output, metadata()); !joined)
      return joined;
    return work->remove();
  }

private:
  ModuleOp module;
  const Sequences &sequences;
  Sequences numbers;
  const CalibrationSettings &settings;
  func::FuncOp function;
  llvm::SmallVector<lm::ObservedValue> observed;
  std::vector<ObservedSegment> parts;
  std::vector<lm::LayerHalf> halves; ///< of the whole model
  size_t headValue = SIZE_MAX;       ///< among `observed`: what the head of a decoder reads, if its rows are wanted
  llvm::DenseSet<Value> blockInputs; ///< what feed-forward blocks read, if rows of it are wanted

  void tell(double fraction, const std::string &detail) {
    if (settings.progress)
      settings.progress(fraction, detail);
  }

  Result<void> plan(const lm::LayerSelection &selection) {
    FailureOr<func::FuncOp> found = lm::findModelFunction(module);
    if (failed(found))
      return said();
    function = *found;
    observed = lm::findObservedValues(module, selection);
    if (observed.empty())
      return unsupported("no linear of the model reads rows that could be measured");
    if (settings.headRows > 0)
      findHead();
    if (settings.blockRows > 0)
      findBlocks();
    findHalves(selection);
    llvm::SmallVector<KeptTogether> together =
        llvm::map_to_vector(halves, [](lm::LayerHalf &half) { return KeptTogether{half.before(), half.after()}; });
    parts = cutModel(function, observed, settings.partBytes, headValue != SIZE_MAX, kMostWithRows, together);
    return {};
  }

  // A half is measured with the rest of its layer: where what its last linear reads is.
  void findHalves(const lm::LayerSelection &selection) {
    for (lm::LayerHalf &half : lm::findLayerHalves(module))
      if (selection.contains(half.last) && placeOf(half.last.getInput(), observed) != SIZE_MAX)
        halves.push_back(std::move(half));
  }

  // Those of a part, with the rows that are results of it for their sake.
  struct PartHalves {
    std::vector<lm::LayerHalf *> halves;
    llvm::SetVector<Value> rows;
  };
  PartHalves halvesOf(size_t number) {
    const ObservedSegment &part = parts[number];
    llvm::DenseSet<Operation *> inside(part.segment.ops.begin(), part.segment.ops.end());
    PartHalves found;
    for (lm::LayerHalf &half : halves) {
      Value before = half.before();
      if (!inside.contains(half.end) || (before != part.segment.input && !inside.contains(before.getDefiningOp())))
        continue;
      found.rows.insert(before);
      found.rows.insert(half.after());
      found.halves.push_back(&half);
    }
    return found;
  }

  // Results of a part: what is observed, what goes on or is returned (for the head), rows before and behind halves.
  std::vector<RowChange> changesOf(size_t number, const PartHalves &found) {
    size_t first = firstOfRows(number);
    std::vector<RowChange> changes;
    auto place = [&](Value value) {
      return first + static_cast<size_t>(llvm::find(found.rows, value) - found.rows.begin());
    };
    for (lm::LayerHalf *half : found.halves)
      changes.push_back({lm::getPartName(half->last).str(), place(half->before()), place(half->after())});
    return changes;
  }

  size_t firstOfRows(size_t number) {
    const ObservedSegment &part = parts[number];
    if (part.segment.output)
      return part.observed.size() + (placeOf(part.segment.output, part.observed) == SIZE_MAX ? 1 : 0);
    return part.observed.size() + (headValue == SIZE_MAX ? 0 : countReturned());
  }

  size_t countReturned() {
    return static_cast<size_t>(llvm::count_if(function.getBody().front().getTerminator()->getOperandTypes(),
                                              [](Type type) { return !isa<lm::CacheType>(type); }));
  }

  // The linear whose result a decoder returns.
  void findHead() {
    Value logits = function.getBody().front().getTerminator()->getOperand(0);
    auto head = logits.getDefiningOp<lm::LinearLikeOpInterface>();
    if (lm::isDecoder(function) && head)
      headValue = placeOf(head.getInput(), observed);
  }

  void findBlocks() {
    lm::ParamUses uses(module);
    for (lm::LinearOp down : lm::findOps<lm::LinearOp>(module)) {
      auto match = lm::matchFeedForward(down, uses);
      if (auto *block = match ? std::get_if<lm::FeedForward>(&*match) : nullptr)
        blockInputs.insert(block->before.front().getInput());
    }
  }

  /// Every which token is kept, for at most so many of them.
  int64_t strideFor(int64_t rows) const { return (sequences.tokens() + rows - 1) / rows; }
  int64_t headStride() const { return headValue == SIZE_MAX ? 0 : strideFor(settings.headRows); }
  int64_t blockStride() const { return blockInputs.empty() ? 0 : strideFor(settings.blockRows); }

  std::string valuesJson() const {
    nlohmann::ordered_json values = nlohmann::ordered_json::object();
    for (const lm::ObservedValue &value : observed)
      values[value.name] = value.fingerprint;
    return values.dump();
  }

  std::vector<std::pair<std::string, std::string>> metadata() const {
    return {{"format", lm::kStatisticsFormat.str()},
            {"source", lm::sourceFingerprint(module)},
            {"text", sequences.fingerprint()},
            {"tokens", std::to_string(sequences.tokens())},
            {"sequences", std::to_string(sequences.lengths.size())},
            {"head_stride", std::to_string(headStride())},
            {"block_stride", std::to_string(blockStride())},
            {"halves", std::to_string(halves.size())},
            {"values", valuesJson()}};
  }

  // The output is there, and is what this would make. Files appear when they are complete.
  bool isDone() const {
    Result<SafetensorsFile> file = SafetensorsFile::open(settings.output);
    return file.ok() &&
           llvm::all_of(metadata(), [&](const auto &entry) { return file->findMetadata(entry.first) == entry.second; });
  }

  // What the work so far depends on.
  std::string identity() const {
    nlohmann::ordered_json all = metadata();
    all.push_back({"parts", parts.size()});
    return all.dump();
  }

  Result<void> compilePart(size_t number, ArrayRef<Value> more, const PartialWork &work, const std::string &artifact) {
    lm::StoredRows rows;
    if (number > 0)
      rows = {lm::SafetensorsAttr::get(module.getContext(), work.rowsFile(number), "rows", lm::SafetensorsFormat::f32),
              sequences.tokens()};
    const ObservedSegment &part = parts[number];
    FailureOr<OwningOpRef<ModuleOp>> observer =
        lm::buildObserver(function, part.segment, part.observed, rows, headValue != SIZE_MAX, more);
    if (failed(observer))
      return said();
    // Another order of what attention compares changes nothing that is observed, and is what code is made for.
    PassManager manager(module.getContext());
    manager.addPass(lm::createLmNormalizeRopePass());
    if (failed(manager.run(**observer)))
      return said();
    lmopt::CompileOptions options;
    options.baseDirectory = settings.baseDirectory;
    CompileResult result = compileToArtifact(**observer, options, artifact);
    return result.code ? Result<void>(Error{result.code, result.message}) : Result<void>();
  }

  Result<void> runPart(size_t number, PartialWork &work) {
    std::string which = "part " + std::to_string(number + 1) + " of " + std::to_string(parts.size());
    double size = 1.0 / static_cast<double>(parts.size()), begin = static_cast<double>(number) * size;
    tell(begin, which + ", compile");
    std::string artifact = work.folder() + "/part.so";
    PartHalves halvesHere = halvesOf(number);
    if (Result<void> compiled = compilePart(number, halvesHere.rows.getArrayRef(), work, artifact); !compiled)
      return compiled;
    std::vector<Moments> moments;
    for (const lm::ObservedValue &value : parts[number].observed)
      moments.emplace_back(value.width());
    HeadRows head = headOf(number);
    std::vector<KeptRows> kept = keptOf(number);
    std::vector<RowChange> changes = changesOf(number, halvesHere);
    Value output = parts[number].segment.output;
    Result<PartialWork::RowWriter> next = work.writeRows(number + 1, sequences.tokens(), widthOf(output));
    if (!next)
      return next.error();
    PartRun run = {artifact,
                   number ? rowNumbers() : sequences,
                   moments,
                   nextResult(number),
                   head,
                   kept,
                   changes,
                   settings.threads,
                   [&](const float *rows, int64_t count) { return next->append(rows, count); },
                   [&](double fraction) { tell(begin + fraction * size, which); }};
    if (Result<void> ran = run.run(); !ran)
      return ran;
    if (Result<void> finished = next->finish(); !finished)
      return finished;
    llvm::sys::fs::remove(artifact);
    return work.finishPart(number, tensorsOf(number, moments, head, kept, changes));
  }

  // Behind the first part a token is the row of its number.
  const Sequences &rowNumbers() {
    if (numbers.ids.empty()) {
      numbers = sequences;
      std::iota(numbers.ids.begin(), numbers.ids.end(), 0);
    }
    return numbers;
  }

  static int64_t widthOf(Value rows) { return rows ? cast<ShapedType>(rows.getType()).getShape().back() : 0; }

  // Which result of a part goes on: the output, where it is not observed itself behind what is.
  size_t nextResult(size_t number) const {
    const ObservedSegment &part = parts[number];
    if (!part.segment.output)
      return SIZE_MAX;
    return std::min(placeOf(part.segment.output, part.observed), part.observed.size());
  }

  HeadRows headOf(size_t number) const {
    HeadRows head;
    if (headValue == SIZE_MAX)
      return head;
    head.input.result = placeOf(observed[headValue].value, parts[number].observed);
    head.logits = parts[number].observed.size(); // behind what is observed comes what the function returns
    head.input.stride = head.input.result == SIZE_MAX ? 0 : headStride();
    return head;
  }

  std::vector<KeptRows> keptOf(size_t number) const {
    std::vector<KeptRows> kept;
    for (auto [i, value] : llvm::enumerate(parts[number].observed))
      if (blockInputs.contains(value.value))
        kept.push_back({blockStride(), i, {}});
    return kept;
  }

  // The file's tensors; see Statistics.h.
  std::vector<NamedTensor> tensorsOf(size_t number, std::vector<Moments> &moments, HeadRows &head,
                                     std::vector<KeptRows> &kept, std::vector<RowChange> &changes) const {
    std::vector<NamedTensor> tensors;
    for (size_t i = 0; i < moments.size(); ++i) {
      const std::string &name = parts[number].observed[i].name;
      Moments &sums = moments[i];
      int64_t n = sums.width;
      tensors.push_back({{name + ".products", "F64", {n * (n + 1) / 2}}, lowerHalf(sums)});
      tensors.push_back({{name + ".sums", "F64", {n}}, {sums.sums.data(), n * 8}});
      tensors.push_back({{name + ".positive", "F64", {n}}, {sums.positive.data(), n * 8}});
      tensors.push_back({{name + ".greatest", "F32", {n}}, {sums.greatest.data(), n * 4}});
    }
    for (RowChange &change : changes)
      tensors.push_back({{change.name + ".change", "F64", {1}}, {&change.sum, 8}});
    auto addRows = [&](const lm::ObservedValue &value, const std::vector<float> &rows) {
      int64_t numbers = static_cast<int64_t>(rows.size());
      tensors.push_back(
          {{value.name + ".rows", "F32", {numbers / value.width(), value.width()}}, {rows.data(), numbers * 4}});
    };
    for (const KeptRows &rows : kept)
      addRows(parts[number].observed[rows.result], rows.rows);
    if (head.input.stride) {
      auto count = static_cast<int64_t>(head.lse.size());
      addRows(observed[headValue], head.input.rows);
      tensors.push_back({{observed[headValue].name + ".lse", "F64", {count}}, {head.lse.data(), count * 8}});
    }
    return tensors;
  }

  // In place: row i begins where i (i + 1) / 2 numbers are, which is never behind where it stood.
  static NamedTensor::Bytes lowerHalf(Moments &sums) {
    double *to = sums.products.data();
    for (int64_t i = 0; i < sums.width; ++i) {
      const double *row = sums.products.data() + i * sums.width;
      to = std::copy(row, row + i + 1, to);
    }
    return {sums.products.data(), (to - sums.products.data()) * 8};
  }
};

} // namespace

Result<void> calibrate(ModuleOp module, const lm::LayerSelection &selection, const Sequences &sequences,
                       const CalibrationSettings &settings) {
  return Calibrator(module, sequences, settings).run(selection);
}

} // namespace lmopt
