// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of a GPU: blocks, pinned memory, the upload in pieces, and what is said when there is not enough.
#include "DeviceFixture.h"

using namespace lmopt::test;

namespace {

using DeviceMemoryTest = DeviceTest;

uint64_t freeBytes(const Device &device) {
  uint64_t bytes = 0;
  EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_device_free_bytes(device.get(), &bytes, error); }));
  return bytes;
}

TEST_F(DeviceMemoryTest, blocksAreTakenAndGivenBack) {
  setenv("FAKE_CUDA_MEMORY", "1000000", 1);
  Device device = open();
  EXPECT_EQ(freeBytes(device), 1000000u);
  {
    DeviceBlock block(device, 400000), empty(device, 0);
    EXPECT_NE(block.address, 0u);
    EXPECT_EQ(block.address % 256, 0u);
    EXPECT_EQ(empty.address, 0u);
    EXPECT_EQ(freeBytes(device), 600000u);
  }
  EXPECT_EQ(freeBytes(device), 1000000u);
}

TEST_F(DeviceMemoryTest, aBlockThatDoesNotFit) {
  setenv("FAKE_CUDA_MEMORY", "1000000", 1);
  Device device = open();
  DeviceBlock block(device, 400000);
  lmoptp_address_t address = 77;
  Answer answer = tell(
      [&](lmopt_error_t *error) { return lmoptp_device_allocate(device.get(), 600001, "the arena", &address, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_EQ(address, 77u); // untouched
  EXPECT_HAS(answer, "cuda:0 (PTX interpreter, CUDA 13.0)");
  EXPECT_HAS(answer, "the arena needs 600001 bytes; 600000 of 1000000 are free");
}

TEST_F(DeviceMemoryTest, whatIsNeededIsComparedBeforehand) {
  setenv("FAKE_CUDA_MEMORY", "1000000", 1);
  Device device = open();
  auto check = [&](lmoptp_memory_need_t need) {
    return tell([&](lmopt_error_t *error) { return lmoptp_device_check_memory(device.get(), &need, error); });
  };
  EXPECT_OK(check({500000, 300000, 200000}));
  Answer answer = check({500000, 300000, 200001});
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "the weights need 500000 bytes, the arena 300000, the cache 200001; 1000000 of 1000000 are free");
  EXPECT_EQ(check({UINT64_MAX, 1, 0}).status, LMOPT_ERROR_RESOURCE); // the sum is 0
  EXPECT_EQ(check({UINT64_MAX - 1, 1, 2}).status, LMOPT_ERROR_RESOURCE);
}

TEST_F(DeviceMemoryTest, kernelsReadAndWritePinnedMemory) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  void *pinned = nullptr;
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_device_allocate_host(device.get(), 4 * kThreads, "positions", &pinned, error);
  }));
  auto *numbers = static_cast<uint32_t *>(pinned);
  numbers[31] = 5;
  auto address = reinterpret_cast<uint64_t>(pinned);
  EXPECT_OK(launch(stream, kernel(module, "add"), 1, AddArguments{address, address, 37}));
  EXPECT_OK(synchronize(stream));
  EXPECT_EQ(numbers[31], 42u);
  lmoptp_device_free_host(device.get(), pinned);
}

TEST_F(DeviceMemoryTest, pinnedMemoryThatDoesNotFit) {
  Device device = open();
  void *pinned = nullptr;
  setenv("FAKE_CUDA_FAIL", "cuMemAllocHost:1:2", 1);
  Answer answer = tell([&](lmopt_error_t *error) {
    return lmoptp_device_allocate_host(device.get(), 4096, "the logits", &pinned, error);
  });
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "out of pinned host memory: the logits needs 4096 bytes");
  EXPECT_EQ(pinned, nullptr);
}

// Streams run as late as they may: a piece that is filled again before its copy has run would show.
TEST_F(DeviceMemoryTest, uploadsInPieces) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Stream stream = makeStream(device);
  for (size_t count : {1, 63, 64, 65, 128, 1000})
    for (uint64_t piece : {uint64_t(256), uint64_t(4096), uint64_t(0)}) {
      DeviceBlock block(device, 4 * count + 4);
      std::vector<uint32_t> values = counted(count, 7);
      EXPECT_OK(tell([&](lmopt_error_t *error) {
        return lmoptp_stream_fill(stream.get(), block.address, 0xee, 4 * count + 4, error);
      }));
      EXPECT_OK(synchronize(stream));
      EXPECT_OK(tell([&](lmopt_error_t *error) {
        return lmoptp_device_upload(device.get(), block.address, values.data(), 4 * count, piece, error);
      }));
      EXPECT_EQ(inspect().hostAllocations, 0u);
      values.push_back(0xeeeeeeee);
      EXPECT_EQ(read(stream, block.address, count + 1), values) << count << " in pieces of " << piece;
    }
}

// It returns when all is there, or tells why it is not: also of the last piece, which nobody waited for on the way.
TEST_F(DeviceMemoryTest, anUploadThatFailsAtItsEnd) {
  Device device = open();
  DeviceBlock block(device, 16);
  const uint32_t values[4] = {};
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:999", 1);
  Answer answer = tell([&](lmopt_error_t *error) {
    return lmoptp_device_upload(device.get(), block.address, values, sizeof values, LMOPTP_UPLOAD_PIECE, error);
  });
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "waiting for a stream failed");
}

TEST_F(DeviceMemoryTest, anEmptyUploadAsksForNothing) {
  Device device = open();
  setenv("FAKE_CUDA_FAIL", "*:1:999", 1);
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_device_upload(device.get(), 0, nullptr, 0, LMOPTP_UPLOAD_PIECE, error);
  }));
}

TEST_F(DeviceMemoryTest, fillsAndCopies) {
  Device device = open();
  Stream stream = makeStream(device);
  DeviceBlock from(device, counted(8, 100)), into(device, 32);
  EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_stream_fill(stream.get(), into.address, 1, 32, error); }));
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_stream_copy(stream.get(), into.address + 8, from.address + 4, 8, error);
  }));
  std::vector<uint32_t> expected(8, 0x01010101);
  expected[2] = 101;
  expected[3] = 102;
  EXPECT_EQ(read(stream, into.address, 8), expected);
}

} // namespace
