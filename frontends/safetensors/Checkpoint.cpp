// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the weights of a Hugging Face directory. Tested by test/unit/frontends/CheckpointTest.cpp.
#include "frontends/safetensors/Checkpoint.h"

#include "frontends/Json.h"

using namespace lmopt;
using nlohmann::json;

static constexpr size_t kMaxShards = 4096;

/// What to say when a directory has no safetensors: often it has weights in a form that runs code when read.
static Error noWeights(const std::string &directory) {
  for (const char *pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (fileExists(directory + "/" + pickle))
      return unsupported(directory + ": the weights are in " + pickle +
                         ", which lmopt does not read (pickle files can " +
                         "run code); save the model again with safetensors (save_pretrained does)");
  return malformed(directory + ": expected model.safetensors or model.safetensors.index.json, found neither");
}

static bool isPlainName(const std::string &name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

Result<Checkpoint> Checkpoint::open(const std::string &directory) {
  Checkpoint checkpoint;
  std::string single = directory + "/model.safetensors";
  if (fileExists(single)) {
    Result<SafetensorsFile> file = SafetensorsFile::open(single);
    if (!file)
      return file.error();
    checkpoint.fileTable.push_back(file.take());
    return checkpoint;
  }
  if (!fileExists(directory + "/model.safetensors.index.json"))
    return noWeights(directory);
  if (Result<void> opened = checkpoint.openShards(directory); !opened)
    return opened.error();
  return checkpoint;
}

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
    if (!shard.is_string() || !isPlainName(shard.get<std::string>()))
      return malformed(path + ": weight_map: tensor " + printable(tensor) +
                       ": expected the name of a file in the same " + "directory");
    auto [entry, isNew] = shards.emplace(shard.get<std::string>(), fileTable.size());
    if (isNew) {
      if (shards.size() > kMaxShards)
        return malformed(path + ": more than " + std::to_string(kMaxShards) + " shards");
      if (!fileExists(directory + "/" + entry->first))
        return malformed(path + ": the shard " + printable(entry->first) + " is missing (incomplete download?)");
      Result<SafetensorsFile> file = SafetensorsFile::open(directory + "/" + entry->first);
      if (!file)
        return file.error();
      fileTable.push_back(file.take());
    }
    if (!fileTable[entry->second].findTensor(tensor))
      return malformed(path + ": tensor " + printable(tensor) + " is not in the shard " + printable(entry->first));
    fileOfTensor.emplace(tensor, entry->second);
  }
  return {};
}

Checkpoint::Entry Checkpoint::find(std::string_view tensorName) const {
  if (fileOfTensor.empty() && fileTable.size() == 1) {
    const SafetensorsTensor *tensor = fileTable[0].findTensor(tensorName);
    return tensor ? Entry{&fileTable[0], tensor} : Entry{};
  }
  auto found = fileOfTensor.find(tensorName);
  if (found == fileOfTensor.end())
    return {};
  const SafetensorsFile &file = fileTable[found->second];
  return {&file, file.findTensor(tensorName)};
}

std::vector<std::string_view> Checkpoint::names() const {
  std::vector<std::string_view> names;
  if (fileOfTensor.empty() && fileTable.size() == 1)
    for (const SafetensorsTensor &tensor : fileTable[0].tensors())
      names.push_back(tensor.name);
  for (auto &[name, file] : fileOfTensor)
    names.push_back(name);
  return names;
}
