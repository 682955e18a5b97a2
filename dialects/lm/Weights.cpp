// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads weights: dispatch over the weight attributes, leaves through the file readers, derivations through
// WeightKernels. The verifiers of the attributes checked what is known without files; shapes that come from files are
// checked here, before they are used.
// Tested by test/unit/dialects/WeightsTest.cpp.

#include "dialects/lm/Weights.h"

#include "dialects/lm/WeightKernels.h"
#include "frontends/gguf/Gguf.h"
#include "frontends/safetensors/Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

#include <atomic>
#include <cmath>
#include <map>
#include <mutex>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

/// Inline numbers are for tests; a splat could otherwise ask for terabytes in one line.
static constexpr int64_t maxInlineElements = int64_t(1) << 28;

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

static std::string shapeText(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "a scalar";
  return llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), "x");
}

static int64_t elementsOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

static StringRef formText(const WeightData &data) {
  return data.isInt8()           ? "int8"
         : data.bf16             ? "bf16"
         : data.groupedBits == 8 ? "8-bit grouped"
         : data.groupedBits == 4 ? "4-bit grouped"
                                 : "f32";
}

namespace {

/// Evaluates one weight; carries what a diagnostic needs.
class Evaluation {
public:
  Evaluation(Location loc, StringRef what, int &errorCode) : loc(loc), what(what), errorCode(errorCode) {}

  InFlightDiagnostic error(int code = kErrorMalformed) {
    errorCode = code;
    return emitError(loc) << what << ": ";
  }
  LogicalResult error(const Error &cause) { return error(cause.code) << cause.message; }

  /// Sources that must be f32 and of a rank; shapes from files are seen here for the first time.
  LogicalResult expectF32(const WeightData &data, unsigned minRank, unsigned maxRank, Attribute attribute);
  LogicalResult expectVector(const WeightData &vector, int64_t size, Attribute attribute);
  /// A shape that a file states, before anything of that size is made.
  LogicalResult expectShape(ArrayRef<int64_t> shape, StringRef path, StringRef key);

private:
  Location loc;
  StringRef what; // the param, for messages
  int &errorCode;
};

} // namespace

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

//===- Leaves ----------------------------------------------------------------------------------------------------===//

static FailureOr<WeightData> readDense(Evaluation &evaluation, DenseElementsAttr dense) {
  if (!dense.getElementType().isF32())
    return evaluation.error() << "expected inline numbers of f32, but found " << dense.getElementType();
  if (dense.getNumElements() > maxInlineElements || dense.getNumElements() == 0)
    return evaluation.error() << "expected 1 to 2^28 inline numbers, but found " << dense.getNumElements()
                              << "; keep larger weights in a file";
  WeightData data;
  data.shape.assign(dense.getType().getShape().begin(), dense.getType().getShape().end());
  data.f32.reserve(dense.getNumElements());
  llvm::append_range(data.f32, dense.getValues<float>());
  return data;
}

/// The tensor `key` of a file in the format that the attribute states; an error that names what there is otherwise.
template <class File>
static auto findTensor(Evaluation &evaluation, const File &file, StringRef key, StringRef format)
    -> FailureOr<decltype(file.findTensor(""))> {
  auto *tensor = file.findTensor(std::string_view(key.data(), key.size()));
  if (!tensor)
    return evaluation.error() << printable(file.path()) << " has no tensor " << printable(key.str())
                              << "; is it the file that the model was imported from?";
  StringRef found(tensor->type->name.data(), tensor->type->name.size());
  if (!found.equals_insensitive(format))
    return evaluation.error() << "expected tensor " << printable(key.str()) << " of " << printable(file.path())
                              << " in format " << format << ", but found " << found.lower()
                              << "; import the model again";
  if (failed(evaluation.expectShape(tensor->shape, file.path(), key)))
    return failure();
  return tensor;
}

template <class File, class Tensor>
static FailureOr<WeightData> decode(Evaluation &evaluation, const File &file, const Tensor &tensor) {
  WeightData data;
  data.shape = tensor.shape;
  data.f32.resize(elementsOf(tensor.shape));
  Result<void> result = file.decodeRows(tensor, 0, tensor.rows(), data.f32.data());
  if (!result)
    return evaluation.error(result.error());
  return data;
}

static FailureOr<WeightData> readGguf(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  return failed(tensor) ? FailureOr<WeightData>(failure()) : decode(evaluation, file, **tensor);
}

/// Codes, scales and minima as the file holds them.
static FailureOr<WeightData> readNative(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  if (failed(tensor))
    return failure();
  ArrayRef<int64_t> shape = (*tensor)->shape;
  constexpr int64_t group = 32;
  if (shape.size() != 2 || shape[1] % group != 0)
    return evaluation.error() << "expected a matrix whose columns are a multiple of 32, but "
                              << printable(attribute.getKey().str()) << " is " << shapeText(shape);
  WeightData data;
  data.shape = (*tensor)->shape;
  data.group = group;
  data.groupedBits = attribute.getFormat() == GgufFormat::q8_0 ? 8 : 4;
  data.s8.resize(elementsOf(shape));
  data.scales.resize(data.s8.size() / group);
  data.minima.resize(attribute.getFormat() == GgufFormat::q4_1 ? data.scales.size() : 0);
  Result<void> result = file.readCodes(**tensor, data.s8.data(), data.scales.data(), data.minima.data());
  if (!result)
    return evaluation.error(result.error());
  auto isFinite = [](float x) { return std::isfinite(x); };
  if (!llvm::all_of(data.scales, isFinite) || !llvm::all_of(data.minima, isFinite))
    return evaluation.error() << "tensor " << printable(attribute.getKey().str()) << " of " << printable(file.path())
                              << " holds a scale that is not finite; the file is damaged";
  return data;
}

/// Codes from `key`, scales from `key`.scale.
static FailureOr<WeightData> readCodes(Evaluation &evaluation, const SafetensorsFile &file,
                                       const SafetensorsTensor &codes) {
  std::string scaleKey = codes.name + ".scale";
  auto scales = findTensor(evaluation, file, scaleKey, "f32");
  if (failed(scales))
    return failure();
  ArrayRef<int64_t> shape = codes.shape, scaleShape = (*scales)->shape;
  if (shape.size() != 2 || scaleShape != shape.drop_back())
    return evaluation.error() << "expected codes of shape OUTxIN and scales of shape OUT, but " << printable(codes.name)
                              << " of " << printable(file.path()) << " has " << shapeText(shape) << " and "
                              << shapeText(scaleShape);
  FailureOr<WeightData> decoded = decode(evaluation, file, **scales);
  if (failed(decoded))
    return failure();
  WeightData data;
  data.shape = codes.shape;
  data.scales = std::move(decoded->f32);
  const auto *bytes = reinterpret_cast<const int8_t *>(codes.data.data());
  data.s8.assign(bytes, bytes + codes.data.size());
  if (llvm::is_contained(data.s8, int8_t(-128)))
    return evaluation.error() << "expected codes in -127 .. 127, but " << printable(codes.name) << " of "
                              << printable(file.path()) << " contains -128";
  return data;
}

static FailureOr<WeightData> readSafetensors(Evaluation &evaluation, const SafetensorsFile &file,
                                             SafetensorsAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  if (failed(tensor))
    return failure();
  bool isCodes = attribute.getFormat() == SafetensorsFormat::i8;
  return isCodes ? readCodes(evaluation, file, **tensor) : decode(evaluation, file, **tensor);
}

//===- Derivations, in place where the shape stays ---------------------------------------------------------------===//

static FailureOr<WeightData> makeRow(Evaluation &evaluation, RowAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  if (attribute.getIndex() >= source.rows())
    return evaluation.error() << "row " << attribute.getIndex() << " does not exist in a matrix of " << source.rows()
                              << " rows";
  auto begin = source.f32.begin() + attribute.getIndex() * source.columns();
  WeightData row;
  row.shape = {source.columns()};
  row.f32.assign(begin, begin + source.columns());
  return row;
}

static FailureOr<WeightData> makeSum(Evaluation &evaluation, SumAttr attribute, WeightData a, const WeightData &b) {
  if (failed(evaluation.expectF32(a, 1, 4, attribute)) || failed(evaluation.expectF32(b, 1, 4, attribute)))
    return failure();
  if (a.shape != b.shape)
    return evaluation.error() << "expected two weights of one shape to add, but found " << shapeText(a.shape) << " and "
                              << shapeText(b.shape);
  for (auto [x, y] : llvm::zip_equal(a.f32, b.f32))
    x += y;
  return a;
}

static FailureOr<WeightData> makeScale(Evaluation &evaluation, ScaleAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 1, 4, attribute)))
    return failure();
  for (float &x : source.f32)
    x = float(x * double(attribute.getFactor()));
  return source;
}

/// Runs `combine(number, vector[column])` over a matrix.
template <class Attr, class Combine>
static FailureOr<WeightData> combineColumns(Evaluation &evaluation, Attr attribute, WeightData source,
                                            const WeightData &vector, Combine combine) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)) ||
      failed(evaluation.expectVector(vector, source.columns(), attribute)))
    return failure();
  const int64_t rows = source.rows(), columns = source.columns();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      source.f32[r * columns + c] = combine(source.f32[r * columns + c], vector.f32[c]);
  return source;
}

static FailureOr<WeightData> makeMatvecAdd(Evaluation &evaluation, MatvecAddAttr attribute, const WeightData &source,
                                           const WeightData &vector, const WeightData *bias) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)) ||
      failed(evaluation.expectVector(vector, source.columns(), attribute)) ||
      (bias && failed(evaluation.expectVector(*bias, source.rows(), attribute))))
    return failure();
  WeightData result;
  result.shape = {source.rows()};
  for (int64_t r = 0; r < source.rows(); ++r) {
    double sum = bias ? bias->f32[r] : 0.0;
    for (int64_t c = 0; c < source.columns(); ++c)
      sum += double(source.f32[r * source.columns() + c]) * vector.f32[c];
    result.f32.push_back(float(sum));
  }
  return result;
}

/// Row r of the result is row from(r) of the source; `columns` elements a row.
template <class T, class From>
static std::vector<T> permuteRows(const std::vector<T> &source, int64_t columns, From from) {
  std::vector<T> result(source.size());
  for (int64_t r = 0, rows = columns ? int64_t(source.size()) / columns : 0; r < rows; ++r)
    std::copy_n(source.begin() + from(r) * columns, columns, result.begin() + r * columns);
  return result;
}

/// Of an f32 matrix or vector, or of a grouped matrix: a permutation of rows leaves groups of inputs as they are.
static FailureOr<WeightData> makePermutation(Evaluation &evaluation, PermuteRopeAttr attribute, WeightData source) {
  if (source.groupedBits == 0 && failed(evaluation.expectF32(source, 1, 2, attribute)))
    return failure();
  int64_t rows = source.rows(), columns = source.shape.size() == 2 ? source.columns() : 1;
  int64_t headRows = rows / attribute.getHeads(), dims = attribute.getDims() ? attribute.getDims() : headRows;
  if (rows % attribute.getHeads() != 0 || dims > headRows || dims % 2 != 0)
    return evaluation.error() << "cannot permute " << dims << " rotary rows in each of " << attribute.getHeads()
                              << " heads of a weight with " << rows << " rows";
  bool fromInterleaved = attribute.getFrom() == RopeLayout::interleaved;
  auto from = [&](int64_t row) { return permutedRow(row, headRows, dims, fromInterleaved); };
  source.f32 = permuteRows(source.f32, columns, from);
  source.s8 = permuteRows(source.s8, columns, from);
  if (source.groupedBits != 0) {
    source.scales = permuteRows(source.scales, source.groupsPerRow(), from);
    source.minima = permuteRows(source.minima, source.groupsPerRow(), from);
  }
  return source;
}

static FailureOr<WeightData> makeRotation(Evaluation &evaluation, RotateColumnsAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 1, 2, attribute)))
    return failure();
  if (source.columns() % attribute.getBlock() != 0)
    return evaluation.error() << "block " << attribute.getBlock() << " of the rotation does not divide the "
                              << source.columns() << " columns";
  rotateBlocks(source.f32.data(), int64_t(source.f32.size()), attribute.getBlock());
  return source;
}

static FailureOr<WeightData> makeNarrow(Evaluation &evaluation, NarrowAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  if (!narrowNumbers(source.f32.data(), int64_t(source.f32.size())))
    return evaluation.error() << "it holds a number that bf16 cannot; it cannot be narrowed";
  source.bf16 = true;
  return source;
}

static FailureOr<WeightData> makeCodes(Evaluation &evaluation, QuantizeRowsAttr attribute, const WeightData &source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  const int64_t columns = source.columns();
  WeightData result;
  result.shape = source.shape;
  result.s8.resize(source.f32.size());
  result.scales.resize(source.rows());
  for (int64_t n = 0; n < source.rows(); ++n)
    if (!quantizeRow(&source.f32[n * columns], columns, &result.s8[n * columns], result.scales[n]))
      return evaluation.error() << "row " << n << " holds a number that is not finite; it cannot be quantized";
  return result;
}

static FailureOr<WeightData> makeGroups(Evaluation &evaluation, QuantizeGroupsAttr attribute,
                                        const WeightData &source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  int64_t group = attribute.getGroup();
  if (source.columns() % group != 0)
    return evaluation.error() << "group " << group << " does not divide the " << source.columns() << " columns";
  WeightData result;
  result.shape = source.shape;
  result.group = group;
  result.groupedBits = attribute.getBits();
  result.s8.resize(source.f32.size());
  result.scales.resize(source.f32.size() / group);
  result.minima.resize(attribute.getHasMin() ? result.scales.size() : 0);
  for (size_t i = 0; i < result.scales.size(); ++i)
    if (!quantizeShortGroup(&source.f32[i * group], group, int(attribute.getBits()), &result.s8[i * group],
                            result.scales[i], attribute.getHasMin() ? &result.minima[i] : nullptr))
      return evaluation.error() << "row " << int64_t(i) * group / source.columns()
                                << " holds a number that is not finite or beyond what an f16 scale reaches; it cannot "
                                   "be quantized in groups";
  return result;
}

//===- Reader ----------------------------------------------------------------------------------------------------===//

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
        return derive(a.getSource(), a.getVector(), [&](Data w, Data v) {
          return combineColumns(e, a, std::move(w), v, [](float x, float y) { return x * y; });
        });
      })
      .Case([&](AddToRowsAttr a) {
        return derive(a.getSource(), a.getVector(), [&](Data w, Data v) {
          return combineColumns(e, a, std::move(w), v, [](float x, float y) { return x + y; });
        });
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
