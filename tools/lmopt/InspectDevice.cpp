// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See InspectDevice.h.
#include "tools/lmopt/InspectDevice.h"

#include "tools/lmopt/Model.h"
#include "tools/lmopt/TextInput.h"

#include <algorithm>
#include <cmath>

namespace lmopt::driver {

using Json = nlohmann::ordered_json;

namespace {

/// What a forecast rests on.
struct Card {
  std::string name;
  double bytesPerSecond;   ///< that large copies reach
  double nodeMicroseconds; ///< from one kernel of a graph to the next that needs it
  std::string basis;
};

/// What is assumed of cards and of the driver where no file of `script/gpu-check` says better (ptx.md 4.3): 0.9 of what
/// the maker states. Nothing here was measured.
const Card kAssumed[] = {{"H100", 0.9 * 3.35e12, 2, "assumed, not measured"},
                         {"H200", 0.9 * 4.8e12, 2, "assumed, not measured"}};
constexpr double kHidden = 0.2;             ///< of the lesser of both is not hidden by the greater
constexpr int64_t kForecastPositions = 512; ///< in the cache

int64_t number(const Json &entry, const char *name) { return entry.value(name, int64_t{0}); }

/// Bytes that one token reads: weights and cache. An embedding reads a row, which counts as nothing.
double bytesOfToken(const Json &manifest) {
  double bytes = 0;
  for (const Json &step : manifest.value("steps", Json::array())) {
    int64_t window = number(step, "window");
    int64_t positions = window ? std::min(window, kForecastPositions) : kForecastPositions;
    bytes += static_cast<double>(number(step, "weight_bytes")) * step.value("weight_share", 1.0);
    bytes += static_cast<double>(positions * number(step, "cache_bytes_per_position"));
  }
  return bytes;
}

/// One sequence, one token.
Json forecastRow(const Json &manifest, const Card &card) {
  double bytes = bytesOfToken(manifest), floor = bytes / card.bytesPerSecond * 1e6;
  double edges = static_cast<double>(number(manifest, "launches_decode")) * card.nodeMicroseconds;
  double step = std::max(floor, edges) + kHidden * std::min(floor, edges);
  return {{"name", card.name},
          {"positions", kForecastPositions},
          {"bytes", static_cast<int64_t>(bytes)},
          {"launches", number(manifest, "launches_decode")},
          {"floor_microseconds", std::lround(floor)},
          {"tokens_per_second", std::lround(1e6 / step)},
          {"basis", card.basis}};
}

/// A positive number of the file, or none.
double positive(const Json &constants, const char *name) {
  auto found = constants.find(name);
  return found != constants.end() && found->is_number() ? std::max(0.0, found->get<double>()) : 0;
}

/// constants.json of script/gpu-check.
Result<Card> readConstants(const std::string &path) {
  Result<std::string> text = readFile(path);
  if (!text.ok())
    return text.error();
  Json file = Json::parse(*text, nullptr, false);
  auto part = [&](const char *name) { return file.is_object() ? file.value(name, Json::object()) : Json::object(); };
  Json card = part("card"), constants = part("constants");
  double memory = positive(constants, "memory_gb_per_s"), node = positive(constants, "graph_node_us");
  if (!card.is_object() || !memory || !node)
    return malformed("'" + path + "' holds no constants of a card; expected the constants.json that script/gpu-check " +
                     "writes, with memory_gb_per_s and graph_node_us above 0 in \"constants\"");
  auto word = [](const Json &from, const char *name) {
    return from.contains(name) && from[name].is_string() ? from[name].get<std::string>() : std::string("unknown");
  };
  bool isCard = file.contains("hardware") && file["hardware"] == true;
  std::string basis = "driver " + word(card, "driver") + ", CUDA " + word(card, "cuda") + ", " + word(file, "date");
  return Card{word(card, "name"), memory * 1e9, node,
              (isCard ? "measured: " : "means nothing, measured on no card: ") + basis};
}

/// By what was measured, else by what is assumed of several cards.
Result<Json> forecastOf(const Json &manifest, const std::string &constants) {
  Json rows = Json::array();
  if (constants.empty()) {
    for (const Card &card : kAssumed)
      rows.push_back(forecastRow(manifest, card));
    return rows;
  }
  Result<Card> card = readConstants(constants);
  if (!card.ok())
    return card.error();
  rows.push_back(forecastRow(manifest, *card));
  return rows;
}
} // namespace

static size_t blobBytes(const lmopt_artifact_t *artifact, const std::string &name) {
  size_t size = 0;
  lmopt_artifact_meta(artifact, name.c_str(), &size);
  return size;
}

static Result<Json> kernelRows(const lmopt_artifact_t *artifact, const std::string &architecture) {
  Json rows = Json::array();
  uint32_t count = 0;
  lmopt_error_t error{};
  if (lmopt_artifact_count_kernels(artifact, architecture.c_str(), &count, &error) != LMOPT_OK)
    return runtimeError(error);
  for (uint32_t i = 0; i < count; ++i) {
    lmopt_kernel_info_t kernel{};
    kernel.struct_size = sizeof kernel;
    if (lmopt_artifact_get_kernel(artifact, architecture.c_str(), i, &kernel, &error) != LMOPT_OK)
      return runtimeError(error);
    static constexpr const char *kRoles[] = {"launched", "walked", "walker"};
    rows.push_back({{"name", kernel.name},
                    {"role", kRoles[kernel.role]},
                    {"threads", kernel.threads},
                    {"shared_bytes", kernel.shared_bytes},
                    {"argument_bytes", kernel.argument_bytes}});
  }
  return rows;
}

/// What the walker among the kernels of an architecture is, or null.
static Json persistentOf(const Json &kernels, const Json &manifest) {
  Json walker;
  int64_t walked = 0;
  for (const Json &kernel : kernels) {
    walked += kernel["role"] == "walked";
    if (kernel["role"] == "walker")
      walker = {{"name", kernel["name"]}, {"threads", kernel["threads"]}, {"shared_bytes", kernel["shared_bytes"]}};
  }
  if (walker.is_null())
    return walker;
  walker["kernels"] = walked;
  walker["barriers"] = number(manifest, "launches_decode") - 1; // of a token
  return walker;
}

Result<void> addGpuCode(const lmopt_artifact_t *artifact, const Json &manifest, const std::string &constants,
                        Json &facts) {
  static constexpr std::string_view kPrefix = "kernels.";
  for (uint32_t i = 0; const char *blob = lmopt_artifact_meta_name(artifact, i); ++i) {
    if (std::string_view(blob).substr(0, kPrefix.size()) != kPrefix)
      continue;
    std::string architecture = blob + kPrefix.size();
    Result<Json> rows = kernelRows(artifact, architecture);
    if (!rows.ok())
      return rows.error();
    facts["images"].push_back({{"name", architecture},
                               {"kernels", rows->size()},
                               {"persistent", persistentOf(*rows, manifest)},
                               {"ptx_bytes", blobBytes(artifact, "ptx." + architecture)},
                               {"cubin_bytes", blobBytes(artifact, "cubin." + architecture)}});
    facts["kernels"][architecture] = rows.take();
  }
  if (manifest.value("decode_rows", 0) == 0)
    return {};
  Result<Json> rows = forecastOf(manifest, constants);
  if (!rows.ok())
    return rows.error();
  facts["forecast"] = rows.take();
  return {};
}

} // namespace lmopt::driver
