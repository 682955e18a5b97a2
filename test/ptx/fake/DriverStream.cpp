// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams, events, and graphs that were captured from a stream. Work runs at once; in strict mode it waits until the
// host waits for it, so that a buffer which is used too early or filled too soon shows. Described in Driver.h.
#include "test/ptx/fake/Driver.h"

#include <chrono>
#include <cstdlib>

using namespace lmopt::fake;

CUresult lmopt::fake::enqueue(CUstream stream, std::function<CUresult()> work) {
  stream = streamOf(stream);
  if (stream->capture) {
    stream->capture->nodes.push_back(std::move(work));
    return CUDA_SUCCESS;
  }
  if (!std::getenv("FAKE_CUDA_STRICT")) {
    CUresult failed = drain(*stream->queue); // what came while it was late
    return failed ? failed : work();
  }
  stream->queue->work.push_back(std::move(work));
  return CUDA_SUCCESS;
}

CUresult lmopt::fake::drain(StreamQueue &queue, uint64_t position) {
  CUresult first = CUDA_SUCCESS;
  while (queue.done < position && !queue.work.empty()) {
    std::function<CUresult()> work = std::move(queue.work.front());
    queue.work.pop_front();
    ++queue.done;
    CUresult failed = work();
    first = first ? first : failed;
  }
  return first;
}

CUresult lmopt::fake::drainAll() {
  CUresult first = drain(*state().defaultStream.queue);
  std::vector<std::shared_ptr<StreamQueue>> queues = std::move(state().orphans);
  state().orphans.clear();
  for (CUstream stream : state().streams)
    queues.push_back(stream->queue);
  for (const auto &queue : queues) {
    CUresult failed = drain(*queue);
    first = first ? first : failed;
  }
  return first;
}

FAKE_CUDA_API cuStreamCreate(CUstream *stream, unsigned) {
  return call("cuStreamCreate", Needs::HealthyContext, [&] {
    *stream = new CUstream_st;
    state().streams.insert(*stream);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamDestroy_v2(CUstream stream) {
  return call("cuStreamDestroy_v2", Needs::Context, [&] {
    if (!state().streams.erase(stream))
      return CUDA_ERROR_INVALID_HANDLE;
    state().orphans.push_back(stream->queue); // destroying does not wait
    delete stream;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamSynchronize(CUstream stream) {
  return call("cuStreamSynchronize", Needs::HealthyContext, [&] {
    if (streamOf(stream)->capture)
      return static_cast<CUresult>(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUresult failed = drain(*streamOf(stream)->queue);
    return failed ? failed : state().stickyError;
  });
}

/// What comes on the stream waits until the other one is as far as the event.
FAKE_CUDA_API cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  return call("cuStreamWaitEvent", Needs::HealthyContext, [&] {
    if (!event)
      return static_cast<CUresult>(CUDA_ERROR_INVALID_HANDLE);
    auto queue = event->queue;
    uint64_t position = event->position;
    return enqueue(stream, [=] { return queue ? drain(*queue, position) : CUDA_SUCCESS; });
  });
}

FAKE_CUDA_API cuStreamBeginCapture_v2(CUstream stream, int) {
  return call("cuStreamBeginCapture_v2", Needs::HealthyContext, [&] {
    if (!stream || stream->capture) // the default stream cannot be captured
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    stream->capture = std::make_unique<CUgraph_st>();
    ++state().graphs;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  return call("cuStreamEndCapture", Needs::Context, [&] {
    *graph = streamOf(stream)->capture.release();
    if (*graph && state().stickyError) {
      delete *graph;
      *graph = nullptr;
      --state().graphs;
      return state().stickyError;
    }
    return static_cast<CUresult>(*graph ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
  });
}

FAKE_CUDA_API cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long) {
  return call("cuGraphInstantiateWithFlags", Needs::HealthyContext, [&] {
    *executable = new CUgraphExec_st{graph->nodes, false};
    ++state().executables;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphGetNodes(CUgraph graph, void **, size_t *count) {
  return call("cuGraphGetNodes", Needs::Healthy, [&] {
    *count = graph->nodes.size();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphUpload(CUgraphExec executable, CUstream) {
  return call("cuGraphUpload", Needs::HealthyContext, [&] {
    executable->isUploaded = true;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  return call("cuGraphLaunch", Needs::HealthyContext, [&] {
    state().lateUploads += !executable->isUploaded;
    executable->isUploaded = true;
    for (const auto &node : executable->nodes)
      if (CUresult failed = enqueue(stream, node))
        return failed;
    return static_cast<CUresult>(CUDA_SUCCESS);
  });
}

FAKE_CUDA_API cuGraphDestroy(CUgraph graph) {
  return call("cuGraphDestroy", Needs::Initialized, [&] {
    delete graph;
    --state().graphs;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuGraphExecDestroy(CUgraphExec executable) {
  return call("cuGraphExecDestroy", Needs::Initialized, [&] {
    delete executable;
    --state().executables;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventCreate(CUevent *event, unsigned) {
  return call("cuEventCreate", Needs::HealthyContext, [&] {
    *event = new CUevent_st;
    ++state().events;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventRecord(CUevent event, CUstream stream) {
  return call("cuEventRecord", Needs::HealthyContext, [&] {
    CUresult failed = enqueue(stream, [milliseconds = event->milliseconds] {
      auto now = std::chrono::steady_clock::now().time_since_epoch();
      *milliseconds = std::chrono::duration<double, std::milli>(now).count();
      return CUDA_SUCCESS;
    });
    event->queue = streamOf(stream)->queue;
    event->position = event->queue->end();
    return failed;
  });
}

FAKE_CUDA_API cuEventSynchronize(CUevent event) {
  return call("cuEventSynchronize", Needs::HealthyContext, [&] {
    if (!event)
      return static_cast<CUresult>(CUDA_ERROR_INVALID_HANDLE);
    CUresult failed = event->queue ? drain(*event->queue, event->position) : CUDA_SUCCESS;
    return failed ? failed : state().stickyError;
  });
}

static bool isOver(CUevent event) { return !event->queue || event->queue->done >= event->position; }

FAKE_CUDA_API cuEventQuery(CUevent event) {
  return call("cuEventQuery", Needs::HealthyContext, [&] {
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    return isOver(event) ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
  });
}

FAKE_CUDA_API cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  return call("cuEventElapsedTime", Needs::HealthyContext, [&] {
    if (!isOver(start) || !isOver(end))
      return CUDA_ERROR_NOT_READY;
    if (*start->milliseconds < 0 || *end->milliseconds < 0)
      return CUDA_ERROR_INVALID_HANDLE;
    *milliseconds = static_cast<float>(*end->milliseconds - *start->milliseconds);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuEventDestroy_v2(CUevent event) {
  return call("cuEventDestroy_v2", Needs::Context, [&] {
    delete event;
    --state().events;
    return CUDA_SUCCESS;
  });
}
