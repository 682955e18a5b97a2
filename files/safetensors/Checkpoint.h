// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of a Hugging Face directory as one table of names: model.safetensors, or the shards that
// model.safetensors.index.json lists.
//
// In: a directory, and others with parts of the model. Out: each tensor with the file that holds it.
// An index cannot point outside its directory. Weights in another form are refused with what to do about them.
// Tested by test/unit/files/CheckpointTest.cpp.
#ifndef LMOPT_FILES_SAFETENSORS_CHECKPOINT_H
#define LMOPT_FILES_SAFETENSORS_CHECKPOINT_H

#include "files/safetensors/Safetensors.h"

#include <map>

namespace lmopt {

class Checkpoint {
public:
  static Result<Checkpoint> open(const std::string &directory);
  /// Adds the model.safetensors of another directory; its tensors have `prefix` in front of their names here.
  Result<void> addFolder(const std::string &directory, const std::string &prefix);

  struct Entry {
    const SafetensorsFile *file = nullptr;
    const SafetensorsTensor *tensor = nullptr;
    explicit operator bool() const { return tensor; }
  };
  Entry find(std::string_view tensorName) const;
  /// All names, sorted.
  std::vector<std::string_view> names() const;
  const std::vector<SafetensorsFile> &files() const { return fileTable; }

private:
  Result<void> openShards(const std::string &directory);
  Result<void> addShard(const std::string &directory, const std::string &name, size_t count,
                        const std::string &indexPath);
  Result<void> addFile(const std::string &path, const std::string &prefix = "");

  std::vector<SafetensorsFile> fileTable;
  std::vector<std::string> prefixes; // of the tensors of each file, which the file does not know
  std::map<std::string, uint32_t, std::less<>> fileOfTensor;
};

/// "FILE: tensor 'NAME'": how messages about one begin.
std::string placeOf(const Checkpoint::Entry &entry);
/// "64x48" or "scalar".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace lmopt

#endif // LMOPT_FILES_SAFETENSORS_CHECKPOINT_H
