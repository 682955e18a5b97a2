// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that are compiled three times: for the host into the test, by nvcc and by clang to PTX, which the
// interpreter runs. The three must agree on random and special inputs. Nothing here is undefined, and no product is
// fused.
//
// Results of kFirstFloat and above are floats: there two NaNs are equal, and so are the zeros.
#ifndef LMOPT_TEST_PTX_ORACLE_FUNCTIONS_H
#define LMOPT_TEST_PTX_ORACLE_FUNCTIONS_H

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define ORACLE static __device__ inline
#else
#define ORACLE static inline
#endif

typedef unsigned char Byte;
typedef unsigned short Half16;
typedef unsigned int Word;
typedef int Int;
typedef unsigned long long Wide;
typedef long long Long;

ORACLE float asFloat(Word bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
ORACLE Word asWord(float value) {
  Word bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}
ORACLE double asDouble(Wide bits) {
  double value;
  __builtin_memcpy(&value, &bits, 8);
  return value;
}
ORACLE Wide asWide(double value) {
  Wide bits;
  __builtin_memcpy(&bits, &value, 8);
  return bits;
}

#ifdef __CUDACC__
ORACLE Word toHalf(float x) { return __half_as_ushort(__float2half_rn(x)); }
ORACLE float fromHalf(Word x) { return __half2float(__ushort_as_half((Half16)x)); }
ORACLE Word toBfloat(float x) { return __bfloat16_as_ushort(__float2bfloat16_rn(x)); }
ORACLE float fromBfloat(Word x) { return __bfloat162float(__ushort_as_bfloat16((Half16)x)); }
#else
ORACLE Word toHalf(float x) {
  _Float16 h = (_Float16)x;
  Half16 bits;
  __builtin_memcpy(&bits, &h, 2);
  return bits;
}
ORACLE float fromHalf(Word x) {
  Half16 bits = (Half16)x;
  _Float16 h;
  __builtin_memcpy(&h, &bits, 2);
  return (float)h;
}
#ifdef __NVPTX__
ORACLE Word toBfloat(float x) {
  __bf16 h = (__bf16)x;
  Half16 bits;
  __builtin_memcpy(&bits, &h, 2);
  return bits;
}
#else // by the definition: the host's compiler calls a library for it
ORACLE Word toBfloat(float x) {
  Word bits = asWord(x);
  return x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
#endif
ORACLE float fromBfloat(Word x) { return asFloat(x << 16); }
#endif

/// NaNs of 16 bits look alike, whatever their payload.
ORACLE Word oneNan(Word half, Word infinity) { return (half & 0x7fff) > infinity ? 0x7fff : half; }

ORACLE Word greatestDivisor(Word a, Word b) {
  while (b) {
    Word rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// Lanes of a warp take different ways and numbers of turns.
ORACLE Word walk(Word a, Word b) {
  Word steps = 0;
  a &= 0xffff;
  while (a > 1 && steps < 200) {
    if (a & 1)
      a = 3 * a + 1;
    else if (b & 1)
      a >>= 1;
    else
      a = a / 2;
    b = b >> 1 | b << 31;
    ++steps;
  }
  return steps;
}

ORACLE Word switchOver(Word a, Word b) {
  switch (a % 11) {
  case 0:
    return b + 1;
  case 1:
    return b * 7;
  case 2:
    return b ^ a;
  case 3:
    return b / 3;
  case 5:
    return (Word)((Int)b >> 5);
  case 7:
    return ~b;
  case 9:
    return b % 1000;
  default:
    return a;
  }
}

enum { kFirstFloat = 24, kFirstDouble = 34, kFunctions = 38 };

ORACLE Wide integerFunction(Word which, Word a, Word b, Word c) {
  Wide wide = (Wide)b << 32 | a;
  switch (which) {
  case 0:
    return (Word)(Int)(signed char)(a >> 8) + (b >> 3) * (c | 1);
  case 1:
    return (Word)((Wide)a * b >> 32) ^ (Word)((Wide)((Long)(Int)a * (Int)c) >> 32);
  case 2:
    return (b | 1) == 0xffffffffu ? 0 : (Word)((Int)a / (Int)(b | 1));
  case 3:
    return a % (b | 1);
  case 4:
    return (Word)(wide >> (c & 31));
  case 5:
    return wide / ((Wide)c | 1);
  case 6:
    return (Wide)(wide % ((Wide)c << 8 | 1));
  case 7: {
    Half16 x = (Half16)a, y = (Half16)b;
    return (Half16)((Word)x * y) + ((Word)((short)x >> 3) << 16);
  }
  case 8:
    return (a < b) + 2 * ((Int)a < (Int)b) + 4 * (asFloat(a) < asFloat(b)) + 8 * (asFloat(b) >= asFloat(c)) +
           16 * (asFloat(a) != asFloat(c)) + 32 * !(asFloat(a) > asFloat(b)) + 64 * (asFloat(a) == asFloat(a));
  case 9:
    return greatestDivisor(a, b);
  case 10:
    return walk(a, b);
  case 11:
    return switchOver(a, b);
  case 12:
    return (Word)__builtin_popcount(a) + 100 * (Word)(a ? __builtin_clz(a) : 32) +
           10000 * (Word)__builtin_popcountll(wide);
  case 13:
    return (a << 7 | a >> 25) ^ (b << (c & 31) | b >> (-c & 31));
  case 14:
    return (Word)(Int)asFloat((a & 0x07ffffffu) | 0x40000000u | (a & 0x80000000u));
  case 15:
    return (Wide)(Long)asFloat((a & 0x07ffffffu) | 0x48000000u | (a & 0x80000000u));
  case 16:
    return oneNan(toHalf(asFloat(a)), 0x7c00);
  case 17:
    return oneNan(toBfloat(asFloat(a)), 0x7f80);
  case 18:
    return (a & 0xff) * (b >> 24) + ((a >> 8 & 0xff) ^ (c >> 16)) + (Word)(short)(c & 0xffff);
  case 19:
    return wide * ((Wide)c << 17 | a) + (wide >> 9);
  case 20: {
    Int low = (Int)a < (Int)b ? (Int)a : (Int)b;
    Word high = b > c ? b : c;
    return (Word)(low < 0 ? 0 - (Word)low : (Word)low) + high;
  }
  case 21:
    return (a >> 5 & 0x7f) | (b & ~(0x1fu << 9)) | ((c & 0x1f) << 9);
  case 22:
    return (Wide)((Long)wide >> (c & 63)) ^ (wide << (c & 63));
  default:
    return (a & b) | (~a & c) | ((a ^ b) & 0xff00);
  }
}

ORACLE float floatFunction(Word which, float a, float b, float c) {
  switch (which) {
  case 24:
    return a * b + 1.0f;
  case 25:
    return __builtin_fmaf(a, b, c);
  case 26:
    return a / b;
  case 27:
    return __builtin_sqrtf(a < 0 ? -a : a);
  case 28:
    return __builtin_fminf(a, __builtin_fmaxf(b, c));
  case 29:
    return __builtin_rintf(a) + __builtin_floorf(b) - __builtin_truncf(c);
  case 30:
    return fromHalf(asWord(a)) + fromBfloat(asWord(b));
  case 31:
    return (float)(Int)asWord(a) - (float)asWord(b);
  case 32:
    return (float)((Wide)asWord(a) << 32 | asWord(b));
  default:
    return (float)(asDouble((Wide)asWord(a) << 32 | asWord(b)) * 0.5);
  }
}

ORACLE double doubleFunction(Word which, double a, double b) {
  switch (which) {
  case 34:
    return a * b - a;
  case 35:
    return a / b;
  case 36:
    return __builtin_sqrt(a < 0 ? -a : a);
  default:
    return (double)(Long)asWide(a) + (double)(float)b;
  }
}

ORACLE Wide oracleFunction(Word which, Word a, Word b, Word c) {
  if (which >= kFirstDouble)
    return asWide(doubleFunction(which, asDouble((Wide)a << 32 | b), asDouble((Wide)b << 32 | c)));
  if (which >= kFirstFloat)
    return asWord(floatFunction(which, asFloat(a), asFloat(b), asFloat(c)));
  return integerFunction(which, a, b, c);
}

#if defined(__CUDACC__) || defined(__NVPTX__)
#ifdef __CUDACC__
#define KERNEL extern "C" __global__
#define GLOBAL_THREAD (blockIdx.x * blockDim.x + threadIdx.x)
#else
#define KERNEL extern "C" __attribute__((device_kernel))
#define GLOBAL_THREAD (__nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x() + __nvvm_read_ptx_sreg_tid_x())
#endif
KERNEL void k(const Word *a, const Word *b, const Word *c, Wide *out, Word count) {
  Word i = GLOBAL_THREAD;
  if (i >= count)
    return;
  for (Word which = 0; which < kFunctions; ++which)
    out[which * count + i] = oracleFunction(which, a[i], b[i], c[i]);
}
#endif

#endif // LMOPT_TEST_PTX_ORACLE_FUNCTIONS_H
