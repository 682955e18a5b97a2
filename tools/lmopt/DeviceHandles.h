// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime's lowest layer of a GPU (runtime/src/device/device.h) makes, held as C++ holds things: given back at
// the end of a scope. For programs that work on a GPU without a model: the bounds of `lmopt bench`, and gpu-replay.
#ifndef LMOPT_TOOLS_LMOPT_DEVICEHANDLES_H
#define LMOPT_TOOLS_LMOPT_DEVICEHANDLES_H

#include "runtime/src/device/device.h"

#include <memory>

namespace lmopt::device {

template <auto Function>
struct Calls {
  template <class Handle>
  void operator()(Handle *handle) const {
    Function(handle);
  }
};
using DevicePtr = std::unique_ptr<lmoptp_device_t, Calls<lmoptp_device_release>>;
using StreamPtr = std::unique_ptr<lmoptp_stream_t, Calls<lmoptp_stream_destroy>>;
using ModulePtr = std::unique_ptr<lmoptp_module_t, Calls<lmoptp_module_unload>>;
using EventPtr = std::unique_ptr<lmoptp_event_t, Calls<lmoptp_event_destroy>>;
using GraphPtr = std::unique_ptr<lmoptp_graph_t, Calls<lmoptp_graph_destroy>>;

} // namespace lmopt::device

#endif // LMOPT_TOOLS_LMOPT_DEVICEHANDLES_H
