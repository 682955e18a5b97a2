// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt inspect`: what an artifact or a checkpoint is, layer by layer.
//
// An artifact is read from its ELF note and metadata: none of its code runs, and it may be made for another CPU or ABI.
// A damaged one is refused; --verify looks for damage in the weights, too.
// A checkpoint is imported by lmopt-compiler (InspectSource.cpp). Tested by test/unit/tools/InspectTest.cpp and
// test/tools/lmopt.
#include "tools/lmopt/Inspect.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/Delegate.h"
#include "tools/lmopt/InspectDevice.h"
#include "tools/lmopt/Model.h"

#include "lmopt/tokenizer_format.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>

namespace lmopt::driver {

using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// Control characters as \xNN: a name in a hostile file must not write to the terminal.
static std::string withoutControls(const std::string &text, std::string_view kept = "") {
  std::string result;
  for (unsigned char c : text) {
    char escape[5];
    std::snprintf(escape, sizeof escape, "\\x%02x", c);
    bool control = (c < 0x20 || c == 0x7f) && kept.find(static_cast<char>(c)) == std::string_view::npos;
    result += control ? std::string(escape) : std::string(1, static_cast<char>(c));
  }
  return result;
}

static std::string scalarText(const Json &value) {
  return withoutControls(value.is_string() ? value.get<std::string>()
                                           : value.dump(-1, ' ', false, Json::error_handler_t::replace));
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

namespace {
struct Column {
  std::string key;
  size_t width;
  bool right; // numbers

  /// The name leads; long texts come last, where they push nothing aside.
  int rank() const { return key == "name" ? 0 : width <= kLongText ? 1 : 2; }
  static constexpr size_t kLongText = 40;
};
} // namespace

/// A column for each key that any row has.
static std::vector<Column> columnsOf(const Json &rows) {
  std::vector<Column> columns;
  for (const Json &row : rows)
    for (const auto &[key, value] : row.items()) {
      auto column =
          std::find_if(columns.begin(), columns.end(), [&, &name = key](const Column &c) { return c.key == name; });
      if (column == columns.end())
        column = columns.insert(column, {key, key.size(), !value.is_string()});
      column->width = std::max(column->width, cellText(value).size());
    }
  std::vector<Column> ordered;
  for (int rank : {0, 1, 2})
    std::copy_if(columns.begin(), columns.end(), std::back_inserter(ordered),
                 [rank](const Column &column) { return column.rank() == rank; });
  return ordered;
}

static std::string tableText(const Json &rows) {
  std::vector<Column> columns = columnsOf(rows);
  std::string text;
  auto addCell = [&](const Column &column, const std::string &cell) {
    std::string padding(column.width - cell.size(), ' ');
    text += "  " + (column.right ? padding + cell : cell + padding);
  };
  auto endRow = [&] { text.erase(text.find_last_not_of(' ') + 1) += '\n'; };
  for (const Column &column : columns)
    addCell(column, column.key);
  endRow();
  for (const Json &row : rows) {
    for (const Column &column : columns)
      addCell(column, row.contains(column.key) ? cellText(row[column.key]) : "");
    endRow();
  }
  return text;
}

/// Scalars by their joined keys, and tables, in order. The members of `manifest` stand for themselves.
static void collect(const Json &facts, const std::string &prefix,
                    std::vector<std::pair<std::string, std::string>> &lines, std::string &tables) {
  for (const auto &[key, value] : facts.items()) {
    if (value.is_object())
      collect(value, key == "manifest" ? prefix : prefix + key + ".", lines, tables);
    else if (isTable(value))
      tables += "\n" + prefix + key + "\n" + tableText(value);
    else if (std::pair line(prefix + key, cellText(value)); std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(std::move(line)); // file and manifest say some things both
  }
}

std::string inspectionText(const Json &facts) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::string text, tables;
  collect(facts, "", lines, tables);
  size_t width = 0;
  for (const auto &[key, value] : lines)
    width = std::max(width, key.size());
  for (const auto &[key, value] : lines)
    text += key + std::string(width + 2 - key.size(), ' ') + value + "\n";
  return withoutControls(text + tables, "\n"); // keys, too
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
  // Ours is 5 deep. What is read here is printed by a recursive function: a hostile one must not end its stack.
  constexpr int kMaxDepth = 64;
  int depth = 0;
  auto measure = [&depth](int level, Json::parse_event_t, Json &) {
    depth = std::max(depth, level);
    return level <= kMaxDepth; // deeper values are dropped
  };
  Json manifest = Json::parse(text, text + size, measure, /*allow_exceptions=*/false);
  if (!manifest.is_object() || depth > kMaxDepth)
    return malformed("the manifest of '" + path + "' is not a JSON object of at most " + std::to_string(kMaxDepth) +
                     " levels");
  return manifest;
}

static std::string deviceName(uint32_t device) {
  return device == LMOPT_COMPUTES_ON_CPU    ? "cpu"
         : device == LMOPT_COMPUTES_ON_CUDA ? "cuda"
                                            : "kind " + std::to_string(device) + ", unknown here";
}

static std::string checkedParts(const lmopt_artifact_info_t &info, bool verified) {
  if (verified)
    return "everything";
  return info.checked ? "everything but the weights (--verify)" : "nothing: its ABI has other checksums or none";
}

/// What cuts texts into words, as the tokenizer says. It is not opened: the library that it asks for may be missing.
static std::string splitEngine(const char *blob, size_t size) {
  lmopt_tokenizer_header_t header{};
  if (size < sizeof header)
    return "unknown";
  std::memcpy(&header, blob, sizeof header);
  lmopt_tokenizer_range_t steps = header.sections[LMOPT_TOKENIZER_PRETOKENIZER];
  bool sound = header.magic == LMOPT_TOKENIZER_MAGIC && header.version == LMOPT_TOKENIZER_VERSION &&
               steps.offset <= size && steps.size <= size - steps.offset;
  if (!sound)
    return "unknown";
  for (uint64_t at = 0; at + 2 * sizeof(uint32_t) <= steps.size; at += 2 * sizeof(uint32_t)) {
    uint32_t step = 0;
    std::memcpy(&step, blob + steps.offset + at, sizeof step);
    if (step == LMOPT_SPLIT_PATTERN)
      return "PCRE2";
  }
  return "built in";
}

static Result<void> inspectArtifact(const InspectOptions &options, bool verify, const std::string &constants) {
  Result<ArtifactPtr> owner = openArtifact(options.path);
  if (!owner.ok())
    return owner.error();
  const lmopt_artifact_t *artifact = owner->get();
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  lmopt_error_t error{};
  if (verify && lmopt_artifact_verify(artifact, &error) != LMOPT_OK)
    return runtimeError(error);
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
                {"abi_range", std::to_string(info.abi_min) + " to " + std::to_string(info.abi_max)},
                {"device", deviceName(info.device)},
                {"needs", isaNames(info.isa)},
                {"versions", info.versions},
                {"version_here", info.version},
                {"checked", checkedParts(info, verify)},
                {"missing_here", missing ? Json(isaNames(missing)) : Json("nothing")}};
  Json blobs = Json::array();
  for (uint32_t i = 0; i < info.meta_count; ++i) {
    const char *name = lmopt_artifact_meta_name(artifact, i);
    size_t size = 0;
    lmopt_artifact_meta(artifact, name, &size);
    blobs.push_back({{"name", name}, {"bytes", size}});
  }
  facts["metadata"] = std::move(blobs);
  size_t size = 0;
  if (const void *tokenizer = lmopt_artifact_meta(artifact, "tokenizer", &size))
    facts["split_engine"] = splitEngine(static_cast<const char *>(tokenizer), size);
  if (info.device != LMOPT_COMPUTES_ON_CUDA && !constants.empty())
    return Error{kErrorUsage, "--constants are of a GPU, but '" + options.path + "' computes on CPUs"};
  if (info.device == LMOPT_COMPUTES_ON_CUDA)
    if (Result<void> added = addGpuCode(artifact, *manifest, constants, facts); !added.ok())
      return added;
  facts["manifest"] = manifest.take();
  return writeOutput(inspectionOutput(facts, options.json));
}

static bool isDirectory(const std::string &path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

/// Whether the file begins like a shared library. A file that cannot be read is left to the artifact's own message.
static bool looksLikeElf(const std::string &path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) // a pipe would make us wait
    return false;
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
    std::string constants;
    bool verify = false;
  };
  auto options = std::make_shared<Parsed>();
  Command command = line.add("inspect", "tell what an artifact or a checkpoint is, layer by layer");
  command.add("PATH", options->path, "compiled model, GGUF file or Hugging Face directory").required().notEmpty();
  addFormat(command, options->format);
  command.addFlag("--verify", options->verify,
                  "of a compiled model: compare the weights with their checksum, too (reads all of them)");
  command
      .add("--constants", options->constants,
           "of a decoder for GPUs: what a card was measured to do (constants.json of script/gpu-check); else assumed")
      .notEmpty();
  command.onParsed([&line, options] {
    line.action = [&line, options]() -> Result<void> {
      options->json = options->format == "json";
      if (options->verify && isDirectory(options->path))
        return Error{kErrorUsage, "--verify compares a compiled model with its checksums, but '" + options->path +
                                      "' is a directory"};
      if (options->verify || looksLikeElf(options->path))
        return inspectArtifact(*options, options->verify, options->constants);
      if (!options->constants.empty())
        return Error{kErrorUsage, "--constants need a compiled model, but '" + options->path + "' is none"};
      return line.compiler.inspectSource ? line.compiler.inspectSource(*options, line.context)
                                         : becomeCompiler(line.arguments);
    };
  });
}

} // namespace lmopt::driver
