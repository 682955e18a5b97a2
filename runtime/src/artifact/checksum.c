/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The checksum; see checksum.h, and lmopt/abi.h for what it is.
 */
#include "runtime/src/artifact/checksum.h"

#include "lmopt/abi.h"

#include <string.h>

static uint64_t mix(uint64_t state, uint64_t word) {
  uint64_t x = (state ^ word) * LMOPT_CHECKSUM_FACTOR;
  return x ^ x >> 29;
}

// Lanes are variables of their own: eight independent multiplications fill the pipe of one (3 or 4 cycles). KEEP_SCALAR
// stops a compiler from packing lanes into vectors: baseline x86-64 has no vector multiplication of 64 bits, and the
// three of 32 bits that stand for one make it half as fast (clang 22 on Zen 3: 12.7 instead of 26 GB/s).
#define KEEP_SCALAR(lane) __asm__("" : "+r"(lane))
static void add_blocks(uint64_t lanes[8], const uint8_t *data, uint64_t blocks) {
  uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
  uint64_t e = lanes[4], f = lanes[5], g = lanes[6], h = lanes[7];
  for (; blocks > 0; --blocks, data += LMOPTP_CHECKSUM_BLOCK) {
    uint64_t words[8];
    memcpy(words, data, sizeof words);
    a = mix(a, words[0]), b = mix(b, words[1]), c = mix(c, words[2]), d = mix(d, words[3]);
    e = mix(e, words[4]), f = mix(f, words[5]), g = mix(g, words[6]), h = mix(h, words[7]);
    KEEP_SCALAR(a);
    KEEP_SCALAR(c);
    KEEP_SCALAR(e);
    KEEP_SCALAR(g);
  }
  lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
  lanes[4] = e, lanes[5] = f, lanes[6] = g, lanes[7] = h;
}

void lmoptp_checksum_begin(lmoptp_checksum_t *checksum) {
  memset(checksum, 0, sizeof *checksum);
  for (uint64_t i = 0; i < 8; ++i)
    checksum->lanes[i] = i + 1;
}

// Fills up the pending block; returns how many bytes that took.
static uint64_t fill_pending(lmoptp_checksum_t *checksum, const uint8_t *data, uint64_t size) {
  uint64_t held = checksum->size % LMOPTP_CHECKSUM_BLOCK;
  uint64_t taken = LMOPTP_CHECKSUM_BLOCK - held < size ? LMOPTP_CHECKSUM_BLOCK - held : size;
  memcpy(checksum->pending + held, data, taken);
  if (held + taken == LMOPTP_CHECKSUM_BLOCK)
    add_blocks(checksum->lanes, checksum->pending, 1);
  return taken;
}

void lmoptp_checksum_add(lmoptp_checksum_t *checksum, const void *data, uint64_t size) {
  if (size == 0)
    return;
  const uint8_t *bytes = data;
  uint64_t taken = checksum->size % LMOPTP_CHECKSUM_BLOCK ? fill_pending(checksum, bytes, size) : 0;
  checksum->size += size;
  uint64_t rest = size - taken;
  add_blocks(checksum->lanes, bytes + taken, rest / LMOPTP_CHECKSUM_BLOCK);
  uint64_t held = rest % LMOPTP_CHECKSUM_BLOCK;
  if (held)
    memcpy(checksum->pending, bytes + size - held, held);
}

uint64_t lmoptp_checksum_end(const lmoptp_checksum_t *checksum) {
  uint64_t lanes[8], held = checksum->size % LMOPTP_CHECKSUM_BLOCK, sum = checksum->size;
  memcpy(lanes, checksum->lanes, sizeof lanes);
  if (held) {
    uint8_t last[LMOPTP_CHECKSUM_BLOCK] = {0};
    memcpy(last, checksum->pending, held);
    add_blocks(lanes, last, 1);
  }
  for (int i = 0; i < 8; ++i)
    sum = mix(sum, lanes[i]);
  return sum;
}

uint64_t lmoptp_checksum_of(const void *data, uint64_t size) {
  lmoptp_checksum_t checksum;
  lmoptp_checksum_begin(&checksum);
  lmoptp_checksum_add(&checksum, data, size);
  return lmoptp_checksum_end(&checksum);
}
