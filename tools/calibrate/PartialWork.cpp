// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The folder of unfinished work; see PartialWork.h.
#include "tools/calibrate/PartialWork.h"

#include "files/AtomicFile.h"
#include "files/Json.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace fs = std::filesystem;

namespace lmopt {

/// Names that this program may have put there, a file that was cut off by SIGKILL among them.
static bool isOurs(const std::string &name) {
  auto starts = [&](std::string_view with) { return name.compare(0, with.size(), with) == 0; };
  return name == "state.json" || name == "part.so" || starts("part-") || starts("rows-") || starts(".lmopt-");
}

Result<PartialWork> PartialWork::open(const std::string &folder, const std::string &identity, size_t parts) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    return resourceError("cannot create '" + folder + "': " + failed.message());
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, failed))
    if (!isOurs(entry.path().filename().string()))
      return Error{kErrorUsage, "'" + folder + "' is where unfinished work goes, but holds '" +
                                    entry.path().filename().string() + "'; move that away or choose another output"};
  PartialWork work(folder, identity, parts);
  if (Result<void> read = work.readState(); !read)
    return read.error();
  return work;
}

// Whatever cannot be read, or is of other work, is as if it were not there.
Result<void> PartialWork::readState() {
  if (fs::exists(stateFile())) {
    Result<nlohmann::json> state = readJsonFile(stateFile());
    bool same = state.ok() && state->is_object() && state->contains("identity") && (*state)["identity"] == identity &&
                state->contains("done") && (*state)["done"].is_number_unsigned();
    if (same)
      doneCount = (*state)["done"].get<size_t>();
  }
  for (size_t i = 0; i < doneCount; ++i)
    if (i >= partCount || !SafetensorsFile::open(statisticsFile(i)))
      doneCount = 0;
  if (doneCount > 0 && doneCount < partCount && !SafetensorsFile::open(rowsFile(doneCount)))
    doneCount = 0;
  return doneCount ? Result<void>() : clear();
}

Result<void> PartialWork::clear() const {
  std::error_code failed;
  std::vector<fs::path> files;
  for (const fs::directory_entry &entry : fs::directory_iterator(path, failed))
    files.push_back(entry.path());
  for (const fs::path &file : files)
    if (!failed)
      fs::remove(file, failed);
  return failed ? resourceError("cannot empty '" + path + "': " + failed.message()) : Result<void>();
}

Result<void> PartialWork::writeState() const {
  return writeFileAtomically(stateFile(), nlohmann::json{{"identity", identity}, {"done", doneCount}}.dump());
}

Result<PartialWork::RowWriter> PartialWork::writeRows(size_t number, int64_t tokens, int64_t width) const {
  RowWriter rows;
  if (!width)
    return rows;
  Result<SafetensorsWriter> made = SafetensorsWriter::create(rowsFile(number), {{"rows", "F32", {tokens, width}}});
  if (!made)
    return made.error();
  rows.writer.emplace(made.take());
  return rows;
}

static Result<void> writeTensors(const std::string &path, const std::vector<NamedTensor> &tensors) {
  std::vector<SafetensorsWriter::Tensor> names;
  for (const NamedTensor &tensor : tensors)
    names.push_back(tensor.tensor);
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(path, names);
  if (!writer)
    return writer.error();
  for (const NamedTensor &tensor : tensors)
    if (Result<void> written = writer->append(tensor.bytes.data, static_cast<uint64_t>(tensor.bytes.size)); !written)
      return written;
  return writer->finish();
}

Result<void> PartialWork::finishPart(size_t number, const std::vector<NamedTensor> &tensors) {
  if (Result<void> written = writeTensors(statisticsFile(number), tensors); !written)
    return written;
  doneCount = number + 1;
  if (Result<void> written = writeState(); !written)
    return written;
  std::error_code ignored; // it goes with the folder at the latest
  fs::remove(rowsFile(number), ignored);
  return {};
}

Result<void> PartialWork::join(const std::string &output,
                               const std::vector<std::pair<std::string, std::string>> &metadata) const {
  std::vector<SafetensorsFile> files;
  for (size_t i = 0; i < partCount; ++i) {
    Result<SafetensorsFile> file = SafetensorsFile::open(statisticsFile(i));
    if (!file)
      return file.error();
    files.push_back(file.take());
  }
  std::vector<const SafetensorsTensor *> tensors; // by name, however many parts there were
  for (const SafetensorsFile &file : files)
    for (const SafetensorsTensor &tensor : file.tensors())
      tensors.push_back(&tensor);
  std::sort(tensors.begin(), tensors.end(), [](auto *a, auto *b) { return a->name < b->name; });
  std::vector<SafetensorsWriter::Tensor> names;
  for (const SafetensorsTensor *tensor : tensors)
    names.push_back({tensor->name, tensor->type->name, tensor->shape});
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(output, names, metadata);
  if (!writer)
    return writer.error();
  for (const SafetensorsTensor *tensor : tensors)
    if (Result<void> written = writer->append(tensor->data.data(), tensor->data.size()); !written)
      return written;
  return writer->finish();
}

Result<void> PartialWork::remove() const {
  if (Result<void> cleared = clear(); !cleared)
    return cleared;
  std::error_code failed;
  fs::remove(path, failed);
  return failed ? resourceError("cannot remove '" + path + "': " + failed.message()) : Result<void>();
}

} // namespace lmopt
