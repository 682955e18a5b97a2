// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads weights: dispatch over the weight attributes; leaves are in WeightLeaves.cpp, derivations in
// WeightDerivations.cpp. The verifiers of the attributes checked what is known without files.
// Tested by test/unit/dialects/WeightsTest.cpp.

#include "dialects/lm/WeightEvaluation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

#include <atomic>
#include <map>
#include <mutex>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

template <class File>
using FileCache = std::map<std::string, std::unique_ptr<File>>;

struct WeightReader::State {
  std::string baseDirectory;
  std::mutex mutex; // guards the caches; evaluation itself shares nothing
  FileCache<GgufFile> ggufFiles;
  FileCache<SafetensorsFile> safetensorsFiles;
  std::atomic<int> errorCode{kErrorMalformed};

  std::string resolve(StringRef path) const {
    if (baseDirectory.empty() || llvm::sys::path::is_absolute(path))
      return path.str();
    SmallString<256> full(baseDirectory);
    llvm::sys::path::append(full, path);
    return full.str().str();
  }
};

std::string lmopt::lm::shapeText(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "a scalar";
  return llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), "x");
}

int64_t lmopt::lm::elementsOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

StringRef lmopt::lm::formText(const WeightData &data) {
  return data.isInt8()           ? "int8"
         : data.bf16             ? "bf16"
         : data.groupedBits == 8 ? "8-bit grouped"
         : data.groupedBits == 4 ? "4-bit grouped"
                                 : "f32";
}

LogicalResult Evaluation::expectF32(const WeightData &data, unsigned minRank, unsigned maxRank, Attribute attribute) {
  if (data.s8.empty() && !data.bf16 && data.shape.size() >= minRank && data.shape.size() <= maxRank)
    return success();
  InFlightDiagnostic diagnostic = error();
  diagnostic << "expected an f32 "
             << (maxRank == 1   ? "vector"
                 : minRank == 2 ? "matrix"
                                : "matrix or vector")
             << " as source of " << attribute << ", but found " << formText(data) << " " << shapeText(data.shape);
  return diagnostic;
}

LogicalResult Evaluation::expectVector(const WeightData &vector, int64_t size, Attribute attribute) {
  if (failed(expectF32(vector, 1, 1, attribute)))
    return failure();
  if (vector.shape.front() != size)
    return error() << "expected a vector of " << size << " numbers in " << attribute << ", but found "
                   << vector.shape.front();
  return success();
}

LogicalResult Evaluation::expectShape(ArrayRef<int64_t> shape, StringRef path, StringRef key) {
  int64_t room = int64_t(1) << 40;
  bool good = !shape.empty() && shape.size() <= 4;
  for (int64_t size : shape) {
    good = good && size > 0 && size <= room;
    room = good ? room / size : 0;
  }
  if (!good)
    return error() << "expected a tensor of rank 1 to 4 with positive sizes, but " << printable(key.str()) << " of "
                   << printable(path.str()) << " is " << shapeText(shape);
  return success();
}

namespace {

/// Evaluates attributes recursively (the verifiers bound depth and number of leaves).
class Reader {
public:
  using Result = FailureOr<WeightData>;

  Reader(Evaluation &evaluation, std::function<const GgufFile *(StringRef)> openGguf,
         std::function<const SafetensorsFile *(StringRef)> openSafetensors)
      : evaluation(evaluation), openGguf(std::move(openGguf)), openSafetensors(std::move(openSafetensors)) {}

  Result read(Attribute weight);

private:
  Result readLeaf(GgufAttr leaf);
  Result readLeaf(SafetensorsAttr leaf);

  /// Reads the sources and hands them to `make`.
  template <class Make>
  Result derive(Attribute source, Make make) {
    Result data = read(source);
    return failed(data) ? data : make(std::move(*data));
  }
  template <class Make>
  Result derive(Attribute first, Attribute second, Make make) {
    Result data = read(first);
    if (failed(data))
      return data;
    Result other = read(second);
    return failed(other) ? other : make(std::move(*data), std::move(*other));
  }
  Result readMatvecAdd(MatvecAddAttr attribute);
  Result readNativeCodes(NativeAttr attribute);

  Evaluation &evaluation;
  std::function<const GgufFile *(StringRef)> openGguf;
  std::function<const SafetensorsFile *(StringRef)> openSafetensors;
};

Reader::Result Reader::readLeaf(GgufAttr leaf) {
  const GgufFile *file = openGguf(leaf.getPath());
  return file ? readGguf(evaluation, *file, leaf) : Result(failure());
}

Reader::Result Reader::readNativeCodes(NativeAttr attribute) {
  GgufAttr leaf = NativeAttr::findTensor(attribute.getSource());
  const GgufFile *file = openGguf(leaf.getPath());
  Result data = file ? readNative(evaluation, *file, leaf) : Result(failure());
  auto permuted = dyn_cast<PermuteRopeAttr>(attribute.getSource());
  return failed(data) || !permuted ? data : makePermutation(evaluation, permuted, std::move(*data));
}

Reader::Result Reader::readLeaf(SafetensorsAttr leaf) {
  const SafetensorsFile *file = openSafetensors(leaf.getPath());
  return file ? readSafetensors(evaluation, *file, leaf) : Result(failure());
}

Reader::Result Reader::readMatvecAdd(MatvecAddAttr attribute) {
  std::optional<WeightData> bias;
  if (attribute.getBias()) {
    Result data = read(attribute.getBias());
    if (failed(data))
      return data;
    bias = std::move(*data);
  }
  return derive(attribute.getSource(), attribute.getVector(), [&](WeightData source, WeightData vector) {
    return makeMatvecAdd(evaluation, attribute, source, vector, bias ? &*bias : nullptr);
  });
}

Reader::Result Reader::read(Attribute weight) {
  Evaluation &e = evaluation;
  using Data = WeightData;
  return llvm::TypeSwitch<Attribute, Result>(weight)
      .Case([&](DenseElementsAttr a) { return readDense(e, a); })
      .Case([&](GgufAttr a) { return readLeaf(a); })
      .Case([&](SafetensorsAttr a) { return readLeaf(a); })
      .Case([&](RowAttr a) { return derive(a.getSource(), [&](Data w) { return makeRow(e, a, std::move(w)); }); })
      .Case([&](SumAttr a) {
        return derive(a.getLhs(), a.getRhs(), [&](Data x, Data y) { return makeSum(e, a, std::move(x), y); });
      })
      .Case([&](ScaleAttr a) { return derive(a.getSource(), [&](Data w) { return makeScale(e, a, std::move(w)); }); })
      .Case([&](ScaleColumnsAttr a) {
        return derive(a.getSource(), a.getVector(),
                      [&](Data w, Data v) { return makeColumnScale(e, a, std::move(w), v); });
      })
      .Case([&](AddToRowsAttr a) {
        return derive(a.getSource(), a.getVector(), [&](Data w, Data v) { return makeRowSum(e, a, std::move(w), v); });
      })
      .Case([&](MatvecAddAttr a) { return readMatvecAdd(a); })
      .Case([&](PermuteRopeAttr a) {
        return derive(a.getSource(), [&](Data w) { return makePermutation(e, a, std::move(w)); });
      })
      .Case([&](RotateColumnsAttr a) {
        return derive(a.getSource(), [&](Data w) { return makeRotation(e, a, std::move(w)); });
      })
      .Case([&](NarrowAttr a) { return derive(a.getSource(), [&](Data w) { return makeNarrow(e, a, std::move(w)); }); })
      .Case([&](QuantizeRowsAttr a) { return derive(a.getSource(), [&](Data w) { return makeCodes(e, a, w); }); })
      .Case([&](QuantizeGroupsAttr a) { return derive(a.getSource(), [&](Data w) { return makeGroups(e, a, w); }); })
      .Case([&](NativeAttr a) { return readNativeCodes(a); })
      .Default([&](Attribute a) -> Result { return e.error(kErrorUnsupported) << "cannot read the weight " << a; });
}

/// The file at `path` from the cache, opened at first use; null after an error has been told.
template <class File>
const File *openCached(Evaluation &evaluation, std::mutex &mutex, FileCache<File> &cache, const std::string &path) {
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<File> &slot = cache[path];
  if (slot)
    return slot.get();
  lmopt::Result<File> file = File::open(path);
  if (!file) {
    (void)evaluation.error(file.error());
    return nullptr;
  }
  slot = std::make_unique<File>(file.take());
  return slot.get();
}

} // namespace

WeightReader::WeightReader(std::string baseDirectory) : state(std::make_unique<State>()) {
  state->baseDirectory = std::move(baseDirectory);
}
WeightReader::~WeightReader() = default;

int WeightReader::errorCode() const { return state->errorCode; }

FailureOr<WeightData> WeightReader::read(Attribute weight, Location loc, StringRef what) {
  int code = kErrorMalformed;
  Evaluation evaluation(loc, what, code);
  Reader reader(
      evaluation,
      [&](StringRef path) { return openCached(evaluation, state->mutex, state->ggufFiles, state->resolve(path)); },
      [&](StringRef path) {
        return openCached(evaluation, state->mutex, state->safetensorsFiles, state->resolve(path));
      });
  FailureOr<WeightData> data = reader.read(weight);
  if (failed(data))
    state->errorCode = code;
  return data;
}

static bool formFits(Type type, const WeightData &data) {
  if (isa<Int8Type>(type))
    return data.isInt8();
  if (auto matrix = dyn_cast<GroupedType>(type))
    return data.groupedBits == matrix.getBits() && data.group == matrix.getGroup() &&
           data.minima.empty() != matrix.getHasMin();
  return data.s8.empty() && data.bf16 == cast<RankedTensorType>(type).getElementType().isBF16();
}

FailureOr<WeightData> WeightReader::read(ParamOp param) {
  std::string what = ("weight @" + param.getSymName()).str();
  FailureOr<WeightData> data = read(param.getValue(), param.getLoc(), what);
  if (failed(data))
    return failure();
  if (ArrayRef<int64_t>(data->shape) == ArrayRef<int64_t>(param.getShape()) && formFits(param.getType(), *data))
    return data;
  state->errorCode = kErrorMalformed;
  return emitError(param.getLoc()) << what << ": expected " << param.getType() << ", but the source holds "
                                   << formText(*data) << " " << shapeText(data->shape)
                                   << (data->group ? " in groups of " + std::to_string(data->group) : "");
}

std::string lmopt::lm::moduleDirectory(ModuleOp module) {
  auto loc = module.getLoc()->findInstanceOf<FileLineColLoc>();
  if (!loc || loc.getFilename() == "-" || loc.getFilename() == "<stdin>")
    return "";
  return llvm::sys::path::parent_path(loc.getFilename().getValue()).str();
}
