// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt inspect`: what an artifact or a checkpoint is, layer by layer.
//
// An artifact is read from its ELF note and metadata: none of its code runs, and it may be made for another CPU or ABI.
// A checkpoint is imported by lmopt-compiler (InspectSource.cpp). Tested by test/unit/tools/InspectTest.cpp and
// test/tools/lmopt.
#include "tools/lmopt/Inspect.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"
#include "tools/lmopt/Model.h"

#include <algorithm>
#include <cstdio>

namespace lmopt::driver {

using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

static std::string scalarText(const Json &value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// [576, 576] -> "576 x 576"; lists of other things stay JSON.
static std::string cellText(const Json &value) {
  if (!value.is_array() || value.empty() || !value.front().is_number_integer())
    return scalarText(value);
  std::string text;
  for (const Json &item : value)
    text += (text.empty() ? "" : " x ") + scalarText(item);
  return text;
}

static bool isTable(const Json &value) { return value.is_array() && !value.empty() && value.front().is_object(); }

/// A table with a column for each key that any row has, numbers to the right.
static std::string tableText(const Json &rows) {
  std::vector<std::string> keys;
  for (const Json &row : rows)
    for (const auto &[key, value] : row.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        keys.push_back(key);
  std::vector<size_t> widths;
  for (const std::string &key : keys) {
    size_t width = key.size();
    for (const Json &row : rows)
      if (row.contains(key))
        width = std::max(width, cellText(row[key]).size());
    widths.push_back(width);
  }
  std::string text;
  auto addCell = [&](size_t column, const std::string &cell, bool right) {
    std::string padding(widths[column] - cell.size(), ' ');
    text += "  " + (right ? padding + cell : cell + padding);
  };
  auto endRow = [&] { text.erase(text.find_last_not_of(' ') + 1) += '\n'; };
  for (size_t i = 0; i < keys.size(); ++i)
    addCell(i, keys[i], !rows.front().value(keys[i], Json()).is_string());
  endRow();
  for (const Json &row : rows) {
    for (size_t i = 0; i < keys.size(); ++i) {
      Json value = row.value(keys[i], Json(""));
      addCell(i, cellText(value), !value.is_string());
    }
    endRow();
  }
  return text;
}

static void addLines(const Json &facts, const std::string &prefix, std::string &lines, std::string &tables) {
  for (const auto &[key, value] : facts.items()) {
    std::string name = prefix + key;
    if (value.is_object()) {
      addLines(value, name + ".", lines, tables);
    } else if (isTable(value)) {
      tables += "\n" + name + "\n" + tableText(value);
    } else {
      char label[64];
      std::snprintf(label, sizeof label, "%-28s ", name.c_str());
      lines += label + cellText(value) + "\n";
    }
  }
}

std::string inspectionText(const Json &facts) {
  std::string lines, tables;
  addLines(facts, "", lines, tables);
  return lines + tables;
}

std::string inspectionOutput(const Json &facts, bool json) {
  return json ? facts.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : inspectionText(facts);
}

//===----------------------------------------------------------------------===//
// Artifacts
//===----------------------------------------------------------------------===//

static std::string isaNames(uint64_t isa) {
  std::string names(lmopt_isa_names(isa, nullptr, 0), '\0');
  lmopt_isa_names(isa, names.data(), names.size() + 1);
  return names;
}

static Result<Json> manifestOf(const lmopt_artifact_t *artifact, const std::string &path) {
  size_t size = 0;
  const char *text = static_cast<const char *>(lmopt_artifact_meta(artifact, "manifest", &size));
  if (!text)
    return malformed("'" + path + "' has no manifest");
  Json manifest = Json::parse(text, text + size, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object())
    return malformed("the manifest of '" + path + "' is not a JSON object");
  return manifest;
}

static Result<void> inspectArtifact(const InspectOptions &options, lmopt_artifact_t *artifact) {
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  lmopt_error_t error{};
  if (lmopt_artifact_get_info(artifact, &info, &error) != LMOPT_OK)
    return runtimeError(error);
  Result<Json> manifest = manifestOf(artifact, options.path);
  if (!manifest.ok())
    return manifest.error();
  uint64_t missing = info.isa & ~lmopt_cpu_isa();
  Json facts = {{"file", options.path},
                {"file_bytes", info.file_bytes},
                {"weight_bytes", info.weight_bytes},
                {"weights_file", info.weights_file ? Json(info.weights_file) : Json()},
                {"abi", std::to_string(info.abi_min) + " to " + std::to_string(info.abi_max)},
                {"needs", isaNames(info.isa)},
                {"missing_here", isaNames(missing)}};
  Json blobs = Json::array();
  for (uint32_t i = 0; i < info.meta_count; ++i) {
    const char *name = lmopt_artifact_meta_name(artifact, i);
    size_t size = 0;
    lmopt_artifact_meta(artifact, name, &size);
    blobs.push_back({{"name", name}, {"bytes", size}});
  }
  facts["metadata"] = std::move(blobs);
  facts["manifest"] = manifest.take();
  return writeOutput(inspectionOutput(facts, options.json));
}

/// Whether the file begins like a shared library. A file that cannot be read is left to the artifact's own message.
static bool looksLikeElf(const std::string &path) {
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    return false;
  char magic[4] = {};
  bool elf = std::fread(magic, 1, 4, file) == 4 && std::string(magic, 4) == "\177ELF";
  std::fclose(file);
  return elf;
}

void addInspect(CommandLine &line) {
  struct Parsed : InspectOptions {
    std::string format = "text";
  };
  auto options = std::make_shared<Parsed>();
  CLI::App *command = line.app.add_subcommand("inspect", "tell what an artifact or a checkpoint is, layer by layer");
  command->add_option("PATH", options->path, "compiled model, GGUF file or Hugging Face directory")->required();
  addFormat(command, options->format);
  command->callback([&line, options] {
    line.action = [&line, options]() -> Result<void> {
      options->json = options->format == "json";
      if (!looksLikeElf(options->path))
        return line.compiler.inspectSource ? line.compiler.inspectSource(*options, line.context)
                                           : becomeCompiler(line.arguments);
      lmopt_artifact_t *artifact = nullptr;
      lmopt_error_t error{};
      if (lmopt_artifact_open(options->path.c_str(), &artifact, &error) != LMOPT_OK)
        return runtimeError(error);
      ArtifactPtr owner(artifact);
      return inspectArtifact(*options, artifact);
    };
  });
}

} // namespace lmopt::driver
