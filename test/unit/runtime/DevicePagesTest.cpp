// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses that get memory page by page: what is mapped when, what is given back, and that kernels reach it.
#include "DeviceFixture.h"

#include <atomic>
#include <thread>

using namespace lmopt::test;

namespace {

constexpr uint64_t kPage = 2 << 20; // of the fake driver

class DevicePagesTest : public DeviceTest {
protected:
  static Pages make(const Device &device, uint64_t bytes) {
    lmoptp_pages_t *pages = nullptr;
    EXPECT_OK(tell(
        [&](lmopt_error_t *error) { return lmoptp_pages_create(device.get(), bytes, "the cache", &pages, error); }));
    return Pages(pages);
  }
  static Answer map(const Pages &pages, uint64_t offset, uint64_t bytes) {
    return tell([&](lmopt_error_t *error) { return lmoptp_pages_map(pages.get(), offset, bytes, error); });
  }
  static Answer unmap(const Pages &pages, uint64_t offset, uint64_t bytes) {
    return tell([&](lmopt_error_t *error) { return lmoptp_pages_unmap(pages.get(), offset, bytes, error); });
  }
  /// Pages that have memory, as the driver sees it, too.
  uint64_t mapped(const Pages &pages) {
    EXPECT_EQ(inspect().deviceBytes, lmoptp_pages_mapped(pages.get()));
    return lmoptp_pages_mapped(pages.get()) / kPage;
  }
};

TEST_F(DevicePagesTest, aCapacityCostsNothing) {
  setenv("FAKE_CUDA_MEMORY", "4194304", 1);
  Device device = open();
  Pages pages = make(device, 1000 * kPage);
  EXPECT_NE(lmoptp_pages_address(pages.get()), 0u);
  EXPECT_EQ(mapped(pages), 0u);
  Pages none = make(device, 0);
  EXPECT_OK(map(none, 0, 0));
  EXPECT_EQ(mapped(none), 0u);
}

TEST_F(DevicePagesTest, mapsWhatARangeTouches) {
  Device device = open();
  Pages pages = make(device, 8 * kPage - 5);
  EXPECT_OK(map(pages, 0, 0));
  EXPECT_EQ(mapped(pages), 0u);
  EXPECT_OK(map(pages, 10, 1));
  EXPECT_EQ(mapped(pages), 1u);
  EXPECT_OK(map(pages, 0, kPage)); // is there
  EXPECT_EQ(mapped(pages), 1u);
  EXPECT_OK(map(pages, kPage - 1, 2));
  EXPECT_EQ(mapped(pages), 2u);
  EXPECT_OK(map(pages, 5 * kPage, kPage)); // a hole before it
  EXPECT_EQ(mapped(pages), 3u);
  EXPECT_OK(map(pages, 0, 8 * kPage - 5));
  EXPECT_EQ(mapped(pages), 8u);
}

TEST_F(DevicePagesTest, unmapsWhatARangeCovers) {
  Device device = open();
  Pages pages = make(device, 4 * kPage);
  EXPECT_OK(map(pages, 0, 4 * kPage));
  EXPECT_OK(unmap(pages, 1, 2 * kPage - 2)); // covers none: the second page ends a byte later
  EXPECT_EQ(mapped(pages), 4u);
  EXPECT_OK(unmap(pages, 1, 2 * kPage - 1));
  EXPECT_EQ(mapped(pages), 3u);
  EXPECT_OK(unmap(pages, 0, 4 * kPage));
  EXPECT_EQ(mapped(pages), 0u);
  EXPECT_OK(map(pages, 3 * kPage, kPage)); // and back
  EXPECT_EQ(mapped(pages), 1u);
}

TEST_F(DevicePagesTest, rangesEndWithTheReservation) {
  Device device = open();
  Pages pages = make(device, 2 * kPage);
  for (auto [offset, bytes] : {std::pair<uint64_t, uint64_t>{2 * kPage, 1}, {0, 2 * kPage + 1}, {UINT64_MAX, 2}}) {
    Answer answer = map(pages, offset, bytes);
    EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
    EXPECT_HAS(answer, "the cache");
    EXPECT_EQ(unmap(pages, offset, bytes).status, LMOPT_ERROR_INTERNAL);
  }
  EXPECT_EQ(mapped(pages), 0u);
}

TEST_F(DevicePagesTest, kernelsWriteAcrossPagesThatCameOneByOne) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  Pages pages = make(device, 4 * kPage);
  DeviceBlock in(device, counted(2 * kThreads));
  EXPECT_OK(map(pages, 0, kPage));
  lmoptp_address_t out = lmoptp_pages_address(pages.get()) + kPage - 4 * kThreads;
  EXPECT_OK(map(pages, kPage, 1));
  EXPECT_OK(launch(stream, kernel(module, "add"), 2, AddArguments{in.address, out, 7}));
  EXPECT_EQ(read(stream, out, 2 * kThreads), counted(2 * kThreads, 7));
}

// A stream is late: the kernel that was launched before must have run when its pages go.
TEST_F(DevicePagesTest, pagesGoWhenAllHasRun) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  DeviceBlock in(device, counted(kThreads));
  Pages pages = make(device, kPage);
  for (int i = 0; i < 2; ++i) {
    EXPECT_OK(map(pages, 0, kPage));
    AddArguments arguments{in.address, lmoptp_pages_address(pages.get()), 1};
    EXPECT_OK(launch(stream, kernel(module, "add"), 1, arguments));
    if (i == 0)
      EXPECT_OK(unmap(pages, 0, kPage));
    else
      pages.reset();
    EXPECT_OK(synchronize(stream));
  }
}

struct Neighbour {
  std::thread thread;
  std::atomic<bool> hasBegun{false};
  lmoptp_pages_t *pages;
  Answer answer;
};

/// While the stream captures, another session gives its pages back.
lmopt_status_t recordBesideNeighbour(lmoptp_stream_t *, void *user, lmopt_error_t *) {
  auto *neighbour = static_cast<Neighbour *>(user);
  neighbour->thread = std::thread([neighbour] {
    neighbour->hasBegun = true;
    neighbour->answer =
        tell([&](lmopt_error_t *error) { return lmoptp_pages_unmap(neighbour->pages, 0, kPage, error); });
  });
  while (!neighbour->hasBegun)
    std::this_thread::yield();
  for (int i = 0; i < 1000; ++i) // it would have failed by now
    std::this_thread::yield();
  return LMOPT_OK;
}

// The driver refuses to wait for all streams while one captures, so one waits for the other.
TEST_F(DevicePagesTest, pagesGoBesideARecording) {
  Device device = open();
  Stream stream = makeStream(device);
  Pages pages = make(device, kPage);
  EXPECT_OK(map(pages, 0, kPage));
  Neighbour neighbour;
  neighbour.pages = pages.get();
  lmoptp_graph_t *graph = nullptr;
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_stream_record(stream.get(), "decode", recordBesideNeighbour, &neighbour, &graph, error);
  }));
  neighbour.thread.join();
  EXPECT_OK(neighbour.answer);
  EXPECT_EQ(mapped(pages), 0u);
  lmoptp_graph_destroy(graph);
}

TEST_F(DevicePagesTest, allOrNothing) {
  setenv("FAKE_CUDA_MEMORY", std::to_string(3 * kPage).c_str(), 1);
  Device device = open();
  Pages pages = make(device, 8 * kPage);
  EXPECT_OK(map(pages, kPage, kPage));
  Answer answer = map(pages, 0, 4 * kPage);
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "the cache needs 6291456 bytes; 4194304 of 6291456 are free");
  EXPECT_EQ(mapped(pages), 1u); // the one of before
  EXPECT_OK(map(pages, 0, 3 * kPage));
  EXPECT_EQ(mapped(pages), 3u);
}

TEST_F(DevicePagesTest, everyStepOfMappingMayFail) {
  Device device = open();
  Pages pages = make(device, 2 * kPage);
  for (const char *failure : {"cuMemCreate:2:2", "cuMemMap:2:2", "cuMemSetAccess:2:2"}) {
    setenv("FAKE_CUDA_FAIL", failure, 1);
    forget();
    EXPECT_EQ(map(pages, 0, 2 * kPage).status, LMOPT_ERROR_RESOURCE) << failure;
    EXPECT_EQ(mapped(pages), 0u) << failure;
  }
}

TEST_F(DevicePagesTest, thereAreNoAddresses) {
  Device device = open();
  lmoptp_pages_t *pages = nullptr;
  setenv("FAKE_CUDA_FAIL", "cuMemAddressReserve:1:2", 1);
  Answer answer = tell(
      [&](lmopt_error_t *error) { return lmoptp_pages_create(device.get(), 3 * kPage, "the cache", &pages, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "out of addresses: the cache needs 6291456 bytes");
}

} // namespace
