// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Probes on a stream between two events; see DeviceBounds.h. Work grows until it takes a millisecond: what starts and
// ends it then costs a hundredth, and memory is far larger than the caches.
#include "tools/lmopt/DeviceBounds.h"

#include "tools/lmopt/DeviceHandles.h"
#include "tools/lmopt/DeviceProbes.h"
#include "tools/lmopt/Model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>

namespace lmopt::driver {

using namespace device;

namespace {
constexpr double kLeastSeconds = 1e-3;
constexpr double kMostSeconds = 0.1; ///< of all tries of one work
constexpr int kTries = 5;
constexpr int64_t kMostTurns = int64_t{1} << 24;
constexpr int64_t kOperandBytes = 64 << 10; // more than any probe of products reads
constexpr int kLaunches = 100;
constexpr int64_t kMostBarriers = 4096; // of 1024 blocks: the counter has 32 bits

/// Memory of the GPU.
struct Room {
  lmoptp_device_t *device;
  lmoptp_address_t address = 0;
  explicit Room(lmoptp_device_t *device) : device(device) {}
  ~Room() { lmoptp_device_free(device, address); }
  Room(const Room &) = delete;
  Room &operator=(const Room &) = delete;
};

Result<void> checked(lmopt_status_t status, const lmopt_error_t &error) {
  return status == LMOPT_OK ? Result<void>() : runtimeError(error);
}

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Arguments of a kernel as they lie in parameter space: addresses first.
struct Arguments {
  std::vector<lmoptp_address_t> addresses;
  std::vector<int32_t> numbers;
  std::vector<char> bytes() const {
    std::vector<char> packed(addresses.size() * 8 + numbers.size() * 4);
    std::copy_n(reinterpret_cast<const char *>(addresses.data()), addresses.size() * 8, packed.data());
    std::copy_n(reinterpret_cast<const char *>(numbers.data()), numbers.size() * 4,
                packed.data() + addresses.size() * 8);
    return packed;
  }
};

class Prober {
public:
  Result<DeviceBounds> measure(const std::string &device);

private:
  DevicePtr device;
  StreamPtr stream;
  ModulePtr module;
  EventPtr begin, end;
  const ProbeTexts *texts = nullptr;
  DeviceBounds bounds;

  Result<void> open(const std::string &name);
  Result<void> load();
  void describe();
  const Probe *find(const std::string &name) const;
  Result<lmoptp_kernel_t> kernel(const Probe *probe);
  Result<void> launch(const lmoptp_kernel_t &kernel, uint32_t blocks, const Arguments &arguments, uint32_t flags = 0);
  Result<void> allocate(Room &room, int64_t bytes, bool isFilled);
  Result<double> timeOnce(const std::function<Result<void>()> &work);
  Result<double> fastest(const std::function<Result<double>()> &timed);
  using Timed = std::function<Result<double>(int64_t turns)>;
  Result<double> turnsPerSecond(const Timed &timed, int64_t mostTurns);

  Result<double> memoryRate(const Probe *probe, int64_t buffers);
  Result<double> productRate(const Probe *probe);
  Result<void> measureProducts();
  Result<void> measureStarts();
  Result<double> launchSeconds(const lmoptp_kernel_t &empty);
  Result<double> nodeSeconds(const lmoptp_kernel_t &empty);
  Result<double> resultSeconds();
  Result<double> barrierSeconds();
};

//===--- The GPU ---===//

Result<void> Prober::open(const std::string &name) {
  lmopt_error_t error{};
  lmoptp_device_t *opened = nullptr;
  if (lmoptp_device_open(name.c_str(), &opened, &error) != LMOPT_OK)
    return runtimeError(error);
  device.reset(opened);
  lmoptp_stream_t *made = nullptr;
  if (lmoptp_stream_create(opened, &made, &error) != LMOPT_OK)
    return runtimeError(error);
  stream.reset(made);
  for (EventPtr *event : {&begin, &end}) {
    lmoptp_event_t *point = nullptr;
    if (lmoptp_event_create(opened, &point, &error) != LMOPT_OK)
      return runtimeError(error);
    event->reset(point);
  }
  return {};
}

Result<void> Prober::load() {
  std::vector<lmoptp_image_t> images;
  for (const ProbeTexts &own : deviceProbes())
    images.push_back({own.capability, own.isExact, own.text.data(), own.text.size(), nullptr, 0});
  lmopt_error_t error{};
  lmoptp_module_t *loaded = nullptr;
  auto start = std::chrono::steady_clock::now();
  if (lmoptp_module_load(device.get(), images.data(), images.size(), &loaded, &error) != LMOPT_OK)
    return runtimeError(error);
  bounds.translateSeconds = secondsSince(start);
  module.reset(loaded);
  texts = &deviceProbes()[lmoptp_module_image(loaded)];
  return {};
}

void Prober::describe() {
  const lmoptp_device_info_t *info = lmoptp_device_info(device.get());
  bounds.name = info->name;
  bounds.cuda = info->driver_version;
  bounds.capability = info->capability;
  bounds.multiprocessors = info->multiprocessors;
  bounds.memoryBytes = static_cast<double>(info->memory_bytes);
}

/// Null: the card has no such unit.
const Probe *Prober::find(const std::string &name) const {
  auto found =
      std::find_if(texts->probes.begin(), texts->probes.end(), [&](const Probe &each) { return name == each.name; });
  return found == texts->probes.end() ? nullptr : &*found;
}

Result<lmoptp_kernel_t> Prober::kernel(const Probe *probe) {
  lmopt_error_t error{};
  lmoptp_kernel_t found{};
  if (lmoptp_kernel_find(module.get(), probe->name, probe->threads, probe->sharedBytes, &found, &error) != LMOPT_OK)
    return runtimeError(error);
  return found;
}

Result<void> Prober::launch(const lmoptp_kernel_t &kernel, uint32_t blocks, const Arguments &arguments,
                            uint32_t flags) {
  const uint32_t grid[3] = {blocks, 1, 1};
  std::vector<char> packed = arguments.bytes();
  lmopt_error_t error{};
  return checked(lmoptp_stream_launch(stream.get(), &kernel, grid, flags, packed.data(), packed.size(), &error), error);
}

/// Random bits: what memory and units draw depends on them. One piece is made here, the rest are copies of it.
Result<void> Prober::allocate(Room &room, int64_t bytes, bool isFilled) {
  lmopt_error_t error{};
  if (lmoptp_device_allocate(device.get(), static_cast<uint64_t>(bytes), "a probe", &room.address, &error) != LMOPT_OK)
    return runtimeError(error);
  if (!isFilled)
    return {};
  std::mt19937 random(1); // NOLINT(bugprone-random-generator-seed): the same in every run
  std::vector<uint32_t> words(static_cast<size_t>(std::min<int64_t>(bytes, 1 << 20)) / 4);
  for (uint32_t &word : words)
    word = random();
  uint64_t filled = words.size() * 4, all = static_cast<uint64_t>(bytes);
  lmopt_status_t status = lmoptp_device_upload(device.get(), room.address, words.data(), filled, 0, &error);
  for (; filled < all && status == LMOPT_OK; filled *= 2)
    status =
        lmoptp_stream_copy(stream.get(), room.address + filled, room.address, std::min(filled, all - filled), &error);
  return checked(status, error);
}

//===--- Time ---===//

Result<double> Prober::timeOnce(const std::function<Result<void>()> &work) {
  lmopt_error_t error{};
  if (lmoptp_event_record(begin.get(), stream.get(), &error) != LMOPT_OK)
    return runtimeError(error);
  if (Result<void> done = work(); !done.ok())
    return done.error();
  float milliseconds = 0;
  lmopt_status_t status = lmoptp_event_record(end.get(), stream.get(), &error);
  if (status == LMOPT_OK)
    status = lmoptp_event_synchronize(end.get(), &error);
  if (status == LMOPT_OK)
    status = lmoptp_event_elapsed(begin.get(), end.get(), &milliseconds, &error);
  return status == LMOPT_OK ? Result<double>(milliseconds * 1e-3) : runtimeError(error);
}

Result<double> Prober::fastest(const std::function<Result<double>()> &timed) {
  double best = 0, total = 0;
  for (int i = 0; i < kTries && total < kMostSeconds; ++i) {
    Result<double> seconds = timed();
    if (!seconds.ok())
      return seconds;
    best = i == 0 ? *seconds : std::min(best, *seconds);
    total += *seconds;
  }
  return best;
}

Result<double> Prober::turnsPerSecond(const Timed &timed, int64_t mostTurns) {
  int64_t turns = 1;
  Result<double> seconds = timed(turns); // warms up
  for (; seconds.ok(); turns = std::min(4 * turns, mostTurns)) {
    seconds = timed(turns);
    if (!seconds.ok() || *seconds >= kLeastSeconds || turns == mostTurns)
      break;
  }
  if (seconds.ok())
    seconds = fastest([&] { return timed(turns); });
  if (!seconds.ok())
    return seconds;
  return *seconds > 0 ? static_cast<double>(turns) / *seconds : 0;
}

//===--- Memory ---===//

/// Bytes a second, read and written. `buffers`: 1 is only read, 2 are read and written.
Result<double> Prober::memoryRate(const Probe *probe, int64_t buffers) {
  Result<lmoptp_kernel_t> found = kernel(probe);
  if (!found.ok())
    return found.error();
  auto blocks = static_cast<uint32_t>(found->resident_blocks);
  int64_t threads = int64_t{blocks} * probe->threads, bytesOfTurn = probe->work / buffers * blocks;
  uint64_t free = 0;
  lmopt_error_t error{};
  if (lmoptp_device_free_bytes(device.get(), &free, &error) != LMOPT_OK)
    return runtimeError(error);
  int64_t mostTurns = std::max<int64_t>(1, static_cast<int64_t>(free / 4) / bytesOfTurn);
  Result<double> rate = turnsPerSecond(
      [&](int64_t turns) -> Result<double> {
        Room in(device.get()), out(device.get());
        Result<void> ready = allocate(in, turns * bytesOfTurn, true);
        if (ready.ok())
          ready = allocate(out, buffers == 2 ? turns * bytesOfTurn : threads * 4, false);
        if (!ready.ok())
          return ready.error();
        Arguments arguments{{in.address, out.address}, {static_cast<int32_t>(turns), static_cast<int32_t>(threads)}};
        return fastest([&] { return timeOnce([&] { return launch(*found, blocks, arguments); }); });
      },
      mostTurns);
  return rate.ok() ? Result<double>(*rate * static_cast<double>(probe->work) * blocks) : rate;
}

//===--- Products ---===//

Result<double> Prober::productRate(const Probe *probe) {
  Result<lmoptp_kernel_t> found = kernel(probe);
  if (!found.ok())
    return found.error();
  auto blocks = static_cast<uint32_t>(found->resident_blocks);
  Room in(device.get()), out(device.get());
  Result<void> ready = allocate(in, kOperandBytes, true);
  if (ready.ok())
    ready = allocate(out, int64_t{blocks} * probe->threads * 16, false);
  if (!ready.ok())
    return ready.error();
  Result<double> rate = turnsPerSecond(
      [&](int64_t turns) {
        Arguments arguments{{in.address, out.address}, {static_cast<int32_t>(turns)}};
        return timeOnce([&] { return launch(*found, blocks, arguments); });
      },
      kMostTurns);
  return rate.ok() ? Result<double>(*rate * static_cast<double>(probe->work) * blocks) : rate;
}

Result<void> Prober::measureProducts() {
  const std::pair<const char *, double &> all[] = {{"probe_fma_f32", bounds.f32},
                                                   {"probe_mma_u8s8", bounds.mmaU8s8},
                                                   {"probe_mma_bf16", bounds.mmaBf16},
                                                   {"probe_wgmma_s8s8", bounds.wgmmaS8s8},
                                                   {"probe_wgmma_bf16", bounds.wgmmaBf16}};
  for (const auto &[name, rate] : all)
    if (const Probe *probe = find(name)) {
      Result<double> found = productRate(probe);
      if (!found.ok())
        return found.error();
      rate = *found;
    }
  return {};
}

//===--- Starting something ---===//

Result<double> Prober::launchSeconds(const lmoptp_kernel_t &empty) {
  return fastest([&]() -> Result<double> {
    lmopt_error_t error{};
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kLaunches; ++i)
      if (Result<void> done = launch(empty, 1, {}); !done.ok())
        return done.error();
    if (lmoptp_stream_synchronize(stream.get(), &error) != LMOPT_OK)
      return runtimeError(error);
    return secondsSince(start) / kLaunches;
  });
}

Result<double> Prober::nodeSeconds(const lmoptp_kernel_t &empty) {
  auto record = [](lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
    const uint32_t grid[3] = {1, 1, 1};
    lmopt_status_t status = LMOPT_OK;
    for (int i = 0; i < kLaunches && status == LMOPT_OK; ++i)
      status = lmoptp_stream_launch(stream, static_cast<const lmoptp_kernel_t *>(user), grid, 0, "", 0, error);
    return status;
  };
  lmopt_error_t error{};
  lmoptp_graph_t *recorded = nullptr;
  if (lmoptp_stream_record(stream.get(), "probes", record, const_cast<lmoptp_kernel_t *>(&empty), &recorded, &error) !=
      LMOPT_OK)
    return runtimeError(error);
  GraphPtr graph(recorded);
  Result<double> seconds = fastest([&] {
    return timeOnce([&] { return checked(lmoptp_stream_launch_graph(stream.get(), recorded, &error), error); });
  });
  return seconds.ok() ? Result<double>(*seconds / kLaunches) : seconds;
}

Result<double> Prober::resultSeconds() {
  Room from(device.get());
  if (Result<void> ready = allocate(from, kResultBytes, true); !ready.ok())
    return ready.error();
  void *into = nullptr;
  lmopt_error_t error{};
  if (lmoptp_device_allocate_host(device.get(), kResultBytes, "a probe", &into, &error) != LMOPT_OK)
    return runtimeError(error);
  Result<double> seconds = fastest([&]() -> Result<double> {
    auto start = std::chrono::steady_clock::now();
    lmopt_status_t status = lmoptp_stream_copy_out(stream.get(), into, from.address, kResultBytes, &error);
    if (status == LMOPT_OK)
      status = lmoptp_stream_synchronize(stream.get(), &error);
    return status == LMOPT_OK ? Result<double>(secondsSince(start)) : runtimeError(error);
  });
  lmoptp_device_free_host(device.get(), into);
  return seconds;
}

/// One block on each multiprocessor, as the persistent kernel has it.
Result<double> Prober::barrierSeconds() {
  Result<lmoptp_kernel_t> found = kernel(find("probe_barrier"));
  if (!found.ok())
    return found.error();
  Room counter(device.get());
  if (Result<void> ready = allocate(counter, sizeof(uint32_t), true); !ready.ok())
    return ready.error();
  auto blocks = static_cast<uint32_t>(bounds.multiprocessors);
  Result<double> rate = turnsPerSecond(
      [&](int64_t turns) -> Result<double> {
        lmopt_error_t error{};
        if (lmoptp_stream_fill(stream.get(), counter.address, 0, sizeof(uint32_t), &error) != LMOPT_OK)
          return runtimeError(error);
        Arguments arguments{{counter.address}, {static_cast<int32_t>(turns), static_cast<int32_t>(blocks)}};
        return timeOnce([&] { return launch(*found, blocks, arguments, LMOPTP_LAUNCH_COOPERATIVE); });
      },
      kMostBarriers);
  return rate.ok() ? Result<double>(1 / *rate) : rate;
}

Result<void> Prober::measureStarts() {
  Result<lmoptp_kernel_t> empty = kernel(find("probe_empty"));
  if (!empty.ok())
    return empty.error();
  Result<double> launched = launchSeconds(*empty), node = nodeSeconds(*empty), results = resultSeconds(),
                 barrier = barrierSeconds();
  for (const Result<double> *each : {&launched, &node, &results, &barrier})
    if (!each->ok())
      return each->error();
  bounds.launchSeconds = *launched, bounds.nodeSeconds = *node, bounds.resultSeconds = *results;
  bounds.barrierSeconds = *barrier;
  return {};
}

Result<DeviceBounds> Prober::measure(const std::string &name) {
  Result<void> ready = open(name);
  if (ready.ok())
    ready = load();
  if (!ready.ok())
    return ready.error();
  describe();
  Result<double> read = memoryRate(find("probe_read"), 1), copy = memoryRate(find("probe_copy"), 2);
  for (const Result<double> *each : {&read, &copy})
    if (!each->ok())
      return each->error();
  bounds.read = *read, bounds.copy = *copy;
  Result<void> done = measureProducts();
  if (done.ok())
    done = measureStarts();
  return done.ok() ? Result<DeviceBounds>(bounds) : done.error();
}

double digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::stod(text);
}
} // namespace

bool DeviceBounds::isInterpreter() const { return name.find("interpreter") != std::string::npos; }

Result<DeviceBounds> measureDevice(const std::string &device) { return Prober().measure(device); }

nlohmann::ordered_json deviceJson(const DeviceBounds &bounds) {
  return {{"name", bounds.name},
          {"is_interpreter", bounds.isInterpreter()},
          {"cuda", std::to_string(bounds.cuda / 1000) + "." + std::to_string(bounds.cuda % 1000 / 10)},
          {"capability", bounds.capability},
          {"multiprocessors", bounds.multiprocessors},
          {"memory_mb", digits(bounds.memoryBytes / 1e6)}};
}

nlohmann::ordered_json boundsJson(const DeviceBounds &bounds) {
  nlohmann::ordered_json json;
  auto add = [&](const char *key, double value) { json[key] = digits(value); };
  add("memory_gb_per_s", bounds.read / 1e9);
  add("copy_gb_per_s", bounds.copy / 1e9);
  add("u8s8_gflop_per_s", bounds.u8s8() / 1e9);
  add("bf16_gflop_per_s", bounds.bf16() / 1e9);
  add("f32_gflop_per_s", bounds.f32 / 1e9);
  add("mma_u8s8_gflop_per_s", bounds.mmaU8s8 / 1e9);
  add("mma_bf16_gflop_per_s", bounds.mmaBf16 / 1e9);
  if (bounds.wgmmaS8s8 > 0) {
    add("wgmma_s8s8_gflop_per_s", bounds.wgmmaS8s8 / 1e9);
    add("wgmma_bf16_gflop_per_s", bounds.wgmmaBf16 / 1e9);
  }
  add("launch_us", bounds.launchSeconds * 1e6);
  add("graph_node_us", bounds.nodeSeconds * 1e6);
  add("grid_barrier_us", bounds.barrierSeconds * 1e6);
  add("result_us", bounds.resultSeconds * 1e6);
  add("translate_ms", bounds.translateSeconds * 1e3);
  return json;
}

std::string deviceText(const nlohmann::ordered_json &device, const nlohmann::ordered_json &bounds) {
  int capability = device["capability"];
  std::string text = "\ndevice: " + device["name"].get<std::string>() + ", capability " +
                     std::to_string(capability / 10) + "." + std::to_string(capability % 10) + ", " +
                     device["multiprocessors"].dump() + " multiprocessors, CUDA " + device["cuda"].get<std::string>() +
                     "\n";
  if (device["is_interpreter"])
    text += "this is no card but the interpreter of the tests: no time above or below means anything\n";
  for (const auto &[key, value] : bounds.items()) {
    char row[80];
    std::snprintf(row, sizeof row, "  %-24s %12.2f\n", key.c_str(), value.get<double>());
    text += row;
  }
  return text;
}

} // namespace lmopt::driver
