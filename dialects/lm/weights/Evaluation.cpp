// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all evaluations share; see Evaluation.h.
#include "dialects/lm/weights/Evaluation.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

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
         : !data.table.empty()   ? "codebook"
         : data.groupedBits == 8 ? "8-bit grouped"
         : data.groupedBits == 6 ? "6-bit grouped"
         : data.groupedBits == 5 ? "5-bit grouped"
         : data.groupedBits == 4 ? "4-bit grouped"
                                 : "f32";
}

LogicalResult Evaluation::expectF32(const WeightData &data, unsigned minRank, unsigned maxRank, Attribute attribute) {
  if (data.s8.empty() && !data.bf16 && data.shape.size() >= minRank && data.shape.size() <= maxRank)
    return success();
  InFlightDiagnostic diagnostic = error();
  diagnostic << "expected an f32 "
             << (maxRank == 1   ? "vector"
                 : maxRank > 2  ? "tensor of rank " + std::to_string(minRank) +
                                      (maxRank > minRank ? " to " + std::to_string(maxRank) : "")
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

/// Inline numbers are for tests; a splat could otherwise ask for terabytes in one line.
static constexpr int64_t maxInlineElements = int64_t(1) << 28;

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

FailureOr<WeightData> Evaluation::read(Attribute weight) {
  if (auto dense = dyn_cast<DenseElementsAttr>(weight))
    return readDense(*this, dense);
  if (auto attribute = dyn_cast<WeightAttrInterface>(weight))
    return attribute.evaluate(*this);
  return error(kErrorUnsupported) << "cannot read the weight " << weight;
}

FailureOr<WeightData> Evaluation::readF32(Attribute source, unsigned minRank, unsigned maxRank, Attribute user) {
  FailureOr<WeightData> data = read(source);
  if (failed(data) || failed(expectF32(*data, minRank, maxRank, user)))
    return failure();
  return data;
}

std::shared_ptr<SharedResults::Entry> SharedResults::entryOf(Attribute key) {
  constexpr size_t kept = 4;
  std::lock_guard<std::mutex> lock(mutex);
  auto found = llvm::find_if(latest, [&](const std::shared_ptr<Entry> &entry) { return entry->key == key; });
  std::shared_ptr<Entry> entry = found == latest.end() ? std::make_shared<Entry>() : *found;
  entry->key = key;
  if (found != latest.end())
    latest.erase(found);
  latest.push_front(entry);
  if (latest.size() > kept)
    latest.pop_back();
  return entry;
}

SharedResults::Result SharedResults::get(Attribute key, llvm::function_ref<Result()> make) {
  std::shared_ptr<Entry> entry = entryOf(key);
  std::lock_guard<std::mutex> lock(entry->mutex);
  if (!entry->result)
    entry->result = make();
  return entry->result;
}

template <class File>
static const File *orTell(Evaluation &evaluation, Result<const File *> file) {
  if (file)
    return *file;
  (void)evaluation.error(file.error());
  return nullptr;
}

const GgufFile *Evaluation::openGguf(StringRef path) { return orTell(*this, files.gguf(path)); }
const SafetensorsFile *Evaluation::openSafetensors(StringRef path) { return orTell(*this, files.safetensors(path)); }
