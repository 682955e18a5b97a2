// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu-replay FOLDER [--device cuda[:N]] [--share I/N]: launches on a GPU what the tests of kernels launched on the
// interpreter (KernelRecord.h), through lmopt's own runtime.
//
// Out: a line of JSON for each launch, sorted by file:
//   {"file", "kernel", "must_be_equal", "bytes", "words", "words_differ", "max_share", "rms_share", "ulps", "load_ms"}
// must_be_equal: the kernel has nothing that hardware may round otherwise than the interpreter (approximate functions,
// products of halves summed in f32). Shares are of the largest number and of the root mean square, where the expected
// result is all finite numbers of 32 bits. ulps: how many words are 0, 1, 2, up to 8, further off. load_ms: of the
// driver, for a text that is new. --share: every N-th text from the I-th on, because drivers translate on one core.
// Exit codes as lmopt's; 2 for wrong usage, 3 for a file that is none, a fault of a launch ends all that follow.
// Source: ptx.md 6. Tested by the test gpu-check.
#include "test/ptx/record/DeviceRun.h"
#include "test/ptx/record/KernelRecord.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

using Json = nlohmann::ordered_json;
using namespace lmopt::device;

namespace {

/// A file as it was read.
struct Launch {
  std::string file, text, contents;
  Json header;
};

Launch read(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const size_t magic = sizeof lmopt::ptx::kRecordMagic - 1;
  uint32_t length = 0;
  if (bytes.size() < magic + 4 || bytes.compare(0, magic, lmopt::ptx::kRecordMagic) != 0)
    throw Failure(3, path.string() + ": not a kept launch");
  std::memcpy(&length, bytes.data() + magic, 4);
  Launch launch;
  launch.file = path.filename();
  launch.header = Json::parse(bytes.substr(magic + 4, length), nullptr, false);
  if (launch.header.is_discarded())
    throw Failure(3, path.string() + ": its header is no JSON");
  size_t begin = magic + 4 + length, text = launch.header["text_bytes"];
  launch.text = bytes.substr(begin, text);
  launch.contents = bytes.substr(begin + text);
  size_t expected = 0;
  for (const Json &argument : launch.header["arguments"])
    expected += argument.value("bytes", size_t(0)) + argument.value("result", size_t(0));
  if (launch.contents.size() != expected)
    throw Failure(3, path.string() + ": it ends early");
  return launch;
}

/// "sm_90a" of a text.
std::pair<int, bool> targetOf(const std::string &text) {
  size_t at = text.find(".target sm_");
  if (at == std::string::npos)
    throw Failure(3, "a text without a target");
  size_t end = 0;
  int capability = std::stoi(text.substr(at + 11), &end);
  return {capability, text[at + 11 + end] == 'a'};
}

/// By the kernel's own body: others may stand beside it.
bool mayRoundOtherwise(const Launch &launch) {
  const std::string entry = ".entry " + launch.header["kernel"].get<std::string>() + "(";
  size_t begin = launch.text.find(entry), end = launch.text.find(".entry ", begin + 1);
  if (begin == std::string::npos)
    throw Failure(3, launch.file + ": its text has no such kernel");
  std::string text = launch.text.substr(begin, end - begin);
  for (const char *part : {".approx", ".f32.bf16.bf16", ".f32.f16.f16", ".f32.tf32.tf32"})
    if (text.find(part) != std::string::npos)
      return true;
  return false;
}

//===--- Differences ---===//

float floatAt(const std::string &bytes, size_t word) {
  float value;
  std::memcpy(&value, bytes.data() + 4 * word, 4);
  return value;
}
/// Numbers in the order of floats.
int64_t ordered(const std::string &bytes, size_t word) {
  int32_t bits;
  std::memcpy(&bits, bytes.data() + 4 * word, 4);
  return bits < 0 ? -int64_t(bits & 0x7fffffff) : bits;
}

/// Whether words differ by more than the kind of a NaN; of 64 bits both halves belong together.
bool differs(const std::string &a, const std::string &b, size_t word, bool anyNan) {
  if (std::memcmp(a.data() + 4 * word, b.data() + 4 * word, 4) == 0)
    return false;
  double x, y;
  std::memcpy(&x, a.data() + 8 * (word / 2), 8);
  std::memcpy(&y, b.data() + 8 * (word / 2), 8);
  return !anyNan ||
         !((std::isnan(floatAt(a, word)) && std::isnan(floatAt(b, word))) || (std::isnan(x) && std::isnan(y)));
}

void addShares(const std::string &found, const std::string &expected, Json &out) {
  size_t words = expected.size() / 4;
  double largest = 0, squares = 0, off = 0, offSquares = 0;
  for (size_t i = 0; i < words; ++i) {
    double value = floatAt(expected, i), difference = floatAt(found, i) - value;
    if (!std::isfinite(value))
      return; // no floats of 32 bits, or no numbers
    largest = std::max(largest, std::fabs(value)), squares += value * value;
    off = std::isfinite(difference) ? std::max(off, std::fabs(difference)) : INFINITY;
    offSquares += difference * difference;
  }
  if (largest == 0 || !std::isfinite(off)) {
    out["max_share"] = out["rms_share"] = off == 0 ? 0.0 : 1e30;
    return;
  }
  out["max_share"] = off / largest;
  out["rms_share"] = std::sqrt(offSquares / squares);
}

void compare(const std::string &found, const std::string &expected, bool anyNan, Json &out) {
  size_t words = expected.size() / 4, differ = 0;
  std::array<size_t, 5> ulps{};
  for (size_t i = 0; i < words; ++i) {
    differ += differs(found, expected, i, anyNan);
    int64_t ulp = std::llabs(ordered(found, i) - ordered(expected, i));
    ++ulps[ulp == 0 ? 0 : ulp == 1 ? 1 : ulp == 2 ? 2 : ulp <= 8 ? 3 : 4];
  }
  differ += found.compare(4 * words, std::string::npos, expected, 4 * words, std::string::npos) != 0;
  out["words"] = words;
  out["words_differ"] = differ;
  out["ulps"] = ulps;
  addShares(found, expected, out);
}

//===--- On the GPU ---===//

class Replay {
public:
  explicit Replay(const std::string &name) : device(openDevice(name)), stream(createStream(device.get())) {}

  bool canRun(const Launch &launch) const {
    auto [capability, isExact] = targetOf(launch.text);
    int own = lmoptp_device_info(device.get())->capability;
    return isExact ? own == capability : own >= capability;
  }

  Json run(const Launch &launch);

private:
  DevicePtr device;
  StreamPtr stream;
  ModulePtr module;
  std::string loaded; ///< the text of `module`

  double load(const std::string &text);
  std::string launchOn(const Launch &launch, std::vector<lmoptp_address_t> &rooms);
  void put(lmoptp_address_t into, const std::string &bytes);
};

double Replay::load(const std::string &text) {
  if (module && text == loaded)
    return -1;
  auto [capability, isExact] = targetOf(text);
  lmoptp_image_t image = {capability, isExact, text.data(), text.size(), nullptr, 0};
  lmopt_error_t error{};
  lmoptp_module_t *made = nullptr;
  auto start = std::chrono::steady_clock::now();
  check(lmoptp_module_load(device.get(), &image, 1, &made, &error), error);
  module.reset(made);
  loaded = text;
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void Replay::put(lmoptp_address_t into, const std::string &bytes) {
  lmopt_error_t error{};
  check(lmoptp_device_upload(device.get(), into, bytes.data(), bytes.size(), 0, &error), error);
}

std::string Replay::launchOn(const Launch &launch, std::vector<lmoptp_address_t> &rooms) {
  lmopt_error_t error{};
  std::string arguments;
  size_t at = 0, resultBytes = 0;
  lmoptp_address_t result = 0;
  auto add = [&](const void *value, size_t bytes) { // as in a struct of C
    arguments.resize((arguments.size() + bytes - 1) / bytes * bytes);
    arguments.append(static_cast<const char *>(value), bytes);
  };
  for (const Json &argument : launch.header["arguments"]) {
    if (argument.contains("number")) {
      uint32_t number = argument["number"];
      add(&number, sizeof number);
      continue;
    }
    bool isResult = argument.contains("result");
    size_t bytes = isResult ? argument["result"] : argument["bytes"];
    rooms.push_back(0);
    check(lmoptp_device_allocate(device.get(), bytes, "an argument", &rooms.back(), &error), error);
    put(rooms.back(), isResult ? std::string(bytes, static_cast<char>(launch.header["fill"].get<int>()))
                               : launch.contents.substr(at, bytes));
    at += isResult ? 0 : bytes;
    result = isResult ? rooms.back() : result;
    resultBytes = isResult ? bytes : resultBytes;
    add(&rooms.back(), sizeof rooms.back());
  }
  lmoptp_kernel_t kernel{};
  const std::string name = launch.header["kernel"];
  check(lmoptp_kernel_find(module.get(), name.c_str(), launch.header["threads"], launch.header["shared_bytes"], &kernel,
                           &error),
        error);
  std::array<uint32_t, 3> grid = launch.header["grid"];
  check(lmoptp_stream_launch(stream.get(), &kernel, grid.data(), 0, arguments.data(), arguments.size(), &error), error);
  return copyOut(device.get(), stream.get(), result, resultBytes);
}

Json Replay::run(const Launch &launch) {
  Json out = {{"file", launch.file}, {"kernel", launch.header["kernel"]}};
  out["must_be_equal"] = !mayRoundOtherwise(launch);
  double milliseconds = load(launch.text);
  std::vector<lmoptp_address_t> rooms;
  std::string found;
  try {
    found = launchOn(launch, rooms);
  } catch (...) {
    for (lmoptp_address_t room : rooms)
      lmoptp_device_free(device.get(), room);
    throw;
  }
  for (lmoptp_address_t room : rooms)
    lmoptp_device_free(device.get(), room);
  std::string expected = launch.contents.substr(launch.contents.size() - found.size());
  out["bytes"] = expected.size();
  compare(found, expected, launch.header["any_nan"], out);
  if (milliseconds >= 0)
    out["load_ms"] = milliseconds;
  return out;
}

struct Options {
  std::filesystem::path folder;
  std::string device = "cuda";
  size_t share = 0, shares = 1;
};

Options parse(int argc, char **argv) {
  Options options;
  bool isWrong = argc < 2 || argc % 2 != 0;
  options.folder = argc > 1 ? argv[1] : "";
  for (int i = 2; i + 1 < argc && !isWrong; i += 2)
    if (argv[i] == std::string("--device"))
      options.device = argv[i + 1];
    else
      isWrong = argv[i] != std::string("--share") ||
                std::sscanf(argv[i + 1], "%zu/%zu", &options.share, &options.shares) != 2 ||
                options.share >= options.shares;
  if (isWrong)
    throw Failure(2, "usage: gpu-replay FOLDER [--device cuda[:N]] [--share I/N], I below N");
  if (!std::filesystem::is_directory(options.folder))
    throw Failure(5, options.folder.string() + " is no folder");
  return options;
}

/// Those with the same text beside one another.
std::map<std::string, std::vector<std::filesystem::path>> launchesOf(const std::filesystem::path &folder) {
  std::map<std::string, std::vector<std::filesystem::path>> byText;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".launch")
      byText[read(entry.path()).text].push_back(entry.path());
  return byText;
}

void replay(const Options &options) {
  Replay replay(options.device);
  std::map<std::string, Json> lines;
  size_t number = 0;
  for (const auto &[text, paths] : launchesOf(options.folder)) {
    if (number++ % options.shares != options.share)
      continue;
    for (const std::filesystem::path &path : paths)
      if (Launch launch = read(path); replay.canRun(launch))
        lines[path.filename()] = replay.run(launch);
  }
  for (const auto &[file, line] : lines)
    std::printf("%s\n", line.dump().c_str());
}
} // namespace

int main(int argc, char **argv) {
  try {
    replay(parse(argc, argv));
    return 0;
  } catch (const Failure &failure) {
    std::fprintf(stderr, "gpu-replay: %s\n", failure.what());
    return failure.code;
  }
}
