// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams, events, and graphs that were captured from a stream. Described in Driver.h.
#include "test/ptx/fake/Driver.h"

#include <chrono>

using namespace lmopt::fake;

CUresult lmopt::fake::enqueue(CUstream stream, std::function<CUresult()> work) {
  stream = streamOf(stream);
  if (!stream->capture)
    return work();
  stream->capture->nodes.push_back(std::move(work));
  return CUDA_SUCCESS;
}

FAKE_CUDA_API cuStreamCreate(CUstream *stream, unsigned) {
  return call("cuStreamCreate", Needs::Healthy, [&] {
    *stream = new CUstream_st;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamDestroy_v2(CUstream stream) {
  return call("cuStreamDestroy_v2", Needs::Initialized, [&] {
    delete stream;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamSynchronize(CUstream stream) {
  return call("cuStreamSynchronize", Needs::Healthy,
              [&] { return streamOf(stream)->capture ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS; });
}

FAKE_CUDA_API cuStreamWaitEvent(CUstream, CUevent event, unsigned) {
  return call("cuStreamWaitEvent", Needs::Healthy,
              [&] { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }); // all that came before has run
}

FAKE_CUDA_API cuStreamBeginCapture_v2(CUstream stream, int) {
  return call("cuStreamBeginCapture_v2", Needs::Healthy, [&] {
    if (!stream || stream->capture) // the default stream cannot be captured
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    stream->capture = std::make_unique<CUgraph_st>();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  return call("cuStreamEndCapture", Needs::Healthy, [&] {
    *graph = streamOf(stream)->capture.release();
    return *graph ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

FAKE_CUDA_API cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long) {
  return call("cuGraphInstantiateWithFlags", Needs::Healthy, [&] {
    *executable = new CUgraphExec_st{graph->nodes};
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphGetNodes(CUgraph graph, void **, size_t *count) {
  return call("cuGraphGetNodes", Needs::Healthy, [&] {
    *count = graph->nodes.size();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  return call("cuGraphLaunch", Needs::Healthy, [&] {
    for (const auto &node : executable->nodes)
      if (CUresult failed = enqueue(stream, node))
        return failed;
    return static_cast<CUresult>(CUDA_SUCCESS);
  });
}

FAKE_CUDA_API cuGraphDestroy(CUgraph graph) {
  return call("cuGraphDestroy", Needs::Initialized, [&] {
    delete graph;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphExecDestroy(CUgraphExec executable) {
  return call("cuGraphExecDestroy", Needs::Initialized, [&] {
    delete executable;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventCreate(CUevent *event, unsigned) {
  return call("cuEventCreate", Needs::Healthy, [&] {
    *event = new CUevent_st;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventRecord(CUevent event, CUstream stream) {
  return call("cuEventRecord", Needs::Healthy, [&] {
    return enqueue(stream, [=] {
      auto now = std::chrono::steady_clock::now().time_since_epoch();
      event->milliseconds = std::chrono::duration<double, std::milli>(now).count();
      return CUDA_SUCCESS;
    });
  });
}

FAKE_CUDA_API cuEventSynchronize(CUevent event) {
  return call("cuEventSynchronize", Needs::Healthy, [&] { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; });
}

FAKE_CUDA_API cuEventQuery(CUevent event) {
  return call("cuEventQuery", Needs::Healthy, [&] { return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; });
}

FAKE_CUDA_API cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  return call("cuEventElapsedTime", Needs::Healthy, [&] {
    if (start->milliseconds < 0 || end->milliseconds < 0)
      return CUDA_ERROR_INVALID_HANDLE;
    *milliseconds = static_cast<float>(end->milliseconds - start->milliseconds);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventDestroy_v2(CUevent event) {
  return call("cuEventDestroy_v2", Needs::Initialized, [&] {
    delete event;
    return CUDA_SUCCESS;
  });
}
