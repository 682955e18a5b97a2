// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu-sweep FOLDER [--device cuda[:N]] [--seconds S] [--brief]: times what gpu-candidates wrote (Candidates.h) on a
// GPU, through lmopt's own runtime.
//
// Of the texts those for the greatest capability that runs here, as a model's image is chosen. Each run is a chain of
// launches that one recording, or one walk, holds, on weights that no cache has (copies of them, twice as large as the
// second-level cache); the median of up to ten times. Out: a line of JSON for each, as soon as it is known:
//   {"group", "candidate", "same_bits", "assumed", "picks", "microseconds", "launches", "bits", "is_written"}    of one
//   run
//   {"group", "candidate", "error"}, {"file", "error"}    what this card or driver refuses; the others go on
//   {"left_out": N}    runs for which S seconds were not enough
// bits: FNV-1a of the result; is_written: whether anything was left. --brief: chains of two, once. Exit code 1 after a
// fault that ends the device, 2 for wrong usage, 3 for a folder that is none, else as lmopt's. Source: ptx.md 6. Tested
// by the test gpu-check.
#include "test/ptx/record/DeviceRun.h"
#include "test/ptx/record/KernelRecord.h"

#include "lmopt/abi.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <random>

using Json = nlohmann::ordered_json;
using namespace lmopt::device;

namespace {

constexpr int kTries = 10;
constexpr double kMostMilliseconds = 60; ///< of all tries of a run
constexpr uint64_t kMostCopies = 256, kLeastLaunches = 20;
/// Contents repeat after so many bytes, which is no multiple of any row.
constexpr size_t kPeriod = 1000008;
constexpr uint8_t kFill = 0xcd; ///< of a result before the first launch

struct Options {
  std::string folder, device = "cuda";
  double seconds = 1e9;
  bool isBrief = false;
};

/// Memory of the GPU.
class Room {
public:
  Room(lmoptp_device_t *device, uint64_t bytes) : device(device) {
    lmopt_error_t error{};
    check(lmoptp_device_allocate(device, bytes, "a candidate", &start, &error), error);
  }
  ~Room() { lmoptp_device_free(device, start); }
  Room(const Room &) = delete;
  Room &operator=(const Room &) = delete;
  lmoptp_address_t address() const { return start; }

private:
  lmoptp_device_t *device;
  lmoptp_address_t start = 0;
};

//===--- Contents ---===//

/// Random bytes; or small numbers: each half word is near 1 in f16 and near 2^-7 in bf16, two of them are in f32.
std::string contentsOf(bool isNumbers, unsigned seed) {
  std::mt19937 random(seed); // NOLINT(bugprone-random-generator-seed): the same for all candidates
  std::vector<uint32_t> words(kPeriod / 4);
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = random();
    if (isNumbers)
      words[i] = (words[i] & 0x807f807f) | 0x3c003c00;
  }
  return {reinterpret_cast<const char *>(words.data()), kPeriod};
}

/// A buffer of a run: one piece, or copies one after another.
struct Buffer {
  std::unique_ptr<Room> room;
  uint64_t bytes = 0, stride = 0, copies = 1;
  lmoptp_address_t at(uint64_t turn) const { return room->address() + turn % copies * stride; }
};

/// What a chain is made of.
struct Chain {
  const Json *run;
  std::map<int64_t, lmoptp_kernel_t> kernels; ///< by number
  std::vector<Buffer> buffers;
  uint64_t turns = 2;
};

//===--- One text ---===//

class Sweep {
public:
  Sweep(const Options &options)
      : options(options), device(openDevice(options.device)), stream(createStream(device.get())) {
    lmopt_error_t error{};
    for (EventPtr *event : {&begin, &end}) {
      lmoptp_event_t *point = nullptr;
      check(lmoptp_event_create(device.get(), &point, &error), error);
      event->reset(point);
    }
  }

  void runAll(const Json &index);

private:
  const Options &options;
  DevicePtr device;
  StreamPtr stream;
  EventPtr begin, end;
  ModulePtr module;

  bool canRun(const Json &text) const {
    int own = lmoptp_device_info(device.get())->capability, needed = text["capability"];
    return text["is_exact"] ? needed == own : needed <= own;
  }
  std::string load(const Json &text);
  Json measure(const Json &text, const Json &run);
  Chain prepare(const Json &text, const Json &run);
  Buffer bufferOf(const Json &buffer, unsigned number);
  void fill(lmoptp_address_t at, uint64_t bytes, const std::string &contents);
  std::string argumentsOf(const Chain &chain, const Json &text, const Json &launch, uint64_t turn) const;
  double timed(const std::function<void()> &work);
  double median(const std::function<double()> &once) const;
  double timeRecorded(const Chain &chain, const Json &text);
  double timeWalked(const Chain &chain, const Json &text);
};

std::string Sweep::load(const Json &text) {
  std::ifstream stream(options.folder + "/" + text["file"].get<std::string>(), std::ios::binary);
  std::string ptx((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  lmoptp_image_t image = {text["capability"], text["is_exact"], ptx.data(), ptx.size(), nullptr, 0};
  lmopt_error_t error{};
  lmoptp_module_t *loaded = nullptr;
  module.reset();
  if (lmoptp_module_load(device.get(), &image, 1, &loaded, &error) != LMOPT_OK)
    return error.message;
  module.reset(loaded);
  return "";
}

void Sweep::fill(lmoptp_address_t at, uint64_t bytes, const std::string &contents) {
  lmopt_error_t error{};
  uint64_t filled = std::min<uint64_t>(bytes, contents.size());
  if (!filled)
    return;
  check(lmoptp_device_upload(device.get(), at, contents.data(), filled, 0, &error), error);
  for (; filled < bytes; filled *= 2)
    check(lmoptp_stream_copy(stream.get(), at + filled, at, std::min(filled, bytes - filled), &error), error);
}

Buffer Sweep::bufferOf(const Json &given, unsigned number) {
  Buffer buffer;
  buffer.bytes = given["bytes"], buffer.stride = (buffer.bytes + 255) / 256 * 256;
  auto cache = static_cast<uint64_t>(std::max(lmoptp_device_info(device.get())->l2_bytes, 1 << 20));
  if (given["rotates"])
    buffer.copies = options.isBrief ? 2 : std::clamp(2 * cache / buffer.stride + 1, uint64_t(2), kMostCopies);
  buffer.room = std::make_unique<Room>(device.get(), buffer.copies * buffer.stride);
  uint64_t from = given["numbers_from"];
  fill(buffer.at(0), from, contentsOf(false, number));
  fill(buffer.at(0) + from, buffer.bytes - from, contentsOf(true, number));
  lmopt_error_t error{};
  for (uint64_t copy = 1; copy < buffer.copies; ++copy)
    check(lmoptp_stream_copy(stream.get(), buffer.at(copy), buffer.at(0), buffer.bytes, &error), error);
  return buffer;
}

/// A text may hold kernels that this card has no room for.
bool isUsed(const Json &run, const Json &number) {
  return run.value("walker", Json()) == number ||
         std::any_of(run["launches"].begin(), run["launches"].end(),
                     [&](const Json &launch) { return launch["kernel"] == number; });
}

Chain Sweep::prepare(const Json &text, const Json &run) {
  Chain chain{&run, {}, {}};
  lmopt_error_t error{};
  for (const Json &kernel : text["kernels"]) {
    if (!isUsed(run, kernel["number"]))
      continue;
    lmoptp_kernel_t found{};
    check(lmoptp_kernel_find(module.get(), kernel["name"].get_ref<const std::string &>().c_str(), kernel["threads"],
                             kernel["shared_bytes"], &found, &error),
          error);
    chain.kernels[kernel["number"]] = found;
  }
  for (const Json &buffer : run["buffers"]) {
    chain.buffers.push_back(bufferOf(buffer, static_cast<unsigned>(chain.buffers.size())));
    chain.turns = std::max(chain.turns, options.isBrief ? 2 : std::max(chain.buffers.back().copies, kLeastLaunches));
  }
  const Buffer &result = chain.buffers[run["result"].get<size_t>()];
  check(lmoptp_stream_fill(stream.get(), result.at(0), kFill, result.bytes, &error), error);
  return chain;
}

/// As they lie in parameter space.
std::string Sweep::argumentsOf(const Chain &chain, const Json &text, const Json &launch, uint64_t turn) const {
  const Json *offsets = nullptr;
  for (const Json &kernel : text["kernels"])
    if (kernel["number"] == launch["kernel"])
      offsets = &kernel["argument_offsets"];
  std::string bytes;
  for (size_t i = 0; i < launch["arguments"].size(); ++i) {
    const Json &argument = launch["arguments"][i];
    bool isNumber = argument.contains("number");
    uint64_t value = isNumber ? argument["number"].get<uint64_t>() : chain.buffers[argument["buffer"]].at(turn);
    bytes.resize((*offsets)[i].get<size_t>());
    bytes.append(reinterpret_cast<const char *>(&value), isNumber ? 4 : 8);
  }
  return bytes;
}

//===--- Time ---===//

/// Milliseconds of the GPU.
double Sweep::timed(const std::function<void()> &work) {
  lmopt_error_t error{};
  float milliseconds = 0;
  check(lmoptp_event_record(begin.get(), stream.get(), &error), error);
  work();
  check(lmoptp_event_record(end.get(), stream.get(), &error), error);
  check(lmoptp_event_synchronize(end.get(), &error), error);
  check(lmoptp_event_elapsed(begin.get(), end.get(), &milliseconds, &error), error);
  return milliseconds;
}

double Sweep::median(const std::function<double()> &once) const {
  std::vector<double> times;
  if (!options.isBrief)
    once(); // warms up
  double total = 0;
  do {
    times.push_back(once());
    total += times.back();
  } while (!options.isBrief && times.size() < kTries && total < kMostMilliseconds);
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

double Sweep::timeRecorded(const Chain &chain, const Json &text) {
  std::function<void()> launchAll = [&] {
    lmopt_error_t error{};
    for (uint64_t turn = 0; turn < chain.turns; ++turn)
      for (const Json &launch : (*chain.run)["launches"]) {
        std::string arguments = argumentsOf(chain, text, launch, turn);
        std::array<uint32_t, 3> grid = launch["grid"];
        check(lmoptp_stream_launch(stream.get(), &chain.kernels.at(launch["kernel"]), grid.data(), 0, arguments.data(),
                                   arguments.size(), &error),
              error);
      }
  };
  auto record = [](lmoptp_stream_t *, void *user, lmopt_error_t *error) {
    try {
      (*static_cast<std::function<void()> *>(user))();
      return LMOPT_OK;
    } catch (const Failure &failure) {
      std::snprintf(error->message, sizeof error->message, "%s", failure.what());
      return static_cast<lmopt_status_t>(failure.code);
    }
  };
  lmopt_error_t error{};
  lmoptp_graph_t *recorded = nullptr;
  check(lmoptp_stream_record(stream.get(), "candidates", record, &launchAll, &recorded, &error), error);
  GraphPtr graph(recorded);
  return median(
      [&] { return timed([&] { check(lmoptp_stream_launch_graph(stream.get(), recorded, &error), error); }); });
}

double Sweep::timeWalked(const Chain &chain, const Json &text) {
  const Json &run = *chain.run;
  auto ofRecord = run["record_bytes"].get<size_t>();
  std::string records;
  for (uint64_t turn = 0; turn < chain.turns; ++turn)
    for (const Json &launch : run["launches"]) {
      std::array<uint32_t, 3> grid = launch["grid"];
      lmopt_walk_record_t head = {launch["kernel"], {grid[0], grid[1], grid[2]}};
      std::string record =
          std::string(reinterpret_cast<const char *>(&head), sizeof head) + argumentsOf(chain, text, launch, turn);
      record.resize(ofRecord);
      records += record;
    }
  Room room(device.get(), records.size()), counter(device.get(), sizeof(uint32_t));
  lmopt_error_t error{};
  check(lmoptp_device_upload(device.get(), room.address(), records.data(), records.size(), 0, &error), error);
  const lmoptp_kernel_t &walker = chain.kernels.at(run["walker"]);
  lmopt_walk_t arguments = {room.address(), counter.address(), static_cast<uint32_t>(records.size() / ofRecord)};
  const uint32_t grid[3] = {static_cast<uint32_t>(walker.resident_blocks), 1, 1};
  return median([&] {
    check(lmoptp_stream_fill(stream.get(), counter.address(), 0, sizeof(uint32_t), &error), error);
    return timed([&] {
      check(lmoptp_stream_launch(stream.get(), &walker, grid, LMOPTP_LAUNCH_COOPERATIVE, &arguments,
                                 LMOPT_WALK_ARGUMENT_BYTES, &error),
            error);
    });
  });
}

//===--- Results ---===//

Json Sweep::measure(const Json &text, const Json &run) {
  Json line = {{"group", run["group"]}, {"candidate", run["candidate"]}};
  try {
    Chain chain = prepare(text, run);
    double milliseconds = run.contains("walker") ? timeWalked(chain, text) : timeRecorded(chain, text);
    const Buffer &buffer = chain.buffers[run["result"].get<size_t>()];
    std::string result = copyOut(device.get(), stream.get(), buffer.at(0), buffer.bytes);
    line["same_bits"] = run["same_bits"], line["assumed"] = run["assumed"], line["picks"] = run["picks"];
    line["microseconds"] = 1e3 * milliseconds / static_cast<double>(chain.turns);
    line["launches"] = chain.turns * run["launches"].size();
    line["bits"] = lmopt::ptx::hashOf(result);
    line["is_written"] = result != std::string(result.size(), static_cast<char>(kFill));
  } catch (const Failure &failure) {
    line["error"] = failure.what();
  }
  return line;
}

void say(const Json &line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void Sweep::runAll(const Json &index) {
  int greatest = 0;
  for (const Json &text : index["texts"])
    greatest = std::max(greatest, canRun(text) ? text["capability"].get<int>() : 0);
  auto start = std::chrono::steady_clock::now();
  size_t leftOut = 0;
  for (const Json &text : index["texts"]) {
    if (!canRun(text) || text["capability"] != greatest)
      continue;
    auto isOver = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > options.seconds;
    };
    std::string fault = isOver() ? "" : load(text);
    if (!fault.empty())
      say({{"file", text["file"]}, {"error", fault}});
    for (const Json &run : text["runs"])
      if (isOver())
        ++leftOut;
      else if (fault.empty())
        say(measure(text, run));
    lmopt_error_t error{};
    if (lmoptp_device_check(device.get(), &error) != LMOPT_OK)
      throw Failure(1, error.message);
  }
  if (leftOut)
    say({{"left_out", leftOut}});
}

Options parse(int argc, char **argv) {
  Options options;
  bool isWrong = argc < 2;
  options.folder = argc > 1 ? argv[1] : "";
  for (int i = 2; i < argc && !isWrong; ++i) {
    std::string word = argv[i];
    if (word == "--brief")
      options.isBrief = true;
    else if (word == "--device" && i + 1 < argc)
      options.device = argv[++i];
    else
      isWrong = word != "--seconds" || i + 1 == argc || std::sscanf(argv[++i], "%lf", &options.seconds) != 1;
  }
  if (isWrong)
    throw Failure(2, "usage: gpu-sweep FOLDER [--device cuda[:N]] [--seconds S] [--brief]");
  return options;
}

Json read(const std::string &folder) {
  std::ifstream stream(folder + "/index.json");
  Json index = Json::parse(stream, nullptr, false);
  if (index.is_discarded() || !index.contains("texts"))
    throw Failure(3, folder + " holds no index.json of gpu-candidates");
  return index;
}
} // namespace

int main(int argc, char **argv) {
  try {
    Options options = parse(argc, argv);
    Json index = read(options.folder);
    Sweep(options).runAll(index);
    return 0;
  } catch (const Failure &failure) {
    std::fprintf(stderr, "gpu-sweep: %s\n", failure.what());
    return failure.code;
  }
}
