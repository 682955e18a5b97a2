// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules and kernels: which image is taken, what falls back to PTX and what does not, what is said when the driver
// refuses, and what a kernel needs to be launched.
#include "DeviceFixture.h"

using namespace lmopt::test;

namespace {

std::string emptyText(const char *version, const char *target) {
  return std::string(".version ") + version + "\n.target " + target +
         "\n.address_size 64\n.visible .entry k() { ret; }\n";
}

class DeviceModuleTest : public DeviceTest {
protected:
  static Answer refused(const Device &device, const std::vector<lmoptp_image_t> &images) {
    Module module;
    Answer answer = tryLoad(device, images, module);
    EXPECT_NE(answer.status, LMOPT_OK);
    EXPECT_HAS(answer, "cuda:0 (PTX interpreter, CUDA ");
    return answer;
  }
  static size_t chosen(const std::vector<lmoptp_image_t> &images) {
    Device device = open();
    Module module;
    EXPECT_OK(tryLoad(device, images, module));
    return module ? lmoptp_module_image(module.get()) : 999;
  }
  static Answer find(const Module &module, const char *name, uint32_t threads, uint32_t shared) {
    lmoptp_kernel_t found{};
    return tell(
        [&](lmopt_error_t *error) { return lmoptp_kernel_find(module.get(), name, threads, shared, &found, error); });
  }
};

TEST_F(DeviceModuleTest, takesTheBestImage) {
  std::string general = emptyText("7.0", "sm_80"), hopper = emptyText("8.0", "sm_90a"),
              later = emptyText("8.0", "sm_90");
  std::vector<lmoptp_image_t> images = {imageOf(general), imageOf(hopper, 90, true), imageOf(later, 90)};
  EXPECT_EQ(chosen(images), 1u);
  EXPECT_EQ(chosen({images[2], images[1]}), 1u);
  EXPECT_EQ(chosen({images[0], images[2]}), 1u);
  setenv("FAKE_CUDA_SM", "89", 1);
  EXPECT_EQ(chosen(images), 0u);
  setenv("FAKE_CUDA_SM", "100", 1); // sm_90a runs on 9.0 alone
  EXPECT_EQ(chosen(images), 2u);
}

TEST_F(DeviceModuleTest, noImageIsForThisCard) {
  setenv("FAKE_CUDA_SM", "86", 1);
  Device device = open();
  std::string text = emptyText("8.0", "sm_90a");
  Answer answer = refused(device, {imageOf(text, 90, true), imageOf(text, 100)});
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "compute capability 8.6; there is code for: sm_90a, sm_100");
  EXPECT_HAS(refused(device, {}), "there is code for: none");
}

TEST_F(DeviceModuleTest, theTextNeedNotEnd) {
  Device device = open();
  std::string text = emptyText("7.0", "sm_80"), longer = text + "what follows is no PTX";
  lmoptp_image_t image = imageOf(longer);
  image.ptx_bytes = text.size();
  Module module;
  EXPECT_OK(tryLoad(device, {image}, module));
  EXPECT_EQ(refused(device, {imageOf(longer)}).status, LMOPT_ERROR_INTERNAL);
}

TEST_F(DeviceModuleTest, aCubinComesFirst) {
  Device device = open();
  std::string text = emptyText("7.0", "sm_80");
  lmoptp_image_t image = imageOf(kernelsText);
  image.cubin = text.c_str(); // the fake driver takes only text
  image.cubin_bytes = text.size();
  Module module;
  EXPECT_OK(tryLoad(device, {image}, module));
  EXPECT_FALSE(lmoptp_module_is_translated(module.get()));
  EXPECT_OK(find(module, "k", 32, 0));
  image.cubin = "\177ELF\2\1\1"; // of another card
  EXPECT_OK(tryLoad(device, {image}, module));
  EXPECT_TRUE(lmoptp_module_is_translated(module.get()));
  EXPECT_OK(find(module, "add", 32, 0));
}

TEST_F(DeviceModuleTest, aCubinWithoutPtx) {
  Device device = open();
  lmoptp_image_t image{80, false, nullptr, 0, "\177ELF\2\1\1", 7};
  Answer answer = refused(device, {image});
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "no use for the cubin for sm_80");
}

// Only what says "not for me" falls back: a full card is no reason to translate.
TEST_F(DeviceModuleTest, aCubinThatDoesNotFit) {
  Device device = open();
  lmoptp_image_t image = imageOf(kernelsText);
  image.cubin = "\177ELF\2\1\1";
  image.cubin_bytes = 7;
  setenv("FAKE_CUDA_FAIL", "cuModuleLoadDataEx:1:2", 1);
  Answer answer = refused(device, {image});
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "out of device memory");
}

TEST_F(DeviceModuleTest, theDriverIsTooOldForThePtx) {
  setenv("FAKE_CUDA_VERSION", "11080", 1);
  Device device = open();
  std::string text = emptyText("8.1", "sm_80");
  Answer answer = refused(device, {imageOf(text)});
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "too old for PTX 8.1: it serves CUDA 11.8; 12.1 or newer is needed");
  Answer future = refused(device, {imageOf(emptyText("9.9", "sm_80"))});
  EXPECT_EQ(future.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(future, "too old for PTX 9.9: it serves CUDA 11.8; a newer one is needed");
}

TEST_F(DeviceModuleTest, theDriverFindsNoImage) {
  setenv("FAKE_CUDA_SM", "80", 1);
  Device device = open();
  std::string text = emptyText("8.0", "sm_90"); // not what its image says
  Answer answer = refused(device, {imageOf(text)});
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "no image for this GPU (compute capability 8.0)");
  EXPECT_HAS(answer, "PTX for sm_90 does not run on this device"); // the translator's log
}

TEST_F(DeviceModuleTest, theDriverCannotTranslate) {
  Device device = open();
  setenv("FAKE_CUDA_FAIL", "cuModuleLoadDataEx:1:221", 1);
  Answer answer = refused(device, {imageOf(kernelsText)});
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "cannot translate PTX");
}

TEST_F(DeviceModuleTest, thePtxIsWrong) {
  Device device = open();
  std::string text = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k() { frob; }\n";
  Answer answer = refused(device, {imageOf(text)});
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "does not take the PTX");
  EXPECT_HAS(answer, "line 4: frob: unknown instruction");
  EXPECT_FALSE(answer.has("\n"));
}

TEST_F(DeviceModuleTest, howManyBlocksAreResident) {
  Device device = open();
  Module module = load(device);
  lmoptp_kernel_t small = kernel(module, "add", 256);
  EXPECT_STREQ(small.name, "add");
  EXPECT_EQ(small.threads, 256u);
  EXPECT_EQ(small.blocks_per_multiprocessor, 8); // 2048 threads
  EXPECT_EQ(small.resident_blocks, 32);
  EXPECT_EQ(kernel(module, "add", 256, 100000).blocks_per_multiprocessor, 2); // 228 KB
}

TEST_F(DeviceModuleTest, kernelsThatCannotBeLaunched) {
  Device device = open();
  Module module = load(device);
  Answer unknown = find(module, "subtract", 32, 0);
  EXPECT_EQ(unknown.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(unknown, "finding kernel 'subtract' failed: CUDA_ERROR_NOT_FOUND");
  for (uint32_t threads : {0u, 1025u}) {
    Answer answer = find(module, "add", threads, 0);
    EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
    EXPECT_HAS(answer, "kernel 'add': blocks of " + std::to_string(threads) + " threads; it runs 1 to 1024");
  }
  EXPECT_OK(find(module, "add", 32, 227 * 1024));
  Answer large = find(module, "add", 32, 227 * 1024 + 1);
  EXPECT_EQ(large.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(large, "needs 232449 bytes of shared memory in a block; the GPU has 232448");
}

// The second find asks for less, of the same function: the first kernel must still be launched.
TEST_F(DeviceModuleTest, moreSharedMemoryThanWithoutAsking) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  DeviceBlock out(device, 4 * kThreads);
  constexpr uint32_t kShared = 100000;
  struct {
    uint64_t out;
    uint32_t last; // the offset of the last number in shared memory
  } arguments = {out.address, kShared - 4};
  lmoptp_kernel_t shared = kernel(module, "shared", kThreads, kShared),
                  less = kernel(module, "shared", kThreads, 60000);
  EXPECT_EQ(shared.function, less.function);
  EXPECT_OK(launch(stream, shared, 1, arguments));
  std::vector<uint32_t> expected(kThreads);
  for (uint32_t i = 0; i < kThreads; ++i)
    expected[i] = kThreads - 1 - i;
  EXPECT_EQ(read(stream, out.address, kThreads), expected);
}

} // namespace
