// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads weights: keeps files open, checks what a param promises. What an attribute stands for is its own business
// (WeightAttrInterface::evaluate); the verifiers of the attributes checked what is known without files.
// Tested by test/unit/dialects/WeightsTest.cpp.

#include "dialects/lm/weights/Evaluation.h"

#include "llvm/Support/Path.h"

#include <atomic>
#include <map>
#include <mutex>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

template <class File>
using FileCache = std::map<std::string, std::unique_ptr<File>>;

struct WeightReader::State : WeightFiles {
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

  Result<const GgufFile *> gguf(StringRef path) override { return open(ggufFiles, resolve(path)); }
  Result<const SafetensorsFile *> safetensors(StringRef path) override { return open(safetensorsFiles, resolve(path)); }

private:
  /// The file at `path` from the cache, opened at first use.
  template <class File>
  Result<const File *> open(FileCache<File> &cache, const std::string &path) {
    std::lock_guard<std::mutex> lock(mutex);
    std::unique_ptr<File> &slot = cache[path];
    if (!slot) {
      Result<File> file = File::open(path);
      if (!file)
        return file.error();
      slot = std::make_unique<File>(file.take());
    }
    return static_cast<const File *>(slot.get());
  }
};

WeightReader::WeightReader(std::string baseDirectory) : state(std::make_unique<State>()) {
  state->baseDirectory = std::move(baseDirectory);
}
WeightReader::~WeightReader() = default;

int WeightReader::errorCode() const { return state->errorCode; }

FailureOr<WeightData> WeightReader::read(Attribute weight, Location loc, StringRef what) {
  int code = kErrorMalformed;
  FailureOr<WeightData> data = Evaluation(*state, loc, what, code).read(weight);
  if (failed(data))
    state->errorCode = code;
  return data;
}

static WeightForm formOf(const WeightData &data) {
  WeightForm form;
  form.int8 = data.isInt8();
  form.bf16 = data.bf16;
  form.groupedBits = data.groupedBits;
  form.entries = static_cast<int64_t>(data.table.size());
  form.hasMin = !data.minima.empty();
  form.group = data.group;
  form.scaleBits = data.units.empty() ? 16 : 8;
  form.blockRows = data.blockRows;
  form.blockColumns = data.blockColumns;
  if (data.blockRows != 0)
    form.stored = data.stored;
  return form;
}

FailureOr<WeightData> WeightReader::read(ParamOp param) {
  std::string what = ("weight @" + param.getSymName()).str();
  FailureOr<WeightData> data = read(param.getValue(), param.getLoc(), what);
  if (failed(data))
    return failure();
  if (ArrayRef<int64_t>(data->shape) == ArrayRef<int64_t>(param.getShape()) &&
      typeHolds(param.getType(), formOf(*data)))
    return data;
  state->errorCode = kErrorMalformed;
  return emitError(param.getLoc()) << what << ": expected " << param.getType() << ", but the source holds "
                                   << formText(*data) << " " << shapeText(data->shape)
                                   << (data->group ? " in groups of " + std::to_string(data->group) : "")
                                   << (data->blockRows ? " with " + std::to_string(data->stored) + " blocks" : "");
}

std::string lmopt::lm::moduleDirectory(ModuleOp module) {
  auto loc = module.getLoc()->findInstanceOf<FileLineColLoc>();
  if (!loc || loc.getFilename() == "-" || loc.getFilename() == "<stdin>")
    return "";
  return llvm::sys::path::parent_path(loc.getFilename().getValue()).str();
}
