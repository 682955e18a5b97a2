/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a stream, for stream.c and event.c.
 */
#ifndef LMOPT_SRC_DEVICE_STREAM_H
#define LMOPT_SRC_DEVICE_STREAM_H

#include "runtime/src/device/internal.h"

struct lmoptp_stream {
  lmoptp_device_t *device;
  CUstream stream;
  bool is_recording;            // launches are kept, not run
  char step[LMOPTP_NAME_BYTES]; // that launches belong to
};

#endif
