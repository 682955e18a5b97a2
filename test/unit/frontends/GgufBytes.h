// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes GGUF files in memory for tests, and remembers where each field lies, so that a test can break exactly one.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_GGUFBYTES_H
#define LMOPT_TEST_UNIT_FRONTENDS_GGUFBYTES_H

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt::test {

class GgufBytes {
public:
  struct Field {
    std::string what;
    size_t offset;
    size_t size; // 4 or 8
  };

  GgufBytes(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    bytes = "GGUF";
    u32("version", version);
    u64("tensor count", tensors);
    u64("key count", keys);
  }

  GgufBytes &u32(const std::string &what, uint32_t value) { return number(what, value); }
  GgufBytes &u64(const std::string &what, uint64_t value) { return number(what, value); }
  GgufBytes &raw(std::string_view data) {
    bytes += data;
    return *this;
  }
  GgufBytes &string(const std::string &what, std::string_view text) {
    return u64("length of " + what, text.size()).raw(text);
  }

  GgufBytes &key(const std::string &name, uint32_t type) {
    return string("key " + name, name).u32("type of key " + name, type);
  }
  GgufBytes &keyU32(const std::string &name, uint32_t value) { return key(name, 4).u32("value of " + name, value); }
  GgufBytes &keyF32(const std::string &name, float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return key(name, 6).u32("value of " + name, bits);
  }
  GgufBytes &keyBool(const std::string &name, bool value) {
    return key(name, 7).raw(std::string_view(value ? "\1" : "\0", 1));
  }
  GgufBytes &keyString(const std::string &name, std::string_view text) {
    return key(name, 8).string("value of " + name, text);
  }

  /// `shape` as the file has it: fastest dimension first.
  GgufBytes &tensor(const std::string &name, const std::vector<uint64_t> &shape, uint32_t type, uint64_t offset) {
    string("tensor " + name, name).u32("dims of " + name, shape.size());
    for (uint64_t size : shape)
      u64("shape of " + name, size);
    return u32("type of " + name, type).u64("offset of " + name, offset);
  }

  /// Pads to the alignment and appends `size` bytes of data.
  std::string finish(size_t size, size_t alignment = 32) const {
    std::string result = bytes;
    result.resize((result.size() + alignment - 1) / alignment * alignment);
    for (size_t i = 0; i < size; ++i)
      result += static_cast<char>(i * 7 + 1);
    return result;
  }

  std::string bytes;
  std::vector<Field> fields;

private:
  template <class T>
  GgufBytes &number(const std::string &what, T value) {
    fields.push_back({what, bytes.size(), sizeof(T)});
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(T));
    return *this;
  }
};

/// A complete little Llama: one layer, width 4, two heads, feed-forward width 6, five tokens, all f32. The caller adds
/// `moreTensors` behind kTinyLlamaData.
inline GgufBytes tinyLlama(uint64_t moreTensors = 0) {
  const std::vector<std::pair<std::string, std::vector<uint64_t>>> tensors = {
      {"token_embd.weight", {4, 5}},     {"blk.0.attn_norm.weight", {4}},   {"blk.0.attn_q.weight", {4, 4}},
      {"blk.0.attn_k.weight", {4, 2}},   {"blk.0.attn_v.weight", {4, 2}},   {"blk.0.attn_output.weight", {4, 4}},
      {"blk.0.ffn_norm.weight", {4}},    {"blk.0.ffn_gate.weight", {4, 6}}, {"blk.0.ffn_up.weight", {4, 6}},
      {"blk.0.ffn_down.weight", {6, 4}}, {"output_norm.weight", {4}},
  };
  GgufBytes file(tensors.size() + moreTensors, 8);
  file.keyString("general.architecture", "llama")
      .keyU32("llama.block_count", 1)
      .keyU32("llama.context_length", 16)
      .keyU32("llama.embedding_length", 4)
      .keyU32("llama.feed_forward_length", 6)
      .keyU32("llama.attention.head_count", 2)
      .keyU32("llama.attention.head_count_kv", 1)
      .keyF32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  uint64_t offset = 0;
  for (auto &[name, shape] : tensors) {
    file.tensor(name, shape, 0, offset);
    uint64_t size = 4;
    for (uint64_t dim : shape)
      size *= dim;
    offset += (size + 31) / 32 * 32;
  }
  return file;
}
constexpr size_t kTinyLlamaData = 96 + 32 + 64 + 32 + 32 + 64 + 32 + 96 + 96 + 96 + 16;

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_GGUFBYTES_H
