// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calibration has done so far, on disk: a folder with the statistics of the parts that are finished, the rows that
// go into the next one, and a note of what it belongs to (state.json). Every file appears when it is complete.
//
// In: the folder, an identity: model, text and settings as a text. Out: how many parts are done; a folder of another
// identity begins anew. A folder that holds other files is left alone: an error. Tested by
// test/unit/tools/PartialWorkTest.cpp.
#ifndef LMOPT_TOOLS_CALIBRATE_PARTIALWORK_H
#define LMOPT_TOOLS_CALIBRATE_PARTIALWORK_H

#include "files/Status.h"
#include "files/safetensors/Safetensors.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lmopt {

/// A tensor of a safetensors file with its bytes.
struct NamedTensor {
  struct Bytes {
    const void *data;
    int64_t size;
  };
  SafetensorsWriter::Tensor tensor;
  Bytes bytes;
};

class PartialWork {
public:
  static Result<PartialWork> open(const std::string &folder, const std::string &identity, size_t parts);

  const std::string &folder() const { return path; }
  size_t done() const { return doneCount; }
  /// The rows that go into part `number` (from 1), tensor `rows`, [tokens, width].
  std::string rowsFile(size_t number) const { return path + "/rows-" + std::to_string(number) + ".safetensors"; }

  /// Takes rows as they come; a width of 0: there are none.
  class RowWriter {
  public:
    Result<void> append(const float *rows, int64_t count) {
      return writer->append(rows, static_cast<uint64_t>(count) * 4);
    }
    Result<void> finish() { return writer ? writer->finish() : Result<void>(); }

  private:
    friend PartialWork;
    std::optional<SafetensorsWriter> writer;
  };
  Result<RowWriter> writeRows(size_t number, int64_t tokens, int64_t width) const;

  /// Writes the statistics of a part, and drops the rows that went into it.
  Result<void> finishPart(size_t number, const std::vector<NamedTensor> &tensors);

  /// Writes the statistics of all parts as one file.
  Result<void> join(const std::string &output, const std::vector<std::pair<std::string, std::string>> &metadata) const;
  /// Removes the folder.
  Result<void> remove() const;

private:
  PartialWork(std::string path, std::string identity, size_t parts)
      : path(std::move(path)), identity(std::move(identity)), partCount(parts) {}
  std::string stateFile() const { return path + "/state.json"; }
  std::string statisticsFile(size_t number) const { return path + "/part-" + std::to_string(number) + ".safetensors"; }
  Result<void> readState();
  Result<void> writeState() const;
  Result<void> clear() const;

  std::string path, identity;
  size_t partCount, doneCount = 0;
};

} // namespace lmopt

#endif // LMOPT_TOOLS_CALIBRATE_PARTIALWORK_H
