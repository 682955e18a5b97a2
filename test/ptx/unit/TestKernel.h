// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of the interpreter share: a module from text, buffers, launches that are expected to work or to fail with
// a message, and bodies of kernels without their ceremony.
#ifndef LMOPT_TEST_PTX_UNIT_TESTKERNEL_H
#define LMOPT_TEST_PTX_UNIT_TESTKERNEL_H

#include "test/ptx/Interpreter.h"

#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace lmopt::ptx {

/// Device memory of a test. Without values it has none: reading it is an error.
template <typename T>
class Buffer {
public:
  Buffer(Device &device, std::vector<T> values) : Buffer(device, values.size(), true) {
    std::memcpy(data(), values.data(), values.size() * sizeof(T));
  }
  Buffer(Device &device, size_t count, bool isInitialized)
      : device(device), count(count), storage(count * sizeof(T) + 256) {
    device.memory.add(data(), count * sizeof(T), isInitialized);
  }
  ~Buffer() { device.memory.remove(data()); }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  T *data() { return reinterpret_cast<T *>((reinterpret_cast<uintptr_t>(storage.data()) + 255) & ~uintptr_t(255)); }
  T &operator[](size_t i) { return data()[i]; }
  std::vector<T> values() { return std::vector<T>(data(), data() + count); }

private:
  Device &device;
  size_t count;
  std::vector<uint8_t> storage;
};

/// Arguments are 64-bit addresses and numbers of 32 or 64 bits.
class Arguments {
public:
  template <typename T>
  Arguments &operator<<(Buffer<T> &buffer) {
    return *this << reinterpret_cast<uint64_t>(buffer.data());
  }
  Arguments &operator<<(uint64_t value) { return add(value); }
  Arguments &operator<<(uint32_t value) { return add(value); }
  void *const *pointers() {
    list.clear();
    for (auto &value : values)
      list.push_back(value.get());
    return list.data();
  }

private:
  Arguments &add(uint64_t value) {
    values.push_back(std::make_unique<uint64_t>(value));
    return *this;
  }
  std::vector<std::unique_ptr<uint64_t>> values;
  std::vector<void *> list;
};

/// A kernel "k" with `parameters` 64-bit parameters p0, p1, ..., a set of registers, and p0 .. in %rd0 ...
///   %p<8> predicates, %h<32> b16, %r<64> b32, %rd<32> b64, %f<32> f32, %d<8> f64
/// In %r0 stands %tid.x.
inline std::string kernelText(const std::string &body, unsigned parameters = 1, const std::string &declarations = "") {
  std::string text = ".version 8.0\n.target sm_90a\n.address_size 64\n.extern .shared .align 128 .b8 smem[];\n" +
                     declarations + "\n.visible .entry k(";
  for (unsigned i = 0; i < parameters; ++i)
    text += (i ? ", " : "") + std::string(".param .u64 p") + std::to_string(i);
  text += ")\n{\n.reg .pred %p<8>;\n.reg .b16 %h<32>;\n.reg .b32 %r<64>;\n.reg .b64 %rd<32>;\n.reg .f32 %f<32>;\n"
          ".reg .f64 %d<8>;\n";
  for (unsigned i = 0; i < parameters; ++i)
    text += "ld.param.u64 %rd" + std::to_string(i) + ", [p" + std::to_string(i) + "];\n";
  return text + "mov.u32 %r0, %tid.x;\n" + body + "\nret;\n}\n";
}

inline std::shared_ptr<const Module> parseOrFail(const std::string &text) {
  Result<std::shared_ptr<const Module>> module = parseModule(text);
  if (module.ok())
    return module.take();
  ADD_FAILURE() << module.error().message << "\n" << text;
  return nullptr;
}

inline LaunchShape shapeOf(uint32_t grid, uint32_t block, uint32_t dynamicShared = 0, bool isCooperative = false) {
  LaunchShape shape;
  shape.grid[0] = grid;
  shape.block[0] = block;
  shape.dynamicShared = dynamicShared;
  shape.isCooperative = isCooperative;
  return shape;
}

/// Runs kernel "k" and gives the counters; a failure of the test if it does not end well.
inline Counters runKernel(Device &device, const std::string &text, const LaunchShape &shape, Arguments &arguments) {
  auto module = parseOrFail(text);
  if (!module)
    return {};
  device.load(*module);
  Result<Counters> result = device.launch(*module, "k", shape, arguments.pointers());
  device.unload(*module);
  if (result.ok())
    return *result;
  ADD_FAILURE() << result.error().message;
  return {};
}

/// The message that the launch of kernel "k" ends with; empty if it ends well.
inline std::string launchError(Device &device, const std::string &text, const LaunchShape &shape,
                               Arguments &arguments) {
  auto module = parseOrFail(text);
  if (!module)
    return "not parsed";
  device.load(*module);
  Result<Counters> result = device.launch(*module, "k", shape, arguments.pointers());
  device.unload(*module);
  return result.ok() ? "" : result.error().message;
}

inline void expectContains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << "'" << text << "' does not hold '" << part << "'";
}

inline DeviceOptions strict(uint64_t seed) {
  DeviceOptions options;
  options.strictSeed = seed;
  return options;
}

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_UNIT_TESTKERNEL_H
