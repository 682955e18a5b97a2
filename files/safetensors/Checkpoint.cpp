// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the weights of a Hugging Face directory. Tested by test/unit/files/CheckpointTest.cpp.
#include "files/safetensors/Checkpoint.h"

#include "files/Json.h"
#include "files/RelativePath.h"

#include <filesystem>

using namespace lmopt;
using nlohmann::json;

static constexpr size_t kMaxShards = 4096;

/// Weights in a form that lmopt does not read, by the beginning and end of the file's name, and what to do about it.
struct OtherWeights {
  std::string_view begin, end, remedy;
};
static constexpr char kSave[] = "save the model again with safetensors (save_pretrained does)";
static constexpr OtherWeights kOtherWeights[] = {
    {"pytorch_model", ".bin", kSave},
    {"pytorch_model", ".bin.index.json", kSave},
    {"consolidated", ".pth", "use the checkpoint in Hugging Face's format"},
    {"consolidated", ".safetensors", "its tensors have other names; use the checkpoint in Hugging Face's format"},
    {"tf_model", ".h5", kSave},
    {"flax_model", ".msgpack", kSave},
    {"adapter_model", ".safetensors", "it changes another model; merge it there (merge_and_unload) and save that"},
    {"model.", ".safetensors", "a variant that a caller must ask for; name it model.safetensors"},
    {"model.safetensors.index.", ".json", "a variant that a caller must ask for; name it model.safetensors.index.json"},
    {"", ".gguf", "give lmopt the file itself instead of the directory"},
};

static const OtherWeights *otherWeights(std::string_view name) {
  for (const OtherWeights &other : kOtherWeights)
    if (name.size() >= other.begin.size() + other.end.size() && name.substr(0, other.begin.size()) == other.begin &&
        name.substr(name.size() - other.end.size()) == other.end)
      return &other;
  return nullptr;
}

/// What to say when a directory has no safetensors: often it has weights in another form.
static Error noWeights(const std::string &directory) {
  std::map<std::string, const OtherWeights *> found; // sorted, so that the message is always the same
  std::error_code ignored;
  for (const auto &entry : std::filesystem::directory_iterator(directory, ignored))
    if (const OtherWeights *other = otherWeights(entry.path().filename().string()))
      found.emplace(entry.path().filename().string(), other);
  if (found.empty())
    return malformed(directory + ": expected model.safetensors or model.safetensors.index.json, found neither");
  auto [name, other] = *found.begin();
  bool isPickle = other->end == ".bin" || other->end == ".bin.index.json" || other->end == ".pth";
  return unsupported(directory + ": the weights are in " + name + ", which lmopt does not read" +
                     (isPickle ? " (pickle files can run code); " : "; ") + std::string(other->remedy));
}

Result<Checkpoint> Checkpoint::open(const std::string &directory) {
  Checkpoint checkpoint;
  std::string single = directory + "/model.safetensors";
  if (fileExists(single)) { // counts before an index, as in transformers
    if (Result<void> added = checkpoint.addFile(single); !added)
      return added.error();
    return checkpoint;
  }
  if (!fileExists(directory + "/model.safetensors.index.json"))
    return noWeights(directory);
  if (Result<void> opened = checkpoint.openShards(directory); !opened)
    return opened.error();
  return checkpoint;
}

Result<void> Checkpoint::addFolder(const std::string &directory, const std::string &prefix) {
  std::string path = directory + "/model.safetensors";
  return fileExists(path) ? addFile(path, prefix) : Result<void>(noWeights(directory));
}

Result<void> Checkpoint::addFile(const std::string &path, const std::string &prefix) {
  Result<SafetensorsFile> opened = SafetensorsFile::open(path);
  if (!opened)
    return opened.error();
  fileTable.push_back(opened.take());
  prefixes.push_back(prefix);
  const SafetensorsFile &file = fileTable.back();
  for (const SafetensorsTensor &tensor : file.tensors()) {
    auto [entry, isNew] = fileOfTensor.emplace(prefix + tensor.name, fileTable.size() - 1);
    if (!isNew)
      return malformed(file.path() + ": tensor " + printable(tensor.name) + " stands in " +
                       fileTable[entry->second].path() + " too, and nothing says which one counts");
  }
  return {};
}

/// The files that the index names; transformers reads all tensors of all of them, whatever the index says of each.
Result<void> Checkpoint::openShards(const std::string &directory) {
  std::string path = directory + "/model.safetensors.index.json";
  Result<json> index = readJsonFile(path);
  if (!index)
    return index.error();
  auto map = index->is_object() ? index->find("weight_map") : index->end();
  if (map == index->end() || !map->is_object())
    return malformed(path + ": expected an object 'weight_map' that names the file of each tensor");

  std::map<std::string, uint32_t> shards;
  for (auto &[tensor, shard] : map->items()) {
    std::optional<std::string> name = shard.is_string() ? pathInside(shard.get<std::string>()) : std::nullopt;
    if (!name || name->empty())
      return malformed(path + ": weight_map: tensor " + printable(tensor) +
                       ": expected the name of a file in the same directory");
    auto [entry, isNew] = shards.emplace(*name, fileTable.size());
    if (isNew)
      if (Result<void> added = addShard(directory, *name, shards.size(), path); !added)
        return added;
    if (!fileTable[entry->second].findTensor(tensor))
      return malformed(path + ": tensor " + printable(tensor) + " is not in the shard " + printable(entry->first));
  }
  if (shards.empty())
    return malformed(path + ": weight_map names no tensor");
  return {};
}

Result<void> Checkpoint::addShard(const std::string &directory, const std::string &name, size_t count,
                                  const std::string &indexPath) {
  if (count > kMaxShards)
    return malformed(indexPath + ": more than " + std::to_string(kMaxShards) + " shards");
  if (!fileExists(directory + "/" + name))
    return malformed(indexPath + ": the shard " + printable(name) + " is missing (incomplete download?)");
  return addFile(directory + "/" + name);
}

Checkpoint::Entry Checkpoint::find(std::string_view tensorName) const {
  auto found = fileOfTensor.find(tensorName);
  if (found == fileOfTensor.end())
    return {};
  const SafetensorsFile &file = fileTable[found->second];
  return {&file, file.findTensor(tensorName.substr(prefixes[found->second].size()))};
}

std::vector<std::string_view> Checkpoint::names() const {
  std::vector<std::string_view> names;
  for (auto &[name, file] : fileOfTensor)
    names.push_back(name);
  return names;
}

std::string lmopt::placeOf(const Checkpoint::Entry &entry) {
  return entry.file->path() + ": tensor " + printable(entry.tensor->name);
}

std::string lmopt::shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}
