// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU for the programs that script/gpu-check runs on it (gpu-replay, gpu-sweep), with errors as exceptions. In: the
// runtime's lowest layer. Out: an open device, results on the host. Tested by the test gpu-check.
#ifndef LMOPT_TEST_PTX_RECORD_DEVICERUN_H
#define LMOPT_TEST_PTX_RECORD_DEVICERUN_H

#include "tools/lmopt/DeviceHandles.h"

#include <stdexcept>
#include <string>

namespace lmopt::device {

struct Failure : std::runtime_error {
  int code; ///< that the program ends with
  Failure(int code, const std::string &message) : std::runtime_error(message), code(code) {}
};

inline void check(lmopt_status_t status, const lmopt_error_t &error) {
  if (status != LMOPT_OK)
    throw Failure(static_cast<int>(status), error.message);
}

inline DevicePtr openDevice(const std::string &name) {
  lmopt_error_t error{};
  lmoptp_device_t *opened = nullptr;
  check(lmoptp_device_open(name.c_str(), &opened, &error), error);
  return DevicePtr(opened);
}

inline StreamPtr createStream(lmoptp_device_t *device) {
  lmopt_error_t error{};
  lmoptp_stream_t *made = nullptr;
  check(lmoptp_stream_create(device, &made, &error), error);
  return StreamPtr(made);
}

/// What lies there once the stream is done.
inline std::string copyOut(lmoptp_device_t *device, lmoptp_stream_t *stream, lmoptp_address_t from, size_t bytes) {
  lmopt_error_t error{};
  void *pinned = nullptr;
  check(lmoptp_device_allocate_host(device, bytes, "a result", &pinned, &error), error);
  lmopt_status_t status = lmoptp_stream_copy_out(stream, pinned, from, bytes, &error);
  if (status == LMOPT_OK)
    status = lmoptp_stream_synchronize(stream, &error);
  std::string result(static_cast<const char *>(pinned), bytes);
  lmoptp_device_free_host(device, pinned);
  check(status, error);
  return result;
}

} // namespace lmopt::device

#endif // LMOPT_TEST_PTX_RECORD_DEVICERUN_H
