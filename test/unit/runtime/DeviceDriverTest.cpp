// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding the CUDA driver and its functions, and every way in which there is none.
#include "DeviceFixture.h"

#include "runtime/src/device/driver.h"

using namespace lmopt::test;

namespace {

Answer openDriver(lmoptp_driver_t &driver) {
  return tell([&](lmopt_error_t *error) { return lmoptp_driver_open(&driver, "cuda:0", error); });
}

class DeviceDriverTest : public DeviceTest {
protected:
  Answer refused() {
    lmoptp_driver_t driver{};
    Answer answer = openDriver(driver);
    EXPECT_NE(answer.status, LMOPT_OK);
    EXPECT_EQ(driver.library, nullptr);
    EXPECT_HAS(answer, "cuda:0");
    return answer;
  }
};

TEST_F(DeviceDriverTest, findsAllFunctions) {
  lmoptp_driver_t driver{};
  EXPECT_OK(openDriver(driver));
  EXPECT_EQ(driver.version, 13000);
#define EXPECT_FOUND(name, suffix, parameters) EXPECT_NE(driver.name, nullptr) << #name;
  LMOPTP_DRIVER_FUNCTIONS(EXPECT_FOUND)
#undef EXPECT_FOUND
  EXPECT_EQ(reinterpret_cast<void *>(driver.cuMemAlloc), dlsym(library, "cuMemAlloc_v2"));
  lmoptp_driver_close(&driver);
}

// The symbols' suffixes are right: without cuGetProcAddress_v2 the same functions are found.
TEST_F(DeviceDriverTest, findsSymbolsOfAnOlderDriver) {
  void *plain = dlopen(plainDriverPath.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(plain) << dlerror();
  ASSERT_EQ(dlsym(plain, "cuGetProcAddress_v2"), nullptr);
  setenv("LMOPT_LIBCUDA", plainDriverPath.c_str(), 1);
  lmoptp_driver_t driver{};
  EXPECT_OK(openDriver(driver));
#define EXPECT_SYMBOL(name, suffix, parameters)                                                                        \
  EXPECT_EQ(reinterpret_cast<void *>(driver.name), dlsym(plain, #name suffix)) << #name;
  LMOPTP_DRIVER_FUNCTIONS(EXPECT_SYMBOL)
#undef EXPECT_SYMBOL
  lmoptp_driver_close(&driver);
  dlclose(plain);
}

TEST_F(DeviceDriverTest, thereIsNoLibrary) {
  setenv("LMOPT_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "no CUDA driver (libcuda.so.1) found");
  EXPECT_HAS(answer, "/nowhere/libcuda.so.1");
}

TEST_F(DeviceDriverTest, theLibraryIsNoDriver) {
  setenv("LMOPT_LIBCUDA", "libm.so.6", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "libm.so.6 is no CUDA driver");
}

TEST_F(DeviceDriverTest, theDriverIsTooOld) {
  setenv("FAKE_CUDA_VERSION", "11040", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "CUDA 11.4; 11.8 or newer is needed");
}

TEST_F(DeviceDriverTest, everythingMissingIsNamed) {
  setenv("FAKE_CUDA_MISSING", "cuMemMap,cuGraphLaunch", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "CUDA 13.0) lacks 2 functions: cuMemMap, cuGraphLaunch");
}

TEST_F(DeviceDriverTest, thereIsNoDevice) {
  setenv("FAKE_CUDA_NO_DEVICE", "1", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "no NVIDIA GPU");
  EXPECT_HAS(answer, "CUDA 13.0");
}

TEST_F(DeviceDriverTest, theLibraryIsAStub) {
  setenv("FAKE_CUDA_FAIL", "cuInit:1:34", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "stub");
}

TEST_F(DeviceDriverTest, errorsThatTheDriverDoesNotKnow) {
  setenv("FAKE_CUDA_FAIL", "cuInit:1:4711", 1);
  Answer answer = refused();
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "error 4711");
}

} // namespace
