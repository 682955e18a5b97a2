// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every allocation, mapping and thread that the runtime asks for is refused once, in turn: each time the call must fail
// with RESOURCE, say so, and leave nothing behind (the sanitizer build looks for leaks). The linker redirects the
// functions here (--wrap).
#include "Fixture.h"

#include <cerrno>
#include <pthread.h>
#include <sys/mman.h>

using namespace lmopt::test;

namespace {
long countdown = -1; // calls until the one that fails; negative: none does
bool refuses() { return countdown >= 0 && countdown-- == 0; }
} // namespace

extern "C" {
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

void *__wrap_malloc(size_t size) { return refuses() ? nullptr : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuses() ? nullptr : __real_calloc(count, size); }
void *__wrap_realloc(void *old, size_t size) { return refuses() ? nullptr : __real_realloc(old, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return refuses() ? nullptr : __real_aligned_alloc(alignment, size);
}
char *__wrap_strdup(const char *text) { return refuses() ? nullptr : __real_strdup(text); }
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (!refuses())
    return __real_mmap(address, size, protection, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  return refuses() ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}
}

namespace {

struct Handles {
  lmopt_model_t *model = nullptr;
  lmopt_session_t *session = nullptr;
  lmopt_sampler_t *sampler = nullptr;
  char *text = nullptr;
  ~Handles() {
    lmopt_free(text);
    lmopt_sampler_destroy(sampler);
    lmopt_session_destroy(session);
    lmopt_model_destroy(model);
  }
};

const std::vector<int32_t> tokens = someTokens(64);
const int64_t lengths[] = {40, 24};
const std::string richPath = LMOPT_BINARY_DIR "/lib/fake_rich.so";

lmopt_status_t useDecoder(Handles &handles, lmopt_error_t *error) {
  static float logits[fakeVocabulary];
  auto ignore = [](void *, int64_t, int64_t, const float *) { return 0; };
  auto ignoreToken = [](void *, int32_t) { return 0; };
  lmopt_status_t status = lmopt_session_prefill(handles.session, tokens.data(), 20, logits, error);
  if (!status)
    status = lmopt_session_prefill_rows(handles.session, tokens.data(), 40, 3, ignore, nullptr, error);
  if (!status)
    status = lmopt_session_decode(handles.session, 1, logits, error);
  if (!status)
    status = lmopt_session_generate(handles.session, 1, nullptr, 2, ignoreToken, nullptr, error);
  lmopt_sampler_options_t sampling{};
  sampling.struct_size = sizeof sampling;
  sampling.temperature = 1;
  if (!status)
    status = lmopt_sampler_create(&sampling, fakeVocabulary, &handles.sampler, error);
  int32_t token;
  if (!status)
    status = lmopt_sampler_sample(handles.sampler, logits, &token, error);
  lmopt_chat_message_t message{"user", "hi", 2};
  if (!status)
    status = lmopt_model_chat(handles.model, &message, 1, nullptr, &handles.text, nullptr, error);
  return status;
}

lmopt_status_t useAll(const std::string &path, uint32_t load, lmopt_error_t *error) {
  Handles handles;
  lmopt_model_options_t opening{};
  opening.struct_size = sizeof opening;
  opening.load = load;
  lmopt_status_t status = lmopt_model_open(path.c_str(), &opening, &handles.model, error);
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.threads = 3;
  if (!status)
    status = lmopt_session_create(handles.model, &options, &handles.session, error);
  if (status)
    return status;
  static float vectors[2 * fakeWidth];
  if (path == richPath) {
    float *results[] = {vectors, nullptr};
    return lmopt_session_encode_all(handles.session, tokens.data(), lengths, 2, nullptr, results, error);
  }
  if (path != encoderPath)
    return useDecoder(handles, error);
  return lmopt_session_encode(handles.session, tokens.data(), lengths, 2, vectors, error);
}

void refuseInTurn(const std::string &path, uint32_t load, int least) {
  int failures = 0;
  for (;; ++failures) {
    lmopt_error_t error{};
    countdown = failures;
    lmopt_status_t status = useAll(path, load, &error);
    countdown = -1;
    if (status == LMOPT_OK)
      break;
    ASSERT_EQ(status, LMOPT_ERROR_RESOURCE) << failures << ": " << error.message;
    ASSERT_EQ(error.status, LMOPT_ERROR_RESOURCE);
    ASSERT_TRUE(std::string(error.message).find("memory") != std::string::npos ||
                std::string(error.message).find("cannot") != std::string::npos)
        << error.message;
  }
  EXPECT_GE(failures, least) << "did the linker redirect anything?";
}

TEST(Exhaustion, decoder) { refuseInTurn(decoderPath, LMOPT_LOAD_MAP, 16); }
TEST(Exhaustion, decoderWithCopiedWeights) { refuseInTurn(decoderPath, LMOPT_LOAD_COPY, 17); }
TEST(Exhaustion, decoderThatReadsAgain) { refuseInTurn(LMOPT_BINARY_DIR "/lib/fake_switch.so", LMOPT_LOAD_MAP, 17); }
TEST(Exhaustion, encoder) { refuseInTurn(encoderPath, LMOPT_LOAD_MAP, 10); }
TEST(Exhaustion, encoderWithInputs) { refuseInTurn(richPath, LMOPT_LOAD_MAP, 12); }
TEST(Exhaustion, decoderWithState) { refuseInTurn(LMOPT_BINARY_DIR "/lib/fake_state.so", LMOPT_LOAD_MAP, 18); }

} // namespace
